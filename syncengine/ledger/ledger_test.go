package ledger_test

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"
	"testing"

	"github.com/google/uuid"

	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/ledger"
	"github.com/arpenteur/arpenteur/syncengine/store"
	"github.com/arpenteur/arpenteur/syncengine/store/storetest"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// counter is a source of bytes that differ at each read and are the same in each run.
type counter struct{ n uint64 }

func (c *counter) Read(p []byte) (int, error) {
	for i := range p {
		c.n++
		sum := sha256.Sum256(fmt.Appendf(nil, "%d", c.n))
		p[i] = sum[0]
	}
	return len(p), nil
}

func penOf(name string) ledger.Pen {
	seed := sha256.Sum256([]byte(name))
	return ledger.Pen{Key: ed25519.NewKeyFromSeed(seed[:]), Rand: &counter{n: uint64(len(name)) << 32}}
}

func publicOf(p ledger.Pen) ed25519.PublicKey {
	k, _ := p.Key.Public().(ed25519.PublicKey)
	return k
}

// compile makes a small checklist of any content: its shape is always the same.
func compile(id syncengine.VersionID, _ []byte) (*syncengine.Checklist, error) {
	leaf := func(p syncengine.Policy, t syncengine.LeafType) *syncengine.Node {
		return &syncengine.Node{Type: syncengine.LeafNode, Policy: p, Leaf: t}
	}
	return &syncengine.Checklist{
		Version: id, Lineage: "cleanliness", Kind: "observation", Domain: "cleanliness",
		Shape: &syncengine.Node{Type: syncengine.GroupNode, Children: map[string]*syncengine.Node{
			"place":  leaf(syncengine.Review, syncengine.StringLeaf),
			"litter": leaf(syncengine.Review, syncengine.IntegerLeaf),
			"glass":  leaf(syncengine.Review, syncengine.IntegerLeaf),
		}},
		Index: map[string]syncengine.Path{"place": "/place"},
	}, nil
}

// node is one holder of ledgers.
type node struct {
	t     *testing.T
	store store.Store
	keep  *ledger.Keeper
	pen   ledger.Pen
}

func newNode(t *testing.T, name string) *node {
	return &node{t: t, store: storetest.NewMemory(), keep: ledger.NewKeeper(compile), pen: penOf(name)}
}

var ids uint64

func newID() (syncengine.RecordID, error) {
	ids++
	return uuid.NewSHA1(uuid.NameSpaceOID, fmt.Appendf(nil, "%d", ids)), nil
}

func (n *node) update(id syncengine.LedgerID, fn func(l *ledger.Ledger) error) {
	n.t.Helper()
	var l *ledger.Ledger
	err := store.Prepare(context.Background(), n.store, func(w store.Writer) (err error) {
		if l, err = n.keep.Edit(w, id); err != nil {
			return err
		}
		if err := fn(l); err != nil {
			return err
		}
		return l.Settle()
	}, func(w store.Writer) error {
		_, err := l.Advances(w)
		return err
	})
	if err != nil {
		n.t.Fatal(err)
	}
}

func (n *node) view(id syncengine.LedgerID, fn func(l *ledger.Ledger) error) {
	n.t.Helper()
	err := n.store.View(context.Background(), func(r store.Reader) error {
		l, err := n.keep.View(r, id)
		if err != nil {
			return err
		}
		return fn(l)
	})
	if err != nil {
		n.t.Fatal(err)
	}
}

