package ledger_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	se "github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/ledger"
	"github.com/arpenteur/arpenteur/syncengine/store"
	"github.com/arpenteur/arpenteur/syncengine/store/storetest"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// eventful is a world in which everything happened once: two branches, a successor, rulings of every kind, a gap.
func eventful(t testing.TB) (w *world, keys []se.RecordKey) {
	t.Helper()
	w = newWorld(t)
	t1, t2 := w.tablet("t1", "c1"), w.tablet("t2", "c2")
	keys = append(keys, t1.note("common"))
	copied := t1.copyOf("its copy")
	keys = append(keys, t1.note("on one branch"), copied.note("on another"))
	w.server.pull(t1)
	w.server.pull(copied)
	taken := t2.edit(keys[0], set("/litter", "2"), set("/place", `"hall"`))
	for _, r := range []se.Ruling{
		{Type: se.Refuse, Target: t2.edit(keys[0], set("/glass", "1")).Change.ID},
		{Type: se.Void, Target: t2.edit(keys[0], set("/glass", "2")).Change.ID},
		{Type: se.Redact, Target: taken.Change.ID, Paths: []se.Path{"/place"}},
	} {
		w.ruleWith(r, "a reason")
	}
	w.server.pull(t2)
	w.successor(t2, "t3", "c2").envelop(taken)
	w.converge()
	w.server.edit(keys[1], set("/litter", "4"))
	late := w.tablet("t4", "c1")
	keys = append(keys, late.note("stripped"))
	w.server.takeAll(w.stripped(late.ownRuns()[0]))
	return w, keys
}

// faults runs Verify on what a store holds, with nothing in any cache.
func (w *world) faults(s store.Store) []*ledger.Fault {
	w.t.Helper()
	var out []*ledger.Fault
	w.must(s.View(context.Background(), func(r store.Reader) error {
		l, err := ledger.NewKeeper(compile).View(r, w.id)
		if err != nil {
			return err
		}
		_, err = l.Verify(func(f *ledger.Fault) { out = append(out, f) }, func(ledger.Checked) {})
		return err
	}))
	return out
}

// place names a line of a log as faults do.
func place(replica se.ReplicaID, branch int, seq uint64) string {
	return fmt.Sprintf("log %s branch %d line %d", replica, branch, seq)
}

// kept is a key that a store holds.
type kept struct {
	space      store.Space
	key, value []byte
}

func (n *node) kept(spaces ...store.Space) []kept {
	n.w.t.Helper()
	var out []kept
	n.each(func(space store.Space, key, value []byte) {
		if slices.Contains(spaces, space) {
			out = append(out, kept{space, bytes.Clone(key), bytes.Clone(value)})
		}
	})
	return out
}

// flipped returns a copy of a node's store in which one byte of a value is another.
func (n *node) flipped(k kept, i int, mask byte) store.Store {
	n.w.t.Helper()
	memory, _ := n.store.(*storetest.Memory)
	s := storetest.NewMemory()
	s.Restore(memory.Snapshot())
	value := bytes.Clone(k.value)
	value[i] ^= mask
	n.w.must(s.Update(context.Background(), func(tx store.Writer) error { return tx.Put(k.space, n.w.id, k.key, value) }))
	return s
}

func TestAFlippedByteOfALineHeadOrIDIsFoundAndNamed(t *testing.T) {
	w, _ := eventful(t)
	if f := w.faults(w.server.store); len(f) > 0 {
		t.Fatalf("before: %v", f)
	}
	// where lists the places that a kept value is about.
	where := func(k kept) (places []string) {
		w.server.view(func(l *ledger.Ledger) (err error) {
			positions := [][]byte{k.key}
			if k.space == "changes" {
				positions, err = l.PositionsOf(se.ChangeID{Hash: se.Hash(k.key)})
			}
			for _, p := range positions {
				replica, branch, seq, err := l.At(p)
				w.must(err)
				places = append(places, place(replica, branch, seq))
			}
			return err
		})
		return places
	}
	step, n := 23, 0 // 1 takes minutes under the race detector
	for _, k := range w.server.kept("lines", "heads", "changes") {
		places := where(k)
		for i := range k.value {
			if n++; n%step != 0 && i > 0 || unbound(k, i) { // the first byte of each, and a share of the others
				continue
			}
			faults := w.faults(w.server.flipped(k, i, byte(1+n%255)))
			if !slices.ContainsFunc(faults, func(f *ledger.Fault) bool { return slices.Contains(places, place(f.Replica, f.Branch, f.Seq)) }) {
				t.Errorf("byte %d of %s at %v: found are %v", i, k.space, places, faults)
			}
		}
	}
	t.Logf("of %d bytes", n)
}

