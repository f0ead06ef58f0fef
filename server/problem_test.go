package server_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/arpenteur/arpenteur/syncengine/store"
	"github.com/arpenteur/arpenteur/syncengine/store/storetest"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

func TestARefusalSpeaksTheAskersLanguage(t *testing.T) {
	w := newWorld(t)
	for accepted, want := range map[string]string{
		"": "en", "fr": "fr", "fr-CA, en;q=0.5": "fr", "en, fr;q=0.9": "en", "de": "en", "de, fr;q=0.3": "fr", "nonsense;;": "en", "*": "en",
	} {
		r := httptest.NewRequestWithContext(t.Context(), "GET", "/v1/nowhere", nil)
		r.Header.Set("Accept-Language", accepted)
		answer := w.serve(r)
		answer.refused(wire.CodeNotFound)
		if answer.header.Get("Content-Language") != want || strings.Contains(string(answer.body), "élément introuvable") != (want == "fr") {
			t.Errorf("%q: %v %s", accepted, answer.header, answer.body)
		}
	}
}

func TestAddressesAndMethodsThatAreNotThereAreProblems(t *testing.T) {
	w := newWorld(t)
	w.ask(w.coordinator, "GET", "/v1/nowhere", nil).refused(wire.CodeNotFound)
	r := w.ask(w.coordinator, "PUT", "/v1/diagnostics", nil)
	if r.status != http.StatusMethodNotAllowed || !strings.Contains(string(r.body), `"status":405`) || r.header.Get("Content-Type") != wire.ProblemMediaType {
		t.Fatalf("%d %v %s", r.status, r.header, r.body)
	}
	if allow := r.header.Values("Allow"); paths(allow) != "GET POST" {
		t.Fatalf("%v", allow)
	}
}

func TestABodyIsReadStrictly(t *testing.T) {
	w := newWorld(t)
	good := `{"account":"x","role":"auditor"}`
	for name, test := range map[string]struct {
		body string
		code wire.Code
	}{
		"none":               {"", wire.CodeMalformed},
		"no JSON":            {"{", wire.CodeMalformed},
		"two values":         {good + good, wire.CodeMalformed},
		"a key twice":        {`{"account":"x","account":"y","role":"auditor"}`, wire.CodeMalformed},
		"an unknown member":  {`{"account":"x","role":"auditor","admin":true}`, wire.CodeMalformed},
		"another case":       {`{"Account":"x","role":"auditor"}`, wire.CodeMalformed},
		"a wrong type":       {`{"account":1,"role":"auditor"}`, wire.CodeMalformed},
		"an array":           {`[]`, wire.CodeMalformed},
		"no UTF-8":           {"{\"account\":\"\xff\",\"role\":\"auditor\"}", wire.CodeMalformed},
		"no UUID":            {`{"account":"x","role":"auditor","diagnostics":["x"]}`, wire.CodeInvalid},
		"too deep":           {strings.Repeat("[", 40) + strings.Repeat("]", 40), wire.CodeTooDeep},
		"too large":          {`{"account":"` + strings.Repeat("x", 1<<20) + `"}`, wire.CodeTooLarge},
		"a bad account":      {`{"account":"M. Durand","role":"auditor"}`, wire.CodeInvalid},
		"the server's own":   {`{"account":"server","role":"auditor"}`, wire.CodeInvalid},
		"an unknown role":    {`{"account":"x","role":"local"}`, wire.CodeInvalid},
		"a past expiry":      {`{"account":"x","role":"auditor","expires":1}`, wire.CodeInvalid},
		"never restricted":   {`{"account":"x","role":"national","restricted":true}`, wire.CodeInvalid},
		"unknown diagnostic": {`{"account":"x","role":"auditor","diagnostics":["0190f2c0-0000-7000-8000-000000000001"]}`, wire.CodeNotFound},
	} {
		t.Run(name, func(t *testing.T) { w.askLocal("POST", "/v1/tokens", test.body).refused(test.code) })
	}
	w.askLocal("POST", "/v1/tokens", " { \"role\" : \"auditor\",\n\"account\":\"x\"} ").created(nil)
}

