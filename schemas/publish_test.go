package schemas_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/arpenteur/arpenteur/schemas"
	"github.com/arpenteur/arpenteur/syncengine"
)

// edit is one change of a content, as content.set takes it.
type edit struct{ path, value string }

// first compiles the small content.
func first(t testing.TB, c *schemas.Registry) *schemas.Version {
	t.Helper()
	raw := smallContent(t).bytes(t)
	v, err := c.Compile(schemas.Identify(raw), raw)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// successor returns the small content, edited, as a successor of v.
func successor(t testing.TB, v *schemas.Version, edits ...edit) []byte {
	t.Helper()
	doc := smallContent(t)
	doc.set(t, "x-arpenteur/previous", fmt.Sprintf("%q", v.ID))
	for _, e := range edits {
		doc.set(t, e.path, e.value)
	}
	return doc.bytes(t)
}

// The edits that rename, retire or retype a field of the small content.
const order = "x-arpenteur/sections/0/items"

var (
	dropFrom = []edit{
		{order, `["place", "item", "kinds", "points", "notes", "spot"]`}, {"properties/from", "-"}, {"properties/to", "-"}, {"allOf", "-"},
	}
	toKindsAB = []edit{
		{"properties/kinds/items/enum", `["a", "b"]`},
		{"properties/kinds/x-arpenteur/answers", `[{"code": "a", "label": {"fr": "a", "en": "a"}}, {"code": "b", "label": {"fr": "b", "en": "b"}}]`},
	}
)

func lens(text string) edit { return edit{"x-arpenteur/lens", text} }

func TestASuccessionIsRefusedWithACodeForEachReason(t *testing.T) {
	cases := []struct {
		name  string
		edits []edit
		want  schemas.ProblemCode
	}{
		{"no previous version", []edit{{"x-arpenteur/previous", "-"}}, schemas.ProblemSuccessor},
		{"another previous version", []edit{{"x-arpenteur/previous", `"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE"`}}, schemas.ProblemSuccessor},
		{"another lineage", []edit{{"x-arpenteur/lineage", `"other"`}}, schemas.ProblemLineage},
		{"another kind", []edit{{"x-arpenteur/kind", `"finding"`}}, schemas.ProblemLineage},
		{"restricted from now on", []edit{{"x-arpenteur/restricted", `true`}}, schemas.ProblemLineage},
		{"a field that is gone", dropFrom, schemas.ProblemLostPath},
		{"a leaf of another type", []edit{{"properties/item/properties/count/type", `"number"`}, {"properties/item/properties/count/x-arpenteur/widget", `"number"`}}, schemas.ProblemChangedType},
		{"text that becomes a choice", []edit{{"properties/points/items/properties/label", `{"$ref": "#/$defs/rating"}`}}, schemas.ProblemChangedType},
		{"a leaf that becomes a group", []edit{{"properties/from", `{"type": "object", "additionalProperties": false, "properties": {"rating": {"$ref": "#/$defs/rating"}}, "x-arpenteur": {"label": {"fr": "x", "en": "x"}, "order": ["rating"]}}`}, {"allOf", "-"}}, schemas.ProblemChangedType},
		{"a set that becomes a leaf", []edit{{"properties/kinds", `{"$ref": "#/$defs/rating"}`}}, schemas.ProblemChangedType},
		{"an author map that becomes a leaf", []edit{{"properties/notes", `{"$ref": "#/$defs/rating"}`}}, schemas.ProblemChangedType},
		{"a list that becomes a leaf", []edit{{"properties/points", `{"$ref": "#/$defs/rating"}`}}, schemas.ProblemChangedType},
		{"an author map of another type", []edit{{"properties/notes/additionalProperties", `{"type": "array"}`}, {"properties/notes/x-arpenteur/widget", `"opinions"`}}, schemas.ProblemChangedType},
		{"a code that is gone from a set", toKindsAB, schemas.ProblemLostCode},
		{"a code that is gone from a choice", []edit{{"$defs/rating/enum", `["1", "2"]`}, {"properties/item/allOf", "-"}, {"$defs/rating/x-arpenteur/answers", `[{"code": "1", "rank": 1, "label": {"fr": "x", "en": "x"}}, {"code": "2", "rank": 2, "label": {"fr": "x", "en": "x"}}]`}}, schemas.ProblemLostCode},
		{"two codes that become one", append(slices.Clone(toKindsAB), lens(`{"codes": {"/kinds": {"c": "b"}}}`)), schemas.ProblemLensMerges},
		{"two answers that become one", []edit{lens(`{"codes": {"/item/rating": {"1": "2"}}}`)}, schemas.ProblemLensMerges},
		{"two fields that become one", []edit{lens(`{"rename": {"/from": "/to"}}`)}, schemas.ProblemLensMerges},
		{"a lens from what was never there", []edit{lens(`{"rename": {"/nothing": "/to"}}`)}, schemas.ProblemLensUnknown},
		{"a lens to what is not there", []edit{lens(`{"rename": {"/from": "/nothing"}}`)}, schemas.ProblemLensUnknown},
		{"a star where there is no list", []edit{lens(`{"retire": ["/*/rating"]}`)}, schemas.ProblemLensUnknown},
		{"retiring what was never there", []edit{lens(`{"retire": ["/nothing"]}`)}, schemas.ProblemLensUnknown},
		{"codes of what has none", []edit{lens(`{"codes": {"/from": {"a": "b"}}}`)}, schemas.ProblemLensUnknown},
		{"a code to what is none", []edit{lens(`{"codes": {"/kinds": {"a": "z"}}}`)}, schemas.ProblemLensUnknown},
		{"a field out of a list", []edit{lens(`{"rename": {"/points/*/out": "/item/count"}}`)}, schemas.ProblemLensMerges},
		{"a field into a list", []edit{lens(`{"rename": {"/item/count": "/points/*/out"}}`)}, schemas.ProblemChangedType},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			compiler := compiler(t)
			v := first(t, compiler)
			_, err := compiler.CheckPublish(v, successor(t, v, c.edits...))
			if got := codes(t, err); !slices.Contains(got, c.want) {
				t.Errorf("refused with %q (%v), want %s", got, err, c.want)
			}
		})
	}
}

