package syncengine

import (
	"bytes"
	"encoding/base64"
	"errors"

	"github.com/google/uuid"
)

// Hash is a SHA-256 digest. Its text form is base64url without padding (RFC 4648 §5), 43 characters.
// The zero Hash means "none" and its text form is the empty string.
type Hash [32]byte

// ErrHash is returned when text is not the 43-character form of a Hash.
var ErrHash = errors.New("hash is not 43 characters of unpadded base64url")

// hashEncoding is strict: a Hash has exactly one text form, so trailing bits must be zero.
var hashEncoding = base64.RawURLEncoding.Strict()

// IsZero reports whether h is the zero Hash, which names nothing.
func (h Hash) IsZero() bool { return h == Hash{} }

// Compare orders hashes by their bytes: -1, 0 or 1.
func (h Hash) Compare(other Hash) int { return bytes.Compare(h[:], other[:]) }

// String returns the text form of h.
func (h Hash) String() string {
	if h.IsZero() {
		return ""
	}
	return hashEncoding.EncodeToString(h[:])
}

// AppendText appends the text form of h to b.
func (h Hash) AppendText(b []byte) ([]byte, error) {
	if h.IsZero() {
		return b, nil
	}
	return hashEncoding.AppendEncode(b, h[:]), nil
}

// MarshalText returns the text form of h.
func (h Hash) MarshalText() ([]byte, error) { return h.AppendText(nil) }

// UnmarshalText reads the text form of a Hash; the empty text is the zero Hash, which has no other form.
func (h *Hash) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*h = Hash{}
		return nil
	}
	if len(text) != 43 {
		return ErrHash
	}
	var buf [33]byte
	n, err := hashEncoding.Decode(buf[:], text)
	if err != nil || n != len(h) {
		return ErrHash
	}
	if Hash(buf[:n]).IsZero() {
		return ErrHash
	}
	copy(h[:], buf[:n])
	return nil
}

// ParseHash reads the text form of a Hash.
func ParseHash(text string) (Hash, error) {
	var h Hash
	err := h.UnmarshalText([]byte(text))
	return h, err
}

// The names of the things that are named by a hash. They are types of their own so that one can't be passed for another.
type (
	// ChangeID names a change: the SHA-256 of its header's canonical encoding.
	ChangeID struct{ Hash }
	// LedgerID names a ledger: the ChangeID of its genesis.
	LedgerID struct{ Hash }
	// ReplicaID names one incarnation of one user's store on one tablet, or of the authority: the SHA-256 of its Ed25519 public key.
	ReplicaID struct{ Hash }
	// VersionID names one version of a checklist: the SHA-256 of its content's canonical encoding.
	VersionID struct{ Hash }
)

// RecordID is the UUID of a record (version 7 when captured, version 8 when imported), or of an element of a repeat group.
type RecordID = uuid.UUID

// AccountID is the opaque name of a person's account: 1 to 40 characters of a-z, 0-9 and hyphen. It never holds a person's name.
type AccountID string

// Valid reports whether a has the form of an account id.
func (a AccountID) Valid() bool {
	if len(a) == 0 || len(a) > 40 {
		return false
	}
	for i := range len(a) {
		c := a[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return true
}

// Kind is the kind of a record: "observation", "place", and so on. "genesis" and "ruling" are the authority's own.
type Kind string

// The two kinds that are not records: the first line of a ledger, and the decisions of its authority.
const (
	KindGenesis Kind = "genesis"
	KindRuling  Kind = "ruling"
)

// Valid reports whether k has the form of a kind: 1 to 32 lower-case letters or underscores.
func (k Kind) Valid() bool {
	if len(k) == 0 || len(k) > 32 {
		return false
	}
	for i := range len(k) {
		if c := k[i]; (c < 'a' || c > 'z') && c != '_' {
			return false
		}
	}
	return true
}

// RecordKey identifies a record within its ledger.
type RecordKey struct {
	Kind Kind
	ID   RecordID
}

// AuthorityPoint is what an author knew of the authority's log: the authority's replica and the sequence held of it.
// The zero value means "nothing", and only a genesis carries it.
type AuthorityPoint struct {
	Replica ReplicaID
	Seq     uint64
}

// IsZero reports whether p names nothing.
func (p AuthorityPoint) IsZero() bool { return p == AuthorityPoint{} }
