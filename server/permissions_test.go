package server_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/arpenteur/arpenteur/schemas"
	"github.com/arpenteur/arpenteur/server"
	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// expected says for every route which roles may ask it, written down a second time and by route: a table that is changed by accident
// shows here. Letters: A administrator, N national, C coordinator, L lead, c consultant, a actor, U auditor, l local; * needs no account,
// T is a tablet's.
func expected() map[string]string {
	return map[string]string{
		"POST /v1/sync":                                        "T",
		"POST /v1/enrolments":                                  "*",
		"POST /v1/returns":                                     "*",
		"POST /v1/successions":                                 "T",
		"POST /v1/photos/status":                               "T",
		"PATCH /v1/ledgers/{ledger}/photos/{hash}":             "T",
		"GET /openapi.json":                                    "*",
		"GET /healthz":                                         "*",
		"GET /readyz":                                          "*",
		"GET /metrics":                                         "Al",
		"POST /v1/backups":                                     "l",
		"POST /v1/compactions":                                 "Al",
		"GET /v1/me":                                           "ANCLcaUl",
		"GET /v1/audit":                                        "AUl",
		"GET /v1/tokens":                                       "Al",
		"POST /v1/tokens":                                      "Al",
		"DELETE /v1/tokens/{id}":                               "Al",
		"GET /v1/diagnostics":                                  "ANCLUl",
		"POST /v1/diagnostics":                                 "Cl",
		"GET /v1/diagnostics/{id}/places":                      "NCLUl",
		"POST /v1/diagnostics/{id}/places":                     "CLl",
		"GET /v1/neighbourhoods":                               "ANCLUl",
		"GET /v1/neighbourhoods/{code}":                        "ANCLUl",
		"POST /v1/imports/{kind}":                              "ACLl",
		"POST /v1/uploads":                                     "ACLl",
		"GET /v1/uploads/{id}":                                 "ACLl",
		"PATCH /v1/uploads/{id}":                               "ACLl",
		"DELETE /v1/uploads/{id}":                              "ACLl",
		"POST /v1/tickets":                                     "ACl",
		"GET /v1/devices":                                      "ACl",
		"POST /v1/devices/{replica}/grants":                    "Cl",
		"POST /v1/files":                                       "ACl",
		"POST /v1/devices/{replica}/revoke":                    "ACl",
		"GET /v1/checklists":                                   "ANCLUl",
		"GET /v1/ledgers/{ledger}/checklists":                  "ANCLUl",
		"POST /v1/ledgers/{ledger}/checklists":                 "Al",
		"GET /v1/ledgers/{ledger}/checklists/{version}":        "ANCLUl",
		"GET /v1/ledgers":                                      "NCLU",
		"GET /v1/events":                                       "NCLU",
		"GET /v1/ledgers/{ledger}/records":                     "NCLU",
		"GET /v1/ledgers/{ledger}/records/{kind}/{id}":         "NCLU",
		"GET /v1/ledgers/{ledger}/records/{kind}/{id}/history": "NCLU",
		"GET /v1/ledgers/{ledger}/changes/{id}":                "NCLU",
		"GET /v1/ledgers/{ledger}/notices":                     "NCLU",
		"GET /v1/ledgers/{ledger}/rulings":                     "NCLU",
		"GET /v1/ledgers/{ledger}/photos/{hash}":               "NCLU",
		"GET /v1/ledgers/{ledger}/export.csv":                  "NCLU",
		"GET /v1/ledgers/{ledger}/export.geojson":              "NCLU",
		"GET /v1/ledgers/{ledger}/export.ndjson":               "NCLU",
		"GET /v1/ledgers/{ledger}/history.csv":                 "NCLU",
		"GET /v1/ledgers/{ledger}/history.geojson":             "NCLU",
		"GET /v1/ledgers/{ledger}/history.ndjson":              "NCLU",
		"GET /v1/webhooks":                                     "ACl",
		"POST /v1/webhooks":                                    "C",
		"DELETE /v1/webhooks/{id}":                             "ACl",
		"POST /v1/webhooks/{id}/resume":                        "ACl",
		"POST /v1/ledgers/{ledger}/records":                    "CL",
		"POST /v1/ledgers/{ledger}/records/{kind}/{id}/edit":   "CL",
		"POST /v1/ledgers/{ledger}/records/{kind}/{id}/settle": "C",
		"POST /v1/ledgers/{ledger}/rulings":                    "C",
	}
}

func letter(role syncengine.Role) string {
	switch role {
	case syncengine.RoleAdministrator:
		return "A"
	case syncengine.RoleNational:
		return "N"
	case syncengine.RoleCoordinator:
		return "C"
	case syncengine.RoleLead:
		return "L"
	case syncengine.RoleConsultant:
		return "c"
	case syncengine.RoleActor:
		return "a"
	case syncengine.RoleAuditor:
		return "U"
	default:
		return "l"
	}
}

