package ledger_test

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	se "github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/ledger"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// note writes one observation of its own and returns its record.
func (n *node) note(text string) se.RecordKey {
	n.w.t.Helper()
	key := n.w.observation()
	n.edit(key, set("/note", wire.StringValue(text)))
	return key
}

// settled checks that all nodes hold the same heads and show the same documents.
func (w *world) settled(keys ...se.RecordKey) {
	w.t.Helper()
	want := w.server.vector()
	for _, n := range w.nodes() {
		if got := n.vector(); !got.Equal(want) {
			w.t.Errorf("%s holds %v, the server %v", n.name, got, want)
		}
		for _, key := range keys {
			if a, b := n.document(key), w.server.document(key); a != b || a == "" {
				w.t.Errorf("%s shows %s, the server %s", n.name, a, b)
			}
		}
		n.verify()
	}
}

func TestBothLogsOfACopiedTabletAreKeptMergedAndPassedOn(t *testing.T) {
	for _, more := range []int{0, 1, 3} { // lines that the copy wrote beyond the original's
		w := newWorld(t)
		original := w.tablet("t1", "c1")
		keys := []se.RecordKey{original.note("before")}
		copied := original.copyOf("its copy")
		w.tablets = append(w.tablets, copied, w.tablet("t2", "c2"))
		keys = append(keys, original.note("original"), copied.note("copy"))
		for range more {
			keys = append(keys, copied.note("more"))
		}
		w.converge()
		w.settled(keys...)
		want := []se.Head{original.own, copied.own}
		slices.SortFunc(want, func(a, b se.Head) int {
			return slices.Compare([]uint64{a.Seq}, []uint64{b.Seq})*2 + a.Chain.Compare(b.Chain)
		})
		if got := w.server.vector()[original.pen.Replica()]; !slices.Equal(got, want) {
			t.Errorf("heads %v, wanted %v", got, want)
		}
	}
}

func TestTheServerSaysThatALogWasForked(t *testing.T) {
	w := newWorld(t)
	original := w.tablet("t1", "c1")
	copied := original.copyOf("its copy")
	original.note("original")
	copied.note("copy")
	w.server.pull(original)
	var taken ledger.Taken
	w.server.update(func(l *ledger.Ledger) (err error) {
		taken, err = l.Receive(copied.ownRuns()[0])
		return err
	})
	if taken != (ledger.Taken{Fresh: 1, Forked: true}) {
		t.Errorf("taken %+v", taken)
	}
}

func TestABranchThatIsSentAgainFromLineOneIsNotKeptTwice(t *testing.T) {
	w := newWorld(t)
	original := w.tablet("t1", "c1")
	original.note("before")
	copied := original.copyOf("its copy")
	original.note("original")
	copied.note("copy")
	w.server.takeAll(original.ownRuns()...)
	w.server.takeAll(copied.ownRuns()...)
	before := w.server.dump()
	w.server.takeAll(copied.ownRuns()...)
	w.server.takeAll(original.ownRuns()...)
	if w.server.dump() != before {
		t.Error("a repeated branch changed what is kept")
	}
	copied.note("more")
	w.server.takeAll(copied.ownRuns()...)
	if heads := w.server.vector()[original.pen.Replica()]; len(heads) != 2 {
		t.Errorf("heads %v", heads)
	}
	w.server.verify()
}

func TestABranchOfABranchIsKept(t *testing.T) {
	w := newWorld(t)
	a := w.tablet("a", "c1")
	keys := []se.RecordKey{a.note("1")}
	b := a.copyOf("b")
	keys = append(keys, a.note("2 of a"), b.note("2 of b"))
	c := b.copyOf("c")
	keys = append(keys, b.note("3 of b"), c.note("3 of c"), a.note("3 of a"))
	w.tablets = append(w.tablets, b, c)
	for _, order := range [][]*node{{c, b, a}, {a, b, c}, {b, a, c}} {
		server := w.server.copyOf("server")
		for _, n := range order {
			server.pull(n)
			server.takeAll(n.ownRuns()...)
		}
		if heads := server.vector()[a.pen.Replica()]; len(heads) != 3 {
			t.Errorf("heads %v", heads)
		}
		server.verify()
	}
	w.converge()
	w.settled(keys...)
}

