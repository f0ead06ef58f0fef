package imports

import (
	"io"

	"github.com/arpenteur/arpenteur/syncengine"
)

// Kind is what a file holds.
type Kind string

// The kinds of imports.
const (
	Outlines    Kind = "outlines"    // neighbourhoods with their outlines, GeoJSON
	Places      Kind = "places"      // a tree of places, CSV
	Actors      Kind = "actors"      // organisations, CSV
	Inspections Kind = "inspections" // earlier inspections, CSV with a mapping
)

// Kinds returns every kind of import, in the order in which a diagnostic is prepared.
func Kinds() []Kind { return []Kind{Outlines, Places, Actors, Inspections} }

// File is what is imported. It is read in pieces, and more than once.
type File struct {
	io.ReaderAt
	Size int64 // in bytes
}

// Record is what a row says of one record: values by path, canonically encoded. Paths that it doesn't name are left as they are.
type Record struct {
	Key     syncengine.RecordKey
	Lineage string // its checklist; the kind's own name for all but observations
	Values  map[syncengine.Path]syncengine.Value
	// Name is what the row calls the record: the code of a neighbourhood.
	Name string
	// Ensure says that the row only needs the record to be there: one that is there already is left as it is.
	Ensure bool
}

// size is about how much a record weighs in a batch.
func (r *Record) size() int {
	n := 256
	for path, v := range r.Values {
		n += len(path) + len(v)
	}
	return n
}

// Row is one row or feature of a file.
type Row struct {
	Line    int // where it begins in the file, from 1
	Records []Record
	Remarks []Remark
}

// refused reports whether the row is not to be taken.
func (r *Row) refused() bool {
	for i := range r.Remarks {
		if r.Remarks[i].Outcome == Refused {
			return true
		}
	}
	return false
}

func (r *Row) size() int {
	n := 0
	for i := range r.Records {
		n += r.Records[i].size()
	}
	return n
}

// Outcome is what becomes of a row.
type Outcome string

// The outcomes.
const (
	New       Outcome = "new"       // some record of it was made
	Changed   Outcome = "changed"   // none was made, some was edited
	Unchanged Outcome = "unchanged" // all is there as the row says
	Kept      Outcome = "kept"      // somebody edited or deleted since: left alone
	Refused   Outcome = "refused"   // not taken; the row's remarks say why
	// Noted is the outcome of a remark alone: the row is taken, and something is to be said of it.
	Noted Outcome = "noted"
)
