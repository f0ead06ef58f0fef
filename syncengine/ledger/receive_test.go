package ledger_test

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	se "github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/ledger"
	"github.com/arpenteur/arpenteur/syncengine/store"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// threeLines is a world in which a tablet wrote three observations that the server does not have.
func threeLines(t testing.TB) (w *world, tablet *node, keys []se.RecordKey) {
	t.Helper()
	w = newWorld(t)
	tablet = w.tablet("t1", "c1")
	for i := range 3 {
		key := w.observation()
		tablet.edit(key, set("/litter", se.Value(fmt.Sprint(i+1))))
		keys = append(keys, key)
	}
	return w, tablet, keys
}

func TestARunThatIsHeldAlreadyChangesNothing(t *testing.T) {
	w, tablet, _ := threeLines(t)
	w.converge()
	for _, n := range w.nodes() {
		before := n.dump()
		n.takeAll(w.server.all()...)
		n.takeAll(tablet.all()...)
		if n.dump() != before {
			t.Errorf("%s keeps something else after runs that it held", n.name)
		}
	}
}

func TestARunThatOverlapsWhatIsHeldAddsItsNewLinesOnly(t *testing.T) {
	w, tablet, keys := threeLines(t)
	w.server.pull(tablet)
	tablet.edit(keys[0], set("/glass", "1"))
	run := tablet.ownRuns()
	if len(run) != 1 || len(run[0].Lines) != 4 {
		t.Fatalf("%d runs", len(run))
	}
	var taken ledger.Taken
	w.server.update(func(l *ledger.Ledger) (err error) {
		taken, err = l.Receive(run[0])
		return err
	})
	if taken != (ledger.Taken{Fresh: 1}) {
		t.Errorf("taken %+v", taken)
	}
	if got := w.server.document(keys[0]); got != `{"glass":1,"litter":1}` {
		t.Errorf("document %s", got)
	}
	w.server.verify()
}

func TestARunBehindLinesThatAreNotHeldIsRefused(t *testing.T) {
	w, tablet, _ := threeLines(t)
	late := tablet.lacking(se.VersionVector{tablet.pen.Replica(): {w.headAt(tablet, 2)}, w.server.pen.Replica(): {w.server.own}})
	before := w.server.dump()
	refused(t, w.server.take(late...), wire.CodeBrokenChain)
	if w.server.dump() != before {
		t.Error("something of it is kept")
	}
	w.server.takeAll(tablet.ownRuns()...)
	w.server.takeAll(late...)
	w.server.verify()
}

// headAt returns the head of a node's own log after a line.
func (w *world) headAt(n *node, seq uint64) se.Head {
	for _, x := range w.written {
		if x.at.Replica == n.pen.Replica() && x.at.Seq == seq {
			return se.Head{Seq: seq, Chain: x.at.Chain}
		}
	}
	return se.Head{}
}

