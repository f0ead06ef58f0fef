package schemas

import (
	"maps"
	"slices"
	"strings"

	"github.com/arpenteur/arpenteur/syncengine"
)

// The two properties of a list's element that the engine knows by name. The id is no register: it is in the path.
const (
	elementID       = "id"
	elementPosition = "position"
)

// shaper derives the fields of a version from its expanded content, and finds what is wrong with each.
type shaper struct{ *problems }

// record derives the field of the record itself.
func (b *shaper) record(s *schema, order []string) *field {
	f := &field{schema: s, node: &syncengine.Node{Type: syncengine.GroupNode}}
	b.group(f, s, order)
	return f
}

// field derives the field called name below parent. It returns nil, with a problem, where the schema is none.
func (b *shaper) field(parent *field, name string, s *schema) *field {
	f := &field{name: name, pattern: parent.inside() + "/" + name, schema: s}
	switch {
	case s.Words.Node == "atomic":
		f.node = b.atomic(f)
	case s.Words.Node == "authors":
		f.node = b.authors(f)
	case s.Type == "object":
		f.node = &syncengine.Node{Type: syncengine.GroupNode}
		b.group(f, s, s.Words.Order)
	case s.Type == "array":
		f.node = b.array(f)
	default:
		f.node = b.scalar(f)
	}
	if f.node == nil {
		return nil
	}
	b.words(f)
	return f
}

// atomic derives a leaf whose value is replaced as a whole.
func (b *shaper) atomic(f *field) *syncengine.Node {
	if t := f.schema.Type; t != "object" && t != "array" {
		b.add(ProblemStructure, f.pattern, "une valeur d'un seul tenant est un objet ou une liste", "an atomic value is an object or an array")
		return nil
	}
	return &syncengine.Node{Type: syncengine.LeafNode, Leaf: syncengine.AtomicLeaf}
}

// authors derives a map from account id to one value.
func (b *shaper) authors(f *field) *syncengine.Node {
	values := f.schema.Additional.values
	if f.schema.Type != "object" || values == nil || len(f.schema.Properties) > 0 {
		b.add(ProblemStructure, f.pattern, "une table par auteur est un objet dont additionalProperties décrit les valeurs",
			"an author map is an object whose additionalProperties describe the values")
		return nil
	}
	leaf, ok := leafType(values.Type)
	if !ok {
		b.add(ProblemStructure, f.pattern, "les valeurs d'une table par auteur ont un type", "the values of an author map have a type")
		return nil
	}
	return &syncengine.Node{Type: syncengine.AuthorMapNode, Value: &syncengine.Node{Type: syncengine.LeafNode, Leaf: leaf}}
}

// array derives a set of codes or a repeat group.
func (b *shaper) array(f *field) *syncengine.Node {
	items := f.schema.Items
	switch {
	case items != nil && items.Type == "string" && len(items.Enum) > 0 && f.schema.UniqueItems:
		return &syncengine.Node{Type: syncengine.SetNode, Codes: items.Enum}
	case items != nil && items.Type == "object" && len(items.Properties) > 0:
		id, position := items.Properties[elementID], items.Properties[elementPosition]
		if id == nil || id.Format != "uuid" || position == nil || position.Type != "number" || !slices.Contains(items.Required, elementID) {
			b.add(ProblemStructure, f.pattern, "les éléments d'une liste ont un «\u00a0id\u00a0» obligatoire (format uuid) et une «\u00a0position\u00a0» (number)",
				`the elements of a list have a required "id" (format uuid) and a "position" (number)`)
			return nil
		}
		f.node = &syncengine.Node{Type: syncengine.ListNode}
		b.group(f, items, items.Words.Order)
		return f.node
	}
	b.add(ProblemStructure, f.pattern, "une liste est un ensemble de codes (enum, uniqueItems) ou une suite d'objets\u202f; sinon la dire «\u00a0atomic\u00a0»",
		`an array is a set of codes (enum, uniqueItems) or a list of objects; otherwise mark it "atomic"`)
	return nil
}

func (b *shaper) scalar(f *field) *syncengine.Node {
	leaf, ok := leafType(f.schema.Type)
	if !ok || leaf == syncengine.AtomicLeaf {
		b.add(ProblemStructure, f.pattern, "ce champ n'a pas de type", "this field has no type")
		return nil
	}
	return &syncengine.Node{Type: syncengine.LeafNode, Leaf: leaf, Codes: f.schema.Enum}
}

