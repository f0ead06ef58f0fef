package ledger_test

import (
	"slices"
	"testing"

	se "github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/ledger"
	"github.com/arpenteur/arpenteur/syncengine/store"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// relay is a node that holds what the server holds, and nothing else.
func (w *world) relay(name string) *node {
	w.t.Helper()
	n := w.fresh(name)
	n.pull(w.server)
	return n
}

// sent returns the line of a change as a node sends it, in a run and by itself, which must be the same.
func (n *node) sent(id se.ChangeID) *wire.Line {
	n.w.t.Helper()
	var out *wire.Line
	n.view(func(l *ledger.Ledger) (err error) {
		out, err = l.Line(id)
		return err
	})
	for _, run := range n.all() {
		for i, line := range run.Decoded {
			if line.Change.ID == id && string(run.Lines[i]) != string(wire.AppendLine(nil, out)) {
				n.w.t.Errorf("%s sends %s in a run, and by itself %s", n.name, run.Lines[i], wire.AppendLine(nil, out))
			}
		}
	}
	return out
}

func (n *node) wants() []se.ChangeID {
	n.w.t.Helper()
	var out []se.ChangeID
	n.view(func(l *ledger.Ledger) (err error) {
		out, err = l.Wanted(10)
		return err
	})
	return out
}

func TestARefusedChangeIsKeptWithItsReasonAndSentWithoutItsValues(t *testing.T) {
	for name, before := range map[string]bool{"refused before it arrives": true, "refused after it arrived": false} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			tablet := w.tablet("t1", "c1")
			key := w.observation()
			line := tablet.edit(key, set("/litter", "2"), set("/note", `"unfounded"`))
			if !before {
				w.server.pull(tablet)
			}
			ruling := w.ruleWith(se.Ruling{Type: se.Refuse, Target: line.Change.ID}, "not seen by anybody")
			w.server.pull(tablet)
			if got := w.server.verdict(line.Change.ID); got != string(se.Refused) {
				t.Errorf("the change is %s", got)
			}
			if form := w.server.sent(line.Change.ID).Form; form != wire.Bare {
				t.Errorf("it is sent in form %d", form)
			}
			w.server.view(func(l *ledger.Ledger) error {
				s, err := l.Change(line.Change.ID)
				if s.Reason != "not seen by anybody" || s.Decision.By != ruling || s.Write("/litter").Value != "2" {
					t.Errorf("shown with %q, %v", s.Reason, s.Writes)
				}
				return err
			})
			third := w.relay("t3")
			if third.holds("unfounded") {
				t.Error("a relay got the values")
			}
			if got := third.document(key); got != "null" || !slices.Equal(third.record(key).States, []ledger.RecordState{ledger.StateIneffective, ledger.StateAbsent}) {
				t.Errorf("a relay shows %s in state %v", got, third.record(key).States)
			}
			if !third.vector().Equal(w.server.vector()) || len(third.wants()) != 0 {
				t.Error("a refused change is not held without its values")
			}
			w.converge()
			if got := tablet.verdict(line.Change.ID); got != string(se.Refused) {
				t.Errorf("for its author the change is %s", got)
			}
			for _, n := range append(w.nodes(), third) {
				n.verify()
			}
		})
	}
}

func TestAReleasedChangeIsAskedForByWhoeverWasNotSentItsValues(t *testing.T) {
	w := newWorld(t)
	tablet := w.tablet("t1", "c1")
	key := w.observation()
	line := tablet.edit(key, set("/litter", "2"))
	w.server.pull(tablet)
	w.rule(se.Ruling{Type: se.Refuse, Target: line.Change.ID})
	third := w.relay("t3")
	w.rule(se.Ruling{Type: se.Release, Target: line.Change.ID})
	third.pull(w.server)
	if got := third.wants(); !slices.Equal(got, []se.ChangeID{line.Change.ID}) {
		t.Errorf("wanted are %v", got)
	}
	if got := third.verdict(line.Change.ID); got != string(se.NeedsValues) {
		t.Errorf("without values the released change is %s", got)
	}
	third.verify()
	third.update(func(l *ledger.Ledger) error {
		filled, err := l.Fill(w.server.sent(line.Change.ID))
		if !filled {
			t.Error("nothing was missing")
		}
		return err
	})
	for _, n := range []*node{w.server, third} {
		if got := n.document(key); got != `{"litter":2}` || len(n.wants()) != 0 {
			t.Errorf("%s shows %s", n.name, got)
		}
		n.verify()
	}
	fourth := w.relay("t4")
	if got := fourth.document(key); got != `{"litter":2}` {
		t.Errorf("who comes later shows %s", got)
	}
}

