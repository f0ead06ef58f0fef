package schemas_test

import (
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/arpenteur/arpenteur/schemas"
	"github.com/arpenteur/arpenteur/syncengine"
)

// builtins compiles the embedded content once for all tests.
var builtins = sync.OnceValues(func() (map[string]*schemas.Version, error) {
	c, err := schemas.NewRegistry()
	if err != nil {
		return nil, err
	}
	sources, err := schemas.Builtin()
	if err != nil {
		return nil, err
	}
	out := map[string]*schemas.Version{}
	for _, s := range sources {
		v, err := c.Compile(schemas.Identify(s.Content), s.Content)
		if err != nil {
			return nil, errors.Join(errors.New(s.Lineage), err)
		}
		out[s.Lineage] = v
	}
	return out, nil
})

func builtin(t testing.TB, lineage string) *schemas.Version {
	t.Helper()
	all, err := builtins()
	if err != nil {
		t.Fatal(err)
	}
	if all[lineage] == nil {
		t.Fatalf("there is no lineage %s", lineage)
	}
	return all[lineage]
}

func source(t testing.TB, lineage string) schemas.Source {
	t.Helper()
	sources, err := schemas.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(sources, func(s schemas.Source) bool { return s.Lineage == lineage })
	if i < 0 {
		t.Fatalf("there is no lineage %s", lineage)
	}
	return sources[i]
}

