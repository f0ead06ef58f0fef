package clientsdk

import (
	"slices"

	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// have keeps what the server says that it holds. With everything asked for, the answer names all logs, and what it does not name the
// server does not hold. A head of our own log that we do not hold was written by another copy of this store.
func (t *answering) have(f *wire.Have) error {
	s, err := readSide(t.w, f.Ledger)
	if err != nil {
		return err
	}
	if t.whole.full {
		if err := t.forgetRemote(f, s); err != nil {
			return err
		}
	}
	for replica, heads := range f.Logs {
		if err := t.setRemote(f.Ledger, s, replica, heads); err != nil {
			return err
		}
		if err := t.compare(f.Ledger, replica, heads); err != nil {
			return err
		}
	}
	if !t.whole.full {
		return nil
	}
	s.Pushed = 0 // look at everything again, against what the server has now said
	return writeSide(t.w, f.Ledger, s)
}

// unknown keeps that the server does not know a ledger that is held here, or not as this user's: what was believed of it there is void, and all
// is looked at again once the server names the ledger.
func (t *answering) unknown(id syncengine.LedgerID) error {
	if held, err := t.ledger(id); err != nil || held == nil {
		return err
	}
	s, err := readSide(t.w, id)
	if err != nil || s.Access == "" {
		return err
	}
	if err := t.forgetRemote(&wire.Have{Ledger: id}, s); err != nil {
		return err
	}
	s.Access = ""
	return writeSide(t.w, id, s)
}

// compare looks whether heads that the server holds are held here. Those of our own log that are not were written by another copy of us.
func (t *answering) compare(id syncengine.LedgerID, replica syncengine.ReplicaID, heads []syncengine.Head) error {
	l, err := t.ledger(id)
	if err != nil || l == nil {
		return err
	}
	own := replica == t.c.pens(t.id)[0].Replica()
	for _, h := range heads {
		holds, err := l.HoldsHead(replica, h)
		if err != nil {
			return err
		}
		t.found.lacks = t.found.lacks || !holds
		t.found.lost = t.found.lost || own && (!holds || len(heads) > 1)
	}
	return nil
}

// forgetRemote removes what was believed of logs that a complete have does not name.
func (t *answering) forgetRemote(f *wire.Have, s side) error {
	known, err := remoteVector(t.w, f.Ledger)
	if err != nil {
		return err
	}
	for replica := range known {
		if _, named := f.Logs[replica]; named {
			continue
		}
		if err := t.setRemote(f.Ledger, s, replica, nil); err != nil {
			return err
		}
	}
	return nil
}

// setRemote replaces the heads of one log in the remote vector, and keeps the digest of the base in step.
func (t *answering) setRemote(id syncengine.LedgerID, s side, replica syncengine.ReplicaID, heads []syncengine.Head) error {
	known, err := readRemote(t.w, id, replica)
	if err != nil || slices.Equal(known, heads) {
		return err
	}
	if s.Access != wire.AccessRevoked {
		for _, h := range known {
			t.base.Digest.Toggle(id, replica, h)
		}
		for _, h := range heads {
			t.base.Digest.Toggle(id, replica, h)
		}
	}
	if len(heads) == 0 {
		return t.w.Delete(spaceRemote, id, replica.Hash[:])
	}
	return writeRemote(t.w, id, replica, heads)
}

// access keeps what the user may have of a ledger. The remote vector begins anew, since the digest covers ledgers with full access only.
func (t *answering) access(f *wire.LedgerAccess) error {
	s, err := readSide(t.w, f.Ledger)
	if err != nil {
		return err
	}
	if s.Access == f.Access {
		return nil
	}
	if err := t.forgetRemote(&wire.Have{Ledger: f.Ledger}, s); err != nil {
		return err
	}
	s.Access, s.Pushed = f.Access, 0
	return writeSide(t.w, f.Ledger, s)
}
