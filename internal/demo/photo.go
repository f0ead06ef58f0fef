package demo

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"image"
	"image/color"
	"image/jpeg"
	"io"
	"math/rand/v2"
	"net/http"

	"github.com/arpenteur/arpenteur/clientsdk"
	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// Size of a photo as it is taken. What is sent of it is several times what the link carries before it cuts.
const photoWidth, photoHeight = 640, 480

// photograph takes a photo in a finding's draft and looks it over at once, as a person does. The first tablet has something to blur.
func (w *walker) photograph(ctx context.Context, draft *clientsdk.Draft, caption string) error {
	raw, err := wall(w.rand)
	if err != nil {
		return err
	}
	waiting, err := draft.TakePhoto(ctx, "/photos", bytes.NewReader(raw), clientsdk.PhotoOptions{Caption: caption})
	if err != nil {
		return err
	}
	review := clientsdk.Review{NothingToBlur: true}
	if w.tablet == w.tablets[0] {
		review = clientsdk.Review{Blur: []clientsdk.Rect{{X: 0.4, Y: 0.3, W: 0.2, H: 0.3}}}
	}
	name, err := w.c.ReviewPhoto(ctx, waiting.ID, review)
	w.photos = append(w.photos, name)
	return err
}

// wall is the picture of a rough wall in the evening, as a camera gives it.
func wall(r *rand.Rand) ([]byte, error) {
	m := image.NewGray(image.Rect(0, 0, photoWidth, photoHeight))
	for y := range photoHeight {
		for x := range photoWidth {
			m.SetGray(x, y, color.Gray{Y: byte(60 + y/8 + r.IntN(90))}) //nolint:gosec // at most 210
		}
	}
	var b bytes.Buffer
	err := jpeg.Encode(&b, m, nil)
	return b.Bytes(), err
}

// tallyPhotos looks for every photo of a tablet on the server, and counts those that it serves as they were sent.
func (d *Demo) tallyPhotos(ctx context.Context, t *tablet) error {
	d.Result.Photos += len(t.photos)
	d.Result.PhotosResumed += t.resumed
	for _, name := range t.photos {
		hash, err := d.servedPhoto(ctx, name)
		switch {
		case errors.Is(err, wire.CodeNotFound):
			d.Result.Lost++
		case err != nil:
			return err
		case hash == name.Hash:
			d.Result.PhotosSent++
		}
	}
	return nil
}

// servedPhoto returns the hash of a photo as the server serves it to the coordinator.
func (d *Demo) servedPhoto(ctx context.Context, name wire.PhotoName) (hash syncengine.Hash, err error) {
	answer, err := d.people.Ask(ctx, http.MethodGet, "/v1/ledgers/"+name.Ledger.String()+"/photos/"+name.Hash.String(), nil)
	if err != nil {
		return hash, err
	}
	defer answer.Body.Close()
	h := sha256.New()
	if _, err := io.Copy(h, io.LimitReader(answer.Body, wire.MaxPhotoBytes+1)); err != nil {
		return hash, err
	}
	return syncengine.Hash(h.Sum(nil)), nil
}
