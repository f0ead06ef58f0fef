package backup

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/arpenteur/arpenteur/server/photos"
	"github.com/arpenteur/arpenteur/syncengine/store"
	"github.com/arpenteur/arpenteur/syncengine/store/boltstore"
)

// RestoreOptions say what is to be restored, and where.
type RestoreOptions struct {
	From    string // a folder of backups, of which the newest is taken, or a file of one
	Store   string // path of the server's store
	Photos  photos.Store
	Replace bool // move a store that is there aside
	Now     func() time.Time
	// Mark makes a copy the store that a server goes on with, and says from which backup.
	Mark func(ctx context.Context, s *boltstore.Store, from string) error
	// Progress, unless it is nil, is told now and then.
	Progress func(Progress)
}

// Restored is what a restore has done.
type Restored struct {
	Manifest
	Aside  string `json:"aside,omitempty"` // where the store is that was there
	Photos int    `json:"photos_restored"` // copied; the others were there
}

// Restore puts the store and the photos of a backup in place, after reading all of it. The store appears whole or not at all. One that is there
// is moved aside, if Replace is set, and never removed; it must not be in use. What is in the photos' place stays.
func Restore(ctx context.Context, o RestoreOptions) (*Restored, error) {
	if o.Progress == nil {
		o.Progress = func(Progress) {}
	}
	path, m, err := open(o.From)
	if err != nil {
		return nil, err
	}
	occupied, err := o.occupied()
	if err != nil {
		return nil, err
	}
	out := &Restored{Manifest: *m}
	temp := o.Store + ".restoring"
	defer os.Remove(temp) //nolint:errcheck // it is in place, or left from what failed
	if err := o.takeStore(ctx, path, temp, m); err != nil {
		return nil, err
	}
	if out.Photos, err = o.takePhotos(ctx, path, m); err != nil {
		return nil, err
	}
	if err := o.mark(ctx, temp, m); err != nil {
		return nil, err
	}
	if occupied {
		if out.Aside, err = o.setAside(); err != nil {
			return nil, err
		}
	}
	if err := os.Rename(temp, o.Store); err != nil {
		return nil, err
	}
	return out, syncFolder(filepath.Dir(o.Store))
}

// occupied refuses a data folder with a store in it, unless that is to be replaced, and one whose store is in use.
func (o *RestoreOptions) occupied() (bool, error) {
	if _, err := os.Lstat(o.Store); errors.Is(err, os.ErrNotExist) {
		return false, os.MkdirAll(filepath.Dir(o.Store), 0o700)
	} else if err != nil {
		return false, err
	}
	if !o.Replace {
		return false, fmt.Errorf("%w: %s", ErrOccupied, o.Store)
	}
	s, err := boltstore.Open(o.Store, boltstore.Options{})
	switch {
	case err == nil:
		return true, s.Close()
	case errors.Is(err, store.ErrLocked):
		return false, err
	}
	return true, nil // damaged, perhaps: a good reason to restore
}

// takeStore copies the backup's store and compares the copy with the manifest, then reads what is in it.
func (o *RestoreOptions) takeStore(ctx context.Context, path, temp string, m *Manifest) error {
	is, err := o.copyFile(ctx, path+storeSuffix, temp, m.File.Size)
	if err != nil {
		return err
	}
	if is != m.File {
		return fmt.Errorf("%w: %s has %d bytes and the SHA-256 %s", ErrDamaged, path+storeSuffix, is.Size, is.SHA256)
	}
	return verifyStore(ctx, temp, o.Progress)
}

// copyFile copies a file durably and says what was read.
func (o *RestoreOptions) copyFile(ctx context.Context, from, to string, size int64) (is File, err error) {
	in, err := os.Open(from) //nolint:gosec // the path is the operator's
	if errors.Is(err, os.ErrNotExist) {
		err = fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if err != nil {
		return is, err
	}
	defer in.Close()                                                       //nolint:errcheck // it was only read
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600) //nolint:gosec // the path is the operator's
	if err != nil {
		return is, err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	sum := sha256.New()
	for {
		n, err := io.CopyN(io.MultiWriter(out, sum), in, 4<<20)
		is.Size += n
		o.Progress(Progress{Copying, is.Size, size})
		if errors.Is(err, io.EOF) {
			break
		}
		if err := errors.Join(err, ctx.Err()); err != nil {
			return is, err
		}
	}
	is.SHA256 = hex.EncodeToString(sum.Sum(nil))
	return is, out.Sync()
}

// takePhotos puts back the photos that are not there.
func (o *RestoreOptions) takePhotos(ctx context.Context, path string, m *Manifest) (copied int, err error) {
	if err := m.Photos.check(path + photosSuffix); err != nil {
		return 0, err
	}
	from, n := photos.ReadDir(filepath.Join(filepath.Dir(path), photosFolder)), 0
	err = eachPhoto(path, func(key string, size int64) error {
		if n++; n%progressEvery == 0 {
			o.Progress(Progress{TakingPhoto, int64(n), int64(m.Photos.Count)})
		}
		if err := checkPhoto(ctx, o.Photos, key, size); !errors.Is(err, ErrDamaged) {
			return err
		}
		if err := checkPhoto(ctx, from, key, size); err != nil {
			return err
		}
		copied++
		return carryPhoto(ctx, from, o.Photos, key)
	})
	return copied, err
}

// mark makes the copy another store than the one that it was copied from.
func (o *RestoreOptions) mark(ctx context.Context, temp string, m *Manifest) (err error) {
	s, err := boltstore.Open(temp, boltstore.Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	return o.Mark(ctx, s, m.Name)
}

// setAside gives the store that is there another name, beside the one that it has: until the new one takes that, so that there is a store at
// any time. Where names can't be given twice, it is moved.
func (o *RestoreOptions) setAside() (string, error) {
	aside := o.Store + ".replaced-" + o.Now().UTC().Format(nameTime)
	if err := os.Link(o.Store, aside); err == nil {
		return aside, nil
	}
	return aside, os.Rename(o.Store, aside)
}
