package schemas

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/arpenteur/arpenteur/syncengine"
)

// CheckPublish says whether content may be published in a ledger where current is the version in force of its lineage; nil where
// there is none yet. It returns the compiled version, which the Registry does not keep, or a *ContentError with every problem.
// Content must be canonical.
func (c *Registry) CheckPublish(current *Version, content []byte) (*Version, error) {
	next, err := c.compile(Identify(content), content)
	if err != nil || current == nil {
		return next, err
	}
	check := succession{problems: &problems{}, old: current, next: next}
	check.run()
	if err := check.err(); err != nil {
		return nil, err
	}
	return next, nil
}

// succession checks that every register of a version is still read under the next one: at one register only, of the same
// structure, with its answers. Registers are read by the engine itself, so that this can't disagree with merge.
type succession struct {
	*problems
	old, next *Version
	taken     map[string]string // register of the next version to the register of the old one that is read there
}

func (s *succession) run() {
	s.identity()
	s.lens()
	if s.err() != nil {
		return
	}
	s.taken = map[string]string{}
	s.old.record.registers(func(pattern string, f *field) { s.register(pattern, f) })
}

// identity checks what never changes within a lineage, and that the next version names the old one.
func (s *succession) identity() {
	a, b := s.old.Checklist, s.next.Checklist
	same := a.Lineage == b.Lineage && a.Kind == b.Kind && a.Domain == b.Domain && s.old.Restricted == s.next.Restricted
	if !same {
		s.add(ProblemLineage, "", "lineage, kind, domain et restricted restent ceux de la grille «\u00a0%s\u00a0»",
			"lineage, kind, domain and restricted stay those of the checklist %q", a.Lineage)
	}
	if b.Previous != a.Version {
		s.add(ProblemSuccessor, "", "la grille en vigueur a changé\u00a0: reprendre celle-ci, dont la version est %s",
			"the checklist in force is another: start again from it; its version is %s", a.Version)
	}
}

// lens checks that each name in the lens is of something that is there.
func (s *succession) lens() {
	l := &s.next.Checklist.Lens
	for _, from := range slices.Sorted(maps.Keys(l.Rename)) {
		if s.old.named(from) == nil {
			s.unknown(from)
		}
		if to := l.Rename[from]; s.next.named(to) == nil {
			s.unknown(to)
		}
	}
	for _, pattern := range l.Retire {
		if s.old.named(pattern) == nil {
			s.unknown(pattern)
		}
	}
	for _, pattern := range slices.Sorted(maps.Keys(l.Codes)) {
		f := s.next.named(pattern)
		if f == nil {
			s.unknown(pattern)
			continue
		}
		for _, to := range l.Codes[pattern] {
			if !slices.Contains(f.node.Codes, unquoted(to)) {
				s.unknown(pattern + " " + unquoted(to))
			}
		}
	}
}

func (s *succession) unknown(name string) {
	s.add(ProblemLensUnknown, name, "la correspondance cite un champ ou une réponse qui n'existe pas", "the lens names a field or an answer that is not there")
}

// register checks one register of the old version, or the members or elements of one.
func (s *succession) register(pattern string, f *field) {
	path := sample(pattern)
	member := path
	switch f.node.Type {
	case syncengine.ListNode:
		member = path.Child(sampleElement(9)).Node()
	case syncengine.SetNode:
		member = path.Child(f.node.Codes[0]).Node()
	}
	to, _, kept := s.read(member, syncengine.Null)
	if !kept {
		return // retired
	}
	place := generalise(to)
	if member != path {
		place = place[:strings.LastIndexByte(place, '/')]
	}
	there := s.next.named(strings.TrimSuffix(place, "/*"))
	node := s.next.Checklist.Lookup(to)
	if there != nil && f.node.Type == syncengine.SetNode && there.node.Type == syncengine.SetNode {
		node = there.node // its first code may be gone; here the set itself counts
	}
	old := f.node
	if old.Type == syncengine.AuthorMapNode {
		old = old.Value
	}
	switch {
	case there == nil:
		s.add(ProblemLostPath, pattern, "ce champ n'est plus dans la grille\u00a0: le renommer ou le retirer par la correspondance",
			"this field is gone from the checklist: rename or retire it with the lens")
		return
	case node == nil || node.Type != old.Type || node.Leaf != old.Leaf || len(old.Codes) == 0 && len(node.Codes) > 0:
		s.add(ProblemChangedType, pattern, "ce champ change de nature\u00a0: retirer l'ancien et donner un autre nom au nouveau",
			"this field changes its type: retire the old one and give the new one another name")
		return
	}
	if first, twice := s.taken[place]; twice {
		s.add(ProblemLensMerges, pattern, "ce champ et «\u00a0%s\u00a0» deviendraient un seul champ", "this field and %q would become one field", first)
	}
	s.taken[place] = pattern
	s.codes(pattern, path, f, node)
}

// codes checks that each answer of the old version is still one, and that no two become one.
func (s *succession) codes(pattern string, path syncengine.Path, f *field, node *syncengine.Node) {
	if len(node.Codes) == 0 {
		return
	}
	taken := map[string]string{}
	for _, code := range f.node.Codes {
		var read string
		if f.node.Type == syncengine.SetNode {
			to, _, _ := s.read(path.Child(code).Node(), syncengine.True)
			segments := to.Segments()
			read = segments[len(segments)-1]
		} else {
			_, value, _ := s.read(path, quoted(code))
			read = unquoted(value)
		}
		if !slices.Contains(node.Codes, read) {
			s.add(ProblemLostCode, pattern, "la réponse «\u00a0%s\u00a0» n'existe plus\u00a0: la faire correspondre à une autre", "the answer %q is gone: map it to another", code)
		} else if first, twice := taken[read]; twice {
			s.add(ProblemLensMerges, pattern, "les réponses «\u00a0%s\u00a0» et «\u00a0%s\u00a0» deviendraient une seule", "the answers %q and %q would become one", first, code)
		}
		taken[read] = code
	}
}

// read reads a register of the old version as one of the next, as merge does.
func (s *succession) read(path syncengine.Path, value syncengine.Value) (syncengine.Path, syncengine.Value, bool) {
	reading := syncengine.Reading{s.old.Checklist, s.next.Checklist}
	return reading.Translate(s.old.Checklist.Version, path, value)
}

// named returns the field that a pattern names: a node, the element of a list or the leaf of an author map.
func (v *Version) named(pattern string) *field {
	var found *field
	v.record.walk(func(f *field) {
		starred := f.node.Type == syncengine.ListNode || f.node.Type == syncengine.AuthorMapNode
		if f != v.record && (f.pattern == pattern || starred && f.pattern+"/*" == pattern) {
			found = f
		}
	})
	return found
}

// sampleElement returns the n-th id that stands for a star in a sample path. It is an account id as well as a UUID.
func sampleElement(n int) string { return fmt.Sprintf("00000000-0000-7000-8000-%012d", n) }

// sample returns a path that a pattern stands for.
func sample(pattern string) syncengine.Path {
	var path syncengine.Path
	for i, segment := range syncengine.Path(pattern).Segments() {
		if segment == "*" {
			segment = sampleElement(i)
		}
		path = path.Child(segment)
	}
	return path
}

// generalise returns the pattern of a path made by sample.
func generalise(path syncengine.Path) string {
	var pattern strings.Builder
	for _, segment := range path.Segments() {
		if isUUID(segment) {
			segment = "*"
		}
		pattern.WriteString("/" + segment)
	}
	return pattern.String()
}

// unquoted returns the code of a canonical string value.
func unquoted(v syncengine.Value) string { return strings.Trim(string(v), `"`) }
