package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	se "github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/ledger"
	"github.com/arpenteur/arpenteur/syncengine/store"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// since returns the runs that arrived at a node after a version, and the progress that they lead to.
func (n *node) since(version uint64, limit int) (runs []*ledger.Incoming, next ledger.Progress) {
	n.w.t.Helper()
	runs = n.offer(false, func(l *ledger.Ledger) (list []ledger.Advance, err error) {
		list, next, err = l.Since(version, limit)
		return list, err
	})
	return runs, next
}

func (n *node) progress() (p ledger.Progress) {
	n.w.t.Helper()
	n.w.must(n.store.View(context.Background(), func(r store.Reader) (err error) {
		p, err = ledger.ReadProgress(r, n.w.id)
		return err
	}))
	return p
}

// lines names the lines of runs, each once, ascending.
func lines(runs []*ledger.Incoming) []string {
	var out []string
	for _, in := range runs {
		for i, line := range in.Decoded {
			out = append(out, fmt.Sprint(in.Replica, in.First+uint64(i), line.Change.ID))
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func TestWhatArrivedAfterAnyVersionIsWhatItsHolderLacks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t)
		w.tablet("t1", "c1").note("common to all copies")
		w.tablet("t2", "c2").note("common to all copies")
		type moment struct {
			ledger.Progress
			vector se.VersionVector
		}
		moments := []moment{{vector: se.VersionVector{}}}
		for range rapid.IntRange(1, 12).Draw(t, "steps") {
			n := rapid.SampledFrom(w.nodes()).Draw(t, "node")
			switch rapid.SampledFrom([]string{"write", "write many", "copy", "push", "pull"}).Draw(t, "step") {
			case "write":
				if !n.forked() {
					n.note("text")
				}
			case "write many":
				if !n.forked() {
					n.commit(n.notes(rapid.SampledFrom([]int{2, 3, 70}).Draw(t, "many"))...)
				}
			case "copy":
				if n != w.server && len(w.tablets) < 5 {
					w.tablets = append(w.tablets, n.copyOf("copy of "+n.name))
				}
			case "push":
				w.server.ask(n)
			case "pull":
				n.ask(w.server)
			}
			moments = append(moments, moment{w.server.progress(), w.server.vector()})
		}
		for range 3 {
			m := moments[rapid.IntRange(0, len(moments)-1).Draw(t, "moment")]
			runs, next := w.server.since(m.Version, 1000)
			if next != w.server.progress() {
				t.Fatalf("progress %v, at the end it is %v", next, w.server.progress())
			}
			if got, want := lines(runs), lines(w.server.lacking(m.vector)); !slices.Equal(got, want) {
				t.Fatalf("after version %d came\n%s\nlacking are\n%s", m.Version, strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
			w.server.wasHeld(m.Version, m.vector)
			if runs, again := w.server.since(m.Version, 1); again.Version > m.Version+1 || len(runs) > 0 && again.Version != m.Version+1 {
				t.Fatalf("one arrival after version %d led to %d", m.Version, again.Version)
			}
			w.server.view(func(l *ledger.Ledger) error {
				_, p, err := l.Since(m.Version, 0)
				for _, x := range moments {
					if x.Version == p.Version && x.Progress != p {
						t.Fatalf("progress %v at a moment at which it was %v", p, x.Progress)
					}
				}
				return err
			})
		}
		follower := w.fresh("follower")
		follower.follow(w.server, rapid.IntRange(1, 5).Draw(t, "limit"))
		if !follower.vector().Equal(w.server.vector()) {
			t.Fatalf("the follower holds %v, the server %v", follower.vector(), w.server.vector())
		}
	})
}

// wasHeld checks what a node says that it held at a version.
func (n *node) wasHeld(version uint64, want se.VersionVector) {
	n.w.t.Helper()
	n.view(func(l *ledger.Ledger) error {
		for replica := range n.vector() {
			heads, err := l.HeadsAt(replica, version)
			if !slices.Equal(heads, want[replica]) {
				n.w.t.Errorf("at version %d were held %v of a log, not %v", version, heads, want[replica])
			}
			n.w.must(err)
		}
		return nil
	})
}

// notes makes forms of new records.
func (n *node) notes(count int) []ledger.Edit {
	n.w.t.Helper()
	first := n.form("cleanliness", n.w.observation(), set("/note", `"note 0"`))
	out := []ledger.Edit{first}
	for i := 1; i < count; i++ {
		e := first
		e.Record = n.w.observation()
		e.Writes = []se.Write{set("/note", wire.StringValue(fmt.Sprint("note ", i))), set("/", se.True)}
		out = append(out, e)
	}
	return out
}

func TestWhoeverFollowsArrivalsGetsWhatWasCompletedLater(t *testing.T) {
	w := newWorld(t)
	tablet := w.tablet("t1", "c1")
	follower := w.fresh("follower")
	held := map[uint64]se.VersionVector{}
	remember := func() { held[w.server.progress().Version] = w.server.vector() }
	tablet.note("1")
	w.server.pull(tablet)
	follower.follow(w.server, 10)
	remember()
	tablet.commit(tablet.notes(5)...)
	full := tablet.lacking(w.server.vector())[0]
	damaged := *full.Run
	damaged.Lines = slices.Clone(full.Lines)
	for _, i := range []int{1, 3} {
		damaged.Lines[i] = wire.AppendLine(nil, full.Decoded[i].Strip())
	}
	w.server.takeAll(w.decode(&damaged))
	follower.follow(w.server, 10)
	remember()
	tablet.note("7")
	w.server.takeAll(tablet.lacking(se.VersionVector{tablet.pen.Replica(): {w.headAt(tablet, 6)}, w.server.pen.Replica(): {w.server.own}})...)
	for i := range full.Decoded {
		follower.follow(w.server, 10)
		w.server.update(func(l *ledger.Ledger) error {
			_, err := l.Fill(full.Decoded[i])
			return err
		})
		w.server.verify()
		remember()
	}
	for version, vector := range held {
		w.server.wasHeld(version, vector)
	}
	follower.follow(w.server, 10)
	if !follower.vector().Equal(tablet.vector()) || !w.server.vector().Equal(tablet.vector()) {
		t.Errorf("the follower holds %v, the tablet %v", follower.vector(), tablet.vector())
	}
	follower.verify()
}

func TestWhoeverFollowsArrivalsGetsTheBranchesOfALog(t *testing.T) {
	w := newWorld(t)
	original := w.tablet("t1", "c1")
	follower := w.fresh("follower")
	keys := []se.RecordKey{original.note("common")}
	copied := original.copyOf("its copy")
	keys = append(keys, original.note("original"), copied.note("copy"))
	for _, n := range []*node{original, copied} {
		w.server.pull(n)
		follower.follow(w.server, 1)
	}
	w.tablets = []*node{follower, original, copied}
	w.converge()
	w.settled(keys...)
	other := w.fresh("follower from the beginning")
	other.follow(w.server, 1)
	if !other.vector().Equal(w.server.vector()) {
		t.Errorf("it holds %v", other.vector())
	}
}

func TestAPageOfArrivalsEndsWithTheRunThatItsLastArrivalLiesIn(t *testing.T) {
	w := newWorld(t)
	tablet := w.tablet("t1", "c1")
	const count = 150
	for range count {
		tablet.note("text")
		w.server.pull(tablet)
	}
	start := w.server.progress().Version - count
	for _, size := range []int{1, 10, 100} {
		sent := 0
		for version := start; version < w.server.progress().Version; {
			runs, next := w.server.since(version, size)
			for _, in := range runs {
				sent += len(in.Lines)
			}
			version = next.Version
		}
		pages := (count + size - 1) / size
		if sent < count || sent > count+pages*wire.MaxRunLines {
			t.Errorf("%d lines are sent in %d pages", sent, pages)
		}
	}
}

func TestLinesBeforeAGapAreSentThoughOnesBehindLackValues(t *testing.T) {
	w := newWorld(t)
	tablet := w.tablet("t1", "c1")
	first := tablet.note("first")
	w.server.pull(tablet)
	tablet.note("second")
	w.server.takeAll(w.stripped(tablet.lacking(w.server.vector())[0]))
	relay := w.relay("relay")
	if got := relay.document(first); got != `{"note":"first"}` || !relay.vector().Equal(w.server.vector()) {
		t.Errorf("it shows %s and holds %v", got, relay.vector())
	}
}

func TestALongerBranchThatNobodyKnowsIsNoReasonNotToSend(t *testing.T) {
	w := newWorld(t)
	original := w.tablet("t1", "c1")
	for range 3 {
		original.note("text")
	}
	w.server.pull(original)
	behind := se.VersionVector{original.pen.Replica(): {w.headAt(original, 2), {Seq: 9, Chain: se.Hash{1}}}}
	if got := lines(w.server.lacking(behind)); len(got) != int(w.server.own.Seq)+1 {
		t.Errorf("%d lines are sent", len(got))
	}
	longer := se.VersionVector{original.pen.Replica(): {{Seq: 9, Chain: se.Hash{1}}}}
	if got := lines(w.server.lacking(longer)); len(got) != int(w.server.own.Seq) {
		t.Errorf("to one with a longer copy %d lines are sent", len(got))
	}
}

func TestTheAuthoritysLinesAreSentFirst(t *testing.T) {
	w := newWorld(t)
	tablet := w.tablet("t1", "c1")
	for range 3 {
		tablet.note("text")
		w.server.pull(tablet)
		w.publish("lighting", 1)
	}
	runs, _ := w.server.since(0, 1000)
	for _, list := range [][]*ledger.Incoming{runs, w.server.all()} {
		others := false
		for _, in := range list {
			if in.Replica != w.server.pen.Replica() {
				others = true
			} else if others {
				t.Error("a run of the authority comes after one of a tablet")
			}
		}
	}
}

func TestShortRunsGrowTogetherUntilTheyAreFull(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t)
		tablet := w.tablet("t1", "c1")
		size := rapid.SampledFrom([]int{0, 300, 3000, 9000, 20000})
		for range rapid.IntRange(1, 8).Draw(t, "commits") {
			some := tablet.notes(rapid.SampledFrom([]int{1, 1, 2, 30}).Draw(t, "changes"))
			some[0].Writes[0].Value = wire.StringValue(strings.Repeat("x", size.Draw(t, "size")))
			tablet.commit(some...)
		}
		runs := tablet.ownRuns()
		for i, in := range runs {
			var full wire.RunSize
			for _, line := range in.Lines {
				if !full.Add(len(line)) {
					t.Fatalf("run %d has %d lines, over the limit", i, len(in.Lines))
				}
			}
			if i+1 < len(runs) && fits(full, runs[i+1]) {
				t.Fatalf("run %d of %d lines ends though those of the next would fit", i, len(in.Lines))
			}
		}
		heads := 0
		tablet.each(func(space store.Space, _, _ []byte) {
			if space == "heads" {
				heads++
			}
		})
		if want := len(tablet.all()); heads != want {
			t.Fatalf("%d heads are kept for %d runs", heads, want)
		}
		relay := w.fresh("relay")
		for _, in := range tablet.all() { // run by run, as they come from a thinning holder
			relay.takeAll(in)
		}
		if got := relay.ownRunsOf(tablet); len(got) != len(runs) {
			t.Fatalf("a relay makes %d runs of %d", len(got), len(runs))
		}
		relay.verify()
	})
}

