package schemas

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"testing"

	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/santhosh-tekuri/jsonschema/v5"
	"pgregory.net/rapid"
)

// oracle compiles content as the plain JSON Schema that it is, references, rules and all. Only relations are beyond it.
func oracle(t *testing.T, content []byte) *jsonschema.Schema {
	t.Helper()
	c := jsonschema.NewCompiler()
	c.AssertFormat = true
	c.Formats = formats()
	if err := c.AddResource("oracle:///content.json", bytes.NewReader(content)); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("oracle:///content.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// drawn draws a document of the fields below f: mostly what fits, so that rules are met and broken, and now and then what does not.
func drawn(t *rapid.T, f *field) any {
	if rapid.IntRange(0, 40).Draw(t, "unfit") == 0 {
		return rapid.SampledFrom([]any{true, false, "x", json.Number("-1"), json.Number("1.5"), []any{}, map[string]any{}, map[string]any{"zz": true}}).Draw(t, "odd")
	}
	switch f.node.Type {
	case syncengine.GroupNode:
		return drawnObject(t, f)
	case syncengine.ListNode:
		list := []any{}
		for i := range rapid.IntRange(0, 2).Draw(t, "elements") {
			element := drawnObject(t, f)
			element[elementID] = sampleElement(i)
			list = append(list, element)
		}
		return list
	case syncengine.SetNode:
		set := []any{}
		for _, code := range f.node.Codes {
			if rapid.Bool().Draw(t, "member") {
				set = append(set, code)
			}
		}
		return set
	case syncengine.AuthorMapNode:
		if f.node.Value.Leaf == syncengine.AtomicLeaf {
			return map[string]any{"consultant-1": []any{}}
		}
		return map[string]any{"consultant-1": "x"}
	}
	return drawnLeaf(t, f)
}

func drawnObject(t *rapid.T, f *field) map[string]any {
	object := map[string]any{}
	for _, c := range f.children {
		if rapid.IntRange(0, 2).Draw(t, c.name) > 0 {
			object[c.name] = drawn(t, c)
		}
	}
	return object
}

func drawnLeaf(t *rapid.T, f *field) any {
	switch f.node.Leaf {
	case syncengine.BooleanLeaf:
		return rapid.Bool().Draw(t, "yes")
	case syncengine.IntegerLeaf, syncengine.NumberLeaf:
		return json.Number(strconv.Itoa(rapid.IntRange(-1, 3).Draw(t, "number")))
	case syncengine.AtomicLeaf:
		return rapid.SampledFrom([]any{map[string]any{"lat": json.Number("48.8"), "lon": json.Number("2.3")}, []any{}}).Draw(t, "value")
	}
	if len(f.node.Codes) > 0 {
		return rapid.SampledFrom(f.node.Codes).Draw(t, "code")
	}
	texts := []string{"a", "12:30", "QP099004", "QN03101M", "1100010", "2A004", "4-1", "12"}
	switch f.schema.Format {
	case "date":
		texts = []string{"2026-11-16", "2026-11-17", "2026-11-18"}
	case "uuid":
		texts = []string{sampleElement(1), sampleElement(2)}
	case "siren", "siret":
		texts = []string{"732829320", "73282932000074", "35600000000048"}
	}
	return rapid.SampledFrom(texts).Draw(t, "text")
}

// related reports whether a document breaks only relations, which the oracle does not know.
func related(v *Version, found []syncengine.Violation) bool {
	relations := map[string]bool{}
	v.record.walk(func(f *field) {
		for _, r := range f.rules {
			relations[r.name] = r.relation != ""
		}
	})
	for _, f := range found {
		if !relations[f.Rule] {
			return false
		}
	}
	return true
}

func TestValidationSaysWhatPlainJSONSchemaSays(t *testing.T) {
	c, err := NewRegistry()
	if err != nil {
		t.Fatal(err)
	}
	sources, err := Builtin()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range sources {
		v, err := c.Compile(Identify(s.Content), s.Content)
		if err != nil {
			t.Fatal(err)
		}
		plain := oracle(t, s.Content)
		t.Run(s.Lineage, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				doc := drawnObject(t, v.record)
				found := v.Checklist.Validate(doc)
				if err := plain.Validate(doc); (err == nil) != related(v, found) {
					t.Fatalf("%v\nJSON Schema says %v, we say %v", doc, err, found)
				}
			})
		})
	}
}

// TestLookupAgreesWithValidation writes one value at a path, real or bent, and asks both whether the checklist knows it.
func TestLookupAgreesWithValidation(t *testing.T) {
	c, err := NewRegistry()
	if err != nil {
		t.Fatal(err)
	}
	sources, err := Builtin()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range sources {
		v, err := c.Compile(Identify(s.Content), s.Content)
		if err != nil {
			t.Fatal(err)
		}
		var patterns []string
		fields := map[string]*field{}
		v.record.registers(func(pattern string, f *field) {
			patterns = append(patterns, pattern)
			fields[pattern] = f
		})
		t.Run(s.Lineage, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				pattern := rapid.SampledFrom(patterns).Draw(t, "pattern")
				path, doc := bent(t, pattern, fields[pattern])
				known := v.Checklist.Lookup(path) != nil
				refused := ""
				for _, f := range v.Checklist.Validate(doc) {
					if f.Rule == "additionalProperties" || f.Rule == "type" || f.Rule == "enum" || f.Rule == "format" {
						refused = fmt.Sprint(f)
					}
				}
				if known != (refused == "") {
					t.Fatalf("%s: Lookup knows it: %v; validation of %v: %s", path, known, doc, refused)
				}
			})
		})
	}
}

