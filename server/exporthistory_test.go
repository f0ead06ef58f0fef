package server_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// jsonLines returns the lines of an export for programs.
func (w *world) jsonLines(t *testing.T, path string) (out []map[string]any) {
	t.Helper()
	r := w.ask(w.coordinator, "GET", "/v1/ledgers/"+w.ledger+"/"+path, nil)
	r.ok(nil)
	if r.header.Get("Content-Type") != "application/x-ndjson" {
		t.Fatalf("%v", r.header)
	}
	for line := range bytes.Lines(r.body) {
		var one map[string]any
		if err := json.Unmarshal(line, &one); err != nil {
			t.Fatalf("%v in %s", err, line)
		}
		out = append(out, one)
	}
	return out
}

func TestAnExportForProgramsGoesOnWhereItWasCut(t *testing.T) {
	w := newWorld(t)
	p := w.newTablet("c-1", "consultant", false)
	for range 9 {
		id := p.observe(newUUID(t), nil)
		p.write(note{kind: "observation", lineage: "cleanliness", id: id, values: map[syncengine.Path]any{litter: "3"}})
	}
	p.sync()
	for _, path := range []string{"export.ndjson", "history.ndjson"} {
		all := w.jsonLines(t, path+"?kind=observation")
		if len(all) < 9 || all[0]["shape"] != 1.0 {
			t.Fatalf("%s: %v", path, all)
		}
		again := w.jsonLines(t, path+"?kind=observation")
		for i, line := range all {
			if line["id"] != again[i]["id"] || line["change"] != again[i]["change"] {
				t.Fatalf("%s: line %d is another one when asked again", path, i)
			}
			cursor, _ := line["cursor"].(string)
			if cursor == "" {
				continue // within a record
			}
			rest := w.jsonLines(t, path+"?kind=observation&cursor="+cursor)
			if len(rest) != len(all)-i-1 || len(rest) > 0 && rest[0]["record"] != all[i+1]["record"] || len(rest) > 0 && rest[0]["id"] != all[i+1]["id"] {
				t.Fatalf("%s: behind line %d of %d come %d", path, i+1, len(all), len(rest))
			}
		}
		w.ask(w.coordinator, "GET", "/v1/ledgers/"+w.ledger+"/"+path+"?limit=3", nil).refused(wire.CodeInvalid)
	}
	w.ask(w.coordinator, "GET", "/v1/ledgers/"+w.ledger+"/export.csv?cursor=AQ", nil).refused(wire.CodeInvalid)
}

// historyRows reads a history as a table.
func (w *world) historyRows(t *testing.T, query string) (out []map[string]string) {
	t.Helper()
	r := w.ask(w.coordinator, "GET", "/v1/ledgers/"+w.ledger+"/history.csv?"+query, nil)
	r.ok(nil)
	all, err := csv.NewReader(bytes.NewReader(r.body)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, cells := range all[1:] {
		row := map[string]string{}
		for i, cell := range cells {
			row[all[0][i]] = cell
			if cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
				t.Errorf("a spreadsheet takes %q for a formula", cell)
			}
		}
		out = append(out, row)
	}
	return out
}

