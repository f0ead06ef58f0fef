package boltstore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"go.etcd.io/bbolt"
)

const (
	copyTx    = 16 << 20 // bytes of keys and values that a copy holds in memory
	copyCheck = 256      // keys between two looks at the context
)

// Copy writes what the store holds, at one moment, to a new file at path, which must not be there, and makes it durable. Reading and
// writing go on meanwhile. The copy is a store with the same id, without free pages: nothing that was deleted or redacted before is in
// it (law L9). progress, unless it is nil, is called now and then with the bytes copied and about how many there are.
//
// A damaged store is not copied: the error wraps ErrCorrupt. Where Copy fails it leaves no file.
func (s *Store) Copy(ctx context.Context, path string, progress func(done, total int64)) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.leave()
	to, err := s.copyTo(ctx, path, progress)
	if err != nil {
		return fmt.Errorf("copy store %s to %s: %w", s.path, path, err)
	}
	if err := errors.Join(to.Sync(), to.Close()); err != nil {
		return errors.Join(fullError(err), os.Remove(path))
	}
	return syncDir(filepath.Dir(path))
}

// copyTo copies what the store holds to a new file, which is not synced yet.
func (s *Store) copyTo(ctx context.Context, path string, progress func(done, total int64)) (to *bbolt.DB, err error) {
	if _, err := os.Lstat(path); err == nil {
		return nil, fmt.Errorf("%s: %w", path, fs.ErrExist)
	}
	err = s.read(func(t *txn) error {
		inUse, err := t.sound(ctx)
		if err != nil {
			return err
		}
		info, err := t.volume.file.Stat()
		if err != nil {
			return err
		}
		// Nothing needs to be durable before the whole is, and the file grows by the pages that are written.
		to, err = bbolt.Open(path, info.Mode().Perm(), &bbolt.Options{
			PageSize: t.volume.db.Info().PageSize, FreelistType: bbolt.FreelistMapType, NoSync: true, NoGrowSync: true, NoStatistics: true,
		})
		if err != nil {
			return err
		}
		c := &copier{ctx: ctx, from: t, to: to, total: inUse, progress: progress}
		return c.run()
	})
	if err == nil {
		return to, nil
	}
	if to != nil {
		err = errors.Join(err, to.Close())
	}
	return nil, errors.Join(fullError(err), removeIfThere(path)) // bbolt leaves a file that it could not fill
}

// sound checks every page that t sees, and returns how many bytes of pages are in use.
func (t *txn) sound(ctx context.Context) (int64, error) {
	if _, err := t.format(); err != nil {
		return 0, err
	}
	w, err := t.walk(ctx, false)
	if err != nil {
		return 0, err
	}
	return w.inUse(), nil
}

// format returns the format version of the file.
func (t *txn) format() (version int, err error) {
	defer guard(&err)
	return readFormat(t.tx.Bucket([]byte(metaBucket)))
}

// copier copies all buckets of one transaction into an empty file.
type copier struct {
	ctx      context.Context //nolint:containedctx // of one call
	from     *txn
	to       *bbolt.DB
	tx       *bbolt.Tx // of to
	held     int       // bytes put in tx
	done     int64     // bytes of keys and values
	keys     int
	total    int64
	progress func(done, total int64)
	telling  bool // progress runs: its panics are its own
}

func (c *copier) run() (err error) {
	defer func() {
		if c.telling {
			return
		}
		if panicked := recover(); panicked != nil {
			err = damaged("%v", panicked)
		}
	}()
	if c.tx, err = c.to.Begin(true); err != nil {
		return err
	}
	defer func() {
		if c.tx.DB() != nil { // not committed, be it for a panic
			err = errors.Join(err, c.tx.Rollback())
		}
	}()
	err = c.from.tx.ForEach(func(name []byte, b *bbolt.Bucket) error { return c.bucket([][]byte{name}, b) })
	if err != nil {
		return err
	}
	if err := c.tx.Commit(); err != nil {
		return err
	}
	c.done = c.total
	c.tell()
	return nil
}

// bucket copies what lies below path.
func (c *copier) bucket(path [][]byte, from *bbolt.Bucket) error {
	to, err := c.make(path)
	if err != nil {
		return err
	}
	cursor := from.Cursor()
	for k, v := cursor.First(); k != nil; k, v = cursor.Next() {
		nested, size := v == nil, len(k)+len(v)
		if nested {
			err = c.bucket(append(slices.Clip(path), k), from.Bucket(k))
		} else {
			err = c.step(size)
		}
		if err == nil && (nested || c.held == 0) {
			to, err = c.make(path) // tx may be another one
		}
		if err == nil && !nested {
			err = to.Put(k, v)
			c.held += size
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// make returns the bucket at path in tx, which it makes where it is not there. Keys come in order, so pages can be filled to the end.
func (c *copier) make(path [][]byte) (*bbolt.Bucket, error) {
	b, err := c.tx.CreateBucketIfNotExists(path[0])
	for _, name := range path[1:] {
		if err != nil {
			return nil, err
		}
		b, err = b.CreateBucketIfNotExists(name)
	}
	if err == nil {
		b.FillPercent = 1
	}
	return b, err
}

// step makes room for size bytes more: it commits what is held where that is much, which leaves held at 0.
func (c *copier) step(size int) error {
	if c.keys++; c.keys%copyCheck == 0 {
		if err := c.ctx.Err(); err != nil {
			return err
		}
		c.tell()
	}
	c.done += int64(size)
	if c.held+size <= copyTx {
		return nil
	}
	if err := c.tx.Commit(); err != nil {
		return err
	}
	tx, err := c.to.Begin(true)
	if err != nil {
		return err
	}
	c.tx, c.held = tx, 0
	return nil
}

func (c *copier) tell() {
	if c.progress != nil {
		c.telling = true
		c.progress(min(c.done, c.total), c.total)
		c.telling = false
	}
}

// removeIfThere removes a file, if there is one.
func removeIfThere(path string) error {
	if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
