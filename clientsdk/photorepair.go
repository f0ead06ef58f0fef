package clientsdk

import (
	"context"
	"errors"
	"slices"

	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/ledger"
	"github.com/arpenteur/arpenteur/syncengine/store"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// repairPhotos takes up what a crash left between two steps, once the drafts are there again. A photo that was durable stays, with its
// element; one that was being discarded is discarded or not, as its draft or record says; the original of one that was looked over goes.
// An original whose draft is gone without having been discarded, because the journal was damaged, stays in the list: a person decides.
func (c *Client) repairPhotos(ctx context.Context) error {
	if err := c.photos.loadOriginals(); err != nil {
		return err
	}
	for _, p := range c.photos.waiting {
		if p.Damaged {
			continue
		}
		if err := c.repairPhoto(ctx, p); err != nil {
			return err
		}
	}
	return c.sweepPhotos(ctx)
}

func (c *Client) repairPhoto(ctx context.Context, p *WaitingPhoto) error {
	list := []*WaitingPhoto{p}
	d := c.Draft(p.Draft)
	entered := d != nil && d.Entered()[p.Element.Node()] == syncengine.True
	shows, err := c.showsElement(ctx, p)
	if err != nil {
		return err
	}
	reviewed, err := c.reviewed(ctx, d, p)
	switch {
	case err != nil:
		return err
	case reviewed:
		return c.photos.forget(list)
	case p.buried && (entered || shows):
		return c.photos.unbury(list)
	case p.buried:
		return c.photos.forget(list)
	case d != nil && !entered && !shows:
		if _, removed := d.Entered()[p.Element.Node()]; !removed {
			return d.enter(pointers(p.Values))
		}
	}
	return nil
}

// reviewed reports whether a photo was looked over: the draft or the record names what was made of it, and that is here or was safe before.
func (c *Client) reviewed(ctx context.Context, d *Draft, p *WaitingPhoto) (bool, error) {
	leaf := p.Element.Child("hash")
	if d != nil {
		if hash, ok := wire.HashIn(d.Entered()[leaf]); ok {
			return c.photos.holds(wire.PhotoName{Ledger: p.Ref.Ledger, Hash: hash}) > 0, nil
		}
	}
	done := false
	err := c.view(ctx, p.Ref.Ledger, func(l *ledger.Ledger) error {
		m, err := l.Record(p.Ref.Record)
		if err != nil || m == nil {
			return err
		}
		if f := m.Field(leaf); f != nil {
			if hash, ok := wire.HashIn(f.Shown); ok {
				_, done, err = readPhoto(l.Reader(), wire.PhotoName{Ledger: p.Ref.Ledger, Hash: hash})
			}
			done = done || f.Erased
		}
		return err
	})
	if errors.Is(err, ErrNoLedger) {
		return false, nil
	}
	return done, err
}

// sweepPhotos removes the bytes of photos that are barred, or that neither a change nor an open draft names: what was made of a photo
// whose draft was discarded, and what a crash left.
func (c *Client) sweepPhotos(ctx context.Context) error {
	return c.photos.sweep(ctx, func(ctx context.Context) (func(wire.PhotoName) bool, error) {
		drafted := map[wire.PhotoName]bool{}
		for _, d := range c.Drafts() {
			for _, v := range d.Entered() {
				if hash, ok := wire.HashIn(v); ok {
					drafted[wire.PhotoName{Ledger: d.Ref().Ledger, Hash: hash}] = true
				}
			}
		}
		known, err := c.knownPhotos(ctx)
		return func(p wire.PhotoName) bool { return drafted[p] || known[p] }, err
	})
}

// knownPhotos returns the photos that are in the index and not barred.
func (c *Client) knownPhotos(ctx context.Context) (map[wire.PhotoName]bool, error) {
	known := map[wire.PhotoName]bool{}
	err := c.store.View(ctx, func(r store.Reader) error {
		clear(known)
		return r.Ledgers(func(id syncengine.LedgerID) (bool, error) {
			err := r.Scan(spacePhotoRefs, id, nil, nil, func(key, _ []byte) (bool, error) {
				known[wire.PhotoName{Ledger: id, Hash: syncengine.Hash(slices.Clone(key))}] = true
				return true, nil
			})
			if err != nil {
				return false, err
			}
			return true, eachPhoto(r, id, func(p wire.PhotoName, e photoEntry) error {
				if e.Barred {
					delete(known, p)
				}
				return nil
			})
		})
	})
	return known, err
}