func leafType(t string) (syncengine.LeafType, bool) {
	switch t {
	case "string":
		return syncengine.StringLeaf, true
	case "integer":
		return syncengine.IntegerLeaf, true
	case "number":
		return syncengine.NumberLeaf, true
	case "boolean":
		return syncengine.BooleanLeaf, true
	case "object", "array":
		return syncengine.AtomicLeaf, true
	}
	return 0, false
}

// group derives the children of a group, a list's element or the record, in the order that is given for them.
func (b *shaper) group(f *field, s *schema, order []string) {
	if !s.Additional.closed {
		b.add(ProblemStructure, f.pattern, "un groupe a additionalProperties: false", "a group has additionalProperties: false")
	}
	if len(s.Properties) == 0 {
		b.add(ProblemStructure, f.pattern, "un groupe a des champs", "a group has fields")
	}
	f.node.Children = make(map[string]*syncengine.Node, len(s.Properties))
	placed := make(map[string]bool, len(order))
	for _, name := range order {
		property := s.Properties[name]
		if property == nil || placed[name] || f.node.Type == syncengine.ListNode && name == elementID {
			b.add(ProblemOrder, f.pattern, "l'ordre cite «\u00a0%s\u00a0», qui n'est pas un champ ou qui y est déjà", "the order names %q, which is no field or is in it already", name)
			continue
		}
		placed[name] = true
		if child := b.field(f, name, property); child != nil {
			f.children = append(f.children, child)
			f.node.Children[name] = child.node
		}
	}
	for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
		if !placed[name] && (f.node.Type != syncengine.ListNode || name != elementID) {
			b.add(ProblemOrder, f.pattern, "l'ordre ne cite pas «\u00a0%s\u00a0»", "the order does not name %q", name)
		}
	}
	for _, name := range s.Required {
		if s.Properties[name] == nil {
			b.add(ProblemStructure, f.pattern, "«\u00a0%s\u00a0» est exigé mais n'est pas un champ", "%q is required but is no field", name)
		}
	}
}

// words checks what x-arpenteur says of a field against its type, and completes its node.
func (b *shaper) words(f *field) {
	w := &f.schema.Words
	if w.Label.FR == "" {
		b.add(ProblemLabel, f.pattern, "ce champ n'a pas d'intitulé", "this field has no label")
	}
	if size, segments := longest(f.pattern, false); size+maxAccount+2 > syncengine.MaxPathBytes || segments+1 > syncengine.MaxPathSegments {
		b.add(ProblemSize, f.pattern, "le chemin du champ est trop long", "the path of the field is too long")
	}
	if f.node.Type == syncengine.GroupNode {
		if w.Policy != "" || w.Widget != "" || w.Index != "" || w.Answers != nil {
			b.add(ProblemStructure, f.pattern, "un groupe n'a ni règle, ni contrôle, ni réponses", "a group has no policy, no widget and no answers")
		}
		return
	}
	b.answers(f)
	b.policy(f)
	b.widget(f)
	if f.freeText() && f.node.Type != syncengine.ListNode && w.Personal == nil {
		b.add(ProblemPersonal, f.pattern, "un texte libre dit s'il peut porter des données personnelles (personal)",
			"free text says whether it may hold personal data (personal)")
	}
	b.pattern(f.pattern, f.schema.Pattern)
	if f.node.Type != syncengine.ListNode {
		b.inner(f, f.schema)
	}
	if w.Index != "" && (f.node.Type != syncengine.LeafNode || f.node.Leaf == syncengine.AtomicLeaf || strings.Contains(f.pattern, "*")) {
		b.add(ProblemIndex, f.pattern, "seul un champ simple de la fiche elle-même s'indexe", "only a scalar field of the record itself is indexed")
	}
}

// inner checks the schemas inside an atomic value or author map: they are plain JSON Schema and have no registers.
func (b *shaper) inner(f *field, s *schema) {
	if len(s.AllOf) > 0 {
		b.add(ProblemStructure, f.pattern, "une valeur d'un seul tenant n'a pas de règles", "an atomic value has no rules")
	}
	var inside []*schema
	for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
		inside = append(inside, s.Properties[name])
	}
	for _, sub := range append(inside, s.Items, s.Additional.values) {
		if sub != nil {
			b.pattern(f.pattern, sub.Pattern)
			b.inner(f, sub)
		}
	}
}

// pattern checks one regular expression.
func (b *shaper) pattern(at, pattern string) {
	if pattern == "" {
		return
	}
	if err := checkPattern(pattern); err != nil {
		b.add(ProblemPattern, at, "l'expression «\u00a0%[1]s\u00a0» ne se lit pas de la même façon partout\u00a0: %[2]v", "the pattern %[1]q is not portable: %[2]v", pattern, err)
	}
}