// bent returns a path of a pattern with the document that has a fitting value there; one segment may be bent.
func bent(t *rapid.T, pattern string, f *field) (syncengine.Path, any) {
	path := sample(pattern)
	var value any
	switch f.node.Type {
	case syncengine.ListNode:
		path, value = path.Child(sampleElement(9)).Node(), map[string]any{}
	case syncengine.SetNode:
		path = path.Child(f.node.Codes[0]).Node()
	case syncengine.AuthorMapNode:
		value = map[syncengine.LeafType]any{syncengine.StringLeaf: "x", syncengine.AtomicLeaf: []any{}}[f.node.Value.Leaf]
	default:
		value = fitting(f)
	}
	segments := path.Segments()
	if i := rapid.IntRange(0, 2*len(segments)).Draw(t, "bend"); i < len(segments) {
		if isUUID(segments[i]) {
			segments[i] = "NO" // neither a UUID nor an account id
		} else {
			segments[i] += "_zz"
		}
	}
	bentPath := syncengine.Path("")
	for _, s := range segments {
		bentPath = bentPath.Child(s)
	}
	if path.IsPresence() {
		bentPath = bentPath.Node()
	}
	return bentPath, nested(segments, syncengine.Path(pattern).Segments(), f, value)
}

// nested wraps a value into the objects and lists that lead to it.
func nested(segments, pattern []string, f *field, value any) any {
	switch {
	case len(segments) == 0:
		return value
	case len(pattern) == 0 && f.node.Type == syncengine.SetNode:
		return []any{segments[0]}
	case len(pattern) == 0 || pattern[0] == "*" && f.node.Type != syncengine.AuthorMapNode:
		inner, _ := nested(segments[1:], pattern[min(1, len(pattern)):], f, value).(map[string]any)
		element := map[string]any{elementID: segments[0]}
		for name, v := range inner {
			element[name] = v
		}
		return []any{element}
	}
	return map[string]any{segments[0]: nested(segments[1:], pattern[1:], f, value)}
}

func fitting(f *field) any {
	switch f.node.Leaf {
	case syncengine.BooleanLeaf:
		return true
	case syncengine.IntegerLeaf, syncengine.NumberLeaf:
		return json.Number("1")
	case syncengine.AtomicLeaf:
		switch {
		case f.schema.Type == "array":
			return []any{}
		case f.schema.Properties["lat"] != nil:
			return map[string]any{"lat": json.Number("48.8"), "lon": json.Number("2.3")}
		case f.schema.Properties["coordinates"] != nil:
			return map[string]any{"type": "Polygon", "coordinates": []any{}}
		}
		return map[string]any{"replica": Identify(nil).String(), "sequence": json.Number("1"), "chain": Identify(nil).String()}
	}
	if len(f.node.Codes) > 0 {
		return f.node.Codes[0]
	}
	values := map[string]string{
		"": "x", "date": "2026-11-17", "date-time": "2026-11-17T14:05:00+01:00", "uuid": sampleElement(1), "account": "consultant-1",
		"hash": Identify(nil).String(), "email": "accueil@habitat-orle.example", "siren": "732829320", "siret": "73282932000074",
	}
	return values[f.schema.Format]
}

func TestADemandMeansWhatItMeansInJSONSchema(t *testing.T) {
	keywords := []string{
		`"const": "a"`, `"const": false`, `"const": 1`, `"enum": ["a", "b"]`, `"minimum": 1`, `"maximum": 1`, `"minItems": 1`, `"maxItems": 1`,
		`"pattern": "^a$"`, `"required": ["x"]`, `"properties": {"x": false}`, `"properties": {"x": {"minimum": 1, "maximum": 1}}`,
		`"properties": {"x": {"properties": {"y": {"const": "a"}}, "required": ["y"]}}`,
	}
	values := []any{
		"a", "b", "", true, false, json.Number("0"), json.Number("1"), json.Number("1.0"), json.Number("2"),
		[]any{},
		[]any{"a"},
		[]any{"a", "a"},
		map[string]any{},
		map[string]any{"x": json.Number("1")},
		map[string]any{"x": "a"},
		map[string]any{"x": map[string]any{"y": "a"}},
		map[string]any{"x": map[string]any{}},
		map[string]any{"y": "a"},
	}
	rapid.Check(t, func(t *rapid.T) {
		raw := "{" + rapid.SampledFrom(keywords).Draw(t, "keyword") + "}"
		var d demand
		if err := json.Unmarshal([]byte(raw), &d); err != nil {
			t.Fatal(err)
		}
		plain, err := compileSchema([]byte(raw))
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range values {
			want := plain.Validate(v) == nil
			if d.met(v) != want {
				t.Errorf("%s met by %v: %v, JSON Schema says %v", raw, v, d.met(v), want)
			}
			broken := 0
			d.broken(v, "/at", func(syncengine.Path) { broken++ })
			if broken == 0 != want {
				t.Errorf("%s is broken %d times by %v, JSON Schema says %v", raw, broken, v, want)
			}
		}
	})
}