func TestAHistorySaysWhoWroteWhatOverWhatAndWhatBecameOfIt(t *testing.T) {
	onStores(t, func(t *testing.T, w *world) {
		id, _, _ := w.contested()
		v := w.read("observation", id)
		survivors := v.field(t, litter).Survivors
		refused := survivors[0]
		w.ask(w.coordinator, "POST", "/v1/ledgers/"+w.ledger+"/rulings", map[string]any{
			"type": "void", "target": refused.Change, "reason": "=saisie en double",
		}).created(nil)
		p := w.newTablet("-9", "consultant", false)
		p.write(note{kind: "observation", lineage: "cleanliness", id: id, values: map[syncengine.Path]any{"/litter/notes/-9": "@SUM(A1)"}})
		p.sync()
		changes := w.jsonLines(t, "history.ndjson?kind=observation")
		rows := w.historyRows(t, "kind=observation&bom=0")
		byChange := map[string][]map[string]string{}
		for _, row := range rows {
			if row["kind"] != "observation" || row["record"] != id.String() || !strings.HasSuffix(row["time"], "Z") {
				t.Fatalf("%v", row)
			}
			key := strings.TrimPrefix(row["change"], "'")
			byChange[key] = append(byChange[key], row)
		}
		if len(byChange) != len(changes) || len(changes) != 4 {
			t.Fatalf("%d changes in the table, %d in lines", len(byChange), len(changes))
		}
		at := func(change, path string) map[string]string {
			i := slices.IndexFunc(byChange[change], func(r map[string]string) bool { return r["path"] == path })
			if i < 0 {
				t.Fatalf("no row of %s at %s", change, path)
			}
			return byChange[change][i]
		}
		if r := at(refused.Change, litter); r["status"] != "ineffective" || r["reason"] != "voided" || r["decision"] != "void" ||
			r["decision_reason"] != "'=saisie en double" || r["over"] == "" || r["value"] != strings.Trim(string(refused.Value), `"`) ||
			r["author"] != refused.Author || r["tablet"] != refused.Tablet || r["seq"] == "" {
			t.Errorf("%v", r)
		}
		if r := at(survivors[1].Change, litter); r["status"] != "effective" || r["decision"] != "" {
			t.Errorf("%v", r)
		}
		found := false
		for _, row := range rows {
			found = found || row["value"] == "'@SUM(A1)" && row["author"] == "'-9"
		}
		if !found {
			t.Error("the note is not in the table")
		}
	})
}

func TestAHistoryHoldsWhatIsGoneAndNothingThatWasErased(t *testing.T) {
	w := newWorld(t)
	p := w.newTablet("c-1", "consultant", false)
	gone := p.observe(newUUID(t), map[syncengine.Path]any{"/position": map[string]any{"lat": 42.7, "lon": 2.89}, "/litter/notes/c-1": "Monsieur Durand"})
	p.sync()
	change := w.read("observation", gone).field(t, "/litter/notes/c-1").Survivors[0].Change
	v := w.read("observation", gone)
	w.ask(w.coordinator, "POST", w.recordPath("observation", gone)+"/edit", map[string]any{"seen": v.Seen, "remove": []string{"/"}}).ok(nil)
	w.ask(w.coordinator, "POST", "/v1/ledgers/"+w.ledger+"/rulings", map[string]any{
		"type": "redact", "target": change, "paths": []string{"/litter/notes/c-1"}, "reason": "nom d'un habitant",
	}).created(nil)
	for _, format := range []string{"csv", "ndjson", "geojson"} {
		r := w.ask(w.coordinator, "GET", "/v1/ledgers/"+w.ledger+"/history."+format+"?kind=observation", nil)
		r.ok(nil)
		if !strings.Contains(string(r.body), gone.String()) || strings.Contains(string(r.body), "Durand") || !strings.Contains(string(r.body), "/litter/notes/c-1") {
			t.Errorf("%s: %s", format, r.body)
		}
		r = w.ask(w.coordinator, "GET", "/v1/ledgers/"+w.ledger+"/export."+format+"?kind=observation", nil)
		r.ok(nil)
		if strings.Contains(string(r.body), gone.String()) {
			t.Errorf("%s of what there is holds what is gone: %s", format, r.body)
		}
	}
	for _, row := range w.historyRows(t, "kind=observation") {
		if row["path"] == "/litter/notes/c-1" && (row["erased"] != "true" || row["value"] != "") {
			t.Errorf("%v", row)
		}
	}
	var collection struct {
		Type     string
		Features []struct {
			ID         string
			Geometry   *struct{ Coordinates []float64 }
			Properties map[string]any
		}
	}
	w.ask(w.coordinator, "GET", "/v1/ledgers/"+w.ledger+"/history.geojson?kind=observation", nil).ok(&collection)
	if collection.Type != "FeatureCollection" || len(collection.Features) != 2 {
		t.Fatalf("%+v", collection)
	}
	f := collection.Features[0]
	if f.ID != change {
		f = collection.Features[1]
	}
	if f.ID != change || f.Geometry == nil || f.Geometry.Coordinates[0] != 2.89 || f.Properties["status"] != "effective" {
		t.Errorf("%+v", f)
	}
	if _, err := uuid.Parse(f.Properties["record"].(string)); err != nil {
		t.Error(err)
	}
}
