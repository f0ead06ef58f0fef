package syncengine_test

import (
	"crypto/sha256"

	"github.com/google/uuid"

	se "github.com/arpenteur/arpenteur/syncengine"
)

// Names of things under test are hashes of what a reader calls them, so that output is stable and can be read.
func hashOf(name string) se.Hash         { return sha256.Sum256([]byte(name)) }
func changeID(name string) se.ChangeID   { return se.ChangeID{Hash: hashOf("change " + name)} }
func replicaID(name string) se.ReplicaID { return se.ReplicaID{Hash: hashOf("replica " + name)} }
func versionID(name string) se.VersionID { return se.VersionID{Hash: hashOf("version " + name)} }

func recordID(name string) se.RecordID { return uuid.NewSHA1(uuid.NameSpaceOID, []byte(name)) }

// The elements that generated changes write to.
var (
	sign1 = recordID("sign 1").String()
	sign2 = recordID("sign 2").String()
)

func leaf(t se.LeafType, p se.Policy) *se.Node {
	return &se.Node{Type: se.LeafNode, Leaf: t, Policy: p}
}

func group(children map[string]*se.Node) *se.Node {
	return &se.Node{Type: se.GroupNode, Children: children}
}

func set(codes ...string) *se.Node { return &se.Node{Type: se.SetNode, Codes: codes} }

func list(children map[string]*se.Node) *se.Node {
	return &se.Node{Type: se.ListNode, Children: children}
}

func authors() *se.Node {
	return &se.Node{Type: se.AuthorMapNode, Value: leaf(se.StringLeaf, se.Review)}
}

func ranked(p se.Policy, answers ...se.Value) *se.Node {
	n := leaf(se.StringLeaf, p)
	n.Ranks = map[se.Value]int{}
	for i, a := range answers {
		n.Ranks[a] = i + 1
	}
	return n
}

// cleanliness is a checklist in three versions, whose lenses rename a group, an element's leaf and a whole list, map codes of a
// leaf, of a set and of an element's set, move a leaf out of its group, and retire a group.
func cleanliness() se.Reading {
	v1 := &se.Checklist{Version: versionID("c1"), Lineage: "cleanliness", Kind: "observation", Shape: group(map[string]*se.Node{
		"litter": group(map[string]*se.Node{
			"rating": ranked(se.Highest, `"bad"`, `"poor"`, `"fair"`, `"good"`),
			"text":   leaf(se.StringLeaf, se.Review),
		}),
		"lift":   group(map[string]*se.Node{"since": leaf(se.StringLeaf, se.Review)}),
		"height": leaf(se.NumberLeaf, se.Lowest),
		"spot":   leaf(se.AtomicLeaf, se.Latest),
		"source": set("police", "landlord", "other"),
		"signs": list(map[string]*se.Node{
			"text": leaf(se.StringLeaf, se.Review), "position": leaf(se.NumberLeaf, se.Latest), "marks": set("old", "torn"),
		}),
		"notes": authors(),
	})}
	v2 := &se.Checklist{Version: versionID("c2"), Previous: v1.Version, Lineage: v1.Lineage, Kind: v1.Kind, Shape: group(map[string]*se.Node{
		"waste": group(map[string]*se.Node{
			"rating": ranked(se.Highest, `"1"`, `"poor"`, `"fair"`, `"good"`),
			"text":   leaf(se.StringLeaf, se.Review),
		}),
		"lift":   group(map[string]*se.Node{"since": leaf(se.StringLeaf, se.Review)}),
		"height": leaf(se.NumberLeaf, se.Lowest),
		"spot":   leaf(se.AtomicLeaf, se.Latest),
		"source": set("state_police", "landlord", "other"),
		"signs": list(map[string]*se.Node{
			"label": leaf(se.StringLeaf, se.Review), "position": leaf(se.NumberLeaf, se.Latest), "marks": set("old", "torn"),
		}),
		"notes": authors(),
	}), Lens: se.Lens{
		Rename: map[string]string{"/litter": "/waste", "/signs/*/text": "/signs/*/label"},
		Codes: map[string]map[se.Value]se.Value{
			"/waste/rating": {`"bad"`: `"1"`}, "/source": {`"police"`: `"state_police"`},
		},
	}}
	v3 := &se.Checklist{Version: versionID("c3"), Previous: v2.Version, Lineage: v1.Lineage, Kind: v1.Kind, Shape: group(map[string]*se.Node{
		"waste":  group(map[string]*se.Node{"rating": ranked(se.Lowest, `"1"`, `"2"`, `"fair"`, `"good"`)}),
		"remark": leaf(se.StringLeaf, se.Latest),
		"height": leaf(se.NumberLeaf, se.Review),
		"spot":   leaf(se.AtomicLeaf, se.Latest),
		"source": set("other", "landlord", "state_police"),
		"boards": list(map[string]*se.Node{
			"label": leaf(se.StringLeaf, se.Review), "position": leaf(se.NumberLeaf, se.Latest), "marks": set("aged", "torn"),
		}),
		"notes": authors(),
	}), Lens: se.Lens{
		Rename: map[string]string{"/waste/text": "/remark", "/signs": "/boards"},
		Codes: map[string]map[se.Value]se.Value{
			"/waste/rating": {`"poor"`: `"2"`}, "/boards/*/marks": {`"old"`: `"aged"`}, "/notes/*": {`"yes"`: `"oui"`},
		},
		Retire: []string{"/lift"},
	}}
	return se.Reading{v1, v2, v3}
}

