package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/store"
)

// Backend says how the suite gets its stores.
type Backend struct {
	// Open returns a new, empty store. What it needs it cleans up with t; the suite closes the store.
	Open func(t testing.TB) store.Store
	// Reopen opens again what a closed store held. It is nil where nothing outlives Close.
	Reopen func(t testing.TB, closed store.Store) store.Store
}

// Run runs the conformance suite on the stores that open returns. See Backend.
func Run(t *testing.T, open func(t testing.TB) store.Store) {
	t.Helper()
	Backend{Open: open}.Run(t)
}

// Run runs the conformance suite.
func (b Backend) Run(t *testing.T) {
	for _, test := range slices.Concat(contractTests(b), scanTests(), concurrencyTests(), propertyTests()) {
		t.Run(test.name, func(t *testing.T) { test.run(t, b) })
	}
}

// conformanceTest is one part of the suite.
type conformanceTest struct {
	name string
	run  func(t *testing.T, b Backend)
}

// The places that the suite writes to.
const (
	spaceA store.Space = "a"
	spaceB store.Space = "b"
	spaceC store.Space = "b\x00" // its name begins with another's
)

// spaces lists all spaces that the suite writes to.
func spaces() []store.Space { return []store.Space{spaceA, spaceB, spaceC} }

// ledger returns the ledger id that ends in n; 0 is the zero ledger.
func ledger(n byte) syncengine.LedgerID {
	var id syncengine.LedgerID
	id.Hash[31] = n
	return id
}

var errRefused = errors.New("refused by fn")

// open returns a new store, which is closed when the test ends.
func (b Backend) open(t testing.TB) store.Store {
	t.Helper()
	s := b.Open(t)
	t.Cleanup(func() {
		if err := s.Close(); err != nil && !errors.Is(err, store.ErrClosed) {
			t.Errorf("close: %v", err)
		}
	})
	return s
}

// fatal is what the suite needs of a test, of testing and of rapid.
type fatal interface {
	Helper()
	Fatalf(format string, args ...any)
}

// update runs fn, which must succeed.
func update(t fatal, s store.Store, fn func(w store.Writer) error) {
	t.Helper()
	if err := s.Update(context.Background(), fn); err != nil {
		t.Fatalf("update: %v", err)
	}
}

// view runs fn, which must succeed.
func view(t fatal, s store.Store, fn func(r store.Reader) error) {
	t.Helper()
	if err := s.View(context.Background(), fn); err != nil {
		t.Fatalf("view: %v", err)
	}
}

// put puts one value.
func put(t fatal, s store.Store, space store.Space, l syncengine.LedgerID, key, value string) {
	t.Helper()
	update(t, s, func(w store.Writer) error { return w.Put(space, l, []byte(key), []byte(value)) })
}

// get returns the value at key, empty where there is none.
func get(t fatal, s store.Store, space store.Space, l syncengine.LedgerID, key string) string {
	t.Helper()
	value := ""
	view(t, s, func(r store.Reader) error {
		v, err := r.Get(space, l, []byte(key))
		value = string(v)
		return err
	})
	return value
}

// want compares an error with the one that it must wrap.
func want(t fatal, what string, err, target error) {
	t.Helper()
	if !errors.Is(err, target) {
		t.Fatalf("%s: got error %v, want %v", what, err, target)
	}
}

// dump returns all that a store holds, as text: two stores that hold the same have the same dump. Lengths frame the bytes, which are
// written as they are.
func dump(t fatal, s store.Store) string {
	t.Helper()
	var out bytes.Buffer
	view(t, s, func(r store.Reader) error {
		out.Reset()
		ledgers := []syncengine.LedgerID{{}}
		err := r.Ledgers(func(l syncengine.LedgerID) (bool, error) {
			ledgers = append(ledgers, l)
			return true, nil
		})
		if err != nil {
			return err
		}
		for _, l := range ledgers {
			fmt.Fprintf(&out, "ledger %q\n", l)
			for _, space := range spaces() {
				err := r.Scan(space, l, nil, nil, func(k, v []byte) (bool, error) {
					writeRow(&out, space, k, v)
					return true, nil
				})
				if err != nil {
					return err
				}
			}
		}
		return nil
	})
	return out.String()
}

// writeRow adds a key and its value to a text.
func writeRow(out *bytes.Buffer, space store.Space, k, v []byte) {
	fmt.Fprintf(out, "  %q %d %d ", space, len(k), len(v))
	out.Write(k)
	out.WriteByte('=')
	out.Write(v)
	out.WriteByte('\n')
}
