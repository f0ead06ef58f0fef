package ledger_test

import (
	"slices"
	"testing"

	se "github.com/arpenteur/arpenteur/syncengine"
)

func TestTwoTabletsAndTheServerHoldTheSameMergedRecord(t *testing.T) {
	w := newWorld(t)
	t1, t2 := w.tablet("t1", "c1"), w.tablet("t2", "c2")
	key := w.observation()
	t1.edit(key, set("/litter", "2"))
	w.converge()
	t1.edit(key, set("/litter", "3"))
	t2.edit(key, set("/litter", "1"), set("/glass", "4"))
	w.converge()
	for _, n := range w.nodes() {
		m := n.record(key)
		if doc := n.document(key); doc != `{"glass":4,"litter":1}` && doc != `{"glass":4,"litter":3}` {
			t.Errorf("%s shows %s", n.name, doc)
		}
		if c := m.Conflicts(); !slices.Equal(c, []se.Path{"/litter"}) {
			t.Errorf("%s: conflicts %v", n.name, c)
		}
		n.verify()
	}
	if a, b := t1.document(key), t2.document(key); a != b || a != w.server.document(key) {
		t.Errorf("shown are %s and %s", a, b)
	}
	w.server.edit(key, set("/litter", "1"))
	t1.pull(w.server)
	if c := t1.record(key).Conflicts(); len(c) != 0 {
		t.Errorf("settled on the server, and still in conflict: %v", c)
	}
}

func TestAViolationIsNotedAndListedUntilItIsPutRight(t *testing.T) {
	w := newWorld(t)
	tablet := w.tablet("t1", "c1")
	key := w.observation()
	tablet.edit(key, set("/litter", "9"))
	w.converge()
	if m := w.server.record(key); len(m.Violations) != 1 || m.Violations[0].Rule != "maximum" {
		t.Errorf("violations %v", m.Violations)
	}
	w.server.edit(key, set("/litter", "3"))
	if m := w.server.record(key); len(m.Violations) != 0 {
		t.Errorf("violations %v", m.Violations)
	}
}
