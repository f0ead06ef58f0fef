package boltstore_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/store"
	"github.com/arpenteur/arpenteur/syncengine/store/boltstore"
)

func Example() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = os.RemoveAll(dir) }()
	s, err := boltstore.Open(filepath.Join(dir, "arpenteur.db"), boltstore.Options{CreatedBy: "example"})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = s.Close() }()

	const settings store.Space = "settings"
	noLedger := syncengine.LedgerID{}
	err = s.Update(context.Background(), func(w store.Writer) error {
		return w.Put(settings, noLedger, []byte("language"), []byte("fr"))
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	err = s.View(context.Background(), func(r store.Reader) error {
		return r.Scan(settings, noLedger, nil, nil, func(key, value []byte) (bool, error) {
			fmt.Printf("%s: %s\n", key, value)
			return true, nil
		})
	})
	if err != nil {
		fmt.Println(err)
	}
	// Output: language: fr
}