// lighting is another checklist for the same kind of record, with a register that both have.
func lighting() se.Reading {
	return se.Reading{{Version: versionID("l1"), Lineage: "lighting", Kind: "observation", Shape: group(map[string]*se.Node{
		"height": leaf(se.NumberLeaf, se.Latest), "lamps": leaf(se.IntegerLeaf, se.Review),
	})}}
}

// register is a register of a version and some values that it may take.
type register struct {
	path   se.Path
	values []se.Value
}

// registers returns the registers that generated changes write, by version.
func registers() map[se.VersionID][]register {
	presence := []se.Value{se.True, se.True, se.False}
	answers := []se.Value{`"bad"`, `"poor"`, `"good"`, `"none"`, se.Null}
	texts := []se.Value{`"yes"`, `"no"`, se.Null}
	numbers := []se.Value{"1", "-2.5", "10", se.Null}
	common := []register{
		{"/", presence},
		{"/height", numbers},
		{"/spot", []se.Value{"[1,2]", `{"lat":1}`}},
		{"/source/other/", presence},
		{"/notes/u1", texts},
	}
	element := func(list, leaf, mark string) []register {
		var out []register
		for _, id := range []string{sign1, sign2} {
			at := se.Path("/" + list + "/" + id)
			out = append(out, register{at.Node(), presence}, register{at.Child(leaf), texts},
				register{at.Child("position"), numbers}, register{at.Child("marks").Child(mark).Node(), presence})
		}
		return out
	}
	join := func(lists ...[]register) []register {
		var out []register
		for _, l := range lists {
			out = append(out, l...)
		}
		return out
	}
	return map[se.VersionID][]register{
		versionID("c1"): join(common, element("signs", "text", "old"), []register{
			{"/litter/rating", answers}, {"/litter/text", texts}, {"/lift/since", texts}, {"/source/police/", presence},
		}),
		versionID("c2"): join(common, element("signs", "label", "old"), []register{
			{"/waste/rating", append(answers[1:], `"1"`)}, {"/waste/text", texts}, {"/lift/since", texts}, {"/source/state_police/", presence},
		}),
		versionID("c3"): join(common, element("boards", "label", "aged"), []register{
			{"/waste/rating", []se.Value{`"1"`, `"2"`, `"good"`}}, {"/remark", texts}, {"/source/state_police/", presence},
		}),
		versionID("l1"): {{"/", presence}, {"/height", numbers}, {"/lamps", []se.Value{"1", "2"}}},
	}
}
