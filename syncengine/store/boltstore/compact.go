package boltstore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"go.etcd.io/bbolt"
)

// compactTx is how many bytes of keys and values Compact holds in memory.
const compactTx = 16 << 20

// Compact writes the store at path anew, without its free pages, and puts the new file in place of the old one. bbolt never clears
// what it frees, so only this makes deleted and redacted bytes leave the file (law L9). The store must be closed; its id, its seal
// header and all that it holds stay. The file needs as much free space again while this runs. Whenever the machine dies, path names
// the old file or the new one, whole. A damaged file is left as it is, and the error wraps ErrCorrupt.
//
// What the device itself keeps of the old file's blocks is out of reach; sealing the store covers that.
func Compact(path string) error {
	if err := compact(path); err != nil {
		return fmt.Errorf("compact store %s: %w", path, err)
	}
	return nil
}

func compact(path string) (err error) {
	path, err = filepath.EvalSymlinks(path) // a link to the store stays one
	if err != nil {
		return err
	}
	s := &Store{path: path}
	if s.db, s.file, err = openBolt(path, Options{}.withDefaults()); err != nil {
		return err
	}
	open := true
	defer func() {
		if open {
			err = errors.Join(err, s.shut())
		}
	}()
	temp := path + compactSuffix
	if err := s.copyTo(temp); err != nil {
		return errors.Join(err, removeIfThere(temp))
	}
	if !replacesOpenFiles {
		open = false
		if err := s.shut(); err != nil {
			return err
		}
	}
	if err := os.Rename(temp, path); err != nil {
		return errors.Join(err, removeIfThere(temp))
	}
	return syncDir(filepath.Dir(path))
}

// copyTo writes what the store holds to a new file, durably.
func (s *Store) copyTo(temp string) (err error) {
	info, err := s.file.Stat()
	if err != nil {
		return err
	}
	err = s.read(func(t *txn) (err error) {
		defer guard(&err)
		if _, err := readFormat(t.tx.Bucket([]byte(metaBucket))); err != nil {
			return err
		}
		_, err = s.walk(context.Background(), t, false)
		return err
	})
	if err != nil {
		return err
	}
	if err := removeIfThere(temp); err != nil {
		return err
	}
	// Nothing needs to be durable before the whole is, and the file grows by the pages that are written.
	db, err := bbolt.Open(temp, info.Mode().Perm(), &bbolt.Options{
		PageSize: s.db.Info().PageSize, FreelistType: bbolt.FreelistMapType, NoSync: true, NoGrowSync: true, NoStatistics: true,
	})
	if err != nil {
		return err
	}
	if err := errors.Join(copyAll(db, s.db), db.Sync(), db.Close()); err != nil {
		return commitError(err)
	}
	return nil
}

// copyAll copies all buckets.
func copyAll(to, from *bbolt.DB) (err error) {
	defer panicOnFault()()
	defer guard(&err)
	return bbolt.Compact(to, from, compactTx)
}

// removeIfThere removes a file, if there is one.
func removeIfThere(path string) error {
	if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
