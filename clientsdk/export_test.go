package clientsdk

import (
	"bytes"
	"context"
	"io"

	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/ledger"
	"github.com/arpenteur/arpenteur/syncengine/store"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// CarriedPhotos returns the photos that may be carried to others.
func (c *Client) CarriedPhotos(ctx context.Context, id syncengine.LedgerID) (names []wire.PhotoName, err error) {
	err = c.store.View(ctx, func(r store.Reader) error {
		list, err := c.carriedPhotos(r, id, nil)
		names = nil
		for _, p := range list {
			names = append(names, p.PhotoName)
		}
		return err
	})
	return names, err
}

// HeldPhoto reads a photo that may be carried to others.
func (c *Client) HeldPhoto(p wire.PhotoName) ([]byte, error) {
	f, err := c.openPhoto(p)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(f.reader())
}

// Carry takes bytes of a photo, from where the last call ended, and finishes it where it is whole or where final says so. It returns how many are kept.
func (c *Client) Carry(ctx context.Context, p wire.PhotoName, whole []byte, upTo int, final bool) (int64, error) {
	a, err := c.receivePhoto(ctx, p, int64(len(whole)))
	if err != nil {
		return 0, err
	}
	if _, err := a.Write(whole[a.offset():upTo]); err != nil {
		return 0, err
	}
	if final || upTo == len(whole) {
		return a.offset(), a.finish(ctx)
	}
	return a.offset(), a.pause()
}

// Sealed returns, of every value that holds some text, the bytes that lie in the store's file.
func (c *Client) Sealed(ctx context.Context, text string) (out [][]byte, err error) {
	spaces := append(ledger.Spaces(), spaceTablet, spaceDrafts, spacePhotos, spacePhotoChanges)
	err = c.store.View(ctx, func(r store.Reader) error {
		return c.file.View(ctx, func(sealed store.Reader) error {
			out = nil
			return r.Ledgers(func(id syncengine.LedgerID) (bool, error) {
				for _, space := range spaces {
					err := r.Scan(space, id, nil, nil, func(key, value []byte) (bool, error) {
						if !bytes.Contains(value, []byte(text)) {
							return true, nil
						}
						raw, err := sealed.Get(space, id, key)
						out = append(out, bytes.Clone(raw))
						return true, err
					})
					if err != nil {
						return false, err
					}
				}
				return true, nil
			})
		})
	})
	return out, err
}

// TrimCache lets fetched photos go until the rest is within a limit.
func (c *Client) TrimCache(limit int64) error { return c.photos.trimCache(limit) }
