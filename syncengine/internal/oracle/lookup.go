package oracle

import (
	"slices"

	"github.com/google/uuid"

	"github.com/arpenteur/arpenteur/syncengine"
)

// Lookup finds the node of a shape that owns the register at path, or nil: the leaf of a leaf path, the list or set of an
// element's or member's presence.
func Lookup(list *syncengine.Checklist, path syncengine.Path) *syncengine.Node {
	if path == "/" {
		return nil
	}
	return find(list.Shape, split(path), isPresence(path))
}

func find(n *syncengine.Node, parts []string, presence bool) *syncengine.Node {
	switch {
	case n == nil:
		return nil
	case len(parts) == 0:
		if n.Type == syncengine.LeafNode && !presence {
			return n
		}
		return nil
	}
	name, rest := parts[0], parts[1:]
	last := len(rest) == 0
	switch {
	case n.Type == syncengine.GroupNode:
		return find(n.Children[name], rest, presence)
	case n.Type == syncengine.SetNode && last && presence && slices.Contains(n.Codes, name):
		return n
	case n.Type == syncengine.ListNode && last && presence && isElement(name):
		return n
	case n.Type == syncengine.ListNode && !last && isElement(name):
		return find(n.Children[rest[0]], rest[1:], presence)
	case n.Type == syncengine.AuthorMapNode && last && !presence && syncengine.AccountID(name).Valid():
		return n.Value
	}
	return nil
}

// isElement reports whether a segment names an element of a repeat group: a UUID in its only text form.
func isElement(name string) bool {
	id, err := uuid.Parse(name)
	return err == nil && id.String() == name
}

// nodes returns the presence paths of the record and of every element that a register of list lies in.
func nodes(list *syncengine.Checklist, path syncengine.Path) []syncengine.Path {
	if path == "/" {
		return nil
	}
	out := []syncengine.Path{"/"}
	parts := split(path)
	for n := 1; n < len(parts); n++ {
		if owner := find(list.Shape, parts[:n], true); owner != nil && owner.Type == syncengine.ListNode {
			out = append(out, join(parts[:n])+"/")
		}
	}
	return out
}
