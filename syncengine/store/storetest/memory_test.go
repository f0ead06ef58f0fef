package storetest_test

import (
	"context"
	"errors"
	"testing"

	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/store"
	"github.com/arpenteur/arpenteur/syncengine/store/storetest"
)

func TestMemoryIsAStore(t *testing.T) {
	storetest.Run(t, func(testing.TB) store.Store { return storetest.NewMemory() })
}

func TestMemoryThatRunsTwiceIsAStore(t *testing.T) {
	storetest.Run(t, func(testing.TB) store.Store {
		m := storetest.NewMemory()
		m.RunTwice(true)
		return m
	})
}

// set puts value at "key".
func set(m *storetest.Memory, value string) error {
	return m.Update(context.Background(), func(w store.Writer) error {
		return w.Put("space", syncengine.LedgerID{}, []byte("key"), []byte(value))
	})
}

// held returns the value at "key".
func held(t *testing.T, m *storetest.Memory) (value string) {
	t.Helper()
	err := m.View(context.Background(), func(r store.Reader) error {
		v, err := r.Get("space", syncengine.LedgerID{}, []byte("key"))
		value = string(v)
		return err
	})
	if err != nil {
		t.Fatalf("view: %v", err)
	}
	return value
}

func TestAnInjectedFailureKeepsNothingAndHappensOnce(t *testing.T) {
	m := storetest.NewMemory()
	if err := set(m, "first"); err != nil {
		t.Fatal(err)
	}
	m.FailNext(store.ErrFull)
	if err := set(m, "second"); !errors.Is(err, store.ErrFull) {
		t.Fatalf("got error %v", err)
	}
	if got := held(t, m); got != "first" {
		t.Fatalf("the failed update left %q", got)
	}
	if err := set(m, "third"); err != nil || held(t, m) != "third" {
		t.Fatalf("the update after it: error %v, left %q", err, held(t, m))
	}
}

func TestRestoreGoesBackAndOpensAgain(t *testing.T) {
	m := storetest.NewMemory()
	if err := errors.Join(set(m, "first"), m.SetSealHeader([]byte("header"))); err != nil {
		t.Fatal(err)
	}
	crash := m.Snapshot()
	if err := errors.Join(set(m, "second"), m.SetSealHeader(nil), m.Close()); err != nil {
		t.Fatal(err)
	}
	m.Restore(crash)
	if got, header := held(t, m), string(m.SealHeader()); got != "first" || header != "header" {
		t.Fatalf("restored %q with header %q", got, header)
	}
	if err := set(m, "third"); err != nil {
		t.Fatal(err)
	}
	m.Restore(crash)
	if got := held(t, m); got != "first" {
		t.Fatalf("a snapshot changed to %q after it was restored and written to", got)
	}
}

func TestRunTwiceShowsASideEffect(t *testing.T) {
	m := storetest.NewMemory()
	m.RunTwice(true)
	calls := 0
	err := m.Update(context.Background(), func(store.Writer) error {
		calls++
		return nil
	})
	if err != nil || calls != 2 {
		t.Fatalf("fn ran %d times, error %v", calls, err)
	}
}

func TestEmptyTellsWhetherAnyKeyIsHeld(t *testing.T) {
	m := storetest.NewMemory()
	if empty, err := m.Empty(t.Context()); err != nil || !empty {
		t.Fatalf("a new store: empty %t, error %v", empty, err)
	}
	if err := set(m, "value"); err != nil {
		t.Fatal(err)
	}
	if empty, err := m.Empty(t.Context()); err != nil || empty {
		t.Fatalf("after a put: empty %t, error %v", empty, err)
	}
}
