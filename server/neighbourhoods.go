package server

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/gorilla/mux"

	"github.com/arpenteur/arpenteur/schemas"
	"github.com/arpenteur/arpenteur/server/imports"
	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/store"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// neighbourhood is one entry of the list that diagnostics are ordered from. It belongs to no diagnostic: ordering one copies it into the
// ledger, as a record with the same id in each. Its outline is kept beside it.
type neighbourhood struct {
	Values map[syncengine.Path]syncengine.Value `json:"values"` // of the record, but for the outline
	Box    imports.Box                          `json:"box"`    // around the outline
	Search string                               `json:"search"` // code, name and communes, folded
}

// neighbourhoodView is a neighbourhood as people read it.
type neighbourhoodView struct {
	Code        string          `json:"code"`
	CodeVersion string          `json:"code_version"`
	Name        string          `json:"name,omitempty"`
	Communes    []string        `json:"communes"`
	BBox        imports.Box     `json:"bbox"` // west, south, east, north
	Outline     json.RawMessage `json:"outline,omitempty"`
}

// neighbourhoodPage is a page of the list that diagnostics are ordered from.
type neighbourhoodPage struct {
	Neighbourhoods []*neighbourhoodView `json:"neighbourhoods"`
	Next           string               `json:"next,omitempty" doc:"cursor of the page behind this one; left out on the last"`
}

// communes returns the INSEE codes of the communes, the first one first.
func (n *neighbourhood) communes() []string {
	out := []string{textOf(n.Values["/commune"])}
	for _, path := range slices.Sorted(maps.Keys(n.Values)) {
		if strings.HasPrefix(string(path), "/other_communes/") && strings.HasSuffix(string(path), "/commune") {
			out = append(out, textOf(n.Values[path]))
		}
	}
	return out
}

// textOf returns the string that a value is, empty for any other.
func textOf(v syncengine.Value) string {
	decoded, _ := wire.DecodeValue(v)
	text, _ := decoded.(string)
	return text
}

func (n *neighbourhood) view(code string) *neighbourhoodView {
	return &neighbourhoodView{
		Code: code, CodeVersion: textOf(n.Values["/code_version"]), Name: textOf(n.Values["/name"]), Communes: n.communes(), BBox: n.Box,
	}
}

// findNeighbourhood reads an entry of the list and its outline, nil where the code is not in it.
func findNeighbourhood(r store.Reader, code string) (*neighbourhood, syncengine.Value, error) {
	n := new(neighbourhood)
	if code == "" || len(code) > store.MaxKeyBytes {
		return nil, "", nil
	}
	found, err := get(r, spaceNeighbourhoods, []byte(code), n)
	if err != nil || !found {
		return nil, "", err
	}
	outline, err := r.Get(spaceOutlines, syncengine.LedgerID{}, []byte(code))
	return n, syncengine.Value(outline), err
}

// neighbourhoodQuery is which neighbourhoods are wanted.
type neighbourhoodQuery struct {
	box     *imports.Box
	commune string
	words   []string
	after   string
	limit   int
}

// listNeighbourhoods is GET /v1/neighbourhoods?bbox=west,south,east,north&commune=66136&q=words: the list that diagnostics are ordered from,
// by code, page by page, without outlines. A commune may be the beginning of its code: a département.
func (s *Server) listNeighbourhoods(c *call) error {
	q, err := parseNeighbourhoodQuery(c)
	if err != nil {
		return err
	}
	list, next := []*neighbourhoodView{}, ""
	err = s.Store.View(c.Context(), func(r store.Reader) error {
		list, next = list[:0], ""
		return r.Scan(spaceNeighbourhoods, syncengine.LedgerID{}, []byte(q.after+"\x00"), nil, func(key, raw []byte) (bool, error) {
			n := new(neighbourhood)
			if err := unmarshal(spaceNeighbourhoods, raw, n); err != nil {
				return false, err
			}
			if !q.wants(n) {
				return true, nil
			}
			if len(list) == q.limit {
				next = list[q.limit-1].Code
				return false, nil
			}
			list = append(list, n.view(string(key)))
			return true, nil
		})
	})
	if err != nil {
		return err
	}
	return c.answer(http.StatusOK, neighbourhoodPage{list, next})
}

func parseNeighbourhoodQuery(c *call) (*neighbourhoodQuery, error) {
	q := &neighbourhoodQuery{limit: defaultPage}
	for name, values := range c.URL.Query() {
		ok, value := len(values) == 1, values[0]
		switch name {
		case "bbox":
			var box imports.Box
			box, ok = parseBox(value)
			q.box = &box
		case "commune":
			q.commune = strings.ToUpper(value)
		case "q":
			q.words = strings.Fields(imports.Fold(value))
		case "cursor":
			q.after = value
		case "limit":
			n, err := strconv.Atoi(value)
			q.limit, ok = n, ok && err == nil && n >= 1 && n <= maxPage
		default:
			ok = false
		}
		if !ok {
			return nil, wire.Problemf(wire.CodeInvalid, "the parameter %q is not known here, or its value is not acceptable", name)
		}
	}
	return q, nil
}

