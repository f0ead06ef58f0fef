package server_test

import (
	"net/http"
	"testing"

	"github.com/google/uuid"

	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

func (w *world) create(token string, body map[string]any) *reply {
	w.t.Helper()
	return w.ask(token, "POST", "/v1/ledgers/"+w.ledger+"/records", body)
}

func (w *world) edit(token, kind string, id uuid.UUID, body map[string]any) *reply {
	w.t.Helper()
	return w.ask(token, "POST", w.recordPath(kind, id)+"/edit", body)
}

func TestARecordIsMadeEditedAndRemoved(t *testing.T) {
	onStores(t, func(t *testing.T, w *world) {
		var v recordView
		sign := newUUID(t).String()
		w.create(w.coordinator, map[string]any{"kind": "actor", "values": map[string]any{"/name": "Office public", "/siren": "732829320"}}).created(&v)
		w.edit(w.coordinator, "actor", v.ID, map[string]any{"seen": v.Seen, "values": map[string]any{"/name": "Office public de l'habitat"}, "remove": []string{"/siren"}}).ok(&v)
		if string(v.field(t, "/name").Shown) != `"Office public de l'habitat"` || string(v.field(t, "/siren").Shown) != "null" || len(v.field(t, "/name").Survivors) != 1 {
			t.Fatalf("%+v", v.Fields)
		}
		var visit recordView
		w.create(w.coordinator, map[string]any{"kind": "neighbourhood", "values": map[string]any{
			"/programmes/anru/": true, "/other_communes/" + sign + "/": true, "/other_communes/" + sign + "/commune": "66136",
		}}).created(&visit)
		if string(visit.Document) != `{"other_communes":[{"commune":"66136","id":"`+sign+`"}],"programmes":["anru"]}` {
			t.Fatalf("%s", visit.Document)
		}
		w.edit(w.coordinator, "neighbourhood", visit.ID, map[string]any{"seen": visit.Seen, "remove": []string{"/programmes/anru/", "/other_communes/" + sign + "/"}}).ok(&visit)
		if string(visit.Document) != `{}` {
			t.Fatalf("%s", visit.Document)
		}
		w.edit(w.coordinator, "actor", v.ID, map[string]any{"seen": v.Seen, "remove": []string{"/"}}).ok(&v)
		if v.Present || !has(v.States, "absent") {
			t.Fatalf("still there: %+v", v.States)
		}
	})
}

func TestMakingARecordAgainChangesNothing(t *testing.T) {
	w := newWorld(t)
	id := newUUID(t)
	var first, again recordView
	w.create(w.coordinator, map[string]any{"kind": "actor", "id": id, "values": map[string]any{"/name": "Ville"}}).created(&first)
	w.create(w.coordinator, map[string]any{"kind": "actor", "id": id, "values": map[string]any{"/name": "Autre"}}).ok(&again)
	if again.Changes != 1 || string(again.field(t, "/name").Shown) != `"Ville"` {
		t.Fatalf("%+v", again)
	}
}

func TestAnEditOverWhatHasMovedOnIsStale(t *testing.T) {
	w := newWorld(t)
	var v, other recordView
	w.create(w.coordinator, map[string]any{"kind": "actor", "values": map[string]any{"/name": "Ville"}}).created(&v)
	w.ask(w.unrestricted, "GET", w.recordPath("actor", v.ID), nil).ok(&other)
	w.edit(w.unrestricted, "actor", v.ID, map[string]any{"seen": other.Seen, "values": map[string]any{"/name": "Ville de P."}}).ok(nil)
	r := w.edit(w.coordinator, "actor", v.ID, map[string]any{"seen": v.Seen, "values": map[string]any{"/name": "Mairie"}}).refused(wire.CodeStale)
	if r.Record == nil || string(r.Record.field(t, "/name").Shown) != `"Ville de P."` {
		t.Fatalf("%+v", r.Record)
	}
	// Another field than the one that moved can still be edited.
	w.edit(w.coordinator, "actor", v.ID, map[string]any{"seen": v.Seen, "values": map[string]any{"/siren": "732829320"}}).ok(&v)
	if len(v.field(t, "/name").Survivors) != 1 || len(v.Violations) > 0 {
		t.Fatalf("%+v", v)
	}
}

func TestAnEditIsHeldToRoleKindAndRules(t *testing.T) {
	w := newWorld(t)
	p := w.newTablet("c-1", "consultant", false)
	mine := p.observe(newUUID(t), map[syncengine.Path]any{litter: "2"})
	p.sync()
	v := w.read("observation", mine)
	var byLead, place recordView
	w.ask(w.lead, "GET", w.recordPath("observation", mine), nil).ok(&byLead)
	w.create(w.lead, map[string]any{"kind": "place", "values": map[string]any{"/type": "hall"}}).created(&place)
	w.edit(w.lead, "place", place.ID, map[string]any{"seen": place.Seen, "values": map[string]any{"/name": "Hall C"}}).ok(nil)
	var own recordView
	w.create(w.lead, map[string]any{"kind": "observation", "checklist": "cleanliness", "values": map[string]any{
		"/place": place.ID.String(), "/visit": newUUID(t).String(), "/rater": "lead-1",
	}}).created(&own)
	w.edit(w.lead, "observation", own.ID, map[string]any{"seen": own.Seen, "values": map[string]any{litter: "3"}}).ok(nil)

	for name, test := range map[string]struct {
		reply *reply
		code  wire.Code
	}{
		"a kind the role doesn't write": {w.create(w.lead, map[string]any{"kind": "actor", "values": map[string]any{}}), wire.CodeForbidden},
		"somebody else's record":        {w.edit(w.lead, "observation", mine, map[string]any{"seen": byLead.Seen, "values": map[string]any{litter: "3"}}), wire.CodeForbidden},
		"an unknown kind":               {w.create(w.coordinator, map[string]any{"kind": "thing", "values": map[string]any{}}), wire.CodeInvalid},
		"no checklist":                  {w.create(w.coordinator, map[string]any{"kind": "observation", "values": map[string]any{}}), wire.CodeInvalid},
		"another kind's checklist":      {w.create(w.coordinator, map[string]any{"kind": "actor", "checklist": "place", "values": map[string]any{}}), wire.CodeInvalid},
		"an unknown field":              {w.create(w.coordinator, map[string]any{"kind": "actor", "values": map[string]any{"/nowhere": 1}}), wire.CodeInvalid},
		"a bad path":                    {w.create(w.coordinator, map[string]any{"kind": "actor", "values": map[string]any{"name": "x"}}), wire.CodeInvalid},
		"a wrong type":                  {w.create(w.coordinator, map[string]any{"kind": "actor", "values": map[string]any{"/name": 1}}), wire.CodeInvalid},
		"a broken rule":                 {w.create(w.coordinator, map[string]any{"kind": "actor", "values": map[string]any{"/name": "x", "/siren": "123456789"}}), wire.CodeInvalid},
		"an edit of nothing":            {w.edit(w.coordinator, "observation", mine, map[string]any{"seen": v.Seen}), wire.CodeInvalid},
		"set and removed":               {w.edit(w.coordinator, "observation", mine, map[string]any{"seen": v.Seen, "values": map[string]any{litter: "1"}, "remove": []string{litter}}), wire.CodeInvalid},
		"what is fixed":                 {w.edit(w.coordinator, "observation", mine, map[string]any{"seen": v.Seen, "values": map[string]any{"/rater": "coord-1"}}), wire.CodeInvalid},
		"a new broken rule":             {w.edit(w.coordinator, "observation", mine, map[string]any{"seen": v.Seen, "values": map[string]any{litter: "4", "/litter/urgent": true}}), wire.CodeInvalid},
		"no such record":                {w.edit(w.coordinator, "observation", newUUID(t), map[string]any{"seen": v.Seen, "values": map[string]any{litter: "4"}}), wire.CodeNotFound},
		"public kind in the restricted": {w.ask(w.coordinator, "POST", "/v1/ledgers/"+w.restricted+"/records", map[string]any{"kind": "place", "values": map[string]any{"/type": "hall"}}), wire.CodeInvalid},
	} {
		t.Run(name, func(t *testing.T) { test.reply.refused(test.code) })
	}
	if after := w.read("observation", mine); after.Changes != 1 {
		t.Fatalf("a refused edit left something: %d changes", after.Changes)
	}
}

func TestWhoDoesNotSettleReplacesOnlyTheirOwnAtAConflict(t *testing.T) {
	w := newWorld(t)
	hall := w.place(map[string]any{"type": "hall"})
	p := w.newTablet("c-1", "consultant", false)
	p.write(note{kind: "place", id: hall, values: map[syncengine.Path]any{"/name": "Hall du fond"}})
	var v recordView
	w.ask(w.lead, "GET", w.recordPath("place", hall), nil).ok(&v)
	w.edit(w.lead, "place", hall, map[string]any{"seen": v.Seen, "values": map[string]any{"/name": "Hall B"}}).ok(nil)
	p.sync()
	w.ask(w.lead, "GET", w.recordPath("place", hall), nil).ok(&v)
	if f := v.field(t, "/name"); !f.Conflict || len(f.Survivors) != 2 {
		t.Fatalf("%+v", f)
	}
	w.edit(w.lead, "place", hall, map[string]any{"seen": v.Seen, "values": map[string]any{"/name": "Hall B, côté cour"}}).ok(&v)
	f := v.field(t, "/name")
	if len(f.Survivors) != 2 || !f.Conflict {
		t.Fatalf("the value of another was replaced: %+v", f)
	}
	w.ask(w.lead, "POST", w.recordPath("place", hall)+"/settle", map[string]any{}).is(http.StatusForbidden, nil)
}
