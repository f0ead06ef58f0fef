package server_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// contested makes an observation whose litter rating two tablets changed at the same time: "2" and "3", after "1". It returns the record
// and the two changes.
func (w *world) contested() (uuid.UUID, syncengine.ChangeID, syncengine.ChangeID) {
	w.t.Helper()
	hall := w.place(map[string]any{"type": "hall", "name": "Hall B"})
	a, b := w.newTablet("c-"+newUUID(w.t).String()[24:], "consultant", false), w.newTablet("d-"+newUUID(w.t).String()[24:], "consultant", false)
	id := newUUID(w.t)
	first := a.write(note{kind: "observation", lineage: "cleanliness", id: id, values: map[syncengine.Path]any{
		"/place": hall.String(), "/visit": newUUID(w.t).String(), "/rater": string(a.account), "/litter/rating": "1",
	}})
	a.sync()
	over := map[syncengine.Path][]syncengine.ChangeID{"/litter/rating": {first}, "/": {first}}
	w.sleep(time.Minute)
	x := a.write(note{kind: "observation", lineage: "cleanliness", id: id, over: over, values: map[syncengine.Path]any{"/litter/rating": "2"}})
	w.sleep(time.Minute)
	y := b.write(note{kind: "observation", lineage: "cleanliness", id: id, over: over, values: map[syncengine.Path]any{"/litter/rating": "3"}})
	a.sync()
	b.sync()
	w.sleep(time.Minute)
	return id, x, y
}

func (w *world) settle(id uuid.UUID, body any) *reply {
	w.t.Helper()
	return w.ask(w.coordinator, "POST", w.recordPath("observation", id)+"/settle", body)
}

const litter = "/litter/rating"

func choose(path string, c syncengine.ChangeID) map[string]any {
	return map[string]any{path: map[string]any{"choose": c}}
}

func TestAConflictShowsBothValuesAndADecisionCoversThem(t *testing.T) {
	onStores(t, func(t *testing.T, w *world) {
		id, x, y := w.contested()
		v := w.read("observation", id)
		f := v.field(t, litter)
		if !f.Conflict || len(f.Survivors) != 2 || string(f.Shown) != `"3"` || !has(v.States, "conflict") || paths(v.Conflicts) != litter {
			t.Fatalf("not a conflict: %+v %v", f, v.States)
		}
		if f.Survivors[0].Change != x.String() || f.Survivors[0].Tablet == "" || f.Survivors[0].Author == f.Survivors[1].Author || f.Label != "Rating" {
			t.Fatalf("the survivors don't say where they are from: %+v", f)
		}
		var after recordView
		w.settle(id, map[string]any{"seen": v.Seen, "reason": "Photo 12.", "fields": choose(litter, x)}).ok(&after)
		f = after.field(t, litter)
		if f.Conflict || len(f.Survivors) != 1 || string(f.Shown) != `"2"` || !f.Survivors[0].Server || f.Survivors[0].Author != "coord-1" {
			t.Fatalf("not settled: %+v", f)
		}
		var history struct{ Changes []change }
		w.ask(w.coordinator, "GET", w.recordPath("observation", id)+"/history", nil).ok(&history)
		last := history.Changes[len(history.Changes)-1]
		want := []string{x.String(), y.String()}
		slices.Sort(want)
		got := slices.Sorted(slices.Values(last.Over[litter]))
		if len(history.Changes) != 4 || !slices.Equal(got, want) {
			t.Fatalf("the decision covers %v, want %v", got, want)
		}
		if len(last.Over["/"]) == 0 || string(last.Values["/"]) != "true" {
			t.Fatalf("the decision does not write the record's presence: %+v", last)
		}
		w.hasReview(id, last.Change)
	})
}

// hasReview checks that a review says why a decision was taken.
func (w *world) hasReview(target uuid.UUID, decision string) {
	w.t.Helper()
	var list struct {
		Records []struct {
			States   []string
			Document struct {
				Target           struct{ Kind, Record string }
				Changes, Paths   []string
				Decision, Reason string
				Reviewer         string
			}
		}
	}
	w.ask(w.coordinator, "GET", "/v1/ledgers/"+w.ledger+"/records?kind=review&target="+target.String(), nil).ok(&list)
	for _, r := range list.Records {
		d := r.Document
		if has(d.Changes, decision) {
			if d.Decision != "settled" || d.Reason == "" || d.Reviewer != "coord-1" || d.Target.Record != target.String() || !has(r.States, "clean") {
				w.t.Fatalf("the review is not whole: %+v", r)
			}
			return
		}
	}
	w.t.Fatalf("no review names the decision %s: %+v", decision, list)
}