// parseBox reads west, south, east and north in degrees.
func parseBox(text string) (box imports.Box, ok bool) {
	parts := strings.Split(text, ",")
	if len(parts) != len(box) {
		return box, false
	}
	for i, part := range parts {
		n, err := strconv.ParseFloat(part, 64)
		if err != nil || !(n >= -180 && n <= 180) {
			return box, false
		}
		box[i] = n
	}
	return box, box[0] <= box[2] && box[1] <= box[3]
}

// wants reports whether a neighbourhood is wanted.
func (q *neighbourhoodQuery) wants(n *neighbourhood) bool {
	for _, word := range q.words {
		if !strings.Contains(n.Search, word) {
			return false
		}
	}
	in := func(commune string) bool { return strings.HasPrefix(commune, q.commune) }
	return slices.ContainsFunc(n.communes(), in) && (q.box == nil || q.box.Meets(n.Box))
}

// showNeighbourhood is GET /v1/neighbourhoods/{code}: one entry of the list, with its outline as GeoJSON.
func (s *Server) showNeighbourhood(c *call) error {
	code := mux.Vars(c.Request)["code"]
	var v *neighbourhoodView
	err := s.Store.View(c.Context(), func(r store.Reader) error {
		n, outline, err := findNeighbourhood(r, code)
		if err != nil || n == nil {
			return err
		}
		v = n.view(code)
		v.Outline = json.RawMessage(outline)
		return nil
	})
	if err != nil {
		return err
	}
	if v == nil {
		return wire.Problemf(wire.CodeNotFound, "there is no such neighbourhood in the list")
	}
	return c.answer(http.StatusOK, v)
}

// listKeeper keeps imported neighbourhoods in the list. Nobody but an import writes it, so that a row that differs is an edit.
type listKeeper struct {
	s       *Server
	who     *Person
	dry     bool
	audited bool
}

// Keep is imports.Keeper.
func (k *listKeeper) Keep(ctx context.Context, batch []*imports.Row) (outcomes []imports.Outcome, err error) {
	fn := func(w store.Writer) error {
		outcomes = make([]imports.Outcome, len(batch))
		written := false
		for i, row := range batch {
			var err error
			if outcomes[i], err = keepNeighbourhood(w, &row.Records[0]); err != nil {
				return err
			}
			written = written || outcomes[i] != imports.Unchanged
		}
		switch {
		case !written:
			return errAllThere
		case k.audited || k.dry:
			return nil
		}
		return k.s.audit(w, k.who.Account, auditImport, string(imports.Outlines))
	}
	if k.dry {
		err = store.Rehearse(ctx, k.s.Store, fn)
	} else {
		err = store.Prepare(ctx, k.s.Store, fn, nil)
	}
	if err == nil {
		k.audited = true
	}
	if errors.Is(err, errAllThere) {
		err = nil
	}
	return outcomes, err
}

// keepNeighbourhood writes what a row says into the list. A column that the file lacks leaves what is there.
func keepNeighbourhood(w store.Writer, r *imports.Record) (imports.Outcome, error) {
	known, outline, err := findNeighbourhood(w, r.Name)
	if err != nil {
		return "", err
	}
	outcome, next := imports.New, &neighbourhood{Values: map[syncengine.Path]syncengine.Value{}}
	if known != nil {
		outcome = imports.Changed
		maps.Copy(next.Values, known.Values)
	}
	maps.DeleteFunc(next.Values, func(path syncengine.Path, _ syncengine.Value) bool { // the file has all communes, or it is refused
		return strings.HasPrefix(string(path), "/other_communes/")
	})
	for path, value := range r.Values {
		if path != "/outline" {
			next.Values[path] = value
		}
	}
	if known != nil && outline == r.Values["/outline"] && maps.Equal(known.Values, next.Values) {
		return imports.Unchanged, nil
	}
	if next.Box, err = imports.BoxOf(r.Values["/outline"]); err != nil {
		return "", err
	}
	next.Search = imports.Fold(strings.Join(append(next.communes(), r.Name, textOf(next.Values["/name"])), "\n"))
	return outcome, errors.Join(
		put(w, spaceNeighbourhoods, []byte(r.Name), next),
		w.Put(spaceOutlines, syncengine.LedgerID{}, []byte(r.Name), []byte(r.Values["/outline"])),
	)
}

// seedNeighbourhood returns the values of a neighbourhood's record: those of the list, and over them what the order says.
func seedNeighbourhood(r store.Reader, o *diagnosticOrder) (map[syncengine.Path]syncengine.Value, error) {
	values := map[syncengine.Path]syncengine.Value{}
	listed, outline, err := findNeighbourhood(r, o.Neighbourhood)
	if err != nil {
		return nil, err
	}
	if listed != nil {
		maps.Copy(values, listed.Values)
		values["/outline"] = outline
	}
	for path, text := range map[syncengine.Path]string{
		"/code": o.Neighbourhood, "/code_version": o.NeighbourhoodVersion, "/name": o.NeighbourhoodName, "/commune": o.Commune,
	} {
		if text != "" {
			values[path] = wire.StringValue(text)
		}
	}
	return values, nil
}

// neighbourhoodID is the id of a neighbourhood's record, the same in every ledger.
func (s *Server) neighbourhoodID(code string) syncengine.RecordID {
	return s.importer.id(syncengine.LedgerID{}, "", schemas.Neighbourhood, code)
}
