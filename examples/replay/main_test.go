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
		t.Skipf("NOT RUN ON REAL INSPECTIONS: put the CSV of RentSafeTO at %s; only the made-up ones were replayed", path)
	}
	r := replayed(t, options{csv: path, tablets: 3, rows: 40, seed: 2})
	if r.cuts == 0 || r.conflicts == 0 || r.records < 80 {
		t.Errorf("the replay shows too little to prove anything: %+v", *r)
	}
}

// answered reads one inspection with some marks.
func answered(t *testing.T, score string, marks map[string]string) answers {
	t.Helper()
	head, row := "RSN,SITE ADDRESS,EVALUATION COMPLETED ON,CURRENT BUILDING EVAL SCORE,LATITUDE,LONGITUDE", "1,1 RUE DU VERGER,2024-05-11,"+score+",43.6,1.4"
	for name, mark := range marks {
		head, row = head+","+name, row+","+mark
	}
	path := filepath.Join(t.TempDir(), "one.csv")
	if err := os.WriteFile(path, []byte(head+"\n"+row+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	all, err := readInspections(t.Context(), path, 0)
	if err != nil {
		t.Fatal(err)
	}
	if len(all.rows) == 0 {
		return nil
	}
	return all.rows[0].answers["maintenance"]
}

func TestMarksTurnIntoRatings(t *testing.T) {
	for _, c := range []struct{ mark, score, want string }{
		{"3", "40", "4"},
		{"2", "90", "3"},
		{"2", "60", "2"},
		{"1", "90", "1"},
		{"0", "90", "not_observed"},
		{"N/A", "90", "not_applicable"},
		{"7", "90", ""},
		{"", "90", ""},
	} {
		got, _ := answered(t, c.score, map[string]string{"FENCING": c.mark})["/fences/rating"].(string)
		if got != c.want {
			t.Errorf("mark %q in a building of %s: %q", c.mark, c.score, got)
		}
	}
}

func TestTheWorstOfSeveralItemsCounts(t *testing.T) {
	for _, marks := range []map[string]string{
		{"LOBBY FLOORS": "3", "LOBBY - WALLS AND CEILING": "1"},
		{"LOBBY FLOORS": "1", "LOBBY - WALLS AND CEILING": "N/A"},
	} {
		if got := answered(t, "90", marks); got["/hall_surfaces/rating"] != "1" {
			t.Errorf("%v became %v", marks, got)
		}
	}
}
