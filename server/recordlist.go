package server

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/arpenteur/arpenteur/schemas"
	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/ledger"
)

// recordRow is a merged record in a list.
type recordRow struct {
	Kind       syncengine.Kind      `json:"kind"`
	ID         syncengine.RecordID  `json:"id"`
	Checklist  string               `json:"checklist,omitempty"` // its lineage
	Version    syncengine.VersionID `json:"version"`
	Domain     string               `json:"domain,omitempty"`
	States     []ledger.RecordState `json:"states"`
	Conflicts  []syncengine.Path    `json:"conflicts,omitempty"` // that a person must decide
	Differs    []syncengine.Path    `json:"differs,omitempty"`   // where survivors differ: "deux valeurs"
	Violations []violationView      `json:"violations,omitempty"`
	Changes    int                  `json:"changes"`
	Document   json.RawMessage      `json:"document"` // null where the record is absent
}

// recordPage is a page of a list of records.
type recordPage struct {
	Records []*recordRow `json:"records"`
	Next    string       `json:"next,omitempty" doc:"cursor of the page behind this one; left out on the last"`
}

func rowOf(m *ledger.Merged) *recordRow {
	row := &recordRow{
		Kind: m.Key.Kind, ID: m.Key.ID, States: m.States, Conflicts: m.Conflicts(), Differs: differing(m), Violations: violations(m),
		Changes: m.Changes, Document: m.AppendDocument(nil),
	}
	if list := m.Checklist; list != nil {
		row.Checklist, row.Version, row.Domain = list.Lineage, list.Version, list.Domain
	}
	return row
}

// differing returns the paths whose survivors differ.
func differing(m *ledger.Merged) []syncengine.Path {
	var out []syncengine.Path
	for i := range m.Fields {
		if m.Fields[i].Differs {
			out = append(out, m.Fields[i].Path)
		}
	}
	return out
}

// violationView is a rule that a record breaks.
type violationView struct {
	Path  syncengine.Path `json:"path"`
	Rule  string          `json:"rule"`
	Label string          `json:"label,omitempty"` // in the reader's language; in the view of one record
}

func violations(m *ledger.Merged) []violationView {
	out := make([]violationView, 0, len(m.Violations))
	for _, v := range m.Violations {
		out = append(out, violationView{Path: v.Path, Rule: v.Rule})
	}
	return out
}

// listRecords is GET /v1/ledgers/{ledger}/records.
func (s *Server) listRecords(c *call) error {
	q, err := parseQuery(c.URL.Query())
	if err != nil {
		return err
	}
	var rows []*recordRow
	var next string
	err = s.reading(c, func(l *reached) error {
		rows, next = []*recordRow{}, ""
		var last cursor
		return s.walk(l, c.who, q, func(m *ledger.Merged, at cursor) (bool, error) {
			if len(rows) == q.limit {
				next = last.String()
				return false, nil
			}
			rows, last = append(rows, rowOf(m)), at
			return true, nil
		})
	})
	if err != nil {
		return err
	}
	return c.answer(http.StatusOK, recordPage{rows, next})
}

// walk calls fn with each record that a query wants, behind its cursor, in an order that stays while records are added: by kind, then
// id; where a subtree is asked for, place by place. Absent records come only when they or their state are asked for.
func (s *Server) walk(l *reached, who *Person, q *query, fn func(m *ledger.Merged, at cursor) (bool, error)) error {
	_, states := q.Where["state"]
	visit := func(m *ledger.Merged, at cursor) (bool, error) {
		gone := !states && !q.gone && slices.Contains(m.States, ledger.StateAbsent)
		if gone || !schemas.MayRead(who.Role, m.Key.Kind) {
			return true, nil
		}
		return fn(m, at)
	}
	if q.Box != nil && q.Kind != syncengine.PlaceKind {
		home, err := s.placesOf(l)
		if err != nil {
			return err
		}
		if q.Places, err = home.Inside(syncengine.PlaceKind, q.Box); err != nil {
			return err
		}
	}
	if q.under == uuid.Nil {
		return l.List(q.Filter, q.from.start(), func(m *ledger.Merged) (bool, error) { return visit(m, cursor{key: m.Key}) })
	}
	tree, err := s.placeTree(l)
	if err != nil {
		return err
	}
	if place, asked := q.Where["place"]; asked {
		if id, _ := parseUUID(place); !tree.Under(id, q.under) {
			return nil
		}
	}
	places := subtree(tree, q.under)
	if q.Kind == syncengine.PlaceKind {
		return walkPlaces(l, q, places, visit)
	}
	return walkUnder(l, q, places, visit)
}

// subtree returns a place and all below it, ascending by id.
func subtree(tree *syncengine.PlaceTree, root uuid.UUID) []uuid.UUID {
	out := []uuid.UUID{root}
	for i := 0; i < len(out); i++ {
		out = append(out, tree.Children[out[i]]...)
	}
	slices.SortFunc(out, func(a, b uuid.UUID) int { return slices.Compare(a[:], b[:]) })
	return out
}

// from returns the index of the first place that is not before the cursor.
func behind(places []uuid.UUID, at uuid.UUID) int {
	i, _ := slices.BinarySearchFunc(places, at, func(a, b uuid.UUID) int { return slices.Compare(a[:], b[:]) })
	return i
}

// walkPlaces visits places themselves.
func walkPlaces(l *reached, q *query, places []uuid.UUID, visit func(*ledger.Merged, cursor) (bool, error)) error {
	for _, id := range places[behind(places, q.from.key.ID):] {
		key := syncengine.RecordKey{Kind: syncengine.PlaceKind, ID: id}
		if key == q.from.key {
			continue
		}
		m, err := l.Record(key)
		if err != nil {
			return err
		}
		if m == nil || !l.Matches(m, q.Filter) {
			continue
		}
		if more, err := visit(m, cursor{key: key}); err != nil || !more {
			return err
		}
	}
	return nil
}

// walkUnder visits the records of each place. A record whose place is contested comes once, with the first of its places.
func walkUnder(l *reached, q *query, places []uuid.UUID, visit func(*ledger.Merged, cursor) (bool, error)) error {
	inside := make(map[string]bool, len(places))
	for _, id := range places {
		inside[`"`+id.String()+`"`] = true
	}
	asked := q.Where["place"]
	start := q.from.start()
	for _, place := range places[behind(places, q.from.place):] {
		if place != q.from.place {
			start = nil
		}
		name := place.String()
		if asked != "" && asked != name {
			continue
		}
		f := q.Filter
		f.Where = maps.Clone(q.Where)
		f.Where["place"] = name
		more := true
		err := l.List(f, start, func(m *ledger.Merged) (_ bool, err error) {
			if asked == "" && firstPlace(m, inside) != name {
				return true, nil
			}
			more, err = visit(m, cursor{place, m.Key})
			return more, err
		})
		if err != nil || !more {
			return err
		}
	}
	return nil
}

// firstPlace returns the least of the places that a record's survivors name and that are asked for.
func firstPlace(m *ledger.Merged, inside map[string]bool) string {
	var first string
	f := m.Field(m.Checklist.Index["place"])
	for i := range f.Survivors {
		if v := string(f.Survivors[i].Value); inside[v] && (first == "" || v < first) {
			first = v
		}
	}
	return strings.Trim(first, `"`)
}
