package clientsdk

import (
	"context"
	"io"

	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/store"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// CarriedPhotos returns the photos that may be carried to others.
func (c *Client) CarriedPhotos(ctx context.Context, id syncengine.LedgerID) (names []wire.PhotoName, err error) {
	err = c.store.View(ctx, func(r store.Reader) error {
		list, err := c.carriedPhotos(r, id)
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

// TrimCache lets fetched photos go until the rest is within a limit.
func (c *Client) TrimCache(limit int64) error { return c.photos.trimCache(limit) }
