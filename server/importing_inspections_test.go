package server_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/arpenteur/arpenteur/syncengine/wire"
)

const smallMapping = `role;column;value;to;checklist;field;least
place;Adresse;;;;;
place_code;Bât;;;;;
date;Visité le;;;;;
not_before;;2015-01-01;;;;
rater;Agent;;;;;
latitude;lat;;;;;
longitude;lon;;;;;
year;Construit;1850;;;;
mark;;A;4;;;
mark;;B;2;;;
mark;;C;1;;;
mark;;?;not_observed;;;
mark;;so;not_applicable;;;
item;Papiers;;;cleanliness;litter;
item;Tags hall;;;cleanliness;tags;
item;Tags façade;;;cleanliness;/tags/rating;
item;Portes;;;maintenance;entrance_doors;
skip;Observations;;;;;
`

const smallInspections = `Bât;Adresse;Visité le;Agent;lat;lon;Construit;Papiers;Tags hall;Tags façade;Portes;Observations
B1;Tour Un;12/03/2024;agent-1;43,6;1,44;1972;A;B;C;?;rien
B1;Tour Un;15/06/2024;agent-1;;;2031;B;so;?;so;
B1;Tour Un;12/03/2024;agent-2;43,6;1,44;;A;;;;
B2;Tour Deux;12/03/2204;agent-1;43,6;1,44;;A;;;;
B2;Tour Deux;12/03/1924;agent-1;43,6;1,44;;A;;;;
B2;Tour Deux;hier;agent-1;43,6;1,44;;A;;;;
B2;Tour Deux;;agent-1;43,6;1,44;;A;;;;
B2;Tour Deux;12/03/2024;Jean Dupont;43,6;1,44;;A;;;;
B2;Tour Deux;13/03/2024;agent-1;143,6;1,44;;A;;;;
B2;Tour Deux;13/03/2024;agent-1;43,6;1,44;;D;;;;
B2;;13/03/2024;agent-1;43,6;1,44;;A;;;;
B2;Tour Deux;13/03/2024;agent-1;43,6;1,44;;;;;;
B1;Tour Un;12/03/2024;agent-1;43,6;1,44;;A;;;;
`

func TestInspectionsBecomeObservationsAsTheMappingSays(t *testing.T) {
	onStores(t, func(t *testing.T, w *world) {
		got := w.tried("inspections", smallMapping, smallInspections)
		w.says(got,
			"3 year Construit", "3 no_position lat", "5 implausible_date Visité le", "6 implausible_date Visité le", "7 date Visité le",
			"8 missing Visité le", "9 rater Agent", "10 coordinates lat", "11 mark Papiers", "12 missing Adresse", "13 missing", "14 duplicate",
		)
		if got.totals != (importTotals{Rows: 13, New: 3, Refused: 10, Noted: 2}) {
			t.Errorf("%+v", got.totals)
		}
		// One place, three visits, and five observations: two of them with two checklists.
		count := map[string]int{}
		for _, d := range w.documents() {
			count[strings.Fields(d)[0]]++
		}
		if count["place"] != 1 || count["visit"] != 3 || count["observation"] != 5 {
			t.Errorf("%v", count)
		}
		// Three rows needed the place; one of them made it.
		for _, d := range w.documents() {
			if part := strings.Fields(d); part[0] == "place" && w.read("place", uuid.MustParse(part[1])).Changes != 1 {
				t.Errorf("the place was made more than once: %s", d)
			}
		}
		all := strings.Join(w.documents(), "\n")
		for _, part := range []string{
			`"litter":{"rating":"4"}`, `"tags":{"rating":"1"}`, `"entrance_doors":{"rating":"not_observed"}`,
			`"tags":{"rating":"not_observed"}`, `"rater":"agent-2"`, `"observed_at":"2024-06-15T00:00:00Z"`,
		} {
			if !strings.Contains(all, part) {
				t.Errorf("%s is not there", part)
			}
		}
		if again := w.tried("inspections", smallMapping, smallInspections); again.totals.Unchanged != 3 || again.totals.New != 0 {
			t.Errorf("again: %+v", again.totals)
		}
	})
}

func TestWhatIsFixedIsNotImportedOver(t *testing.T) {
	w := newWorld(t)
	mapping := smallMapping + "key;Bât;;;;;\n"
	const file = "Bât;Adresse;Visité le;Agent;lat;lon;Construit;Papiers;Tags hall;Tags façade;Portes;Observations\nB1;Tour Un;12/03/2024;agent-1;43,6;1,44;;A;;;;\n"
	w.tried("inspections", mapping, file)
	got := w.tried("inspections", mapping, strings.Replace(file, "agent-1", "agent-2", 1))
	w.says(got, "2 fixed")
	got = w.tried("inspections", mapping, strings.Replace(file, ";A;", ";B;", 1))
	if got.totals != (importTotals{Rows: 1, Changed: 1}) {
		t.Errorf("%+v", got.totals)
	}
}

