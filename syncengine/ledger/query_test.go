package ledger_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	se "github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/ledger"
	"github.com/arpenteur/arpenteur/syncengine/store"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

func TestTheHistoryOfARecordIsInOrderOfAuthorTimeWithVerdictsAndReasons(t *testing.T) {
	w := newWorld(t)
	tablet := w.tablet("t1", "c1")
	key := w.observation()
	var ids []se.ChangeID
	for i, time := range []int64{30, 10, 20} {
		e := tablet.form("cleanliness", key, set("/litter", se.Value("123"[i:i+1])))
		e.Time = time
		ids = append(ids, tablet.commit(e)[0].Change.ID)
	}
	w.converge()
	w.ruleWith(se.Ruling{Type: se.Void, Target: ids[2]}, "twice the same walk")
	w.server.view(func(l *ledger.Ledger) error {
		steps, err := l.History(key)
		var got []se.ChangeID
		for _, s := range steps {
			got = append(got, s.ID)
		}
		if !slices.Equal(got, []se.ChangeID{ids[1], ids[2], ids[0]}) {
			t.Errorf("history %v", got)
		}
		if s := steps[1]; s.Verdict.Reason != se.Voided || s.Reason != "twice the same walk" || len(s.Envelopes) != 1 {
			t.Errorf("step %+v", s)
		}
		if none, err := l.History(w.observation()); none != nil || err != nil {
			t.Errorf("of a record that is not there: %v, %v", none, err)
		}
		return err
	})
}

func TestWhereAChangeLiesIsKnownByItsIDAndByItsLog(t *testing.T) {
	w := newWorld(t)
	old := w.tablet("old", "c1")
	first, second := old.edit(w.observation(), set("/litter", "1")), old.edit(w.observation(), set("/litter", "2"))
	next := w.successor(old, "next", "c1")
	next.envelop(second)
	w.converge()
	unknown := se.ChangeID{Hash: se.Hash{1}}
	w.server.view(func(l *ledger.Ledger) error {
		for _, c := range []struct {
			id      se.ChangeID
			replica se.ReplicaID
			want    uint64
		}{
			{first.Change.ID, old.pen.Replica(), 1},
			{second.Change.ID, old.pen.Replica(), 2},
			{second.Change.ID, next.pen.Replica(), 1},
			{first.Change.ID, next.pen.Replica(), 0},
			{unknown, old.pen.Replica(), 0},
		} {
			if got, err := l.Sequence(c.id, c.replica); got != c.want || err != nil {
				t.Errorf("sequence %d, %v; wanted %d", got, err, c.want)
			}
		}
		for after, want := range map[uint64][]se.ChangeID{0: {first.Change.ID, second.Change.ID}, 1: {second.Change.ID}, 2: nil} {
			if got, err := l.Own(old.pen.Replica(), after, 9); !slices.Equal(got, want) || err != nil {
				t.Errorf("own after %d: %v, %v", after, got, err)
			}
		}
		if got, err := l.Own(old.pen.Replica(), 0, 1); !slices.Equal(got, []se.ChangeID{first.Change.ID}) || err != nil {
			t.Errorf("own up to 1: %v, %v", got, err)
		}
		if got, err := l.Author(first.Change.ID); got != old.pen.Replica() || err != nil {
			t.Errorf("author %v, %v", got, err)
		}
		if got, err := l.Author(unknown); !got.IsZero() || err != nil {
			t.Errorf("author of nothing: %v, %v", got, err)
		}
		if line, err := l.Line(unknown); line != nil || err != nil {
			t.Errorf("line of nothing: %v, %v", line, err)
		}
		if n, err := l.Count(); n != 2 || err != nil {
			t.Errorf("%d records, %v", n, err)
		}
		return nil
	})
	err := w.server.try(func(tx store.Writer) (*ledger.Ledger, error) {
		l, err := w.server.keep.Edit(tx, w.id)
		w.must(err)
		return l, l.Envelop(next.pen, []se.ChangeID{unknown})
	})
	if !errors.Is(err, wire.CodeNotFound) {
		t.Errorf("a change that is not held was taken over: %v", err)
	}
}

func TestAHeadIsHeldWhereABranchPassesThroughIt(t *testing.T) {
	w := newWorld(t)
	original := w.tablet("t1", "c1")
	original.note("1")
	copied := original.copyOf("its copy")
	original.note("2")
	copied.note("2 of the copy")
	w.server.pull(original)
	replica := original.pen.Replica()
	unknown := copied.own
	check := func(want bool) {
		t.Helper()
		w.server.view(func(l *ledger.Ledger) error {
			for h, want := range map[se.Head]bool{w.headAt(original, 1): true, original.own: true, unknown: want, {Seq: 9}: false} {
				if got, err := l.HoldsHead(replica, h); got != want || err != nil {
					t.Errorf("head %d is held: %v, %v", h.Seq, got, err)
				}
			}
			return nil
		})
	}
	check(false)
	w.server.pull(copied)
	check(true)
}

