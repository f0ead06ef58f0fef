// Package storetest proves that a store keeps the contract of package store.
//
// [Memory] is the naive oracle: sorted slices, copied when they are written. It is slow and obviously right, and it is also the
// store that simulations run on, since it can fail a commit on demand, run every function twice, and go back to an earlier state.
//
// [Run] is the conformance suite. Each backend calls it from one test of its own:
//
//	func TestItIsAStore(t *testing.T) {
//		storetest.Run(t, func(t testing.TB) store.Store { ... })
//	}
//
// It holds tables for the corners of the contract, a property test that runs random transactions against the backend and the oracle
// and compares every answer and then the whole content byte for byte, and tests with many goroutines. A durable backend uses
// [Backend] instead, so that the suite can also close and open it again.
package storetest
