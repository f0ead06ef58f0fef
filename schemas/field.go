package schemas

import (
	"strings"

	"github.com/arpenteur/arpenteur/syncengine"
)

// field is one node of a version, with everything that the checklist says of it.
type field struct {
	name     string
	pattern  string // the register's path with "*" for element ids; of the record itself ""
	schema   *schema
	node     *syncengine.Node
	children []*field // of a group, and of a list's element, in display order
	rules    []*rule  // across the children
}

// child returns the child called name, or nil.
func (f *field) child(name string) *field {
	for _, c := range f.children {
		if c.name == name {
			return c
		}
	}
	return nil
}

// sibling returns the field that names spell from an object of f, through groups only, or nil.
func (f *field) sibling(names []string) *field {
	for i, name := range names {
		if i > 0 && f.node.Type != syncengine.GroupNode {
			return nil
		}
		if f = f.child(name); f == nil {
			return nil
		}
	}
	return f
}

// inside returns the pattern below which the children of f lie.
func (f *field) inside() string {
	if f.node.Type == syncengine.ListNode {
		return f.pattern + "/*"
	}
	return f.pattern
}

// walk calls fn for f and everything below it, in display order.
func (f *field) walk(fn func(*field)) {
	fn(f)
	for _, c := range f.children {
		c.walk(fn)
	}
}

// object returns the schema that the children are properties of: of a list that of its elements.
func (f *field) object() *schema {
	if f.node.Type == syncengine.ListNode {
		return f.schema.Items
	}
	return f.schema
}

// freeText reports whether people write what they like here.
func (f *field) freeText() bool {
	s := f.schema
	if s.Additional.values != nil {
		s = s.Additional.values
	}
	return s.Type == "string" && len(s.Enum) == 0 && s.Format == "" && s.Pattern == ""
}

// registers calls fn with the pattern of every register pattern below f: leaves, author maps' leaves, and the presence of set
// members and elements, which are named by the pattern of their set or list.
func (f *field) registers(fn func(pattern string, f *field)) {
	f.walk(func(f *field) {
		switch f.node.Type {
		case syncengine.GroupNode:
		case syncengine.AuthorMapNode:
			fn(f.pattern+"/*", f)
		default:
			fn(f.pattern, f)
		}
	})
}

// longest returns the longest path that a pattern can stand for, and its number of segments.
func longest(pattern string, authors bool) (size, segments int) {
	segments = strings.Count(pattern, "/")
	size = len(pattern)
	stars := strings.Count(pattern, "*")
	if authors {
		size += maxAccount - 1
		stars--
	}
	return size + stars*(uuidSize-1), segments
}

const (
	uuidSize   = 36
	maxAccount = 40
)
