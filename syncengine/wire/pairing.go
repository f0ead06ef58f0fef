package wire

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/arpenteur/arpenteur/syncengine"
)

// This file holds what two tablets compute when they pair (protocol, section 9). session is always the value of the TLS exporter, which
// both sides of one connection share and nobody between them.

// PeerSide tells the two ends of a session apart, so that nothing that one said can be said back to it.
type PeerSide string

// The sides of a session.
const (
	PeerHost  PeerSide = "host"  // waits for the other
	PeerGuest PeerSide = "guest" // comes to it
)

// Other returns the other end.
func (s PeerSide) Other() PeerSide {
	if s == PeerHost {
		return PeerGuest
	}
	return PeerHost
}

// ExporterLabel is the label of the TLS exporter (RFC 8446, section 7.5) that session is taken from, without a context, 32 bytes.
const ExporterLabel = "EXPORTER-arpenteur-peer-1"

const pairingPrefix = "arpenteur:peer:1:"

// Limits of a pairing text.
const (
	maxPairingAddresses = 8
	pairingSecretBytes  = 16
)

// Pairing is what a host shows, as QR code or text, to let one guest come.
type Pairing struct {
	Addresses []string        // "host:port", 1 to 8, to be tried in turn
	Key       syncengine.Hash // SHA-256 of the SubjectPublicKeyInfo of the host's certificate
	Secret    [pairingSecretBytes]byte
}

// String returns the text of p.
func (p *Pairing) String() string {
	data := append(appendMember([]byte{'{'}, "addresses"), '[')
	for _, a := range p.Addresses {
		data = AppendString(appendComma(data), normal(a))
	}
	data = appendHash(appendMember(append(data, ']'), "key"), p.Key)
	data = append(appendBinary(appendMember(data, "secret"), p.Secret[:]), '}')
	return pairingPrefix + textEncoding.EncodeToString(data)
}

// IsPairing reports whether a text is meant to be that of a Pairing; any other names an address.
func IsPairing(text string) bool { return strings.HasPrefix(strings.TrimSpace(text), pairingPrefix) }

// ParsePairing reads the text of a Pairing; space around it is ignored. Its errors have CodeInvalid.
func ParsePairing(text string) (*Pairing, error) {
	body, ok := strings.CutPrefix(strings.TrimSpace(text), pairingPrefix)
	if !ok {
		return nil, Problemf(CodeInvalid, "this does not pair tablets: it does not begin with %s", pairingPrefix)
	}
	data, err := textEncoding.DecodeString(body)
	if err != nil || strings.ContainsAny(body, "\r\n") {
		return nil, Problemf(CodeInvalid, "the pairing text is damaged; copy or scan it again")
	}
	s, p := scanner{text: string(data), limit: MaxDepth}, new(Pairing)
	m := s.members()
	m.required("addresses")
	for e := s.elements(); e.next(); {
		if p.Addresses = append(p.Addresses, s.name()); len(p.Addresses) > maxPairingAddresses {
			s.malformed("too many addresses")
		}
	}
	if len(p.Addresses) == 0 {
		s.malformed("no address")
	}
	m.required("key")
	p.Key = s.hash()
	m.required("secret")
	s.binary(p.Secret[:])
	m.end()
	if err := s.finish(); err != nil {
		return nil, Problemf(CodeInvalid, "the pairing text is damaged; copy or scan it again (%w)", err)
	}
	return p, nil
}

// Proof returns what a guest that has read the pairing text says in Pair.
func (p *Pairing) Proof(session syncengine.Hash) syncengine.Hash {
	return peerMAC(p.Secret[:], "arpenteur/1 peer pair\n", session[:])
}

// NonceCommitment returns what a guest says in Pair before it knows the host's nonce: without it, somebody between both could search
// for nonces that give the same digits on both sides.
func NonceCommitment(session, guest syncengine.Hash) syncengine.Hash {
	return peerMAC(guest[:], "arpenteur/1 peer commitment\n", session[:])
}

// PeerDigits returns the six digits that people compare on both tablets.
func PeerDigits(session, host, guest syncengine.Hash) string {
	mac := peerMAC(session[:], "arpenteur/1 peer digits\n", host[:], guest[:])
	return fmt.Sprintf("%06d", binary.BigEndian.Uint64(mac[:])%1_000_000)
}

// PeerLedgerName returns how one side names a ledger that it holds in a session. Who does not hold the ledger learns nothing by it (law L10).
func PeerLedgerName(side PeerSide, session syncengine.Hash, id syncengine.LedgerID) syncengine.Hash {
	return peerMAC(session[:], "arpenteur/1 peer ledger "+string(side)+"\n", id.Hash[:])
}

func peerReplicaMessage(side PeerSide, session syncengine.Hash) []byte {
	return append([]byte("arpenteur/1 peer replica "+string(side)+"\n"), session[:]...)
}

func peerMAC(key []byte, purpose string, parts ...[]byte) syncengine.Hash {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(purpose))
	for _, p := range parts {
		mac.Write(p)
	}
	return syncengine.Hash(mac.Sum(nil))
}
