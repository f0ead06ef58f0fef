package syncengine

import (
	"bytes"
	"slices"
)

// PlaceLink is what a place record says of where it hangs: the id of its parent, or the zero id at the root.
type PlaceLink struct {
	ID, Parent RecordID
}

// PlaceTree is the tree that place links make, whatever they say: every place is in it once and below no cycle.
type PlaceTree struct {
	Children map[RecordID][]RecordID // by parent, each list ascending; the zero id holds the roots
	Parent   map[RecordID]RecordID   // the parent that counts; the zero id for roots
	Orphans  []RecordID              // hung at the root because their parent is not held or absent; ascending
	Cut      []RecordID              // hung at the root because they closed a cycle; ascending
}

// NewPlaceTree hangs places into a tree. Of each cycle the place with the smallest id is cut off and hung at the root, and so is a
// place whose parent is not there: both for review. The result does not depend on the order of links; a place named twice keeps
// the link with the smaller parent. The zero id is the root and can't be a place: a link of it is left out.
func NewPlaceTree(links []PlaceLink) *PlaceTree {
	t := &PlaceTree{Children: map[RecordID][]RecordID{}, Parent: make(map[RecordID]RecordID, len(links))}
	for _, l := range links {
		known, twice := t.Parent[l.ID]
		if l.ID != (RecordID{}) && (!twice || compareRecordIDs(l.Parent, known) < 0) {
			t.Parent[l.ID] = l.Parent
		}
	}
	ids := make([]RecordID, 0, len(t.Parent))
	for id, parent := range t.Parent {
		ids = append(ids, id)
		if _, ok := t.Parent[parent]; !ok && parent != (RecordID{}) {
			t.Orphans = append(t.Orphans, id)
			t.Parent[id] = RecordID{}
		}
	}
	slices.SortFunc(ids, compareRecordIDs)
	t.cutCycles(ids)
	for _, id := range ids {
		t.Children[t.Parent[id]] = append(t.Children[t.Parent[id]], id)
	}
	slices.SortFunc(t.Orphans, compareRecordIDs)
	return t
}

// cutCycles walks up from each place, smallest first. A walk that comes back to a place of its own has found a cycle; the smallest
// of the cycle is where the first such walk meets it, unless the walk entered from below, so the cycle is searched for it.
func (t *PlaceTree) cutCycles(ids []RecordID) {
	done := make(map[RecordID]bool, len(ids))
	for _, start := range ids {
		path := map[RecordID]bool{}
		at := start
		for at != (RecordID{}) && !done[at] && !path[at] {
			path[at] = true
			at = t.Parent[at]
		}
		if path[at] {
			smallest := at
			for next := t.Parent[at]; next != at; next = t.Parent[next] {
				if compareRecordIDs(next, smallest) < 0 {
					smallest = next
				}
			}
			t.Cut = append(t.Cut, smallest)
			t.Parent[smallest] = RecordID{}
		}
		for id := range path {
			done[id] = true
		}
	}
	slices.SortFunc(t.Cut, compareRecordIDs)
}

// Under reports whether place lies at or below ancestor.
func (t *PlaceTree) Under(place, ancestor RecordID) bool {
	for place != (RecordID{}) {
		if place == ancestor {
			return true
		}
		place = t.Parent[place]
	}
	return false
}

func compareRecordIDs(a, b RecordID) int { return bytes.Compare(a[:], b[:]) }