func compiler(t testing.TB) *schemas.Registry {
	t.Helper()
	c, err := schemas.NewRegistry()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// decode reads JSON as the engine hands documents to Validate.
func decode(t testing.TB, text string) any {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var doc any
	if err := d.Decode(&doc); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return doc
}

// registers are the registers of a record with their values as JSON; presences have true or false.
type registers map[syncengine.Path]json.RawMessage

// record returns the merged record that shows registers.
func record(v *schemas.Version, r registers) *syncengine.Record {
	out := &syncengine.Record{Checklist: v.Checklist, Present: true}
	for _, path := range slices.Sorted(maps.Keys(r)) {
		out.Fields = append(out.Fields, syncengine.Field{Path: path, Shown: syncengine.Value(r[path])})
	}
	return out
}

// with returns the registers of r with those of the others over them.
func (r registers) with(others ...registers) registers {
	out := maps.Clone(r)
	for _, o := range others {
		maps.Copy(out, o)
	}
	return out
}

// content builds contents by changing a small valid one.
type content map[string]any

// smallContent is a valid content with a node of every type.
func smallContent(t testing.TB) content {
	t.Helper()
	return decode(t, `{
		"$schema": "https://json-schema.org/draft/2020-12/schema",
		"x-arpenteur": {
			"vocabulary": 1, "lineage": "small", "kind": "observation", "domain": "small", "label": {"fr": "Petite", "en": "Small"},
			"sections": [{"code": "main", "label": {"fr": "Tout", "en": "All"}, "items": ["place", "item", "kinds", "points", "notes", "spot", "from", "to"]}]
		},
		"type": "object", "additionalProperties": false, "required": ["place"],
		"properties": {
			"place": {"type": "string", "format": "uuid", "x-arpenteur": {"label": {"fr": "Lieu", "en": "Place"}, "refers": "place", "widget": "record", "index": "place"}},
			"item": {
				"type": "object", "additionalProperties": false,
				"properties": {
					"rating": {"$ref": "#/$defs/rating"},
					"count": {"type": "integer", "minimum": 0, "x-arpenteur": {"label": {"fr": "Combien", "en": "How many"}, "policy": "highest", "widget": "stepper"}},
					"exists": {"type": "boolean", "x-arpenteur": {"label": {"fr": "Existe", "en": "Exists"}, "widget": "toggle"}}
				},
				"allOf": [{
					"if": {"properties": {"exists": {"const": false}}, "required": ["exists"]},
					"then": {"properties": {"rating": {"enum": ["none"]}, "count": false}},
					"x-arpenteur": {"rule": "not_there", "label": {"fr": "ce qui n'existe pas ne se note pas", "en": "what is not there is not rated"}}
				}],
				"x-arpenteur": {"label": {"fr": "Point", "en": "Point"}, "order": ["exists", "rating", "count"], "places": ["hall"]}
			},
			"kinds": {
				"type": "array", "uniqueItems": true, "items": {"type": "string", "enum": ["a", "b", "c"]},
				"x-arpenteur": {"label": {"fr": "Sortes", "en": "Kinds"}, "widget": "choices", "answers": [
					{"code": "a", "label": {"fr": "a", "en": "a"}}, {"code": "b", "label": {"fr": "b", "en": "b"}}, {"code": "c", "label": {"fr": "c", "en": "c"}}]}
			},
			"points": {
				"type": "array",
				"items": {
					"type": "object", "additionalProperties": false, "required": ["id"],
					"properties": {
						"id": {"type": "string", "format": "uuid"},
						"position": {"type": "number", "x-arpenteur": {"label": {"fr": "Ordre", "en": "Order"}, "policy": "latest", "widget": "hidden"}},
						"label": {"type": "string", "maxLength": 40, "x-arpenteur": {"label": {"fr": "Nom", "en": "Name"}, "personal": false, "widget": "text"}},
						"out": {"type": "integer", "x-arpenteur": {"label": {"fr": "Éteints", "en": "Out"}, "widget": "stepper"}},
						"seen": {"type": "integer", "x-arpenteur": {"label": {"fr": "Vus", "en": "Seen"}, "widget": "stepper"}}
					},
					"allOf": [{"x-arpenteur": {"rule": "out_of_seen", "label": {"fr": "pas plus d'éteints que de vus", "en": "no more out than seen"}, "relation": "le", "left": "out", "right": "seen"}}],
					"x-arpenteur": {"order": ["position", "label", "out", "seen"]}
				},
				"x-arpenteur": {"label": {"fr": "Points", "en": "Points"}, "widget": "list"}
			},
			"notes": {
				"type": "object", "propertyNames": {"format": "account"}, "additionalProperties": {"type": "string", "maxLength": 100},
				"x-arpenteur": {"label": {"fr": "Note", "en": "Note"}, "node": "authors", "policy": "latest", "personal": true, "widget": "notes"}
			},
			"spot": {
				"type": "object", "additionalProperties": false, "required": ["lat", "lon"],
				"properties": {"lat": {"type": "number"}, "lon": {"type": "number"}},
				"x-arpenteur": {"label": {"fr": "Position", "en": "Position"}, "node": "atomic", "widget": "location"}
			},
			"from": {"type": "string", "format": "date", "x-arpenteur": {"label": {"fr": "Du", "en": "From"}, "widget": "date"}},
			"to": {"type": "string", "format": "date", "x-arpenteur": {"label": {"fr": "Au", "en": "To"}, "widget": "date"}}
		},
		"allOf": [
			{"x-arpenteur": {"rule": "dates", "label": {"fr": "la fin suit le début", "en": "the end follows the start"}, "relation": "le", "left": "from", "right": "to"}},
			{"dependentRequired": {"to": ["from"]}, "x-arpenteur": {"rule": "to_needs_from", "label": {"fr": "une fin a un début", "en": "an end has a start"}}}
		],
		"$defs": {
			"rating": {
				"type": "string", "enum": ["1", "2", "none"],
				"x-arpenteur": {"label": {"fr": "Note", "en": "Rating"}, "policy": "lowest", "scale": "small", "widget": "rating", "answers": [
					{"code": "1", "rank": 1, "sign": "1", "label": {"fr": "mauvais", "en": "bad"}}, {"code": "2", "rank": 2, "sign": "2", "label": {"fr": "bon", "en": "good"}},
					{"code": "none", "label": {"fr": "sans objet", "en": "not applicable"}}]}
			}
		}
	}`).(map[string]any)
}

// set puts a JSON value at a path of keys joined by slashes; "-" removes what is there.
func (c content) set(t testing.TB, path, value string) {
	t.Helper()
	keys := strings.Split(path, "/")
	var at any = map[string]any(c)
	for i, key := range keys {
		key = strings.ReplaceAll(key, "~1", "/")
		m, ok := at.(map[string]any)
		if list, isList := at.([]any); isList && len(key) == 1 {
			if i == len(keys)-1 {
				list[key[0]-'0'] = decode(t, value)
				return
			}
			at = list[key[0]-'0']
			continue
		}
		if !ok {
			t.Fatalf("%s leads nowhere", path)
		}
		if i < len(keys)-1 {
			at = m[key]
			continue
		}
		if value == "-" {
			delete(m, key)
		} else {
			m[key] = decode(t, value)
		}
	}
}

func (c content) bytes(t testing.TB) []byte {
	t.Helper()
	out, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// codes returns the codes of a refusal, sorted, each once.
func codes(t testing.TB, err error) []schemas.ProblemCode {
	t.Helper()
	if err == nil {
		return nil
	}
	var refused *schemas.ContentError
	if !errors.As(err, &refused) {
		t.Fatalf("%v is no ContentError", err)
	}
	var out []schemas.ProblemCode
	for _, p := range refused.Problems {
		if p.Reason.FR == "" || p.Reason.EN == "" || p.At == "" {
			t.Errorf("problem %+v says too little", p)
		}
		out = append(out, p.Code)
	}
	slices.Sort(out)
	return slices.Compact(out)
}
