package wire

import (
	"bytes"
	"crypto/ed25519"
	"slices"
	"strconv"

	"github.com/arpenteur/arpenteur/syncengine"
)

// Limits of what two tablets say of themselves when they meet (protocol, section 9).
const (
	MaxPeerReplicas = 16
	MaxPeerLedgers  = 4096 // names, the random ones among them
	PeerLedgersStep = 16   // names are a multiple of this
)

// Pair is the guest's first frame: the proof that it has read the host's pairing text, or a commitment to its nonce where digits are
// compared. Exactly one of them is set.
type Pair struct{ Proof, Commitment syncengine.Hash }

// Nonce is what each side adds to the digits.
type Nonce struct{ Nonce syncengine.Hash }

// Confirm says that a person found the same digits on both tablets.
type Confirm struct{}

// PeerReplicas names the replicas of one side, each proven by its key.
type PeerReplicas struct{ Replicas []PeerReplica }

// PeerReplica is one replica of a tablet. Proof is by Key, over the session: see PeerProof.
type PeerReplica struct {
	Key   PublicKey
	Proof Signature
}

// PeerLedgers holds the names of one side's ledgers in this session, ascending, random ones among them (law L10): see PeerLedgerName.
type PeerLedgers struct{ Names []syncengine.Hash }

// Type returns "pair".
func (*Pair) Type() string { return typePair }

// Type returns "nonce".
func (*Nonce) Type() string { return typeNonce }

// Type returns "confirm".
func (*Confirm) Type() string { return typeConfirm }

// Type returns "replicas".
func (*PeerReplicas) Type() string { return typeReplicas }

// Type returns "ledgers".
func (*PeerLedgers) Type() string { return typeLedgers }

func (f *Pair) append(dst []byte) []byte {
	dst = append(dst, '{')
	if f.Proof.IsZero() {
		dst = appendHash(appendMember(dst, "commitment"), f.Commitment)
	} else {
		dst = appendHash(appendMember(dst, "proof"), f.Proof)
	}
	return appendType(dst, typePair)
}

func (s *frameScanner) pair() Frame {
	f := new(Pair)
	m := s.members()
	if m.optional("commitment") {
		f.Commitment = s.hash()
	} else {
		m.required("proof")
		f.Proof = s.hash()
	}
	s.end(&m, typePair)
	return f
}

func (f *Nonce) append(dst []byte) []byte {
	return appendType(appendHash(appendMember(append(dst, '{'), "nonce"), f.Nonce), typeNonce)
}

func (s *frameScanner) nonce() Frame {
	f := new(Nonce)
	m := s.members()
	m.required("nonce")
	f.Nonce = s.hash()
	s.end(&m, typeNonce)
	return f
}

func (*Confirm) append(dst []byte) []byte { return appendType(append(dst, '{'), typeConfirm) }

func (s *frameScanner) confirm() Frame {
	m := s.members()
	s.end(&m, typeConfirm)
	return &Confirm{}
}

func (f *PeerReplicas) append(dst []byte) []byte {
	dst = append(appendMember(append(dst, '{'), "replicas"), '[')
	for _, r := range f.Replicas {
		dst = appendBinary(appendMember(append(appendComma(dst), '{'), "key"), r.Key[:])
		dst = append(appendBinary(appendMember(dst, "proof"), r.Proof[:]), '}')
	}
	return appendType(append(dst, ']'), typeReplicas)
}

func (s *frameScanner) replicas() Frame {
	f := new(PeerReplicas)
	m := s.members()
	m.required("replicas")
	for e := s.elements(); e.next(); {
		var r PeerReplica
		inner := s.members()
		inner.required("key")
		s.binary(r.Key[:])
		inner.required("proof")
		s.binary(r.Proof[:])
		inner.end()
		if f.Replicas = append(f.Replicas, r); len(f.Replicas) > MaxPeerReplicas {
			s.fail(CodeTooLarge, "over "+strconv.Itoa(MaxPeerReplicas)+" replicas")
		}
	}
	if len(f.Replicas) == 0 {
		s.malformed("no replica")
	}
	s.end(&m, typeReplicas)
	return f
}

func (f *PeerLedgers) append(dst []byte) []byte {
	dst = append(appendMember(append(dst, '{'), "names"), '[')
	for _, n := range f.Names {
		dst = appendHash(appendComma(dst), n)
	}
	return appendType(append(dst, ']'), typeLedgers)
}

func (s *frameScanner) ledgers() Frame {
	f := new(PeerLedgers)
	m := s.members()
	m.required("names")
	for e := s.elements(); e.next(); {
		n := s.hash()
		if last := len(f.Names) - 1; last >= 0 && bytes.Compare(f.Names[last][:], n[:]) >= 0 {
			s.malformed("names are not ascending, or one is there twice")
		}
		if f.Names = append(f.Names, n); len(f.Names) > MaxPeerLedgers {
			s.fail(CodeTooLarge, "over "+strconv.Itoa(MaxPeerLedgers)+" names")
		}
	}
	if s.err == nil && (len(f.Names) == 0 || len(f.Names)%PeerLedgersStep != 0) {
		s.malformed("names are not a multiple of " + strconv.Itoa(PeerLedgersStep))
	}
	s.end(&m, typeLedgers)
	return f
}

// Has reports whether a name is among those of f.
func (f *PeerLedgers) Has(name syncengine.Hash) bool {
	_, found := slices.BinarySearchFunc(f.Names, name, func(a, b syncengine.Hash) int { return bytes.Compare(a[:], b[:]) })
	return found
}

// Verify reports whether the sender, which has the given side of the session, holds the private half of Key.
func (r *PeerReplica) Verify(side PeerSide, session syncengine.Hash) bool {
	return verify(r.Key[:], peerReplicaMessage(side, session), r.Proof)
}

// ProveReplica returns the proof that this side of the session holds the replica of key.
func ProveReplica(key ed25519.PrivateKey, side PeerSide, session syncengine.Hash) PeerReplica {
	public, _ := key.Public().(ed25519.PublicKey)
	return PeerReplica{Key: PublicKeyOf(public), Proof: sign(key, peerReplicaMessage(side, session))}
}