func TestATamperedRunIsRefusedWholeAndHoldsBackNothingElse(t *testing.T) {
	w, tablet, _ := threeLines(t)
	other := w.tablet("t2", "c2")
	other.edit(w.observation(), set("/litter", "1"))
	line := func(r *wire.Run, i int, from, to string) {
		r.Lines[i] = bytes.Replace(r.Lines[i], []byte(from), []byte(to), 1)
	}
	for name, c := range map[string]struct {
		change func(r *wire.Run)
		want   wire.Code
	}{
		"a value":                 {func(r *wire.Run) { line(r, 1, `"/litter":2`, `"/litter":3`) }, wire.CodeBadHead},
		"the author":              {func(r *wire.Run) { line(r, 1, `"author":"c1"`, `"author":"c2"`) }, wire.CodeBadHead},
		"the time":                {func(r *wire.Run) { line(r, 2, `"time":10`, `"time":11`) }, wire.CodeBadHead},
		"the head":                {func(r *wire.Run) { r.Head[3] ^= 1 }, wire.CodeBadHead},
		"the order of lines":      {func(r *wire.Run) { r.Lines[0], r.Lines[1] = r.Lines[1], r.Lines[0] }, wire.CodeBadHead},
		"a line left out":         {func(r *wire.Run) { r.Lines = r.Lines[1:] }, wire.CodeBadHead},
		"the last line left out":  {func(r *wire.Run) { r.Lines = r.Lines[:2] }, wire.CodeBadHead},
		"a line twice":            {func(r *wire.Run) { r.Lines = append(r.Lines, r.Lines[2]) }, wire.CodeBadHead},
		"the first sequence":      {func(r *wire.Run) { r.First = 2 }, wire.CodeBrokenChain},
		"another replica":         {func(r *wire.Run) { r.Replica = other.pen.Replica() }, wire.CodeBadHead},
		"the authority":           {func(r *wire.Run) { r.Replica = w.server.pen.Replica() }, wire.CodeBadHead},
		"a replica without grant": {func(r *wire.Run) { r.Replica = w.fresh("x").pen.Replica() }, wire.CodeUnknownReplica},
		"no line":                 {func(r *wire.Run) { r.Lines = nil }, wire.CodeMalformed},
		"no first sequence":       {func(r *wire.Run) { r.First = 0 }, wire.CodeMalformed},
		"another ledger":          {func(r *wire.Run) { r.Ledger.Hash[0]++ }, wire.CodeWrongLedger},
	} {
		t.Run(name, func(t *testing.T) {
			run := *tablet.ownRuns()[0].Run
			c.change(&run)
			server := w.server.copyOf("server")
			before := server.dump()
			refused(t, server.take(w.decode(&run)), c.want)
			if server.dump() != before {
				t.Error("something of it is kept")
			}
			refused(t, server.take(w.decode(&run), other.ownRuns()[0]), c.want)
			if head := server.vector()[other.pen.Replica()]; len(head) != 1 {
				t.Error("another run of the same transaction is held back")
			}
		})
	}
}

