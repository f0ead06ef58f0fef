package server_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"mime/multipart"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// importLine is one line of the answer to an import.
type importLine struct {
	Event, Column, Value, Outcome, Code, Message, Encoding, Separator string
	Line                                                              int
	Totals                                                            *importTotals
}

type importTotals struct {
	Rows, New, Changed, Unchanged, Kept, Refused, Noted int
	Incomplete                                          bool
}

// imported is the answer to an import.
type imported struct {
	lines  []importLine
	totals importTotals
}

// said returns "line code column" of each remark, in order, those on columns left out.
func (i *imported) said() []string {
	out := []string{}
	for _, l := range i.lines {
		if l.Event == "line" && l.Line > 0 && l.Code != "column_unread" {
			out = append(out, strings.TrimSpace(fmt.Sprintf("%d %s %s", l.Line, l.Code, l.Column)))
		}
	}
	return out
}

// post imports a file; mapping may be empty.
func (w *world) post(token, kind, query, mapping, body string) *reply {
	w.t.Helper()
	path := "/v1/imports/" + kind + "?" + query
	if kind != "outlines" && !strings.Contains(query, "diagnostic=") {
		path += "&diagnostic=" + w.diagnostic.String()
	}
	r := httptest.NewRequestWithContext(w.t.Context(), "POST", path, strings.NewReader(body))
	if mapping != "" {
		var form bytes.Buffer
		m := multipart.NewWriter(&form)
		for _, part := range [][2]string{{"mapping", mapping}, {"file", body}} {
			out, err := m.CreateFormFile(part[0], part[0])
			if err != nil {
				w.t.Fatal(err)
			}
			_, _ = out.Write([]byte(part[1]))
		}
		_ = m.Close()
		r = httptest.NewRequestWithContext(w.t.Context(), "POST", path, &form)
		r.Header.Set("Content-Type", m.FormDataContentType())
	}
	r.Header.Set("Authorization", "Bearer "+token)
	out := newRecorder()
	w.network.ServeHTTP(out, r)
	return &reply{w.t, path, out.Code, out.Header(), out.Body.Bytes()}
}

// load imports a file, which must go through to its totals.
func (w *world) load(kind, query, mapping, body string) *imported {
	w.t.Helper()
	token := w.coordinator
	if kind == "outlines" {
		token = w.administrator
	}
	r := w.post(token, kind, query, mapping, body)
	if r.status != 200 || r.header.Get("Content-Type") != "application/x-ndjson" {
		w.t.Fatalf("%s: %d %s", r.asked, r.status, r.body)
	}
	out := &imported{}
	for line := range strings.Lines(string(r.body)) {
		var l importLine
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			w.t.Fatalf("%v in %s", err, line)
		}
		out.lines = append(out.lines, l)
	}
	last := out.lines[len(out.lines)-1]
	if last.Event != "end" || out.lines[0].Event != "begin" {
		w.t.Fatalf("%s: no totals: %s", r.asked, r.body)
	}
	out.totals = *last.Totals
	if t := out.totals; t.New+t.Changed+t.Unchanged+t.Kept+t.Refused != t.Rows {
		w.t.Fatalf("%s: the totals don't add up: %+v", r.asked, t)
	}
	return out
}

// tried imports a file dry, then in earnest, and makes sure that both say the same.
func (w *world) tried(kind, mapping, body string) *imported {
	w.t.Helper()
	before := w.documents()
	dry := w.load(kind, "dry_run=true", mapping, body)
	if !slices.Equal(before, w.documents()) {
		w.t.Fatal("a dry run wrote something")
	}
	real := w.load(kind, "", mapping, body)
	if !slices.Equal(dry.lines[1:len(dry.lines)-1], real.lines[1:len(real.lines)-1]) || dry.totals != real.totals {
		w.t.Fatalf("the dry run said\n%+v\nthe real one\n%+v", dry, real)
	}
	return real
}