// pull takes everything that other has and n lacks.
func (n *node) pull(other *node, id syncengine.LedgerID, root wire.PublicKey) {
	n.t.Helper()
	mine := syncengine.VersionVector{}
	_ = n.store.View(context.Background(), func(r store.Reader) error {
		if l, err := n.keep.View(r, id); err == nil {
			mine, _ = l.Vector()
		}
		return nil
	})
	var runs []*ledger.Incoming
	other.view(id, func(l *ledger.Ledger) error {
		lacking, err := l.Lacking(mine)
		if err != nil {
			return err
		}
		for _, a := range lacking {
			err := l.Runs(a, false, func(o ledger.Outgoing) (bool, error) {
				in, err := ledger.Decode(&o.Run)
				runs = append(runs, in)
				return true, err
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	if len(runs) == 0 {
		return
	}
	err := n.store.Update(context.Background(), func(w store.Writer) error {
		l, err := n.keep.Edit(w, id)
		if err != nil {
			if l, err = n.keep.Adopt(w, id, runs[0], root); err != nil {
				return err
			}
		}
		for _, in := range runs {
			if _, err := l.Receive(in); err != nil {
				return err
			}
		}
		if err := l.Settle(); err != nil {
			return err
		}
		_, err = l.Advances(w)
		return err
	})
	if err != nil {
		n.t.Fatal(err)
	}
}

func TestTwoTabletsAndTheServerHoldTheSameMergedRecord(t *testing.T) {
	server, t1, t2 := newNode(t, "server"), newNode(t, "t1"), newNode(t, "t2")
	root := penOf("root")
	rootKey := wire.PublicKeyOf(publicOf(root))
	var id syncengine.LedgerID
	version := syncengine.VersionID{Hash: sha256.Sum256([]byte(`{"v":1}`))}
	err := server.store.Update(context.Background(), func(w store.Writer) error {
		record, _ := newID()
		l, err := server.keep.Create(w, rootKey, server.pen, record, "boss", 1)
		if err != nil {
			return err
		}
		id = l.ID()
		edits, err := ledger.Publish(newID, "boss", 2, ledger.Publication{Version: version, Lineage: "cleanliness", Content: []byte(`{"v":1}`)})
		if err != nil {
			return err
		}
		for i, n := range []*node{t1, t2} {
			e, err := ledger.Rule(newID, "boss", 3, syncengine.Ruling{
				Type: syncengine.Grant, Replica: n.pen.Replica(), Key: publicOf(n.pen), Account: syncengine.AccountID(fmt.Sprintf("c%d", i+1)),
				Role: syncengine.RoleConsultant, Kinds: []syncengine.Kind{"observation"},
			}, "on the estate")
			if err != nil {
				return err
			}
			edits = append(edits, e)
		}
		if _, err := l.Commit(server.pen, edits...); err != nil {
			return err
		}
		if err := l.Settle(); err != nil {
			return err
		}
		_, err = l.Advances(w)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t1.pull(server, id, rootKey)
	t2.pull(server, id, rootKey)
	record, _ := newID()
	key := syncengine.RecordKey{Kind: "observation", ID: record}
	commit := func(n *node, author syncengine.AccountID, writes ...syncengine.Write) {
		n.update(id, func(l *ledger.Ledger) error {
			m, err := l.Record(key)
			if err != nil {
				return err
			}
			var seen syncengine.Seen
			if m != nil {
				seen = m.Render(syncengine.Viewer{Account: author, Settles: true}, func(syncengine.Path) bool { return true })
			}
			writes = append(writes, syncengine.Write{Path: "/", Value: syncengine.True})
			for i := range writes {
				writes[i].Over = seen.Over(writes[i].Path)
			}
			_, err = l.Commit(n.pen, ledger.Edit{Record: key, Checklist: version, Author: author, Time: 10, Writes: writes})
			return err
		})
	}
	commit(t1, "c1", syncengine.Write{Path: "/litter", Value: "2"})
	server.pull(t1, id, rootKey)
	t2.pull(server, id, rootKey)
	commit(t1, "c1", syncengine.Write{Path: "/litter", Value: "3"})
	commit(t2, "c2", syncengine.Write{Path: "/litter", Value: "1"}, syncengine.Write{Path: "/glass", Value: "4"})
	for range 2 {
		server.pull(t1, id, rootKey)
		server.pull(t2, id, rootKey)
		t1.pull(server, id, rootKey)
		t2.pull(server, id, rootKey)
	}
	for _, n := range []*node{server, t1, t2} {
		n.view(id, func(l *ledger.Ledger) error {
			m, err := l.Record(key)
			if err != nil {
				return err
			}
			doc := string(m.AppendDocument(nil))
			if doc != `{"glass":4,"litter":1}` && doc != `{"glass":4,"litter":3}` {
				t.Errorf("document %s", doc)
			}
			if c := m.Conflicts(); len(c) != 1 || c[0] != "/litter" {
				t.Errorf("conflicts %v", c)
			}
			_, err = l.Verify(func(f *ledger.Fault) { t.Error(f) }, func(ledger.Checked) {})
			return err
		})
	}
	commit(server, "boss", syncengine.Write{Path: "/litter", Value: "1"})
	t1.pull(server, id, rootKey)
	t1.view(id, func(l *ledger.Ledger) error {
		m, err := l.Record(key)
		if err == nil && len(m.Conflicts()) != 0 {
			t.Errorf("still in conflict: %v", m.Conflicts())
		}
		return err
	})
}
