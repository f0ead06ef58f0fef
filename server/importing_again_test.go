package server_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/arpenteur/arpenteur/server/imports"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// actorRows draws a file of actors, some of them bad or twice there.
func actorRows(random *rand.Rand, least int) string {
	var b strings.Builder
	b.WriteString("code;nom;type;siren\n")
	for i := range least + random.IntN(300) {
		code, kind, siren := i, "bailleur", ""
		switch random.IntN(20) {
		case 0:
			code = i / 2
		case 1:
			kind = "château"
		case 2:
			siren = "552081317"
		case 3:
			siren = "1"
		}
		fmt.Fprintf(&b, "C%d;Acteur %d;%s;%s\n", code, i, kind, siren)
	}
	return b.String()
}

// impatient is who leaves after so many steps of an import.
type impatient struct {
	*httptest.ResponseRecorder
	leave func()
	left  int
}

func (w *impatient) Write(b []byte) (int, error) {
	if bytes.Contains(b, []byte(`"event":"progress"`)) {
		if w.left--; w.left == 0 {
			w.leave()
		}
	}
	return w.ResponseRecorder.Write(b)
}

// cut imports a file of actors, and leaves after so many batches.
func (w *world) cut(body string, batches int) {
	w.t.Helper()
	ctx, leave := context.WithCancel(w.t.Context())
	defer leave()
	r := httptest.NewRequestWithContext(ctx, "POST", "/v1/imports/actors?diagnostic="+w.diagnostic.String(), strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+w.coordinator)
	out := &impatient{newRecorder(), leave, batches}
	w.network.ServeHTTP(out, r)
	if !strings.Contains(out.Body.String(), `"event":"error","code":"busy"`) || strings.Contains(out.Body.String(), `"event":"end"`) {
		w.t.Fatalf("an import that was left ends with %s", out.Body.String()[max(0, out.Body.Len()-300):])
	}
}

func TestAnImportThatWasCutGoesOnAndEndsAsInOneGo(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	for range 4 {
		body := actorRows(random, 1100)
		w := newWorld(t)
		batches := 1 + random.IntN(2)
		w.cut(body, batches)
		some := len(w.documents())
		if some < 100 {
			t.Fatalf("only %d records were kept of what was acknowledged", some)
		}
		rest := w.load("actors", "", "", body)
		if rest.totals.New == 0 || rest.totals.Unchanged < 300*batches {
			t.Fatalf("%+v", rest.totals)
		}
		cut := w.documents()
		again := w.load("actors", "", "", body)
		if again.totals.New+again.totals.Changed != 0 || !slices.Equal(cut, w.documents()) {
			t.Fatalf("again: %+v", again.totals)
		}
		// In one go all is the same.
		other := newWorld(t)
		whole := other.tried("actors", "", body)
		if !slices.Equal(names(cut), names(other.documents())) || !slices.Equal(whole.said(), rest.said()) {
			t.Fatalf("cut and resumed gave %d records, in one go %d", len(cut), len(other.documents()))
		}
	}
}

// names returns the documents of actors without their ids, which follow from each server's keys.
func names(documents []string) []string {
	var out []string
	for _, d := range documents {
		if kind, rest, _ := strings.Cut(d, " "); kind == "actor" {
			_, shown, _ := strings.Cut(rest, " ")
			out = append(out, shown)
		}
	}
	slices.Sort(out)
	return out
}

func TestADiagnosticStartsWithWhatTheListSaysOfItsNeighbourhood(t *testing.T) {
	w := newWorld(t)
	const outline = `{"type":"Polygon","coordinates":[[[2.9,42.7],[2.9,42.71],[2.91,42.71],[2.91,42.7],[2.9,42.7]]]}`
	got := w.tried("outlines", "", `{"type":"FeatureCollection","features":[
		{"type":"Feature","properties":{"code_qp":"QN06601A","nom_qp":"Vernet","code_commune":"66136, 66037"},"geometry":`+outline+`}]}`)
	if got.totals.New != 1 {
		t.Fatalf("%+v", got)
	}
	const turned = `"outline":{"coordinates":[[[2.9,42.7],[2.91,42.7],[2.91,42.71],[2.9,42.71],[2.9,42.7]]],"type":"Polygon"}`
	if r := w.ask(w.lead, "GET", "/v1/neighbourhoods/QN06601A", nil); !strings.Contains(string(r.body), turned) {
		t.Errorf("%s", r.body)
	}
	w.ask(w.lead, "GET", "/v1/neighbourhoods/QN06601B", nil).refused(wire.CodeNotFound)
	w.ask(w.lead, "GET", "/v1/neighbourhoods?bbox=1,2,3", nil).refused(wire.CodeInvalid)
	var d diagnostic
	w.ask(w.coordinator, "POST", "/v1/diagnostics", map[string]any{"name": "Vernet", "neighbourhood": "QN06601A", "neighbourhood_name": "Le Vernet"}).created(&d)
	var list struct{ Records []struct{ ID, Document any } }
	r := w.ask(w.coordinator, "GET", "/v1/ledgers/"+d.Ledger+"/records?kind=neighbourhood", nil)
	r.ok(&list)
	for _, part := range []string{turned, `"name":"Le Vernet"`, `"commune":"66136"`, `"commune":"66037"`, `"code_version":"qn_2024"`} {
		if !strings.Contains(string(r.body), part) {
			t.Errorf("%s is not in %s", part, r.body)
		}
	}
	// The next diagnostic has the neighbourhood under the same id.
	var again diagnostic
	w.ask(w.coordinator, "POST", "/v1/diagnostics", map[string]any{"name": "Vernet, après", "neighbourhood": "QN06601A"}).created(&again)
	id := fmt.Sprint(list.Records[0].ID)
	w.ask(w.coordinator, "GET", "/v1/ledgers/"+again.Ledger+"/records/neighbourhood/"+id, nil).ok(nil)
}

func TestAnImportOfTooMuchOrCutIsRefused(t *testing.T) {
	w := newWorld(t)
	w.post(w.coordinator, "inspections", "", strings.Repeat("x", imports.MaxMappingBytes+1), "a").refused(wire.CodeTooLarge)
	if testing.Short() {
		t.Skip("the rest writes 256 MiB")
	}
	r := httptest.NewRequestWithContext(t.Context(), "POST", "/v1/imports/actors?diagnostic="+w.diagnostic.String(), &endless{})
	r.Header.Set("Authorization", "Bearer "+w.coordinator)
	out := newRecorder()
	w.network.ServeHTTP(out, r)
	(&reply{t, "endless", out.Code, out.Header(), out.Body.Bytes()}).refused(wire.CodeTooLarge)
}

// endless is one cell that never ends.
type endless struct{}

func (e *endless) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = 'x'
	}
	return len(b), nil
}
