package photos

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/arpenteur/arpenteur/syncengine/store"
)

// DefaultReserve is how much of the disk photos leave free: records come first, and a full disk must not stop them.
const DefaultReserve = 256 << 20

// Dir is a Store over a folder: each key is a file. What it says to be kept survives kill -9 and power loss (law L1): files are synced, and
// the folders that name them.
type Dir struct {
	root    string
	reserve uint64
}

// OpenDir returns a Store over a folder, which it makes where there is none. Of the disk, reserve bytes are left free.
func OpenDir(path string, reserve uint64) (*Dir, error) {
	root, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	d := &Dir{root, reserve}
	return d, d.makeFolder(root)
}

// ReadDir returns a Store over a folder that is only to be read, and may be none.
func ReadDir(path string) *Dir { return &Dir{root: path} }

// Same reports whether two of them are over one folder.
func (d *Dir) Same(other *Dir) bool {
	mine, err := os.Stat(d.root)
	if err != nil {
		return false
	}
	theirs, err := os.Stat(other.root)
	return err == nil && os.SameFile(mine, theirs)
}

// path returns the file of a key.
func (d *Dir) path(key string) (string, error) {
	if !filepath.IsLocal(filepath.FromSlash(key)) {
		return "", fmt.Errorf("%q is no key", key)
	}
	return filepath.Join(d.root, filepath.FromSlash(key)), nil
}

// makeFolder makes a folder and those above it, durably.
func (d *Dir) makeFolder(path string) error {
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	above := filepath.Dir(path)
	if above != path {
		if err := d.makeFolder(above); err != nil {
			return err
		}
	}
	if err := os.Mkdir(path, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return d.told(err)
	}
	return syncFolder(above)
}

// Append is Store.Append.
func (d *Dir) Append(_ context.Context, key string, offset int64, piece []byte) (err error) {
	path, err := d.path(key)
	if err != nil {
		return err
	}
	if free, err := freeBytes(d.root); err == nil && free < d.reserve+uint64(len(piece)) {
		return fmt.Errorf("%d bytes are free, %d are kept for records: %w", free, d.reserve, store.ErrFull)
	}
	flags := os.O_WRONLY
	if offset == 0 {
		flags |= os.O_CREATE
		if err := d.makeFolder(filepath.Dir(path)); err != nil {
			return err
		}
	}
	f, err := os.OpenFile(path, flags, 0o600)
	if errors.Is(err, fs.ErrNotExist) {
		return ErrOffset
	}
	if err != nil {
		return d.told(err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if info.Size() != offset {
		return ErrOffset
	}
	if _, err = f.WriteAt(piece, offset); err == nil {
		err = f.Sync()
	}
	if err != nil {
		return errors.Join(d.told(err), f.Truncate(offset))
	}
	if offset == 0 {
		return syncFolder(filepath.Dir(path))
	}
	return nil
}

// told gives an error that says that there is no space the name that it has everywhere.
func (d *Dir) told(err error) error {
	for _, full := range fullErrors() {
		if errors.Is(err, full) {
			return fmt.Errorf("%w: %w", store.ErrFull, err)
		}
	}
	return err
}

// file is a Blob.
type file struct {
	*os.File
	size int64
}

func (f *file) Size() int64 { return f.size }

// Open is Store.Open.
func (d *Dir) Open(_ context.Context, key string) (Blob, error) {
	path, err := d.path(key)
	if err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrAbsent
	}
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = ErrAbsent
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &file{f, info.Size()}, nil
}

// Move is Store.Move.
func (d *Dir) Move(_ context.Context, from, to string) error {
	source, err := d.path(from)
	if err != nil {
		return err
	}
	target, err := d.path(to)
	if err != nil {
		return err
	}
	if err := d.makeFolder(filepath.Dir(target)); err != nil {
		return err
	}
	if err := os.Rename(source, target); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return ErrAbsent
		}
		return d.told(err)
	}
	return errors.Join(syncFolder(filepath.Dir(target)), syncFolder(filepath.Dir(source)))
}

// Remove is Store.Remove.
func (d *Dir) Remove(_ context.Context, key string) error {
	path, err := d.path(key)
	if err != nil {
		return err
	}
	switch err := os.Remove(path); {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	}
	return syncFolder(filepath.Dir(path))
}

// List is Store.List. It holds the names of one folder at a time.
func (d *Dir) List(ctx context.Context, prefix string, fn func(Item) error) error {
	from, err := d.path("./" + prefix)
	if err != nil {
		return err
	}
	return filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err == nil {
			err = ctx.Err()
		}
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		info, err := entry.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		key, err := filepath.Rel(d.root, path)
		if err != nil {
			return err
		}
		return fn(Item{Key: filepath.ToSlash(key), Size: info.Size(), Changed: info.ModTime()})
	})
}
