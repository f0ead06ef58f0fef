// Package wire is the one home of the protocol in code: how changes are encoded, hashed, chained, signed, sent, and refused.
// docs/PROTOCOL.md is the contract, section numbers below are its own; testdata/vectors lets implementations in other languages
// check themselves. Everything here is a pure function of its arguments, but for Reader and Writer, which do I/O on what they are given.
// There is no clock; salts and keys are passed in.
//
// # From a form to a signed log
//
// An author fills in a syncengine.Header, with a value for each path it writes, and NewLine makes a Line of it: it sorts, checks
// every limit, and computes the root over the leaves and the change id (section 3).
//
//	value --LeafHash--> leaf --Root--> root --AppendHeader--> header --SHA-256--> change id --ChainNext--> chain --SignHead--> head
//
// The id names the change for ever. It doesn't depend on who carries it, nor on whether the values are still held: Line.Redact and
// Line.Strip give a line with fewer values and the same id, Line.Fill puts values back from any other holder's line, since they are
// bound to the id (law L9). A Line of an unknown format, or a ruling of an unknown type, keeps its bytes and so its id.
//
// Lines are numbered into the log of a replica, and the chain hash after a line stands for all before it. The author signs a head
// over it; a Run is lines and the head after the last (section 4). RunSize says where runs end.
//
// # From a body to verified lines
//
// A Reader takes a body apart into frames within limits (section 5). It judges each frame alone: a *FrameError refuses one and the
// next call goes on (law L6). A Run comes out with its lines still as bytes. The receiver decodes them with Run.DecodeLine, several at
// once if it likes and under no lock, and then calls Run.Verify with the chain hash that it holds: one signature covers the whole run
// (law L8). Only then may it keep anything.
//
//	r := wire.NewReader(body, wire.Limits{})
//	defer r.Close()
//	for {
//		frame, err := r.Next() // *Hello, *Run, *Have, ..., *End
//		...
//	}
//
// Writer is the other way round. It flushes after each run, so that what arrives before a cut is whole.
//
// # Canonical JSON
//
// Everything hashed, signed or stored has exactly one encoding (section 2). Decoders don't encode again to compare: they pull what
// comes next in canonical order from a scanner that accepts nothing else, so that accepted bytes are canonical by construction. It
// also costs less. Canonical brings any JSON to that form, EncodeValue any Go value, and Check judges bytes.
//
// # Refusals
//
// Every error of this package has a Code, out of the closed set of section 8; CodeOf finds it in any chain of errors, and one table
// gives its HTTP status, and in English and French what it means and what to do. Error texts begin without a capital, end without a
// full stop, and are fit to be sent to whoever sent the bytes.
//
// # Ownership
//
// Results of DecodeLine refer to nothing of the caller's. Frames refer to the memory that they were decoded from, which is theirs when
// they come from a Reader. Lines, changes and frames are immutable once made, and shared freely; AppendX functions write to the slice
// that they are given and keep no reference to it.
package wire
