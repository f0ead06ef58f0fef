package schemas

import (
	"cmp"
	"errors"
	"slices"
	"strings"

	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/santhosh-tekuri/jsonschema/v5"
)

// MaxViolations bounds what one validation returns.
const MaxViolations = 64

// validator is what the Validate function of a checklist works with: the JSON Schema of the values, and the rules across them. It is
// not changed once made.
type validator struct {
	compiled *jsonschema.Schema
	expanded map[string]any // the schema that compiled was made of, with our words
	record   *field
	labels   map[string]Text // of the rules
	rules    []scopedRules
}

// validate returns what a merged document breaks, ordered by path, then rule, each once at a path. Null counts as absent.
func (v *validator) validate(document any) []syncengine.Violation {
	if hasNull(document) {
		document = withoutNull(document)
	}
	var found []syncengine.Violation
	if err := v.compiled.Validate(document); err != nil {
		found = v.violations(err, document)
	}
	for i := range v.rules {
		scope := &v.rules[i]
		scope.each(document, func(object map[string]any, at syncengine.Path) {
			for _, r := range scope.rules {
				r.broken(object, at, func(path syncengine.Path) { found = append(found, v.violation(path, r.name)) })
			}
		})
	}
	if len(found) == 0 {
		return nil
	}
	slices.SortFunc(found, func(a, b syncengine.Violation) int {
		return cmp.Or(strings.Compare(string(a.Path), string(b.Path)), strings.Compare(a.Rule, b.Rule))
	})
	found = slices.CompactFunc(found, func(a, b syncengine.Violation) bool { return a.Path == b.Path && a.Rule == b.Rule })
	return found[:min(len(found), MaxViolations)]
}

// violation returns the violation of a rule or keyword at a path. Its message holds nothing of the value.
func (v *validator) violation(path syncengine.Path, rule string) syncengine.Violation {
	label, ok := v.labels[rule]
	if !ok {
		label, _ = keywordLabel(rule)
	}
	return syncengine.Violation{Path: path, Rule: rule, Message: label.EN}
}

// violations turns the error of the JSON Schema validator into violations.
func (v *validator) violations(err error, document any) []syncengine.Violation {
	var invalid *jsonschema.ValidationError
	if !errors.As(err, &invalid) {
		return []syncengine.Violation{v.violation(syncengine.RecordPresence, "type")}
	}
	var found []syncengine.Violation
	leaves(invalid, func(leaf *jsonschema.ValidationError) {
		word, schema := v.locate(leaf.KeywordLocation)
		at := v.place(leaf.InstanceLocation, document)
		for _, path := range at.blamed(word, schema) {
			found = append(found, v.violation(path, word))
		}
	})
	return found
}

// leaves calls fn for each error that has no cause of its own.
func leaves(err *jsonschema.ValidationError, fn func(*jsonschema.ValidationError)) {
	if len(err.Causes) == 0 {
		fn(err)
	}
	for _, cause := range err.Causes {
		leaves(cause, fn)
	}
}

// locate reads a keyword location: the keyword that failed, and the schema that has it.
func (v *validator) locate(location string) (word string, schema map[string]any) {
	var at any = v.expanded
	for token := range strings.SplitSeq(strings.TrimPrefix(location, "/"), "/") {
		node, ok := at.(map[string]any)
		if !ok {
			break
		}
		schema, word, at = node, token, node[token]
	}
	return word, schema
}

// hasNull reports whether a document holds null anywhere.
func hasNull(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case map[string]any:
		for _, value := range v {
			if hasNull(value) {
				return true
			}
		}
	case []any:
		return slices.ContainsFunc(v, hasNull)
	}
	return false
}

// withoutNull returns a document without its nulls: what was cleared is absent.
func withoutNull(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for key, value := range v {
			if value != nil {
				out[key] = withoutNull(value)
			}
		}
		return out
	case []any:
		out := make([]any, 0, len(v))
		for _, value := range v {
			if value != nil {
				out = append(out, withoutNull(value))
			}
		}
		return out
	}
	return v
}
