package oracle

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/arpenteur/arpenteur/syncengine"
)

// document is the canonical JSON of the record as shown (§6.6).
func document(list *syncengine.Checklist, r Record) string {
	if list == nil || !r.Present {
		return "null"
	}
	tree := group(r.Fields, list.Shape.Children, "")
	if tree == nil {
		tree = map[string]any{}
	}
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(tree); err != nil {
		return err.Error()
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// group returns the members of a group that are there, or nil.
func group(fields []syncengine.Field, children map[string]*syncengine.Node, at syncengine.Path) map[string]any {
	var out map[string]any
	for name, n := range children {
		if v := value(fields, n, at+syncengine.Path("/"+name)); v != nil {
			if out == nil {
				out = map[string]any{}
			}
			out[name] = v
		}
	}
	return out
}

// value returns what a node of the shape is in the document, or nil where nothing of it is there.
func value(fields []syncengine.Field, n *syncengine.Node, at syncengine.Path) any {
	var out any
	some := 0
	switch n.Type {
	case syncengine.LeafNode:
		v := shown(fields, at)
		if v == "" || v == "null" {
			return nil
		}
		return json.RawMessage(v)
	case syncengine.GroupNode:
		g := group(fields, n.Children, at)
		out, some = g, len(g)
	case syncengine.SetNode:
		m := members(fields, n, at)
		out, some = m, len(m)
	case syncengine.AuthorMapNode:
		a := authors(fields, at)
		out, some = a, len(a)
	case syncengine.ListNode:
		e := elements(fields, n, at)
		out, some = e, len(e)
	}
	if some == 0 {
		return nil
	}
	return out
}

// members returns the present codes of a set, in the checklist's order.
func members(fields []syncengine.Field, n *syncengine.Node, at syncengine.Path) []string {
	var out []string
	for _, code := range n.Codes {
		if shown(fields, at+syncengine.Path("/"+code+"/")) == "true" {
			out = append(out, code)
		}
	}
	return out
}

// authors returns what each author says in an author map.
func authors(fields []syncengine.Field, at syncengine.Path) map[string]any {
	out := map[string]any{}
	for _, f := range fields {
		account, below := strings.CutPrefix(string(f.Path), string(at)+"/")
		if below && f.Shown != "" && f.Shown != "null" {
			out[account] = json.RawMessage(f.Shown)
		}
	}
	return out
}

// elements returns the present elements of a repeat group: those with a position by position, then those without, equals by id.
func elements(fields []syncengine.Field, n *syncengine.Node, at syncengine.Path) []map[string]any {
	var ids []string
	for _, f := range fields {
		id, below := strings.CutPrefix(string(f.Path), string(at)+"/")
		id, presence := strings.CutSuffix(id, "/")
		if below && presence && !strings.Contains(id, "/") && f.Shown == "true" {
			ids = append(ids, id)
		}
	}
	before := func(a, b string) bool {
		x, errX := strconv.ParseFloat(string(shown(fields, at+syncengine.Path("/"+a+"/position"))), 64)
		y, errY := strconv.ParseFloat(string(shown(fields, at+syncengine.Path("/"+b+"/position"))), 64)
		switch {
		case (errX == nil) != (errY == nil):
			return errX == nil
		case errX == nil && x != y:
			return x < y
		}
		return a < b
	}
	slices.SortFunc(ids, func(a, b string) int {
		if before(a, b) {
			return -1
		}
		return 1
	})
	var out []map[string]any
	for _, id := range ids {
		e := group(fields, n.Children, at+syncengine.Path("/"+id))
		if e == nil {
			e = map[string]any{}
		}
		e["id"] = id
		out = append(out, e)
	}
	return out
}

// shown returns what the field at path shows, empty where there is none.
func shown(fields []syncengine.Field, path syncengine.Path) syncengine.Value {
	if f := fieldAt(fields, path); f != nil {
		return f.Shown
	}
	return ""
}
