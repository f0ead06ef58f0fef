package schemas

import (
	"encoding/json"
	"strings"

	"github.com/arpenteur/arpenteur/syncengine"
)

// The relations between two values that rules may state, which JSON Schema can't.
const (
	relationLE     = "le"     // left is at most right: numbers, or dates
	relationNE     = "ne"     // left and right differ
	relationPrefix = "prefix" // right starts with left
)

// scopedRules are the rules across the fields of one group, list element or record.
type scopedRules struct {
	base  []string // the pattern of the object, in segments
	rules []*rule
}

// scope collects the rules of a record by the object that they are about.
func scope(record *field) []scopedRules {
	var out []scopedRules
	record.walk(func(f *field) {
		if len(f.rules) == 0 {
			return
		}
		out = append(out, scopedRules{syncengine.Path(f.inside()).Segments(), f.rules})
	})
	return out
}

// each calls fn for each object of a document that the rules are about, with its path.
func (s *scopedRules) each(document any, fn func(object map[string]any, at syncengine.Path)) {
	descend(document, s.base, "", fn)
}

func descend(v any, pattern []string, at syncengine.Path, fn func(map[string]any, syncengine.Path)) {
	switch v := v.(type) {
	case map[string]any:
		if len(pattern) == 0 {
			fn(v, at)
		} else if child, there := v[pattern[0]]; there {
			descend(child, pattern[1:], at.Child(pattern[0]), fn)
		}
	case []any:
		if len(pattern) == 0 || pattern[0] != "*" {
			return
		}
		for _, element := range v {
			if object, ok := element.(map[string]any); ok {
				if id, _ := object[elementID].(string); isUUID(id) {
					descend(object, pattern[1:], at.Child(id), fn)
				}
			}
		}
	}
}

// outcome returns what a rule with a condition demands of an object, or nil.
func (r *rule) outcome(object map[string]any) *demand {
	switch {
	case r.schema.If == nil:
		return nil
	case r.schema.If.met(object):
		return r.schema.Then
	}
	return r.schema.Else
}

// broken calls fn with the path of each field of an object that breaks the rule.
func (r *rule) broken(object map[string]any, at syncengine.Path, fn func(syncengine.Path)) {
	if demand := r.outcome(object); demand != nil && !demand.met(object) {
		demand.broken(object, at, fn)
	}
	if r.relation != "" {
		left, right := lookup(object, r.left), lookup(object, r.right)
		if left != nil && right != nil && !holds(r.relation, left, right) {
			fn(at + "/" + syncengine.Path(strings.Join(r.left, "/")))
		}
	}
	for name, others := range r.schema.Dependent {
		if _, there := object[name]; !there {
			continue
		}
		for _, other := range others {
			if _, there := object[other]; !there {
				fn(at.Child(other))
			}
		}
	}
}

// lookup returns the value that names lead to from an object, or nil.
func lookup(object map[string]any, names []string) any {
	var at any = object
	for _, name := range names {
		m, ok := at.(map[string]any)
		if !ok {
			return nil
		}
		at = m[name]
	}
	return at
}

// holds reports whether two values stand in a relation. Values of other types than the schema asks for hold: the schema says so.
func holds(relation string, a, b any) bool {
	if x, ok := a.(json.Number); ok {
		y, ok := b.(json.Number)
		return !ok || relation == relationLE && number(x) <= number(y) || relation == relationNE && number(x) != number(y)
	}
	x, isText := a.(string)
	y, bothText := b.(string)
	if !isText || !bothText {
		return true
	}
	switch relation {
	case relationLE:
		return x <= y
	case relationNE:
		return x != y
	}
	return strings.HasPrefix(y, x)
}
