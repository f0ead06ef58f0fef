package boltstore

import (
	"errors"
	"os"
	"sync"
	"sync/atomic"

	"go.etcd.io/bbolt"
)

// volume is one open bbolt file. A store has one at a time; a compaction puts another in its place, and those who read then finish on
// the volume that they began on.
type volume struct {
	db   *bbolt.DB
	file *os.File
	bad  map[place]error // what was found damaged at opening; a place without a space stands for the whole ledger

	users sync.WaitGroup // those whose transactions run; added to under the store's mutex, while the volume is its current one
	stuck atomic.Bool    // bbolt holds locks that it will never release
}

// borrow returns the store's volume for one transaction, or nil where the store broke down. The caller gives it back to users. While a
// compaction has none in place, it waits.
func (s *Store) borrow() *volume {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.current == nil && s.broken == nil {
		s.turned.Wait()
	}
	if s.broken != nil {
		return nil
	}
	s.current.users.Add(1)
	return s.current
}

// replace makes v the store's volume and returns the one before. Nil lets everybody who asks for one wait.
func (s *Store) replace(v *volume) (before *volume) {
	s.mu.Lock()
	defer s.mu.Unlock()
	before, s.current = s.current, v
	s.turned.Broadcast()
	return before
}

// shut closes the file, once nobody uses it any more.
func (v *volume) shut() (err error) {
	if v.stuck.Load() {
		// Closing bbolt would wait for its locks for ever. The map stays until the process ends, but the file can be opened again.
		return errors.Join(unlockFile(v.file), v.file.Close())
	}
	v.users.Wait()
	defer guard(&err)
	return v.db.Close()
}
