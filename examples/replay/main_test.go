package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// replayed runs the program on a file and returns its result.
func replayed(t *testing.T, o options) *result {
	t.Helper()
	var told bytes.Buffer
	r, err := run(t.Context(), &told, o)
	if err != nil {
		t.Fatalf("%v, after:\n%s", err, told.Bytes())
	}
	t.Logf("%s", told.Bytes())
	return r
}

func TestInspectionsConvergeOverLinksThatCut(t *testing.T) {
	t.Parallel()
	r := replayed(t, options{csv: filepath.Join("testdata", "inspections.csv"), tablets: 3, seed: 1})
	if r.cuts == 0 || r.conflicts == 0 || r.records < 40 {
		t.Errorf("the replay shows too little to prove anything: %+v", *r)
	}
}

func TestRealInspectionsConvergeOverLinksThatCut(t *testing.T) {
	t.Parallel()
	path := filepath.Join("..", "..", "..", "shared", "data", "rentsafeto_evaluations.csv")
	if _, err := os.Stat(path); err != nil {
		t.Skipf("NOT RUN ON REAL INSPECTIONS: put the CSV of RentSafeTO and the mapping of its items at %s; only the made-up ones were replayed", path)
	}
	r := replayed(t, options{csv: path, tablets: 3, rows: 40, seed: 2})
	if r.cuts == 0 || r.conflicts == 0 || r.records < 80 {
		t.Errorf("the replay shows too little to prove anything: %+v", *r)
	}
}

func TestMarksTurnIntoRatings(t *testing.T) {
	for _, c := range []struct {
		mark  string
		score int
		want  string
	}{
		{"3", 40, "4"},
		{"2", 90, "3"},
		{"2", 60, "2"},
		{"1", 90, "1"},
		{"0", 90, "not_observed"},
		{"N/A", 90, "not_applicable"},
		{"7", 90, ""},
		{"", 90, ""},
	} {
		in := inspection{score: c.score}
		if got, known := in.rating(c.mark); got != c.want || known != (c.want != "") {
			t.Errorf("mark %q in a building of %d: %q, %v", c.mark, c.score, got, known)
		}
	}
}

func TestTheWorstOfSeveralItemsCounts(t *testing.T) {
	items := []item{
		{"LOBBY FLOORS", "entretien", "hall", "Hall : sol"},
		{"LOBBY - WALLS AND CEILING", "entretien", "hall", "Hall : murs et plafond"},
	}
	for _, marks := range []map[string]string{
		{"LOBBY FLOORS": "3", "LOBBY - WALLS AND CEILING": "1"},
		{"LOBBY FLOORS": "1", "LOBBY - WALLS AND CEILING": "N/A"},
	} {
		in := inspection{marks: marks}
		got := in.observations(items, "c-1", new(tally))["maintenance"]
		if got["/hall_surfaces/rating"] != "1" || got["/hall_surfaces/notes/c-1"] == nil {
			t.Errorf("%v became %v", marks, got)
		}
	}
}