func TestOrdersThatCannotBeAreRefused(t *testing.T) {
	w := newWorld(t)
	p := w.newTablet("c-1", "consultant", false)
	device := "/v1/devices/" + p.replica.String()
	id := w.diagnostic.String()
	for name, test := range map[string]struct {
		path string
		body map[string]any
		code wire.Code
	}{
		"a diagnostic without a name": {"/v1/diagnostics", map[string]any{"neighbourhood": "QP066007"}, wire.CodeInvalid},
		"a bad neighbourhood":         {"/v1/diagnostics", map[string]any{"name": "x", "neighbourhood": "66007"}, wire.CodeInvalid},
		"a bad list of codes":         {"/v1/diagnostics", map[string]any{"name": "x", "neighbourhood": "QP066007", "neighbourhood_version": "2015"}, wire.CodeInvalid},
		"a code of another list":      {"/v1/diagnostics", map[string]any{"name": "x", "neighbourhood": "QP066007", "neighbourhood_version": "zus_1996"}, wire.CodeInvalid},
		"a bad commune":               {"/v1/diagnostics", map[string]any{"name": "x", "neighbourhood": "QP066007", "commune": "661"}, wire.CodeInvalid},
		"a ticket for a reader":       {"/v1/tickets", map[string]any{"role": "auditor"}, wire.CodeInvalid},
		"a ticket without a role":     {"/v1/tickets", map[string]any{}, wire.CodeInvalid},
		"a ticket for nobody":         {"/v1/tickets", map[string]any{"role": "consultant", "account": "A B"}, wire.CodeInvalid},
		"a ticket to nowhere":         {"/v1/tickets", map[string]any{"role": "consultant", "diagnostics": []any{newUUID(t)}}, wire.CodeNotFound},
		"a restricted actor":          {"/v1/tickets", map[string]any{"role": "actor", "diagnostics": []any{id}, "restricted": true}, wire.CodeInvalid},
		"a grant of nothing":          {device + "/grants", map[string]any{}, wire.CodeInvalid},
		"a grant of nowhere":          {device + "/grants", map[string]any{"diagnostics": []any{newUUID(t)}}, wire.CodeNotFound},
		"a grant to nobody":           {"/v1/devices/" + w.ledger + "/grants", map[string]any{"diagnostics": []any{id}}, wire.CodeNotFound},
		"a grant to no replica":       {"/v1/devices/x/grants", map[string]any{"diagnostics": []any{id}}, wire.CodeNotFound},
		"a revocation of nobody":      {"/v1/devices/" + w.ledger + "/revoke", map[string]any{"reason": "Lost."}, wire.CodeNotFound},
		"half a cut":                  {device + "/revoke", map[string]any{"reason": "Lost.", "ledger": w.ledger, "cut": map[string]any{"seq": 3}}, wire.CodeInvalid},
	} {
		t.Run(name, func(t *testing.T) { w.ask(w.coordinator, "POST", test.path, test.body).refused(test.code) })
	}
	var list struct{ Diagnostics []diagnostic }
	w.ask(w.coordinator, "GET", "/v1/diagnostics", nil).ok(&list)
	if len(list.Diagnostics) != 1 {
		t.Fatalf("a refused order left something: %+v", list)
	}
	admin := w.ask(w.administrator, "POST", "/v1/tickets", map[string]any{"role": "consultant", "diagnostics": []any{id}})
	admin.refused(wire.CodeForbidden)
	w.ask(w.administrator, "POST", "/v1/tickets", map[string]any{"role": "consultant"}).created(nil)
}

