package clientsdk

import (
	"context"
	"encoding/json"
	"io"
	"slices"
	"time"

	"github.com/arpenteur/arpenteur/internal/photo"
	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// PhotoOptions are the choices at taking a photo.
type PhotoOptions struct {
	// Position lets the place where it was taken out of the camera's file into the record.
	Position bool
	// Caption is a first caption; it can be set later like any field.
	Caption string
}

// WaitingPhoto is a photo that was taken and that nobody has looked over yet. It stays on this tablet, sealed, until somebody does.
type WaitingPhoto struct {
	ID      syncengine.RecordID `json:"id"`      // of the photo, and of its element
	Ref     Ref                 `json:"ref"`     // the record that it belongs to
	Element syncengine.Path     `json:"element"` // what its fields lie under: "/photos/<id>"
	Draft   syncengine.RecordID `json:"draft"`   // that it was taken in, which may have been committed since
	TakenAt time.Time           `json:"taken_at"`
	Size    int64               `json:"-"` // of the camera's file, in bytes
	Damaged bool                `json:"-"` // it can't be read any more; DiscardPhoto is all that is left to do

	// Values are what was entered of it, so that a crash between the photo and its entry loses neither.
	Values map[syncengine.Path]syncengine.Value `json:"values"`

	buried bool // it is being discarded
}

// TakePhoto adds a photo to a list of photos of the draft ("/photos"). What r holds, a JPEG, PNG or WebP of at most 32 MiB and 36
// megapixels, is sealed and durable when it returns; the element, with the time it was taken and what o asks for, is entered in the
// draft. Its hash follows from ReviewPhoto: until somebody has looked it over, no part of the picture leaves this tablet.
//
// A picture that is not taken is a *photo error that says what to do, and changes nothing.
func (d *Draft) TakePhoto(ctx context.Context, list syncengine.Path, r io.Reader, o PhotoOptions) (WaitingPhoto, error) {
	now := d.c.o.Now()
	p, err := photo.Read(r, photo.Options{Position: o.Position, Zone: now.Location()})
	if err != nil {
		return WaitingPhoto{}, err
	}
	if err := ctx.Err(); err != nil {
		return WaitingPhoto{}, err
	}
	id, err := d.c.newID()
	if err != nil {
		return WaitingPhoto{}, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.done {
		return WaitingPhoto{}, ErrClosed
	}
	taken := &WaitingPhoto{ID: id, Ref: d.ref, Element: list.Child(id.String()), Draft: d.id, TakenAt: now, Size: int64(len(p.Bytes()))}
	if v := d.Checklist(); v == nil || v.PhotoIn(taken.Element.Node()) == "" {
		return WaitingPhoto{}, wire.Problemf(wire.CodeInvalid, "%s is not a list of photos of this checklist", list)
	}
	if !p.TakenAt.IsZero() {
		taken.TakenAt = p.TakenAt
	}
	if taken.Values, err = d.photoValues(taken, p.Location, o.Caption); err != nil {
		return WaitingPhoto{}, err
	}
	return *taken, d.keepOriginal(taken, p.Bytes())
}

// photoValues are the first fields of a photo's element. What the checklist does not ask is left out, but a caption is never lost.
func (d *Draft) photoValues(p *WaitingPhoto, at *photo.Location, caption string) (map[syncengine.Path]syncengine.Value, error) {
	values := map[syncengine.Path]any{p.Element.Node(): true, p.Element.Child("taken_at"): p.TakenAt.Format(time.RFC3339)}
	if at != nil {
		place := map[string]any{"lat": at.Lat, "lon": at.Lon}
		if at.Accuracy > 0 {
			place["accuracy_m"] = at.Accuracy
		}
		values[p.Element.Child("location")] = place
	}
	if caption != "" {
		values[p.Element.Child("caption")] = caption
	}
	out := make(map[syncengine.Path]syncengine.Value, len(values))
	for path, value := range values {
		if d.Checklist().Checklist.Lookup(path) == nil && path != p.Element.Child("caption") {
			continue
		}
		v, err := wire.EncodeValue(value)
		if err != nil {
			return nil, err
		}
		out[path] = v
	}
	return out, d.check(pointers(out))
}

// keepOriginal seals a photo and enters its element. The caller holds d.mu.
func (d *Draft) keepOriginal(p *WaitingPhoto, contents []byte) error {
	label, err := json.Marshal(p)
	if err != nil {
		return err
	}
	s := d.c.photos
	if err := s.write(s.originalPath(p.ID), originalName(p.ID), label, contents); err != nil {
		return err
	}
	values := pointers(p.Values)
	if err := d.record(draftEntry{Draft: d.id, Op: "set", Values: values}, func() { d.apply(values) }); err != nil {
		return err // the photo is safe: it is entered when the tablet is opened again
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiting[p.ID] = p
	return nil
}

func pointers(values map[syncengine.Path]syncengine.Value) map[syncengine.Path]*syncengine.Value {
	out := make(map[syncengine.Path]*syncengine.Value, len(values))
	for path, v := range values {
		out[path] = &v
	}
	return out
}

// PhotosToReview returns the photos that somebody must look over before they can be sent, the oldest first.
func (c *Client) PhotosToReview() []WaitingPhoto {
	c.photos.mu.Lock()
	defer c.photos.mu.Unlock()
	out := make([]WaitingPhoto, 0, len(c.photos.waiting))
	for _, p := range c.photos.waiting {
		if !p.buried {
			out = append(out, *p)
		}
	}
	slices.SortFunc(out, func(a, b WaitingPhoto) int { return slices.Compare(a.ID[:], b.ID[:]) })
	return out
}
