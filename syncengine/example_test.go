package syncengine_test

import (
	"crypto/sha256"
	"fmt"

	"github.com/arpenteur/arpenteur/syncengine"
)

// Two consultants rate one hall without hearing of each other. Neither rating is lost: the later one is shown, marked, until a person
// who has seen both settles the field. The settlement is a change like any other, whose over comes from what the form showed.
func Example() {
	checklist := &syncengine.Checklist{
		Version: syncengine.VersionID{Hash: sha256.Sum256([]byte("cleanliness 1"))},
		Lineage: "cleanliness",
		Kind:    "observation",
		Shape: &syncengine.Node{Type: syncengine.GroupNode, Children: map[string]*syncengine.Node{
			"rating": {Type: syncengine.LeafNode, Leaf: syncengine.IntegerLeaf, Policy: syncengine.Review},
		}},
	}
	// rate makes an effective change; in a program its id is the hash of its header, and Authority.Judge gives the verdict.
	rate := func(author syncengine.AccountID, time int64, rating syncengine.Value, seen syncengine.Seen) syncengine.Judged {
		return syncengine.Judged{
			Change: &syncengine.Change{
				ID: syncengine.ChangeID{Hash: sha256.Sum256([]byte(author))},
				Header: syncengine.Header{
					Format: syncengine.FormatVersion, Kind: "observation", Checklist: checklist.Version, Author: author, Time: time,
					Writes: []syncengine.Write{
						{Path: "/", Over: seen.Over("/"), Value: syncengine.True},
						{Path: "/rating", Over: seen.Over("/rating"), Value: rating},
					},
				},
			},
			Reading: syncengine.Reading{checklist},
		}
	}
	show := func(changes ...syncengine.Judged) *syncengine.Record {
		r := syncengine.Rebuild(changes).Record(changes[0].Key(), checklist)
		fmt.Printf("%s, to be settled: %v\n", r.AppendDocument(nil), r.Conflicts())
		return r
	}

	a := rate("ana", 1000, "2", syncengine.Seen{})
	b := rate("bea", 2000, "3", syncengine.Seen{})
	merged := show(a, b)

	coordinator := syncengine.Viewer{Account: "carl", Settles: true}
	seen := merged.Render(coordinator, func(syncengine.Path) bool { return true }) // every field unfolded
	show(rate("carl", 3000, "2", seen), b, a)                                      // in any order

	// Output:
	// {"rating":3}, to be settled: [/rating]
	// {"rating":2}, to be settled: []
}
