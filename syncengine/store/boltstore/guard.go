package boltstore

import (
	"runtime"
	"runtime/debug"
)

// bbolt trusts its file: on a damaged one it panics, or follows a pointer out of the mapped file, which is a memory fault. Everything
// here that touches bbolt therefore runs between panicOnFault and a deferred recover, and the damage comes out as store.ErrCorrupt.

// panicOnFault makes memory faults of this goroutine panics that can be recovered, instead of the end of the process. It returns the
// function that sets the former behaviour again.
func panicOnFault() (restore func()) {
	before := debug.SetPanicOnFault(true)
	return func() { debug.SetPanicOnFault(before) }
}

// isFault reports whether a recovered panic is a memory fault at an address: reading a mapped page that the file does not have. The
// dereference of a nil pointer is none.
func isFault(panicked any) bool {
	err, ok := panicked.(runtime.Error)
	if !ok {
		return false
	}
	_, ok = err.(interface{ Addr() uintptr })
	return ok
}

// guard turns a panic of bbolt into an ErrCorrupt in *err. It must be deferred directly, around calls of bbolt only.
func guard(err *error) {
	if panicked := recover(); panicked != nil {
		*err = damaged("%v", panicked)
	}
}
