package schemas_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/arpenteur/arpenteur/schemas"
	"github.com/arpenteur/arpenteur/syncengine"
)

// leaves returns the patterns of all registers below a node, as a naive walk of the engine's shape finds them.
func leaves(n *syncengine.Node, at string) []string {
	switch n.Type {
	case syncengine.GroupNode, syncengine.ListNode:
		var out []string
		if n.Type == syncengine.ListNode {
			out = append(out, at)
			at += "/*"
		}
		for name, child := range n.Children {
			out = append(out, leaves(child, at+"/"+name)...)
		}
		return out
	case syncengine.AuthorMapNode:
		return []string{at + "/*"}
	}
	return []string{at}
}

func drawn(fields []schemas.FormField) []string {
	var out []string
	for i := range fields {
		f := &fields[i]
		if f.Node != "group" {
			out = append(out, f.Path)
		}
		out = append(out, drawn(f.Fields)...)
	}
	return out
}

func TestEveryRegisterIsInTheFormOnce(t *testing.T) {
	all, err := builtins()
	if err != nil {
		t.Fatal(err)
	}
	for lineage, v := range all {
		want := leaves(v.Checklist.Shape, "")
		var have []string
		for _, s := range schemas.FormModel(v, schemas.French).Sections {
			have = append(have, drawn(s.Fields)...)
		}
		slices.Sort(want)
		slices.Sort(have)
		if !slices.Equal(have, want) {
			t.Errorf("%s: the form has\n%q, the shape\n%q", lineage, have, want)
		}
	}
}

// wordless returns the fields, answers and rules of a form that lack words.
func wordless(f *schemas.Form) []string {
	var out []string
	var check func(fields []schemas.FormField)
	check = func(fields []schemas.FormField) {
		for _, field := range fields {
			if field.Label == "" || field.Policy != "" && field.PolicyLabel == "" || field.Node != "group" && field.Widget == "" {
				out = append(out, field.Path)
			}
			for _, a := range field.Answers {
				if a.Label == "" {
					out = append(out, field.Path+" "+a.Code)
				}
			}
			check(field.Fields)
		}
	}
	for _, s := range f.Sections {
		if s.Label == "" {
			out = append(out, s.Code)
		}
		check(s.Fields)
	}
	for _, r := range f.Rules {
		if r.Label == "" || len(r.Paths) == 0 {
			out = append(out, r.Name)
		}
	}
	return out
}

func TestEveryLabelExistsInBothLanguages(t *testing.T) {
	all, err := builtins()
	if err != nil {
		t.Fatal(err)
	}
	for lineage, v := range all {
		french, english := schemas.FormModel(v, schemas.French), schemas.FormModel(v, schemas.English)
		for _, f := range []*schemas.Form{french, english} {
			if f.Label == "" || len(wordless(f)) > 0 {
				t.Errorf("%s in %s lacks the words of %q", lineage, f.Lang, wordless(f))
			}
		}
		if other := schemas.FormModel(v, "de"); other.Lang != schemas.French || other.Label != french.Label {
			t.Errorf("%s: a form in another language is in %s", lineage, other.Lang)
		}
	}
}

func TestAPointOfAFormHasAllThatAScreenDraws(t *testing.T) {
	form := schemas.FormModel(builtin(t, schemas.Cleanliness), schemas.French)
	raw, err := json.MarshalIndent(form.Field("/garbage_room"), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "testdata/form_garbage_room.json", append(raw, '\n'))
	rating := form.Field("/dumping/rating")
	var answers []string
	for _, a := range rating.Answers {
		answers = append(answers, a.Sign+" "+a.Label)
	}
	if got := strings.Join(answers, ", "); got != "1 mauvais, 2 dégradé, 3 correct, 4 bon, – sans objet, ? non observé" {
		t.Errorf("the scale reads %q", got)
	}
	if rating.PolicyLabel != "Règle\u00a0: une personne décide" {
		t.Errorf("the rule of a rating reads %q", rating.PolicyLabel)
	}
}

func TestAFormFindsTheFieldOfARegister(t *testing.T) {
	form := schemas.FormModel(builtin(t, schemas.Lighting), schemas.French)
	for path, want := range map[syncengine.Path]string{
		"/timer/rating": "Note", "/timer": "Minuterie", "/timer/notes/consultant-1": "Note", "/photos/" + element1 + "/caption": "Légende",
		"/photos/" + element1 + "/": "Photos", "/damaged_points/" + element1 + "/defect": "Défaut", "/": "", "/nothing": "", "/timer/rating/x": "",
		"/period": "Visite de jour ou de nuit",
	} {
		have := ""
		if f := form.Field(path); f != nil {
			have = f.Label
		}
		if have != want {
			t.Errorf("the field of %s is %q, want %q", path, have, want)
		}
	}
	pests := schemas.FormModel(builtin(t, schemas.Cleanliness), schemas.English).Field("/pests/seen/rodents/")
	if pests == nil || pests.Label != "Seen" || pests.Policy != syncengine.Union {
		t.Errorf("the field of a set's member is %+v", pests)
	}
}

func TestConditionsSayWhatARuleDoes(t *testing.T) {
	v, err := compiler(t).Compile(syncengine.VersionID{}, smallContent(t).bytes(t))
	if err != nil {
		t.Fatal(err)
	}
	form := schemas.FormModel(v, schemas.English)
	for path, want := range map[syncengine.Path]string{
		"/item/rating": `[{"rule":"not_there","object":"/item","when":[{"path":"exists","in":[false]}],"effect":"hidden","allowed":["none"]}]`,
		"/item/count":  `[{"rule":"not_there","object":"/item","when":[{"path":"exists","in":[false]}],"effect":"hidden"}]`,
		"/from":        `[{"rule":"to_needs_from","object":"","when":[{"path":"to"}],"effect":"expected"}]`,
		"/to":          `null`,
	} {
		raw, err := json.Marshal(form.Field(path).Conditions)
		if err != nil || string(raw) != want {
			t.Errorf("%s has the conditions\n%s, want\n%s", path, raw, want)
		}
	}
	var rules []string
	for _, r := range form.Rules {
		rules = append(rules, fmt.Sprintf("%s %q %s", r.Name, r.Paths, r.Relation))
	}
	want := []string{`dates ["/from" "/to"] le`, `to_needs_from ["/to" "/from"] `, `not_there ["/item/exists" "/item/count" "/item/rating"] `, `out_of_seen ["/points/*/out" "/points/*/seen"] le`}
	if !slices.Equal(rules, want) {
		t.Errorf("rules\n%q, want\n%q", rules, want)
	}
}

func TestALimitNamesTheAnswersThatAreLeft(t *testing.T) {
	doc := smallContent(t)
	doc.set(t, "properties/item/allOf/0/then/properties/count", `{"maximum": 1}`)
	v, err := compiler(t).Compile(syncengine.VersionID{}, doc.bytes(t))
	if err != nil {
		t.Fatal(err)
	}
	count := schemas.FormModel(v, schemas.French).Field("/item/count").Conditions
	if len(count) != 1 || count[0].Effect != schemas.EffectLimited || *count[0].Maximum != "1" {
		t.Errorf("a count of at most one has %+v", count)
	}
	form := schemas.FormModel(builtin(t, schemas.PublicSecurity), schemas.French)
	conditions := form.Field("/incidents/" + element1 + "/time_slot").Conditions
	if len(conditions) != 1 || conditions[0].Effect != schemas.EffectLimited || fmt.Sprint(conditions[0].Allowed) != "[night]" || conditions[0].Object != "/incidents/*" {
		t.Errorf("the time slot of an incident has %+v", conditions)
	}
}
