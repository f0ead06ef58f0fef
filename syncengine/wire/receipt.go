package wire

import (
	"crypto/ed25519"

	"github.com/arpenteur/arpenteur/syncengine"
)

// Receipt is the authority's signed word that it holds a replica's log durably (protocol, section 5.4). A tablet may show "received"
// only under a receipt that verifies, and forget its data only up to Backup (law L1).
type Receipt struct {
	Ledger  syncengine.LedgerID
	Replica syncengine.ReplicaID
	Head    syncengine.Head           // what is held of the replica's log
	At      syncengine.AuthorityPoint // what the authority's own log had reached
	Backup  uint64                    // the sequence that a verified backup holds, 0 where none does
	// Photos that changes of the replica's log refer to: how many the authority does not hold (barred ones apart), and how many it holds
	// but no verified backup does. Only with 0 of both may a tablet say that all photos are safe.
	PhotosMissing, PhotosUnsaved uint64
	Signature                    Signature
}

const receiptPrefix = "arpenteur/1 receipt\n"

// Sign signs r with the authority's key.
func (r *Receipt) Sign(key ed25519.PrivateKey) { r.Signature = sign(key, r.message()) }

// Verify reports whether r is signed by the authority's key.
func (r *Receipt) Verify(key ed25519.PublicKey) bool { return verify(key, r.message(), r.Signature) }

func (r *Receipt) message() []byte {
	return append(r.appendSigned([]byte(receiptPrefix+"{")), '}')
}

// appendSigned appends the members that the signature covers.
func (r *Receipt) appendSigned(dst []byte) []byte {
	dst = appendAuthorityPoint(appendMember(dst, "at"), r.At)
	dst = appendUint(appendMember(dst, "backup"), r.Backup)
	dst = appendHash(appendMember(dst, "chain"), r.Head.Chain)
	dst = appendHash(appendMember(dst, "ledger"), r.Ledger.Hash)
	dst = appendUint(appendMember(dst, "photos_missing"), r.PhotosMissing)
	dst = appendUint(appendMember(dst, "photos_unsaved"), r.PhotosUnsaved)
	dst = appendHash(appendMember(dst, "replica"), r.Replica.Hash)
	return appendUint(appendMember(dst, "seq"), r.Head.Seq)
}

// Type returns "receipt".
func (r *Receipt) Type() string { return typeReceipt }

func (r *Receipt) append(dst []byte) []byte {
	dst = r.appendSigned(append(dst, '{'))
	dst = appendBinary(appendMember(dst, "signature"), r.Signature[:])
	return appendType(dst, typeReceipt)
}

func (s *frameScanner) receipt() Frame {
	r := new(Receipt)
	m := s.members()
	m.required("at")
	r.At = s.authorityPoint()
	m.required("backup")
	r.Backup = s.integer()
	m.required("chain")
	r.Head.Chain = s.hash()
	m.required("ledger")
	r.Ledger.Hash = s.hash()
	m.required("photos_missing")
	r.PhotosMissing = s.integer()
	m.required("photos_unsaved")
	r.PhotosUnsaved = s.integer()
	m.required("replica")
	r.Replica.Hash = s.hash()
	m.required("seq")
	r.Head.Seq = s.sequence()
	m.required("signature")
	s.binary(r.Signature[:])
	s.end(&m, typeReceipt)
	return r
}

// DecodeReceipt reads a receipt that AppendFrame encoded, as stores keep them. It doesn't verify the signature.
func DecodeReceipt(data []byte) (*Receipt, error) {
	f, err := DecodeFrame(data)
	if err != nil {
		return nil, err
	}
	r, ok := f.(*Receipt)
	if !ok {
		return nil, Problemf(CodeMalformed, "expected a receipt, not a frame of type %q", f.Type())
	}
	return r, nil
}
