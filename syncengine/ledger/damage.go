package ledger

import (
	"bytes"
	"errors"
	"slices"

	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/store"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// unreadable reports whether err says that something kept is damaged, rather than that the store failed.
func unreadable(err error) bool { return errors.Is(err, store.ErrCorrupt) }

// common returns how many lines of a run a branch holds in the same places, before the first that differs or is new. A line that can't be
// read is known by its change, which says where it lies.
func (l *Ledger) common(g *log, in *Incoming) (int, error) {
	for i, line := range in.Decoded {
		seq := in.First + uint64(i)
		if seq > g.Tip.Seq {
			return i, nil
		}
		p, err := l.place(g, seq)
		if err != nil {
			return 0, err
		}
		same, err := l.keeps(p, in.Lines[i])
		if err != nil && !unreadable(err) {
			return 0, err
		}
		if !same {
			same, err = l.lies(line.Change.ID, p)
		}
		if err != nil || !same {
			return i, err
		}
	}
	return len(in.Decoded), nil
}

// lies reports whether the change called id lies at p, by what its id leads to or else by what is kept there.
func (l *Ledger) lies(id syncengine.ChangeID, p position) (bool, error) {
	if at, err := l.positionsOf(id); err == nil && slices.Contains(at, p) {
		return true, nil
	}
	there, err := l.idAt(p)
	return there == id, err
}

// keeps reports whether the line at p is kept in just these bytes.
func (l *Ledger) keeps(p position, raw []byte) (bool, error) {
	kept, err := l.r.Get(spaceLines, l.id, p.key())
	return len(kept) > 0 && kept[0] == markLine && bytes.Equal(kept[1:], raw), err
}

// healRun puts right those of the first count lines of a run that a branch holds but can't read.
func (l *Ledger) healRun(g *log, in *Incoming, count int) error {
	for i, line := range in.Decoded[:count] {
		p, err := l.place(g, in.First+uint64(i))
		if err != nil {
			return err
		}
		if same, _ := l.keeps(p, in.Lines[i]); same {
			continue
		}
		switch _, err := l.line(p); {
		case err == nil:
		case !unreadable(err):
			return err
		default:
			if err := l.heal(p, line); err != nil {
				return err
			}
		}
	}
	return nil
}

// heal keeps a line anew at a position at which it can't be read, less what rulings take from it.
func (l *Ledger) heal(p position, line *wire.Line) error {
	id := line.Change.ID
	at, err := l.positionsOf(id)
	if err != nil || !slices.Contains(at, p) {
		return err // its place is damaged too
	}
	if p != at[0] {
		if err := l.w.Put(spaceLines, l.id, p.key(), append([]byte{markElse}, id.Hash[:]...)); err != nil {
			return err
		}
		if _, err := l.line(at[0]); !unreadable(err) {
			return err
		}
	}
	decision, err := l.decisionOn(line.Change)
	if err != nil {
		return err
	}
	l.rebuild(line.Change.Key())
	return l.rewrite(at[0], l.erase(line, decision), decision)
}

// eraseUnreadable forgets the bytes of a line of which a value is to be erased and which nobody can read, so that it is erased all the
// same.
func (l *Ledger) eraseUnreadable(p position, r *syncengine.Ruling) error {
	for _, path := range r.Paths {
		l.erasures = append(l.erasures, Erasure{Change: &syncengine.Change{ID: r.Target}, Path: path})
	}
	return l.w.Put(spaceLines, l.id, p.key(), []byte{markLine, 0})
}

// readable returns those changes of a record that can be read and judged.
func (l *Ledger) readable(e *Entry) ([]syncengine.Judged, error) {
	out := make([]syncengine.Judged, 0, len(e.positions))
	for _, p := range e.positions {
		j, err := l.judgeAt(e, p)
		if unreadable(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		out = append(out, j)
	}
	return out, nil
}

// judgeAt reaches the verdict on the change that is kept at p.
func (l *Ledger) judgeAt(e *Entry, p position) (syncengine.Judged, error) {
	line, err := l.line(p)
	if err != nil {
		return syncengine.Judged{}, err
	}
	return l.judgeKept(e, line.Change)
}
