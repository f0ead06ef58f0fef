package schemas

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

// MaxSchemas bounds the schemas of a content once its references are expanded.
const MaxSchemas = 20_000

const refPrefix = "#/$defs/"

// expander replaces each $ref by what it refers to. Beside a $ref only x-arpenteur may stand, whose words then add to or replace
// those of the definition. The result says the same as the content, is a plain tree, and is faster to validate with.
type expander struct {
	*problems
	defs map[string]any
	size int
}

// expand returns content without references, $defs and comments.
func expand(doc map[string]any, p *problems) map[string]any {
	defs, _ := doc["$defs"].(map[string]any)
	e := expander{problems: p, defs: defs}
	root := maps.Clone(doc)
	delete(root, "$defs")
	out, _ := e.schema(root, "", nil).(map[string]any)
	return out
}

// schema expands the schema at a JSON pointer; names are the definitions that it lies in.
func (e *expander) schema(v any, at string, names []string) any {
	m, ok := v.(map[string]any)
	if !ok {
		return v
	}
	if e.size++; e.size > MaxSchemas {
		if e.size == MaxSchemas+1 {
			e.add(ProblemSize, at, "la grille a plus de %d schémas", "the checklist has more than %d schemas", MaxSchemas)
		}
		return map[string]any{}
	}
	if ref, ok := m["$ref"].(string); ok {
		return e.reference(m, ref, at, names)
	}
	out := make(map[string]any, len(m))
	for _, key := range slices.Sorted(maps.Keys(m)) {
		switch key {
		case "$comment":
		case "items", "if", "then", "else", "additionalProperties":
			out[key] = e.schema(m[key], at+"/"+key, names)
		case "properties":
			out[key] = e.properties(m[key], at+"/properties", names)
		case "allOf":
			out[key] = e.list(m[key], at+"/allOf", names)
		default:
			out[key] = m[key]
		}
	}
	return out
}

func (e *expander) properties(v any, at string, names []string) any {
	m, _ := v.(map[string]any)
	out := make(map[string]any, len(m))
	for _, name := range slices.Sorted(maps.Keys(m)) {
		out[name] = e.schema(m[name], at+"/"+name, names)
	}
	return out
}

func (e *expander) list(v any, at string, names []string) any {
	l, _ := v.([]any)
	out := make([]any, len(l))
	for i := range l {
		out[i] = e.schema(l[i], at+"/"+strconv.Itoa(i), names)
	}
	return out
}

func (e *expander) reference(m map[string]any, ref, at string, names []string) any {
	name := strings.TrimPrefix(ref, refPrefix)
	target, known := e.defs[name]
	switch {
	case !known:
		e.add(ProblemReference, at, "«\u00a0%s\u00a0» n'est pas défini", "%q is not defined", name)
		return map[string]any{}
	case slices.Contains(names, name):
		e.add(ProblemReference, at, "la définition «\u00a0%s\u00a0» se contient elle-même", "the definition %q contains itself", name)
		return map[string]any{}
	}
	for key := range m {
		if key != "$ref" && key != keyword && key != "$comment" {
			e.add(ProblemReference, at, "à côté de $ref, seul "+keyword+" est permis, pas «\u00a0%s\u00a0»", "beside $ref only "+keyword+" is allowed, not %q", key)
		}
	}
	out, _ := e.schema(target, at, append(slices.Clone(names), name)).(map[string]any)
	if more, ok := m[keyword].(map[string]any); ok && out != nil {
		all := map[string]any{}
		if words, ok := out[keyword].(map[string]any); ok {
			maps.Copy(all, words)
		}
		maps.Copy(all, more)
		out[keyword] = all
	}
	return out
}

// strip returns an expanded content as the JSON Schema compiler gets it: without our vocabulary and without rules, which are
// evaluated by demand.
func strip(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for key, value := range v {
			switch key {
			case keyword, "allOf":
			case "properties":
				out[key] = stripProperties(value)
			default:
				out[key] = strip(value)
			}
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = strip(v[i])
		}
		return out
	}
	return v
}

// stripProperties strips schemas whatever their names are.
func stripProperties(v any) any {
	m, _ := v.(map[string]any)
	out := make(map[string]any, len(m))
	for name, schema := range m {
		out[name] = strip(schema)
	}
	return out
}