// fits reports whether all lines of a run could be added to one of a size.
func fits(full wire.RunSize, in *ledger.Incoming) bool {
	return !slices.ContainsFunc(in.Lines, func(line []byte) bool { return !full.Add(len(line)) })
}

func (n *node) ownRunsOf(other *node) []*ledger.Incoming {
	n.w.t.Helper()
	return slices.DeleteFunc(n.all(), func(in *ledger.Incoming) bool { return in.Replica != other.pen.Replica() })
}

func TestOneCommitOfManyChangesIsCutIntoRuns(t *testing.T) {
	w := newWorld(t)
	tablet := w.tablet("t1", "c1")
	tablet.commit(tablet.notes(150)...)
	var sizes []int
	for _, in := range tablet.ownRuns() {
		sizes = append(sizes, len(in.Lines))
	}
	if len(sizes) < 3 || slices.Max(sizes) > wire.MaxRunLines {
		t.Errorf("runs of %v lines", sizes)
	}
	w.server.pull(tablet)
	w.server.verify()
}

func TestOneWhoWasRevokedIsSentRulingsAndNothingElse(t *testing.T) {
	w := newWorld(t)
	tablet := w.tablet("t1", "c1")
	line := tablet.note("from a tablet")
	key := w.observation()
	w.server.edit(key, set("/note", `"from the server"`))
	w.server.pull(tablet)
	w.ruleWith(se.Ruling{Type: se.Void, Target: w.written[len(w.written)-1].line.Change.ID}, "a reason")
	other := w.fresh("revoked")
	runs := w.server.offer(true, func(l *ledger.Ledger) ([]ledger.Advance, error) { return l.Lacking(se.VersionVector{}) })
	other.takeAll(runs...)
	if other.holds("from a tablet") || other.holds("from the server") || !other.holds("a reason") {
		t.Error("it was sent the values of others, or no reasons")
	}
	if other.document(line) != "null" || other.document(key) != "null" {
		t.Error("it shows records")
	}
}

func TestSendingStopsWhereTheReceiverSaysSo(t *testing.T) {
	w := newWorld(t)
	tablet := w.tablet("t1", "c1")
	tablet.commit(tablet.notes(150)...)
	cut := errors.New("the link is cut")
	tablet.view(func(l *ledger.Ledger) error {
		list, err := l.Lacking(se.VersionVector{w.server.pen.Replica(): {w.server.own}})
		w.must(err)
		nothing := list[0]
		nothing.From = nothing.To - 100
		nothing.To = nothing.From
		w.must(l.Runs(nothing, false, func(ledger.Outgoing) (bool, error) {
			t.Error("a run of an empty stretch is sent")
			return true, nil
		}))
		for _, result := range []error{nil, cut} {
			n := 0
			err := l.Runs(list[0], false, func(ledger.Outgoing) (bool, error) {
				n++
				return false, result
			})
			if n != 1 || !errors.Is(err, result) {
				t.Errorf("after %d runs: %v", n, err)
			}
		}
		return nil
	})
}
