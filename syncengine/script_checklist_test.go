package syncengine_test

import (
	"strings"

	se "github.com/arpenteur/arpenteur/syncengine"
)

// checklist reads the lines of a checklist command.
func (s *script) checklist(name, version string, kind se.Kind, lines []string) *se.Checklist {
	c := &se.Checklist{
		Version: versionID(name + " " + version), Lineage: name, Kind: kind, Shape: group(map[string]*se.Node{}),
		Lens: se.Lens{Rename: map[string]string{}, Codes: map[string]map[se.Value]se.Value{}},
	}
	var rules [][]string
	for _, line := range lines {
		w := words(line)
		switch w[0] {
		case "rename":
			c.Lens.Rename[w[1]] = w[2]
		case "retire":
			c.Lens.Retire = append(c.Lens.Retire, w[1])
		case "codes":
			codes := map[se.Value]se.Value{}
			for _, pair := range w[2:] {
				from, to, _ := strings.Cut(pair, "=")
				codes[s.value(from)] = s.value(to)
			}
			c.Lens.Codes[w[1]] = codes
		case "excludes":
			rules = append(rules, w[1:])
		default:
			s.register(c.Shape, w)
		}
	}
	c.Validate = func(document any) []se.Violation {
		var out []se.Violation
		for _, r := range rules {
			path, answer, _ := strings.Cut(r[0], "=")
			if valueIn(document, path) == answer && valueIn(document, r[1]) != nil {
				out = append(out, se.Violation{Path: se.Path(r[1]), Rule: "excludes", Message: r[0] + " leaves no room for " + r[1]})
			}
		}
		return out
	}
	return c
}

// register adds the node that a line describes to a shape, and the groups that it lies in.
func (s *script) register(shape *se.Node, w []string) {
	leaves := map[string]se.LeafType{
		"string": se.StringLeaf, "integer": se.IntegerLeaf, "number": se.NumberLeaf, "boolean": se.BooleanLeaf, "atomic": se.AtomicLeaf,
	}
	var n *se.Node
	switch kind := w[1]; kind {
	case "set":
		n = set(w[2:]...)
	case "list":
		n = list(map[string]*se.Node{})
	case "authors":
		n = authors()
	default:
		t, ok := leaves[kind]
		if !ok {
			s.fail("there is no %s register", kind)
		}
		n = leaf(t, se.Policy(w[2]))
		if len(w) > 3 {
			var answers []se.Value
			for _, a := range w[3:] {
				answers = append(answers, s.value(a))
			}
			n.Ranks = ranked(n.Policy, answers...).Ranks
		}
	}
	segments := se.Path(w[0]).Segments()
	at := shape
	for _, name := range segments[:len(segments)-1] {
		if name == "*" {
			continue // the children of an element hang below its list
		}
		if at.Children[name] == nil {
			at.Children[name] = group(map[string]*se.Node{})
		}
		at = at.Children[name]
	}
	at.Children[segments[len(segments)-1]] = n
}

// valueIn returns the value at a path of a document, nil where there is none.
func valueIn(document any, path string) any {
	for _, name := range se.Path(path).Segments() {
		object, ok := document.(map[string]any)
		if !ok {
			return nil
		}
		document = object[name]
	}
	return document
}
