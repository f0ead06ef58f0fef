package boltstore

import (
	"errors"
	"fmt"

	"go.etcd.io/bbolt"

	"github.com/arpenteur/arpenteur/syncengine/store"
)

// errNothing ends a write transaction that has nothing to commit.
var errNothing = errors.New("nothing was written")

// phase is how far a transaction has come; it tells whose a panic is.
type phase uint8

const (
	beginning phase = iota
	running         // an fn runs: its panics are its own
	ending
)

// attempt is one bbolt transaction from its beginning to its end.
type attempt struct {
	store  *Store
	volume *volume
	tx     *bbolt.Tx
	number int // of the transaction
	at     phase
}

// recover is deferred around an attempt. It turns a panic of bbolt into an ErrCorrupt; one of an fn goes on.
func (a *attempt) recover(err *error) {
	ended := a.tx != nil && a.tx.DB() == nil
	if a.at == running && ended {
		return
	}
	panicked := recover()
	if panicked == nil {
		return
	}
	*err = damaged("%v", panicked)
	if !ended {
		// bbolt panicked with its locks held. Whoever asked for them would wait for ever.
		a.volume.stuck.Store(true)
		a.store.breakDown(*err)
	}
}

// read runs run in one read transaction.
func (s *Store) read(run func(t *txn) error) (err error) {
	v := s.borrow()
	if v == nil {
		return s.brokenError()
	}
	defer v.users.Done()
	defer panicOnFault()()
	a := attempt{store: s, volume: v}
	defer a.recover(&err)
	return v.db.View(func(tx *bbolt.Tx) error {
		a.tx, a.at = tx, running
		err := run(&txn{tx: tx, volume: v})
		a.at = ending
		return err
	})
}

// write runs run in one write transaction and commits it. Where run returns an error nothing is kept and the error is returned; a
// transaction without writes costs no commit. The caller holds the baton.
func (s *Store) write(run func(t *txn) error) (err error) {
	v := s.borrow()
	if v == nil {
		return s.brokenError()
	}
	defer v.users.Done()
	defer panicOnFault()()
	a := attempt{store: s, volume: v}
	defer a.recover(&err)
	committing := false
	err = v.db.Update(func(tx *bbolt.Tx) error {
		a.tx, a.number, a.at = tx, tx.ID(), running
		t := &txn{tx: tx, volume: v, changed: s.changed}
		err := run(t)
		a.at = ending
		switch {
		case err != nil:
			return err
		case t.damage != nil:
			return t.damage
		case t.writes == 0:
			return errNothing
		}
		err = t.prune()
		committing = err == nil
		return err
	})
	switch {
	case errors.Is(err, errNothing):
		return nil
	case committing && err != nil:
		return s.commitFailed(a.number, err)
	case err == nil:
		s.commits.Add(1)
	}
	return err
}

// commitFailed returns the error of the transaction number, whose commit failed. As long as its meta page was not written the store
// is what it was before. After that only a new look at the file, which the device may or may not have taken, can tell.
func (s *Store) commitFailed(number int, cause error) error {
	now := number
	err := s.read(func(t *txn) error {
		now = t.tx.ID()
		return nil
	})
	if err == nil && now < number {
		return commitError(cause)
	}
	s.breakDown(fmt.Errorf("%w: a commit may or may not have been kept; open the store again: %w", store.ErrClosed, cause))
	return s.brokenError()
}
