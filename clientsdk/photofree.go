package clientsdk

import (
	"context"

	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/store"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// FreePhotos drops the bytes of photos that a verified backup of the server holds, by a receipt (law L1), and says how many photos and
// bytes that was. Their records stay; FetchPhoto brings a photo back to be shown.
func (c *Client) FreePhotos(ctx context.Context) (photos int, size int64, err error) {
	c.photographing <- struct{}{} // nothing is sent from under it
	defer func() { <-c.photographing }()
	var free []string
	err = c.store.Update(ctx, func(w store.Writer) error {
		free, photos, size = nil, 0, 0
		return w.Ledgers(func(id syncengine.LedgerID) (bool, error) {
			l, err := c.keeper.View(w, id)
			if err != nil {
				return true, nil //nolint:nilerr // a ledger that can't be read keeps its photos
			}
			key := l.AuthorityKey()
			safe := map[wire.PhotoName]photoEntry{}
			err = eachPhoto(w, id, func(p wire.PhotoName, e photoEntry) error {
				if r := e.receipt(); !e.Freed && !e.Barred && r != nil && r.BackedUp && r.PhotoName == p && r.Verify(key.Ed25519()) {
					safe[p] = e
				}
				return nil
			})
			for p, e := range safe {
				if err != nil {
					break
				}
				free, photos, size = append(free, c.photos.heldPath(p)), photos+1, size+e.Size
				e.Freed = true
				err = writePhoto(w, p, e)
			}
			return true, err
		})
	})
	if err != nil {
		return 0, 0, err
	}
	return photos, size, removeFiles(free...)
}
