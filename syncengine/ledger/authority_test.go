package ledger_test

import (
	"fmt"
	"testing"

	se "github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/ledger"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// revoked is a world whose tablet wrote four lines, and whose grant was revoked with a cut after the second. Nothing of its log has
// reached the server yet.
func revoked(t testing.TB) (w *world, tablet *node, lines []*wire.Line) {
	t.Helper()
	w = newWorld(t)
	tablet = w.node("t1", "c1")
	grant := w.grant(tablet, "")
	tablet.pull(w.server)
	for i := range 4 {
		lines = append(lines, tablet.edit(w.observation(), set("/litter", se.Value(fmt.Sprint(i)))))
	}
	w.rule(se.Ruling{Type: se.Revoke, Target: grant, Cut: w.headAt(tablet, 2)})
	return w, tablet, lines
}

func TestARevocationCutsTheSameLinesWheneverTheyArriveAndByWhom(t *testing.T) {
	w, tablet, lines := revoked(t)
	unaware := w.tablet("t2", "c2")
	for name, arrive := range map[string]func(n *node){
		"lines after the revocation": func(n *node) { n.pull(w.server); n.pull(tablet) },
		"lines before it": func(n *node) {
			authority := w.server.all()
			n.takeAll(w.until(authority, w.server.own.Seq-2)...)
			n.takeAll(tablet.ownRuns()...)
			n.pull(w.server)
		},
		"both at once":  func(n *node) { n.takeAll(append(w.server.all(), tablet.ownRuns()...)...) },
		"by a relay":    func(n *node) { unaware.pull(tablet); n.pull(unaware); n.pull(w.server) },
		"line by line":  func(n *node) { n.pull(w.server); takeOneByOne(n, tablet) },
		"after a grant": func(n *node) { n.pull(w.server); n.pull(tablet); w.rule(narrowed(tablet)); n.pull(w.server) },
	} {
		t.Run(name, func(t *testing.T) {
			n := w.fresh("n")
			arrive(n)
			for i, want := range []string{"effective", "effective", string(se.Unauthorised), string(se.Unauthorised)} {
				if got := n.verdict(lines[i].Change.ID); got != want {
					t.Errorf("line %d is %s", i+1, got)
				}
				if got, present := n.record(lines[i].Change.Key()).Present, want == "effective"; got != present {
					t.Errorf("the record of line %d is merged otherwise", i+1)
				}
			}
			n.verify()
		})
	}
}

// until returns the beginning of the authority's log, to a sequence at which it was signed.
func (w *world) until(runs []*ledger.Incoming, seq uint64) []*ledger.Incoming {
	var lines [][]byte
	for _, in := range runs {
		if in.Replica == w.server.pen.Replica() {
			lines = append(lines, in.Lines...)
		}
	}
	return []*ledger.Incoming{w.craft(w.server.pen.Key, se.Head{}, lines[:seq]...)}
}

// takeOneByOne gives n the log of another node in runs of one line.
func takeOneByOne(n, other *node) {
	var before se.Head
	for _, in := range other.ownRuns() {
		for _, line := range in.Lines {
			one := n.w.craft(other.pen.Key, before, line)
			before = se.Head{Seq: one.Last(), Chain: n.w.headAt(other, one.Last()).Chain}
			n.takeAll(one)
		}
	}
}

// narrowed grants a tablet less than before.
func narrowed(n *node) se.Ruling {
	return se.Ruling{
		Type: se.Grant, Replica: n.pen.Replica(), Key: publicOf(n.pen.Key), Account: n.account, Role: se.RoleConsultant, Kinds: []se.Kind{"visit"},
	}
}

func TestARevocationWithoutALineCutsAll(t *testing.T) {
	w := newWorld(t)
	tablet := w.node("t1", "c1")
	grant := w.grant(tablet, "")
	tablet.pull(w.server)
	line := tablet.edit(w.observation(), set("/litter", "1"))
	w.rule(se.Ruling{Type: se.Revoke, Target: grant})
	w.server.pull(tablet)
	if got := w.server.verdict(line.Change.ID); got != string(se.Unauthorised) {
		t.Errorf("the change is %s", got)
	}
}

func TestAReleaseLiftsACut(t *testing.T) {
	w, tablet, lines := revoked(t)
	w.rule(se.Ruling{Type: se.Release, Target: lines[3].Change.ID})
	w.server.pull(tablet)
	for _, n := range []*node{w.server, w.relay("t3")} {
		if got := n.verdict(lines[2].Change.ID); got != string(se.Unauthorised) {
			t.Errorf("%s: line 3 is %s", n.name, got)
		}
		if got := n.document(lines[3].Change.Key()); got != `{"litter":3}` {
			t.Errorf("%s shows %s", n.name, got)
		}
		n.verify()
	}
}

func TestANarrowedGrantStandsForWhatComesAfterIt(t *testing.T) {
	w := newWorld(t)
	tablet := w.node("t1", "c1")
	w.tablets = append(w.tablets, tablet)
	wide := w.grant(tablet, "", "observation", "visit")
	tablet.pull(w.server)
	early := tablet.edit(w.observation(), set("/litter", "1"))
	w.rule(se.Ruling{Type: se.Revoke, Target: wide, Cut: tablet.own})
	w.grant(tablet, "", "observation")
	offline := tablet.edit(w.observation(), set("/litter", "2")) // it does not know yet
	w.converge()
	late := tablet.edit(w.observation(), set("/litter", "3"))
	w.converge()
	for _, n := range append(w.nodes(), w.relay("t3")) {
		for i, line := range []*wire.Line{early, offline, late} {
			want := []string{"effective", string(se.Unauthorised), "effective"}[i]
			if got := n.verdict(line.Change.ID); got != want {
				t.Errorf("%s: change %d is %s", n.name, i, got)
			}
		}
		n.verify()
	}
}

func TestACutOnOneBranchCutsTheOtherWhicheverComesFirst(t *testing.T) {
	w := newWorld(t)
	original := w.node("t1", "c1")
	grant := w.grant(original, "")
	original.pull(w.server)
	common := original.edit(w.observation(), set("/litter", "0"))
	copied := original.copyOf("its copy")
	cut := []*wire.Line{original.edit(w.observation(), set("/litter", "1")), original.edit(w.observation(), set("/litter", "2"))}
	kept := []*wire.Line{common, copied.edit(w.observation(), set("/litter", "3")), copied.edit(w.observation(), set("/litter", "4"))}
	beyond := copied.edit(w.observation(), set("/litter", "5"))
	w.rule(se.Ruling{Type: se.Revoke, Target: grant, Cut: w.headOf(kept[2])})
	for name, order := range map[string][]*node{
		"the cut one first": {w.server, original, copied}, "the other first": {w.server, copied, original},
		"the revocation last": {original, copied, w.server}, "the revocation between": {original, w.server, copied},
	} {
		n := original.copyOf("n")
		n.store = w.relayBefore(2).store
		for _, other := range order {
			if other == w.server {
				n.pull(w.server)
			} else {
				n.takeAll(other.ownRuns()...)
			}
		}
		for _, line := range kept {
			if got := n.verdict(line.Change.ID); got != "effective" {
				t.Errorf("%s: a line up to the cut is %s", name, got)
			}
		}
		for _, line := range append(cut, beyond) {
			if got := n.verdict(line.Change.ID); got != string(se.Unauthorised) {
				t.Errorf("%s: a line on another branch or beyond is %s", name, got)
			}
		}
		n.verify()
	}
}

// headOf returns the head after a written line.
func (w *world) headOf(line *wire.Line) se.Head {
	for _, x := range w.written {
		if x.line == line {
			return se.Head{Seq: x.at.Seq, Chain: x.at.Chain}
		}
	}
	return se.Head{}
}

// relayBefore is a new node that holds the authority's log but for its last lines.
func (w *world) relayBefore(last uint64) *node {
	w.t.Helper()
	n := w.fresh("behind")
	n.takeAll(w.until(w.server.all(), w.server.own.Seq-last+1)...)
	return n
}

func TestAPointOfTheAuthoritysLogIsHeldOnWhicheverBranchItLies(t *testing.T) {
	w := newWorld(t)
	tablet := w.tablet("t1", "c1")
	restored := w.server.copyOf("restored")
	w.publish("lighting", 1)
	for range 2 {
		e, err := ledger.Rule(w.newID, "boss", 5, se.Ruling{Type: se.Untimed, Target: se.ChangeID{Hash: se.Hash{1}}}, "")
		w.must(err)
		restored.commit(e)
	}
	tablet.pull(restored)
	line := tablet.edit(w.observation(), set("/litter", "1"))
	for _, order := range [][]*node{{w.server, restored}, {restored, w.server}} {
		n := w.fresh("n")
		for _, other := range order {
			n.takeAll(other.all()...)
		}
		n.takeAll(tablet.ownRuns()...)
		if got := n.verdict(line.Change.ID); got != "effective" {
			t.Errorf("after the log of %s, then of %s, the change is %s", order[0].name, order[1].name, got)
		}
		n.verify()
	}
}

// A grant that continues a predecessor's stands for lines that were written before it, also where a revocation had cut them off.
func TestAGrantAnewWithAPredecessorBringsBackWhatARevocationCut(t *testing.T) {
	w := newWorld(t)
	old := w.tablet("old", "c1")
	next := w.successor(old, "next", "c1")
	var grant se.ChangeID
	w.server.view(func(l *ledger.Ledger) error {
		grant = l.Authority().Grants(next.pen.Replica())[0]
		return nil
	})
	line := next.edit(w.observation(), set("/litter", "2"))
	w.rule(se.Ruling{Type: se.Revoke, Target: grant, Cut: se.Head{}})
	w.converge()
	if got := w.server.verdict(line.Change.ID); got != string(se.Unauthorised) {
		t.Fatalf("behind the cut the change is %s", got)
	}
	w.grant(next, "old")
	w.converge()
	for _, n := range w.nodes() {
		if got := n.verdict(line.Change.ID); got != "effective" {
			t.Errorf("%s: with a new grant the change is %s", n.name, got)
		}
		n.verify()
	}
}
