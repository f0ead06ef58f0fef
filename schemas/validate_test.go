package schemas_test

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/arpenteur/arpenteur/schemas"
	"github.com/arpenteur/arpenteur/syncengine"
)

// invalidMerge is a case of testdata/invalid_merges.json: two edits of one record, each valid by itself, that merge into a record that
// breaks a rule. Registers are written as in changes: presences end in a slash, null clears.
type invalidMerge struct {
	Name    string
	Lineage string
	Kind    syncengine.Kind
	Rule    string          // that the merged record breaks
	At      syncengine.Path // where
	Base    registers       // what both authors saw
	A, B    registers       // what each of them wrote
}

func invalidMerges(t testing.TB) []invalidMerge {
	t.Helper()
	raw, err := os.ReadFile("testdata/invalid_merges.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []invalidMerge
	if err := json.Unmarshal(raw, &cases); err != nil {
		t.Fatal(err)
	}
	return cases
}

func TestTwoValidEditsMayMergeIntoAnInvalidRecord(t *testing.T) {
	tested := map[string]bool{}
	for _, c := range invalidMerges(t) {
		t.Run(c.Name, func(t *testing.T) {
			v := builtin(t, c.Lineage)
			tested[c.Lineage] = true
			if v.Checklist.Kind != c.Kind {
				t.Errorf("kind %s, want %s", v.Checklist.Kind, c.Kind)
			}
			for who, r := range map[string]registers{"base": c.Base, "a": c.Base.with(c.A), "b": c.Base.with(c.B)} {
				for path := range r {
					if v.Checklist.Lookup(path) == nil {
						t.Errorf("%s is no register", path)
					}
				}
				if found := record(v, r).Validate(); len(found) > 0 {
					t.Errorf("%s alone breaks %v", who, found)
				}
			}
			found := record(v, c.Base.with(c.A, c.B)).Validate()
			if len(found) != 1 || found[0].Rule != c.Rule || found[0].Path != c.At {
				t.Errorf("together they break %v, want %s at %s", found, c.Rule, c.At)
			}
			for _, lang := range []string{schemas.French, schemas.English} {
				if v.RuleLabel(c.Rule, lang) == "" {
					t.Errorf("rule %s has no words in %s", c.Rule, lang)
				}
			}
		})
	}
	if len(tested) != len(schemas.Kinds())-2+len(schemas.Checklists()) { // observations have a lineage for each checklist; consultations no rule
		t.Errorf("%d lineages are tested", len(tested))
	}
}

func TestEveryRuleCanBeBroken(t *testing.T) {
	broken := map[string]bool{}
	for _, c := range invalidMerges(t) {
		broken[c.Lineage+"/"+c.Rule] = true
	}
	more := map[string]string{ // rules that no case of invalid_merges.json breaks, by a document that does
		"cleanliness/lift_car_state":            `{"lift_car": {"exists": false, "rating": "2"}}`,
		"cleanliness/last_pass_posted":          `{"cleaning_posted": {"rating": "not_applicable", "last_pass_on": "2026-11-09"}}`,
		"maintenance/urgent_needs_a_defect":     `{"leaks": {"rating": "4", "urgent": true}}`,
		"maintenance/count_needs_a_defect":      `{"potholes": {"rating": "4", "count": 1}}`,
		"maintenance/lift_since":                `{"lift": {"since": "2026-11-09"}}`,
		"maintenance/gas_reported":              `{"gas_smell": {"smelt": false, "reported_to": ["caretaker"]}}`,
		"lighting/urgent_needs_a_defect":        `{"glare": {"rating": "4", "urgent": true}}`,
		"lighting/count_needs_a_defect":         `{"timer": {"rating": "4"}, "dark_spots": {"rating": "4", "count": 2}}`,
		"lighting/danger_needs_a_defect":        `{"exposed_wires": {"rating": "3", "danger": "immediate"}}`,
		"lighting/night_walk":                   `{"period": "night", "on_in_daytime": {"rating": "1"}}`,
		"public_security/urgent_needs_a_defect": `{"fights": {"rating": "not_observed", "urgent": true}}`,
		"neighbourhood/code_of_zus":             `{"code_version": "zus_1996", "code": "QP099004"}`,
		"neighbourhood/code_of_qp":              `{"code_version": "qp_2015", "code": "1100010"}`,
		"diagnostic/closed_with_a_date":         `{"stage": "closed"}`,
		"diagnostic/plan_sent_if_required":      `{"emergency_plan_required": false, "emergency_plan_sent_on": "2026-11-20"}`,
		"place/inaccessible_reason":             `{"inaccessible_since": "0190a5f0-0000-7000-8000-000000000002"}`,
		"place/dwellings_of_buildings":          `{"type": "cellar", "dwellings": 12}`,
		"duty/duty_dates":                       `{"valid_from": "2026-11-20", "valid_to": "2026-11-19"}`,
		"duty/shared_says_the_part":             `{"status": "shared"}`,
		"duty/no_actor_where_not_applicable":    `{"status": "not_applicable", "actor": "0190a5f0-0000-7000-8000-000000000002"}`,
		"visit/cancelled_says_why":              `{"status": "cancelled"}`,
		"visit/reason_only_if_cancelled":        `{"status": "planned", "cancel_reason": "pluie"}`,
		"finding/agreed_has_an_actor":           `{"responsibility": "agreed"}`,
		"finding/dismissed_says_why":            `{"status": "dismissed"}`,
		"action/done_on_when_done":              `{"status": "planned", "done_on": "2026-11-20"}`,
		"action/contested_says_why":             `{"contested": true}`,
		"review/approval_names_changes":         `{"decision": "approved"}`,
		"task/answered_has_an_answer":           `{"status": "answered"}`,
		"task/withdrawn_has_no_answer":          `{"status": "withdrawn", "answer": "corrected"}`,
		"link/two_findings":                     `{"first": "0190a5f0-0000-7000-8000-000000000002", "second": "0190a5f0-0000-7000-8000-000000000002"}`,
		"report/sent_is_dated":                  `{"status": "sent"}`,
	}
	all, err := builtins()
	if err != nil {
		t.Fatal(err)
	}
	for lineage, v := range all {
		for _, r := range schemas.FormModel(v, schemas.English).Rules {
			key := lineage + "/" + r.Name
			if doc, ok := more[key]; ok {
				found := v.Checklist.Validate(decode(t, doc))
				broken[key] = slices.ContainsFunc(found, func(f syncengine.Violation) bool { return f.Rule == r.Name })
			}
			if !broken[key] {
				t.Errorf("no case breaks %s", key)
			}
		}
	}
}

// ids for elements of lists.
const (
	element1 = "0190a5f0-0000-7000-8000-00000000000a"
	element2 = "0190a5f0-0000-7000-8000-00000000000b"
)

func TestAViolationNamesTheRegister(t *testing.T) {
	v, err := compiler(t).Compile(syncengine.VersionID{}, smallContent(t).bytes(t))
	if err != nil {
		t.Fatal(err)
	}
	place := `"place": "0190a5f0-0000-7000-8000-000000000001"`
	cases := map[string]string{
		`{}`:                        "/place required",
		`{"place": "x"}`:            "/place format",
		`{"place": 1}`:              "/place type",
		`{` + place + `, "zz": 1}`:  "/zz additionalProperties",
		`{` + place + `, "Z Z": 1}`: "/ additionalProperties",
		`{` + place + `, "item": {"rating": "5", "zz": 1}}`:                                                                      "/item/rating enum, /item/zz additionalProperties",
		`{` + place + `, "item": {"count": -1}}`:                                                                                 "/item/count minimum",
		`{` + place + `, "item": {"count": 1.5}}`:                                                                                "/item/count type",
		`{` + place + `, "item": 3}`:                                                                                             "/item type",
		`{` + place + `, "item": {"exists": false, "rating": "1", "count": 2}}`:                                                  "/item/count not_there, /item/rating not_there",
		`{` + place + `, "kinds": ["a", "z"]}`:                                                                                   "/kinds enum",
		`{` + place + `, "kinds": ["a", "a"]}`:                                                                                   "/kinds uniqueItems",
		`{` + place + `, "points": [{"id": "` + element1 + `", "out": "x"}]}`:                                                    "/points/" + element1 + "/out type",
		`{` + place + `, "points": [{"id": "` + element2 + `"}, {"id": "` + element1 + `", "zz": 1}]}`:                           "/points/" + element1 + "/zz additionalProperties",
		`{` + place + `, "points": [{"out": 1}]}`:                                                                                "/points required",
		`{` + place + `, "points": [{"id": "` + element1 + `", "out": 3, "seen": 2}, {"id": "x", "out": 1}]}`:                    "/points format, /points/" + element1 + "/out out_of_seen",
		`{` + place + `, "notes": {"consultant-1": "` + strings.Repeat("é", 101) + `"}}`:                                         "/notes/consultant-1 maxLength",
		`{` + place + `, "notes": {"M. Dupont": "x"}}`:                                                                           "/notes format",
		`{` + place + `, "spot": {"lat": "x", "lon": 2}}`:                                                                        "/spot type",
		`{` + place + `, "spot": {"lat": 1}}`:                                                                                    "/spot required",
		`{` + place + `, "from": "2026-11-20", "to": "2026-11-20", "points": [{"id": "` + element1 + `", "out": 2, "seen": 2}]}`: "",
		`{` + place + `, "from": "2026-11-20", "to": "2026-11-19"}`:                                                              "/from dates",
		`{` + place + `, "to": "2026-11-19"}`:                                                                                    "/from to_needs_from",
		`{` + place + `, "to": null, "item": {"rating": null, "count": 1}, "kinds": [null]}`:                                     "",
		`[]`:   "/ type",
		`null`: "/ type",
	}
	for doc, want := range cases {
		found := v.Checklist.Validate(decode(t, doc))
		var have []string
		for _, f := range found {
			have = append(have, fmt.Sprintf("%s %s", f.Path, f.Rule))
			if f.Message == "" || !f.Path.Valid() {
				t.Errorf("%s: %+v says too little", doc, f)
			}
		}
		if got := strings.Join(have, ", "); got != want {
			t.Errorf("%s breaks\n%s, want\n%s", doc, got, want)
		}
	}
}

func TestAViolationNeverRepeatsWhatAPersonWrote(t *testing.T) {
	v := builtin(t, string(schemas.Actor))
	found := v.Checklist.Validate(decode(t, `{"contacts": [{"id": "`+element1+`", "email": "Mme Dupont, porte 12", "phone": "porte 12"}], "siren": "porte 12"}`))
	if len(found) != 3 {
		t.Fatalf("%d violations: %v", len(found), found)
	}
	for _, f := range found {
		if strings.Contains(f.Message, "porte") {
			t.Errorf("%+v repeats the value", f)
		}
	}
}

func TestViolationsAreBounded(t *testing.T) {
	v := builtin(t, schemas.Lighting)
	doc := decode(t, eightAnswers).(map[string]any)
	for name := range doc {
		if name != "place" && name != "visit" && name != "rater" {
			delete(doc, name)
		}
	}
	var points []any
	for i := range 200 {
		points = append(points, map[string]any{"id": fmt.Sprintf("0190a5f0-0000-7000-8000-%012d", i), "defect": "x"})
	}
	doc["damaged_points"] = points
	found := v.Checklist.Validate(doc)
	if len(found) != schemas.MaxViolations || !strings.HasSuffix(string(found[63].Path), "000000000063/defect") {
		t.Errorf("%d violations, the last %v", len(found), found[len(found)-1])
	}
}

func TestValidationIsSafeForConcurrentUse(t *testing.T) {
	v := builtin(t, schemas.Cleanliness)
	doc := decode(t, `{"garbage_room": {"exists": false, "rating": "1"}, "rater": "consultant-1", "dumping": {"rating": "x", "count": -1}}`)
	want := fmt.Sprint(v.Checklist.Validate(doc))
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 50 {
				if got := fmt.Sprint(v.Checklist.Validate(doc)); got != want {
					t.Errorf("%s, want %s", got, want)
				}
			}
		})
	}
	group.Wait()
}

func TestAnswersThatAreNotAskedAreHidden(t *testing.T) {
	v := builtin(t, schemas.Cleanliness)
	got := fmt.Sprint(v.Hidden(decode(t, `{"garbage_room": {"exists": false}, "dumping": {"rating": "4"}, "litter": {"rating": "2"}}`)))
	want := "[{/dumping/count count_needs_a_defect} {/dumping/urgent urgent_needs_a_defect} {/garbage_room/rating garbage_room_state} {/garbage_room/urgent garbage_room_state}]"
	if got != want {
		t.Errorf("hidden %s, want %s", got, want)
	}
	security := builtin(t, schemas.PublicSecurity)
	if got := security.Hidden(decode(t, `{"incidents": [{"id": "`+element1+`", "nature": "night_noise"}]}`)); len(got) != 0 {
		t.Errorf("a limited answer is not hidden: %v", got)
	}
}
