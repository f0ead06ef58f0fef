package demo

import (
	"errors"
	"testing"

	"github.com/arpenteur/arpenteur/internal/phrases"
	"github.com/arpenteur/arpenteur/syncengine"
)

func TestTheStoryIsToldAlikeInBothLanguages(t *testing.T) {
	fr, err := catalogue(phrases.French)
	if err != nil {
		t.Fatal(err)
	}
	en, err := catalogue(phrases.English)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range phrases.Differences(fr, en) {
		t.Error(d)
	}
	for _, o := range overlaps() {
		if !fr.Has("case." + o.name) {
			t.Errorf("the case %s is not told", o.name)
		}
	}
}

func TestACountThatContradictsALawIsAFailure(t *testing.T) {
	sound := Result{Conflicts: 2, Settled: 1, OpenConflicts: 1, InvalidMerges: 1, Photos: 3, PhotosSent: 3, PhotosResumed: 2, PeerChanges: 4, USBChanges: 4}
	if err := sound.broken(); err != nil {
		t.Fatalf("sound counts: %v", err)
	}
	for name, spoil := range map[string]func(r *Result){
		"a loss":                      func(r *Result) { r.Lost = 1 },
		"a difference":                func(r *Result) { r.Differing = 1 },
		"no conflict":                 func(r *Result) { r.Conflicts = 0 },
		"no invalid merge":            func(r *Result) { r.InvalidMerges = 0 },
		"a conflict that went away":   func(r *Result) { r.OpenConflicts = 0 },
		"nothing settled":             func(r *Result) { r.Settled = 0; r.OpenConflicts = 2 },
		"a photo that is not there":   func(r *Result) { r.PhotosSent = 2 },
		"no photo":                    func(r *Result) { r.Photos, r.PhotosSent = 0, 0 },
		"no photo resumed":            func(r *Result) { r.PhotosResumed = 0 },
		"nothing between tablets":     func(r *Result) { r.PeerChanges = 0 },
		"nothing by stick":            func(r *Result) { r.USBChanges = 0 },
		"a fault in the server's log": func(r *Result) { r.Faults = 1 },
	} {
		r := sound
		spoil(&r)
		if err := r.broken(); !errors.Is(err, ErrBroken) {
			t.Errorf("%s passes: %v", name, err)
		}
	}
}

func TestAgreementCountsThePointsThatBothRated(t *testing.T) {
	point := func(rating string) map[string]any { return map[string]any{"rating": rating} }
	var a agreement
	a.compare(
		map[string]any{"place": "x", "litter": point("1"), "glass": point("2"), "tags": point("3"), "urine": map[string]any{"urgent": true}},
		map[string]any{"place": "x", "litter": point("1"), "glass": point("3"), "stains": point("3"), "urine": point("1")},
	)
	if a.both != 2 || a.agreed != 1 {
		t.Errorf("agreed on %d of %d", a.agreed, a.both)
	}
}

func TestEachPlaceIsOnSomebodysRoute(t *testing.T) {
	d := &Demo{}
	estate().walk(func(p *place) { d.places = append(d.places, p) })
	visited := map[string]int{}
	for i := range 3 {
		for _, p := range d.route(i) {
			visited[p.name]++
		}
	}
	for _, p := range d.places {
		if p.kind != "estate" && visited[p.name] == 0 {
			t.Errorf("nobody visits %s", p.name)
		}
	}
	if visited[firstHall] != 2 {
		t.Errorf("%d people rate %s", visited[firstHall], firstHall)
	}
	for _, o := range overlaps() {
		if o.place != "" && d.named(o.place) == nil {
			t.Errorf("there is no place %s", o.place)
		}
		for _, path := range o.fields {
			if !path.Valid() || path == syncengine.RecordPresence {
				t.Errorf("%s: %q is no field", o.name, path)
			}
		}
	}
}
