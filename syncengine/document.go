package syncengine

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
)

// positionName is the leaf of an element that orders its repeat group; elementID names the element in the document.
const (
	positionName = "position"
	elementID    = "id"
)

// AppendDocument appends the canonical JSON document of the record as it is shown: groups are objects, sets are arrays of codes in
// the checklist's order, repeat groups arrays of objects ordered by position, then id, author maps objects. What is absent, erased
// or null is left out. A record that is absent, or whose checklist is not held, has the document "null".
func (r *Record) AppendDocument(b []byte) []byte {
	if !r.Present || r.Checklist == nil {
		return append(b, "null"...)
	}
	d := document{r}
	if out, some := d.object(b, r.Checklist.Shape.Children, "", ""); some {
		return out
	}
	return append(b, "{}"...)
}

// Validate returns the rules that the merged record breaks (law L4), none for an absent one.
func (r *Record) Validate() []Violation {
	if !r.Present || r.Checklist == nil {
		return nil
	}
	var out []Violation
	if r.Mixed {
		out = append(out, Violation{Path: RecordPresence, Rule: "mixed_checklists", Message: "changes of different checklists were made to one record"})
	}
	decoder := json.NewDecoder(strings.NewReader(string(r.AppendDocument(nil))))
	decoder.UseNumber()
	var doc any
	if err := decoder.Decode(&doc); err != nil {
		return append(out, Violation{Path: RecordPresence, Rule: "unreadable", Message: err.Error()})
	}
	if r.Checklist.Validate == nil {
		return out
	}
	return append(out, r.Checklist.Validate(doc)...)
}

// document writes the parts of a record's JSON view. Each method reports whether anything was there to write.
type document struct{ *Record }

// object writes named children, and the element id first in byte order where there is one.
func (d document) object(b []byte, children map[string]*Node, at Path, id string) ([]byte, bool) {
	names := make([]string, 0, len(children)+1)
	for name := range children {
		names = append(names, name)
	}
	if id != "" {
		names = append(names, elementID)
	}
	slices.Sort(names)
	start := len(b)
	b = append(b, '{')
	some := false
	for _, name := range names {
		mark := len(b)
		if some {
			b = append(b, ',')
		}
		b = append(append(append(b, '"'), name...), `":`...)
		var ok bool
		if id != "" && name == elementID {
			b, ok = append(append(append(b, '"'), id...), '"'), true
		} else {
			b, ok = d.node(b, children[name], at.Child(name))
		}
		if !ok {
			b = b[:mark]
			continue
		}
		some = true
	}
	if !some {
		return b[:start], false
	}
	return append(b, '}'), true
}

func (d document) node(b []byte, n *Node, at Path) ([]byte, bool) {
	switch n.Type {
	case GroupNode:
		return d.object(b, n.Children, at, "")
	case SetNode:
		return d.set(b, n, at)
	case ListNode:
		return d.list(b, n, at)
	case AuthorMapNode:
		return d.authorMap(b, at)
	default:
		f := d.Field(at)
		if f == nil || f.Shown == "" || f.Shown == Null {
			return b, false
		}
		return append(b, f.Shown...), true
	}
}

func (d document) set(b []byte, n *Node, at Path) ([]byte, bool) {
	start := len(b)
	for _, code := range n.Codes {
		if f := d.Field(at.Child(code).Node()); f != nil && f.Shown == True {
			b = append(b, ',', '"')
			b = append(append(b, code...), '"')
		}
	}
	return closeList(b, start)
}

func (d document) list(b []byte, n *Node, at Path) ([]byte, bool) {
	type element struct {
		id       string
		position float64
		last     bool // without a position: after those that have one
	}
	var elements []element
	for _, f := range d.below(at) {
		segments := f.Path.Segments()
		if !f.Path.IsPresence() || f.Shown != True || Path("/"+strings.Join(segments[:len(segments)-1], "/")) != at {
			continue
		}
		e := element{id: segments[len(segments)-1], last: true}
		if p := d.Field(f.Path.Child(positionName)); p != nil && p.Shown != "" && isNumber(p.Shown) {
			e.position, e.last = parseNumber(p.Shown), false
		}
		elements = append(elements, e)
	}
	slices.SortFunc(elements, func(x, y element) int {
		switch {
		case x.last != y.last:
			return compareBool(x.last, y.last)
		case x.position < y.position:
			return -1
		case x.position > y.position:
			return 1
		}
		return strings.Compare(x.id, y.id)
	})
	start := len(b)
	for _, e := range elements {
		b, _ = d.object(append(b, ','), n.Children, at.Child(e.id), e.id)
	}
	return closeList(b, start)
}

func (d document) authorMap(b []byte, at Path) ([]byte, bool) {
	start := len(b)
	for _, f := range d.below(at) {
		if f.Shown == "" || f.Shown == Null {
			continue
		}
		b = append(append(append(b, ',', '"'), strings.TrimPrefix(string(f.Path), string(at)+"/")...), `":`...)
		b = append(b, f.Shown...)
	}
	if len(b) == start {
		return b, false
	}
	b[start] = '{'
	return append(b, '}'), true
}

// below returns the fields whose path lies below at.
func (d document) below(at Path) []Field {
	prefix := string(at) + "/"
	from, _ := slices.BinarySearchFunc(d.Fields, prefix, func(f Field, p string) int { return strings.Compare(string(f.Path), p) })
	to := from
	for to < len(d.Fields) && strings.HasPrefix(string(d.Fields[to].Path), prefix) {
		to++
	}
	return d.Fields[from:to]
}

// closeList turns ",a,b" written since start into "[a,b]".
func closeList(b []byte, start int) ([]byte, bool) {
	if len(b) == start {
		return b, false
	}
	b[start] = '['
	return append(b, ']'), true
}

// parseNumber reads a canonical number, which has at most 15 significant digits and so is exact enough to be ordered.
func parseNumber(v Value) float64 {
	n, err := strconv.ParseFloat(string(v), 64)
	if err != nil {
		return 0
	}
	return n
}
