package boltstore

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"github.com/arpenteur/arpenteur/syncengine/store"
)

const (
	defaultLockTimeout = time.Second
	defaultPageSize    = 4 << 10 // whatever the machine's is: files move between machines
	fileMode           = 0o600   // field data is for nobody else's eyes
	growBytes          = 4 << 20 // by which a file grows at once
	compactSuffix      = ".compact"
)

// Open opens the store at path, which it creates if there is no file; the directory must be there. Only one process can have it open.
//
// Besides the errors of the file system it returns ErrLocked, ErrNotOurs, ErrNewer and ErrCorrupt; it never panics, whatever the file
// holds, and it changes nothing in a file that it refuses.
func Open(path string, opts Options) (*Store, error) {
	opts = opts.withDefaults()
	s, err := open(path, opts)
	if err != nil {
		return nil, fmt.Errorf("open store %s: %w", path, err)
	}
	return s, nil
}

func open(path string, opts Options) (*Store, error) {
	if err := createMissing(path, opts); err != nil {
		return nil, err
	}
	v, err := openVolume(path, opts)
	if err != nil {
		return nil, err
	}
	s := newStore(path, opts, v)
	if err := s.prepare(opts); err != nil {
		return nil, errors.Join(err, v.shut())
	}
	return s, nil
}

// newStore returns a store over an open file.
func newStore(path string, opts Options, v *volume) *Store {
	s := &Store{
		path: path, opts: opts, current: v, baton: make(chan struct{}, 1), compacting: make(chan struct{}, 1),
		exchangesClosed: !replacesOpenFiles,
	}
	s.turned.L = &s.mu
	s.baton <- struct{}{}
	s.compacting <- struct{}{}
	return s
}

// prepare upgrades the file and reads what the store keeps in memory.
func (s *Store) prepare(opts Options) error {
	err := s.read(func(t *txn) error {
		w, err := t.walk(context.Background(), true)
		if err == nil {
			t.volume.bad = w.bad
		}
		return err
	})
	if err != nil {
		return err
	}
	if err := s.upgrade(opts); err != nil {
		return err
	}
	if err := s.readMeta(); err != nil {
		return err
	}
	// What a compaction that died has left goes. Nobody else is at it, since compacting needs the lock that this store has. Where it can't
	// be removed the next opening tries again: that is no reason to refuse this one.
	if real, err := filepath.EvalSymlinks(s.path); err == nil {
		_ = os.Remove(real + compactSuffix)
	}
	return nil
}

// withDefaults fills in what was left open.
func (o Options) withDefaults() Options {
	if o.LockTimeout <= 0 {
		o.LockTimeout = defaultLockTimeout
	}
	if o.CreatedBy == "" {
		o.CreatedBy = "arpenteur"
	}
	if o.Random == nil {
		o.Random = rand.Reader
	}
	return o
}

// openVolume locks, checks and opens the file at path. It leaves nothing open where it fails.
func openVolume(path string, opts Options) (v *volume, err error) {
	var file *os.File
	defer panicOnFault()()
	defer func() {
		if panicked := recover(); panicked != nil {
			err = damaged("%v", panicked)
		}
		if err != nil && file != nil {
			// Where bbolt panicked it did not. That it is closed already is no error here.
			_, _ = unlockFile(file), file.Close()
		}
	}()
	db, err := bbolt.Open(path, fileMode, &bbolt.Options{
		Timeout: opts.LockTimeout,
		// The free pages are a map in memory, which stays fast in a large file with many of them. They are also kept in the file: to
		// leave them out saves a page per commit, but makes each opening walk through the whole file, see checkMeta.
		FreelistType:    bbolt.FreelistMapType,
		InitialMmapSize: initialMap,
		PageSize:        defaultPageSize,
		NoSync:          opts.NoSync,
		NoGrowSync:      opts.NoSync,
		NoStatistics:    true,
		OpenFile: func(name string, _ int, _ os.FileMode) (*os.File, error) {
			var err error
			file, err = openFile(name, opts.LockTimeout)
			return file, err
		},
	})
	switch {
	case err == nil:
		db.AllocSize = growBytes
		return &volume{db: db, file: file}, nil
	case errors.Is(err, bolterrors.ErrTimeout) || errors.Is(err, store.ErrLocked):
		err = fmt.Errorf("%w: close the program that has it open, or wait until it ends", store.ErrLocked)
	case isBoltDamage(err):
		err = damaged("%v", err)
	}
	return nil, err
}

// isBoltDamage reports whether bbolt refused a file for what is in it.
func isBoltDamage(err error) bool {
	return errors.Is(err, bolterrors.ErrInvalid) || errors.Is(err, bolterrors.ErrChecksum) || errors.Is(err, bolterrors.ErrVersionMismatch)
}

// openFile opens and locks the file at path and looks whether bbolt can be let at it.
func openFile(path string, timeout time.Duration) (*os.File, error) {
	for {
		file, err := os.OpenFile(path, os.O_RDWR, fileMode)
		if err != nil {
			return nil, err
		}
		err = lockFile(file, timeout)
		current := err == nil && stillAt(file, path)
		if current {
			err = preflight(file)
		}
		if current && err == nil {
			return file, nil
		}
		if closed := file.Close(); err == nil {
			err = closed
		}
		if err != nil {
			return nil, err
		}
		// Compact put another file in its place while this process waited for the lock.
	}
}

// stillAt reports whether path still names the open file.
func stillAt(file *os.File, path string) bool {
	mine, err := file.Stat()
	if err != nil {
		return true
	}
	named, err := os.Stat(path)
	return err != nil || os.SameFile(mine, named)
}

// createMissing creates the store at path if there is no file. It appears there whole or, where the machine dies meanwhile, not at
// all: a half-made file would look like a damaged one.
func createMissing(path string, opts Options) (err error) {
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	temp, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".new-*")
	if err != nil {
		return err
	}
	defer func() {
		if gone := os.Remove(temp.Name()); !errors.Is(gone, fs.ErrNotExist) {
			err = errors.Join(err, gone)
		}
	}()
	if err := temp.Close(); err != nil {
		return err
	}
	db, err := bbolt.Open(temp.Name(), fileMode, &bbolt.Options{PageSize: defaultPageSize, NoSync: opts.NoSync, NoStatistics: true})
	if err != nil {
		return err
	}
	err = db.Update(func(tx *bbolt.Tx) error { return initialise(tx, opts) })
	if err := errors.Join(err, db.Close()); err != nil {
		return commitError(err)
	}
	return publish(temp.Name(), path)
}

// publish gives the file at temp the name path, unless another process was faster: then that one's file stays.
func publish(temp, path string) error {
	err := os.Link(temp, path)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		// A file system without links. Renaming could replace a file that another process made in this very moment, and that is all:
		// the path was free.
		err = os.Rename(temp, path)
	}
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncDir(filepath.Dir(path))
}