func TestAFilledChangeThatNobodyMissesOrHoldsChangesNothing(t *testing.T) {
	w := newWorld(t)
	tablet := w.tablet("t1", "c1")
	line := tablet.edit(w.observation(), set("/litter", "2"))
	fill := func() (filled bool) {
		w.server.update(func(l *ledger.Ledger) (err error) {
			filled, err = l.Fill(line)
			return err
		})
		return filled
	}
	before := w.server.dump()
	if fill() || w.server.dump() != before {
		t.Error("a change that is not held was filled")
	}
	w.server.pull(tablet)
	before = w.server.dump()
	if fill() || w.server.dump() != before {
		t.Error("a change that is held whole was filled")
	}
}

func TestVoidingAChangeInTheMiddleLeavesTheLastOne(t *testing.T) {
	w := newWorld(t)
	tablet := w.tablet("t1", "c1")
	key := w.observation()
	tablet.edit(key, set("/litter", "1"))
	middle := tablet.edit(key, set("/litter", "2"))
	tablet.edit(key, set("/litter", "3"))
	w.converge()
	w.rule(se.Ruling{Type: se.Void, Target: middle.Change.ID})
	w.converge()
	for _, n := range append(w.nodes(), w.relay("t3")) {
		if got := n.document(key); got != `{"litter":3}` || len(n.record(key).Field("/litter").Survivors) != 1 {
			t.Errorf("%s shows %s", n.name, got)
		}
		if form := n.sent(middle.Change.ID).Form; form != wire.Whole {
			t.Errorf("%s sends the voided change in form %d", n.name, form)
		}
		n.verify()
	}
}

func TestARedactedValueIsNowhereAndItsChangeStands(t *testing.T) {
	for name, before := range map[string]bool{"redacted before it arrives": true, "redacted after it arrived": false} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			tablet := w.tablet("t1", "c1")
			key := w.observation()
			line := tablet.edit(key, set("/litter", "2"), set("/note", `"Madame Durand au 3e"`))
			if !before {
				w.converge()
			}
			w.rule(se.Ruling{Type: se.Redact, Target: line.Change.ID, Paths: []se.Path{"/note"}})
			w.converge()
			late := w.relay("t3")
			for _, n := range append(w.nodes(), late) {
				if n.holds("Durand") {
					t.Errorf("%s still has it", n.name)
				}
				if got := n.document(key); got != `{"litter":2}` {
					t.Errorf("%s shows %s", n.name, got)
				}
				if f := n.record(key).Field("/note"); !f.Erased || len(f.Survivors) != 1 {
					t.Errorf("%s: field %+v", n.name, f)
				}
				if got := n.verdict(line.Change.ID); got != "effective" {
					t.Errorf("%s: the change is %s", n.name, got)
				}
				n.verify()
			}
			if a, b := late.all(), w.server.all(); len(a) != len(b) || string(a[1].Lines[0]) != string(b[1].Lines[0]) {
				t.Error("old and new holders do not send the same")
			}
			tablet.takeAll(w.craft(tablet.pen.Key, se.Head{}, wire.AppendLine(nil, line))) // a run that was under way all along
			tablet.update(func(l *ledger.Ledger) error {
				_, err := l.Fill(line)
				return err
			})
			if tablet.holds("Durand") {
				t.Error("it came back")
			}
		})
	}
}

func TestARedactedValueDoesNotComeBackWithThoseThatWereMissing(t *testing.T) {
	w := newWorld(t)
	tablet := w.tablet("t1", "c1")
	key := w.observation()
	line := tablet.edit(key, set("/litter", "2"), set("/note", `"Madame Durand au 3e"`))
	run := tablet.ownRuns()[0]
	w.server.takeAll(w.stripped(run))
	w.rule(se.Ruling{Type: se.Redact, Target: line.Change.ID, Paths: []se.Path{"/note"}})
	w.server.takeAll(run)
	if got := w.server.document(key); got != `{"litter":2}` || w.server.holds("Durand") {
		t.Errorf("it shows %s", got)
	}
	w.server.verify()
}

