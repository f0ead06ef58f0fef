package ledger_test

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"

	se "github.com/arpenteur/arpenteur/syncengine"
)

// contentOf returns the content of a version of a checklist of these tests, and the version's name.
func contentOf(lineage string, version int) ([]byte, se.VersionID) {
	content := fmt.Appendf(nil, `{"lineage":%q,"version":%d}`, lineage, version)
	return content, se.VersionID{Hash: sha256.Sum256(content)}
}

func versionOf(lineage string, version int) se.VersionID {
	_, id := contentOf(lineage, version)
	return id
}

// compile makes checklists of content: cleanliness, whose later versions rename, recode and retire, and lighting, which renames.
func compile(id se.VersionID, content []byte) (*se.Checklist, error) {
	var c struct {
		Lineage string
		Version int
	}
	if err := json.Unmarshal(content, &c); err != nil {
		return nil, err
	}
	list := &se.Checklist{
		Version: id, Lineage: c.Lineage, Kind: "observation", Domain: c.Lineage,
		Index: map[string]se.Path{"place": "/place"}, Validate: validate,
	}
	if c.Version > 1 {
		list.Previous = versionOf(c.Lineage, c.Version-1)
	}
	switch fmt.Sprint(c.Lineage, " ", c.Version) {
	case "cleanliness 1":
		list.Shape = cleanliness("litter", "bulky", "signs", "glass")
	case "cleanliness 2":
		list.Shape = cleanliness("waste", "large", "signs", "glass")
		list.Lens = se.Lens{
			Rename: map[string]string{"/litter": "/waste"},
			Codes:  map[string]map[se.Value]se.Value{"/tags": {`"bulky"`: `"large"`}},
		}
	case "cleanliness 3":
		list.Shape = cleanliness("waste", "large", "panels")
		list.Lens = se.Lens{Rename: map[string]string{"/signs": "/panels"}, Retire: []string{"/glass"}}
	case "lighting 1":
		list.Shape = group(map[string]*se.Node{"place": leaf(se.StringLeaf, se.Review), "lamp": leaf(se.IntegerLeaf, se.Review)})
	case "lighting 2":
		list.Shape = group(map[string]*se.Node{"place": leaf(se.StringLeaf, se.Review), "bulb": leaf(se.IntegerLeaf, se.Review)})
		list.Lens = se.Lens{Rename: map[string]string{"/lamp": "/bulb"}}
	default:
		return nil, fmt.Errorf("no version %d of %s", c.Version, c.Lineage)
	}
	return list, nil
}

func cleanliness(litter, bulky, signs string, more ...string) *se.Node {
	children := map[string]*se.Node{
		"place": leaf(se.StringLeaf, se.Review),
		litter:  leaf(se.IntegerLeaf, se.Review),
		"note":  leaf(se.StringLeaf, se.Latest),
		"tags":  {Type: se.SetNode, Codes: []string{bulky, "graffiti"}},
		signs: {Type: se.ListNode, Children: map[string]*se.Node{
			"text": leaf(se.StringLeaf, se.Review), "position": leaf(se.IntegerLeaf, se.Latest),
		}},
		"opinion": {Type: se.AuthorMapNode, Value: leaf(se.StringLeaf, se.Latest)},
	}
	for _, name := range more {
		children[name] = leaf(se.IntegerLeaf, se.Highest)
	}
	return group(children)
}

func leaf(t se.LeafType, p se.Policy) *se.Node {
	return &se.Node{Type: se.LeafNode, Policy: p, Leaf: t}
}

func group(children map[string]*se.Node) *se.Node {
	return &se.Node{Type: se.GroupNode, Children: children}
}

// validate has one rule: litter is at most 4, whatever it is called.
func validate(document any) []se.Violation {
	fields, _ := document.(map[string]any)
	for _, name := range []string{"litter", "waste"} {
		n, _ := fields[name].(json.Number)
		if v, err := n.Int64(); err == nil && v > 4 {
			return []se.Violation{{Path: se.Path("/" + name), Rule: "maximum", Message: "at most 4"}}
		}
	}
	return nil
}
