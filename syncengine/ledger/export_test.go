package ledger

import "github.com/arpenteur/arpenteur/syncengine"

// IndexKey is the key under which the index holds a record with an attribute.
func IndexKey(attribute, value string, key syncengine.RecordKey) []byte {
	return indexKey(attribute, value, recordKey(key))
}

// EntryKey is the key of a record's entry.
func EntryKey(key syncengine.RecordKey) []byte { return recordKey(key) }

// At says which line of which log a key of the lines or heads belongs to.
func (l *Ledger) At(key []byte) (replica syncengine.ReplicaID, branch int, seq uint64, err error) {
	p, err := readPosition(key)
	if err != nil {
		return replica, 0, 0, err
	}
	g, err := l.log(p.log)
	if err != nil {
		return replica, 0, 0, err
	}
	return g.Replica, int(g.Branch), p.seq, nil
}

// PositionsOf returns the keys of the lines that hold a change.
func (l *Ledger) PositionsOf(id syncengine.ChangeID) ([][]byte, error) {
	at, err := l.positionsOf(id)
	var out [][]byte
	for _, p := range at {
		out = append(out, p.key())
	}
	return out, err
}
