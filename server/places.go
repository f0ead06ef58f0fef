package server

import (
	"bytes"
	"cmp"
	"encoding/json"
	"math"
	"net/http"
	"slices"
	"strconv"

	"github.com/google/uuid"
	"github.com/gorilla/mux"

	"github.com/arpenteur/arpenteur/schemas"
	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/ledger"
	"github.com/arpenteur/arpenteur/syncengine/store"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// maxPlaces bounds what one request makes.
const maxPlaces = 2000

// placeOrder asks for a place, with those in it.
type placeOrder struct {
	ID       uuid.UUID       `json:"id"` // optional: a place that is there already is left as it is
	Type     string          `json:"type"`
	Name     string          `json:"name"`
	Parent   uuid.UUID       `json:"parent"` // of the outermost ones; inner ones lie in the one around them
	Rank     *float64        `json:"rank"`
	Floor    *int            `json:"floor"`
	Planned  *bool           `json:"planned"`
	Position json.RawMessage `json:"position"` // {"lat":…,"lon":…}, WGS 84
	Children []placeOrder    `json:"children"`
}

// madePlace is a place that was made, or was there.
type madePlace struct {
	ID       uuid.UUID   `json:"id"`
	Children []madePlace `json:"children,omitempty"`
}

// madePlaces is what a request made, in the shape of its order.
type madePlaces struct {
	Places []madePlace `json:"places"`
}

// makePlaces is POST /v1/diagnostics/{id}/places: one place or an array of them, each with those in it. All are made or none.
func (s *Server) makePlaces(c *call) error {
	raw, err := readBody(c.w, c.Request)
	if err != nil {
		return err
	}
	var orders []placeOrder
	if bytes.HasPrefix(bytes.TrimSpace(raw), []byte("[")) {
		err = decodeJSON(raw, &orders)
	} else {
		orders = make([]placeOrder, 1)
		err = decodeJSON(raw, &orders[0])
	}
	if err != nil {
		return err
	}
	if n := countPlaces(orders); n == 0 || n > maxPlaces {
		return wire.Problemf(wire.CodeInvalid, "from 1 to %d places can be made at once, not %d", maxPlaces, n)
	}
	d, err := s.namedDiagnostic(c)
	if err != nil {
		return err
	}
	var made []madePlace
	err = s.edit(c.Context(), d.Ledger, func(l *ledger.Ledger, _ store.Writer) (err error) {
		b := placeBuilder{s: s, l: l}
		if made, err = b.add(orders, uuid.Nil); err != nil {
			return err
		}
		if _, err := s.commit(l, c.who.Account, b.drafts...); err != nil {
			return err
		}
		if err := l.Settle(); err != nil {
			return err
		}
		return refusedNotes(l, true)
	})
	if err != nil {
		return err
	}
	return c.answer(http.StatusCreated, madePlaces{made})
}

func countPlaces(orders []placeOrder) int {
	n := len(orders)
	for i := range orders {
		n += countPlaces(orders[i].Children)
	}
	return n
}

// namedDiagnostic returns the diagnostic that the address names, where it is open to the person.
func (s *Server) namedDiagnostic(c *call) (*Diagnostic, error) {
	id, ok := parseUUID(mux.Vars(c.Request)["id"])
	if !ok {
		return nil, wire.Problemf(wire.CodeNotFound, "there is no such diagnostic")
	}
	return s.diagnostic(c, id)
}

// placeBuilder turns orders into drafts.
type placeBuilder struct {
	s      *Server
	l      *ledger.Ledger
	drafts []*draft
}

func (b *placeBuilder) add(orders []placeOrder, parent uuid.UUID) ([]madePlace, error) {
	out := make([]madePlace, 0, len(orders))
	for i := range orders {
		o := &orders[i]
		if parent != uuid.Nil {
			if o.Parent != uuid.Nil {
				return nil, wire.Problemf(wire.CodeInvalid, "a place within another one lies in that; leave out its parent")
			}
			o = &placeOrder{ID: o.ID, Type: o.Type, Name: o.Name, Parent: parent, Rank: o.Rank, Floor: o.Floor, Planned: o.Planned, Position: o.Position, Children: o.Children}
		}
		id, err := b.one(o)
		if err != nil {
			return nil, err
		}
		children, err := b.add(o.Children, id)
		if err != nil {
			return nil, err
		}
		out = append(out, madePlace{id, children})
	}
	return out, nil
}

// one drafts one place and returns its id.
func (b *placeBuilder) one(o *placeOrder) (uuid.UUID, error) {
	key := syncengine.RecordKey{Kind: schemas.Place, ID: o.ID}
	if o.ID != uuid.Nil {
		if known, err := b.l.Record(key); err != nil || known != nil {
			return o.ID, err
		}
	} else {
		id, err := b.s.newID()
		if err != nil {
			return id, err
		}
		key.ID = id
	}
	values, err := o.values()
	if err != nil {
		return key.ID, err
	}
	b.drafts = append(b.drafts, &draft{key: key, lineage: string(schemas.Place), values: values})
	return key.ID, nil
}

// values returns what is known of a place, by path.
func (o *placeOrder) values() (map[syncengine.Path]syncengine.Value, error) {
	given := map[syncengine.Path]any{}
	if o.Type != "" {
		given["/type"] = o.Type
	}
	if o.Name != "" {
		given["/name"] = o.Name
	}
	if o.Parent != uuid.Nil {
		given["/parent"] = o.Parent.String()
	}
	if o.Rank != nil {
		given["/rank"] = *o.Rank
	}
	if o.Floor != nil {
		given["/floor"] = *o.Floor
	}
	if o.Planned != nil {
		given["/planned"] = *o.Planned
	}
	values := map[syncengine.Path]syncengine.Value{}
	for path, v := range given {
		value, err := wire.EncodeValue(v)
		if err != nil {
			return nil, err
		}
		values[path] = value
	}
	if o.Position != nil {
		values["/position"] = syncengine.Value(o.Position)
	}
	return values, nil
}

// placeView is a place of the tree.
type placeView struct {
	ID       uuid.UUID               `json:"id"`
	Type     string                  `json:"type"`
	Name     string                  `json:"name,omitempty"`
	Planned  bool                    `json:"planned,omitempty"`
	Notices  []syncengine.NoticeCode `json:"notices,omitempty"`
	Conflict bool                    `json:"conflict,omitempty"`
	Children []*placeView            `json:"children,omitempty"`
	rank     float64                 // in the order of visit; those without one come last
}

// placeForest is the place tree from its roots.
type placeForest struct {
	Places []*placeView `json:"places"`
}

// listPlaces is GET /v1/diagnostics/{id}/places: the place tree, with what is wrong with it. It holds no other records.
func (s *Server) listPlaces(c *call) error {
	d, err := s.namedDiagnostic(c)
	if err != nil {
		return err
	}
	var roots []*placeView
	err = s.Store.View(c.Context(), func(r store.Reader) error {
		l, err := s.keeper.View(r, d.Ledger)
		if err != nil {
			return err
		}
		tree, err := s.tree(l, r)
		if err != nil {
			return err
		}
		views := map[uuid.UUID]*placeView{}
		err = l.List(ledger.Filter{Kind: syncengine.PlaceKind}, nil, func(m *ledger.Merged) (bool, error) {
			if m.Present && m.Checklist != nil {
				views[m.Key.ID] = &placeView{
					ID: m.Key.ID, Type: shownText(m, m.Checklist.Index["type"]), Name: shownText(m, "/name"),
					Planned: shownTrue(m, "/planned"), Conflict: len(m.Conflicts()) > 0, rank: rankOf(m),
				}
			}
			return true, nil
		})
		roots = hangViews(tree, views)
		return err
	})
	if err != nil {
		return err
	}
	return c.answer(http.StatusOK, placeForest{roots})
}

func shownTrue(m *ledger.Merged, path syncengine.Path) bool {
	f := m.Field(path)
	return f != nil && f.Shown == syncengine.True
}

// rankOf returns the place of a record in the order of visit.
func rankOf(m *ledger.Merged) float64 {
	if f := m.Field("/rank"); f != nil {
		if n, err := strconv.ParseFloat(string(f.Shown), 64); err == nil {
			return n
		}
	}
	return math.Inf(1)
}

// hangViews puts views into the shape of the tree, siblings by rank, then id.
func hangViews(tree *syncengine.PlaceTree, views map[uuid.UUID]*placeView) []*placeView {
	for _, id := range tree.Orphans {
		if v := views[id]; v != nil {
			v.Notices = append(v.Notices, syncengine.OrphanPlace)
		}
	}
	for _, id := range tree.Cut {
		if v := views[id]; v != nil {
			v.Notices = append(v.Notices, syncengine.PlaceCycle)
		}
	}
	roots := []*placeView{}
	for parent, children := range tree.Children {
		for _, id := range children {
			v := views[id]
			switch above := views[parent]; {
			case v == nil:
			case above != nil:
				above.Children = append(above.Children, v)
			default:
				roots = append(roots, v)
			}
		}
	}
	for _, v := range views {
		sortPlaces(v.Children)
	}
	sortPlaces(roots)
	return roots
}

func sortPlaces(list []*placeView) {
	slices.SortFunc(list, func(a, b *placeView) int {
		return cmp.Or(cmp.Compare(a.rank, b.rank), slices.Compare(a.ID[:], b.ID[:]))
	})
}
