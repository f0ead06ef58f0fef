package ledger_test

import (
	"errors"
	"testing"

	se "github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/ledger"
	"github.com/arpenteur/arpenteur/syncengine/store"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// restored makes a server that holds what n holds now, as one that is restored from a copy of it does, and lets it go on as a new
// incarnation of the authority.
func (n *node) restored(name string) *node {
	w := n.w
	again := w.node(name, n.account)
	again.pull(n)
	again.transact(func(tx store.Writer) (*ledger.Ledger, error) {
		l, err := again.keep.Edit(tx, w.id)
		if err != nil {
			return nil, err
		}
		id, err := w.newID()
		if err != nil {
			return nil, err
		}
		return l, l.Succeed(again.pen, keyOf("root"), l.Authority().Number()+1, id, "boss", 9)
	})
	return again
}

func (n *node) current() (replica se.ReplicaID) {
	n.view(func(l *ledger.Ledger) error {
		replica = l.Authority().Current()
		return nil
	})
	return replica
}

// A server that was restored goes on in a log of its own. What it lost returns from the tablets, sorts before what it decided since, and all
// come to the same (laws L2, L5; no two lines of the authority share a place).
func TestWhatARestoredServerLostReturnsBeforeWhatItDecidedSince(t *testing.T) {
	w := newWorld(t)
	a := w.tablet("a", "c1")
	key := w.observation()
	first := a.edit(key, set("/litter", "1"))
	w.server.pull(a)

	copied := w.server.restored("restored") // made now, used after what follows was lost
	b := w.tablet("b", "c2")                // a grant that the copy lacks
	void := w.rule(se.Ruling{Type: se.Void, Target: first.Change.ID})
	b.pull(w.server)
	lost := b.edit(key, set("/litter", "3"))
	a.pull(w.server)

	w.server = copied // the old server is gone
	w.server.transact(func(tx store.Writer) (*ledger.Ledger, error) {
		l, err := w.server.keep.Edit(tx, w.id)
		if err != nil {
			return nil, err
		}
		e, err := ledger.Rule(w.newID, "boss", 9, se.Ruling{Type: se.Release, Target: first.Change.ID}, "")
		if err != nil {
			return nil, err
		}
		_, err = l.Commit(w.server.pen, e)
		return l, err
	})
	if got := w.server.verdict(first.Change.ID); got != "effective" {
		t.Errorf("released after the restore, the change is %s", got)
	}
	w.converge()
	for _, n := range w.nodes() {
		if n.current() != copied.pen.Replica() {
			t.Errorf("%s follows another incarnation", n.name)
		}
		if got := n.verdict(first.Change.ID); got != "effective" {
			t.Errorf("%s: the void ruling %s returned behind the release: %s", n.name, void, got)
		}
		if got := n.verdict(lost.Change.ID); got != "effective" {
			t.Errorf("%s: the change under a grant that was lost is %s", n.name, got)
		}
		n.verify()
	}
}

func TestOnlyTheRootKeyOpensAnIncarnation(t *testing.T) {
	w := newWorld(t)
	a := w.tablet("a", "c1")
	line := func(root string) *wire.Run {
		pen := ledger.Pen{Key: keyOf("impostor"), Rand: w}
		head := w.server.own
		id, _ := w.newID()
		made, err := wire.NewLine(se.Header{
			Ledger: w.id, Kind: se.KindRuling, Record: id, Author: "boss", Time: 9, At: se.AuthorityPoint{Replica: w.server.pen.Replica(), Seq: head.Seq},
			Ruling: wire.Certify(keyOf(root), w.id, wire.PublicKeyOf(publicOf(pen.Key)), 2, w.server.pen.Replica(), head),
		}, wire.Salt{})
		w.must(err)
		end := se.Head{Seq: 1, Chain: wire.ChainNext(wire.ChainStart(w.id, pen.Replica()), made.Change.ID)}
		return &wire.Run{Ledger: w.id, Replica: pen.Replica(), First: 1, Lines: [][]byte{wire.AppendLine(nil, made)}, Head: wire.SignHead(pen.Key, w.id, end)}
	}
	take := func(run *wire.Run) error {
		return a.try(func(tx store.Writer) (*ledger.Ledger, error) {
			in, err := ledger.Decode(run)
			if err != nil {
				return nil, err
			}
			l, err := a.keep.Edit(tx, w.id)
			if err != nil {
				return nil, err
			}
			_, err = l.Receive(in)
			return l, err
		})
	}
	if err := take(line("another root")); !errors.Is(err, wire.CodeUnknownReplica) {
		t.Errorf("an incarnation that another root certified: %v", err)
	}
	if a.current() != w.server.pen.Replica() {
		t.Error("the impostor speaks for the authority")
	}
	if err := take(line("root")); err != nil {
		t.Errorf("an incarnation that the root certified: %v", err)
	}
}
