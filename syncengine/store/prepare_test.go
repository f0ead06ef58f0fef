package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash"
	"hash/fnv"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/store"
	"github.com/arpenteur/arpenteur/syncengine/store/storetest"
)

// interrupted is a store in which others write just before an update: what was prepared is then out of date.
type interrupted struct {
	store.Store
	before func()
}

func (s *interrupted) Update(ctx context.Context, fn func(store.Writer) error) error {
	if s.before != nil {
		s.before()
	}
	return s.Store.Update(ctx, fn)
}

// step is one call of a transaction. What it writes follows from all that was read before it.
type step struct {
	call     string
	space    store.Space
	key      string
	from, to string // of a scan; empty: no bound
	stop     int    // the scan stops after so many keys; 0: never
	copies   bool   // the scan writes what it meets to the other space
}

var prepareKeys = []string{"a", "b", "c", "d", "e", "f"}

func drawSteps(t *rapid.T, label string, calls ...string) []step {
	key := rapid.SampledFrom(prepareKeys)
	bound := rapid.OneOf(rapid.Just(""), key)
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) step {
		return step{
			call:  rapid.SampledFrom(calls).Draw(t, "call"),
			space: rapid.SampledFrom([]store.Space{"x", "y"}).Draw(t, "space"),
			key:   key.Draw(t, "key"), from: bound.Draw(t, "from"), to: bound.Draw(t, "to"),
			stop: rapid.IntRange(0, 3).Draw(t, "stop"), copies: rapid.Bool().Draw(t, "copies"),
		}
	}), 0, 12).Draw(t, label)
}

var prepareLedger = syncengine.LedgerID{Hash: syncengine.Hash{1}}

// script makes a transaction of steps. It returns the hash of all that it read in *sum.
func script(steps []step, salt string, sum *uint64) func(store.Writer) error {
	return func(w store.Writer) error {
		read := fnv.New64a()
		for _, s := range steps {
			if err := s.run(w, salt, read); err != nil {
				return err
			}
		}
		*sum = read.Sum64()
		return nil
	}
}

func (s step) run(w store.Writer, salt string, read hash.Hash64) error {
	value := fmt.Appendf(nil, "%s %x", salt, read.Sum64())
	switch s.call {
	case "put":
		return w.Put(s.space, prepareLedger, []byte(s.key), value)
	case "delete":
		return w.Delete(s.space, prepareLedger, []byte(s.key))
	case "get":
		v, err := w.Get(s.space, prepareLedger, []byte(s.key))
		_, _ = fmt.Fprintf(read, "get %s=%s;", s.key, v)
		return err
	}
	scan := w.Scan
	if s.call == "scan back" {
		scan = w.ScanBack
	}
	n := 0
	return scan(s.space, prepareLedger, limit(s.from), limit(s.to), func(k, v []byte) (bool, error) {
		n++
		_, _ = fmt.Fprintf(read, "%s %s=%s;", s.call, k, v)
		if s.copies {
			if err := w.Put(s.other(), prepareLedger, append([]byte("copy of "), k...), v); err != nil {
				return false, err
			}
		}
		return n != s.stop, nil
	})
}

func (s step) other() store.Space {
	if s.space == "x" {
		return "y"
	}
	return "x"
}

func limit(s string) []byte {
	if s == "" {
		return nil
	}
	return []byte(s)
}