func TestADiagnosticIsOrderedOnce(t *testing.T) {
	w := newWorld(t)
	order := map[string]any{"id": newUUID(t), "name": "Les Lilas", "neighbourhood": "QP066007", "public_security": true}
	var first, again diagnostic
	w.ask(w.coordinator, "POST", "/v1/diagnostics", order).created(&first)
	w.ask(w.coordinator, "POST", "/v1/diagnostics", order).ok(&again)
	if first != again || first.Restricted == "" {
		t.Fatalf("%+v, %+v", first, again)
	}
	w.ask(w.unrestricted, "POST", "/v1/diagnostics", order).ok(&again)
	if again.Restricted != "" {
		t.Fatalf("the restricted ledger is told to somebody whom it is closed to: %+v", again)
	}
}

// failing is a store that can't be used for a reason.
type failing struct {
	store.Store
	err error
}

func (f *failing) View(context.Context, func(store.Reader) error) error   { return f.err }
func (f *failing) Update(context.Context, func(store.Writer) error) error { return f.err }

func TestAStoreThatFailsIsToldByItsCodeAndNothingElse(t *testing.T) {
	for err, code := range map[error]wire.Code{
		store.ErrFull: wire.CodeFull, store.ErrClosed: wire.CodeBusy, context.DeadlineExceeded: wire.CodeBusy, errors.New("secret of the file system"): wire.CodeInternal,
	} {
		memory := storetest.NewMemory()
		w := newWorldOn(t, memory)
		w.store = &failing{memory, err}
		w.start()
		for _, path := range []string{"/v1/diagnostics", "/v1/ledgers/" + w.ledger + "/records"} {
			r := w.ask(w.coordinator, "GET", path, nil)
			p := r.refused(code)
			if strings.Contains(string(r.body), "secret") {
				t.Errorf("%s", r.body)
			}
			id := r.header.Get("Arpenteur-Request")
			if code == wire.CodeInternal && (p.Detail != "request "+id || !strings.Contains(w.log.String(), id) || !strings.Contains(w.log.String(), "secret of the")) {
				t.Errorf("the log does not have the defect of request %s: %s", id, r.body)
			}
			if code == wire.CodeBusy && r.header.Get("Retry-After") == "" {
				t.Error("nothing says when to try again")
			}
		}
		w.ask("", "GET", "/healthz", nil).ok(nil)
		if r := w.ask("", "GET", "/readyz", nil); r.status != http.StatusServiceUnavailable && r.status != http.StatusInsufficientStorage {
			t.Errorf("%d %s", r.status, r.body)
		}
	}
}

func TestAFullDiskOnWritingIsTold(t *testing.T) {
	memory := storetest.NewMemory()
	w := newWorldOn(t, memory)
	memory.FailNext(store.ErrFull)
	w.create(w.coordinator, map[string]any{"kind": "actor", "values": map[string]any{"/name": "Ville"}}).refused(wire.CodeFull)
	w.create(w.coordinator, map[string]any{"kind": "actor", "values": map[string]any{"/name": "Ville"}}).created(nil)
}

func TestTheLogHoldsNothingOfAPersonsWordsOrRecords(t *testing.T) {
	w := newWorld(t)
	id, x, _ := w.contested()
	v := w.read("observation", id)
	w.settle(id, map[string]any{"seen": v.Seen, "reason": "Seen by M. Durand.", "fields": choose(litter, x)}).ok(nil)
	w.ask(w.coordinator, "GET", "/v1/ledgers/"+w.ledger+"/records?rater=durand", nil).ok(nil)
	w.ask(w.coordinator, "GET", "/v1/durand", nil).refused(wire.CodeNotFound)
	log := w.log.String()
	for _, word := range []string{"urand", id.String(), w.ledger, w.coordinator} {
		if strings.Contains(log, word) {
			t.Errorf("the log holds %q", word)
		}
	}
	if !strings.Contains(log, `"route":"/v1/ledgers/{ledger}/records/{kind}/{id}/settle"`) {
		t.Error("the log does not name the route")
	}
	r := w.ask(w.administrator, "GET", "/metrics", nil)
	r.ok(nil)
	if !bytes.Contains(r.body, []byte(`arpenteur_http_requests_total{method="POST",route="/v1/sync",status="200"}`)) || bytes.Contains(r.body, []byte(id.String())) {
		t.Error("the metrics are not what they should be")
	}
}
