package schemas

import (
	"maps"
	"slices"
	"strings"

	"github.com/arpenteur/arpenteur/syncengine"
)

// rule is a named rule across the fields of one object.
type rule struct {
	name   string
	label  Text
	base   *field // the group, list element or record that it is about
	schema *ruleSchema

	relation    string
	left, right []string // names, from the object, of the two sides of a relation
}

// rules derives the rules of f and everything below it. Rules of one name have one label.
func (b *shaper) rules(root *field) map[string]Text {
	labels := map[string]Text{}
	root.walk(func(f *field) {
		if f.node.Type != syncengine.GroupNode && f.node.Type != syncengine.ListNode {
			return
		}
		object := f.object()
		for i := range object.AllOf {
			s := &object.AllOf[i]
			r := &rule{name: s.Words.Rule, label: s.Words.Label, base: f, schema: s}
			known, again := labels[r.name]
			_, taken := keywordLabel(r.name)
			switch {
			case r.name == "":
				b.add(ProblemRule, f.pattern, "une règle a un nom et un intitulé", "a rule has a name and a label")
			case taken:
				b.add(ProblemRule, f.pattern, "«\u00a0%s\u00a0» est déjà le nom d'une règle générale", "%q is already the name of a general rule", r.name)
			case again && known != r.label:
				b.add(ProblemRule, f.pattern, "deux règles nommées «\u00a0%s\u00a0» ont deux intitulés", "two rules named %q have two labels", r.name)
			}
			labels[r.name] = r.label
			b.rule(r)
			f.rules = append(f.rules, r)
		}
	})
	return labels
}

// rule checks that a rule states exactly one thing, about fields that are there.
func (b *shaper) rule(r *rule) {
	s, at := r.schema, r.base.pattern
	stated := 0
	if s.If != nil || s.Then != nil || s.Else != nil {
		stated++
		if s.If == nil || s.Then == nil && s.Else == nil {
			b.add(ProblemRule, at, "règle «\u00a0%s\u00a0»\u00a0: il faut if, et then ou else", "rule %q: it takes if, and then or else", r.name)
		}
		b.demand(r, s.If, r.base, true)
		b.demand(r, s.Then, r.base, false)
		b.demand(r, s.Else, r.base, false)
	}
	if len(s.Dependent) > 0 {
		stated++
		for _, name := range slices.Sorted(maps.Keys(s.Dependent)) {
			for _, other := range append([]string{name}, s.Dependent[name]...) {
				b.known(r, r.base, other)
			}
		}
	}
	if s.Words.Relation != "" {
		stated++
		b.relation(r)
	}
	if stated != 1 {
		b.add(ProblemRule, at, "règle «\u00a0%s\u00a0»\u00a0: elle dit une seule chose, if, dependentRequired ou relation", "rule %q: it states one thing, if, dependentRequired or a relation", r.name)
	}
}

// known returns the child of f called name, and records a problem where there is none.
func (b *shaper) known(r *rule, f *field, name string) *field {
	var c *field
	if f.node.Type == syncengine.GroupNode || f == r.base {
		c = f.child(name)
	}
	if c == nil {
		b.add(ProblemRule, f.pattern, "règle «\u00a0%s\u00a0»\u00a0: «\u00a0%s\u00a0» n'est pas un champ", "rule %q: %q is no field", r.name, name)
	}
	return c
}

// demand checks a condition or consequence against the field that it is about. A condition names what it tests as required, so
// that it does not hold for what was not answered.
func (b *shaper) demand(r *rule, d *demand, f *field, condition bool) {
	if d == nil || d.never {
		if d != nil && condition {
			b.add(ProblemRule, f.pattern, "règle «\u00a0%s\u00a0»\u00a0: une condition n'est pas «\u00a0false\u00a0»", "rule %q: a condition is not false", r.name)
		}
		return
	}
	for _, name := range d.Required {
		b.known(r, f, name)
	}
	for _, name := range slices.Sorted(maps.Keys(d.Properties)) {
		if condition && !slices.Contains(d.Required, name) {
			b.add(ProblemRule, f.pattern, "règle «\u00a0%s\u00a0»\u00a0: la condition sur «\u00a0%s\u00a0» le dit aussi dans required", "rule %q: the condition on %q also names it in required", r.name, name)
		}
		if c := b.known(r, f, name); c != nil {
			b.demand(r, d.Properties[name], c, condition)
		}
	}
	b.values(r, d, f)
}

// values checks the values that a demand names against the type of the field.
func (b *shaper) values(r *rule, d *demand, f *field) {
	b.pattern(f.pattern, d.Pattern)
	codes := d.Enum
	text, isText := d.Const.(string)
	if isText {
		codes = append(slices.Clone(codes), text)
	}
	_, isBool := d.Const.(bool)
	unknown := slices.ContainsFunc(codes, func(c string) bool { return !slices.Contains(f.node.Codes, c) })
	number := f.node.Type == syncengine.LeafNode && (f.node.Leaf == syncengine.IntegerLeaf || f.node.Leaf == syncengine.NumberLeaf)
	many := f.node.Type == syncengine.SetNode || f.node.Type == syncengine.ListNode
	switch {
	case len(codes) > 0 && (unknown || f.node.Type != syncengine.LeafNode),
		isBool && f.node.Leaf != syncengine.BooleanLeaf,
		d.Const != nil && !isBool && !isText && !number,
		(d.Minimum != nil || d.Maximum != nil) && !number,
		(d.MinItems != nil || d.MaxItems != nil) && !many,
		d.Pattern != "" && f.node.Leaf != syncengine.StringLeaf:
		b.add(ProblemRule, f.pattern, "règle «\u00a0%s\u00a0»\u00a0: elle demande une valeur que ce champ ne peut pas avoir", "rule %q: it asks for a value that this field can't have", r.name)
	}
}

// relation resolves and checks the two sides of a relation.
func (b *shaper) relation(r *rule) {
	w := &r.schema.Words
	r.relation, r.left, r.right = w.Relation, strings.Split(w.Left, "/"), strings.Split(w.Right, "/")
	leftField, rightField := r.base.sibling(r.left), r.base.sibling(r.right)
	if leftField == nil || rightField == nil {
		b.add(ProblemRule, r.base.pattern, "règle «\u00a0%s\u00a0»\u00a0: ses deux côtés sont des champs du même objet", "rule %q: its two sides are fields of the same object", r.name)
		return
	}
	left, right := leftField.schema, rightField.schema
	number := func(s *schema) bool { return s.Type == "integer" || s.Type == "number" }
	text := left.Type == "string" && right.Type == "string"
	ok := false
	switch w.Relation {
	case relationLE:
		ok = number(left) && number(right) || text && left.Format == "date" && right.Format == "date"
	case relationNE:
		ok = text || number(left) && number(right)
	case relationPrefix:
		ok = text
	}
	if !ok {
		b.add(ProblemRule, r.base.pattern, "règle «\u00a0%s\u00a0»\u00a0: ces deux champs ne se comparent pas", "rule %q: these two fields do not compare", r.name)
	}
}
