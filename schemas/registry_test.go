package schemas_test

import (
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/arpenteur/arpenteur/schemas"
	"github.com/arpenteur/arpenteur/syncengine"
)

func TestContentIsRefusedWithACodeForEachReason(t *testing.T) {
	const item = "properties/item/properties/"
	cases := []struct {
		name, path, value string
		want              schemas.ProblemCode
	}{
		{"an unknown keyword", "properties/from/contentEncoding", `"base64"`, schemas.ProblemVocabulary},
		{"an unknown word of ours", "properties/from/x-arpenteur/colour", `"red"`, schemas.ProblemVocabulary},
		{"a label in one language", "properties/from/x-arpenteur/label", `{"fr": "Du"}`, schemas.ProblemVocabulary},
		{"a later vocabulary", "x-arpenteur/vocabulary", `2`, schemas.ProblemVocabulary},
		{"another draft", "$schema", `"http://json-schema.org/draft-07/schema#"`, schemas.ProblemVocabulary},
		{"an open object", "additionalProperties", `true`, schemas.ProblemVocabulary},
		{"a remote reference", item + "rating/$ref", `"https://example.org/rating.json"`, schemas.ProblemVocabulary},
		{"an unknown format", "properties/from/format", `"hostname"`, schemas.ProblemVocabulary},
		{"a capital in a name", "properties/From", `{"type": "string"}`, schemas.ProblemVocabulary},
		{"an unknown reference", item + "rating/$ref", `"#/$defs/nothing"`, schemas.ProblemReference},
		{"a circular reference", "$defs/rating", `{"$ref": "#/$defs/rating"}`, schemas.ProblemReference},
		{"a keyword beside a reference", item + "rating/minLength", `1`, schemas.ProblemReference},
		{"a field without type", "properties/from/type", `-`, schemas.ProblemStructure},
		{"an open group", "properties/item/additionalProperties", `-`, schemas.ProblemStructure},
		{"a list without ids", "properties/points/items/required", `["out"]`, schemas.ProblemStructure},
		{"a set that is no set", "properties/kinds/uniqueItems", `-`, schemas.ProblemStructure},
		{"an author map of nothing", "properties/notes/additionalProperties", `-`, schemas.ProblemStructure},
		{"an atomic scalar", "properties/from/x-arpenteur/node", `"atomic"`, schemas.ProblemStructure},
		{"a required field that is none", "required", `["place", "nothing"]`, schemas.ProblemStructure},
		{"a widget on a group", "properties/item/x-arpenteur/widget", `"text"`, schemas.ProblemStructure},
		{"rules in an atomic value", "properties/spot/allOf", `[{"dependentRequired": {"lat": ["lon"]}, "x-arpenteur": {"rule": "a", "label": {"fr": "a", "en": "a"}}}]`, schemas.ProblemStructure},
		{"a missing label", "properties/from/x-arpenteur/label", `-`, schemas.ProblemLabel},
		{"a field without order", "properties/item/x-arpenteur/order", `["exists", "rating"]`, schemas.ProblemOrder},
		{"a field ordered twice", "x-arpenteur/sections/0/items", `["place", "item", "kinds", "points", "notes", "spot", "from", "to", "nothing"]`, schemas.ProblemOrder},
		{"answers in another order", "$defs/rating/enum", `["2", "1", "none"]`, schemas.ProblemAnswers},
		{"answers without labels", "properties/kinds/x-arpenteur/answers", `-`, schemas.ProblemAnswers},
		{"two answers of one rank", "$defs/rating/x-arpenteur/answers/1/rank", `1`, schemas.ProblemAnswers},
		{"an unknown policy", "properties/from/x-arpenteur/policy", `"newest"`, schemas.ProblemNoPolicy},
		{"union on a leaf", "properties/from/x-arpenteur/policy", `"union"`, schemas.ProblemPolicy},
		{"review on a set", "properties/kinds/x-arpenteur/policy", `"review"`, schemas.ProblemPolicy},
		{"highest on text", "properties/from/x-arpenteur/policy", `"highest"`, schemas.ProblemPolicy},
		{"lowest on answers without rank", "$defs/rating/x-arpenteur/answers/1/rank", `-`, schemas.ProblemPolicy},
		{"a policy on a list", "properties/points/x-arpenteur/policy", `"latest"`, schemas.ProblemPolicy},
		{"an unknown widget", "properties/from/x-arpenteur/widget", `"dial"`, schemas.ProblemWidget},
		{"a widget that does not fit", "properties/from/x-arpenteur/widget", `"stepper"`, schemas.ProblemWidget},
		{"no widget", "properties/from/x-arpenteur/widget", `-`, schemas.ProblemWidget},
		{"a pattern that browsers lack", "properties/points/items/properties/label/pattern", `"^(?i)a$"`, schemas.ProblemPattern},
		{"a pattern that Go lacks", "properties/points/items/properties/label/pattern", `"^(?=a)b$"`, schemas.ProblemPattern},
		{"a pattern in a condition", "properties/item/allOf/0/if", `{"properties": {"rating": {"pattern": "a"}}, "required": ["rating"]}`, schemas.ProblemPattern},
		{"free text without a mark", "properties/points/items/properties/label/x-arpenteur/personal", `-`, schemas.ProblemPersonal},
		{"notes without a mark", "properties/notes/x-arpenteur/personal", `-`, schemas.ProblemPersonal},
		{"an index in a list", "properties/points/items/properties/out/x-arpenteur/index", `"out"`, schemas.ProblemIndex},
		{"an index twice", "properties/from/x-arpenteur/index", `"place"`, schemas.ProblemIndex},
		{"an index on a set", "properties/kinds/x-arpenteur/index", `"kinds"`, schemas.ProblemIndex},
		{"a rule about nothing", "properties/item/allOf/0/then/properties/nothing", `false`, schemas.ProblemRule},
		{"a rule about an answer that is none", "properties/item/allOf/0/then/properties/rating", `{"enum": ["5"]}`, schemas.ProblemRule},
		{"a rule of another type", "properties/item/allOf/0/if/properties/exists", `{"minimum": 1}`, schemas.ProblemRule},
		{"a condition that holds for no answer", "properties/item/allOf/0/if/required", `-`, schemas.ProblemRule},
		{"a condition without consequence", "properties/item/allOf/0/then", `-`, schemas.ProblemRule},
		{"a rule that says two things", "allOf/1/x-arpenteur", `{"rule": "x", "label": {"fr": "x", "en": "x"}, "relation": "le", "left": "from", "right": "to"}`, schemas.ProblemRule},
		{"a relation of what does not compare", "allOf/0/x-arpenteur/right", `"place"`, schemas.ProblemRule},
		{"a relation across objects", "allOf/0/x-arpenteur/right", `"points/out"`, schemas.ProblemRule},
		{"a rule called as a keyword", "allOf/0/x-arpenteur/rule", `"required"`, schemas.ProblemRule},
		{"one name with two labels", "allOf/0/x-arpenteur/rule", `"to_needs_from"`, schemas.ProblemRule},
		{"a lens on a first version", "x-arpenteur/lens", `{"retire": ["/from"]}`, schemas.ProblemLensNotFirst},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			doc := smallContent(t)
			doc.set(t, c.path, c.value)
			_, err := compiler(t).Compile(syncengine.VersionID{}, doc.bytes(t))
			if got := codes(t, err); !slices.Contains(got, c.want) {
				t.Errorf("refused with %q (%v), want %s", got, err, c.want)
			}
		})
	}
}

