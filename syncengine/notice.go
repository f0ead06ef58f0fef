package syncengine

import (
	"cmp"
	"slices"
)

// NoticeCode is the stable code of a derived notice.
type NoticeCode string

// The notices.
const (
	DanglingPlace NoticeCode = "dangling_place" // a record names a place that is not there
	OrphanPlace   NoticeCode = "orphan_place"   // a place hangs below one that is not there
	PlaceCycle    NoticeCode = "place_cycle"    // a place was cut out of a cycle
	WrongPlace    NoticeCode = "wrong_place"    // a record is about a type of place that its checklist is not for
)

// Notice is something that the records of a ledger say together and that no single record can break. Notices are derived, the same
// on tablet and server, and never change what is effective.
type Notice struct {
	Code   NoticeCode
	Record RecordKey
	Place  RecordID // the place concerned; the missing parent of an orphan
}

// PlaceFact is what a place record says that notices need.
type PlaceFact struct {
	PlaceLink
	Type string
}

// PlaceUse is one record that names a place. Types are the types of place its checklist is for; none means any.
type PlaceUse struct {
	Record RecordKey
	Place  RecordID
	Types  []string
}

// PlaceKind is the kind of the records that form the place tree.
const PlaceKind Kind = "place"

// Notices derives the notices of a ledger from its places and from the records that name one. The order of the arguments does not
// matter; of a place given twice the fact with the smaller parent counts, then the one with the smaller type.
func Notices(places []PlaceFact, uses []PlaceUse) []Notice {
	links := make([]PlaceLink, 0, len(places))
	facts := make(map[RecordID]PlaceFact, len(places))
	for _, p := range places {
		links = append(links, p.PlaceLink)
		if known, twice := facts[p.ID]; !twice || cmp.Or(compareRecordIDs(p.Parent, known.Parent), cmp.Compare(p.Type, known.Type)) < 0 {
			facts[p.ID] = p
		}
	}
	tree := NewPlaceTree(links)
	var out []Notice
	for _, id := range tree.Orphans {
		out = append(out, Notice{OrphanPlace, RecordKey{PlaceKind, id}, facts[id].Parent})
	}
	for _, id := range tree.Cut {
		out = append(out, Notice{PlaceCycle, RecordKey{PlaceKind, id}, facts[id].Parent})
	}
	for _, u := range uses {
		place, there := facts[u.Place]
		switch {
		case !there:
			out = append(out, Notice{DanglingPlace, u.Record, u.Place})
		case len(u.Types) > 0 && !slices.Contains(u.Types, place.Type):
			out = append(out, Notice{WrongPlace, u.Record, u.Place})
		}
	}
	slices.SortFunc(out, func(a, b Notice) int {
		return cmp.Or(cmp.Compare(a.Code, b.Code), cmp.Compare(a.Record.Kind, b.Record.Kind), compareRecordIDs(a.Record.ID, b.Record.ID), compareRecordIDs(a.Place, b.Place))
	})
	return out
}
