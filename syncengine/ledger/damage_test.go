package ledger_test

import (
	"bytes"
	"context"
	"testing"

	se "github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/ledger"
	"github.com/arpenteur/arpenteur/syncengine/store"
)

// damaged returns the server with one kept value broken, and nothing in its caches.
func (w *world) damaged(k kept) *node {
	w.t.Helper()
	n := w.server.copyOf("server with damage")
	n.store = w.server.flipped(k, len(k.value)/2, 1)
	return n
}

// deciding reports whether a kept line is one that every verdict depends on.
func deciding(k kept) bool {
	for _, kind := range []string{`"type":"grant"`, `"type":"revoke"`, `"type":"publish"`} {
		if bytes.Contains(k.value, []byte(kind)) {
			return true
		}
	}
	return false
}

func TestALineThatWasDamagedIsHealedByTheRunThatBringsItAgain(t *testing.T) {
	w, keys := eventful(t)
	for _, other := range w.tablets { // what only the server gave a value to is held by others too
		w.server.fillFrom(other)
	}
	w.converge()
	runs := w.server.all()
	for _, k := range w.server.kept("lines") {
		if deciding(k) || unbound(k, len(k.value)/2) {
			continue
		}
		n := w.damaged(k)
		if len(w.faults(n.store)) == 0 {
			t.Fatalf("no fault at %x", k.key)
		}
		n.takeAll(runs...)
		for _, f := range w.faults(n.store) {
			t.Errorf("line %x is not healed: %v", k.key, f)
		}
		for _, key := range keys {
			if got, want := n.document(key), w.server.document(key); got != want {
				t.Errorf("healed it shows %s, not %s", got, want)
			}
		}
	}
}

func TestADamagedLineHoldsBackNothingButItsChange(t *testing.T) {
	w := newWorld(t)
	tablet := w.node("t1", "c1")
	w.tablets = append(w.tablets, tablet)
	grant := w.grant(tablet, "")
	tablet.pull(w.server)
	key := w.observation()
	tablet.edit(key, set("/litter", "1"))
	lost := tablet.edit(key, set("/note", `"unreadable"`))
	w.converge()
	for _, k := range w.server.kept("lines") {
		if !bytes.Contains(k.value, []byte("unreadable")) {
			continue
		}
		w.server = w.damaged(k)
	}
	if got := w.server.document(key); got != `{"litter":1,"note":"unreadable"}` {
		t.Errorf("merged before it broke, it shows %s", got)
	}
	w.rule(se.Ruling{Type: se.Untimed, Target: lost.Change.ID})
	w.rule(se.Ruling{Type: se.Redact, Target: lost.Change.ID, Paths: []se.Path{"/note"}})
	w.publish("cleanliness", 2)
	tablet.edit(key, set("/glass", "3"))
	w.server.takeAll(tablet.lacking(w.server.vector())...)
	w.rule(se.Ruling{Type: se.Revoke, Target: grant, Cut: tablet.own})
	if got := w.server.document(key); got != `{"glass":3,"waste":1}` {
		t.Errorf("merged anew, it shows %s", got)
	}
	w.server.view(func(l *ledger.Ledger) error {
		steps, err := l.History(key)
		if len(steps) != 2 {
			t.Errorf("%d steps", len(steps))
		}
		return err
	})
	if refreshed, _ := w.server.refresh(-1); refreshed != 0 {
		t.Errorf("%d are stale", refreshed)
	}
	faults := w.faults(w.server.store)
	if len(faults) != 1 || faults[0].Seq != 2 || faults[0].Replica != tablet.pen.Replica() {
		t.Errorf("faults %v", faults)
	}
	if w.server.holds("eadable") {
		t.Error("what was to be erased is still there")
	}
}

func TestARunOverDamageThatItCantHealIsRefusedAlone(t *testing.T) {
	w, tablet, _ := threeLines(t)
	other := w.tablet("t2", "c2")
	w.converge()
	note := other.note("another log")
	var gone []kept
	w.server.view(func(l *ledger.Ledger) error {
		for _, k := range w.server.kept("heads", "lines") {
			replica, _, _, err := l.At(k.key)
			w.must(err)
			if replica == tablet.pen.Replica() {
				gone = append(gone, k)
			}
		}
		return nil
	})
	w.must(w.server.store.Update(context.Background(), func(tx store.Writer) error {
		for _, k := range gone {
			w.must(tx.Delete(k.space, w.id, k.key))
		}
		return nil
	}))
	tablet.note("more")
	late := tablet.lacking(se.VersionVector{tablet.pen.Replica(): {w.headAt(tablet, 2)}, w.server.pen.Replica(): {w.server.own}})
	if got := w.server.take(append(late, other.ownRuns()...)...); len(got) != 1 {
		t.Errorf("refused: %v", got)
	}
	if got := w.server.document(note); got != `{"note":"another log"}` {
		t.Errorf("another log shows %s", got)
	}
}
