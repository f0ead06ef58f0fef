package syncengine

import (
	"bytes"
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
	if out, some := appendObject(b, r.Checklist.Shape.Children, fieldsBelow{r.Fields, 1}, ""); some {
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
	decoder := json.NewDecoder(bytes.NewReader(r.AppendDocument(nil)))
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

// fieldsBelow is a stretch of a record's fields that lie below one node, and how long the node's path is with the "/" behind it. What a
// document is made of is found by going through what is there, not by asking for all that the checklist could have.
type fieldsBelow struct {
	fields []Field
	skip   int
}

// rest returns the path of field i below the node: empty for the presence of the node itself.
func (f fieldsBelow) rest(i int) string {
	return string(f.fields[i].Path[min(f.skip, len(f.fields[i].Path)):])
}

// child returns the next segment of field i, and the fields below it: those that follow with the same segment, since a "/" sorts
// before or behind all else that can follow it alike.
func (f fieldsBelow) child(i int) (name string, below fieldsBelow) {
	name, _, _ = strings.Cut(f.rest(i), "/")
	to := i + 1
	for to < len(f.fields) {
		rest := f.rest(to)
		if len(rest) <= len(name) || rest[len(name)] != '/' || rest[:len(name)] != name {
			break
		}
		to++
	}
	return name, fieldsBelow{f.fields[i:to], f.skip + len(name) + 1}
}

// Each function below writes a part of a record's JSON view, and reports whether anything was there to write.

// appendObject writes the children that have fields, ascending by name, and among them the element id where there is one.
func appendObject(b []byte, children map[string]*Node, f fieldsBelow, id string) ([]byte, bool) {
	type member struct {
		name  string
		below fieldsBelow
	}
	var few [16]member
	members := few[:0]
	if id != "" {
		members = append(members, member{name: elementID})
	}
	for i := 0; i < len(f.fields); {
		name, below := f.child(i)
		i += len(below.fields)
		if children[name] != nil && (id == "" || name != elementID) {
			members = append(members, member{name, below})
		}
	}
	slices.SortFunc(members, func(x, y member) int { return strings.Compare(x.name, y.name) })
	start := len(b)
	for _, m := range members {
		mark := len(b)
		b = append(append(append(b, ',', '"'), m.name...), `":`...)
		ok := true
		if m.below.fields == nil {
			b = append(append(append(b, '"'), id...), '"')
		} else {
			b, ok = appendChild(b, children[m.name], m.below)
		}
		if !ok {
			b = b[:mark]
		}
	}
	if len(b) == start {
		return b, false
	}
	b[start] = '{'
	return append(b, '}'), true
}

// appendChild writes the value of one node, which has the given fields.
func appendChild(b []byte, n *Node, f fieldsBelow) ([]byte, bool) {
	switch n.Type {
	case GroupNode:
		return appendObject(b, n.Children, f, "")
	case SetNode:
		return appendSet(b, n, f)
	case ListNode:
		return appendList(b, n, f)
	case AuthorMapNode:
		return appendAuthorMap(b, f)
	default:
		shown := f.fields[0].Shown
		if shown == "" || shown == Null {
			return b, false
		}
		return append(b, shown...), true
	}
}

func appendSet(b []byte, n *Node, f fieldsBelow) ([]byte, bool) {
	start := len(b)
	for _, code := range n.Codes {
		for i := range f.fields {
			if member, isNode := strings.CutSuffix(f.rest(i), "/"); isNode && member == code && f.fields[i].Shown == True {
				b = append(b, ',', '"')
				b = append(append(b, code...), '"')
			}
		}
	}
	return closeList(b, start)
}

func appendList(b []byte, n *Node, f fieldsBelow) ([]byte, bool) {
	type element struct {
		id       string
		below    fieldsBelow
		position float64
		last     bool // without a position: after those that have one
	}
	var elements []element
	for i := 0; i < len(f.fields); {
		e := element{last: true}
		e.id, e.below = f.child(i)
		i += len(e.below.fields)
		if e.below.rest(0) != "" || e.below.fields[0].Shown != True { // the presence of the element comes first
			continue
		}
		for at := range e.below.fields {
			if p := &e.below.fields[at]; e.below.rest(at) == positionName && p.Shown != "" && isNumber(p.Shown) {
				e.position, e.last = parseNumber(p.Shown), false
			}
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
		b, _ = appendObject(append(b, ','), n.Children, fieldsBelow{e.below.fields[1:], e.below.skip}, e.id)
	}
	return closeList(b, start)
}

func appendAuthorMap(b []byte, f fieldsBelow) ([]byte, bool) {
	start := len(b)
	for i := range f.fields {
		if shown := f.fields[i].Shown; shown != "" && shown != Null {
			b = append(append(append(b, ',', '"'), f.rest(i)...), `":`...)
			b = append(b, shown...)
		}
	}
	if len(b) == start {
		return b, false
	}
	b[start] = '{'
	return append(b, '}'), true
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