func TestARestoredTabletPullsItsLostLinesBack(t *testing.T) {
	w := newWorld(t)
	tablet := w.tablet("t1", "c1")
	keys := []se.RecordKey{tablet.note("kept in the backup")}
	restored := tablet.copyOf("restored")
	keys = append(keys, tablet.note("lost"), tablet.note("lost too"))
	w.server.pull(tablet)
	w.tablets = []*node{restored}
	w.converge()
	w.settled(keys...)
	restored.own = tablet.own
	keys = append(keys, restored.note("after"))
	w.converge()
	w.settled(keys...)
	if heads := w.server.vector()[tablet.pen.Replica()]; len(heads) != 1 {
		t.Errorf("heads %v", heads)
	}
}

// successor grants a new replica that continues another, and gives it what that one holds.
func (w *world) successor(of *node, name string, account se.AccountID) *node {
	w.t.Helper()
	n := of.copyOf(name)
	n.account, n.own = account, se.Head{}
	n.pen = ledger.Pen{Key: keyOf(name), Rand: w}
	w.grant(n, of.name)
	n.pull(w.server)
	w.tablets = append(w.tablets, n)
	return n
}

// envelop puts changes into the node's own log.
func (n *node) envelop(lines ...*wire.Line) {
	n.w.t.Helper()
	n.update(func(l *ledger.Ledger) error {
		var ids []se.ChangeID
		for _, line := range lines {
			ids = append(ids, line.Change.ID)
		}
		return l.Envelop(n.pen, ids)
	})
	n.wrote(lines...)
}

func TestAChangeThatASuccessorTakesOverIsAuthorisedAndCountedOnce(t *testing.T) {
	w := newWorld(t)
	old := w.tablet("old", "c1")
	key := w.observation()
	line := old.edit(key, set("/litter", "2"))
	next := w.successor(old, "next", "c1")
	next.envelop(line)
	w.server.takeAll(next.ownRuns()...)
	if got := w.server.verdict(line.Change.ID); got != "effective" {
		t.Errorf("by the successor's envelope alone the change is %s", got)
	}
	w.converge()
	for _, n := range w.nodes() {
		m := n.record(key)
		if m.Changes != 1 || len(m.Field("/litter").Survivors) != 1 {
			t.Errorf("%s counts %d changes", n.name, m.Changes)
		}
		n.view(func(l *ledger.Ledger) error {
			steps, err := l.History(key)
			if len(steps) != 1 || len(steps[0].Envelopes) != 2 {
				t.Errorf("%s: history %+v", n.name, steps)
			}
			return err
		})
	}
	w.settled(key)
}

func TestASuccessorOfAnotherAccountAuthorisesNothing(t *testing.T) {
	w := newWorld(t)
	old := w.tablet("old", "c1")
	line := old.edit(w.observation(), set("/litter", "2"))
	next := w.successor(old, "next", "c2")
	next.envelop(line)
	w.server.takeAll(next.ownRuns()...)
	if got := w.server.verdict(line.Change.ID); got != string(se.Unauthorised) {
		t.Errorf("the change is %s", got)
	}
	w.server.takeAll(old.ownRuns()...)
	if got := w.server.verdict(line.Change.ID); got != "effective" {
		t.Errorf("with its author's own envelope the change is %s", got)
	}
	w.server.verify()
}

func TestAChangeThatOneEnvelopeLacksTheValuesOfIsCompletedByAnother(t *testing.T) {
	w := newWorld(t)
	old := w.tablet("old", "c1")
	key := w.observation()
	line := old.edit(key, set("/litter", "2"))
	next := w.successor(old, "next", "c1")
	next.envelop(line)
	w.server.takeAll(w.stripped(old.ownRuns()[0]))
	if w.server.vector()[old.pen.Replica()] != nil {
		t.Error("held without values")
	}
	w.server.takeAll(next.ownRuns()...)
	if got := w.server.vector(); got[old.pen.Replica()] == nil || got[next.pen.Replica()] == nil {
		t.Error("a log is not held though its last value came by another")
	}
	w.server.verify()
}

func TestABranchIsNotHeldBeyondWhatItsParentLacks(t *testing.T) {
	w := newWorld(t)
	original := w.tablet("t1", "c1")
	original.note("1")
	original.note("2")
	copied := original.copyOf("its copy")
	original.note("3")
	copied.note("3 of the copy")
	run := original.ownRuns()[0]
	w.server.takeAll(w.stripped(run))
	tail := copied.lacking(se.VersionVector{original.pen.Replica(): {w.headAt(original, 2)}, w.server.pen.Replica(): {w.server.own}})
	w.server.takeAll(tail...)
	if heads := w.server.vector()[original.pen.Replica()]; heads != nil {
		t.Errorf("held to %v", heads)
	}
	w.server.verify()
	w.server.update(func(l *ledger.Ledger) error { // the first line comes, the second, before the fork, does not
		_, err := l.Fill(run.Decoded[0])
		return err
	})
	if heads := w.server.vector()[original.pen.Replica()]; !slices.Equal(heads, []se.Head{w.headAt(original, 1)}) {
		t.Errorf("held to %v", heads)
	}
	w.server.verify()
	w.server.takeAll(run)
	if heads := w.server.vector()[original.pen.Replica()]; len(heads) != 2 {
		t.Errorf("held to %v", heads)
	}
	w.server.verify()
}

