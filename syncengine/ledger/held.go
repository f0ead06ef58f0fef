package ledger

import (
	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// want notes that values of a change are missing here though no ruling withholds them.
func (l *Ledger) want(id syncengine.ChangeID) error {
	l.wanting = nil
	return l.w.Put(spaceWants, l.id, id.Hash[:], present)
}

// wanted reports whether values of a change are missing.
func (l *Ledger) wanted(id syncengine.ChangeID) (bool, error) {
	raw, err := l.r.Get(spaceWants, l.id, id.Hash[:])
	return raw != nil, err
}

// advanceHeld moves what version vectors say of a log over every line that is complete, notes the arrival, and keeps the log.
func (l *Ledger) advanceHeld(g *log) error {
	from, err := l.hold(g)
	if err != nil {
		return err
	}
	return l.noteArrival(g, from)
}

// hold moves what is held of a log over every line that is complete, and returns what was held before.
func (l *Ledger) hold(g *log) (from syncengine.Head, err error) {
	from = g.Held
	for more := true; more && g.Held.Seq < g.Tip.Seq; {
		if more, err = l.holdNext(g); err != nil {
			return from, err
		}
	}
	return from, nil
}

// noteArrival notes that a log is held further than it was, and keeps the log.
func (l *Ledger) noteArrival(g *log, from syncengine.Head) error {
	if g.Held != from && g.Held.Seq > g.Fork {
		l.advances = append(l.advances, advance{g, from, g.Held, g.Sent})
		if g.Sent = g.Tip.Seq; g.Held.Seq < g.Tip.Seq {
			last, err := l.lastHead(g, g.Held.Seq)
			if err != nil {
				return err
			}
			g.Sent = last.Seq
		}
	}
	return l.saveLog(g)
}

// holdNext moves what is held of a log by one line, or to its tip where nothing at all is missing. It returns false where the next line
// is not complete.
func (l *Ledger) holdNext(g *log) (bool, error) {
	gap, err := l.anyWanted()
	if err != nil {
		return false, err
	}
	if !gap {
		g.Held = g.Tip
		return true, nil
	}
	p, err := l.place(g, g.Held.Seq+1)
	if err != nil {
		return false, err
	}
	id, err := l.idAt(p)
	if unreadable(err) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	wanted, err := l.wanted(id)
	if err == nil && !wanted {
		g.Held = syncengine.Head{Seq: p.seq, Chain: wire.ChainNext(g.Held.Chain, id)}
	}
	return !wanted, err
}

// advanceFilled lets the logs of changes that became complete be held further: every log that holds one of them, and its branches.
func (l *Ledger) advanceFilled() error {
	for _, id := range l.filled {
		envelopes, err := l.envelopes(id)
		if err != nil {
			return err
		}
		for _, e := range envelopes {
			if err := l.advanceBranches(e.Replica); err != nil {
				return err
			}
		}
	}
	l.filled = nil
	return nil
}

// advanceBranches lets every branch of a replica's log be held further that is not held to its tip.
func (l *Ledger) advanceBranches(replica syncengine.ReplicaID) error {
	logs, err := l.logsOf(replica)
	if err != nil {
		return err
	}
	for _, g := range logs {
		if g.Held.Seq == g.Tip.Seq {
			continue
		}
		if err := l.advanceHeld(g); err != nil {
			return err
		}
	}
	return nil
}

// anyWanted reports whether the values of any change are missing; usually none are.
func (l *Ledger) anyWanted() (bool, error) {
	if l.wanting != nil {
		return *l.wanting, nil
	}
	found := false
	err := l.r.Scan(spaceWants, l.id, nil, nil, func(_, _ []byte) (bool, error) {
		found = true
		return false, nil
	})
	if err == nil {
		l.wanting = &found
	}
	return found, err
}

// fillRun completes lines that are held without values by those of a run that repeats them.
func (l *Ledger) fillRun(in *Incoming, count int) error {
	gap, err := l.anyWanted()
	if err != nil || !gap {
		return err
	}
	for _, line := range in.Decoded[:count] {
		if err := l.fillChange(line); err != nil {
			return err
		}
	}
	return l.advanceFilled()
}

// Fill completes a change that is held without all of its values. It returns false where nothing was missing or the change is not
// held. Values are bound to the change's id, so it doesn't matter who sends them.
func (l *Ledger) Fill(line *wire.Line) (bool, error) {
	wanted, err := l.wanted(line.Change.ID)
	if err != nil || !wanted {
		return false, err
	}
	if err := l.fillChange(line); err != nil {
		return false, err
	}
	return true, l.advanceFilled()
}

// fillChange adds the values of another line of a change to the one that is held, except those that a ruling erased.
func (l *Ledger) fillChange(other *wire.Line) error {
	at, err := l.positionsOf(other.Change.ID)
	if err != nil || len(at) == 0 {
		return err
	}
	held, err := l.line(at[0])
	if unreadable(err) {
		return l.heal(at[0], other)
	}
	if err != nil || held.Complete() {
		return err
	}
	filled, err := held.Fill(other)
	if err != nil {
		return err
	}
	decision, err := l.decisionOn(held.Change)
	if err != nil {
		return err
	}
	filled = l.erase(filled, decision)
	if len(filled.Missing()) == len(held.Missing()) {
		return nil
	}
	l.rebuild(filled.Change.Key())
	if err := l.rewrite(at[0], filled, decision); err != nil {
		return err
	}
	if r := filled.Change.Ruling; r != nil && r.Type == syncengine.Publish {
		return l.wakeVersion(r.Version)
	}
	return nil
}

// rewrite replaces the kept line of a change after its values or the rulings about it changed.
func (l *Ledger) rewrite(p position, line *wire.Line, decision syncengine.Decision) error {
	id := line.Change.ID
	wanted, err := l.wanted(id)
	if err != nil {
		return err
	}
	switch complete := decision.Complete(line.Change); {
	case complete && wanted:
		l.wanting = nil
		l.filled = append(l.filled, id)
		err = l.w.Delete(spaceWants, l.id, id.Hash[:])
	case !complete && !wanted:
		err = l.want(id)
	}
	if err != nil {
		return err
	}
	return l.w.Put(spaceLines, l.id, p.key(), wire.AppendLine([]byte{markOf(decision)}, line))
}