func TestASuccessorMayAddRenameMoveMapAndRetire(t *testing.T) {
	label := `{"type": "boolean", "x-arpenteur": {"label": {"fr": "x", "en": "x"}, "widget": "toggle"}}`
	cases := map[string][]edit{
		"nothing but its name":        nil,
		"a new field":                 {{"properties/new", label}, {order, `["place", "item", "kinds", "points", "notes", "spot", "from", "to", "new"]`}},
		"another policy":              {{"properties/from/x-arpenteur/policy", `"latest"`}},
		"another label":               {{"x-arpenteur/label", `{"fr": "x", "en": "x"}`}},
		"retired fields":              append(slices.Clone(dropFrom), lens(`{"retire": ["/from", "/to"]}`)),
		"two fields that trade names": {lens(`{"rename": {"/from": "/to", "/to": "/from"}}`)},
		"codes that are mapped": {
			{"properties/kinds/items/enum", `["x", "b", "c"]`},
			{"properties/kinds/x-arpenteur/answers", `[{"code": "x", "label": {"fr": "x", "en": "x"}}, {"code": "b", "label": {"fr": "b", "en": "b"}}, {"code": "c", "label": {"fr": "c", "en": "c"}}]`},
			lens(`{"codes": {"/kinds": {"a": "x"}}}`),
		},
		"a retired field whose name is used anew": {
			{"properties/from", label}, {"properties/to", label}, {"allOf", "-"}, lens(`{"retire": ["/from", "/to"]}`),
		},
	}
	for name, edits := range cases {
		t.Run(name, func(t *testing.T) {
			c := compiler(t)
			v := first(t, c)
			next, err := c.CheckPublish(v, successor(t, v, edits...))
			if err != nil {
				t.Fatal(err)
			}
			if next.Checklist.Previous != v.ID {
				t.Error("the successor does not name its predecessor")
			}
		})
	}
}