func TestEveryRouteAnswersTheRolesOfTheTableAndNoOther(t *testing.T) {
	w := newWorld(t)
	tokens := map[syncengine.Role]string{}
	for _, role := range schemas.Roles() {
		tokens[role] = w.makeToken(map[string]any{"account": "walker", "role": role})
	}
	want := expected()
	for _, rt := range server.Routes() {
		name := rt.Method + " " + rt.Path
		roles, listed := want[name]
		delete(want, name)
		if !listed {
			t.Errorf("%s is not in the test's table", name)
			continue
		}
		path := strings.NewReplacer(
			"{ledger}", w.ledger, "{kind}", "observation", "{id}", newUUID(t).String(), "{replica}", w.ledger, "{version}", w.ledger, "{hash}", w.ledger,
		).Replace(rt.Path)
		for _, role := range append(schemas.Roles(), server.RoleLocal) {
			may := roles == "*" || roles == "T" || strings.Contains(roles, letter(role))
			if server.Allowed(role, rt.Action) != may && rt.Action != "listen" {
				t.Errorf("the table says %v for %s as %s", !may, name, role)
			}
			if roles == "T" || path == "/v1/events" && may {
				continue // tested with signatures, and as a stream
			}
			var r *reply
			if role == server.RoleLocal {
				r = w.askLocal(rt.Method, path, nil)
			} else {
				r = w.ask(tokens[role], rt.Method, path, nil)
			}
			switch {
			case !may:
				r.refused(wire.CodeForbidden)
			case r.status == http.StatusForbidden, r.status == http.StatusUnauthorized, r.status >= 500:
				t.Errorf("%s as %s: %d %s", name, role, r.status, r.body)
			}
		}
		if roles != "*" {
			r := w.ask("", rt.Method, path, nil)
			if r.status != http.StatusUnauthorized {
				t.Errorf("%s without an account: %d %s", name, r.status, r.body)
			}
		}
	}
	for name := range want {
		t.Errorf("there is no route %s", name)
	}
}

func TestATokenIsNeededKnownAndNotExpired(t *testing.T) {
	w := newWorld(t)
	for name, token := range map[string]string{
		"unknown": "arp_" + strings.Repeat("A", 43), "of another kind": "ghp_abc", "empty": "arp_", "cut": w.coordinator[:len(w.coordinator)-1],
	} {
		t.Run(name, func(t *testing.T) {
			r := w.ask(token, "GET", "/v1/diagnostics", nil)
			r.refused(wire.CodeUnauthenticated)
			if !strings.HasPrefix(r.header.Get("WWW-Authenticate"), "Bearer") {
				t.Error("the answer does not say how to authenticate")
			}
		})
	}
	brief := w.makeToken(map[string]any{"account": "brief", "role": "coordinator", "expires": w.clock.Load() + 1000})
	w.ask(brief, "GET", "/v1/diagnostics", nil).ok(nil)
	w.sleep(2000_000_000)
	w.ask(brief, "GET", "/v1/diagnostics", nil).refused(wire.CodeUnauthenticated)
}

func TestARevokedTokenEndsAtOnceAndNoListHoldsATokenOrItsHash(t *testing.T) {
	onStores(t, func(t *testing.T, w *world) {
		var made struct{ ID, Token string }
		w.askLocal("POST", "/v1/tokens", map[string]any{"account": "x", "role": "auditor", "name": "Audit 9"}).created(&made)
		w.ask(made.Token, "GET", "/v1/diagnostics", nil).ok(nil)
		list := w.ask(w.administrator, "GET", "/v1/tokens", nil)
		list.ok(nil)
		if !strings.Contains(string(list.body), `"Audit 9"`) || strings.Contains(string(list.body), made.Token) {
			t.Fatalf("the list is wrong: %s", list.body)
		}
		for key := range dump(t, w.store) {
			if strings.Contains(key, made.Token) || strings.Contains(key, strings.TrimPrefix(made.Token, "arp_")) {
				t.Fatal("the store holds a token")
			}
		}
		w.ask(w.administrator, "DELETE", "/v1/tokens/"+made.ID, nil).is(http.StatusNoContent, nil)
		w.ask(made.Token, "GET", "/v1/diagnostics", nil).refused(wire.CodeUnauthenticated)
		w.ask(w.administrator, "DELETE", "/v1/tokens/"+made.ID, nil).refused(wire.CodeNotFound)
	})
}

