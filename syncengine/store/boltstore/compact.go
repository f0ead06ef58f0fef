package boltstore

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"go.etcd.io/bbolt"

	"github.com/arpenteur/arpenteur/syncengine/store"
)

// fewChanges is how many keys a compaction copies at most while writers wait.
const fewChanges = 256

// maxRounds is how often a compaction copies what was written since the round before, while writing goes on.
const maxRounds = 8

// Compact writes the store at path anew, without its free pages, and puts the new file in place of the old one. bbolt never clears
// what it frees, so only this makes deleted and redacted bytes leave the file (law L9). The store must be closed; its id, its seal
// header and all that it holds stay. The file needs as much free space again while this runs. Whenever the machine dies, path names
// the old file or the new one, whole. A damaged file is left as it is, and the error wraps ErrCorrupt.
//
// What the device itself keeps of the old file's blocks is out of reach; sealing the store covers that.
func Compact(path string) error {
	opts := Options{}.withDefaults()
	v, err := openVolume(path, opts)
	if err != nil {
		return fmt.Errorf("compact store %s: %w", path, err)
	}
	s := newStore(path, opts, v)
	return errors.Join(s.Compact(context.Background()), s.Close())
}

// Compact is the function Compact for a store that is in use. Reading goes on meanwhile, and so does writing but for the end, when the
// last few changes are brought over and the files are exchanged. Whoever reads then finishes on the old file, which is gone once the
// last of them has; Compact waits for that. What was deleted before Compact was called is in no page of the new file; of what is deleted
// while it runs, copies may remain until the next compaction. One compaction runs at a time, others wait.
//
// Where Compact fails the store goes on with the file that it had. Only where the device fails in the very step that exchanges the files
// does the store close itself, as after a commit of which nobody knows whether it was kept.
func (s *Store) Compact(ctx context.Context) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.leave()
	select {
	case <-s.compacting:
		defer func() { s.compacting <- struct{}{} }()
	case <-ctx.Done():
		return ctx.Err()
	}
	if err := s.compact(ctx); err != nil {
		return fmt.Errorf("compact store %s: %w", s.path, err)
	}
	return nil
}

func (s *Store) compact(ctx context.Context) error {
	path, err := filepath.EvalSymlinks(s.path) // a link to the store stays one
	if err != nil {
		return err
	}
	c := &compaction{store: s, path: path, temp: path + compactSuffix}
	err = s.read(func(t *txn) error {
		if !stillAt(t.volume.file, path) {
			return fmt.Errorf("%s is no longer the file that was opened; it is left alone", path)
		}
		return nil
	})
	if err != nil {
		return err
	}
	err = c.run(ctx)
	if errors.Is(err, errTooMuch) {
		err = c.runAlone(ctx)
	}
	return err
}

// errTooMuch says that more is written than is worth noting.
var errTooMuch = errors.New("too much was written meanwhile")

// compaction is one on its way.
type compaction struct {
	store *Store
	path  string // of the store
	temp  string // of the new file, until it is in place
	to    *bbolt.DB
	old   *volume // once it was replaced
}

// run copies while writing goes on, brings over what was written meanwhile, round by round, and at the end lets writers wait for the last
// few changes.
func (c *compaction) run(ctx context.Context) (err error) {
	if err := c.hold(ctx); err != nil {
		return err
	}
	c.store.changed = newChanges()
	c.store.yield()
	defer func() { err = c.end(err) }()
	if err := c.copy(ctx); err != nil {
		return err
	}
	if err := c.to.Sync(); err != nil { // most of it now, so that writers don't wait for it
		return fullError(err)
	}
	for round := 0; ; round++ {
		if err := c.hold(ctx); err != nil {
			return err
		}
		seen := c.store.changed
		if seen.over || round == maxRounds && seen.count > fewChanges {
			c.store.changed = nil
			c.store.yield()
			return errTooMuch
		}
		if seen.count <= fewChanges {
			break
		}
		c.store.changed = newChanges()
		c.store.yield()
		if err := c.replay(seen); err != nil {
			return err
		}
	}
	defer c.store.yield()
	last := c.store.changed
	c.store.changed = nil
	if err := c.replay(last); err != nil {
		return err
	}
	return c.exchange()
}