// documents returns every record of the public ledger as it is shown, and the list of neighbourhoods.
func (w *world) documents() []string {
	w.t.Helper()
	var out []string
	cursor := ""
	for {
		var page struct {
			Records []struct {
				Kind     string
				ID       string
				Document json.RawMessage
				States   []string
			}
			Next string
		}
		w.ask(w.coordinator, "GET", "/v1/ledgers/"+w.ledger+"/records?limit=500"+cursor, nil).ok(&page)
		for _, r := range page.Records {
			out = append(out, fmt.Sprintf("%s %s %s %v", r.Kind, r.ID, r.Document, r.States))
		}
		if page.Next == "" {
			break
		}
		cursor = "&cursor=" + page.Next
	}
	return append(out, string(w.ask(w.coordinator, "GET", "/v1/neighbourhoods?limit=500", nil).body))
}

// sharedData returns a file of the real extracts that lie beside the project, or skips the test.
func sharedData(t *testing.T, name string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("..", "..", "shared", "data", name))
	if err != nil {
		t.Skipf("SKIPPED: the real extract %s is not beside the project: %v", name, err)
	}
	return string(raw)
}

func (w *world) says(what *imported, want ...string) {
	w.t.Helper()
	if got := what.said(); !slices.Equal(got, want) {
		w.t.Errorf("said were\n%s\nnot\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

const actorsFile = `code;nom;type;SIREN;SIRET
A1;Office public;bailleur;552081317;
A2;La Poste;autre;;35600000000048
A3;La Poste, Sète;autre;356000000;35600000049837
A4;Trop court;bailleur;55208131;
A5;Clé fausse;bailleur;552081318;
A6;Lettres;bailleur;55208131X;
A7;Arrondi;bailleur;;3,56000000000048E+13
A8;Autre SIREN;bailleur;552081317;35600000000048
A9;Inconnu;château;;
A1;Encore;bailleur;;
;=cmd|' /C calc'!A0;commune;;
A10;;commune;;
`

func TestActorsAreCheckedLineByLine(t *testing.T) {
	onStores(t, func(t *testing.T, w *world) {
		got := w.tried("actors", "", actorsFile)
		w.says(got,
			"5 identifier_length SIREN", "6 identifier_check SIREN", "7 identifier_digits SIREN", "8 identifier_as_number SIRET",
			"9 siret_of_siren SIRET", "10 unknown_answer type", "11 duplicate", "13 missing nom",
		)
		if got.totals != (importTotals{Rows: 12, New: 4, Refused: 8}) {
			t.Errorf("%+v", got.totals)
		}
		formula := 0
		for _, d := range w.documents() {
			if strings.Contains(d, `"name":"=cmd|' /C calc'!A0"`) {
				formula++
			}
		}
		if formula != 1 {
			t.Errorf("a formula is no text any more: %v", w.documents())
		}
		again := w.tried("actors", "", actorsFile)
		if again.totals != (importTotals{Rows: 12, Unchanged: 4, Refused: 8}) {
			t.Errorf("again: %+v", again.totals)
		}
	})
}

func TestAChangedRowIsAnEditUnlessSomebodyEditedSince(t *testing.T) {
	onStores(t, func(t *testing.T, w *world) {
		w.load("actors", "", "", "code,name,type\nA,Alpha,landlord\nB,Beta,landlord\nC,Gamma,landlord\n")
		ids := map[string]string{}
		for _, d := range w.documents() {
			for _, name := range []string{"Alpha", "Beta", "Gamma"} {
				if strings.Contains(d, name) {
					ids[name] = strings.Fields(d)[1]
				}
			}
		}
		path := "/v1/ledgers/" + w.ledger + "/records/actor/"
		var v recordView
		w.ask(w.coordinator, "GET", path+ids["Beta"], nil).ok(&v)
		w.ask(w.coordinator, "POST", path+ids["Beta"]+"/edit", map[string]any{"seen": v.Seen, "values": map[string]any{"/name": "Bêta"}}).ok(nil)
		w.ask(w.coordinator, "GET", path+ids["Gamma"], nil).ok(&v)
		w.ask(w.coordinator, "POST", path+ids["Gamma"]+"/edit", map[string]any{"seen": v.Seen, "remove": []string{"/"}}).ok(nil)

		got := w.tried("actors", "", "code,name,type\nA,Alfa,landlord\nB,Beta 2,other\nC,Gamma 2,landlord\n")
		w.says(got, "3 edited_since", "4 deleted_since")
		if got.totals != (importTotals{Rows: 3, Changed: 1, Kept: 2}) {
			t.Errorf("%+v", got.totals)
		}
		w.ask(w.coordinator, "GET", path+ids["Alpha"], nil).ok(&v)
		if f := v.field(t, "/name"); string(f.Shown) != `"Alfa"` || len(f.Survivors) != 1 {
			t.Errorf("%+v", f)
		}
		w.ask(w.coordinator, "GET", path+ids["Beta"], nil).ok(&v)
		if string(v.field(t, "/name").Shown) != `"Bêta"` || string(v.field(t, "/type").Shown) != `"landlord"` {
			t.Errorf("half a row was taken: %s", v.Document)
		}
		// What somebody else touched does not stand in the way of the rest of the record.
		got = w.tried("actors", "", "code,name,type\nB,Bêta,other\n")
		if got.totals != (importTotals{Rows: 1, Changed: 1}) {
			t.Errorf("%+v %v", got.totals, got.said())
		}
	})
}

const placesFile = "\ufeffchemin,type,nom,latitude,longitude,étage\r\n" +
	"Le Grand Verger / Les Pommiers / Hall A,hall,,,,\r\n" +
	"Le Grand Verger,ensemble,,\"43,6\",1.44,\r\n" +
	"Le Grand Verger / Les Pommiers,bâtiment,\"Les \"\"Pommiers\"\"\",43.6001,1.4401,\r\n" +
	"Le Grand Verger/Les Pommiers/Palier,landing,,,,3\r\n" +
	"Ailleurs / Cave,cellar,,,,\r\n" +
	"Le Grand Verger / Château,château,,,,\r\n" +
	"Le Grand Verger / Château / Donjon,hall,,,,\r\n" +
	"le grand verger / LES POMMIERS / hall a,hall,,,,\r\n" +
	"Tour,bâtiment,,143.6,1.44,\r\n" +
	"Quartier,neighbourhood,,,,\r\n" +
	"Quartier / Quartier,neighbourhood,,,,\r\n"

func TestPlacesHangTogetherOrAreRefused(t *testing.T) {
	onStores(t, func(t *testing.T, w *world) {
		got := w.tried("places", "", placesFile)
		w.says(got,
			"6 orphan chemin", "7 unknown_answer type", "8 parent_refused chemin", "9 duplicate chemin", "10 coordinates latitude", "12 rule /parent",
		)
		if got.totals != (importTotals{Rows: 11, New: 5, Refused: 6}) {
			t.Errorf("%+v", got.totals)
		}
		tree := w.places()
		if len(tree) != 2 {
			t.Fatalf("%+v", tree)
		}
		for _, root := range tree {
			if root.Name == "Le Grand Verger" && (len(root.Children) != 1 || root.Children[0].Name != `Les "Pommiers"` || len(root.Children[0].Children) != 2) {
				t.Errorf("%+v", root)
			}
		}
		// A later file may hang places into those that are there.
		got = w.tried("places", "", "path,type\nLe Grand Verger / Les Pommiers / Cave,cellar\n")
		if got.totals != (importTotals{Rows: 1, New: 1}) {
			t.Errorf("%+v %v", got.totals, got.said())
		}
	})
}

func TestPlacesByCodeFindCyclesAndOrphans(t *testing.T) {
	w := newWorld(t)
	got := w.tried("places", "", "code;parent;type;name\n"+
		"H;B;hall;Hall\nB;E;building;Bâtiment\nE;;estate;Résidence\n"+
		"X;Y;building;X\nY;Z;building;Y\nZ;X;building;Z\nW;X;hall;W\n"+
		"S;S;hall;S\nO;nowhere;hall;O\nOO;O;hall;OO\n")
	w.says(got, "5 cycle parent", "6 cycle parent", "7 cycle parent", "8 parent_refused parent", "9 cycle parent", "10 orphan parent", "11 parent_refused parent")
	if got.totals != (importTotals{Rows: 10, New: 3, Refused: 7}) || len(w.places()) != 1 {
		t.Errorf("%+v %+v", got.totals, w.places())
	}
}

func TestARowThatWouldBreakTheMergedRecordIsRefusedAlone(t *testing.T) {
	onStores(t, func(t *testing.T, w *world) {
		w.tried("places", "", "code,type,name,dwellings\nA,building,A,10\nB,building,B,\nC,building,C,\n")
		got := w.tried("places", "", "code,type,name\nA,hall,A\nB,hall,B\nD,hall,D\n")
		w.says(got, "2 rule /dwellings")
		if got.totals != (importTotals{Rows: 3, New: 1, Changed: 1, Refused: 1}) {
			t.Errorf("%+v", got.totals)
		}
		// A rule that somebody broke before does not stand in the way of what is imported.
		p := w.newTablet("c-1", "consultant", false)
		for _, place := range w.places() {
			if place.Name == "C" {
				p.write(note{kind: "place", id: place.ID, values: map[syncengine.Path]any{"/inaccessible_since": newUUID(t).String()}})
			}
		}
		p.sync()
		got = w.tried("places", "", "code,type,name\nC,building,Bâtiment C\n")
		if got.totals != (importTotals{Rows: 1, Changed: 1}) {
			t.Errorf("%+v %v", got.totals, got.said())
		}
	})
}

func TestAnOrganisationThatIsThereByHandIsNotMadeAgain(t *testing.T) {
	w := newWorld(t)
	w.ask(w.coordinator, "POST", "/v1/ledgers/"+w.ledger+"/records", map[string]any{
		"kind": "actor", "values": map[string]any{"/name": "Office", "/siren": "552081317"},
	}).created(nil)
	got := w.tried("actors", "", "nom,siren,siret\nOffice public,552081317,\nLa Poste,356000000,\nLa Poste Sète,,35600000049837\n")
	w.says(got, "2 elsewhere siren")
	if again := w.tried("actors", "", "nom,siren\nLa Poste,356000000\n"); again.totals.Unchanged != 1 {
		t.Errorf("%+v %v", again.totals, again.said())
	}
}

func TestANeighbourhoodThatLostACommuneLosesItInTheList(t *testing.T) {
	w := newWorld(t)
	file := func(communes, name string) string {
		return `{"type":"FeatureCollection","features":[{"type":"Feature","properties":{"code_qp":"QP066007","nom_qp":"` + name + `","insee_com":"` + communes +
			`"},"geometry":{"type":"Polygon","coordinates":[[[2.9,42.7],[2.91,42.7],[2.91,42.71],[2.9,42.7]]]}}]}`
	}
	communes := func() string {
		var n struct {
			Name     string
			Communes []string
		}
		w.ask(w.lead, "GET", "/v1/neighbourhoods/QP066007", nil).ok(&n)
		return n.Name + " " + strings.Join(n.Communes, " ")
	}
	w.tried("outlines", "", file("66136,66037", "Vernet"))
	if got := communes(); got != "Vernet 66136 66037" {
		t.Errorf("%s", got)
	}
	if got := w.tried("outlines", "", file("66136", "")); got.totals.Changed != 1 || communes() != "Vernet 66136" {
		t.Errorf("%+v %s", got.totals, communes())
	}
}

func TestImportsThatCannotBeAreRefusedAsAWhole(t *testing.T) {
	w := newWorld(t)
	for name, test := range map[string]struct {
		token, kind, query, body string
		code                     wire.Code
	}{
		"unknown kind":        {w.coordinator, "castles", "", "x", wire.CodeNotFound},
		"unknown parameter":   {w.coordinator, "actors", "dryrun=true", "name\nx", wire.CodeInvalid},
		"no yes or no":        {w.coordinator, "actors", "dry_run=1", "name\nx", wire.CodeInvalid},
		"not a role for it":   {w.auditor, "actors", "", "name\nx", wire.CodeForbidden},
		"a lead's own kinds":  {w.lead, "actors", "", "name\nx", wire.CodeForbidden},
		"outlines of one":     {w.administrator, "outlines", "diagnostic=" + w.diagnostic.String(), "{}", wire.CodeInvalid},
		"not their list":      {w.coordinator, "outlines", "", "{}", wire.CodeForbidden},
		"no such diagnostic":  {w.coordinator, "actors", "diagnostic=" + newUUID(t).String(), "name\nx", wire.CodeNotFound},
		"empty":               {w.coordinator, "actors", "", "", wire.CodeInvalid},
		"no column":           {w.coordinator, "actors", "", "a;b\nx;y\n", wire.CodeInvalid},
		"a column twice":      {w.coordinator, "actors", "", "Nom;nom\nx;y\n", wire.CodeInvalid},
		"UTF-16":              {w.coordinator, "actors", "", "\xff\xfen\x00o\x00m\x00", wire.CodeInvalid},
		"path and parent":     {w.coordinator, "places", "", "path;parent;type\na;b;hall\n", wire.CodeInvalid},
		"no mapping":          {w.coordinator, "inspections", "", "a;b\nx;y\n", wire.CodeInvalid},
		"no collection":       {w.administrator, "outlines", "", `{"type":"Feature"}`, wire.CodeInvalid},
		"no JSON":             {w.administrator, "outlines", "", `nom;type`, wire.CodeInvalid},
		"Lambert-93":          {w.administrator, "outlines", "", `{"type":"FeatureCollection","features":[],"crs":{"properties":{"name":"EPSG:2154"}}}`, wire.CodeInvalid},
		"outlines in Latin-1": {w.administrator, "outlines", "", "{\"type\":\"FeatureCollection\",\"features\":[],\"x\":\"\xe9\"}", wire.CodeInvalid},
	} {
		t.Run(name, func(t *testing.T) { w.post(test.token, test.kind, test.query, "", test.body).refused(test.code) })
	}
}

func TestEncodingsAreFoundOut(t *testing.T) {
	w := newWorld(t)
	for name, test := range map[string]struct{ body, encoding, separator, shown string }{
		"UTF-8":          {"nom\tcode\nRégie\tA\n", "utf-8", "\t", "Régie"},
		"byte order":     {"\ufeffcode,nom\nB,Sète\n", "utf-8", ",", "Sète"},
		"Windows-1252":   {"code;nom\r\nC;R\xe9gie \x80\r\n", "windows-1252", ";", "Régie €"},
		"not normalised": {"code;nom\nD;Re\u0301gie D\n", "utf-8", ";", "Régie D"},
	} {
		t.Run(name, func(t *testing.T) {
			got := w.load("actors", "", "", test.body)
			if got.lines[0].Encoding != test.encoding || got.lines[0].Separator != test.separator || got.totals.New != 1 {
				t.Errorf("%+v", got)
			}
			if !slices.ContainsFunc(w.documents(), func(d string) bool { return strings.Contains(d, test.shown) }) {
				t.Errorf("%q is not there", test.shown)
			}
		})
	}
	got := w.load("actors", "", "", "code;nom\nE;Régie\nF;R\xe9gie\nG;Sète\n")
	w.says(got, "3 encoding nom")
}

func TestAllOutlinesOfARegionAreTaken(t *testing.T) {
	raw := sharedData(t, "qpv_occitanie.geojson")
	onStores(t, func(t *testing.T, w *world) {
		got := w.tried("outlines", "", raw)
		w.says(got)
		if got.totals != (importTotals{Rows: 105, New: 105}) {
			t.Fatalf("%+v", got.totals)
		}
		if again := w.tried("outlines", "", raw); again.totals != (importTotals{Rows: 105, Unchanged: 105}) {
			t.Errorf("again: %+v", again.totals)
		}
		count := func(query string) int {
			var list struct{ Neighbourhoods []struct{ Code string } }
			w.ask(w.coordinator, "GET", "/v1/neighbourhoods?limit=500"+query, nil).ok(&list)
			return len(list.Neighbourhoods)
		}
		for query, want := range map[string]int{"": 105, "&commune=66136": 9, "&commune=66": 10, "&q=vernet": 3, "&bbox=2.8,42.6,3.0,42.8": 10, "&bbox=-5,41,-4,42": 0} {
			if n := count(query); n != want {
				t.Errorf("%s: %d neighbourhoods, not %d", query, n, want)
			}
		}
	})
}
