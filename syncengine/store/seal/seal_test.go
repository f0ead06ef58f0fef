package seal_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"

	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/store"
	"github.com/arpenteur/arpenteur/syncengine/store/boltstore"
	"github.com/arpenteur/arpenteur/syncengine/store/seal"
	"github.com/arpenteur/arpenteur/syncengine/store/storetest"
)

// cheap makes passphrases quick to try, for tests only.
var cheap = seal.Params{Time: 1, Memory: 64, Threads: 1}

const space store.Space = "space"

// ledger returns the ledger id that begins with n.
func ledger(n byte) (id syncengine.LedgerID) {
	id.Hash[0] = n
	return id
}

// put puts a value.
func put(s store.Store, key, value string) error {
	return s.Update(context.Background(), func(w store.Writer) error { return w.Put(space, ledger(1), []byte(key), []byte(value)) })
}

// get returns a value.
func get(s store.Store, key string) (value string, err error) {
	err = s.View(context.Background(), func(r store.Reader) error {
		v, err := r.Get(space, ledger(1), []byte(key))
		value = string(v)
		return err
	})
	return value, err
}

// open opens a store that must open.
func open(t testing.TB, st seal.Sealable, passphrase string) store.Store {
	t.Helper()
	s, _, err := seal.Open(context.Background(), st, []byte(passphrase), cheap, nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestASealedMemoryIsAStore(t *testing.T) {
	storetest.Run(t, func(t testing.TB) store.Store { return open(t, storetest.NewMemory(), "passphrase") })
}

func TestASealedFileIsAStore(t *testing.T) {
	count := 0
	paths := map[store.Store]string{}
	file := func(t testing.TB, path string) store.Store {
		st, err := boltstore.Open(path, boltstore.Options{NoSync: true})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = st.Close() })
		s := open(t, st, "passphrase")
		paths[s] = path
		return s
	}
	storetest.Backend{
		Open: func(t testing.TB) store.Store {
			count++
			return file(t, filepath.Join(t.TempDir(), fmt.Sprintf("%d.db", count)))
		},
		Reopen: func(t testing.TB, closed store.Store) store.Store { return file(t, paths[closed]) },
	}.Run(t)
}

func TestAStoreOpensWithItsPassphraseOnly(t *testing.T) {
	m := storetest.NewMemory()
	if err := put(open(t, m, "caf\u00e9"), "key", "value"); err != nil {
		t.Fatal(err)
	}
	for _, wrong := range []string{"", "cafe", "café ", "Café"} {
		if _, _, err := seal.Open(context.Background(), m, []byte(wrong), cheap, nil); !errors.Is(err, store.ErrSealed) {
			t.Errorf("%q: got error %v", wrong, err)
		}
	}
	// The same characters, as another keyboard composes them.
	if got, err := get(open(t, m, "cafe\u0301"), "key"); err != nil || got != "value" {
		t.Fatalf("got %q, error %v", got, err)
	}
}

