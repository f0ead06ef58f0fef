package clientsdk

import (
	"slices"

	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/ledger"
	"github.com/arpenteur/arpenteur/syncengine/store"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// receipt keeps a receipt that verifies. The server's own word counts even where it goes back: it is then that of a restored server, and
// says what is safe now. What others relay may be old, and counts only where it is newer than what is held.
func (t *applying) receipt(f *wire.Receipt) error {
	l, err := t.ledger(f.Ledger)
	if err != nil || l == nil {
		return err
	}
	if !l.VerifiesReceipt(f) {
		t.spoiled = true
		return nil
	}
	own := slices.ContainsFunc(t.c.pens(t.id), func(p ledger.Pen) bool { return p.Replica() == f.Replica })
	if !own && l.Authority().Key(f.Replica) == nil {
		return nil // nobody's here
	}
	known, err := heldReceipt(t.w, f.Ledger, f.Replica, own)
	if err != nil || t.relayed && known != nil && !newer(l, f, known) {
		return err
	}
	if !own {
		return t.w.Put(spaceReceipts, f.Ledger, f.Replica.Hash[:], wire.AppendFrame(nil, f))
	}
	s, err := readSide(t.w, f.Ledger)
	if err != nil {
		return err
	}
	if s.Receipts == nil {
		s.Receipts = map[string][]byte{}
	}
	s.Receipts[f.Replica.String()] = wire.AppendFrame(nil, f)
	return writeSide(t.w, f.Ledger, s)
}

// newer reports whether a receipt says more than the one that is held.
func newer(l *ledger.Ledger, f, known *wire.Receipt) bool {
	if at := l.Authority().Compare(f.At, known.At); at != 0 {
		return at > 0
	}
	return f.Head.Seq > known.Head.Seq
}

// heldReceipt returns the receipt that is held about a replica, or nil. Those about the user's own replicas lie with the ledger's side,
// where safety looks at them; those about others are for relaying.
func heldReceipt(r store.Reader, id syncengine.LedgerID, replica syncengine.ReplicaID, own bool) (*wire.Receipt, error) {
	if own {
		s, err := readSide(r, id)
		return s.receipt(replica), err
	}
	raw, err := r.Get(spaceReceipts, id, replica.Hash[:])
	if err != nil || raw == nil {
		return nil, err
	}
	return wire.DecodeReceipt(raw)
}

// receipts returns the receipts that are held of a ledger, about all replicas or those that are wanted.
func receipts(r store.Reader, id syncengine.LedgerID, wanted func(syncengine.ReplicaID) bool) ([]*wire.Receipt, error) {
	s, err := readSide(r, id)
	if err != nil {
		return nil, err
	}
	var out []*wire.Receipt
	add := func(raw []byte) {
		if f, err := wire.DecodeReceipt(raw); err == nil && (wanted == nil || wanted(f.Replica)) {
			out = append(out, f)
		}
	}
	for _, raw := range s.Receipts {
		add(raw)
	}
	err = r.Scan(spaceReceipts, id, nil, nil, func(_, raw []byte) (bool, error) {
		add(raw)
		return true, nil
	})
	slices.SortFunc(out, func(a, b *wire.Receipt) int { return a.Replica.Compare(b.Replica.Hash) })
	return out, err
}
