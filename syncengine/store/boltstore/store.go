package boltstore

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"go.etcd.io/bbolt"

	"github.com/arpenteur/arpenteur/syncengine/store"
)

// Store is a store in one bbolt file. It implements store.Store.
type Store struct {
	path string // as given to Open
	opts Options

	id   atomic.Pointer[uuid.UUID]
	seal atomic.Pointer[[]byte] // the seal header

	baton      chan struct{} // holds one token: who has it may write
	crowded    bool          // the last leader had company; guarded by the baton
	changed    *changes      // what was written since a compaction began to copy, nil while none does; guarded by the baton
	compacting chan struct{} // holds one token: who has it may compact
	queue      queue
	commits    atomic.Uint64
	updates    atomic.Uint64

	exchangesClosed bool // a compaction must close its files to exchange them: !replacesOpenFiles, but in tests

	mu      sync.Mutex // guards what follows
	turned  sync.Cond  // over mu: current was set
	current *volume    // nil while a compaction puts another in its place
	calls   sync.WaitGroup
	closed  bool
	broken  error // every call is answered with it, if not nil
}

// Options are the choices at opening. The zero value is good.
type Options struct {
	// LockTimeout is how long to wait for another process that has the store open; one second where it is zero.
	LockTimeout time.Duration
	// CreatedBy is written into a new file, for people who look into it: the name and version of the program.
	CreatedBy string
	// Random is where a new store's id comes from; crypto/rand where it is nil.
	Random io.Reader
	// NoSync leaves it to the operating system when writes reach the device. What is acknowledged then still survives the death of
	// the process, but not a power loss, which law L1 demands: it is for simulations and tests only.
	NoSync bool
}

// Stats are counts since the opening.
type Stats struct {
	Commits uint64 // transactions that were made durable
	Updates uint64 // calls of Update that were answered with nil
}

// Path returns the path that the store was opened at.
func (s *Store) Path() string { return s.path }

// ID returns the store's random id, which it got when it was created. Compact and Copy keep it: two files with one id are copies.
func (s *Store) ID() uuid.UUID { return *s.id.Load() }

// RenewID draws a new id, durably. A copy that is to go on by itself needs one, so that nobody takes what it writes for its original's.
func (s *Store) RenewID(ctx context.Context) error {
	id, err := uuid.NewRandomFromReader(s.opts.Random)
	if err != nil {
		return fmt.Errorf("draw an id for the store: %w", err)
	}
	err = s.Update(ctx, func(w store.Writer) (err error) {
		t := w.(*handle).txn
		defer t.guarded(&err)
		t.writes++
		return t.tx.Bucket([]byte(metaBucket)).Put([]byte(metaID), id[:])
	})
	if err == nil {
		s.id.Store(&id)
	}
	return err
}

// Stats returns how many updates shared how many commits.
func (s *Store) Stats() Stats {
	return Stats{Commits: s.commits.Load(), Updates: s.updates.Load()}
}

// View runs fn over the state of the last commit.
func (s *Store) View(ctx context.Context, fn func(r store.Reader) error) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.leave()
	return s.read(func(t *txn) (err error) {
		r := &handle{t}
		defer r.end()
		defer func() {
			if panicked := recover(); isFault(panicked) {
				err = damaged("%v", panicked)
			} else if panicked != nil {
				panic(panicked)
			}
		}()
		return fn(r)
	})
}

// Empty reports whether the store holds no key at all.
func (s *Store) Empty(ctx context.Context) (empty bool, err error) {
	err = s.View(ctx, func(r store.Reader) (err error) {
		t := r.(*handle).txn
		defer guard(&err)
		empty = true
		return t.tx.ForEach(func(name []byte, b *bbolt.Bucket) error {
			if string(name) != metaBucket && t.holdsKey(name, b) {
				empty = false
			}
			return nil
		})
	})
	return empty, err
}

// SealHeader returns a copy of the header that SetSealHeader kept, or nil. What it means is the business of the package seal.
func (s *Store) SealHeader() []byte {
	if header := s.seal.Load(); header != nil {
		return bytes.Clone(*header)
	}
	return nil
}

// SetSealHeader keeps header, durably, in place of the one before; an empty one removes it. A header has the limit of a value.
func (s *Store) SetSealHeader(header []byte) error {
	if len(header) > store.MaxValueBytes {
		return fmt.Errorf("%w: a seal header of %d bytes", store.ErrTooLarge, len(header))
	}
	header = bytes.Clone(header)
	err := s.Update(context.Background(), func(w store.Writer) (err error) {
		t := w.(*handle).txn
		defer t.guarded(&err)
		t.writes++
		meta := t.tx.Bucket([]byte(metaBucket))
		if len(header) == 0 {
			return meta.Delete([]byte(metaSeal))
		}
		return meta.Put([]byte(metaSeal), header)
	})
	if err == nil {
		s.seal.Store(&header)
	}
	return err
}

// Close waits for running transactions, then closes the file and lets other processes have it.
func (s *Store) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return store.ErrClosed
	}
	s.closed = true
	s.mu.Unlock()
	s.calls.Wait()
	if v := s.replace(nil); v != nil {
		return v.shut()
	}
	return nil
}

// enter begins a call, unless the store is closed or broken or ctx is done.
func (s *Store) enter(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return store.ErrClosed
	}
	if s.broken != nil {
		return s.broken
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	s.calls.Add(1)
	return nil
}

// leave ends a call.
func (s *Store) leave() { s.calls.Done() }

// breakDown answers every call from now on with err. The first reason stays.
func (s *Store) breakDown(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken == nil {
		s.broken = err
	}
	s.turned.Broadcast()
}

// brokenError returns what the store broke down with, or nil.
func (s *Store) brokenError() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.broken
}
