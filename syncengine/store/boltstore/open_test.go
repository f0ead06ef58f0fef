package boltstore_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"go.etcd.io/bbolt"

	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/store"
	"github.com/arpenteur/arpenteur/syncengine/store/boltstore"
)

// makeBolt makes a bbolt file without this package.
func makeBolt(t *testing.T, fill func(tx *bbolt.Tx) error) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "made.db")
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(db.Update(fill), db.Close()); err != nil {
		t.Fatal(err)
	}
	return path
}

// format0 fills a file as format 0 was: ledgers, and a meta bucket that holds the magic only.
func format0(tx *bbolt.Tx) error {
	meta, err := tx.CreateBucket([]byte("meta"))
	if err != nil {
		return err
	}
	zero := syncengine.LedgerID{}
	l, err := tx.CreateBucket(zero.Hash[:])
	if err != nil {
		return err
	}
	b, err := l.CreateBucket([]byte(space))
	if err != nil {
		return err
	}
	return errors.Join(meta.Put([]byte("magic"), []byte("arpenteur store")), b.Put([]byte("key"), []byte("value")))
}

// content returns the bytes of a file.
func content(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestAStoreKeepsItsIDAndSealHeader(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	s := open(t, path, boltstore.Options{})
	id := s.ID()
	if other := open(t, path+"2", boltstore.Options{}); other.ID() == id {
		t.Fatal("two stores have one id")
	}
	if s.SealHeader() != nil {
		t.Fatal("a new store has a seal header")
	}
	header := []byte("header")
	if err := s.SetSealHeader(header); err != nil {
		t.Fatal(err)
	}
	copy(header, "xxxxxx")
	if err := s.SetSealHeader(make([]byte, store.MaxValueBytes+1)); !errors.Is(err, store.ErrTooLarge) {
		t.Fatalf("a huge header: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, path, boltstore.Options{})
	if s.ID() != id || string(s.SealHeader()) != "header" || s.Path() != path {
		t.Fatalf("reopened as %v with header %q at %s", s.ID(), s.SealHeader(), s.Path())
	}
	if err := s.SetSealHeader(nil); err != nil || s.SealHeader() != nil {
		t.Fatalf("removed header: %q, error %v", s.SealHeader(), err)
	}
}

func TestANewStoreLeavesNothingElseBehind(t *testing.T) {
	dir := t.TempDir()
	open(t, filepath.Join(dir, "store.db"), boltstore.Options{})
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Fatalf("the directory holds %v, error %v", entries, err)
	}
	info, err := entries[0].Info()
	if err != nil || info.Mode().Perm()&0o077 != 0 {
		t.Fatalf("others may read the file: %v, error %v", info.Mode(), err)
	}
}

func TestACreationThatFailsLeavesNoFile(t *testing.T) {
	dir := t.TempDir()
	_, err := boltstore.Open(filepath.Join(dir, "store.db"), boltstore.Options{Random: iotest.ErrReader(errors.New("no randomness"))})
	if err == nil {
		t.Fatal("a store without an id was created")
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 0 {
		t.Fatalf("the directory holds %v, error %v", entries, err)
	}
	_, err = boltstore.Open(filepath.Join(dir, "missing", "store.db"), boltstore.Options{})
	if !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("in a directory that is not there: %v", err)
	}
}

func TestAStoreInUseIsLocked(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	first := open(t, path, boltstore.Options{})
	_, err := boltstore.Open(path, boltstore.Options{LockTimeout: 30 * time.Millisecond})
	if !errors.Is(err, store.ErrLocked) || !strings.Contains(err.Error(), "close the program") {
		t.Fatalf("got error %v", err)
	}
	if err := boltstore.Compact(path); !errors.Is(err, store.ErrLocked) {
		t.Fatalf("compact: got error %v", err)
	}
	opened := make(chan error, 1)
	go func() {
		s, err := boltstore.Open(path, boltstore.Options{LockTimeout: time.Minute})
		if err == nil {
			err = s.Close()
		}
		opened <- err
	}()
	time.Sleep(30 * time.Millisecond)
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-opened; err != nil {
		t.Fatalf("who waited for the lock: %v", err)
	}
}

func TestOtherFilesAreRefusedAndLeftAsTheyAre(t *testing.T) {
	dir := t.TempDir()
	file := func(content string) string {
		f, err := os.CreateTemp(dir, "*")
		if err == nil {
			_, err = f.WriteString(content)
		}
		if err := errors.Join(err, f.Close()); err != nil {
			t.Fatal(err)
		}
		return f.Name()
	}
	withFormat := func(format string) string {
		return makeBolt(t, func(tx *bbolt.Tx) error {
			err := format0(tx)
			return errors.Join(err, tx.Bucket([]byte("meta")).Put([]byte("format"), []byte(format)))
		})
	}
	tests := []struct {
		name, path string
		want       error
	}{
		{"a text", file(strings.Repeat("a text\n", 2000)), store.ErrNotOurs},
		{"a short text", file("a text\n"), store.ErrNotOurs},
		{"an empty file", file(""), store.ErrCorrupt},
		{"zeros", file(strings.Repeat("\x00", 1<<16)), store.ErrCorrupt},
		{"an empty database", makeBolt(t, func(*bbolt.Tx) error { return nil }), store.ErrNotOurs},
		{"a database of another program", makeBolt(t, func(tx *bbolt.Tx) error {
			_, err := tx.CreateBucket([]byte("meta"))
			return err
		}), store.ErrNotOurs},
		{"a newer format", withFormat("2"), store.ErrNewer},
		{"a much newer format", withFormat("2000000000"), store.ErrNewer},
		{"no format", withFormat("one"), store.ErrCorrupt},
		{"no id", withFormat("1"), store.ErrCorrupt},
	}
	for _, test := range tests {
		before := content(t, test.path)
		if _, err := boltstore.Open(test.path, boltstore.Options{}); !errors.Is(err, test.want) {
			t.Errorf("%s: got error %v, want %v", test.name, err, test.want)
		}
		if !bytes.Equal(content(t, test.path), before) {
			t.Errorf("%s: the file was changed", test.name)
		}
	}
}

func TestFormat0IsUpgraded(t *testing.T) {
	path := makeBolt(t, format0)
	s := open(t, path, boltstore.Options{CreatedBy: "test"})
	id := s.ID()
	if id.Version() != 4 || get(t, s, "key") != "value" || s.SealHeader() != nil {
		t.Fatalf("upgraded to id %v, value %q, header %q", id, get(t, s, "key"), s.SealHeader())
	}
	if err := errors.Join(put(s, "key", "new"), s.Check(t.Context()), s.Close()); err != nil {
		t.Fatal(err)
	}
	s = open(t, path, boltstore.Options{})
	if s.ID() != id || get(t, s, "key") != "new" || s.Stats().Commits != 0 {
		t.Fatalf("reopened with id %v, value %q, %d commits", s.ID(), get(t, s, "key"), s.Stats().Commits)
	}
}

func TestAnUpgradeThatFailsChangesNothing(t *testing.T) {
	path := makeBolt(t, format0)
	before := content(t, path)
	failure := errors.New("no randomness")
	if _, err := boltstore.Open(path, boltstore.Options{Random: iotest.ErrReader(failure)}); !errors.Is(err, failure) {
		t.Fatalf("got error %v", err)
	}
	if !bytes.Equal(content(t, path), before) {
		t.Fatal("the file was changed")
	}
	open(t, path, boltstore.Options{})
}

func TestTheSecondMetaPageStandsInForTheFirst(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	for _, page := range []int64{0, 1} {
		s := open(t, path, boltstore.Options{})
		// The commits before it hold the same, so that either page will do.
		if err := errors.Join(put(s, "key", "value"), put(s, "other", "1"), put(s, "other", "2"), s.Close()); err != nil {
			t.Fatal(err)
		}
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		if err == nil {
			_, err = f.WriteAt(make([]byte, 4096), page*4096)
		}
		if err := errors.Join(err, f.Close()); err != nil {
			t.Fatal(err)
		}
		s = open(t, path, boltstore.Options{})
		if got := get(t, s, "key"); got != "value" {
			t.Fatalf("without meta page %d: got %q", page, got)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
