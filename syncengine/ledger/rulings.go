package ledger

import (
	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/store"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// takeRuling brings into force a ruling that was just appended at p. One that stands in another log than the authority's is kept as
// a line and has no force.
func (l *Ledger) takeRuling(g *log, p position, c *syncengine.Change) error {
	r := c.Ruling
	if opened, err := l.takeIncarnation(g, p, c); err != nil || opened {
		return err
	}
	if !l.authority.IsAuthority(g.Replica) {
		return nil
	}
	switch r.Type {
	case syncengine.Grant, syncengine.Revoke, syncengine.Publish:
		if err := l.w.Put(spaceAuthority, l.id, p.key(), present); err != nil {
			return err
		}
		l.takeAuthority(c, syncengine.Position{Replica: g.Replica, Seq: p.seq})
		return l.applyToLedger(g, p, r)
	case syncengine.Refuse, syncengine.Void, syncengine.Release, syncengine.Redact, syncengine.Untimed:
		key := append(append([]byte(nil), r.Target.Hash[:]...), p.key()...)
		if err := l.w.Put(spaceRulings, l.id, key, present); err != nil {
			return err
		}
		return l.applyToChange(r)
	}
	return nil
}

// applyToLedger lets a grant, revocation or publication reach the records that it changes. A grant changes none, since what names it waits for
// it, but in two cases: one that returns behind a restore (what names a later incarnation was judged without it), and one that continues
// a predecessor's, on which lines may stand that were written before it.
func (l *Ledger) applyToLedger(g *log, p position, r *syncengine.Ruling) error {
	switch r.Type {
	case syncengine.Grant:
		if g.Replica != l.authority.Current() {
			return l.rebuildAccount(r.Account)
		}
		if r.Predecessor.IsZero() {
			return nil
		}
		logs, err := l.logsOf(r.Replica)
		if err != nil {
			return err
		}
		return l.rebuildBranches(logs, 0)
	case syncengine.Publish:
		if err := l.w.Put(spaceVersions, l.id, r.Version.Hash[:], p.key()); err != nil {
			return err
		}
		return l.wakeVersion(r.Version)
	case syncengine.Revoke:
		grant := l.authority.Ruling(r.Target)
		if grant == nil {
			return nil
		}
		logs, err := l.logsOf(grant.Replica)
		if err != nil {
			return err
		}
		return l.rebuildBranches(logs, r.Cut.Seq)
	}
	return nil
}

// rebuildAccount marks the records that the replicas of an account wrote: a grant of one may be what its successors stand on.
func (l *Ledger) rebuildAccount(account syncengine.AccountID) error {
	for _, replica := range l.authority.Granted() {
		if l.authority.Account(replica) != account {
			continue
		}
		logs, err := l.logsOf(replica)
		if err != nil {
			return err
		}
		if err := l.rebuildBranches(logs, 0); err != nil {
			return err
		}
	}
	return nil
}

// rebuildBranches marks the records that lines after seq are about, and those after the first fork: they may lie before a cut, but on
// another branch than it.
func (l *Ledger) rebuildBranches(logs []*log, seq uint64) error {
	for _, g := range logs {
		if g.Branch > 0 {
			seq = min(seq, g.Fork)
		}
	}
	for _, g := range logs {
		for n := max(seq, g.Fork) + 1; n <= g.Tip.Seq; n++ {
			line, err := l.line(position{g.Number, n})
			switch {
			case err == nil:
				l.rebuild(line.Change.Key())
			case !unreadable(err):
				return err
			}
		}
	}
	return nil
}

// recut merges anew what the cuts of a revocation judge differently once the branch that a cut ends on is held: until then every
// branch passes for it. g holds the lines after before since just now.
func (l *Ledger) recut(g *log, before uint64) error {
	logs, err := l.logsOf(g.Replica)
	if err != nil || len(logs) < 2 {
		return err
	}
	reached := false
	err = l.r.Scan(spaceAuthority, l.id, nil, nil, func(key, _ []byte) (bool, error) {
		p, err := readPosition(key)
		if err != nil {
			return false, err
		}
		line, err := l.line(p)
		if err != nil {
			return false, err
		}
		r := line.Change.Ruling
		if r == nil || r.Type != syncengine.Revoke || r.Cut.Seq <= before || r.Cut.Seq > g.Tip.Seq {
			return true, nil
		}
		grant := l.authority.Ruling(r.Target)
		reached = grant != nil && grant.Replica == g.Replica
		return !reached, nil
	})
	if err != nil || !reached {
		return err
	}
	return l.rebuildBranches(logs, logs[1].Fork)
}

// applyToChange lets a ruling about one change reach that change, where it is held.
func (l *Ledger) applyToChange(r *syncengine.Ruling) error {
	at, err := l.positionsOf(r.Target)
	if err != nil || len(at) == 0 {
		return err
	}
	line, err := l.line(at[0])
	if unreadable(err) && r.Type == syncengine.Redact {
		return l.eraseUnreadable(at[0], r)
	}
	if unreadable(err) {
		return nil
	}
	if err != nil {
		return err
	}
	l.rebuild(line.Change.Key())
	decision, err := l.decisionOn(line.Change)
	if err != nil {
		return err
	}
	return l.rewrite(at[0], l.erase(line, decision), decision)
}

// decisionOn adds up the rulings about a change. No ruling targets a ruling, but the reason of one can be erased.
func (l *Ledger) decisionOn(c *syncengine.Change) (syncengine.Decision, error) {
	d, err := l.decision(c.ID)
	if c.Ruling == nil && c.Genesis == nil {
		return d, err
	}
	var reason syncengine.Decision
	if d.Erases(syncengine.ReasonPath) {
		reason.Erased = []syncengine.Path{syncengine.ReasonPath}
	}
	return reason, err
}

// decision adds up the rulings about one change.
func (l *Ledger) decision(id syncengine.ChangeID) (syncengine.Decision, error) {
	rulings, err := l.rulingsOn(id)
	if err != nil || len(rulings) == 0 {
		return syncengine.Decision{}, err
	}
	return l.authority.Decide(rulings), nil
}

// rulingsOn returns the rulings about one change, in the order of the authority's log as it is held here.
func (l *Ledger) rulingsOn(id syncengine.ChangeID) ([]syncengine.PlacedRuling, error) {
	var at []position
	err := l.r.Scan(spaceRulings, l.id, id.Hash[:], store.After(id.Hash[:]), func(key, _ []byte) (bool, error) {
		p, err := readPosition(key[len(id.Hash):])
		at = append(at, p)
		return true, err
	})
	if err != nil || len(at) == 0 {
		return nil, err
	}
	out := make([]syncengine.PlacedRuling, 0, len(at))
	for _, p := range at {
		line, err := l.line(p)
		if err != nil {
			return nil, err
		}
		g, err := l.log(p.log)
		if err != nil {
			return nil, err
		}
		out = append(out, syncengine.PlacedRuling{
			ID: line.Change.ID, At: syncengine.AuthorityPoint{Replica: g.Replica, Seq: p.seq}, Ruling: line.Change.Ruling,
		})
	}
	return out, nil
}

// wakeAuthority looks again at the changes that waited for the authority's log to reach the lines that came after before.
func (l *Ledger) wakeAuthority(g *log, before uint64) error {
	from := waitsForAuthority(syncengine.AuthorityPoint{Replica: g.Replica, Seq: before})
	to := waitsForAuthority(syncengine.AuthorityPoint{Replica: g.Replica, Seq: g.Tip.Seq + 1})
	return l.wake(from, to)
}

// wakeVersion looks again at the changes that waited for a checklist version, now that it was published or its content came.
func (l *Ledger) wakeVersion(v syncengine.VersionID) error {
	l.forgetReadings()
	prefix := waitsForVersion(v)
	return l.wake(prefix, store.After(prefix))
}

// wake marks the records that wait for something in a range of keys, and forgets that they wait: if they still do, merging them will
// note it again.
func (l *Ledger) wake(from, to []byte) error {
	var keys [][]byte
	err := l.r.Scan(spaceWaiting, l.id, from, to, func(key, _ []byte) (bool, error) {
		keys = append(keys, append([]byte(nil), key...))
		return true, nil
	})
	if err != nil {
		return err
	}
	for _, key := range keys {
		size := 1 + len(syncengine.Hash{})
		if key[0] == 'a' {
			size += 8
		}
		record, err := readRecordKey(key[size:])
		if err != nil {
			return err
		}
		l.rebuild(record)
		if err := l.w.Delete(spaceWaiting, l.id, key); err != nil {
			return err
		}
	}
	return nil
}

// Wanted returns up to limit changes whose values are missing here though no ruling withholds them.
func (l *Ledger) Wanted(limit int) ([]syncengine.ChangeID, error) {
	var out []syncengine.ChangeID
	err := l.r.Scan(spaceWants, l.id, nil, nil, func(key, _ []byte) (bool, error) {
		if len(key) != len(syncengine.Hash{}) {
			return false, store.ErrCorrupt
		}
		out = append(out, syncengine.ChangeID{Hash: syncengine.Hash(key)})
		return len(out) < limit, nil
	})
	return out, err
}

// Line returns the line of a change as it may be sent to others: bare where a ruling withholds its values. It returns nil where the
// change is not held.
func (l *Ledger) Line(id syncengine.ChangeID) (*wire.Line, error) {
	at, err := l.positionsOf(id)
	if err != nil || len(at) == 0 {
		return nil, err
	}
	raw, mark, err := l.rawLine(at[0])
	if err != nil {
		return nil, err
	}
	line, err := wire.DecodeLine(raw, l.id)
	if err != nil || mark != markWithheld {
		return line, err
	}
	return line.Strip(), nil
}
