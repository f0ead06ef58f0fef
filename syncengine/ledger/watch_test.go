package ledger_test

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	se "github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/ledger"
	"github.com/arpenteur/arpenteur/syncengine/store"
)

// watcher notes what it is told.
type watcher struct{ judged, erased []string }

func (x *watcher) Judged(_ store.Writer, l *ledger.Ledger, changes []se.Judged) error {
	for i := range changes {
		replicas, err := l.Replicas(changes[i].ID)
		if err != nil {
			return err
		}
		x.judged = append(x.judged, fmt.Sprintf("%s %v in %d", changes[i].ID, changes[i].Verdict.Status, len(replicas)))
	}
	return nil
}

func (x *watcher) Erased(_ store.Writer, _ *ledger.Ledger, e ledger.Erasure) error {
	x.erased = append(x.erased, fmt.Sprintf("%s%s=%s", e.Change.ID, e.Path, e.Value))
	return nil
}

// watch makes the server's ledgers be watched, for what comes from now on.
func (w *world) watch() *watcher {
	x := &watcher{}
	w.server.keep.Watch(x)
	return x
}

func TestAWatcherIsToldOfEveryValueThatARulingErasesWheneverItComes(t *testing.T) {
	for name, order := range map[string]func(w *world, tablet *node, rule func()){
		"held": func(w *world, tablet *node, rule func()) {
			w.server.takeAll(tablet.ownRuns()...)
			rule()
		},
		"still to come": func(w *world, tablet *node, rule func()) {
			rule()
			w.server.takeAll(tablet.ownRuns()...)
		},
		"missing at first": func(w *world, tablet *node, rule func()) {
			w.server.takeAll(w.stripped(tablet.ownRuns()[0]))
			rule()
			w.server.takeAll(tablet.ownRuns()...)
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			tablet := w.tablet("t1", "c1")
			line := tablet.edit(w.observation(), set("/litter", "2"), set("/note", `"a name"`))
			x := w.watch()
			order(w, tablet, func() { w.rule(se.Ruling{Type: se.Redact, Target: line.Change.ID, Paths: []se.Path{"/note"}}) })
			if want := []string{line.Change.ID.String() + `/note="a name"`}; !slices.Equal(x.erased, want) {
				t.Errorf("told of %v, want %v", x.erased, want)
			}
			x.erased = nil
			w.server.takeAll(tablet.ownRuns()...) // nothing new
			if len(x.erased) > 0 {
				t.Errorf("told again of %v", x.erased)
			}
		})
	}
}

func TestAWatcherIsToldOfAnErasedValueThatNobodyCanReadAnyMore(t *testing.T) {
	w := newWorld(t)
	tablet := w.tablet("t1", "c1")
	line := tablet.edit(w.observation(), set("/note", `"unreadable"`))
	w.converge()
	for _, k := range w.server.kept("lines") {
		if bytes.Contains(k.value, []byte("unreadable")) {
			w.server = w.damaged(k)
		}
	}
	x := w.watch()
	w.rule(se.Ruling{Type: se.Redact, Target: line.Change.ID, Paths: []se.Path{"/note"}})
	if want := []string{line.Change.ID.String() + "/note="}; !slices.Equal(x.erased, want) {
		t.Errorf("told of %v, want %v", x.erased, want)
	}
}

func TestAWatcherIsToldOfEachChangeAgainWhenItsVerdictMayHaveChanged(t *testing.T) {
	w := newWorld(t)
	tablet := w.tablet("t1", "c1")
	key := w.observation()
	first := tablet.edit(key, set("/litter", "2"))
	second := tablet.edit(key, set("/litter", "3"))
	x := w.watch()
	says := func(want ...string) {
		t.Helper()
		slices.Sort(x.judged)
		slices.Sort(want)
		if !slices.Equal(x.judged, want) {
			t.Errorf("told %v, want %v", x.judged, want)
		}
		x.judged = nil
	}
	w.server.takeAll(tablet.ownRuns()...)
	says(fmt.Sprintf("%s %v in 1", first.Change.ID, se.Effective), fmt.Sprintf("%s %v in 1", second.Change.ID, se.Effective))
	third := tablet.edit(key, set("/note", `"x"`))
	w.server.takeAll(tablet.lacking(w.server.vector())...)
	says(fmt.Sprintf("%s %v in 1", third.Change.ID, se.Effective)) // the others stay what they were
	w.rule(se.Ruling{Type: se.Void, Target: first.Change.ID})
	says(fmt.Sprintf("%s %v in 1", first.Change.ID, se.Ineffective), fmt.Sprintf("%s %v in 1", second.Change.ID, se.Effective),
		fmt.Sprintf("%s %v in 1", third.Change.ID, se.Effective))
}