func TestOnlyAnEmptyStoreIsSealed(t *testing.T) {
	m := storetest.NewMemory()
	if err := put(m, "key", "value"); err != nil {
		t.Fatal(err)
	}
	if _, _, err := seal.Open(context.Background(), m, []byte("passphrase"), cheap, nil); !errors.Is(err, seal.ErrClear) {
		t.Fatalf("a store with values: %v", err)
	}
	if m.SealHeader() != nil {
		t.Fatal("it has a header now")
	}
	// The zero ledger, which no list of ledgers shows, counts too.
	m = storetest.NewMemory()
	err := m.Update(context.Background(), func(w store.Writer) error {
		return w.Put(space, syncengine.LedgerID{}, []byte("key"), []byte("value"))
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := seal.Open(context.Background(), m, []byte("passphrase"), cheap, nil); !errors.Is(err, seal.ErrClear) {
		t.Fatalf("a store with a value of no ledger: %v", err)
	}
	m = storetest.NewMemory()
	if _, _, err := seal.Open(context.Background(), m, nil, cheap, nil); !errors.Is(err, store.ErrSealed) || m.SealHeader() != nil {
		t.Fatalf("a new store without a passphrase: %v", err)
	}
	if _, _, err := seal.Open(context.Background(), m, []byte("p"), cheap, iotest.ErrReader(errors.New("none"))); err == nil || m.SealHeader() != nil {
		t.Fatalf("a new store without randomness: %v", err)
	}
}

func TestADamagedOrNewerHeaderIsToldFromAWrongPassphrase(t *testing.T) {
	for header, expected := range map[string]error{
		"noise":                               store.ErrCorrupt,
		`{"version":2,"what":"ever"}`:         store.ErrNewer,
		`{"version":1,"check":"","slots":[]}`: store.ErrCorrupt,
	} {
		m := storetest.NewMemory()
		if err := m.SetSealHeader([]byte(header)); err != nil {
			t.Fatal(err)
		}
		if _, _, err := seal.Open(context.Background(), m, []byte("passphrase"), cheap, nil); !errors.Is(err, expected) {
			t.Errorf("%s: got error %v, want %v", header, err, expected)
		}
	}
}

func TestAChangedPassphraseOpensTheSameValues(t *testing.T) {
	m := storetest.NewMemory()
	if err := put(open(t, m, "old"), "key", "value"); err != nil {
		t.Fatal(err)
	}
	if err := seal.ChangePassphrase(m, []byte("wrong"), []byte("new"), cheap, nil); !errors.Is(err, store.ErrSealed) {
		t.Fatalf("with a wrong passphrase: %v", err)
	}
	if err := seal.ChangePassphrase(m, []byte("old"), []byte("new"), cheap, nil); err != nil {
		t.Fatal(err)
	}
	if _, _, err := seal.Open(context.Background(), m, []byte("old"), cheap, nil); !errors.Is(err, store.ErrSealed) {
		t.Fatalf("the old passphrase: %v", err)
	}
	if got, err := get(open(t, m, "new"), "key"); err != nil || got != "value" {
		t.Fatalf("got %q, error %v", got, err)
	}
}

// TestAMovedOrChangedValueIsNamedAndNoOther spoils sealed values in every way, in the inner store.
func TestAMovedOrChangedValueIsNamedAndNoOther(t *testing.T) {
	spoils := map[string]func(w store.Writer, sealed []byte) error{
		"changed":            func(w store.Writer, v []byte) error { v[30] ^= 1; return w.Put(space, ledger(1), []byte("b"), v) },
		"with another nonce": func(w store.Writer, v []byte) error { v[0] ^= 1; return w.Put(space, ledger(1), []byte("b"), v) },
		"cut":                func(w store.Writer, v []byte) error { return w.Put(space, ledger(1), []byte("b"), v[:len(v)-1]) },
		"cut to its nonce":   func(w store.Writer, v []byte) error { return w.Put(space, ledger(1), []byte("b"), v[:24]) },
		"cut to nothing":     func(w store.Writer, v []byte) error { return w.Put(space, ledger(1), []byte("b"), v[:1]) },
		"never sealed":       func(w store.Writer, _ []byte) error { return w.Put(space, ledger(1), []byte("b"), make([]byte, 100)) },
		"of another key": func(w store.Writer, _ []byte) error {
			other, err := w.Get(space, ledger(1), []byte("c"))
			return errors.Join(err, w.Put(space, ledger(1), []byte("b"), other))
		},
		"of another ledger": func(w store.Writer, _ []byte) error {
			other, err := w.Get(space, ledger(2), []byte("b"))
			return errors.Join(err, w.Put(space, ledger(1), []byte("b"), other))
		},
		"of another space": func(w store.Writer, _ []byte) error {
			other, err := w.Get("spac", ledger(1), []byte("eb"))
			return errors.Join(err, w.Put(space, ledger(1), []byte("b"), other))
		},
	}
	for name, spoil := range spoils {
		m := storetest.NewMemory()
		s := open(t, m, "passphrase")
		err := errors.Join(put(s, "a", "value"), put(s, "b", "value"), put(s, "c", "value"))
		err = errors.Join(err, s.Update(context.Background(), func(w store.Writer) error {
			return errors.Join(w.Put(space, ledger(2), []byte("b"), []byte("value")), w.Put("spac", ledger(1), []byte("eb"), []byte("value")))
		}))
		err = errors.Join(err, m.Update(context.Background(), func(w store.Writer) error {
			v, err := w.Get(space, ledger(1), []byte("b"))
			return errors.Join(err, spoil(w, bytes.Clone(v)))
		}))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := get(s, "a"); err != nil || got != "value" {
			t.Errorf("%s: the value beside it: %q, error %v", name, got, err)
		}
		_, err = get(s, "b")
		damage := (*store.DamagedError)(nil)
		if !errors.Is(err, store.ErrCorrupt) || !errors.As(err, &damage) || string(damage.Key) != "b" || damage.Space != space || damage.Ledger != ledger(1) {
			t.Errorf("%s: got error %v", name, err)
		}
		if keys := scanOver(t, s); keys != "ac" {
			t.Errorf("%s: a scan that goes on after the damage met %q", name, keys)
		}
	}
}

// scanOver scans all of ledger 1, over what is damaged, and returns the keys.
func scanOver(t *testing.T, s store.Store) (keys string) {
	t.Helper()
	err := s.View(context.Background(), func(r store.Reader) error {
		var from []byte
		for {
			err := r.Scan(space, ledger(1), from, nil, func(k, _ []byte) (bool, error) { keys += string(k); return true, nil })
			damage := (*store.DamagedError)(nil)
			if !errors.As(err, &damage) {
				return err
			}
			from = append(damage.Key, 0)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

func TestAnotherKeyOpensNoValue(t *testing.T) {
	m := storetest.NewMemory()
	if err := put(seal.Wrap(m, seal.Key{1}, nil), "key", "value"); err != nil {
		t.Fatal(err)
	}
	if _, err := get(seal.Wrap(m, seal.Key{2}, nil), "key"); !errors.Is(err, store.ErrCorrupt) {
		t.Fatalf("got error %v", err)
	}
}

func TestAPutWithoutRandomnessIsRefused(t *testing.T) {
	failure := errors.New("no randomness")
	m := storetest.NewMemory()
	s := seal.Wrap(m, seal.Key{}, iotest.ErrReader(failure))
	if err := put(s, "key", "value"); !errors.Is(err, failure) {
		t.Fatalf("got error %v", err)
	}
	if empty, err := m.Empty(t.Context()); err != nil || !empty {
		t.Fatalf("something was kept, error %v", err)
	}
}

func TestALargerValueThanAStoreTakesIsRefusedBySealedStoresToo(t *testing.T) {
	s := open(t, storetest.NewMemory(), "passphrase")
	if err := put(s, "key", strings.Repeat("x", store.MaxValueBytes)); err != nil {
		t.Fatal(err)
	}
	if err := put(s, "key", strings.Repeat("x", store.MaxValueBytes+1)); !errors.Is(err, store.ErrTooLarge) {
		t.Fatalf("got error %v", err)
	}
}

// TestNoValueIsReadableInTheInnerStore puts values that hold a marker, at any place, and looks for it in what the inner store holds. The
// same value is never sealed twice to the same bytes.
func TestNoValueIsReadableInTheInnerStore(t *testing.T) {
	const marker = "Mme Lefebvre, 3e gauche"
	rapid.Check(t, func(rt *rapid.T) {
		m := storetest.NewMemory()
		s := open(t, m, "passphrase")
		keys := rapid.SliceOfNDistinct(rapid.StringN(1, 8, 20), 1, 20, rapid.ID).Draw(rt, "keys")
		around := rapid.SliceOfN(rapid.Byte(), 0, 300)
		for _, key := range keys {
			value := marker
			if rapid.Bool().Draw(rt, "framed") {
				value = string(around.Draw(rt, "before")) + marker + string(around.Draw(rt, "after"))
			}
			if err := put(s, key, value); err != nil {
				rt.Fatalf("put: %v", err)
			}
		}
		seen := map[string]bool{}
		err := m.View(context.Background(), func(r store.Reader) error {
			return r.Scan(space, ledger(1), nil, nil, func(_, sealed []byte) (bool, error) {
				for n := 0; n+6 <= len(marker); n++ {
					if bytes.Contains(sealed, []byte(marker[n:n+6])) {
						rt.Fatalf("the inner store holds %q", sealed)
					}
				}
				if seen[string(sealed)] {
					rt.Fatalf("two values were sealed alike")
				}
				seen[string(sealed)] = true
				return true, nil
			})
		})
		if err != nil || len(seen) != len(keys) {
			rt.Fatalf("the inner store holds %d values of %d, error %v", len(seen), len(keys), err)
		}
	})
}

func ExampleOpen() {
	ctx := context.Background()
	var file seal.Sealable = storetest.NewMemory() // or a boltstore

	sealed, _, err := seal.Open(ctx, file, []byte("a passphrase"), seal.Params{Time: 1, Memory: 64, Threads: 1}, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := put(sealed, "key", "a note"); err != nil {
		fmt.Println(err)
		return
	}
	value, err := get(sealed, "key")
	fmt.Println(value, err)
	_, _, err = seal.Open(ctx, file, []byte("a guess"), seal.Params{}, nil)
	fmt.Println(err)
	// Output:
	// a note <nil>
	// store is sealed and no key, or a wrong one, was given: the passphrase is not the right one
}
