package syncengine

import (
	"cmp"
	"slices"
)

// Limits of a change, enforced at its author's commit and again by every receiver. They are constants of the protocol.
const (
	MaxHeaderBytes = 256 << 10 // of the header's canonical encoding
	MaxOverIDs     = 4096      // ids in all `over` lists of a change together
	MaxWrites      = 2048      // paths of a change
	MaxValueBytes  = 512 << 10 // of all values of a change together, canonically encoded
)

// FormatVersion is the version of change headers that this engine writes and fully understands.
// A header of another version is kept as it is and stays pending.
const FormatVersion = 1

// Value is the canonical JSON encoding of the value of one register. The empty Value means that the value is not held: it was
// stripped, refused or redacted.
type Value string

// The canonical values that the engine itself writes and compares.
const (
	Null  Value = "null"
	True  Value = "true"
	False Value = "false"
)

// Write is what a change does to one register: it sets the value, and replaces those values of the register that the changes in
// Over wrote. Over lists only what the form had shown to the author (law L3), in ascending order.
type Write struct {
	Path  Path
	Over  []ChangeID
	Value Value
}

// Header is the part of a change that its id commits to and that every holder keeps for ever. Writes hold the paths and Over lists
// of the header; their values lie beside it and are bound to it by Root.
type Header struct {
	Format    int
	Ledger    LedgerID // zero in a genesis
	Kind      Kind
	Record    RecordID
	Checklist VersionID // zero in a genesis and in a ruling
	Author    AccountID
	Time      int64 // the author's clock, milliseconds since 1970 UTC; orders concurrent survivors for display, decides nothing (law L7)
	At        AuthorityPoint
	Writes    []Write // ascending by path, no path twice
	Root      Hash    // over the leaf hashes of Writes, in order
	Ruling    *Ruling // only in a ruling
	Genesis   *Genesis
}

// Change is one atomic edit of one record, named by the hash of its header: the only unit that is stored, sent and merged.
// A Change is immutable once built; holders share it freely.
type Change struct {
	ID ChangeID
	Header
}

// Key returns the record that the change edits.
func (h *Header) Key() RecordKey { return RecordKey{Kind: h.Kind, ID: h.Record} }

// Write returns the write at path, or nil.
func (h *Header) Write(path Path) *Write {
	i, found := slices.BinarySearchFunc(h.Writes, path, func(w Write, p Path) int { return cmp.Compare(w.Path, p) })
	if !found {
		return nil
	}
	return &h.Writes[i]
}

// Position is a place in a log of one ledger: the replica that wrote the log and the sequence of the line, counted from 1.
type Position struct {
	Replica ReplicaID
	Seq     uint64
}

// Envelope says that the log of a replica holds a change at a position. One change may lie in several envelopes, for instance
// after its author's tablet was restored and took a new replica id.
type Envelope struct {
	Position
	Chain Hash // the log's chain hash after this line
}

// Head is how far a log is held: its last sequence and the chain hash there. The zero Head is an empty log.
type Head struct {
	Seq   uint64
	Chain Hash
}

// Genesis is what the first line of a ledger fixes for ever.
type Genesis struct {
	Root        []byte   // Ed25519 public key that certifies the authority's incarnations
	Authority   []byte   // Ed25519 public key of the first incarnation
	Certificate [64]byte // the root key's signature over Authority
}
