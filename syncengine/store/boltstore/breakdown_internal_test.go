package boltstore

import (
	"context"
	"errors"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/store"
)

// put puts a value.
func put(s *Store, key, value string) error {
	return s.Update(context.Background(), func(w store.Writer) error {
		return w.Put("space", syncengine.LedgerID{}, []byte(key), []byte(value))
	})
}

// opened returns a store with one value.
func opened(t *testing.T) *Store {
	t.Helper()
	s, err := Open(filepath.Join(t.TempDir(), "store.db"), Options{NoSync: true})
	if err == nil {
		err = put(s, "key", "value")
	}
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// number returns the transaction of the last commit.
func number(t *testing.T, s *Store) (n int) {
	t.Helper()
	err := s.read(func(tx *txn) error {
		n = tx.tx.ID()
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// reopens closes a store, which must not hang, and opens it again.
func reopens(t *testing.T, s *Store) {
	t.Helper()
	closed := make(chan error)
	go func() { closed <- s.Close() }()
	select {
	case err := <-closed:
		if err != nil {
			t.Fatal(err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("close hangs")
	}
	s, err := Open(s.path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(put(s, "key", "new"), s.Check(t.Context()), s.Close()); err != nil {
		t.Fatal(err)
	}
}

func TestACommitThatFailedBeforeItsMetaPageLeavesTheStoreUsable(t *testing.T) {
	s := opened(t)
	err := s.commitFailed(number(t, s)+1, syscall.EIO)
	if !errors.Is(err, syscall.EIO) || errors.Is(err, store.ErrClosed) {
		t.Fatalf("got error %v", err)
	}
	if err := put(s, "key", "new"); err != nil {
		t.Fatal(err)
	}
	reopens(t, s)
}

func TestACommitThatFailedAfterItsMetaPageClosesTheStore(t *testing.T) {
	s := opened(t)
	err := s.commitFailed(number(t, s), syscall.EIO)
	if !errors.Is(err, syscall.EIO) || !errors.Is(err, store.ErrClosed) {
		t.Fatalf("got error %v", err)
	}
	if err := put(s, "key", "new"); !errors.Is(err, store.ErrClosed) || !errors.Is(err, syscall.EIO) {
		t.Fatalf("an update after it: %v", err)
	}
	if err := s.View(t.Context(), func(store.Reader) error { return nil }); !errors.Is(err, store.ErrClosed) {
		t.Fatalf("a view after it: %v", err)
	}
	reopens(t, s)
}

func TestAPanicOfBboltThatKeepsItsLocksIsNoDeadlock(t *testing.T) {
	s := opened(t)
	func() {
		var err error
		defer func() {
			if !errors.Is(err, store.ErrCorrupt) {
				t.Errorf("got error %v", err)
			}
		}()
		tx, beginErr := s.current.db.Begin(true) // and it never ends
		if beginErr != nil {
			t.Fatal(beginErr)
		}
		a := attempt{store: s, volume: s.current, tx: tx, at: ending}
		defer a.recover(&err)
		panic("a page is not what it was")
	}()
	if err := put(s, "key", "new"); !errors.Is(err, store.ErrCorrupt) {
		t.Fatalf("an update after it: %v", err)
	}
	reopens(t, s)
}
