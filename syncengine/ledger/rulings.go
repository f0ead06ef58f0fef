package ledger

import (
	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/store"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// takeRuling brings into force a ruling that was just appended at p. One that stands in another log than the authority's is kept as
// a line and has no force.
func (l *Ledger) takeRuling(g *log, p position, c *syncengine.Change) error {
	if !l.authority.IsAuthority(g.Replica) {
		return nil
	}
	r := c.Ruling
	switch r.Type {
	case syncengine.Grant, syncengine.Revoke, syncengine.Publish:
		if err := l.w.Put(spaceAuthority, l.id, p.key(), present); err != nil {
			return err
		}
		l.takeAuthority(c, syncengine.Position{Replica: g.Replica, Seq: p.seq})
		return l.applyToLedger(p, r)
	case syncengine.Refuse, syncengine.Void, syncengine.Release, syncengine.Redact, syncengine.Untimed:
		key := append(append([]byte(nil), r.Target.Hash[:]...), p.key()...)
		if err := l.w.Put(spaceRulings, l.id, key, present); err != nil {
			return err
		}
		return l.applyToChange(r)
	}
	return nil
}

// applyToLedger lets a revocation or publication reach the records that it changes.
func (l *Ledger) applyToLedger(p position, r *syncengine.Ruling) error {
	switch r.Type {
	case syncengine.Publish:
		if err := l.w.Put(spaceVersions, l.id, r.Version.Hash[:], p.key()); err != nil {
			return err
		}
		prefix := waitsForVersion(r.Version)
		return l.wake(prefix, after(prefix))
	case syncengine.Revoke:
		grant := l.authority.Ruling(r.Target)
		if grant == nil {
			return nil
		}
		logs, err := l.logsOf(grant.Replica)
		if err != nil {
			return err
		}
		for _, g := range logs {
			if err := l.rebuildFrom(g, r.Cut.Seq+1); err != nil {
				return err
			}
			if g.Branch > 0 { // lines before the cut may lie on another branch than it
				if err := l.rebuildFrom(g, g.Fork+1); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// rebuildFrom marks the records that lines from seq on are about.
func (l *Ledger) rebuildFrom(g *log, seq uint64) error {
	for n := max(seq, g.Fork+1); n <= g.Tip.Seq; n++ {
		line, err := l.line(position{g.Number, n})
		if err != nil {
			return err
		}
		l.rebuild(line.Change.Key())
	}
	return nil
}

// applyToChange lets a ruling about one change reach that change, where it is held.
func (l *Ledger) applyToChange(r *syncengine.Ruling) error {
	at, err := l.positionsOf(r.Target)
	if err != nil || len(at) == 0 {
		return err
	}
	line, err := l.line(at[0])
	if err != nil {
		return err
	}
	target := line.Change
	if target.Ruling != nil || target.Genesis != nil {
		if r.Type != syncengine.Redact { // no ruling targets a ruling; only its reason can be erased
			return nil
		}
	} else {
		l.rebuild(target.Key())
	}
	decision, err := l.decision(r.Target)
	if err != nil {
		return err
	}
	if err := l.rewrite(at[0], line.Redact(decision.Erased), decision); err != nil {
		return err
	}
	for _, p := range at { // a ruling that withholds completes a line, so that its log may be held further
		g, err := l.log(p.log)
		if err != nil {
			return err
		}
		if g.Held.Seq < g.Tip.Seq {
			if err := l.advanceHeld(g); err != nil {
				return err
			}
		}
	}
	return nil
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
	err := l.r.Scan(spaceRulings, l.id, id.Hash[:], after(id.Hash[:]), func(key, _ []byte) (bool, error) {
		p, err := readPosition(key[len(id.Hash):])
		at = append(at, p)
		return true, err
	})
	if err != nil {
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
