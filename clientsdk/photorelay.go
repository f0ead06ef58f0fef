package clientsdk

import (
	"context"
	"crypto/sha256"
	"errors"
	"hash"
	"io/fs"

	"github.com/arpenteur/arpenteur/internal/photo"
	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/store"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// What carries photos between tablets, or in a file, stands on these. All that is handed out here was looked over by a person and is
// named by a change; all that is taken in is checked against its name before it counts.

// carriedPhoto is a photo that is held and may be carried to others.
type carriedPhoto struct {
	wire.PhotoName
	Size int64
}

// onServer reports whether the server is known to hold a photo, so that nobody needs to carry it there.
func onServer(_ wire.PhotoName, s PhotoState) bool { return s == PhotoReceived || s == PhotoBackedUp }

// carriedPhotos returns the photos of a ledger whose bytes are here, in the order of their hashes, but those that skip is true of.
func (c *Client) carriedPhotos(r store.Reader, id syncengine.LedgerID, skip func(wire.PhotoName, PhotoState) bool) ([]carriedPhoto, error) {
	var out []carriedPhoto
	err := eachPhoto(r, id, func(p wire.PhotoName, e photoEntry) error {
		if e.Barred || skip != nil && skip(p, e.state()) {
			return nil
		}
		if size := c.photos.holds(p); size > 0 {
			out = append(out, carriedPhoto{p, size})
		}
		return nil
	})
	return out, err
}

// wantsPhoto reports whether a photo would be taken from another tablet: changes held here refer to it, and its bytes are neither here, nor
// barred, nor dropped because they are safe.
func (c *Client) wantsPhoto(r store.Reader, p wire.PhotoName) (bool, error) {
	referred, err := r.Get(spacePhotoRefs, p.Ledger, p.Hash[:])
	if err != nil || referred == nil {
		return false, err
	}
	e, _, err := readPhoto(r, p)
	return err == nil && !e.Barred && !e.Freed && c.photos.holds(p) == 0, err
}

// openPhoto opens a photo for reading from any offset: see sealedFile.ReadAt. The caller closes it.
func (c *Client) openPhoto(p wire.PhotoName) (*sealedFile, error) {
	f, err := c.photos.held(p)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNoPhoto
	}
	return f, err
}

// arrivingPhoto is a photo that comes in pieces from another tablet or a file. It ends with finish or with pause.
type arrivingPhoto struct {
	c    *Client
	name wire.PhotoName
	size int64
	hash hash.Hash
	file *sealedWriter
}

// receivePhoto begins a photo, or goes on with one whose last arrival was paused or cut: its pieces are to be written from offset on.
func (c *Client) receivePhoto(ctx context.Context, p wire.PhotoName, size int64) (*arrivingPhoto, error) {
	if size < 1 || size > wire.MaxPhotoBytes {
		return nil, wire.Problemf(wire.CodeTooLarge, "a photo of %d bytes", size)
	}
	var wanted bool
	err := c.store.View(ctx, func(r store.Reader) (err error) {
		wanted, err = c.wantsPhoto(r, p)
		return err
	})
	if err != nil {
		return nil, err
	}
	if !wanted {
		return nil, ErrNoPhoto
	}
	a := &arrivingPhoto{c: c, name: p, size: size, hash: sha256.New()}
	if err := c.photos.folder(c.photos.ledgerFolder(p.Ledger)); err != nil {
		return nil, err
	}
	return a, a.begin()
}

// begin takes up what came before, or begins anew where nothing did or where it can't be used.
func (a *arrivingPhoto) begin() (err error) {
	path, name := a.c.photos.heldPath(a.name), heldName(a.name)
	if a.file, err = a.c.photos.resume(path, name, a.hash); err == nil && a.file.offset() < a.size {
		return nil
	}
	if err == nil {
		if err := a.file.abort(); err != nil {
			return err
		}
	}
	a.hash.Reset()
	a.file, err = a.c.photos.create(path, name, nil)
	return err
}

// offset returns where the next piece begins.
func (a *arrivingPhoto) offset() int64 { return a.file.offset() }

// Write takes the next bytes.
func (a *arrivingPhoto) Write(p []byte) (int, error) {
	if a.offset()+int64(len(p)) > a.size {
		return 0, wire.Problemf(wire.CodeMalformed, "a photo is longer than was said")
	}
	n, err := a.file.Write(p)
	_, _ = a.hash.Write(p[:n])
	return n, err
}

// pause keeps what came, for a later receivePhoto.
func (a *arrivingPhoto) pause() error { return a.file.pause() }

// finish checks the photo and keeps it, to be shown and carried on. One that is not what its name says is dropped.
func (a *arrivingPhoto) finish(ctx context.Context) error {
	if a.offset() != a.size || syncengine.Hash(a.hash.Sum(nil)) != a.name.Hash {
		return errors.Join(wire.Problemf(wire.CodeBadPhoto, "what arrived is not photo %s", a.name.Hash), a.file.abort())
	}
	a.c.photos.files.RLock()
	defer a.c.photos.files.RUnlock()
	if err := a.file.commit(); err != nil {
		return err
	}
	if err := a.check(); err != nil {
		return errors.Join(wire.Problemf(wire.CodeBadPhoto, "photo %s is no picture: %w", a.name.Hash, err), removeFiles(a.c.photos.heldPath(a.name)))
	}
	return a.c.store.Update(ctx, func(w store.Writer) error {
		e, _, err := readPhoto(w, a.name)
		if err != nil || e.Barred {
			return err
		}
		e.Size, e.Freed = a.size, false
		return writePhoto(w, a.name, e)
	})
}

// check reads the header of what arrived.
func (a *arrivingPhoto) check() error {
	f, err := a.c.photos.held(a.name)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = photo.ReadHeader(f.reader())
	return err
}
