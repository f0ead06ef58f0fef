package store

import (
	"errors"
	"fmt"

	"github.com/arpenteur/arpenteur/syncengine"
)

// Errors that a store returns, wrapped with detail. Errors of fn are returned as they are.
var (
	ErrClosed   = errors.New("store is closed")
	ErrTooLarge = errors.New("key or value is larger than a store takes")
	ErrEmpty    = errors.New("key or value is empty")
	ErrLocked   = errors.New("store is in use by another process")
	ErrFull     = errors.New("no space left on the device")
	ErrCorrupt  = errors.New("store file is damaged")
	ErrNewer    = errors.New("store was written by a newer version of the program")
	ErrSealed   = errors.New("store is sealed and no key, or a wrong one, was given")
	ErrNotOurs  = errors.New("file is not a store of this program")
)

// DamagedError says which value can't be read any more. It wraps ErrCorrupt. A scan that meets a damaged value stops with it; the
// caller may scan on from just after Key (just below it, going back), so that one bad value holds back nothing else (law L6).
type DamagedError struct {
	Space  Space
	Ledger syncengine.LedgerID
	Key    []byte // a copy
}

// Error returns a message that names the value. Keys hold ids and sequences only, so it betrays no content.
func (e *DamagedError) Error() string {
	return fmt.Sprintf("%v: value %x of %s in ledger %q", ErrCorrupt, e.Key, e.Space, e.Ledger)
}

// Unwrap returns ErrCorrupt.
func (e *DamagedError) Unwrap() error { return ErrCorrupt }