// unbound reports whether a byte is of the salt of a line without values: it stands for nothing, and nothing binds it.
func unbound(k kept, i int) bool {
	salt := bytes.Index(k.value, []byte(`"salt":"`))
	return k.space == "lines" && bytes.HasSuffix(k.value, []byte(`"values":{}}`)) && i >= salt && i < salt+8+22
}

func TestAFlippedByteAnywhereIsAnErrorAtMost(t *testing.T) {
	w, keys := eventful(t)
	runs := w.server.all()
	step, n := 67, 0
	for _, k := range w.server.kept(ledger.Spaces()...) {
		for i := range k.value {
			if n++; n%step != 0 {
				continue
			}
			s := w.server.flipped(k, i, byte(1+n%255))
			for _, err := range useAll(w, s, keys, runs) {
				var p *wire.Problem
				if !errors.Is(err, store.ErrCorrupt) && !errors.As(err, &p) {
					t.Errorf("byte %d of %s %x: %v", i, k.space, k.key, err)
				}
			}
		}
	}
}

// useAll reads and writes a ledger in every way, and returns all that went wrong.
func useAll(w *world, s store.Store, keys []se.RecordKey, runs []*ledger.Incoming) (failed []error) {
	note := func(err error) {
		if err != nil {
			failed = append(failed, err)
		}
	}
	note(s.View(context.Background(), func(r store.Reader) error {
		l, err := ledger.NewKeeper(compile).View(r, w.id)
		if err != nil {
			return err
		}
		for _, key := range keys {
			m, err := l.Record(key)
			note(err)
			if m != nil {
				m.AppendDocument(nil)
			}
			_, err = l.History(key)
			note(err)
		}
		note(l.List(ledger.Filter{Where: map[string]string{"state": "clean"}}, nil, func(*ledger.Merged) (bool, error) { return true, nil }))
		_, err = l.Vector()
		note(err)
		list, err := l.Lacking(se.VersionVector{})
		note(err)
		more, _, err := l.Since(0, 100)
		note(err)
		for _, a := range append(list, more...) {
			note(l.Runs(a, false, func(ledger.Outgoing) (bool, error) { return true, nil }))
		}
		_, err = l.Wanted(10)
		note(err)
		_, err = l.Verify(func(*ledger.Fault) {}, func(ledger.Checked) {})
		return err
	}))
	note(s.Update(context.Background(), func(tx store.Writer) error {
		l, err := ledger.NewKeeper(compile).Edit(tx, w.id)
		if err != nil {
			return err
		}
		for _, in := range runs {
			if _, err := l.Receive(in); err != nil {
				return err
			}
		}
		if _, _, err := l.Refresh(nil, -1); err != nil {
			return err
		}
		_, err = l.Advances(tx)
		return err
	}))
	return failed
}

func TestVerifyCountsWhatItLookedAtAndTellsHowFarItIs(t *testing.T) {
	w, keys := eventful(t)
	w.server.view(func(l *ledger.Ledger) error {
		var told []ledger.Checked
		got, err := l.Verify(func(f *ledger.Fault) { t.Error(f) }, func(c ledger.Checked) { told = append(told, c) })
		if got.Records != len(keys) || got.Lines != len(w.written) || got.Heads == 0 {
			t.Errorf("looked at %+v", got)
		}
		if len(told) == 0 || told[len(told)-1] != got {
			t.Errorf("told %+v", told)
		}
		return err
	})
}

func TestARecordThatIsNotWhatItsChangesGiveIsNamed(t *testing.T) {
	w, keys := eventful(t)
	for _, k := range w.server.kept("records") {
		if !bytes.Equal(k.key, ledger.EntryKey(keys[1])) {
			continue
		}
		i := bytes.Index(k.value, []byte(`"on one branch"`))
		faults := w.faults(w.server.flipped(k, i+1, 'o'^'x'))
		if len(faults) != 1 || faults[0].Record != keys[1] {
			t.Errorf("found are %v", faults)
		}
	}
}

func TestADamagedGrantKeepsNobodyFromReadingAndStopsWriting(t *testing.T) {
	w, keys := eventful(t)
	for _, k := range w.server.kept("lines") {
		if !bytes.Contains(k.value, []byte(`"type":"grant"`)) {
			continue
		}
		s := w.server.flipped(k, 20, 1)
		reader := w.node("reader", "boss")
		reader.store = s
		if got := reader.document(keys[1]); got != w.server.document(keys[1]) {
			t.Errorf("it shows %s", got)
		}
		err := s.Update(context.Background(), func(tx store.Writer) error {
			_, err := reader.keep.Edit(tx, w.id)
			return err
		})
		if !errors.Is(err, store.ErrCorrupt) {
			t.Errorf("writing: %v", err)
		}
	}
}