func TestOfAStretchOnlyWhatTheHeadsLackIsLeft(t *testing.T) {
	w := newWorld(t)
	tablet := w.tablet("t1", "c1")
	for range 4 {
		tablet.note("text")
	}
	tablet.view(func(l *ledger.Ledger) error {
		list, err := l.Lacking(se.VersionVector{w.server.pen.Replica(): {w.server.own}})
		w.must(err)
		for have, want := range map[uint64]uint64{0: 0, 2: 2, 4: 4} {
			var heads []se.Head
			if have > 0 {
				heads = []se.Head{w.headAt(tablet, have)}
			}
			got, lacks, err := l.Beyond(list[0], heads)
			if got.From != want || lacks != (want < 4) || err != nil {
				t.Errorf("beyond %d: from %d, %v, %v", have, got.From, lacks, err)
			}
		}
		if !list[0].First() {
			t.Error("it is not of the first branch")
		}
		return nil
	})
}

func TestARunVerifiesInItsOwnLedgerAndKeepsNothing(t *testing.T) {
	w, tablet, _ := threeLines(t)
	run := tablet.ownRuns()[0]
	late := tablet.lacking(se.VersionVector{tablet.pen.Replica(): {w.headAt(tablet, 2)}, w.server.pen.Replica(): {w.server.own}})[0]
	forged := *run.Run
	forged.Head[0] ^= 1
	before := w.server.dump()
	check := func(in *ledger.Incoming, want bool) {
		t.Helper()
		w.server.view(func(l *ledger.Ledger) error {
			if l.Verifies(in) != want {
				t.Errorf("the run from %d verifies: %v", in.First, !want)
			}
			return nil
		})
	}
	check(run, true)
	check(late, false) // what is before it is not held
	check(w.decode(&forged), false)
	check(relabelled(w, run, w.fresh("x").pen.Replica()), false)
	if w.server.dump() != before {
		t.Error("something is kept")
	}
	w.server.takeAll(run)
	check(late, true)
	check(run, true)
}

func TestWhatWasTakenIsToldUntilItIsSettled(t *testing.T) {
	w, tablet, keys := threeLines(t)
	w.server.update(func(l *ledger.Ledger) error {
		_, err := l.Receive(tablet.ownRuns()[0])
		w.must(err)
		fresh := l.Fresh()
		if len(fresh) != len(keys) || !slices.IsSortedFunc(fresh, func(a, b *se.Change) int { return a.ID.Compare(b.ID.Hash) }) {
			t.Errorf("%d are fresh", len(fresh))
		}
		w.must(l.Settle())
		if len(l.Fresh()) > 0 {
			t.Error("settled changes are still fresh")
		}
		return nil
	})
}

func TestANoteSaysWhatAnAuthorShouldKnow(t *testing.T) {
	w := newWorld(t)
	tablet := w.tablet("t1", "c1")
	tablet.edit(w.observation(), set("/litter", "9"))
	tablet.edit(w.observation(), set("/nowhere", "1"))
	stranger := tablet.form("cleanliness", w.observation())
	stranger.Author = "c9"
	tablet.commit(stranger)
	tablet.note("nothing to say")
	var got []string
	w.server.update(func(l *ledger.Ledger) error {
		_, err := l.Receive(tablet.ownRuns()[0])
		w.must(err)
		w.must(l.Settle())
		for _, n := range l.Notes() {
			got = append(got, string(n.Code)+": "+n.Detail())
		}
		return nil
	})
	slices.Sort(got)
	want := []string{"ineffective: unauthorised", "ineffective: wrong_path at /nowhere", "violation: maximum at /litter"}
	if !slices.Equal(got, want) {
		t.Errorf("notes %q", got)
	}
	missing := ledger.Note{Code: wire.CodeValuesMissing}
	if missing.Detail() != "no ruling withholds the values" {
		t.Error(missing.Detail())
	}
}

func TestALedgerKnowsItsKeysAndItsVersions(t *testing.T) {
	w := newWorld(t)
	content, version := contentOf("cleanliness", 1)
	w.server.view(func(l *ledger.Ledger) error {
		if l.ID() != w.id || l.RootKey() != w.root || l.AuthorityKey() != wire.PublicKeyOf(publicOf(w.server.pen.Key)) {
			t.Error("other keys than those of its genesis")
		}
		got, err := l.Content(version)
		if string(got) != string(content) || err != nil {
			t.Errorf("content %s, %v", got, err)
		}
		if got, err := l.Content(se.VersionID{}); got != nil || err != nil {
			t.Errorf("content of no version: %s, %v", got, err)
		}
		if p, err := l.Point(); p != (se.AuthorityPoint{Replica: w.server.pen.Replica(), Seq: w.server.own.Seq}) || err != nil {
			t.Errorf("point %v, %v", p, err)
		}
		if !l.Authority().IsAuthority(w.server.pen.Replica()) {
			t.Error("the server is not its authority")
		}
		return nil
	})
}

func TestAFaultNamesItsPlaceAndItsCause(t *testing.T) {
	cause := errors.New("cause")
	f := &ledger.Fault{Branch: 2, Seq: 7, Err: cause}
	if !strings.Contains(f.Error(), "branch 2 line 7: cause") || !errors.Is(f, cause) {
		t.Error(f)
	}
	if whole := (&ledger.Fault{Err: cause}).Error(); strings.Contains(whole, "line") {
		t.Error(whole)
	}
	f.Record = se.RecordKey{Kind: "observation"}
	if !strings.Contains(f.Error(), "observation 00000000-0000-0000-0000-000000000000: cause") {
		t.Error(f)
	}
}