func TestWhatIsNoJSONObjectIsRefused(t *testing.T) {
	for text, want := range map[string]schemas.ProblemCode{
		"": schemas.ProblemJSON, "null": schemas.ProblemJSON, "[]": schemas.ProblemJSON, "{": schemas.ProblemJSON, "{} {}": schemas.ProblemJSON,
		"{}": schemas.ProblemVocabulary, `"` + strings.Repeat("a", schemas.MaxContentBytes) + `"`: schemas.ProblemSize,
	} {
		_, err := compiler(t).Compile(syncengine.VersionID{}, []byte(text))
		if got := codes(t, err); len(got) == 0 || got[0] != want {
			t.Errorf("%.20q is refused with %q, want %s", text, got, want)
		}
	}
}

func TestReferencesThatMultiplyAreBounded(t *testing.T) {
	doc := smallContent(t)
	for i, name := range []string{"b", "c", "d", "e", "f"} {
		of := string(rune('a' + i))
		group := `{"type": "object", "additionalProperties": false, "properties": {`
		for j := range 10 {
			if j > 0 {
				group += ","
			}
			group += `"p` + string(rune('0'+j)) + `": {"$ref": "#/$defs/` + of + `"}`
		}
		doc.set(t, "$defs/"+name, group+`}, "x-arpenteur": {"label": {"fr": "x", "en": "x"}}}`)
	}
	doc.set(t, "$defs/a", `{"type": "boolean"}`)
	doc.set(t, "properties/item", `{"$ref": "#/$defs/f"}`)
	_, err := compiler(t).Compile(syncengine.VersionID{}, doc.bytes(t))
	if got := codes(t, err); !slices.Contains(got, schemas.ProblemSize) {
		t.Errorf("refused with %q", got)
	}
}

