package store

import (
	"context"
	"fmt"

	"github.com/arpenteur/arpenteur/syncengine"
)

// Space is a kind of thing that a store keeps. Keys of one space, in one ledger, are ordered by bytes.
// A store knows spaces by name only; what keys and values mean is the business of the packages above. The limits of a key hold for
// the name of a space too.
type Space string

// Limits of what a store takes. A larger key or value is refused with ErrTooLarge.
const (
	MaxKeyBytes   = 1 << 10
	MaxValueBytes = 16 << 20
	// SealBytes is by how much a backend's own limit lies above MaxValueBytes: what sealing may add to a value. So a sealed store
	// takes the same values as a clear one.
	SealBytes = 64
)

// CheckPut returns the error with which a backend refuses to put value at key: ErrEmpty, ErrTooLarge or nil. Sealed bytes, which
// the seal package passes down, may take SealBytes more than MaxValueBytes.
func CheckPut(space Space, key, value []byte) error {
	switch {
	case len(space) == 0:
		return fmt.Errorf("%w: the space has no name", ErrEmpty)
	case len(key) == 0:
		return fmt.Errorf("%w: a key of %s", ErrEmpty, space)
	case len(value) == 0:
		return fmt.Errorf("%w: the value at key %x of %s", ErrEmpty, key, space)
	case len(space) > MaxKeyBytes:
		return fmt.Errorf("%w: the name of a space of %d bytes", ErrTooLarge, len(space))
	case len(key) > MaxKeyBytes:
		return fmt.Errorf("%w: a key of %d bytes in %s", ErrTooLarge, len(key), space)
	case len(value) > MaxValueBytes+SealBytes:
		return fmt.Errorf("%w: a value of %d bytes at key %x of %s", ErrTooLarge, len(value), key, space)
	}
	return nil
}

// Reader reads one consistent state of a store. It is valid only inside the function that it was passed to (afterwards it answers
// ErrClosed), and not safe for concurrent use. Slices that it returns or passes on are the store's: they must not be changed, and are
// gone when the function returns. The zero ledger holds what belongs to no ledger.
type Reader interface {
	// Get returns the value at key, or nil where there is none. A value is never empty.
	Get(space Space, ledger syncengine.LedgerID, key []byte) ([]byte, error)
	// Scan calls fn for each key in [from, to), ascending, until fn returns false or an error, which Scan returns.
	// A nil from starts at the first key, a nil to ends after the last; an empty to that is not nil is below every key.
	// fn must not write to the scanned space of the scanned ledger; it may write to others.
	Scan(space Space, ledger syncengine.LedgerID, from, to []byte, fn func(key, value []byte) (bool, error)) error
	// ScanBack is Scan, descending from the last key below to.
	ScanBack(space Space, ledger syncengine.LedgerID, from, to []byte, fn func(key, value []byte) (bool, error)) error
	// Ledgers calls fn for each ledger that holds at least one key at the time of the call, in ascending order, the zero ledger
	// excluded, until fn returns false or an error, which Ledgers returns.
	Ledgers(fn func(ledger syncengine.LedgerID) (bool, error)) error
}

// Writer is a Reader that sees its own writes. Either all of its writes are kept or none.
type Writer interface {
	Reader
	// Put sets the value at key. An empty key or value is refused with ErrEmpty. The store keeps copies.
	Put(space Space, ledger syncengine.LedgerID, key, value []byte) error
	// Delete removes key; removing what is not there is no error.
	Delete(space Space, ledger syncengine.LedgerID, key []byte) error
}

// Store is a durable, transactional map that tablet and server both build on. It is safe for concurrent use.
//
// A ctx that is done before fn is started is answered with its error; once fn is started the call completes. fn must not call the
// store that runs it. If fn panics nothing of it is kept and the panic goes on to the caller.
type Store interface {
	// View runs fn over one consistent state.
	View(ctx context.Context, fn func(r Reader) error) error
	// Update runs fn and commits its writes. When it returns nil they are durable: they survive kill -9 and power loss (law L1).
	// When it returns an error none of them is kept. Updates are serialised. fn may be run again, alone or after other updates, so
	// it must have no side effect but its writes, and must set its results anew at each run. Concurrent updates may share one
	// commit; an fn that fails fails alone.
	//
	// One thing can stay open, as in every durable store: where the device fails in the very step that makes a commit durable, only
	// the next opening tells whether it was kept. The store then closes itself, and the error wraps ErrClosed and the cause.
	Update(ctx context.Context, fn func(w Writer) error) error
	// Close waits for running transactions and closes the store; calls after it return ErrClosed.
	Close() error
}

// After returns the least key that comes after every key with the given prefix, nil where there is none: the end of a scan of the prefix.
func After(prefix []byte) []byte {
	out := append([]byte(nil), prefix...)
	for i := len(out) - 1; i >= 0; i-- {
		if out[i] < 0xff {
			out[i]++
			return out[:i+1]
		}
	}
	return nil
}
