//go:build linux

package boltstore_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"
	"testing"

	"github.com/arpenteur/arpenteur/syncengine/store"
	"github.com/arpenteur/arpenteur/syncengine/store/boltstore"
)

const megabyte = 1 << 20

// putMegabytes puts n values of a megabyte.
func putMegabytes(s store.Store, name string, n int) error {
	return s.Update(context.Background(), func(w store.Writer) error {
		for i := range n {
			if err := w.Put(space, ledger(1), fmt.Appendf(nil, "%s%d", name, i), bytes.Repeat([]byte("x"), megabyte)); err != nil {
				return err
			}
		}
		return nil
	})
}

// fillStore puts values until there is no more space, and checks that nothing else happens to the store.
func fillStore(s *boltstore.Store, moreSpace func() error) error {
	kept := 0
	var err error
	for ; err == nil && kept < 1000; kept++ {
		err = putMegabytes(s, fmt.Sprintf("value %d ", kept), 1)
	}
	kept--
	if !errors.Is(err, store.ErrFull) {
		return fmt.Errorf("after %d megabytes: %w", kept, err)
	}
	count := func() (n int) {
		_ = s.View(context.Background(), func(r store.Reader) error {
			return r.Scan(space, ledger(1), nil, nil, func(_, v []byte) (bool, error) {
				n += len(v) / megabyte
				return true, nil
			})
		})
		return n
	}
	if n := count(); n != kept {
		return fmt.Errorf("%d of %d values are there", n, kept)
	}
	if err := s.Check(context.Background()); err != nil {
		return err
	}
	if err := moreSpace(); err != nil { // up to 40 megabytes
		return err
	}
	// One that asks for too much fails alone.
	errs := make([]error, 3)
	var all sync.WaitGroup
	for i, n := range []int{1, 60, 1} {
		all.Go(func() { errs[i] = putMegabytes(s, fmt.Sprintf("more %d ", i), n) })
	}
	all.Wait()
	if !errors.Is(errs[1], store.ErrFull) || errs[0] != nil || errs[2] != nil {
		return fmt.Errorf("with space for two of three: %v", errs)
	}
	if n := count(); n != kept+2 {
		return fmt.Errorf("%d of %d values are there in the end", n, kept+2)
	}
	return errors.Join(s.Check(context.Background()), s.Close())
}

// fillUp fills a store in a process that may write files up to a size only.
func fillUp(path string) {
	signal.Ignore(syscall.SIGXFSZ) // so that the write fails instead
	limit := func(bytes uint64) error {
		var now syscall.Rlimit
		if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &now); err != nil {
			return err
		}
		now.Cur = min(bytes, now.Max)
		return syscall.Setrlimit(syscall.RLIMIT_FSIZE, &now)
	}
	err := limit(12 * megabyte)
	if err == nil {
		var s *boltstore.Store
		if s, err = boltstore.Open(path, boltstore.Options{}); err == nil {
			err = fillStore(s, func() error { return limit(40 * megabyte) })
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func TestAFileAtItsLargestSizeLosesNothing(t *testing.T) {
	if err := child(t, "fill", filepath.Join(t.TempDir(), "store.db")).Run(); err != nil {
		t.Fatal(err)
	}
}

func TestAFullDeviceLosesNothing(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=12m"); err != nil {
		t.Skipf("SKIPPED: a small device can't be mounted here (%v); the largest size of a file is tested instead", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	s, err := boltstore.Open(filepath.Join(dir, "store.db"), boltstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	err = fillStore(s, func() error {
		if err := s.Compact(context.Background()); !errors.Is(err, store.ErrFull) {
			return fmt.Errorf("a compaction without space for it: %w", err)
		}
		if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
			return fmt.Errorf("it left %v: %w", left, err)
		}
		return syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_REMOUNT, "size=40m")
	})
	if err != nil {
		t.Error(err)
		_ = s.Close()
	}
	if err := os.RemoveAll(filepath.Join(dir, "store.db")); err != nil {
		t.Error(err)
	}
}