func TestWhatARedactedRecordWasFoundByIsForgotten(t *testing.T) {
	w := newWorld(t)
	tablet := w.tablet("t1", "c1")
	key := w.observation()
	line := tablet.edit(key, set("/place", `"hall-3"`), set("/litter", "7"))
	w.converge()
	if got := w.server.find(ledger.Filter{Where: map[string]string{"place": "hall-3"}}); len(got) != 1 {
		t.Fatal("not found before")
	}
	w.rule(se.Ruling{Type: se.Redact, Target: line.Change.ID, Paths: []se.Path{"/place", "/litter"}})
	if got := w.server.find(ledger.Filter{Where: map[string]string{"place": "hall-3"}}); len(got) != 0 {
		t.Error("found by the redacted value")
	}
	if m := w.server.record(key); len(m.Violations) != 0 || !slices.Equal(m.States, []ledger.RecordState{ledger.StateClean}) {
		t.Errorf("still in state %v", m.States)
	}
	keys := 0
	w.server.each(func(space store.Space, _, _ []byte) {
		if space == "index" {
			keys++
		}
	})
	if keys != 2 { // its domain and its state
		t.Errorf("%d keys of the index are left", keys)
	}
}

func TestTheReasonOfARulingCanBeErasedAndNothingElseOfIt(t *testing.T) {
	w := newWorld(t)
	tablet := w.tablet("t1", "c1")
	key := w.observation()
	line := tablet.edit(key, set("/litter", "2"))
	w.server.pull(tablet)
	refusal := w.ruleWith(se.Ruling{Type: se.Refuse, Target: line.Change.ID}, "said by Madame Durand")
	publication := se.ChangeID{}
	for _, x := range w.written {
		if r := x.line.Change.Ruling; r != nil && r.Type == se.Publish {
			publication = x.line.Change.ID
		}
	}
	for _, r := range []se.Ruling{
		{Type: se.Redact, Target: refusal, Paths: []se.Path{"/reason"}},
		{Type: se.Redact, Target: publication, Paths: []se.Path{"/content"}},
		{Type: se.Refuse, Target: publication},
		{Type: se.Refuse, Target: refusal},
		{Type: se.Void, Target: refusal},
		{Type: se.Redact, Target: publication, Paths: []se.Path{"/reason"}},
		{Type: se.Redact, Target: se.ChangeID{Hash: w.id.Hash}, Paths: []se.Path{"/reason"}},
		{Type: se.Refuse, Target: se.ChangeID{Hash: w.id.Hash}},
	} {
		w.rule(r)
	}
	for _, n := range []*node{w.server, w.relay("late")} {
		if n.holds("Durand") {
			t.Errorf("%s still has the reason", n.name)
		}
		if got := n.verdict(line.Change.ID); got != string(se.Refused) {
			t.Errorf("%s: the change is %s", n.name, got)
		}
		n.view(func(l *ledger.Ledger) error {
			s, err := l.Change(line.Change.ID)
			if s.Reason != "" {
				t.Errorf("%s: reason %q", n.name, s.Reason)
			}
			if l.Checklist(versionOf("cleanliness", 1)) == nil {
				t.Errorf("%s: the publication has lost its content", n.name)
			}
			return err
		})
		n.verify()
	}
}

func TestAnUntimedChangeIsShownBelowEveryOther(t *testing.T) {
	w := newWorld(t)
	t1, t2 := w.tablet("t1", "c1"), w.tablet("t2", "c2")
	key := w.observation()
	t1.edit(key, set("/litter", "1"))
	w.converge()
	future := t1.form("cleanliness", key, set("/note", `"from 2031"`))
	future.Time = 1 << 42
	line := t1.commit(future)[0]
	t2.edit(key, set("/note", `"of today"`))
	w.converge()
	if got := t2.document(key); got != `{"litter":1,"note":"from 2031"}` {
		t.Errorf("before the ruling: %s", got)
	}
	w.rule(se.Ruling{Type: se.Untimed, Target: line.Change.ID})
	w.converge()
	for _, n := range append(w.nodes(), w.relay("t3")) {
		if got := n.document(key); got != `{"litter":1,"note":"of today"}` {
			t.Errorf("%s shows %s", n.name, got)
		}
		n.verify()
	}
}

// find lists the keys of the records that a filter wants.
func (n *node) find(f ledger.Filter) []se.RecordKey {
	n.w.t.Helper()
	var out []se.RecordKey
	n.view(func(l *ledger.Ledger) error {
		return l.List(f, nil, func(m *ledger.Merged) (bool, error) {
			out = append(out, m.Key)
			return true, nil
		})
	})
	return out
}
