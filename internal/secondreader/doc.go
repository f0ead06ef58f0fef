// Package secondreader runs the second implementation of the protocol in tests.
//
// syncengine/wire/testdata/reader is a reader in JavaScript for Node.js, without dependencies, written from docs/PROTOCOL.md. What it and
// our code both make of the same bytes is what the page says; where they differ, one of the three is wrong. The tests of package wire give
// it the vectors, and bytes made at random; those of the core the merge scripts, and records drawn at random; those of clientsdk files
// for USB sticks.
package secondreader
