package ledger_test

import (
	"fmt"
	"slices"
	"testing"

	se "github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/ledger"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

func TestAChangeMadeUnderALaterVersionWaitsForIt(t *testing.T) {
	w := newWorld(t)
	t1 := w.tablet("t1", "c1")
	behind := w.relay("behind")
	key := w.observation()
	first := t1.edit(key, set("/litter", "2"), set("/tags/bulky/", se.True))
	behind.pull(t1)
	w.publish("cleanliness", 2)
	t1.pull(w.server)
	second := t1.edit(key, set("/waste", "4"))
	other := t1.edit(w.observation(), set("/waste", "1"))
	behind.takeAll(t1.ownRuns()...)
	for _, line := range []*wire.Line{second, other} {
		if got := behind.verdict(line.Change.ID); got != string(se.NeedsAuthority) {
			t.Errorf("the change is %s", got)
		}
	}
	if got := behind.document(key); got != `{"litter":2,"tags":["bulky"]}` {
		t.Errorf("meanwhile it shows %s", got)
	}
	behind.verify()
	behind.pull(w.server)
	w.server.pull(t1)
	for _, n := range []*node{behind, w.server, t1} {
		if got := n.document(key); got != `{"tags":["large"],"waste":4}` {
			t.Errorf("%s shows %s", n.name, got)
		}
		if got := n.verdict(first.Change.ID); got != "effective" {
			t.Errorf("%s: the older change is %s", n.name, got)
		}
		n.verify()
	}
}

func TestAVersionWhoseContentComesLaterWakesWhatWaitedForIt(t *testing.T) {
	w := newWorld(t)
	t1 := w.tablet("t1", "c1")
	behind := w.relay("behind")
	w.publish("cleanliness", 2)
	t1.pull(w.server)
	line := t1.edit(w.observation(), set("/waste", "4"))
	runs := w.server.lacking(behind.vector())
	behind.takeAll(w.stripped(runs[0]))
	behind.takeAll(t1.ownRuns()...)
	if got := behind.verdict(line.Change.ID); got != string(se.NeedsVersion) {
		t.Errorf("the change is %s", got)
	}
	behind.verify()
	behind.takeAll(runs...)
	if got := behind.document(line.Change.Key()); got != `{"waste":4}` {
		t.Errorf("it shows %s", got)
	}
	behind.verify()
}

func TestContentThatIsNotWhatTheVersionIsNamedAfterIsNoVersion(t *testing.T) {
	w := newWorld(t)
	content, _ := contentOf("cleanliness", 2)
	forged := se.VersionID{Hash: se.Hash{1}}
	edits, err := ledger.Publish(w.newID, "boss", 5, ledger.Publication{Version: forged, Lineage: "cleanliness", Content: content})
	w.must(err)
	w.server.commit(edits...)
	w.server.view(func(l *ledger.Ledger) error {
		if l.Checklist(forged) != nil || len(l.Reading("cleanliness")) != 1 {
			t.Error("it is in force")
		}
		return nil
	})
}

func TestARecordOfAnOlderVersionIsReadThroughLensesAndRefreshed(t *testing.T) {
	w := newWorld(t)
	tablet := w.tablet("t1", "c1")
	place := map[string]string{"place": "hall-3"}
	var keys []se.RecordKey
	for i := range 5 {
		key := w.observation()
		tablet.edit(key, set("/litter", se.Value(fmt.Sprint(i+1))), set("/glass", "1"), set("/place", `"hall-3"`))
		keys = append(keys, key)
	}
	slices.SortFunc(keys, func(a, b se.RecordKey) int { return slices.Compare(a.ID[:], b.ID[:]) })
	w.converge()
	w.publish("cleanliness", 2)
	w.publish("cleanliness", 3)
	for _, stale := range []int{5, 0} { // before and after the refresh
		for _, key := range keys {
			if m := w.server.record(key); m.Field("/waste") == nil || m.Field("/glass") != nil {
				t.Errorf("read as %s", w.server.document(key))
			}
		}
		if got := w.server.find(ledger.Filter{Where: place}); !slices.Equal(got, keys) {
			t.Errorf("found %v", got)
		}
		if refreshed, rounds := w.server.refresh(2); refreshed != stale || rounds != 3 {
			t.Errorf("%d records were refreshed in %d rounds", refreshed, rounds)
		}
	}
	w.server.verify()
}

// refresh merges stale records anew, so many at once, and returns how many there were and in how many transactions.
func (n *node) refresh(limit int) (refreshed, rounds int) {
	n.w.t.Helper()
	for next := []byte(nil); rounds == 0 || next != nil; rounds++ {
		var some int
		n.update(func(l *ledger.Ledger) (err error) {
			next, some, err = l.Refresh(next, limit)
			return err
		})
		refreshed += some
	}
	return refreshed, rounds
}

func TestARecordOfTwoChecklistsIsReadAnewWhenEitherMovesOn(t *testing.T) {
	w := newWorld(t)
	w.publish("lighting", 1)
	tablet := w.tablet("t1", "c1")
	key := w.observation()
	tablet.edit(key, set("/litter", "1"))
	tablet.editUnder("lighting", key, set("/lamp", "2"))
	w.converge()
	w.publish("lighting", 2)
	w.converge()
	late := w.relay("t3")
	for _, n := range append(w.nodes(), late) {
		if a, b := fmt.Sprint(n.record(key).Fields), fmt.Sprint(late.record(key).Fields); a != b {
			t.Errorf("%s shows\n%s\nand who came later\n%s", n.name, a, b)
		}
		if n != late { // what comes now is merged into what was read anew
			n.edit(key, set("/litter", "3"))
		}
		n.verify()
	}
}

// C covers B covers X, B is refused, and X arrives last, when a lens has moved the register that they wrote.
func TestAChangeWithoutEffectIsReadThroughLensesTooWhenItPassesOnWhatItCovers(t *testing.T) {
	w := newWorld(t)
	t1, t2, t3 := w.tablet("t1", "c1"), w.tablet("t2", "c2"), w.tablet("t3", "c3")
	behind := w.relay("behind")
	key := w.observation()
	t1.edit(key, set("/litter", "1"))
	t2.pull(t1)
	b := t2.edit(key, set("/litter", "2"))
	t3.pull(t2)
	t3.edit(key, set("/litter", "3"))
	w.rule(se.Ruling{Type: se.Refuse, Target: b.Change.ID})
	behind.takeAll(t2.ownRuns()...)
	behind.pull(w.server)
	w.publish("cleanliness", 2)
	behind.pull(w.server)
	behind.takeAll(t3.ownRuns()...)
	behind.takeAll(t1.ownRuns()...)
	if got := behind.document(key); got != `{"waste":3}` || len(behind.record(key).Field("/waste").Survivors) != 1 {
		t.Errorf("it shows %s of %v", got, behind.record(key).Field("/waste").Survivors)
	}
	behind.verify()
}