func TestAPersonIsHeldToTheirDiagnostics(t *testing.T) {
	w := newWorld(t)
	other := w.order("Les Lilas", false)
	only := w.makeToken(map[string]any{"account": "only", "role": "coordinator", "diagnostics": []string{other.ID.String()}})
	var list struct{ Diagnostics []diagnostic }
	w.ask(only, "GET", "/v1/diagnostics", nil).ok(&list)
	if len(list.Diagnostics) != 1 || list.Diagnostics[0].ID != other.ID {
		t.Fatalf("not held to one diagnostic: %+v", list)
	}
	w.ask(only, "GET", "/v1/ledgers/"+other.Ledger+"/records", nil).ok(nil)
	w.ask(only, "GET", "/v1/ledgers/"+w.ledger+"/records", nil).refused(wire.CodeUnknownLedger)
	w.ask(only, "GET", "/v1/diagnostics/"+w.diagnostic.String()+"/places", nil).refused(wire.CodeNotFound)
	w.ask(only, "POST", "/v1/diagnostics/"+w.diagnostic.String()+"/places", map[string]any{"type": "hall"}).refused(wire.CodeNotFound)
	w.ask(only, "POST", "/v1/tickets", map[string]any{"role": "consultant", "diagnostics": []string{w.diagnostic.String()}}).refused(wire.CodeNotFound)
	w.ask(only, "POST", "/v1/diagnostics", map[string]any{"name": "N", "neighbourhood": "QP066007"}).refused(wire.CodeForbidden)
	p := w.newTablet("c-1", "consultant", false)
	w.ask(only, "POST", "/v1/devices/"+p.replica.String()+"/revoke", map[string]any{"reason": "Lost."}).refused(wire.CodeNotFound)
	var devices struct{ Devices []any }
	w.ask(only, "GET", "/v1/devices", nil).ok(&devices)
	if len(devices.Devices) != 0 {
		t.Fatalf("tablets of another diagnostic are shown: %+v", devices)
	}
}

// TestARestrictedLedgerIsInvisible compares every answer about the restricted ledger with the answer about one that does not exist.
func TestARestrictedLedgerIsInvisible(t *testing.T) {
	w := newWorld(t)
	p := w.newTablet("sec-1", "consultant", true)
	id := newUUID(t)
	p.write(note{ledger: w.restricted, kind: "observation", lineage: "public_security", id: id, values: map[syncengine.Path]any{
		"/place": newUUID(t).String(), "/visit": newUUID(t).String(), "/rater": "sec-1",
	}})
	p.sync()
	hidden := picture(t, 1, 64, 64)
	p.upload(named(t, w.restricted, hidden), hidden).created(nil)
	nowhere := wire.LeafHash(syncengine.Hash{1}, "x").String()
	for _, rt := range server.Routes() {
		if !strings.Contains(rt.Path, "{ledger}") {
			continue
		}
		for _, token := range []string{w.unrestricted, w.lead} {
			var bodies [][]byte
			for _, ledger := range []string{w.restricted, nowhere} {
				path := strings.NewReplacer("{ledger}", ledger, "{kind}", "observation", "{id}", id.String(), "{hash}", named(t, w.restricted, hidden).Hash.String(), "{version}", w.version(w.restricted, "public_security").String()).Replace(rt.Path)
				body := map[string]string{
					"/v1/ledgers/{ledger}/records": `{"kind":"task","values":{}}`, "/v1/ledgers/{ledger}/checklists": `{"content":{}}`,
					"/v1/ledgers/{ledger}/rulings":                    `{"type":"void","target":"` + nowhere + `","reason":"x"}`,
					"/v1/ledgers/{ledger}/records/{kind}/{id}/edit":   `{"seen":"","remove":["/"]}`,
					"/v1/ledgers/{ledger}/records/{kind}/{id}/settle": `{"seen":"","reason":"x","fields":{"/":{"value":true}}}`,
				}[rt.Path]
				r := w.ask(token, rt.Method, path, body)
				if r.status == http.StatusOK || r.status == http.StatusCreated {
					t.Fatalf("%s answers %d: %s", r.asked, r.status, r.body)
				}
				bodies = append(bodies, r.body)
			}
			if !slices.Equal(bodies[0], bodies[1]) {
				t.Errorf("%s %s tells the restricted ledger from none:\n%s\n%s", rt.Method, rt.Path, bodies[0], bodies[1])
			}
		}
	}
	for _, path := range []string{"/v1/ledgers", "/v1/diagnostics", "/v1/devices", "/v1/ledgers/" + w.ledger + "/rulings"} {
		r := w.ask(w.unrestricted, "GET", path, nil)
		r.ok(nil)
		if strings.Contains(string(r.body), w.restricted) {
			t.Errorf("%s names the restricted ledger: %s", path, r.body)
		}
	}
	w.ask(w.unrestricted, "POST", "/v1/tickets", map[string]any{
		"role": "consultant", "diagnostics": []string{w.diagnostic.String()}, "restricted": true,
	}).refused(wire.CodeInvalid)
	var open struct{ Ledgers []struct{ Ledger string } }
	w.ask(w.auditor, "GET", "/v1/ledgers", nil).ok(&open)
	if len(open.Ledgers) != 2 {
		t.Errorf("who may see both sees %+v", open)
	}
}