func TestADecisionReachesTheTablets(t *testing.T) {
	w := newWorld(t)
	id, x, _ := w.contested()
	p := w.newTablet("late", "consultant", false)
	v := w.read("observation", id)
	w.settle(id, map[string]any{"seen": v.Seen, "reason": "Photo 12.", "fields": choose(litter, x)}).ok(nil)
	found := false
	for _, run := range p.sync().runs {
		for _, raw := range run.Lines {
			line, err := wire.DecodeLine(raw, run.Ledger)
			if err != nil {
				t.Fatal(err)
			}
			c := line.Change
			found = found || c.Record == id && c.Author == "coord-1" && c.Write(litter) != nil
		}
	}
	if !found {
		t.Fatal("the decision did not reach the tablet")
	}
}

func TestADecisionCanBeRevised(t *testing.T) {
	w := newWorld(t)
	id, x, y := w.contested()
	v := w.read("observation", id)
	w.settle(id, map[string]any{"seen": v.Seen, "reason": "Photo 12.", "fields": choose(litter, x)}).ok(&v)
	// A value that was replaced can be chosen after all.
	w.settle(id, map[string]any{"seen": v.Seen, "reason": "Photo 13 instead.", "fields": choose(litter, y)}).ok(v)
	if f := v.field(t, litter); string(f.Shown) != `"3"` || len(f.Survivors) != 1 {
		t.Fatalf("not revised: %+v", f)
	}
	w.settle(id, map[string]any{"seen": v.Seen, "reason": "Seen on site.", "fields": map[string]any{litter: map[string]any{"value": "4"}}}).ok(v)
	if f := v.field(t, litter); string(f.Shown) != `"4"` || len(f.Survivors) != 1 {
		t.Fatalf("not revised by another value: %+v", f)
	}
}

func TestAValueThatArrivesBeforeTheDecisionStopsIt(t *testing.T) {
	w := newWorld(t)
	id, x, y := w.contested()
	v := w.read("observation", id)
	p := w.newTablet("third", "consultant", false)
	z := p.write(note{kind: "observation", lineage: "cleanliness", id: id, values: map[syncengine.Path]any{litter: "4"}})
	p.sync()
	r := w.settle(id, map[string]any{"seen": v.Seen, "reason": "Photo 12.", "fields": choose(litter, x)}).refused(wire.CodeStale)
	if r.Record == nil || len(r.Record.field(t, litter).Survivors) != 3 || r.Record.Seen == "" {
		t.Fatalf("the refusal does not say what there is now: %+v", r.Record)
	}
	// With what it says, the decision can be taken at once, and covers all three.
	w.settle(id, map[string]any{"seen": r.Record.Seen, "reason": "Photo 12.", "fields": choose(litter, x)}).ok(v)
	if f := v.field(t, litter); len(f.Survivors) != 1 {
		t.Fatalf("not settled over %s, %s, %s: %+v", x, y, z, f)
	}
}

func TestOfTwoDecisionsAtOnceOneIsStale(t *testing.T) {
	onStores(t, func(t *testing.T, w *world) {
		id, x, y := w.contested()
		v := w.read("observation", id)
		var wait sync.WaitGroup
		answers := make([]*reply, 8)
		for i := range answers {
			c := []syncengine.ChangeID{x, y}[i%2]
			wait.Go(func() {
				answers[i] = w.settle(id, map[string]any{"seen": v.Seen, "reason": "Photo 12.", "fields": choose(litter, c)})
			})
		}
		wait.Wait()
		taken := 0
		for _, a := range answers {
			switch a.status {
			case http.StatusOK:
				taken++
			default:
				a.refused(wire.CodeStale)
			}
		}
		if f := w.read("observation", id).field(t, litter); taken != 1 || len(f.Survivors) != 1 {
			t.Fatalf("%d decisions were taken: %+v", taken, f)
		}
	})
}

func TestSeenIsTheServersOwnWordAboutOnePersonAndRecord(t *testing.T) {
	w := newWorld(t)
	id, x, _ := w.contested()
	other, _, _ := w.contested()
	v, elsewhere := w.read("observation", id), w.read("observation", other)
	var colleague recordView
	w.ask(w.unrestricted, "GET", w.recordPath("observation", id), nil).ok(&colleague)
	broken := []byte(v.Seen)
	broken[len(broken)/2] ^= 1
	for name, seen := range map[string]string{
		"none": "", "another record's": elsewhere.Seen, "another person's": colleague.Seen, "changed": string(broken), "made up": "eyJzZWVuIjp7fX0",
	} {
		t.Run(name, func(t *testing.T) {
			w.settle(id, map[string]any{"seen": seen, "reason": "Photo 12.", "fields": choose(litter, x)}).refused(wire.CodeInvalid)
		})
	}
	var auditor recordView
	w.ask(w.auditor, "GET", w.recordPath("observation", id), nil).ok(&auditor)
	if auditor.Seen != "" {
		t.Error("who writes nothing is given a token to write with")
	}
}

