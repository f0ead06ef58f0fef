package ledger

import (
	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/store"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// Watcher follows what becomes of changes, in the transaction that it happens in: it keeps an index of its own beside the ledger, which
// is there exactly when the change is. What it returns as an error fails the transaction. It may be called again for the same thing,
// since a transaction may run twice.
type Watcher interface {
	// Judged is told of changes of one record, each with its verdict of now: those that were taken, or all that can be read where the
	// record was merged anew.
	Judged(w store.Writer, l *Ledger, changes []syncengine.Judged) error
	// Erased is told of a value that a ruling erased here, before Judged is told of its change.
	Erased(w store.Writer, l *Ledger, e Erasure) error
}

// Erasure is a value that a ruling erased: one that was held, or that arrived after the ruling.
type Erasure struct {
	Change *syncengine.Change // as it was; of one that could not be read any more, the id alone
	Path   syncengine.Path
	Value  syncengine.Value // empty where it could not be read
}

// Watch makes w follow every ledger that k opens from now on. It is to be called before k is used.
func (k *Keeper) Watch(w Watcher) { k.watcher = w }

// erase returns the line without what rulings erased of its change, and notes what it held of that.
func (l *Ledger) erase(line *wire.Line, d syncengine.Decision) *wire.Line {
	for _, path := range d.Erased {
		if w := line.Change.Write(path); w != nil && w.Value != "" {
			l.erasures = append(l.erasures, Erasure{Change: line.Change, Path: path, Value: w.Value})
		}
	}
	return line.Redact(d.Erased)
}

// Erased reports whether values were erased here since the ledger was opened.
func (l *Ledger) Erased() bool { return l.erased }

// tellErasures tells the watcher of the values that were erased since it was told last.
func (l *Ledger) tellErasures() error {
	list := l.erasures
	l.erasures, l.erased = nil, l.erased || len(list) > 0
	if l.k.watcher == nil {
		return nil
	}
	for _, e := range list {
		if err := l.k.watcher.Erased(l.w, l, e); err != nil {
			return err
		}
	}
	return nil
}

// Replicas returns the replicas whose logs hold a change, each once.
func (l *Ledger) Replicas(id syncengine.ChangeID) ([]syncengine.ReplicaID, error) {
	at, err := l.positionsOf(id)
	if err != nil {
		return nil, err
	}
	var out []syncengine.ReplicaID
	seen := map[syncengine.ReplicaID]bool{}
	for _, p := range at {
		g, err := l.log(p.log)
		if err != nil {
			return nil, err
		}
		if !seen[g.Replica] {
			seen[g.Replica] = true
			out = append(out, g.Replica)
		}
	}
	return out, nil
}
