package ledger_test

import (
	"bytes"
	"cmp"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	se "github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/ledger"
	"github.com/arpenteur/arpenteur/syncengine/store"
	"github.com/arpenteur/arpenteur/syncengine/store/storetest"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// world is one ledger: the server that is its authority, its tablets, and every line that any of them wrote.
type world struct {
	t       rapid.TB
	id      se.LedgerID
	root    wire.PublicKey
	server  *node
	tablets []*node
	written []written
	bytes   uint64 // of randomness that were given out
	open    func() store.Store
	compile ledger.Compiler
}

// written is a line as its author wrote it, and where.
type written struct {
	line *wire.Line
	at   se.Envelope
}

// node is one holder of the ledger.
type node struct {
	w        *world
	name     string
	account  se.AccountID
	store    store.Store
	keep     *ledger.Keeper
	pen      ledger.Pen
	own      se.Head // of its own log, as far as it wrote it
	followed map[*node]uint64
}

// Read gives bytes that differ at each call and are the same in each run of a test.
func (w *world) Read(p []byte) (int, error) {
	for i := range p {
		w.bytes++
		sum := sha256.Sum256(binary.BigEndian.AppendUint64(nil, w.bytes))
		p[i] = sum[0]
	}
	return len(p), nil
}

func (w *world) newID() (se.RecordID, error) {
	var id uuid.UUID
	_, err := w.Read(id[:])
	id[6], id[8] = id[6]&0x0f|0x70, id[8]&0x3f|0x80
	return id, err
}

// observation names a new record.
func (w *world) observation() se.RecordKey {
	id, _ := w.newID()
	return se.RecordKey{Kind: "observation", ID: id}
}

func keyOf(name string) ed25519.PrivateKey {
	seed := sha256.Sum256([]byte(name))
	return ed25519.NewKeyFromSeed(seed[:])
}

func publicOf(k ed25519.PrivateKey) ed25519.PublicKey {
	public, _ := k.Public().(ed25519.PublicKey)
	return public
}

// newWorld makes a ledger with the first version of its checklist. Its stores are in memory.
func newWorld(t rapid.TB) *world {
	return newWorldOver(t, func() store.Store { return storetest.NewMemory() })
}

func newWorldOver(t rapid.TB, open func() store.Store) *world {
	t.Helper()
	w := newBareWorld(t, open, compile)
	w.publish("cleanliness", 1)
	return w
}

// newBareWorld makes a ledger without a checklist.
func newBareWorld(t rapid.TB, open func() store.Store, compile ledger.Compiler) *world {
	t.Helper()
	w := &world{t: t, root: wire.PublicKeyOf(publicOf(keyOf("root"))), open: open, compile: compile}
	w.server = w.node("server", "boss")
	genesis, _ := w.newID()
	w.server.transact(func(tx store.Writer) (*ledger.Ledger, error) {
		l, err := w.server.keep.Create(tx, w.server.pen, keyOf("root"), genesis, "boss", 1)
		if err == nil {
			w.id = l.ID()
		}
		return l, err
	})
	w.server.view(func(l *ledger.Ledger) error {
		line, err := l.Line(se.ChangeID{Hash: w.id.Hash})
		w.server.wrote(line)
		return err
	})
	return w
}

func (w *world) node(name string, account se.AccountID) *node {
	n := &node{
		w: w, name: name, account: account, store: w.open(), keep: ledger.NewKeeper(w.compile),
		pen: ledger.Pen{Key: keyOf(name), Rand: w}, followed: map[*node]uint64{},
	}
	return n
}

// tablet grants a new replica to an account, and gives it what the server holds.
func (w *world) tablet(name string, account se.AccountID) *node {
	w.t.Helper()
	n := w.node(name, account)
	w.grant(n, "")
	n.pull(w.server)
	w.tablets = append(w.tablets, n)
	return n
}

// nodes returns the server and all tablets.
func (w *world) nodes() []*node { return append([]*node{w.server}, w.tablets...) }

func (w *world) grant(n *node, predecessor string, kinds ...se.Kind) se.ChangeID {
	w.t.Helper()
	r := se.Ruling{
		Type: se.Grant, Replica: n.pen.Replica(), Key: publicOf(n.pen.Key), Account: n.account, Role: se.RoleConsultant, Kinds: kinds,
	}
	if len(kinds) == 0 {
		r.Kinds = []se.Kind{"observation"}
	}
	if predecessor != "" {
		r.Predecessor = wire.ReplicaOf(publicOf(keyOf(predecessor)))
	}
	return w.rule(r)
}

// rule makes a ruling on the server.
func (w *world) rule(r se.Ruling) se.ChangeID {
	w.t.Helper()
	return w.ruleWith(r, "")
}

func (w *world) ruleWith(r se.Ruling, reason string) se.ChangeID {
	w.t.Helper()
	e, err := ledger.Rule(w.newID, "boss", 5, r, reason)
	w.must(err)
	return w.server.commit(e)[0].Change.ID
}

func (w *world) publish(lineage string, version int) {
	w.t.Helper()
	content, _ := contentOf(lineage, version)
	w.publishContent(lineage, content)
}

func (w *world) publishContent(lineage string, content []byte) {
	w.t.Helper()
	edits, err := ledger.Publish(w.newID, "boss", 5, ledger.Publication{Version: se.VersionID{Hash: sha256.Sum256(content)}, Lineage: lineage, Content: content})
	w.must(err)
	w.server.commit(edits...)
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatalf("%+v", err)
	}
}

