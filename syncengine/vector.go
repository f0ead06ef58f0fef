package syncengine

import "slices"

// VersionVector says how far each log of a ledger is held. It is used for transport only: causality is `over` (law L7).
// A log usually has one head; it has one for each branch where a copied store wrote twice under one replica id.
// The zero value is an empty vector for reading.
type VersionVector map[ReplicaID][]Head

// Holds reports whether the vector names head, or a later head that may continue it. The second case is a guess that only the
// holder of the log can confirm by comparing chain hashes.
func (v VersionVector) Holds(replica ReplicaID, head Head) bool {
	return slices.ContainsFunc(v[replica], func(h Head) bool { return h == head || h.Seq > head.Seq })
}

// Seq returns the furthest sequence that the vector names of a replica's log, 0 where it names none.
func (v VersionVector) Seq(replica ReplicaID) uint64 {
	var seq uint64
	for _, h := range v[replica] {
		seq = max(seq, h.Seq)
	}
	return seq
}

// Advance replaces the head `from` of a replica's log by `to`. Where `from` is not a head (a new log, a new branch) it adds `to`.
func (v VersionVector) Advance(replica ReplicaID, from, to Head) {
	heads := make([]Head, 0, len(v[replica])+1)
	for _, h := range v[replica] {
		if h != from && h != to {
			heads = append(heads, h)
		}
	}
	heads = append(heads, to)
	slices.SortFunc(heads, compareHeads)
	v[replica] = heads
}

// Clone returns a vector that shares nothing with v.
func (v VersionVector) Clone() VersionVector {
	out := make(VersionVector, len(v))
	for replica, heads := range v {
		out[replica] = slices.Clone(heads)
	}
	return out
}

// Equal reports whether both vectors name the same heads.
func (v VersionVector) Equal(other VersionVector) bool {
	for replica, heads := range v {
		if !slices.Equal(heads, other[replica]) {
			return false
		}
	}
	for replica, heads := range other {
		if len(heads) > 0 && len(v[replica]) == 0 {
			return false
		}
	}
	return true
}

// Replicas returns the replicas that the vector names, ascending.
func (v VersionVector) Replicas() []ReplicaID {
	out := make([]ReplicaID, 0, len(v))
	for r := range v {
		out = append(out, r)
	}
	slices.SortFunc(out, func(a, b ReplicaID) int { return a.Compare(b.Hash) })
	return out
}

func compareHeads(a, b Head) int {
	if a.Seq != b.Seq {
		if a.Seq < b.Seq {
			return -1
		}
		return 1
	}
	return a.Chain.Compare(b.Chain)
}