func TestAShapeHasTheRegistersThatItsSchemaSays(t *testing.T) {
	v, err := compiler(t).Compile(syncengine.VersionID{}, smallContent(t).bytes(t))
	if err != nil {
		t.Fatal(err)
	}
	const element = "0190a5f0-0000-7000-8000-000000000001"
	for path, want := range map[syncengine.Path]string{
		"/place": "review", "/item/rating": "lowest", "/item/count": "highest", "/item/exists": "review", "/item": "", "/kinds/a/": "union", "/kinds/z/": "",
		"/points/" + element + "/": "list", "/points/" + element + "/out": "review", "/points/" + element + "/id": "", "/points/out": "",
		"/notes/consultant-1": "latest", "/notes": "", "/spot": "review", "/spot/lat": "", "/nothing": "",
	} {
		got := ""
		if node := v.Checklist.Lookup(path); node != nil && node.Type == syncengine.ListNode {
			got = "list"
		} else if node != nil {
			got = string(node.Policy)
		}
		if got != want {
			t.Errorf("%s has policy %q, want %q", path, got, want)
		}
	}
	ranks := v.Checklist.Lookup("/item/rating").Ranks
	if len(ranks) != 2 || ranks[`"1"`] >= ranks[`"2"`] {
		t.Errorf("ranks %v", ranks)
	}
	if got := v.References(); len(got) != 1 || got["/place"] != schemas.Place {
		t.Errorf("references %v", got)
	}
	if got := v.PlaceTypes(); !slices.Equal(got, []string{"hall"}) {
		t.Errorf("place types %q", got)
	}
}

func TestAVersionIsCompiledOnce(t *testing.T) {
	c := compiler(t)
	content := smallContent(t).bytes(t)
	id := schemas.Identify(content)
	if c.Version(id) != nil {
		t.Fatal("a version is there before it was compiled")
	}
	versions := make([]*schemas.Version, 8)
	var group sync.WaitGroup
	for i := range versions {
		group.Go(func() { versions[i], _ = c.Compile(id, content) })
	}
	group.Wait()
	for _, v := range versions {
		if v == nil || v != versions[0] || v != c.Version(id) || v.ID != id {
			t.Fatal("concurrent compilations gave different versions")
		}
	}
}

func FuzzCompile(f *testing.F) {
	f.Add(smallContent(f).bytes(f))
	f.Add([]byte(`{"$schema":"https://json-schema.org/draft/2020-12/schema"}`))
	c := compiler(f)
	f.Fuzz(func(t *testing.T, content []byte) {
		v, err := c.CheckPublish(nil, content)
		if err != nil {
			codes(t, err)
			return
		}
		v.Checklist.Validate(decode(t, eightAnswers))
		schemas.FormModel(v, schemas.French)
	})
}