func TestNoMoreBranchesAreKeptThanTheLimitAndThoseThereGoOn(t *testing.T) {
	w := newWorld(t)
	tablet := w.tablet("t1", "c1")
	first := tablet.note("common")
	var copies []*node
	for i := range ledger.MaxBranches + 1 {
		c := tablet.copyOf(fmt.Sprint("copy ", i))
		c.note("own")
		copies = append(copies, c)
	}
	for i, c := range copies {
		got := w.server.take(c.ownRuns()...)
		if i < ledger.MaxBranches && len(got) > 0 {
			t.Errorf("branch %d: %v", i, got)
		}
		if i == ledger.MaxBranches {
			refused(t, got, wire.CodeForked)
		}
	}
	last := copies[ledger.MaxBranches-1]
	last.note("more")
	w.server.takeAll(last.ownRuns()...)
	heads := w.server.vector()[tablet.pen.Replica()]
	if len(heads) != ledger.MaxBranches || !slices.Contains(heads, last.own) {
		t.Errorf("%d heads", len(heads))
	}
	if got := w.server.document(first); got != `{"note":"common"}` {
		t.Errorf("document %s", got)
	}
	w.server.verify()
}

// Whoever copied a store, and in whatever order the copies meet: what is kept of a log is the tree of its lines, and what is held of it
// are the leaves.
func TestCopiesOfOneTabletConvergeToTheLeavesOfTheirLines(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t)
		first := w.tablet("t1", "c1")
		var keys []se.RecordKey
		any := func() *node { return rapid.SampledFrom(w.tablets).Draw(t, "copy") }
		for range rapid.IntRange(1, 12).Draw(t, "steps") {
			switch rapid.SampledFrom([]string{"write", "copy", "push", "pull", "again"}).Draw(t, "step") {
			case "write":
				n := any()
				if !n.forked() {
					keys = append(keys, n.note("text"))
				}
			case "copy":
				if len(w.tablets) < 5 {
					w.tablets = append(w.tablets, any().copyOf(fmt.Sprint("copy ", len(w.tablets))))
				}
			case "push":
				w.server.pull(any())
			case "pull":
				any().pull(w.server)
			case "again":
				w.server.takeAll(any().ownRuns()...)
			}
		}
		w.converge()
		w.settled(keys...)
		want := map[se.Head]bool{}
		inner := map[se.Hash]bool{}
		for _, n := range w.tablets {
			if n.own.Seq > 0 {
				want[n.own] = true
			}
		}
		for _, x := range w.written { // a copy that wrote nothing after others went on from there ends within their lines
			if x.at.Replica == first.pen.Replica() {
				inner[w.before(x).Chain] = true
			}
		}
		for h := range want {
			if inner[h.Chain] {
				delete(want, h)
			}
		}
		got := w.server.vector()[first.pen.Replica()]
		if len(got) != len(want) || slices.ContainsFunc(got, func(h se.Head) bool { return !want[h] }) {
			t.Fatalf("held are %v, the leaves are %v", got, want)
		}
	})
}

// forked reports whether a node holds more of its own log than it wrote, or another branch of it: then it must stop writing.
func (n *node) forked() bool {
	heads := n.vector()[n.pen.Replica()]
	return len(heads) > 1 || len(heads) == 1 && heads[0] != n.own
}

// before returns the head before a written line.
func (w *world) before(x written) se.Head {
	chain := wire.ChainStart(w.id, x.at.Replica)
	if x.at.Seq == 1 {
		return se.Head{Chain: chain}
	}
	for _, y := range w.written {
		if y.at.Replica == x.at.Replica && y.at.Seq == x.at.Seq-1 && wire.ChainNext(y.at.Chain, x.line.Change.ID) == x.at.Chain {
			return se.Head{Seq: y.at.Seq, Chain: y.at.Chain}
		}
	}
	return se.Head{}
}
