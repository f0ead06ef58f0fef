package boltstore

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/store"
)

// write puts a value at each of n keys.
func write(s *Store, from, n int, value string) error {
	return s.Update(context.Background(), func(w store.Writer) error {
		for i := range n {
			if err := w.Put("space", syncengine.LedgerID{}, fmt.Appendf(nil, "%06d", from+i), []byte(value)); err != nil {
				return err
			}
		}
		return nil
	})
}

// written reads the value at a key.
func written(t *testing.T, s *Store, n int) (value string) {
	t.Helper()
	err := s.View(context.Background(), func(r store.Reader) error {
		v, err := r.Get("space", syncengine.LedgerID{}, fmt.Appendf(nil, "%06d", n))
		value = string(v)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return value
}

// TestFilesThatMustBeClosedAreExchangedToo runs on every system what a compaction does where open files can't be renamed.
func TestFilesThatMustBeClosedAreExchangedToo(t *testing.T) {
	s, err := Open(filepath.Join(t.TempDir(), "store.db"), Options{NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	s.exchangesClosed = true
	stop, ended := make(chan struct{}), make(chan error, 1)
	if err := write(s, 0, 1000, "before"); err != nil {
		t.Fatal(err)
	}
	go func() {
		for {
			select {
			case <-stop:
				ended <- nil
				return
			default:
			}
			if err := write(s, 10, 10, "meanwhile"); err != nil {
				ended <- err
				return
			}
		}
	}()
	for range 3 {
		if err := s.Compact(t.Context()); err != nil {
			t.Error(err)
		}
		if v := written(t, s, 5); v != "before" {
			t.Errorf("read %q", v)
		}
	}
	close(stop)
	if err := errors.Join(<-ended, s.Check(t.Context()), s.Close()); err != nil {
		t.Fatal(err)
	}
	if err := write(s, 0, 1, "late"); !errors.Is(err, store.ErrClosed) {
		t.Errorf("after closing: %v", err)
	}
}

// meddling is a context that does something whenever a copy asks whether it goes on.
type meddling struct {
	context.Context
	do func()
}

func (m meddling) Err() error {
	m.do()
	return m.Context.Err()
}

// TestWhatIsWrittenDuringACompactionIsInTheNewFile writes while the copy is made: a few keys, more than writers would wait for, and more
// than is noted.
func TestWhatIsWrittenDuringACompactionIsInTheNewFile(t *testing.T) {
	for _, many := range []int{1, fewChanges, 3 * fewChanges, maxChanges + 1} {
		s, err := Open(filepath.Join(t.TempDir(), "store.db"), Options{NoSync: true})
		if err == nil {
			err = write(s, 0, 3*copyCheck, "before")
		}
		if err != nil {
			t.Fatal(err)
		}
		times := 0
		ctx := meddling{t.Context(), func() {
			if s.changed == nil || times > 0 {
				return
			}
			times++
			if err := errors.Join(write(s, 5, many, "after"), s.SetSealHeader([]byte("header")), s.RenewID(context.Background())); err != nil {
				t.Error(err)
			}
			if s.changed.over != (many > maxChanges) {
				t.Errorf("%d keys: over is %v", many, s.changed.over)
			}
		}}
		if err := s.Compact(ctx); err != nil || times != 1 {
			t.Fatalf("%d keys, %d times: %v", many, times, err)
		}
		id := s.ID()
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if s, err = Open(s.path, Options{}); err != nil {
			t.Fatal(err)
		}
		if written(t, s, 4) != "before" || written(t, s, 5) != "after" || written(t, s, 5+many-1) != "after" {
			t.Errorf("%d keys: %q %q %q", many, written(t, s, 4), written(t, s, 5), written(t, s, 5+many-1))
		}
		if string(s.SealHeader()) != "header" || s.ID() != id {
			t.Error("the seal or the id is the old one")
		}
		if err := errors.Join(s.Check(t.Context()), s.Close()); err != nil {
			t.Error(err)
		}
	}
}
