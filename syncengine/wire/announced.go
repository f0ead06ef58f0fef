package wire

import "github.com/arpenteur/arpenteur/syncengine"

// Announced tells the server how far another tablet's log is known to reach that neither the sender nor the server holds so far
// (protocol, section 5.5). It is hearsay: shown to people, and no part of any decision or merge.
type Announced struct {
	Ledger  syncengine.LedgerID
	Replica syncengine.ReplicaID
	Seq     uint64 // the last sequence that the log is known to have
	Seen    int64  // when the sender learnt that, by its clock: milliseconds since 1970 UTC
}

// Type returns "announced".
func (*Announced) Type() string { return typeAnnounced }

func (f *Announced) append(dst []byte) []byte {
	dst = appendHash(appendMember(append(dst, '{'), "ledger"), f.Ledger.Hash)
	dst = appendHash(appendMember(dst, "replica"), f.Replica.Hash)
	dst = AppendInt(appendMember(dst, "seen"), max(f.Seen, 0))
	dst = appendUint(appendMember(dst, "seq"), f.Seq)
	return appendType(dst, typeAnnounced)
}

func (s *frameScanner) announced() Frame {
	f := new(Announced)
	m := s.members()
	m.required("ledger")
	f.Ledger.Hash = s.hash()
	m.required("replica")
	f.Replica.Hash = s.hash()
	m.required("seen")
	f.Seen = int64(s.integer()) //nolint:gosec // at most 15 digits
	m.required("seq")
	f.Seq = s.sequence()
	s.end(&m, typeAnnounced)
	return f
}
