package photos

import (
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"sync"
	"time"

	"github.com/arpenteur/arpenteur/internal/photo"
	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/store"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// Limits of what is done at a time and kept unfinished.
const (
	// MaxUploads is how many photos are received at a time, from all replicas.
	MaxUploads = 64
	// MaxUploadsEach is how many of them one replica may send.
	MaxUploadsEach = 4
	// MaxPartialBytes is how much of unfinished photos is kept of one replica.
	MaxPartialBytes = 64 << 20
	// PartialLife is how long an unfinished photo is kept after its last byte.
	PartialLife = 14 * 24 * time.Hour
	// LooseLife is how long a photo is kept that no change refers to.
	LooseLife = 30 * 24 * time.Hour

	maxThumbnails = 2        // made at a time: each may decode a picture of wire.MaxPhotoPixels
	pieceBytes    = 64 << 10 // made durable together
	stripes       = 64       // of locks
)

// Archive keeps the photos of a server's ledgers. It is safe for concurrent use. Several processes may stand on one store and one Store but
// for Sweep, which one of them runs.
type Archive struct {
	Options
	queue  uploads
	making chan struct{} // thumbnails
	names  [stripes]sync.Mutex
}

// Options are what an Archive is made of.
type Options struct {
	Blobs Store       // the bytes
	Store store.Store // what is known of them, and the ledgers
	Now   func() time.Time
	// Unsure reports whether a ledger holds changes that can't be read in full: they may refer to photos that nobody seems to refer to.
	Unsure func(r store.Reader, ledger syncengine.LedgerID) (bool, error)
	// Since returns when the store was last put back to an older state, the zero time where it never was: what it lost may have referred to
	// photos that nobody seems to refer to, and may come back. nil: it never was.
	Since func() time.Time
}

// unneeded reports whether a photo that nobody refers to, and that is there since a time, was kept long enough.
func (a *Archive) unneeded(there time.Time) bool {
	if a.Since != nil && a.Since().After(there) {
		there = a.Since()
	}
	return a.Now().Sub(there) > LooseLife
}

// New returns an Archive.
func New(o Options) *Archive {
	return &Archive{Options: o, making: make(chan struct{}, maxThumbnails), queue: uploads{running: map[Upload]*running{}}}
}

// lock keeps others from giving a photo its name, or taking it, until unlock is called: what lies in the Store and what the index says go
// together.
func (a *Archive) lock(p wire.PhotoName) (unlock func()) {
	m := &a.names[int(p.Hash[0])%stripes]
	m.Lock()
	return m.Unlock
}

// Find returns what is known of a photo.
func (a *Archive) Find(ctx context.Context, p wire.PhotoName) (s State, err error) {
	err = a.Store.View(ctx, func(r store.Reader) (err error) {
		s, err = Find(r, p)
		return err
	})
	return s, err
}

// Open opens a photo that is held. Its errors have CodeBarred and CodeNotFound.
func (a *Archive) Open(ctx context.Context, p wire.PhotoName) (Blob, error) {
	s, err := a.Find(ctx, p)
	switch {
	case err != nil:
		return nil, err
	case s.Barred:
		return nil, errBarred()
	case !s.Held():
		return nil, wire.Problemf(wire.CodeNotFound, "the photo is not here yet")
	}
	b, err := a.Blobs.Open(ctx, Key(p))
	if errors.Is(err, ErrAbsent) {
		return nil, wire.Problemf(wire.CodeNotFound, "the photo is not here any more: %w", err)
	}
	return b, err
}

func errBarred() error {
	return wire.Problemf(wire.CodeBarred, "a ruling erased this photo")
}

// Thumbnail opens the small picture of a photo, which it makes when it is first asked for. Its errors are those of Open.
func (a *Archive) Thumbnail(ctx context.Context, p wire.PhotoName) (Blob, error) {
	whole, err := a.Open(ctx, p)
	if err != nil {
		return nil, err
	}
	defer whole.Close()
	if b, err := a.Blobs.Open(ctx, thumbnailKey(p)); err == nil || !errors.Is(err, ErrAbsent) {
		return b, err
	}
	select {
	case a.making <- struct{}{}:
		defer func() { <-a.making }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	picture, err := photo.Read(whole, photo.Options{})
	if err != nil {
		return nil, wire.Problemf(wire.CodeNotFound, "the photo can't be shown small: %w", err)
	}
	small, err := picture.Thumbnail()
	if err != nil {
		return nil, wire.Problemf(wire.CodeNotFound, "the photo can't be shown small: %w", err)
	}
	return a.keepThumbnail(ctx, p, small)
}

// keepThumbnail keeps a thumbnail, unless the photo was barred meanwhile.
func (a *Archive) keepThumbnail(ctx context.Context, p wire.PhotoName, small []byte) (Blob, error) {
	defer a.lock(p)()
	s, err := a.Find(ctx, p)
	if err != nil {
		return nil, err
	}
	if s.Barred {
		return nil, errBarred()
	}
	key := thumbnailKey(p)
	if err := a.Blobs.Remove(ctx, key+".new"); err != nil {
		return nil, err
	}
	if err := a.Blobs.Append(ctx, key+".new", 0, small); err != nil {
		return nil, err
	}
	if err := a.Blobs.Move(ctx, key+".new", key); err != nil {
		return nil, err
	}
	return a.Blobs.Open(ctx, key)
}

// verify reads bytes to their end and reports what is wrong with them as the photo that they are to be, as a *wire.Problem.
func verify(b Blob, p wire.PhotoName) error {
	sum := sha256.New()
	if _, err := io.Copy(sum, b); err != nil {
		return err
	}
	if [sha256.Size]byte(sum.Sum(nil)) != [sha256.Size]byte(p.Hash) {
		return wire.Problemf(wire.CodeBadPhoto, "the bytes have another SHA-256 than the photo's name says")
	}
	if _, err := b.Seek(0, io.SeekStart); err != nil {
		return err
	}
	h, err := photo.ReadHeader(b)
	var refused *photo.Error
	switch {
	case errors.As(err, &refused):
		return wire.Problemf(wire.CodeBadPhoto, "this is no picture that can be shown: %w", refused)
	case err != nil:
		return err
	case h.Format != photo.JPEG:
		return wire.Problemf(wire.CodeBadPhoto, "the picture is no JPEG but a %s", h.Format)
	case h.Width*h.Height > wire.MaxPhotoPixels:
		return wire.Problemf(wire.CodeBadPhoto, "the picture has %d x %d pixels, over the limit of %d", h.Width, h.Height, wire.MaxPhotoPixels)
	}
	return nil
}