// transact runs fn, settles the ledger that it returns, and commits.
func (n *node) transact(fn func(tx store.Writer) (*ledger.Ledger, error)) {
	n.w.t.Helper()
	n.w.must(n.try(fn))
}

func (n *node) try(fn func(tx store.Writer) (*ledger.Ledger, error)) error {
	var l *ledger.Ledger
	return store.Prepare(context.Background(), n.store, func(tx store.Writer) (err error) {
		if l, err = fn(tx); err != nil {
			return err
		}
		return l.Settle()
	}, func(tx store.Writer) error {
		_, err := l.Advances(tx)
		return err
	})
}

func (n *node) update(fn func(l *ledger.Ledger) error) {
	n.w.t.Helper()
	n.transact(func(tx store.Writer) (*ledger.Ledger, error) {
		l, err := n.keep.Edit(tx, n.w.id)
		if err != nil {
			return nil, err
		}
		return l, fn(l)
	})
}

func (n *node) view(fn func(l *ledger.Ledger) error) {
	n.w.t.Helper()
	n.w.must(n.store.View(context.Background(), func(r store.Reader) error {
		l, err := n.keep.View(r, n.w.id)
		if err != nil {
			return err
		}
		return fn(l)
	}))
}

// commit writes changes into the node's own log.
func (n *node) commit(edits ...ledger.Edit) []*wire.Line {
	n.w.t.Helper()
	var lines []*wire.Line
	n.update(func(l *ledger.Ledger) (err error) {
		lines, err = l.Commit(n.pen, edits...)
		return err
	})
	n.wrote(lines...)
	return lines
}

// GoString names the node where a failing story is told.
func (n *node) GoString() string { return n.name }

// wrote notes what the node wrote into its own log.
func (n *node) wrote(lines ...*wire.Line) {
	replica := n.pen.Replica()
	if n.own.Seq == 0 {
		n.own.Chain = wire.ChainStart(n.w.id, replica)
	}
	for _, line := range lines {
		n.own = se.Head{Seq: n.own.Seq + 1, Chain: wire.ChainNext(n.own.Chain, line.Change.ID)}
		n.w.written = append(n.w.written, written{line, se.Envelope{
			Position: se.Position{Replica: replica, Seq: n.own.Seq}, Chain: n.own.Chain,
		}})
	}
}

// set is a write of a form.
func set(path se.Path, value se.Value) se.Write { return se.Write{Path: path, Value: value} }

// edit saves a form of a record as its author saw it on this node, every conflict unfolded.
func (n *node) edit(key se.RecordKey, writes ...se.Write) *wire.Line {
	n.w.t.Helper()
	return n.editUnder("cleanliness", key, writes...)
}

func (n *node) editUnder(lineage string, key se.RecordKey, writes ...se.Write) *wire.Line {
	n.w.t.Helper()
	return n.commit(n.form(lineage, key, writes...))[0]
}

// form is what a person fills in on this node.
func (n *node) form(lineage string, key se.RecordKey, writes ...se.Write) ledger.Edit {
	n.w.t.Helper()
	e := ledger.Edit{Record: key, Author: n.account, Time: 10}
	n.view(func(l *ledger.Ledger) error {
		e.Checklist = l.Reading(lineage).Current().Version
		m, err := l.Record(key)
		if err != nil {
			return err
		}
		var seen se.Seen
		if m != nil {
			seen = m.Render(se.Viewer{Account: n.account, Settles: true}, func(se.Path) bool { return true })
		}
		if !slices.ContainsFunc(writes, func(w se.Write) bool { return w.Path == "/" }) {
			writes = append(slices.Clone(writes), set("/", se.True))
		}
		for _, w := range writes {
			w.Over = seen.Over(w.Path)
			e.Writes = append(e.Writes, w)
		}
		return nil
	})
	return e
}

// vector is what the node holds; empty before it holds anything of the ledger.
func (n *node) vector() se.VersionVector {
	n.w.t.Helper()
	v := se.VersionVector{}
	n.viewAny(func(l *ledger.Ledger) (err error) {
		v, err = l.Vector()
		return err
	})
	return v
}

