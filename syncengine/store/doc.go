// Package store says what the merge engine, the server and the tablet ask of the place where they keep their bytes, and no more:
// an ordered map of bytes with atomic, durable transactions.
//
// # Shape
//
// A key lives in a [Space] (a kind of thing: lines, values, receipts) of one ledger. Within one space of one ledger keys are
// ordered by bytes, never by a collation. What a key or a value means is the business of the packages above; all policy, all
// permission checks and all merging sit there too, so that a backend has nothing to write a second time (law L12).
//
// # Transactions
//
// A [Store] has two of them. View shows fn one consistent state, whatever is written meanwhile. Update runs fn over the newest state
// and keeps all of its writes or none; once it returns nil they are durable (law L1). Three rules let a backend be fast and let one
// suite test them all:
//
//   - fn may be run again, so it has no side effect but its writes, and sets its results anew each time.
//   - concurrent updates may share one commit, so that many pushes cost one sync; an fn that fails fails alone.
//   - fn must not call the store that runs it: a backend may hold locks while fn runs.
//
// # Errors
//
// The errors of this package are a closed set; each comes wrapped with what happened and, where a person can do something, with what
// to do. Errors that fn returns come back as they are. A damaged value holds back nothing but itself (law L6): see [DamagedError].
//
// # Backends
//
// boltstore keeps a store in one bbolt file: the tablet, and the server's embedded default. pgstore keeps it in PostgreSQL. seal wraps
// any store and encrypts its values. storetest holds the conformance suite that every one of them passes, and the naive in-memory
// oracle that they are compared with, byte for byte.
package store
