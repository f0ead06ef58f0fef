package boltstore_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/arpenteur/arpenteur/syncengine/store"
	"github.com/arpenteur/arpenteur/syncengine/store/boltstore"
)

// withDeleted returns the path of a closed store in which a secret was put and deleted, among much else.
func withDeleted(t *testing.T, secret string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "store.db")
	s := open(t, path, boltstore.Options{NoSync: true})
	err := s.Update(context.Background(), func(w store.Writer) error {
		for i := range 1000 {
			if err := w.Put(space, ledger(byte(i%3)), fmt.Appendf(nil, "%04d", i), bytes.Repeat([]byte{byte(i)}, 200)); err != nil {
				return err
			}
		}
		return w.Put(space, ledger(9), []byte("key"), []byte(secret))
	})
	err = errors.Join(err, s.SetSealHeader([]byte("header")), put(s, "key", "kept"), s.Update(context.Background(), func(w store.Writer) error {
		for i := range 900 {
			if err := w.Delete(space, ledger(byte(i%3)), fmt.Appendf(nil, "%04d", i)); err != nil {
				return err
			}
		}
		return w.Delete(space, ledger(9), []byte("key"))
	}))
	if err := errors.Join(err, s.Close()); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestCompactLeavesNoDeletedByte(t *testing.T) {
	secret := "a name that was redacted"
	path := withDeleted(t, secret)
	before := content(t, path)
	if !bytes.Contains(before, []byte(secret)) {
		t.Fatal("the deleted value is not in the free pages: the test tells nothing")
	}
	s := open(t, path, boltstore.Options{NoSync: true})
	id := s.ID()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := boltstore.Compact(path); err != nil {
		t.Fatal(err)
	}
	after := content(t, path)
	name := ledger(9).Hash
	if bytes.Contains(after, []byte(secret)) || bytes.Contains(after, name[:]) || len(after) > len(before)/3 {
		t.Fatalf("the compacted file has %d of %d bytes, and deleted ones among them", len(after), len(before))
	}
	s = open(t, path, boltstore.Options{})
	if s.ID() != id || string(s.SealHeader()) != "header" || get(t, s, "key") != "kept" {
		t.Fatalf("the compacted store has id %v, header %q, value %q", s.ID(), s.SealHeader(), get(t, s, "key"))
	}
	count := 0
	err := s.View(context.Background(), func(r store.Reader) error {
		for n := range byte(3) {
			if err := r.Scan(space, ledger(n), []byte("0"), []byte("9"), func(_, _ []byte) (bool, error) { count++; return true, nil }); err != nil {
				return err
			}
		}
		return nil
	})
	if err := errors.Join(err, s.Check(t.Context())); err != nil || count != 100 {
		t.Fatalf("the compacted store holds %d values, error %v", count, err)
	}
	if _, err := os.Stat(path + ".compact"); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("the new file's first name is left: %v", err)
	}
}

func TestCompactLeavesADamagedFileAsItIs(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	damagedContent := sample(t)
	for at := 2 * pageSize; at < len(damagedContent); at += 3 * pageSize {
		damagedContent[at] ^= 1
	}
	if err := os.WriteFile(path, damagedContent, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := boltstore.Compact(path); !errors.Is(err, store.ErrCorrupt) {
		t.Fatalf("got error %v", err)
	}
	if !bytes.Equal(content(t, path), damagedContent) {
		t.Fatal("the file was changed")
	}
	if err := boltstore.Compact(path + "x"); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("of no file: %v", err)
	}
}

func TestWhatADeadCompactLeftGoesAtTheNextOpening(t *testing.T) {
	path := withDeleted(t, "secret")
	link := filepath.Join(t.TempDir(), "link.db")
	left := path + ".compact"
	if err := errors.Join(os.WriteFile(left, []byte("half a file"), 0o600), os.Symlink(path, link)); err != nil {
		t.Fatal(err)
	}
	if err := boltstore.Compact(link); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Lstat(link); err != nil || info.Mode().Type() != fs.ModeSymlink {
		t.Fatalf("the link became %v, error %v", info.Mode(), err)
	}
	if err := os.WriteFile(left, []byte("half a file"), 0o600); err != nil {
		t.Fatal(err)
	}
	open(t, link, boltstore.Options{})
	if _, err := os.Stat(left); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("it is still there: %v", err)
	}
}