// viewAny is view for a node that perhaps holds nothing of the ledger; fn is not called then.
func (n *node) viewAny(fn func(l *ledger.Ledger) error) {
	n.w.t.Helper()
	n.w.must(n.store.View(context.Background(), func(r store.Reader) error {
		l, err := n.keep.View(r, n.w.id)
		if errors.Is(err, ledger.ErrUnknownLedger) {
			return nil
		}
		if err != nil {
			return err
		}
		return fn(l)
	}))
}

// offer returns the runs of stretches that a node names.
func (n *node) offer(bare bool, stretches func(l *ledger.Ledger) ([]ledger.Advance, error)) []*ledger.Incoming {
	n.w.t.Helper()
	var runs []*ledger.Incoming
	n.viewAny(func(l *ledger.Ledger) error {
		list, err := stretches(l)
		if err != nil {
			return err
		}
		for _, a := range list {
			err := l.Runs(a, bare, func(o ledger.Outgoing) (bool, error) {
				runs = append(runs, n.w.decode(&o.Run))
				return true, nil
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	return runs
}

// lacking returns the runs that a holder of a vector lacks.
func (n *node) lacking(theirs se.VersionVector) []*ledger.Incoming {
	n.w.t.Helper()
	return n.offer(false, func(l *ledger.Ledger) ([]ledger.Advance, error) { return l.Lacking(theirs) })
}

// all returns every run that a node can send.
func (n *node) all() []*ledger.Incoming {
	n.w.t.Helper()
	return n.lacking(se.VersionVector{})
}

// decode decodes a copy of a run, as it arrives elsewhere.
func (w *world) decode(run *wire.Run) *ledger.Incoming {
	w.t.Helper()
	c := *run
	c.Lines = make([][]byte, len(run.Lines))
	for i := range run.Lines {
		c.Lines[i] = bytes.Clone(run.Lines[i])
	}
	in, err := ledger.Decode(&c)
	w.must(err)
	return in
}

// take gives runs to a node in one transaction, and returns why those were refused that were.
func (n *node) take(runs ...*ledger.Incoming) []error {
	n.w.t.Helper()
	var refused []error
	n.transact(func(tx store.Writer) (*ledger.Ledger, error) {
		refused = nil
		l, err := n.keep.Edit(tx, n.w.id)
		if errors.Is(err, ledger.ErrUnknownLedger) {
			l, err = n.keep.Adopt(tx, n.w.id, runs[0], n.w.root)
		}
		if err != nil {
			return nil, err
		}
		for _, in := range runs {
			_, err := l.Receive(in)
			var p *wire.Problem
			switch {
			case errors.As(err, &p):
				refused = append(refused, err)
			case err != nil:
				return nil, err
			}
		}
		return l, nil
	})
	return refused
}

// takeAll gives runs to a node, which must take them.
func (n *node) takeAll(runs ...*ledger.Incoming) {
	n.w.t.Helper()
	if len(runs) == 0 {
		return
	}
	if refused := n.take(runs...); len(refused) > 0 {
		n.w.t.Fatalf("%s refused: %v", n.name, refused)
	}
}

// pull takes everything that other has and n lacks.
func (n *node) pull(other *node) {
	n.w.t.Helper()
	n.takeAll(other.lacking(n.vector())...)
}

// follow takes what arrived at other since n followed it last, at most limit arrivals at once.
func (n *node) follow(other *node, limit int) {
	n.w.t.Helper()
	for {
		var next ledger.Progress
		runs := other.offer(false, func(l *ledger.Ledger) (list []ledger.Advance, err error) {
			list, next, err = l.Since(n.followed[other], limit)
			return list, err
		})
		if next.Version == n.followed[other] {
			return
		}
		n.followed[other] = next.Version
		n.takeAll(runs...)
	}
}

// converge exchanges between all nodes until nothing moves any more, and nothing is left to send.
func (w *world) converge() {
	w.t.Helper()
	for range 8 {
		left := 0
		for _, n := range w.tablets {
			left += w.server.ask(n) + n.ask(w.server)
		}
		if left == 0 {
			return
		}
	}
	w.t.Fatalf("the exchange does not come to an end")
}

// ask takes what another node has, as far as it links up, and returns how many runs that were.
func (n *node) ask(other *node) int {
	n.w.t.Helper()
	runs := other.lacking(n.vector())
	if len(runs) > 0 {
		n.take(runs...)
	}
	return len(runs)
}

// record returns a merged record as a node shows it.
func (n *node) record(key se.RecordKey) *ledger.Merged {
	n.w.t.Helper()
	var out *ledger.Merged
	n.view(func(l *ledger.Ledger) (err error) {
		out, err = l.Record(key)
		return err
	})
	return out
}

// document returns the merged document of a record, empty where the node holds nothing of it.
func (n *node) document(key se.RecordKey) string {
	n.w.t.Helper()
	m := n.record(key)
	if m == nil {
		return ""
	}
	return string(m.AppendDocument(nil))
}

// verdict returns what a node thinks of a change: "effective", or the reason why it is not.
func (n *node) verdict(id se.ChangeID) string {
	n.w.t.Helper()
	var out string
	n.view(func(l *ledger.Ledger) error {
		s, err := l.Change(id)
		switch {
		case err != nil:
		case s == nil:
			out = "not held"
		default:
			out = cmp.Or(string(s.Verdict.Reason), "effective")
		}
		return err
	})
	return out
}

// verify checks all that a node keeps: hashes, heads, records, and the digest of its vector.
func (n *node) verify() {
	n.w.t.Helper()
	n.view(func(l *ledger.Ledger) error {
		_, err := l.Verify(func(f *ledger.Fault) { n.w.t.Errorf("%s: %v", n.name, f) }, func(ledger.Checked) {})
		return err
	})
	var digest wire.Digest
	for replica, heads := range n.vector() {
		for _, h := range heads {
			digest.Toggle(n.w.id, replica, h)
		}
	}
	n.w.must(n.store.View(context.Background(), func(r store.Reader) error {
		p, err := ledger.ReadProgress(r, n.w.id)
		if p.Digest != digest {
			n.w.t.Errorf("%s: the progress names another vector than the one that is held", n.name)
		}
		return err
	}))
}

// each calls fn for every key and value that a node keeps of the ledger.
func (n *node) each(fn func(space store.Space, key, value []byte)) {
	n.w.t.Helper()
	n.w.must(n.store.View(context.Background(), func(r store.Reader) error {
		for _, space := range ledger.Spaces() {
			err := r.Scan(space, n.w.id, nil, nil, func(key, value []byte) (bool, error) {
				fn(space, key, value)
				return true, nil
			})
			if err != nil {
				return err
			}
		}
		return nil
	}))
}

// dump writes down all that a node keeps of the ledger.
func (n *node) dump() string {
	n.w.t.Helper()
	var b bytes.Buffer
	n.each(func(space store.Space, key, value []byte) { fmt.Fprintf(&b, "%s %x %q\n", space, key, value) })
	return b.String()
}

// holds reports whether some value that a node keeps contains text.
func (n *node) holds(text string) bool {
	n.w.t.Helper()
	found := false
	n.each(func(_ store.Space, _, value []byte) { found = found || bytes.Contains(value, []byte(text)) })
	return found
}

// copyOf returns another node with the same store and key, as a copied tablet would be. It works on memory stores.
func (n *node) copyOf(name string) *node {
	n.w.t.Helper()
	c := *n
	c.name, c.keep, c.followed = name, ledger.NewKeeper(n.w.compile), map[*node]uint64{}
	memory, ok := n.store.(*storetest.Memory)
	if !ok {
		n.w.t.Fatalf("%s is not in memory", n.name)
	}
	s := storetest.NewMemory()
	s.Restore(memory.Snapshot())
	c.store = s
	return &c
}

// fresh returns a new node that holds nothing.
func (w *world) fresh(name string) *node { return w.node(name, "nobody") }

// refused fails unless exactly one run was refused, with a code.
func refused(t testing.TB, got []error, want wire.Code) {
	t.Helper()
	if len(got) != 1 || !errors.Is(got[0], want) {
		t.Errorf("refused: %v, wanted %s", got, want)
	}
}

// craft signs a run of any lines behind a head, as the holder of a key can.
func (w *world) craft(key ed25519.PrivateKey, before se.Head, lines ...[]byte) *ledger.Incoming {
	w.t.Helper()
	replica := wire.ReplicaOf(publicOf(key))
	if before.Seq == 0 {
		before.Chain = wire.ChainStart(w.id, replica)
	}
	run := &wire.Run{Ledger: w.id, Replica: replica, First: before.Seq + 1, Lines: lines}
	in := w.decode(run)
	for _, line := range in.Decoded {
		before = se.Head{Seq: before.Seq + 1, Chain: wire.ChainNext(before.Chain, line.Change.ID)}
	}
	in.Head = wire.SignHead(key, w.id, before)
	return in
}

// stripped returns a run with its lines bare, as a damaged relay would hand it on.
func (w *world) stripped(in *ledger.Incoming) *ledger.Incoming {
	w.t.Helper()
	run := *in.Run
	run.Lines = nil
	for _, line := range in.Decoded {
		run.Lines = append(run.Lines, wire.AppendLine(nil, line.Strip()))
	}
	return w.decode(&run)
}

// own returns the node's own log as runs, from line 1.
func (n *node) ownRuns() []*ledger.Incoming {
	n.w.t.Helper()
	return slices.DeleteFunc(n.all(), func(in *ledger.Incoming) bool { return in.Replica != n.pen.Replica() })
}
