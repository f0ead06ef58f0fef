package ledger

import (
	"bytes"
	"maps"
	"slices"

	"github.com/arpenteur/arpenteur/syncengine"
)

// Finder says by what records are found beside the attributes that their checklists name. It is pure, and says the same of the same
// record for ever: what it said is looked for when the record changes.
type Finder interface {
	// Words returns the words of a record, folded as those of a filter are; some may come more than once.
	Words(rec *syncengine.Record) []string
	// Position returns where the record itself lies, in degrees of WGS 84.
	Position(rec *syncengine.Record) (lat, lon float64, ok bool)
}

// Find makes the records of every ledger that k opens from now on be found by what f says, too. It is to be called before k is used.
func (k *Keeper) Find(f Finder) { k.finder = f }

// cellAttribute is the attribute of positions. No checklist can name one like it.
const cellAttribute = "\x01cell"

// indexed is one entry of the index.
type indexed struct{ key, value []byte }

// indexedBy returns the entries of the index that a record is found by, ascending by key, each key once. Those of cells hold the position.
func (l *Ledger) indexedBy(rec *syncengine.Record, violations []syncengine.Violation) []indexed {
	keys := attributes(rec, violations)
	out := make([]indexed, 0, len(keys)+4)
	for _, key := range keys {
		out = append(out, indexed{key, present})
	}
	if l.k.finder == nil || !rec.Present {
		return out
	}
	lat, lon, ok := l.k.finder.Position(rec)
	if !ok {
		return out
	}
	value, suffix := positionValue(lat, lon), recordKey(rec.Key)
	for _, c := range cellsAt(lat, lon) {
		out = append(out, indexed{indexKey(cellAttribute, c.name(), suffix), value})
	}
	slices.SortFunc(out, func(a, b indexed) int { return bytes.Compare(a.key, b.key) })
	return out
}

// keepIndex writes the difference between how a record was indexed and how it is now.
func (l *Ledger) keepIndex(before, now []indexed) error {
	old := make(map[string][]byte, len(before))
	for _, e := range before {
		old[string(e.key)] = e.value
	}
	for _, e := range now {
		value, known := old[string(e.key)]
		delete(old, string(e.key))
		if known && bytes.Equal(value, e.value) {
			continue
		}
		if err := l.w.Put(spaceIndex, l.id, e.key, e.value); err != nil {
			return err
		}
	}
	for _, key := range slices.Sorted(maps.Keys(old)) {
		if err := l.w.Delete(spaceIndex, l.id, []byte(key)); err != nil {
			return err
		}
	}
	return nil
}

// criterion is one thing that a filter asks for, as the index answers it.
type criterion struct {
	prefixes [][]byte                // a record is a candidate under any of them
	fits     func(value []byte) bool // nil: whatever the entry holds
}

// holds reports whether the index has a record under a criterion with one prefix.
func (l *Ledger) holds(c *criterion, suffix []byte) (bool, error) {
	value, err := l.r.Get(spaceIndex, l.id, append(bytes.Clone(c.prefixes[0]), suffix...))
	return value != nil && (c.fits == nil || c.fits(value)), err
}

// holdsAll reports whether the index has a record under each of some criteria with one prefix, and whether it has the words that are looked for;
// nil looks for none.
func (l *Ledger) holdsAll(list []criterion, words *search, suffix []byte) (bool, error) {
	for i := range list {
		if found, err := l.holds(&list[i], suffix); err != nil || !found {
			return false, err
		}
	}
	if words == nil {
		return true, nil
	}
	return l.holdsWords(words, suffix)
}

// criteria returns what the index can answer of a filter.
func (f *Filter) criteria() []criterion {
	var out []criterion
	for _, a := range slices.Sorted(maps.Keys(f.Where)) {
		out = append(out, criterion{prefixes: [][]byte{indexPrefix(a, f.Where[a])}})
	}
	if f.Box != nil {
		out = append(out, f.boxCriterion())
	}
	return out
}

// boxCriterion finds what lies in the box itself, and what names one of the places.
func (f *Filter) boxCriterion() criterion {
	var c criterion
	for _, at := range f.Box.cells() {
		c.prefixes = append(c.prefixes, indexPrefix(cellAttribute, at.name()))
	}
	for _, place := range f.Places {
		c.prefixes = append(c.prefixes, indexPrefix("place", place.String()))
	}
	c.fits = func(value []byte) bool {
		lat, lon, position := readPositionValue(value)
		return !position || f.Box.Contains(lat, lon)
	}
	return c
}

// matchesBox reports whether a record lies in the box of a filter: by itself, or where it has no position, by its place.
func (f *Filter) matchesBox(finder Finder, rec *syncengine.Record) bool {
	if f.Box == nil {
		return true
	}
	if finder == nil || !rec.Present {
		return false
	}
	if lat, lon, ok := finder.Position(rec); ok {
		return f.Box.Contains(lat, lon)
	}
	if rec.Checklist == nil {
		return false
	}
	place := rec.Field(rec.Checklist.Index["place"])
	return place != nil && slices.ContainsFunc(f.Places, func(id syncengine.RecordID) bool { return text(place.Shown) == id.String() })
}

// Inside returns the records of a kind whose own position lies in a box, ascending by id, by the index alone.
func (l *Ledger) Inside(kind syncengine.Kind, box *Box) ([]syncengine.RecordID, error) {
	f := Filter{Box: box}
	c := f.boxCriterion()
	var out []syncengine.RecordID
	err := l.candidates(&c, kind, nil, func(suffix []byte) (bool, error) {
		key, err := readRecordKey(suffix)
		out = append(out, key.ID)
		return true, err
	})
	return out, err
}