func TestAMappingMayBeJSON(t *testing.T) {
	w := newWorld(t)
	var list []map[string]string
	lines := strings.Split(strings.TrimSpace(smallMapping), "\n")
	names := strings.Split(lines[0], ";")
	for _, line := range lines[1:] {
		row := map[string]string{}
		for i, cell := range strings.Split(line, ";") {
			if cell != "" {
				row[names[i]] = cell
			}
		}
		list = append(list, row)
	}
	raw, err := json.Marshal(list)
	if err != nil {
		t.Fatal(err)
	}
	first := w.tried("inspections", smallMapping, smallInspections)
	if got := w.tried("inspections", string(raw), smallInspections); got.totals.Unchanged != first.totals.New {
		t.Errorf("%+v", got.totals)
	}
}

func TestAMappingThatCannotBeIsRefusedByItsLine(t *testing.T) {
	w := newWorld(t)
	for name, test := range map[string]struct{ old, new, code string }{
		"unknown role":        {"skip;Observations", "jump;Observations", "mapping"},
		"unknown checklist":   {"cleanliness;litter", "castles;litter", "mapping_field"},
		"unknown point":       {"cleanliness;litter", "cleanliness;moat", "mapping_field"},
		"no rating":           {"cleanliness;litter", "cleanliness;/litter/urgent", "mapping_field"},
		"of another kind":     {"cleanliness;litter", "place;/type", "mapping_field"},
		"unknown answer":      {"mark;;C;1", "mark;;C;5", "mapping_answer"},
		"column not there":    {"date;Visité le", "date;Quand", "column_missing"},
		"no date":             {"date;Visité le;;;;;\n", "", "mapping_incomplete"},
		"a name as rater":     {"rater;Agent;", "rater;;Jean Dupont", "rater"},
		"unknown place":       {"not_before;;2015-01-01", "place_type;;castle", "unknown_answer"},
		"no date to compare":  {"not_before;;2015-01-01", "not_before;;once", "date"},
		"a broken row":        {"item;Portes;;;maintenance;entrance_doors;", "item;Portes", "cells"},
		"no least":            {"mark;;C;1", "mark;Bât;C;1", "mapping"},
		"a column that isn't": {"item;Papiers", "item;", "mapping"},
	} {
		t.Run(name, func(t *testing.T) {
			mapping := strings.Replace(smallMapping, test.old, test.new, 1)
			r := w.post(w.coordinator, "inspections", "", mapping, smallInspections)
			r.refused(wire.CodeInvalid)
			var body struct{ Lines []importLine }
			r.is(422, &body)
			if len(body.Lines) == 0 || body.Lines[0].Code != test.code || body.Lines[0].Message == "" {
				t.Errorf("%s", r.body)
			}
		})
	}
}

// rentSafe reads the mapping of the real inspections.
func rentSafe(t *testing.T) string {
	t.Helper()
	raw, err := os.ReadFile("../examples/replay/rentsafeto.csv")
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func TestRealInspectionsAreTakenWithTheirTraps(t *testing.T) {
	raw := sharedData(t, "rentsafeto_evaluations.csv")
	w := newWorldOn(t, openBolt(t, t.TempDir()+"/central.db"))
	got := w.tried("inspections", rentSafe(t), raw)
	notes := map[string]int{}
	for _, l := range got.lines {
		if l.Event == "line" && l.Line > 1 {
			notes[l.Code+" "+l.Column]++
		}
	}
	if got.totals != (importTotals{Rows: 400, New: 400, Noted: 10}) || notes["no_position LATITUDE"] != 9 || notes["year YEAR REGISTERED"] != 1 {
		t.Errorf("%+v %v", got.totals, notes)
	}
	all := strings.Join(w.documents(), "\n")
	// What the officer left undocumented is not observed, which is not good; what is N/A is not applicable.
	if n := strings.Count(all, `"not_observed"`); n != 48 {
		t.Errorf("%d answers are not observed", n)
	}
	if again := w.tried("inspections", rentSafe(t), raw); again.totals != (importTotals{Rows: 400, Unchanged: 400, Noted: 10}) {
		t.Errorf("again: %+v", again.totals)
	}
}
