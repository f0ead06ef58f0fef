package server_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/arpenteur/arpenteur/server"
	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// page is a page of records.
type page struct {
	Records []struct {
		Kind, Checklist, Domain string
		ID                      uuid.UUID
		States, Conflicts       []string
		Document                json.RawMessage
	}
	Next string
}

func (w *world) records(query url.Values) *page {
	w.t.Helper()
	p := new(page)
	w.ask(w.coordinator, "GET", "/v1/ledgers/"+w.ledger+"/records?"+query.Encode(), nil).ok(p)
	return p
}

// all reads every page.
func (w *world) all(query url.Values, between func()) []uuid.UUID {
	w.t.Helper()
	var out []uuid.UUID
	for {
		p := w.records(query)
		for _, r := range p.Records {
			out = append(out, r.ID)
		}
		if p.Next == "" {
			return out
		}
		query.Set("cursor", p.Next)
		if between != nil {
			between()
		}
	}
}

// estate makes places: an estate with two halls, one of them with a landing, and a hall elsewhere.
func (w *world) estate() (estate, hallA, landing, hallB, elsewhere uuid.UUID) {
	w.t.Helper()
	var made struct {
		Places []struct {
			ID       uuid.UUID
			Children []struct {
				ID       uuid.UUID
				Children []struct{ ID uuid.UUID }
			}
		}
	}
	w.ask(w.coordinator, "POST", "/v1/diagnostics/"+w.diagnostic.String()+"/places", []any{
		map[string]any{"type": "estate", "name": "Les Mimosas", "children": []any{
			map[string]any{"type": "hall", "name": "Hall A", "planned": true, "children": []any{map[string]any{"type": "landing", "floor": 1}}},
			map[string]any{"type": "hall", "name": "Hall B", "position": map[string]any{"lat": 42.7, "lon": 2.89}},
		}},
		map[string]any{"type": "hall", "name": "Hall Z"},
	}).created(&made)
	e := made.Places[0]
	return e.ID, e.Children[0].ID, e.Children[0].Children[0].ID, e.Children[1].ID, made.Places[1].ID
}

func TestRecordsAreFoundByWhatTheySay(t *testing.T) {
	onStores(t, func(t *testing.T, w *world) {
		estate, hallA, landing, hallB, elsewhere := w.estate()
		p, q := w.newTablet("c-1", "consultant", false), w.newTablet("c-2", "consultant", false)
		visit := newUUID(t)
		a := p.observe(hallA, map[syncengine.Path]any{litter: "2", "/visit": visit.String()})
		b := p.observe(landing, map[syncengine.Path]any{litter: "4", "/litter/urgent": true})
		c := q.observe(hallB, nil)
		d := q.observe(elsewhere, nil)
		p.sync()
		q.sync()
		sorted := func(ids ...uuid.UUID) []uuid.UUID {
			slices.SortFunc(ids, func(x, y uuid.UUID) int { return slices.Compare(x[:], y[:]) })
			return ids
		}
		for name, test := range map[string]struct {
			query url.Values
			want  []uuid.UUID
		}{
			"kind":            {url.Values{"kind": {"observation"}}, sorted(a, b, c, d)},
			"place":           {url.Values{"kind": {"observation"}, "place": {hallA.String()}}, sorted(a)},
			"subtree":         {url.Values{"kind": {"observation"}, "under": {estate.String()}}, sorted(a, b, c)},
			"inner subtree":   {url.Values{"kind": {"observation"}, "under": {hallA.String()}}, sorted(a, b)},
			"subtree, place":  {url.Values{"under": {estate.String()}, "place": {landing.String()}}, sorted(b)},
			"place elsewhere": {url.Values{"under": {estate.String()}, "place": {elsewhere.String()}}, nil},
			"subtree, rater":  {url.Values{"under": {estate.String()}, "rater": {"c-1"}}, sorted(a, b)},
			"places below":    {url.Values{"kind": {"place"}, "under": {estate.String()}}, sorted(estate, hallA, landing, hallB)},
			"halls below":     {url.Values{"kind": {"place"}, "under": {estate.String()}, "type": {"hall"}}, sorted(hallA, hallB)},
			"clean below":     {url.Values{"kind": {"place"}, "under": {hallA.String()}, "state": {"clean"}}, sorted(hallA, landing)},
			"visit":           {url.Values{"visit": {visit.String()}}, sorted(a)},
			"rater":           {url.Values{"rater": {"c-2"}}, sorted(c, d)},
			"domain":          {url.Values{"domain": {"cleanliness"}, "rater": {"c-1"}}, sorted(a, b)},
			"state":           {url.Values{"state": {"violation"}}, sorted(b)},
			"none":            {url.Values{"state": {"conflict"}}, nil},
		} {
			t.Run(name, func(t *testing.T) {
				if got := sorted(w.all(test.query, nil)...); !slices.Equal(got, test.want) {
					t.Errorf("%v, want %v", got, test.want)
				}
				test.query.Set("limit", "1")
				test.query.Del("cursor")
				if got := sorted(w.all(test.query, nil)...); !slices.Equal(got, test.want) {
					t.Errorf("page by page: %v, want %v", got, test.want)
				}
			})
		}
	})
}

