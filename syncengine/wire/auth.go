package wire

import (
	"crypto/ed25519"
	"strings"

	"github.com/arpenteur/arpenteur/syncengine"
)

const (
	// ChallengeHeader is the header of a server's answer that holds the challenge for the next request.
	ChallengeHeader = "Arpenteur-Challenge"
	// AuthorizationScheme begins the Authorization header of a request that a replica signs.
	AuthorizationScheme = "Arpenteur"
	// MaxChallengeBytes is the limit of a challenge.
	MaxChallengeBytes = 256
)

const requestPrefix = "arpenteur/1 request\n"

// Authorization is a replica's signature of one request (protocol, section 7.1). No clock takes part: the server's challenge makes
// it fresh.
type Authorization struct {
	Replica   syncengine.ReplicaID
	Challenge string // the server's, opaque
	Signature Signature
}

// SignRequest signs a request. Target is the request target as sent: the path and, where there is one, ? and the query.
func SignRequest(key ed25519.PrivateKey, method, target, challenge string) Authorization {
	public, _ := key.Public().(ed25519.PublicKey)
	return Authorization{
		Replica: ReplicaOf(public), Challenge: challenge, Signature: sign(key, requestMessage(method, target, challenge)),
	}
}

// Verify reports whether key is that of the replica and signed this request. That the challenge is fresh is the server's to know.
func (a Authorization) Verify(key ed25519.PublicKey, method, target string) bool {
	return ReplicaOf(key) == a.Replica && verify(key, requestMessage(method, target, a.Challenge), a.Signature)
}

func requestMessage(method, target, challenge string) []byte {
	return []byte(requestPrefix + method + " " + target + "\n" + challenge)
}

// String returns the value of the Authorization header.
func (a Authorization) String() string {
	return AuthorizationScheme + " " + a.Replica.String() + " " + a.Challenge + " " + a.Signature.String()
}

// ParseAuthorization reads the value of an Authorization header. Its errors have CodeUnauthenticated.
func ParseAuthorization(header string) (*Authorization, error) {
	parts := strings.Split(header, " ")
	if len(parts) != 4 || parts[0] != AuthorizationScheme {
		return nil, Problemf(CodeUnauthenticated, "the authorization header is not of the form %s replica challenge signature", AuthorizationScheme)
	}
	a := &Authorization{Challenge: parts[2]}
	if !decodeBinary(a.Replica.Hash[:], parts[1]) || a.Replica.IsZero() {
		return nil, Problemf(CodeUnauthenticated, "the authorization header names no replica")
	}
	if !ValidChallenge(a.Challenge) {
		return nil, Problemf(CodeUnauthenticated, "the authorization header holds no challenge")
	}
	if err := a.Signature.UnmarshalText([]byte(parts[3])); err != nil {
		return nil, Problemf(CodeUnauthenticated, "the authorization header: %w", err)
	}
	return a, nil
}

// ValidChallenge reports whether c has the form of a challenge: 1 to MaxChallengeBytes letters, digits, hyphens, dots, underscores and tildes.
func ValidChallenge(c string) bool {
	if c == "" || len(c) > MaxChallengeBytes {
		return false
	}
	for i := range len(c) {
		b := c[i]
		if (b < 'a' || b > 'z') && (b < 'A' || b > 'Z') && (b < '0' || b > '9') && strings.IndexByte("-._~", b) < 0 {
			return false
		}
	}
	return true
}