// runAlone copies while writers wait: for a store that is written to faster than it can be copied.
func (c *compaction) runAlone(ctx context.Context) (err error) {
	if err := c.hold(ctx); err != nil {
		return err
	}
	defer func() { err = c.end(err) }()
	defer c.store.yield()
	if err := c.copy(ctx); err != nil {
		return err
	}
	return c.exchange()
}

// hold waits until nobody writes.
func (c *compaction) hold(ctx context.Context) error {
	select {
	case <-c.store.baton:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// yield lets others write again.
func (s *Store) yield() { s.baton <- struct{}{} }

func (c *compaction) copy(ctx context.Context) (err error) {
	if err := removeIfThere(c.temp); err != nil {
		return err
	}
	c.to, err = c.store.copyTo(ctx, c.temp, nil)
	return err
}

// replay copies what stands at keys that were written, and all of the small meta bucket.
func (c *compaction) replay(seen *changes) error {
	err := c.store.read(func(from *txn) (err error) {
		defer guard(&err)
		return c.to.Update(func(tx *bbolt.Tx) error {
			to := &txn{tx: tx, volume: &volume{db: c.to}}
			for p, keys := range seen.keys {
				if err := to.take(from, p, keys); err != nil {
					return err
				}
			}
			if err := to.prune(); err != nil {
				return err
			}
			return copyMeta(tx, from.tx)
		})
	})
	return fullError(err)
}

// take makes t hold at keys what from holds there.
func (t *txn) take(from *txn, p place, keys map[string]struct{}) error {
	for key := range keys {
		value, err := from.get(p, []byte(key))
		switch {
		case err != nil:
			return err
		case value == nil:
			err = t.del(p, []byte(key))
		default:
			err = t.put(p, []byte(key), value)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// copyMeta makes the meta bucket of a file that of another.
func copyMeta(to, from *bbolt.Tx) error {
	if err := to.DeleteBucket([]byte(metaBucket)); err != nil {
		return err
	}
	meta, err := to.CreateBucket([]byte(metaBucket))
	if err != nil {
		return err
	}
	return from.Bucket([]byte(metaBucket)).ForEach(meta.Put)
}

// exchange puts the new file in place of the old one, for readers to come and for the machine's next start. Nobody writes meanwhile.
func (c *compaction) exchange() error {
	if err := errors.Join(c.to.Sync(), c.to.Close()); err != nil {
		return fullError(err)
	}
	c.to = nil
	if c.store.exchangesClosed {
		return c.exchangeClosed()
	}
	next, err := openVolume(c.temp, c.store.opts)
	if err != nil {
		return err
	}
	if err := os.Rename(c.temp, c.path); err != nil {
		return errors.Join(err, next.shut())
	}
	c.old = c.store.replace(next)
	return c.settle()
}

// exchangeClosed is for systems on which a file can't be renamed while it is open, nor over one that is: readers wait too.
func (c *compaction) exchangeClosed() error {
	s := c.store
	if err := s.replace(nil).shut(); err != nil {
		s.breakDown(fmt.Errorf("%w: open the store again: %w", store.ErrClosed, err))
		return err
	}
	renamed := os.Rename(c.temp, c.path)
	next, err := openVolume(c.path, s.opts)
	if err != nil {
		s.breakDown(fmt.Errorf("%w: open the store again: %w", store.ErrClosed, err))
		return errors.Join(renamed, err)
	}
	s.replace(next)
	if renamed != nil {
		return renamed
	}
	return c.settle()
}

// settle makes the exchange durable. Where that fails the next start may find the old file, so nothing more may be written to the new one.
func (c *compaction) settle() error {
	if err := syncDir(filepath.Dir(c.path)); err != nil {
		c.store.breakDown(fmt.Errorf("%w: the compacted file may or may not be in place; open the store again: %w", store.ErrClosed, err))
		return err
	}
	return nil
}

// end gives back what the compaction holds, and waits for those who read the old file. Nobody needs to hold the baton.
func (c *compaction) end(err error) error {
	if c.old != nil {
		return errors.Join(err, c.old.shut())
	}
	if c.to != nil {
		err = errors.Join(err, c.to.Close())
		c.to = nil
	}
	if err != nil {
		<-c.store.baton
		c.store.changed = nil
		c.store.yield()
		err = errors.Join(err, removeIfThere(c.temp))
	}
	return err
}
