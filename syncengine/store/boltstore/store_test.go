package boltstore_test

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/store"
	"github.com/arpenteur/arpenteur/syncengine/store/boltstore"
	"github.com/arpenteur/arpenteur/syncengine/store/storetest"
)

const space store.Space = "space"

// open opens the store at path, which is closed when the test ends.
func open(t testing.TB, path string, opts boltstore.Options) *boltstore.Store {
	t.Helper()
	s, err := boltstore.Open(path, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// put puts a value.
func put(s store.Store, key, value string) error {
	return s.Update(context.Background(), func(w store.Writer) error {
		return w.Put(space, syncengine.LedgerID{}, []byte(key), []byte(value))
	})
}

// get returns a value, empty where there is none.
func get(t testing.TB, s store.Store, key string) (value string) {
	t.Helper()
	err := s.View(context.Background(), func(r store.Reader) error {
		v, err := r.Get(space, syncengine.LedgerID{}, []byte(key))
		value = string(v)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return value
}

func TestItIsAStore(t *testing.T) {
	count := 0
	storetest.Backend{
		Open: func(t testing.TB) store.Store {
			count++
			return open(t, filepath.Join(t.TempDir(), fmt.Sprintf("%d.db", count)), boltstore.Options{NoSync: true})
		},
		Reopen: func(t testing.TB, closed store.Store) store.Store {
			return open(t, closed.(*boltstore.Store).Path(), boltstore.Options{NoSync: true})
		},
	}.Run(t)
}