func TestADecisionMustSayWhatAndWhy(t *testing.T) {
	w := newWorld(t)
	id, x, _ := w.contested()
	v := w.read("observation", id)
	var hall struct{ Place string }
	if err := json.Unmarshal(v.Document, &hall); err != nil {
		t.Fatal(err)
	}
	other, foreign, _ := w.contested()
	_ = other
	for name, body := range map[string]map[string]any{
		"no reason":          {"seen": v.Seen, "fields": choose(litter, x)},
		"no field":           {"seen": v.Seen, "reason": "Photo 12.", "fields": map[string]any{}},
		"neither":            {"seen": v.Seen, "reason": "Photo 12.", "fields": map[string]any{litter: map[string]any{}}},
		"both":               {"seen": v.Seen, "reason": "Photo 12.", "fields": map[string]any{litter: map[string]any{"choose": x, "value": "2"}}},
		"unknown field":      {"seen": v.Seen, "reason": "Photo 12.", "fields": map[string]any{"/nowhere": map[string]any{"value": "2"}}},
		"wrong type":         {"seen": v.Seen, "reason": "Photo 12.", "fields": map[string]any{litter: map[string]any{"value": 2}}},
		"another record's":   {"seen": v.Seen, "reason": "Photo 12.", "fields": choose(litter, foreign)},
		"wrote nothing here": {"seen": v.Seen, "reason": "Photo 12.", "fields": choose("/glass/rating", x)},
	} {
		t.Run(name, func(t *testing.T) { w.settle(id, body).refused(wire.CodeInvalid) })
	}
	if f := w.read("observation", id).field(t, litter); len(f.Survivors) != 2 {
		t.Fatalf("a refused decision left something: %+v", f)
	}
	w.ask(w.coordinator, "POST", w.recordPath("observation", newUUID(t))+"/settle", map[string]any{
		"seen": v.Seen, "reason": "Photo 12.", "fields": choose(litter, x),
	}).refused(wire.CodeNotFound)
}

func TestADecisionMayBreakARuleAndSaysSo(t *testing.T) {
	w := newWorld(t)
	id, x, _ := w.contested()
	v := w.read("observation", id)
	w.ask(w.coordinator, "POST", w.recordPath("observation", id)+"/edit", map[string]any{"seen": v.Seen, "values": map[string]any{"/litter/urgent": true}}).ok(v)
	w.settle(id, map[string]any{"seen": v.Seen, "reason": "Nothing there.", "fields": map[string]any{litter: map[string]any{"value": "4"}}}).ok(v)
	if len(v.Violations) == 0 || v.Violations[0].Rule != "urgent_needs_a_defect" || v.Violations[0].Label == "" || !has(v.States, "violation") {
		t.Fatalf("the broken rule is not told: %+v", v.Violations)
	}
	_ = x
}

func TestADeletionBesideAnEditAsksForAPersonAndIsSettledAtThePresence(t *testing.T) {
	w := newWorld(t)
	id, _, _ := w.contested()
	v := w.read("observation", id)
	first := v.field(t, "/").Survivors[0]
	p := w.newTablet("third", "consultant", false)
	h, err := syncengine.ParseHash(first.Change)
	if err != nil {
		t.Fatal(err)
	}
	p.write(note{
		kind: "observation", lineage: "cleanliness", id: id, values: map[syncengine.Path]any{"/": false},
		over: map[syncengine.Path][]syncengine.ChangeID{"/": {{Hash: h}}},
	})
	p.sync()
	v = w.read("observation", id)
	if f := v.field(t, "/"); !f.Conflict || !v.Present {
		t.Fatalf("a deletion beside an edit is no conflict: %+v", f)
	}
	// Deciding a field in passing does not decide about the deletion.
	w.settle(id, map[string]any{"seen": v.Seen, "reason": "Photo 12.", "fields": map[string]any{litter: map[string]any{"value": "2"}}}).ok(v)
	if f := v.field(t, "/"); !f.Conflict {
		t.Fatalf("the deletion was decided in passing: %+v", f)
	}
	w.settle(id, map[string]any{"seen": v.Seen, "reason": "Twice entered.", "fields": map[string]any{"/": map[string]any{"value": false}}}).ok(v)
	if v.Present || string(v.Document) != "null" {
		t.Fatalf("the record is still there: %+v", v.field(t, "/"))
	}
}
