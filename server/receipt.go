package server

import (
	"slices"

	"github.com/arpenteur/arpenteur/server/backup"
	"github.com/arpenteur/arpenteur/server/photos"
	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/ledger"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// receipt writes what the authority holds of the replica's log in a ledger and of its photos, and how much of the log is in a verified backup,
// where any of that moved since the client's base; and says so where the log has branches. An early one is left for later, which it reports,
// where the client lacks the key to check it with.
func (a *answer) receipt(h held, early bool) (left bool, err error) {
	known, moved, err := a.moved(h)
	if err != nil {
		return false, err
	}
	counts, err := photos.CountsOf(a.r, h.id, a.replica)
	if err != nil {
		return false, err
	}
	told := known != nil && known.told == counts
	if told && !moved && a.base.backup == a.next.backup {
		return false, nil
	}
	l, err := a.s.keeper.View(a.r, h.id)
	if err != nil {
		return false, err
	}
	if early {
		if checks, err := a.checks(l, known); err != nil || !checks {
			return true, err
		}
	}
	if err := a.relayReceipts(l, h); err != nil {
		return false, err
	}
	heads, err := l.Heads(a.replica)
	if err != nil || len(heads) == 0 {
		return false, err
	}
	if told {
		same, err := a.toldOf(l, known, heads)
		if err != nil || same {
			return false, err
		}
	}
	if err := a.writeReceipt(l, a.replica, heads[0]); err != nil || len(heads) == 1 {
		return false, err
	}
	return false, a.out.WriteFrame(&wire.Remark{Code: wire.CodeForked, Ledger: l.ID(), Replica: a.replica, Detail: "the log of this tablet has a second branch"})
}

// toldOf reports whether the client was told of these heads of its log, and that so much of it is in a backup.
func (a *answer) toldOf(l *ledger.Ledger, known *basePoint, heads []syncengine.Head) (bool, error) {
	before, err := l.HeadsAt(a.replica, known.version)
	if err != nil || !slices.Equal(before, heads) {
		return false, err
	}
	if a.base.backup == a.next.backup {
		return true, nil
	}
	was, remembered, err := a.savedIn(l, a.replica, a.base.backup)
	if err != nil || !remembered {
		return false, err
	}
	is, _, err := a.savedIn(l, a.replica, a.next.backup)
	return was == is, err
}

// savedIn returns how much of a log a backup holds, and whether that is known.
func (a *answer) savedIn(l *ledger.Ledger, replica syncengine.ReplicaID, number uint64) (seq uint64, known bool, err error) {
	version, known, err := backup.VersionIn(a.r, l.ID(), number)
	if err != nil || !known {
		return 0, false, err
	}
	seq, err = l.HeldAt(replica, version)
	return seq, true, err
}

// relayReceipts writes receipts for the logs of others that the client brought runs of, so that it can carry the word back to them.
func (a *answer) relayReceipts(l *ledger.Ledger, h held) error {
	if h.access != wire.AccessFull {
		return nil
	}
	for name := range a.pushed {
		if name.ledger != h.id || name.replica == a.replica || l.Authority().IsAuthority(name.replica) {
			continue
		}
		heads, err := l.Heads(name.replica)
		if err != nil {
			return err
		}
		if len(heads) == 0 {
			continue
		}
		if err := a.writeReceipt(l, name.replica, heads[0]); err != nil {
			return err
		}
	}
	return nil
}

// writeReceipt signs and writes what the authority holds of a log.
func (a *answer) writeReceipt(l *ledger.Ledger, replica syncengine.ReplicaID, head syncengine.Head) error {
	pen, at, err := a.s.signer(l)
	if err != nil {
		return err
	}
	counts, err := photos.CountsOf(a.r, l.ID(), replica)
	if err != nil {
		return err
	}
	saved, _, err := a.savedIn(l, replica, a.next.backup)
	if err != nil {
		return err
	}
	r := &wire.Receipt{
		Ledger: l.ID(), Replica: replica, Head: head, At: at, Backup: min(saved, head.Seq),
		PhotosMissing: counts.Missing, PhotosUnsaved: counts.Unsaved,
	}
	r.Sign(pen.Key)
	return a.out.WriteFrame(r)
}

// checks reports whether the client holds the key that a receipt is signed with: that of an incarnation of the authority.
func (a *answer) checks(l *ledger.Ledger, known *basePoint) (bool, error) {
	_, at, err := a.s.signer(l)
	switch {
	case err != nil:
		return false, err
	case a.base == nil:
		return len(a.exchange.have[l.ID()][at.Replica]) > 0, nil
	case known == nil || l.Authority().Number() == 1:
		return known != nil, nil
	}
	heads, err := l.HeadsAt(at.Replica, known.version)
	return len(heads) > 0, err
}
