package server_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/arpenteur/arpenteur/server"
	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

func (w *world) table(query string) (rows []map[string]string, names []string) {
	w.t.Helper()
	r := w.ask(w.coordinator, "GET", "/v1/ledgers/"+w.ledger+"/export.csv?"+query, nil)
	r.ok(nil)
	if r.header.Get("Content-Type") != "text/csv; charset=utf-8" || !strings.Contains(r.header.Get("Content-Disposition"), ".csv") {
		w.t.Fatalf("%v", r.header)
	}
	all, err := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(r.body, []byte("\xef\xbb\xbf")))).ReadAll()
	if err != nil {
		w.t.Fatal(err)
	}
	for _, cells := range all[1:] {
		row := map[string]string{}
		for i, cell := range cells {
			row[all[0][i]] = cell
		}
		rows = append(rows, row)
	}
	return rows, all[0]
}

func TestATableHasEveryFieldAndNoFormula(t *testing.T) {
	onStores(t, func(t *testing.T, w *world) {
		id, _, _ := w.contested()
		p := w.newTablet("c-9", "consultant", false)
		other := p.observe(newUUID(t), map[syncengine.Path]any{
			litter: "2", "/litter/urgent": true, "/dumping/count": 3, "/dumping/remarks/passage_blocked/": true,
			"/dumping/remarks/reported_to_caretaker/": true, "/position": map[string]any{"lat": 42.7, "lon": -1},
			"/litter/notes/c-9": "=HYPERLINK(\"x\")\nsecond, line",
		})
		p.sync()
		for _, cell := range []string{"=1+1", "+33", "-x", "@SUM(A1)", "'fine"} {
			w.create(w.coordinator, map[string]any{"kind": "actor", "values": map[string]any{"/name": cell}}).created(nil)
		}
		rows, names := w.table("kind=observation")
		if !slices.Contains(names, "litter/rating") || !slices.Contains(names, "dumping/count") || slices.Contains(names, "siren") {
			t.Fatalf("%v", names)
		}
		by := map[string]map[string]string{}
		for _, row := range rows {
			by[row["id"]] = row
		}
		if len(rows) != 2 || by[id.String()]["deux_valeurs"] != litter || by[id.String()]["conflict"] != litter || by[id.String()]["states"] != "conflict" {
			t.Fatalf("%v", by[id.String()])
		}
		row := by[other.String()]
		if row["litter/rating"] != "2" || row["litter/urgent"] != "true" || row["dumping/count"] != "3" || row["checklist"] != "cleanliness" ||
			row["dumping/remarks"] != "passage_blocked|reported_to_caretaker" || row["position"] != `{"lat":42.7,"lon":-1}` ||
			row["litter/notes"] != "{\"c-9\":\"=HYPERLINK(\\\"x\\\")\\nsecond, line\"}" || row["rater"] != "c-9" {
			t.Fatalf("%v", row)
		}
		rows, _ = w.table("kind=actor")
		for i, want := range []string{"'=1+1", "'+33", "'-x", "'@SUM(A1)", "'fine"} {
			if rows[i]["name"] != want {
				t.Errorf("%q, want %q", rows[i]["name"], want)
			}
		}
		marked := w.ask(w.coordinator, "GET", "/v1/ledgers/"+w.ledger+"/export.csv?bom=1&kind=actor", nil)
		plain := w.ask(w.coordinator, "GET", "/v1/ledgers/"+w.ledger+"/export.csv?bom=0&kind=actor", nil)
		if string(marked.body) != "\ufeff"+string(plain.body) || !bytes.Contains(plain.body, []byte("\r\n")) {
			t.Error("the byte order mark is not all that bom changes")
		}
	})
}

type collection struct {
	Type     string
	Features []struct {
		Type, ID string
		Geometry *struct {
			Type        string
			Coordinates [2]float64
		}
		Properties map[string]any
	}
}

func (w *world) features(query string) *collection {
	w.t.Helper()
	r := w.ask(w.coordinator, "GET", "/v1/ledgers/"+w.ledger+"/export.geojson?"+query, nil)
	c := new(collection)
	r.ok(c)
	if r.header.Get("Content-Type") != "application/geo+json" || c.Type != "FeatureCollection" {
		w.t.Fatalf("%v %s", r.header, r.body)
	}
	return c
}

func TestFeaturesStandWhereTheyWereSeenElseAtTheirPlaceElseNowhere(t *testing.T) {
	onStores(t, func(t *testing.T, w *world) {
		_, hallA, _, hallB, _ := w.estate()
		p := w.newTablet("c-1", "consultant", false)
		own := p.observe(hallB, map[syncengine.Path]any{"/position": map[string]any{"lat": 43.25, "lon": 3.5}, litter: "2"})
		atPlace, nowhere := p.observe(hallB, nil), p.observe(hallA, nil)
		p.sync()
		got := map[string][2]float64{}
		for _, f := range w.features("kind=observation").Features {
			if f.Geometry == nil {
				got[f.ID] = [2]float64{}
				continue
			}
			got[f.ID] = f.Geometry.Coordinates
			if f.ID == "observation/"+own.String() && (f.Properties["litter/rating"] != "2" || f.Properties["kind"] != "observation" || f.Properties["differs"] == nil) {
				t.Errorf("%v", f.Properties)
			}
		}
		want := map[string][2]float64{
			"observation/" + own.String(): {3.5, 43.25}, "observation/" + atPlace.String(): {2.89, 42.7}, "observation/" + nowhere.String(): {},
		}
		if len(got) != 3 || got["observation/"+own.String()] != want["observation/"+own.String()] ||
			got["observation/"+atPlace.String()] != want["observation/"+atPlace.String()] || got["observation/"+nowhere.String()] != [2]float64{} {
			t.Fatalf("%v, want %v", got, want)
		}
		if c := w.features("kind=task"); c.Features == nil || len(c.Features) != 0 {
			t.Fatalf("an empty collection is %+v", c)
		}
		hidden := w.ask(w.coordinator, "GET", "/v1/ledgers/"+w.restricted+"/export.geojson", nil)
		hidden.ok(new(collection))
	})
}

func TestAnExportGoesOnBeyondOnePage(t *testing.T) {
	w := newWorld(t)
	_, hallA, _, _, _ := w.estate()
	p := w.newTablet("c-1", "consultant", false)
	const n = 2*server.MaxPage + 3
	for range n {
		p.observe(hallA, nil)
		if len(p.logs[ledgerID(t, w.ledger)].unsent) == 25 {
			p.sync()
		}
	}
	p.sync()
	rows, _ := w.table("kind=observation")
	seen := map[string]bool{}
	for _, row := range rows {
		seen[row["id"]] = true
	}
	if len(rows) != n || len(seen) != n {
		t.Fatalf("%d rows, %d records", len(rows), len(seen))
	}
	if c := w.features("kind=observation&under=" + hallA.String()); len(c.Features) != n {
		t.Fatalf("%d features", len(c.Features))
	}
}

func TestAnExportTakesTheFiltersOfAListAndNoPages(t *testing.T) {
	w := newWorld(t)
	for _, name := range []string{"export.csv", "export.geojson"} {
		for _, query := range []string{"limit=10", "cursor=AQ", "kind=x", "sort=name", "bom=2"} {
			r := w.ask(w.coordinator, "GET", "/v1/ledgers/"+w.ledger+"/"+name+"?"+query, nil)
			r.refused(wire.CodeInvalid)
			var body map[string]json.RawMessage
			if json.Unmarshal(r.body, &body) != nil {
				t.Errorf("%s", r.body)
			}
		}
	}
}
