package syncengine_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	se "github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/internal/oracle"
)

var propertyNames = []string{"a", "a-b", "a.b", "a_", "b", "id", "position", "u1", sign1}

// drawNode draws a shape, also ones that no published checklist has: lists in lists, groups of groups.
func drawNode(t *rapid.T, depth int) *se.Node {
	types := []se.NodeType{se.LeafNode, se.SetNode, se.AuthorMapNode}
	if depth > 0 {
		types = []se.NodeType{se.GroupNode, se.ListNode, se.LeafNode, se.SetNode, se.AuthorMapNode}
	}
	switch rapid.SampledFrom(types).Draw(t, "type") {
	case se.GroupNode:
		return group(drawChildren(t, depth))
	case se.ListNode:
		return list(drawChildren(t, depth))
	case se.SetNode:
		return set(rapid.SliceOfDistinct(rapid.SampledFrom(propertyNames), func(s string) string { return s }).Draw(t, "codes")...)
	case se.AuthorMapNode:
		return authors()
	default:
		return leaf(se.StringLeaf, se.Review)
	}
}

func drawChildren(t *rapid.T, depth int) map[string]*se.Node {
	out := map[string]*se.Node{}
	for _, name := range propertyNames {
		if rapid.Bool().Draw(t, "child") {
			out[name] = drawNode(t, depth-1)
		}
	}
	return out
}

func TestLookupFindsTheRegistersOfAShapeAndNoOthers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := &se.Checklist{Shape: group(drawChildren(t, 3))}
		for range 20 {
			segments := rapid.SliceOfN(rapid.SampledFrom(append(propertyNames, sign2, "Not-An-Account")), 0, 5).Draw(t, "segments")
			path := se.Path("/" + strings.Join(segments, "/"))
			if len(segments) > 0 && rapid.Bool().Draw(t, "presence") {
				path += "/"
			}
			if got, want := c.Lookup(path), oracle.Lookup(c, path); got != want {
				t.Fatalf("%s: found %+v, defined is %+v", path, got, want)
			}
		}
	})
}

func TestLookupFindsEveryRegisterThatIsWrittenInTests(t *testing.T) {
	for _, l := range cleanliness() {
		for _, r := range registers()[l.Version] {
			if r.path != "/" && l.Lookup(r.path) == nil {
				t.Errorf("%s is not a register of its version", r.path)
			}
		}
	}
}
