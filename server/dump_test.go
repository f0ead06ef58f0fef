package server_test

import (
	"context"
	"slices"
	"testing"

	"github.com/arpenteur/arpenteur/server"
	"github.com/arpenteur/arpenteur/server/backup"
	"github.com/arpenteur/arpenteur/server/photos"
	"github.com/arpenteur/arpenteur/server/webhooks"
	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/ledger"
	"github.com/arpenteur/arpenteur/syncengine/store"
)

// dump returns every key of a store joined with its value.
func dump(t *testing.T, s store.Store) map[string]bool {
	t.Helper()
	out := map[string]bool{}
	err := s.View(context.Background(), func(r store.Reader) error {
		read := func(space store.Space, id syncengine.LedgerID) error {
			return r.Scan(space, id, nil, nil, func(key, value []byte) (bool, error) {
				out[string(space)+" "+string(key)+" "+string(value)] = true
				return true, nil
			})
		}
		for _, space := range slices.Concat(server.Spaces(), backup.Spaces(), webhooks.Spaces()) {
			if err := read(space, syncengine.LedgerID{}); err != nil {
				return err
			}
		}
		return r.Ledgers(func(id syncengine.LedgerID) (bool, error) {
			for _, space := range slices.Concat(ledger.Spaces(), photos.Spaces(), backup.Spaces()) {
				if err := read(space, id); err != nil {
					return false, err
				}
			}
			return true, nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}
