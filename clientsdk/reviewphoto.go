package clientsdk

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/arpenteur/arpenteur/internal/photo"
	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/ledger"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// ErrNoPhoto is returned for a photo that does not wait to be looked over here, or that nobody can be asked for.
var ErrNoPhoto = errors.New("this tablet does not hold that photo")

// Rect is a rectangle of a photo as it is shown, in parts of its width and height: X and Y from the upper left corner.
type Rect = photo.Rect

// Review says what a person decided on looking a photo over: what to blur, or that there is nothing to blur. One of both must be said.
type Review struct {
	Blur          []Rect // at most 64
	NothingToBlur bool
}

// PreviewPhoto returns a photo that waits to be looked over as a JPEG of at most 2,048 pixels, upright, nothing blurred: for this
// tablet's screen only. The rectangles of a Review are those of this picture.
func (c *Client) PreviewPhoto(ctx context.Context, id syncengine.RecordID) ([]byte, error) {
	p := c.photos.original(id)
	if p == nil {
		return nil, ErrNoPhoto
	}
	return c.develop(ctx, p, nil)
}

// ReviewPhoto blurs what a person marked, for ever, and makes of the photo what may leave the tablet: a JPEG of at most 2,048 pixels without
// metadata. Its hash and size are entered in the draft that it was taken in, or, where that was committed, are a change of the record.
// The original is gone when it returns. A crash in between loses nothing: the photo then waits to be looked over again, or is done.
func (c *Client) ReviewPhoto(ctx context.Context, id syncengine.RecordID, v Review) (wire.PhotoName, error) {
	p := c.photos.original(id)
	if p == nil {
		return wire.PhotoName{}, ErrNoPhoto
	}
	if v.NothingToBlur == (len(v.Blur) > 0) {
		return wire.PhotoName{}, wire.Problemf(wire.CodeInvalid, "say what to blur, or that there is nothing to blur")
	}
	picture, err := c.develop(ctx, p, v.Blur)
	if err != nil {
		return wire.PhotoName{}, err
	}
	name := wire.PhotoName{Ledger: p.Ref.Ledger, Hash: sha256.Sum256(picture)}
	c.photos.files.RLock()
	defer c.photos.files.RUnlock()
	if c.photos.holds(name) == 0 {
		if err := c.photos.write(c.photos.heldPath(name), heldName(name), nil, picture); err != nil {
			return name, err
		}
	}
	values := map[syncengine.Path]any{p.Element.Child("hash"): name.Hash.String(), p.Element.Child("size"): len(picture)}
	if err := c.enterReview(ctx, p, values); err != nil {
		return name, err
	}
	if err := c.photos.forget([]*WaitingPhoto{p}); err != nil {
		return name, fmt.Errorf("the photo is saved; its original is removed when the tablet is opened again: %w", err)
	}
	c.watchers.send(Event{Type: PhotoReviewed, Ledger: p.Ref.Ledger, Record: p.Ref.Record})
	return name, nil
}

// develop makes a JPEG of an original, one at a time.
func (c *Client) develop(ctx context.Context, p *WaitingPhoto, blur []Rect) ([]byte, error) {
	select {
	case c.photos.looking <- struct{}{}:
		defer func() { <-c.photos.looking }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	f, err := c.photos.openFile(c.photos.originalPath(p.ID), originalName(p.ID))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	taken, err := photo.Read(f.reader(), photo.Options{})
	if err != nil {
		return nil, err
	}
	return taken.Develop(blur)
}

// enterReview enters what was made of a photo in the draft that it was taken in, or changes the record where that draft has ended.
func (c *Client) enterReview(ctx context.Context, p *WaitingPhoto, values map[syncengine.Path]any) error {
	if d := c.Draft(p.Draft); d != nil {
		if err := d.SetAll(values); !errors.Is(err, ErrClosed) {
			return err
		}
	}
	if shows, err := c.showsElement(ctx, p); err != nil || !shows {
		return errors.Join(err, ErrNoRecord)
	}
	return c.editPhoto(ctx, p, func(d *Draft) error { return d.SetAll(values) })
}

// editPhoto changes the record of a photo in one step.
func (c *Client) editPhoto(ctx context.Context, p *WaitingPhoto, fn func(d *Draft) error) error {
	d, err := c.Edit(ctx, p.Ref)
	if err != nil {
		return err
	}
	if err = fn(d); err == nil {
		_, err = d.Commit(ctx)
	}
	if err != nil && !errors.Is(err, ErrNothing) {
		return errors.Join(err, d.Discard())
	}
	return nil
}

// showsElement reports whether the record of a photo has its element.
func (c *Client) showsElement(ctx context.Context, p *WaitingPhoto) (shows bool, err error) {
	err = c.view(ctx, p.Ref.Ledger, func(l *ledger.Ledger) error {
		m, err := l.Record(p.Ref.Record)
		if err != nil || m == nil {
			return err
		}
		f := m.Field(p.Element.Node())
		shows = f != nil && f.Shown == syncengine.True
		return nil
	})
	if errors.Is(err, ErrNoLedger) {
		return false, nil
	}
	return shows, err
}

// DiscardPhoto forgets a photo that was not looked over, and removes its element from the draft or the record.
func (c *Client) DiscardPhoto(ctx context.Context, id syncengine.RecordID) error {
	p := c.photos.original(id)
	if p == nil {
		return ErrNoPhoto
	}
	list := []*WaitingPhoto{p}
	if err := c.photos.bury(list); err != nil {
		return err
	}
	if err := c.removeElement(ctx, p); err != nil {
		return errors.Join(err, c.photos.unbury(list))
	}
	return c.photos.forget(list)
}

func (c *Client) removeElement(ctx context.Context, p *WaitingPhoto) error {
	if p.Damaged {
		return nil
	}
	if d := c.Draft(p.Draft); d != nil {
		if err := d.takeBack(p.Element); !errors.Is(err, ErrClosed) {
			return err
		}
	}
	if shows, err := c.showsElement(ctx, p); err != nil || !shows {
		return err
	}
	return c.editPhoto(ctx, p, func(d *Draft) error { return d.Remove(p.Element) })
}

// takeBack undoes all that was entered at and below an element.
func (d *Draft) takeBack(element syncengine.Path) error {
	values := map[syncengine.Path]*syncengine.Value{}
	for path := range d.Entered() {
		if len(path) >= len(element.Node()) && path[:len(element.Node())] == element.Node() {
			values[path] = nil
		}
	}
	return d.enter(values)
}
