package server_test

import (
	"context"
	"encoding/json"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// content reads the version in force of a checklist, as a document to make the next one of.
func (w *world) content(ledger, lineage string) (map[string]any, syncengine.VersionID) {
	w.t.Helper()
	version := w.version(ledger, lineage)
	doc := map[string]any{}
	w.ask(w.coordinator, "GET", "/v1/ledgers/"+ledger+"/checklists/"+version.String(), nil).ok(&doc)
	return doc, version
}

func (w *world) publish(ledger string, content any) *reply {
	w.t.Helper()
	w.known.Clear()
	return w.askLocal("POST", "/v1/ledgers/"+ledger+"/checklists", map[string]any{"content": content})
}

// successor is the next version of cleanliness, in which the litter is called rubbish.
func (w *world) successor() map[string]any {
	w.t.Helper()
	doc, version := w.content(w.ledger, "cleanliness")
	words := doc["x-arpenteur"].(map[string]any)
	words["previous"] = version
	words["lens"] = map[string]any{"rename": map[string]any{"/litter": "/rubbish"}}
	properties := doc["properties"].(map[string]any)
	properties["rubbish"] = properties["litter"]
	delete(properties, "litter")
	raw, err := json.Marshal(doc)
	if err != nil {
		w.t.Fatal(err)
	}
	var out map[string]any
	if err := json.Unmarshal([]byte(strings.Replace(string(raw), `"litter"`, `"rubbish"`, 1)), &out); err != nil {
		w.t.Fatal(err)
	}
	return out
}

func TestANewVersionIsReadAtOnceAndRecordsAreMergedAnewBehindIt(t *testing.T) {
	onStores(t, func(t *testing.T, w *world) {
		p := w.newTablet("c-1", "consultant", false)
		for range 30 {
			p.observe(newUUID(t), map[syncengine.Path]any{litter: "2"})
		}
		late := newUUID(t)
		n := note{kind: "observation", lineage: "cleanliness", id: late, values: map[syncengine.Path]any{
			"/place": newUUID(t).String(), "/visit": newUUID(t).String(), "/rater": "c-1", litter: "1",
		}}
		p.sync()
		p.write(n) // under the old version, brought after the new one
		var made struct {
			Lineage  string
			Version  syncengine.VersionID
			Versions []syncengine.VersionID
		}
		next := w.successor()
		w.publish(w.ledger, next).created(&made)
		if len(made.Versions) != 2 || made.Versions[1] != made.Version || made.Lineage != "cleanliness" {
			t.Fatalf("%+v", made)
		}
		w.publish(w.ledger, next).created(&made) // again is harmless
		if len(made.Versions) != 2 {
			t.Fatalf("published twice: %+v", made)
		}
		if h := p.sync(); len(h.remarks) != 0 {
			t.Fatalf("%+v", h.remarks[0])
		}
		v := w.read("observation", late)
		if f := v.field(t, "/rubbish/rating"); string(f.Shown) != `"1"` {
			t.Fatalf("%+v", f)
		}
		if err := w.s.Refresh(context.Background()); err != nil {
			t.Fatal(err)
		}
		rows, names := w.table("kind=observation")
		if len(rows) != 31 || !has(names, "rubbish/rating") || has(names, "litter/rating") {
			t.Fatalf("%d rows of %v", len(rows), names)
		}
		for _, row := range rows {
			if row["rubbish/rating"] == "" {
				t.Fatalf("a record lost its value: %v", row)
			}
		}
	})
}

func TestMergingAnewGoesOnAfterAStop(t *testing.T) {
	w := newWorld(t)
	p := w.newTablet("c-1", "consultant", false)
	for range 5 {
		p.observe(newUUID(t), map[syncengine.Path]any{litter: "2"})
	}
	p.sync()
	next := w.successor()
	next["required"] = []string{"place", "visit", "rater", "observed_at"} // which none of them has
	w.s.Close()                                                           // the background work ends; the publication is kept all the same
	w.publish(w.ledger, next).created(nil)
	w.start()
	if err := w.s.Refresh(context.Background()); err != nil {
		t.Fatal(err)
	}
	if got := w.records(url.Values{"kind": {"observation"}, "state": {"violation"}}); len(got.Records) != 5 {
		t.Fatalf("%d records are found by what the new version says of them", len(got.Records))
	}
}

func TestTheBackgroundFinishesByItself(t *testing.T) {
	w := newWorld(t)
	p := w.newTablet("c-1", "consultant", false)
	for range 5 {
		p.observe(newUUID(t), map[syncengine.Path]any{litter: "2"})
	}
	p.sync()
	w.publish(w.ledger, w.successor()).created(nil)
	for range 200 {
		done := true
		for key := range dump(t, w.store) {
			done = done && !strings.HasPrefix(key, "refresh ")
		}
		if done {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatal("records are still to be merged anew")
}

func TestAVersionThatWouldLoseSomethingIsRefusedWithEveryReason(t *testing.T) {
	w := newWorld(t)
	w.publish(w.ledger, w.successor()).created(nil)
	old, _ := w.content(w.ledger, "place")
	r := w.publish(w.ledger, old)
	r.created(nil) // it is the one in force
	old["title"] = "changed"
	p := w.publish(w.ledger, old).refused(wire.CodeInvalid)
	if len(p.Problems) == 0 {
		t.Fatalf("%+v", p)
	}
	doc, version := w.content(w.ledger, "cleanliness")
	doc["x-arpenteur"].(map[string]any)["previous"] = version
	delete(doc["x-arpenteur"].(map[string]any), "lens")
	delete(doc["properties"].(map[string]any), "glass")
	if p := w.publish(w.ledger, doc).refused(wire.CodeInvalid); len(p.Problems) == 0 {
		t.Fatalf("%+v", p)
	}
	security, _ := w.content(w.restricted, "public_security")
	w.publish(w.ledger, security).refused(wire.CodeInvalid)
	cleanliness, _ := w.content(w.ledger, "cleanliness")
	delete(cleanliness["x-arpenteur"].(map[string]any), "previous")
	delete(cleanliness["x-arpenteur"].(map[string]any), "lens")
	w.publish(w.restricted, cleanliness).refused(wire.CodeInvalid)
	for _, content := range []any{nil, "x", 3, []any{}, map[string]any{}} {
		w.publish(w.ledger, content).refused(wire.CodeInvalid)
	}
	w.ask(w.coordinator, "GET", "/v1/ledgers/"+w.ledger+"/checklists/nonsense", nil).refused(wire.CodeNotFound)
	w.ask(w.coordinator, "GET", "/v1/ledgers/"+w.ledger+"/checklists/"+w.ledger, nil).refused(wire.CodeNotFound)
	var builtin struct{ Checklists []struct{ Lineage string } }
	w.ask(w.administrator, "GET", "/v1/checklists", nil).ok(&builtin)
	if len(builtin.Checklists) != 18 {
		t.Fatalf("%d checklists come with the program", len(builtin.Checklists))
	}
}