// contents writes down all that a store holds in the spaces of these tests.
func contents(t rapid.TB, s store.Store) string {
	var b bytes.Buffer
	err := s.View(context.Background(), func(r store.Reader) error {
		for _, space := range []store.Space{"x", "y", "last"} {
			err := r.Scan(space, prepareLedger, nil, nil, func(k, v []byte) (bool, error) {
				fmt.Fprintf(&b, "%s %s=%s\n", space, k, v)
				return true, nil
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// countUpdates is the last part of an update: it touches the one key that every update touches.
func countUpdates(w store.Writer) error {
	was, err := w.Get("last", prepareLedger, []byte("count"))
	if err != nil {
		return err
	}
	return w.Put("last", prepareLedger, []byte("count"), append(bytes.Clone(was), '+'))
}

func TestAPreparedUpdateKeepsWhatAPlainOneWouldHaveKept(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := []string{"put", "delete", "get", "scan", "scan back"}
		seed := drawSteps(t, "seed", "put")
		mine := drawSteps(t, "mine", all...)
		theirs := drawSteps(t, "theirs", "put", "delete")
		var sum, plainSum uint64
		ctx := context.Background()

		prepared, plain := storetest.NewMemory(), storetest.NewMemory()
		for _, s := range []store.Store{prepared, plain} {
			if err := s.Update(ctx, script(seed, "seed", new(uint64))); err != nil {
				t.Fatal(err)
			}
		}
		others := func(s store.Store) func() {
			return func() {
				if err := s.Update(ctx, script(theirs, "theirs", new(uint64))); err != nil {
					t.Fatal(err)
				}
			}
		}
		err := store.Prepare(ctx, &interrupted{prepared, others(prepared)}, script(mine, "mine", &sum), countUpdates)
		if err != nil {
			t.Fatal(err)
		}
		others(plain)()
		fn := script(mine, "mine", &plainSum)
		err = plain.Update(ctx, func(w store.Writer) error { return errors.Join(fn(w), countUpdates(w)) })
		if err != nil {
			t.Fatal(err)
		}
		if got, want := contents(t, prepared), contents(t, plain); got != want {
			t.Fatalf("prepared:\n%s\nplain:\n%s", got, want)
		}
		if sum != plainSum {
			t.Fatal("the caller is left with what fn read before the other update")
		}
	})
}

// holding returns a store that holds the given keys in space x.
func holding(t testing.TB, keys ...string) *storetest.Memory {
	t.Helper()
	s := storetest.NewMemory()
	put(t, s, keys...)
	return s
}

func put(t testing.TB, s store.Store, keys ...string) {
	t.Helper()
	err := s.Update(context.Background(), func(w store.Writer) error {
		for _, k := range keys {
			if err := w.Put("x", prepareLedger, []byte(k), []byte("value of "+k)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// runs counts how often fn runs when others put keys between its preparation and its update.
func runs(t testing.TB, s store.Store, theirs []string, fn func(w store.Writer) error) int {
	t.Helper()
	n := 0
	err := store.Prepare(context.Background(), &interrupted{s, func() { put(t, s, theirs...) }}, func(w store.Writer) error {
		n++
		return fn(w)
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestAReadThatAnotherUpdateAnswersDifferentlyRunsTheFunctionAgain(t *testing.T) {
	get := func(key string) func(store.Writer) error {
		return func(w store.Writer) error {
			_, err := w.Get("x", prepareLedger, []byte(key))
			return err
		}
	}
	scan := func(back bool, from, to string, stop int, own ...string) func(store.Writer) error {
		return func(w store.Writer) error {
			for _, k := range own {
				if err := w.Put("x", prepareLedger, []byte(k), []byte("own")); err != nil {
					return err
				}
			}
			scan, n := w.Scan, 0
			if back {
				scan = w.ScanBack
			}
			return scan("x", prepareLedger, limit(from), limit(to), func(_, _ []byte) (bool, error) {
				n++
				return n != stop, nil
			})
		}
	}
	for _, c := range []struct {
		name   string
		held   string // keys of one letter
		theirs string
		fn     func(store.Writer) error
		again  bool
	}{
		{"a key that was there", "bd", "b", get("b"), false}, // the same value again
		{"a key that was not there", "bd", "c", get("c"), true},
		{"another key", "bd", "c", get("b"), false},
		{"a phantom within a range", "bd", "c", scan(false, "a", "e", 0), true},
		{"a phantom before a range", "bd", "a", scan(false, "b", "", 0), false},
		{"a phantom at its end", "bd", "e", scan(false, "b", "e", 0), false},
		{"a phantom after the last key", "bd", "z", scan(false, "b", "", 0), true},
		{"a phantom in an empty range", "", "c", scan(false, "b", "e", 0), true},
		{"a phantom behind where the reader stopped", "bdf", "e", scan(false, "", "", 2), false},
		{"a phantom before where the reader stopped", "bdf", "c", scan(false, "", "", 2), true},
		{"going back, a phantom within", "bdf", "e", scan(true, "", "", 2), true},
		{"going back, a phantom behind where the reader stopped", "bdf", "c", scan(true, "", "", 2), false},
		{"going back, a phantom below the first key", "bd", "a", scan(true, "", "", 0), true},
		{"a phantom before an own key at which the reader stopped", "af", "b", scan(false, "", "", 2, "c"), true},
		{"a phantom after an own key at which the reader stopped", "af", "d", scan(false, "", "", 2, "c"), false},
		{"an own key at which the reader stopped, put by others too", "af", "c", scan(false, "", "", 2, "c"), false},
		{"a phantom before an own key behind all others", "a", "b", scan(false, "", "", 2, "c"), true},
		{"a phantom after an own key behind all others", "a", "d", scan(false, "", "", 2, "c"), false},
		{"going back, a phantom before an own key at which the reader stopped", "af", "d", scan(true, "", "", 2, "c"), true},
		{"going back, a phantom after such a key", "af", "b", scan(true, "", "", 2, "c"), false},
		{"going back, such a key put by others too", "af", "c", scan(true, "", "", 2, "c"), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			letters := func(s string) (out []string) {
				for _, r := range s {
					out = append(out, string(r))
				}
				return out
			}
			n := runs(t, holding(t, letters(c.held)...), letters(c.theirs), c.fn)
			if got := n > 1; got != c.again {
				t.Errorf("fn ran %d times", n)
			}
		})
	}
}

func TestAPreparedFunctionSeesItsOwnWritesAndDeletions(t *testing.T) {
	s := holding(t, "a", "b", "d")
	fn := func(w store.Writer) error {
		if err := w.Delete("x", prepareLedger, []byte("b")); err != nil {
			return err
		}
		value := []byte("mine")
		if err := w.Put("x", prepareLedger, []byte("c"), value); err != nil {
			return err
		}
		value[0] = '?' // the store keeps copies
		for _, back := range []bool{false, true} {
			var got []string
			scan := w.Scan
			if back {
				scan = w.ScanBack
			}
			err := scan("x", prepareLedger, nil, nil, func(k, v []byte) (bool, error) {
				got = append(got, fmt.Sprintf("%s=%s", k, v))
				return true, nil
			})
			want := []string{"a=value of a", "c=mine", "d=value of d"}
			if back {
				slices.Reverse(want)
			}
			if err != nil || !slices.Equal(got, want) {
				t.Errorf("scan back %v: %q, %v", back, got, err)
			}
		}
		if v, err := w.Get("x", prepareLedger, []byte("b")); v != nil || err != nil {
			t.Errorf("a deleted key is still %q, %v", v, err)
		}
		return nil
	}
	if err := store.Prepare(context.Background(), s, fn, nil); err != nil {
		t.Fatal(err)
	}
	if got, want := contents(t, s), "x a=value of a\nx c=mine\nx d=value of d\n"; got != want {
		t.Errorf("kept:\n%s", got)
	}
}

func TestAPreparedFunctionThatFailsKeepsNothing(t *testing.T) {
	refused := errors.New("refused")
	s := holding(t, "a")
	before := contents(t, s)
	change := func(w store.Writer) error { return w.Put("x", prepareLedger, []byte("b"), []byte("new")) }
	fail := func(w store.Writer) error { return errors.Join(change(w), refused) }
	for name, call := range map[string]func() error{
		"fn":   func() error { return store.Prepare(context.Background(), s, fail, nil) },
		"last": func() error { return store.Prepare(context.Background(), s, change, fail) },
	} {
		if err := call(); !errors.Is(err, refused) {
			t.Errorf("%s: %v", name, err)
		}
		if got := contents(t, s); got != before {
			t.Errorf("%s: kept\n%s", name, got)
		}
	}
}

func TestAFunctionThatFailsWhenItRunsAgainKeepsNothing(t *testing.T) {
	refused := errors.New("refused")
	s := holding(t, "a")
	n := 0
	err := store.Prepare(context.Background(), &interrupted{s, func() { put(t, s, "b") }}, func(w store.Writer) error {
		v, err := w.Get("x", prepareLedger, []byte("b"))
		if n++; v != nil {
			err = refused
		}
		return errors.Join(w.Delete("x", prepareLedger, []byte("a")), err)
	}, countUpdates)
	if !errors.Is(err, refused) || n != 2 {
		t.Errorf("after %d runs: %v", n, err)
	}
	if got, want := contents(t, s), "x a=value of a\nx b=value of b\n"; got != want {
		t.Errorf("kept:\n%s", got)
	}
}

func TestAPreparedWriteIsRefusedAsAStoreRefusesIt(t *testing.T) {
	s := holding(t)
	for _, c := range []struct {
		space      store.Space
		key, value []byte
		want       error
	}{
		{"x", nil, []byte("v"), store.ErrEmpty},
		{"x", []byte("k"), nil, store.ErrEmpty},
		{"", []byte("k"), []byte("v"), store.ErrEmpty},
		{"x", make([]byte, store.MaxKeyBytes+1), []byte("v"), store.ErrTooLarge},
	} {
		put := func(w store.Writer) error { return w.Put(c.space, prepareLedger, c.key, c.value) }
		if err := store.Prepare(context.Background(), s, put, nil); !errors.Is(err, c.want) {
			t.Errorf("key %q in %q: %v", c.key, c.space, err)
		}
	}
}

func TestAPreparedWriterIsGoneWithItsFunction(t *testing.T) {
	var kept store.Writer
	s := holding(t, "a")
	n := 0
	err := store.Prepare(context.Background(), s, func(w store.Writer) error {
		if n++; n == 1 {
			kept = w
		}
		return nil
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, get := kept.Get("x", prepareLedger, []byte("a"))
	each := func(_, _ []byte) (bool, error) { return true, nil }
	for name, err := range map[string]error{
		"Get": get, "Put": kept.Put("x", prepareLedger, []byte("a"), []byte("v")), "Delete": kept.Delete("x", prepareLedger, []byte("a")),
		"Scan": kept.Scan("x", prepareLedger, nil, nil, each), "ScanBack": kept.ScanBack("x", prepareLedger, nil, nil, each),
		"Ledgers": kept.Ledgers(func(syncengine.LedgerID) (bool, error) { return true, nil }),
	} {
		if !errors.Is(err, store.ErrClosed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// damaged is a store whose key "d" can't be read, until it is repaired.
type damaged struct{ store.Store }

type damagedReader struct{ store.Reader }

func (s damaged) View(ctx context.Context, fn func(store.Reader) error) error {
	return s.Store.View(ctx, func(r store.Reader) error { return fn(damagedReader{r}) })
}

func (r damagedReader) Get(space store.Space, ledger syncengine.LedgerID, key []byte) ([]byte, error) {
	if string(key) == "d" {
		return nil, &store.DamagedError{Space: space, Ledger: ledger, Key: key}
	}
	return r.Reader.Get(space, ledger, key)
}

func (r damagedReader) Scan(space store.Space, ledger syncengine.LedgerID, from, to []byte, fn func(k, v []byte) (bool, error)) error {
	return r.Reader.Scan(space, ledger, from, to, func(k, v []byte) (bool, error) {
		if string(k) == "d" {
			return false, &store.DamagedError{Space: space, Ledger: ledger, Key: k}
		}
		return fn(k, v)
	})
}

func TestWhatWasPreparedAroundADamagedValueIsDoneAgain(t *testing.T) {
	for name, read := range map[string]func(w store.Writer) error{
		"get": func(w store.Writer) error { _, err := w.Get("x", prepareLedger, []byte("d")); return err },
		"scan": func(w store.Writer) error {
			return w.Scan("x", prepareLedger, nil, nil, func(_, _ []byte) (bool, error) { return true, nil })
		},
	} {
		s := holding(t, "a", "d", "e")
		n := 0
		err := store.Prepare(context.Background(), damaged{s}, func(w store.Writer) error {
			n++
			if err := read(w); err != nil && !errors.Is(err, store.ErrCorrupt) {
				return err
			}
			return nil
		}, nil)
		if err != nil || n != 2 {
			t.Errorf("%s: fn ran %d times, %v", name, n, err)
		}
	}
}

func TestARehearsalSeesItsWritesAndKeepsNone(t *testing.T) {
	s := storetest.NewMemory()
	err := store.Rehearse(t.Context(), s, func(w store.Writer) error {
		if err := w.Put("space", syncengine.LedgerID{}, []byte("k"), []byte("v")); err != nil {
			return err
		}
		v, err := w.Get("space", syncengine.LedgerID{}, []byte("k"))
		if string(v) != "v" {
			t.Errorf("read %q", v)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	err = s.View(t.Context(), func(r store.Reader) error {
		v, err := r.Get("space", syncengine.LedgerID{}, []byte("k"))
		if v != nil {
			t.Errorf("kept %q", v)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