func TestPagesStayWhileRecordsAreAdded(t *testing.T) {
	for _, under := range []bool{false, true} {
		t.Run(fmt.Sprint(under), func(t *testing.T) {
			w := newWorld(t)
			estate, hallA, _, hallB, _ := w.estate()
			p := w.newTablet("c-1", "consultant", false)
			before := map[uuid.UUID]bool{}
			for i := range 40 {
				before[p.observe([]uuid.UUID{hallA, hallB}[i%2], nil)] = true
			}
			p.sync()
			query := url.Values{"kind": {"observation"}, "limit": {"7"}}
			if under {
				query.Set("under", estate.String())
			}
			got := w.all(query, func() {
				p.observe(hallA, nil)
				p.observe(hallB, nil)
				p.sync()
			})
			seen := map[uuid.UUID]bool{}
			for _, id := range got {
				if seen[id] {
					t.Fatalf("%s came twice", id)
				}
				seen[id] = true
			}
			for id := range before {
				if !seen[id] {
					t.Fatalf("%s was left out", id)
				}
			}
		})
	}
}

func TestARecordOfTwoPlacesComesOnceInTheirSubtree(t *testing.T) {
	w := newWorld(t)
	estate, hallA, _, hallB, _ := w.estate()
	p, q := w.newTablet("c-1", "consultant", false), w.newTablet("c-2", "consultant", false)
	id := p.observe(hallA, nil)
	p.sync()
	q.write(note{kind: "observation", lineage: "cleanliness", id: id, values: map[syncengine.Path]any{"/place": hallB.String()}})
	q.sync()
	if got := w.all(url.Values{"under": {estate.String()}}, nil); len(got) != 1 || got[0] != id {
		t.Fatalf("%v", got)
	}
}

func TestAQueryThatIsNotUnderstoodIsRefused(t *testing.T) {
	w := newWorld(t)
	for _, query := range []string{
		"kind=nothing", "under=x", "limit=0", "limit=501", "limit=x", "cursor=x", "cursor=", "cursor=AQ", "place=x", "visit=1", "state=odd", "plcae=x", "kind=visit&kind=task",
		"q=", "q=%20!", "q=a+b+c+d+e+f+g+h+i", "q=" + strings.Repeat("a", 201), "bbox=1,2,3", "bbox=1,2,3,4,5", "bbox=a,b,c,d", "bbox=0,91,1,92",
		"bbox=0,2,1,1", "bbox=NaN,0,1,1", "bbox=-181,0,1,1", "bbox=",
	} {
		w.ask(w.coordinator, "GET", "/v1/ledgers/"+w.ledger+"/records?"+query, nil).refused(wire.CodeInvalid)
	}
	w.ask(w.coordinator, "GET", "/v1/ledgers/"+w.ledger+"/records?limit="+strconv.Itoa(server.MaxPage), nil).ok(nil)
	w.ask(w.coordinator, "GET", "/v1/ledgers/nonsense/records", nil).refused(wire.CodeUnknownLedger)
	w.ask(w.coordinator, "GET", "/v1/ledgers/"+w.ledger+"/records/observation/nonsense", nil).refused(wire.CodeNotFound)
	w.ask(w.coordinator, "GET", "/v1/ledgers/"+w.ledger+"/records/genesis/"+newUUID(t).String(), nil).refused(wire.CodeNotFound)
	w.ask(w.coordinator, "GET", "/v1/ledgers/"+w.ledger+"/changes/nonsense", nil).refused(wire.CodeNotFound)
	w.ask(w.coordinator, "GET", w.recordPath("observation", newUUID(t))+"/history", nil).refused(wire.CodeNotFound)
	for _, query := range []string{"limit=0", "cursor=-1", "under=x"} {
		w.ask(w.coordinator, "GET", "/v1/ledgers/"+w.ledger+"/rulings?"+query, nil).refused(wire.CodeInvalid)
	}
}

func TestLedgersAreCounted(t *testing.T) {
	w := newWorld(t)
	type counted struct {
		Ledger, Name string
		Restricted   bool
		Counts       struct{ Records, Conflict, Violation, Pending, Ineffective int }
	}
	read := func() counted {
		var list struct{ Ledgers []counted }
		w.ask(w.coordinator, "GET", "/v1/ledgers", nil).ok(&list)
		if len(list.Ledgers) != 2 || list.Ledgers[0].Restricted || !list.Ledgers[1].Restricted {
			t.Fatalf("%+v", list)
		}
		return list.Ledgers[0]
	}
	if c := read(); c.Counts.Records != 2 || c.Counts.Conflict != 0 || c.Name != "Le Grand Verger" {
		t.Fatalf("%+v", c)
	}
	w.contested()
	if c := read(); c.Counts.Records != 4 || c.Counts.Conflict != 1 {
		t.Fatalf("%+v", c)
	}
}

func TestEveryRulingIsListedInOrder(t *testing.T) {
	w := newWorld(t)
	w.sleep(time.Second)
	w.newTablet("c-1", "consultant", false)
	var first, rest struct {
		Rulings []change
		Next    string
	}
	w.ask(w.coordinator, "GET", "/v1/ledgers/"+w.ledger+"/rulings?limit=10", nil).ok(&first)
	w.ask(w.coordinator, "GET", "/v1/ledgers/"+w.ledger+"/rulings?cursor="+first.Next, nil).ok(&rest)
	if len(first.Rulings) != 10 || rest.Next != "" || rest.Rulings[len(rest.Rulings)-1].Ruling.Type != "grant" {
		t.Fatalf("%d, %d, %+v", len(first.Rulings), len(rest.Rulings), rest.Rulings)
	}
	for _, r := range append(first.Rulings, rest.Rulings...) {
		if _, told := r.Values["/content"]; told {
			t.Fatal("a list holds the content of a checklist")
		}
	}
	w.ask(w.coordinator, "GET", "/v1/ledgers/"+w.ledger+"/changes/"+first.Rulings[0].Change, nil).ok(nil)
}
