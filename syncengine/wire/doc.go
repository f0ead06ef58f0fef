// Package wire is the one home of the protocol in code: how changes are encoded, hashed, chained, signed, sent and refused.
// docs/PROTOCOL.md is the contract; testdata/vectors lets other implementations check themselves against it.
package wire