// TestAnOldChangeIsReadThroughThreeVersions publishes a rename, then a move with new codes, then a retirement, and reads registers
// that a tablet wrote under the first version.
func TestAnOldChangeIsReadThroughThreeVersions(t *testing.T) {
	c := compiler(t)
	var current *schemas.Version
	var reading syncengine.Reading
	publish := func(edits ...edit) *schemas.Version {
		t.Helper()
		doc := smallContent(t)
		if current != nil {
			doc.set(t, "x-arpenteur/previous", fmt.Sprintf("%q", current.ID))
		}
		for _, e := range edits {
			doc.set(t, e.path, e.value)
		}
		raw := doc.bytes(t)
		if _, err := c.CheckPublish(current, raw); err != nil {
			t.Fatal(err)
		}
		v, err := c.Compile(schemas.Identify(raw), raw)
		if err != nil {
			t.Fatal(err)
		}
		current, reading = v, append(reading, v.Checklist)
		return v
	}
	v1 := publish()
	item := decode(t, string(smallContent(t).bytes(t))).(map[string]any)["properties"].(map[string]any)["item"]
	rename := []edit{
		{order, `["place", "point", "kinds", "points", "notes", "spot", "from", "to"]`},
		{"properties/point", string(content(item.(map[string]any)).bytes(t))},
		{"properties/item", "-"},
	}
	publish(append(slices.Clone(rename), lens(`{"rename": {"/item": "/point"}}`))...)
	moved := append(slices.Clone(rename),
		edit{"properties/kinds/items/enum", `["x", "b", "c"]`},
		edit{"properties/kinds/x-arpenteur/answers", `[{"code": "x", "label": {"fr": "x", "en": "x"}}, {"code": "b", "label": {"fr": "b", "en": "b"}}, {"code": "c", "label": {"fr": "c", "en": "c"}}]`},
		edit{"properties/total", `{"type": "integer", "x-arpenteur": {"label": {"fr": "x", "en": "x"}, "widget": "stepper"}}`},
		edit{"properties/point/properties/count", "-"}, edit{"properties/point/x-arpenteur/order", `["exists", "rating"]`}, edit{"properties/point/allOf", "-"},
		edit{order, `["place", "point", "kinds", "points", "notes", "spot", "from", "to", "total"]`},
	)
	publish(append(slices.Clone(moved), lens(`{"rename": {"/point/count": "/total"}, "codes": {"/kinds": {"a": "x"}}}`))...)
	last := publish(append(slices.Clone(moved), lens(`{"retire": ["/total", "/points/*/label"]}`),
		edit{"properties/total", "-"}, edit{order, `["place", "point", "kinds", "points", "notes", "spot", "from", "to"]`},
		edit{"properties/points/items/properties/label", "-"}, edit{"properties/points/items/x-arpenteur/order", `["position", "out", "seen"]`})...)

	if len(reading) != 4 || reading.Current() != last.Checklist {
		t.Fatalf("%d versions are read", len(reading))
	}
	const element = "0190a5f0-0000-7000-8000-000000000001"
	for from, want := range map[syncengine.Path]syncengine.Path{
		"/item/rating": "/point/rating", "/item/count": "", "/kinds/a/": "/kinds/x/", "/kinds/b/": "/kinds/b/",
		"/points/" + element + "/label": "", "/points/" + element + "/out": "/points/" + element + "/out", "/notes/consultant-1": "/notes/consultant-1",
	} {
		path, _, kept := reading.Translate(v1.ID, from, syncengine.Null)
		if kept != (want != "") || path != want {
			t.Errorf("%s is read at %q, kept %v, want %q", from, path, kept, want)
		}
		if kept && last.Checklist.Lookup(path) == nil {
			t.Errorf("%s is read at %s, which is no register", from, path)
		}
	}
}
