package boltstore_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/arpenteur/arpenteur/syncengine/store"
	"github.com/arpenteur/arpenteur/syncengine/store/boltstore"
)

// holdings returns everything that a store holds in the space and the ledgers of these tests.
func holdings(t testing.TB, s store.Store) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := s.View(context.Background(), func(r store.Reader) error {
		for n := range byte(10) {
			err := r.Scan(space, ledger(n), nil, nil, func(k, v []byte) (bool, error) {
				out[fmt.Sprintf("%d %s", n, k)] = string(v)
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
	return out
}

// pairs writes pairs of equal values in two ledgers until stop is closed, so that half of an update shows. It returns how many.
func pairs(s store.Store, stop <-chan struct{}) (n int, err error) {
	for ; ; n++ {
		select {
		case <-stop:
			return n, nil
		default:
		}
		err := s.Update(context.Background(), func(w store.Writer) error {
			key, value := fmt.Appendf(nil, "%06d", n%700), fmt.Appendf(nil, "value %d", n)
			if n%3 == 2 {
				return errors.Join(w.Delete(space, ledger(4), key), w.Delete(space, ledger(5), key))
			}
			return errors.Join(w.Put(space, ledger(4), key, value), w.Put(space, ledger(5), key, value))
		})
		if err != nil {
			return n, err
		}
	}
}

// checkPairs checks that of no update of pairs there is one half.
func checkPairs(t testing.TB, s store.Store) {
	t.Helper()
	all := holdings(t, s)
	for k, v := range all {
		if k[0] == '4' && all["5"+k[1:]] != v || k[0] == '5' && all["4"+k[1:]] != v {
			t.Fatalf("of an update at %s one half is there", k)
		}
	}
}

func TestACopyIsAStoreOfItsOwnWithoutDeletedBytes(t *testing.T) {
	secret := "a name that was redacted"
	path := withDeleted(t, secret)
	s := open(t, path, boltstore.Options{NoSync: true})
	to := filepath.Join(t.TempDir(), "copy.db")
	var last, of int64
	if err := s.Copy(t.Context(), to, func(done, total int64) { last, of = done, total }); err != nil {
		t.Fatal(err)
	}
	if last != of || of == 0 {
		t.Errorf("the copy ended at %d of %d", last, of)
	}
	if bytes.Contains(content(t, to), []byte(secret)) {
		t.Error("the copy holds what was deleted")
	}
	c := open(t, to, boltstore.Options{})
	if c.ID() != s.ID() || string(c.SealHeader()) != "header" || !maps.Equal(holdings(t, c), holdings(t, s)) {
		t.Error("the copy holds something else")
	}
	if err := c.Check(t.Context()); err != nil {
		t.Error(err)
	}
	if err := c.RenewID(t.Context()); err != nil || c.ID() == s.ID() {
		t.Errorf("it can't be told from the store: %v", err)
	}
	id := c.ID()
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if again := open(t, to, boltstore.Options{}); again.ID() != id {
		t.Error("the new id was not kept")
	}
}

// putMany puts so much that a copy looks at its context and tells of its progress several times.
func putMany(t testing.TB, s store.Store) {
	t.Helper()
	err := s.Update(context.Background(), func(w store.Writer) error {
		for i := range 1000 {
			if err := w.Put(space, ledger(7), fmt.Appendf(nil, "%04d", i), bytes.Repeat([]byte("x"), 20<<10)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestWritingGoesOnWhileAStoreIsCopied(t *testing.T) {
	s := open(t, withDeleted(t, "secret"), boltstore.Options{NoSync: true})
	putMany(t, s)
	to := filepath.Join(t.TempDir(), "copy.db")
	written := 0
	err := s.Copy(t.Context(), to, func(_, _ int64) {
		if err := put(s, fmt.Sprintf("meanwhile %d", written), "x"); err != nil {
			t.Error(err)
		}
		written++
	})
	if err != nil {
		t.Fatal(err)
	}
	if c := open(t, to, boltstore.Options{}); written < 4 || get(t, c, "meanwhile 0") != "" || get(t, s, "meanwhile 0") != "x" {
		t.Errorf("the copy is not of one moment, or nothing was written (%d)", written)
	}
}

func TestACopyThatFailsLeavesNothing(t *testing.T) {
	s := open(t, withDeleted(t, "secret"), boltstore.Options{NoSync: true})
	folder := t.TempDir()
	to := filepath.Join(folder, "copy.db")
	ctx, cancel := context.WithCancel(t.Context())
	putMany(t, s)
	if err := s.Copy(ctx, to, func(_, _ int64) { cancel() }); !errors.Is(err, context.Canceled) {
		t.Errorf("a copy that was cancelled: %v", err)
	}
	if left, err := os.ReadDir(folder); err != nil || len(left) != 0 {
		t.Errorf("it left %v, %v", left, err)
	}
	if err := os.WriteFile(to, []byte("somebody's"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.Copy(t.Context(), to, nil); !errors.Is(err, fs.ErrExist) || string(content(t, to)) != "somebody's" {
		t.Errorf("a file was in the way: %v", err)
	}
	if err := s.Copy(t.Context(), filepath.Join(folder, "no", "copy.db"), nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a folder was not there: %v", err)
	}
}

func TestReadersAndWritersGoOnWhileAStoreIsCompacted(t *testing.T) {
	secret := "a name that was redacted"
	path := withDeleted(t, secret)
	s := open(t, path, boltstore.Options{NoSync: true})
	stop := make(chan struct{})
	var all sync.WaitGroup
	var total atomic.Int64
	for range 2 {
		all.Go(func() {
			n, err := pairs(s, stop)
			if err != nil {
				t.Error(err)
			}
			total.Add(int64(n))
		})
	}
	all.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				checkPairs(t, s)
			}
		}
	})
	for range 5 {
		if err := s.Compact(t.Context()); err != nil {
			t.Error(err)
		}
	}
	close(stop)
	all.Wait()
	checkPairs(t, s)
	if total.Load() == 0 {
		t.Error("nobody wrote")
	}
	want := holdings(t, s)
	if err := errors.Join(s.Check(t.Context()), s.Close()); err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(content(t, path), []byte(secret)) {
		t.Error("the file still holds what was deleted")
	}
	again := open(t, path, boltstore.Options{})
	if !maps.Equal(holdings(t, again), want) || string(again.SealHeader()) != "header" || get(t, again, "key") != "kept" {
		t.Error("the compacted file holds something else")
	}
}

func TestAReaderFinishesOnTheFileThatItBeganOn(t *testing.T) {
	s := open(t, withDeleted(t, "secret"), boltstore.Options{NoSync: true})
	compacted := make(chan error, 1)
	err := s.View(t.Context(), func(r store.Reader) error {
		before := s.Stats().Commits
		go func() { compacted <- s.Compact(context.Background()) }()
		for ; s.Stats().Commits < before+20; _ = put(s, "key", "new") { // by then, and after, files may have been exchanged
		}
		select {
		case err := <-compacted:
			t.Errorf("the old file was closed under its reader: %v", err)
		default:
		}
		v, err := r.Get(space, ledger(0), []byte("key"))
		if string(v) != "kept" {
			t.Errorf("the reader sees %q", v)
		}
		return err
	})
	if err := errors.Join(err, <-compacted); err != nil || get(t, s, "key") != "new" {
		t.Errorf("%v, %q", err, get(t, s, "key"))
	}
}

func TestACompactionThatIsCancelledLeavesTheStoreAsItWas(t *testing.T) {
	path := withDeleted(t, "secret")
	s := open(t, path, boltstore.Options{NoSync: true})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Compact(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if err := put(s, "key", "new"); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(path + ".compact"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the new file is left: %v", err)
	}
	if err := os.Rename(path, path+".moved"); err != nil {
		t.Fatal(err)
	}
	other := open(t, path, boltstore.Options{NoSync: true})
	if err := errors.Join(put(other, "key", "another's"), other.Close()); err != nil {
		t.Fatal(err)
	}
	if err := s.Compact(t.Context()); err == nil {
		t.Error("a file of the same name was overwritten")
	}
	if again := open(t, path, boltstore.Options{}); get(t, again, "key") != "another's" {
		t.Error("another store is lost")
	}
}
