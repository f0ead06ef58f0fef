package schemas

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/arpenteur/arpenteur/syncengine"
)

// Effect is what a rule does to a field while its condition holds.
type Effect string

// The effects.
const (
	EffectHidden   Effect = "hidden"   // nothing is asked here; an answer that stands is kept, and said to be hidden
	EffectLimited  Effect = "limited"  // only some answers are left
	EffectExpected Effect = "expected" // an answer is expected; nothing is blocked while it is missing
)

// effect is what one outcome of a rule does to one field.
type effect struct {
	field  *field
	names  []string // from the object that the rule is about
	kind   Effect
	demand *demand // of a limit
}

// effects lists what an outcome does to the fields of f, which lies at names.
func (d *demand) effects(f *field, names []string) []effect {
	if d == nil || f == nil {
		return nil
	}
	if d.never || d.asksNothing(f) {
		return []effect{{f, names, EffectHidden, d}}
	}
	var out []effect
	if d.Const != nil || d.Enum != nil || d.Minimum != nil || d.Maximum != nil || d.MaxItems != nil || d.Pattern != "" {
		out = append(out, effect{f, names, EffectLimited, d})
	}
	for _, name := range slices.Sorted(maps.Keys(d.Properties)) {
		out = append(out, d.Properties[name].effects(f.child(name), append(slices.Clone(names), name))...)
	}
	for _, name := range d.Required {
		if c := f.child(name); c != nil {
			out = append(out, effect{c, append(slices.Clone(names), name), EffectExpected, nil})
		}
	}
	return out
}

// asksNothing reports whether the demand leaves only answers that say nothing: no, none, zero, or the non-answers of a scale.
func (d *demand) asksNothing(f *field) bool {
	switch {
	case d.Const == false, d.MaxItems != nil && *d.MaxItems == 0, d.Maximum != nil && number(*d.Maximum) <= 0 && d.Minimum == nil:
		return true
	case len(d.Enum) == 0:
		return false
	}
	ranked := func(code string) bool {
		return slices.ContainsFunc(f.schema.Words.Answers, func(a answerWords) bool { return a.Code == code && a.Rank != nil })
	}
	return slices.ContainsFunc(f.node.Codes, ranked) && !slices.ContainsFunc(d.Enum, ranked)
}

// Hidden is a field at which nothing is asked, because of what was answered elsewhere.
type Hidden struct {
	Path syncengine.Path // of a register, or of a group with all its registers
	Rule string          // the rule that hides it; RuleLabel has its words
}

// Hidden returns the fields that a document hides, ordered by path, then rule. What was answered at a hidden field stands until it
// is cleared, and then breaks the rule: forms say so, they do not clear it.
func (v *Version) Hidden(document any) []Hidden {
	var out []Hidden
	for i := range v.rules {
		scope := &v.rules[i]
		scope.each(document, func(object map[string]any, at syncengine.Path) {
			for _, r := range scope.rules {
				out = append(out, r.hides(object, at)...)
			}
		})
	}
	slices.SortFunc(out, func(a, b Hidden) int {
		return cmp.Or(strings.Compare(string(a.Path), string(b.Path)), strings.Compare(a.Rule, b.Rule))
	})
	return slices.Compact(out)
}

// hides returns the fields of an object at a path that the rule hides.
func (r *rule) hides(object map[string]any, at syncengine.Path) []Hidden {
	var out []Hidden
	for _, e := range r.outcome(object).effects(r.base, nil) {
		if e.kind == EffectHidden {
			out = append(out, Hidden{at + "/" + syncengine.Path(strings.Join(e.names, "/")), r.name})
		}
	}
	return out
}

// RuleLabel returns what a rule says, in lang, for a Violation or a Hidden: the checklist's words for its own rules, ours for
// JSON Schema's keywords. It is empty for a code that is neither.
func (v *Version) RuleLabel(rule, lang string) string {
	label, ok := v.labels[rule]
	if !ok {
		label, _ = keywordLabel(rule)
	}
	return label.In(lang)
}
