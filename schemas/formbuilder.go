package schemas

import (
	"maps"
	"slices"

	"github.com/arpenteur/arpenteur/syncengine"
)

// formBuilder turns fields and rules into a form. Rules come first, since they say the conditions of fields.
type formBuilder struct {
	lang       string
	conditions map[*field][]Condition
}

// rule adds the conditions that a rule makes, and returns the rule itself.
func (b *formBuilder) rule(r *rule) FormRule {
	object := r.base.inside()
	out := FormRule{Name: r.name, Label: r.label.In(b.lang), Object: object, Relation: r.relation}
	s := r.schema
	switch {
	case s.If != nil:
		when := s.If.tests(nil)
		for _, t := range when {
			out.Paths = append(out.Paths, object+"/"+t.Path)
		}
		out.Paths = append(out.Paths, b.outcome(r, s.Then, when, false)...)
		out.Paths = append(out.Paths, b.outcome(r, s.Else, when, true)...)
	case r.relation != "":
		out.Paths = []string{join(object, r.left), join(object, r.right)}
	default:
		for _, name := range slices.Sorted(maps.Keys(s.Dependent)) {
			out.Paths = append(out.Paths, join(object, []string{name}))
			then := &demand{Required: s.Dependent[name]}
			out.Paths = append(out.Paths, b.outcome(r, then, []Test{{Path: name}}, false)...)
		}
	}
	out.Paths = unique(out.Paths)
	return out
}

// outcome adds the conditions of one outcome of a rule, and returns the patterns of the fields that it is about.
func (b *formBuilder) outcome(r *rule, d *demand, when []Test, unless bool) []string {
	var paths []string
	for _, e := range d.effects(r.base, nil) {
		c := Condition{Rule: r.name, Object: r.base.inside(), When: when, Unless: unless, Effect: e.kind}
		if e.demand != nil {
			c.Allowed, c.Minimum, c.Maximum, c.Pattern = e.demand.answers(), e.demand.Minimum, e.demand.Maximum, e.demand.Pattern
		}
		b.conditions[e.field] = append(b.conditions[e.field], c)
		paths = append(paths, e.field.pattern)
	}
	return paths
}

// answers returns the values that a demand names.
func (d *demand) answers() []any {
	if d.Const != nil {
		return []any{d.Const}
	}
	var out []any
	for _, code := range d.Enum {
		out = append(out, code)
	}
	return out
}

// tests flattens a condition into tests of single answers. A name that is only required is tested for being answered.
func (d *demand) tests(names []string) []Test {
	var out []Test
	for _, name := range d.Required {
		at := append(slices.Clone(names), name)
		sub := d.Properties[name]
		if sub == nil {
			sub = &demand{}
		}
		if len(sub.Properties) > 0 || len(sub.Required) > 0 {
			out = append(out, sub.tests(at)...)
			continue
		}
		out = append(out, Test{
			Path: join("", at)[1:], In: sub.answers(), Minimum: sub.Minimum, Maximum: sub.Maximum,
			MinItems: sub.MinItems, MaxItems: sub.MaxItems, Pattern: sub.Pattern,
		})
	}
	return out
}

// field returns the form's view of f, a child of parent.
func (b *formBuilder) field(parent, f *field) FormField {
	w, s := &f.schema.Words, f.schema
	out := FormField{
		Name: f.name, Path: f.pattern, Node: nodeName(f.node.Type), Widget: Widget(w.Widget),
		Label: w.Label.In(b.lang), Hint: w.Hint.In(b.lang), Unit: w.Unit.In(b.lang), Scale: w.Scale,
		Personal: w.Personal != nil && *w.Personal, Fixed: w.Fixed, Required: slices.Contains(parent.object().Required, f.name),
		Refers: w.Refers, Places: slices.Clone(w.Places), Rated: f.rated(), Conditions: b.conditions[f],
	}
	leaf := f.node
	switch f.node.Type {
	case syncengine.GroupNode, syncengine.ListNode:
		for _, c := range f.children {
			out.Fields = append(out.Fields, b.field(f, c))
		}
		return out
	case syncengine.AuthorMapNode:
		out.Path += "/*"
		leaf, s = f.node.Value, f.schema.Additional.values
		fallthrough
	case syncengine.LeafNode:
		out.Type = leafName(leaf.Leaf)
		out.Format, out.Pattern, out.Minimum, out.Maximum, out.MaxLength = s.Format, s.Pattern, s.Minimum, s.Maximum, s.MaxLength
	}
	out.Policy, out.PolicyLabel = leaf.Policy, policyLabel(leaf.Policy).In(b.lang)
	for _, a := range w.Answers {
		out.Answers = append(out.Answers, Answer{a.Code, a.Label.In(b.lang), a.Hint.In(b.lang), a.Sign, a.Rank})
	}
	return out
}

// policyLabel returns the sentence that stands beside differing values. None says that a clock decided: it only orders (law L7).
func policyLabel(p syncengine.Policy) Text {
	switch p {
	case syncengine.Review:
		return Text{"Règle\u00a0: une personne décide", "Rule: a person decides"}
	case syncengine.Latest:
		return Text{"Règle\u00a0: la saisie la plus tardive s'affiche, les autres restent lisibles", "Rule: the latest entry is shown, the others stay readable"}
	case syncengine.Highest:
		return Text{"Règle\u00a0: la valeur la plus haute s'affiche, les autres restent lisibles", "Rule: the highest value is shown, the others stay readable"}
	case syncengine.Lowest:
		return Text{"Règle\u00a0: la valeur la plus basse s'affiche, les autres restent lisibles", "Rule: the lowest value is shown, the others stay readable"}
	case syncengine.Union:
		return Text{"Règle\u00a0: toutes les réponses cochées s'affichent", "Rule: every ticked answer is shown"}
	}
	return Text{}
}

func nodeName(t syncengine.NodeType) string {
	return [...]string{
		syncengine.LeafNode: "leaf", syncengine.GroupNode: "group", syncengine.SetNode: "set", syncengine.ListNode: "list",
		syncengine.AuthorMapNode: "authors",
	}[t]
}

func leafName(t syncengine.LeafType) string {
	return [...]string{
		syncengine.StringLeaf: "string", syncengine.IntegerLeaf: "integer", syncengine.NumberLeaf: "number",
		syncengine.BooleanLeaf: "boolean", syncengine.AtomicLeaf: "atomic",
	}[t]
}

// unique removes repetitions and keeps the order.
func unique(list []string) []string {
	var out []string
	for _, s := range list {
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}