func TestALedgerIsTakenUpFromItsGenesisAloneUnderTheTrustedRoot(t *testing.T) {
	w, tablet, _ := threeLines(t)
	authority := w.server.all()[0]
	adopt := func(in *ledger.Incoming, root wire.PublicKey) error {
		return w.fresh("new").try(func(tx store.Writer) (*ledger.Ledger, error) {
			return ledger.NewKeeper(compile).Adopt(tx, w.id, in, root)
		})
	}
	shifted := *authority.Run
	shifted.First = 2
	other := newWorldOf(t, "another")
	for name, c := range map[string]struct {
		in   *ledger.Incoming
		root wire.PublicKey
		want wire.Code
	}{
		"a tablet's log":      {tablet.ownRuns()[0], w.root, wire.CodeBrokenChain},
		"not from line 1":     {w.decode(&shifted), w.root, wire.CodeBrokenChain},
		"another root":        {authority, wire.PublicKeyOf(publicOf(keyOf("thief"))), wire.CodeUnauthenticated},
		"another ledger":      {other.server.all()[0], w.root, wire.CodeWrongLedger},
		"another's signature": {relabelled(w, authority, tablet.pen.Replica()), w.root, wire.CodeBadHead},
	} {
		if err := adopt(c.in, c.root); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := adopt(authority, w.root); err != nil {
		t.Error(err)
	}
}

// forged is a ledger that somebody began with a key of their own, naming what g does.
func (w *world) forged(pen ledger.Pen, g *se.Genesis) *ledger.Incoming {
	w.t.Helper()
	record, err := w.newID()
	w.must(err)
	line, err := wire.NewLine(se.Header{Kind: se.KindGenesis, Record: record, Author: "boss", Time: 1, Genesis: g}, wire.Salt{})
	w.must(err)
	id := se.LedgerID{Hash: line.Change.ID.Hash}
	head := se.Head{Seq: 1, Chain: wire.ChainNext(wire.ChainStart(id, pen.Replica()), line.Change.ID)}
	return w.decode(&wire.Run{Ledger: id, Replica: pen.Replica(), First: 1, Lines: [][]byte{wire.AppendLine(nil, line)}, Head: wire.SignHead(pen.Key, id, head)})
}

// The root's public key is known to all, so that only its signature says whose ledger one is (law L8).
func TestALedgerIsTakenUpOnlyUnderAKeyThatTheRootCertified(t *testing.T) {
	w := newWorld(t)
	thief := ledger.Pen{Key: keyOf("thief"), Rand: w}
	own := wire.PublicKeyOf(publicOf(thief.Key))
	certified := func(root, authority string) *se.Genesis {
		g := wire.CertifyGenesis(keyOf(root), wire.PublicKeyOf(publicOf(keyOf(authority))))
		g.Root, g.Authority = w.root[:], own[:]
		return g
	}
	for name, c := range map[string]struct {
		genesis *se.Genesis
		want    wire.Code
	}{
		"certified by the root":            {certified("root", "thief"), ""},
		"not certified":                    {&se.Genesis{Root: w.root[:], Authority: own[:]}, wire.CodeUnauthenticated},
		"certified by its own key":         {certified("thief", "thief"), wire.CodeUnauthenticated},
		"certified for the true authority": {certified("root", "server"), wire.CodeUnauthenticated},
	} {
		n, in := w.fresh("new"), w.forged(thief, c.genesis)
		n.w = &world{t: t, id: in.Ledger} // to look for it
		err := n.try(func(tx store.Writer) (*ledger.Ledger, error) {
			l, err := n.keep.Adopt(tx, in.Ledger, in, w.root)
			if err != nil {
				return nil, err
			}
			_, err = l.Receive(in)
			return l, err
		})
		if wire.CodeOf(err) != c.want {
			t.Errorf("%s: %v", name, err)
		}
		if held := n.dump() != ""; held != (c.want == "") {
			t.Errorf("%s: something of it is kept: %v", name, held)
		}
	}
}

// newWorldOf makes a ledger that differs from the usual one in its genesis.
func newWorldOf(t testing.TB, name string) *world {
	t.Helper()
	w := newWorld(t)
	w.server = w.node(name, "boss")
	genesis, _ := w.newID()
	w.server.transact(func(tx store.Writer) (*ledger.Ledger, error) {
		l, err := w.server.keep.Create(tx, w.server.pen, keyOf("root"), genesis, "boss", 1)
		if err == nil {
			w.id = l.ID()
		}
		return l, err
	})
	return w
}

func relabelled(w *world, in *ledger.Incoming, replica se.ReplicaID) *ledger.Incoming {
	run := *in.Run
	run.Replica = replica
	return w.decode(&run)
}

func TestAStrippedRunIsKeptButNotHeldUntilItsValuesCome(t *testing.T) {
	for name, complete := range map[string]func(server *node, run *ledger.Incoming){
		"by the run again": func(server *node, run *ledger.Incoming) { server.takeAll(run) },
		"by values frames": func(server *node, run *ledger.Incoming) {
			for _, line := range run.Decoded {
				server.update(func(l *ledger.Ledger) error {
					filled, err := l.Fill(line)
					if !filled {
						t.Error("nothing was missing")
					}
					return err
				})
			}
		},
		"last line first": func(server *node, run *ledger.Incoming) {
			server.update(func(l *ledger.Ledger) error {
				for i := len(run.Decoded) - 1; i >= 0; i-- {
					if _, err := l.Fill(run.Decoded[i]); err != nil {
						return err
					}
				}
				return nil
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			w, tablet, keys := threeLines(t)
			run := tablet.ownRuns()[0]
			var notes []ledger.Note
			w.server.update(func(l *ledger.Ledger) error {
				_, err := l.Receive(w.stripped(run))
				notes = l.Notes()
				return err
			})
			if len(notes) != 3 || notes[0].Code != wire.CodeValuesMissing {
				t.Errorf("notes %+v", notes)
			}
			if head := w.server.vector()[tablet.pen.Replica()]; head != nil {
				t.Errorf("held to %v without values", head)
			}
			if got := w.server.verdict(run.Decoded[0].Change.ID); got != string(se.NeedsValues) {
				t.Errorf("the change is %s", got)
			}
			w.server.verify()
			complete(w.server, run)
			if got := w.server.vector(); !got.Equal(tablet.vector()) {
				t.Error("the log is not held after its values came")
			}
			if got := w.server.document(keys[2]); got != `{"litter":3}` {
				t.Errorf("document %s", got)
			}
			w.server.verify()
		})
	}
}

func TestALogIsHeldToTheLineBeforeTheFirstThatLacksValues(t *testing.T) {
	w, tablet, keys := threeLines(t)
	run := *tablet.ownRuns()[0].Run
	full := w.decode(&run)
	run.Lines[1] = wire.AppendLine(nil, full.Decoded[1].Strip())
	w.server.takeAll(w.decode(&run))
	if head := w.server.vector()[tablet.pen.Replica()]; len(head) != 1 || head[0] != w.headAt(tablet, 1) {
		t.Errorf("held to %v", head)
	}
	if got := w.server.document(keys[2]); got != `{"litter":3}` {
		t.Errorf("a line behind the gap is not merged: %s", got)
	}
	tablet.edit(keys[1], set("/glass", "2"))
	w.server.takeAll(tablet.lacking(se.VersionVector{tablet.pen.Replica(): {w.headAt(tablet, 3)}})[1:]...)
	if head := w.server.vector()[tablet.pen.Replica()]; head[0] != w.headAt(tablet, 1) {
		t.Errorf("held to %v", head)
	}
	w.server.pull(tablet)
	if !w.server.vector().Equal(tablet.vector()) {
		t.Error("what lacks values was not sent again")
	}
	w.server.verify()
}

func TestAPartialLineIsTakenForTheValuesThatItHas(t *testing.T) {
	w := newWorld(t)
	tablet := w.tablet("t1", "c1")
	key := w.observation()
	line := tablet.edit(key, set("/litter", "2"), set("/glass", "3"))
	run := *tablet.ownRuns()[0].Run
	run.Lines = [][]byte{wire.AppendLine(nil, line.Redact([]se.Path{"/glass"}))}
	w.server.takeAll(w.decode(&run))
	if got := w.server.verdict(line.Change.ID); got != string(se.NeedsValues) {
		t.Errorf("the change is %s", got)
	}
	run.Lines = [][]byte{wire.AppendLine(nil, line.Redact([]se.Path{"/", "/litter"}))}
	w.server.takeAll(w.decode(&run))
	if got := w.server.document(key); got != `{"glass":3,"litter":2}` {
		t.Errorf("document %s", got)
	}
	if !w.server.vector().Equal(tablet.vector()) {
		t.Error("two halves are not held as a whole")
	}
	w.server.verify()
	third := w.fresh("t3")
	third.pull(w.server)
	if got := third.document(key); got != `{"glass":3,"litter":2}` {
		t.Errorf("relayed: %s", got)
	}
}

func TestALineOfALaterFormatIsKeptAndRelayedAsItCame(t *testing.T) {
	w, tablet, _ := threeLines(t)
	later := fmt.Appendf(nil, `{"body":{"new":[1,"x"]},"format":2,"header":{"extra":true,"format":2,"ledger":"%s"}}`, w.id)
	run := w.craft(tablet.pen.Key, tablet.own, later)
	w.server.pull(tablet)
	var notes []ledger.Note
	w.server.update(func(l *ledger.Ledger) error {
		_, err := l.Receive(run)
		notes = l.Notes()
		return err
	})
	if len(notes) != 1 || notes[0].Code != wire.CodePending || notes[0].Verdict.Reason != se.NeedsFormat {
		t.Errorf("notes %+v", notes)
	}
	third := w.fresh("t3")
	third.pull(w.server)
	sent := third.all()
	last := sent[len(sent)-1]
	if got := last.Lines[len(last.Lines)-1]; !bytes.Equal(got, later) {
		t.Errorf("relayed as %s", got)
	}
	if got := third.verdict(run.Decoded[0].Change.ID); got != string(se.NeedsFormat) {
		t.Errorf("the change is %s", got)
	}
	third.verify()
}
