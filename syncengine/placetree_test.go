package syncengine_test

import (
	"bytes"
	"fmt"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"

	se "github.com/arpenteur/arpenteur/syncengine"
)

var noPlace se.RecordID

// drawPlaces draws what place records may say of where they hang: below each other in circles, below themselves, below what is not
// there; now and then twice, and of the zero id, which is no place.
func drawPlaces(t *rapid.T) []se.PlaceLink {
	id := func(label string) se.RecordID {
		i := rapid.IntRange(0, 9).Draw(t, label)
		if i == 0 {
			return noPlace
		}
		return recordID(fmt.Sprint("place ", i))
	}
	out := make([]se.PlaceLink, rapid.IntRange(0, 20).Draw(t, "places"))
	for i := range out {
		out[i] = se.PlaceLink{ID: id("id"), Parent: id("parent")}
	}
	return out
}

// links are the links that count: of a place named twice the one with the smaller parent.
func links(places []se.PlaceLink) map[se.RecordID]se.RecordID {
	out := map[se.RecordID]se.RecordID{}
	for _, p := range places {
		if known, ok := out[p.ID]; p.ID != noPlace && (!ok || bytes.Compare(p.Parent[:], known[:]) < 0) {
			out[p.ID] = p.Parent
		}
	}
	return out
}

func TestAPlaceTreeHoldsEveryPlaceOnceWhateverTheySay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		places := drawPlaces(t)
		tree := se.NewPlaceTree(places)
		reached := map[se.RecordID]int{}
		queue := tree.Children[noPlace]
		for len(queue) > 0 {
			id := queue[0]
			queue = queue[1:]
			if reached[id]++; reached[id] > 1 {
				t.Fatalf("%v is in the tree twice", id)
			}
			queue = append(queue[:len(queue):len(queue)], tree.Children[id]...)
		}
		said := links(places)
		if len(reached) != len(said) {
			t.Fatalf("%d places, %d reached from the root", len(said), len(reached))
		}
		for id, parent := range said {
			counts := tree.Parent[id]
			cut := slices.Contains(tree.Cut, id) || slices.Contains(tree.Orphans, id)
			if cut && counts != noPlace || !cut && counts != parent || !slices.Contains(tree.Children[counts], id) {
				t.Fatalf("%v says that it hangs below %v and hangs below %v; cut or orphan: %v", id, parent, counts, cut)
			}
			if !tree.Under(id, id) || counts != noPlace && !tree.Under(id, counts) || tree.Under(id, recordID("not there")) {
				t.Fatalf("%v is not under its own parent, or under what is not there", id)
			}
		}
	})
}

// An orphan's parent is not there; a place is cut off where it is the smallest of a cycle.
func TestPlacesAreHungAtTheRootOnlyForAReason(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		places := drawPlaces(t)
		tree, said := se.NewPlaceTree(places), links(places)
		for id, parent := range said {
			_, there := said[parent]
			if orphan := parent != noPlace && !there; orphan != slices.Contains(tree.Orphans, id) {
				t.Fatalf("%v below %v, which is there: %v; orphans are %v", id, parent, there, tree.Orphans)
			}
			smallest, cycle := id, false
			for at, steps := parent, 0; at != noPlace && steps <= len(said); at, steps = said[at], steps+1 {
				if at == id {
					cycle = true
					break
				}
				if bytes.Compare(at[:], smallest[:]) < 0 {
					smallest = at
				}
			}
			if cut := cycle && smallest == id; cut != slices.Contains(tree.Cut, id) {
				t.Fatalf("%v in a cycle: %v, whose smallest is %v; cut are %v", id, cycle, smallest, tree.Cut)
			}
		}
	})
}

func TestPlacesAndNoticesDoNotDependOnOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var facts []se.PlaceFact
		for _, l := range drawPlaces(t) {
			facts = append(facts, se.PlaceFact{PlaceLink: l, Type: rapid.SampledFrom([]string{"hall", "lift"}).Draw(t, "type")})
		}
		var uses []se.PlaceUse
		for i := range rapid.IntRange(0, 4).Draw(t, "uses") {
			uses = append(uses, se.PlaceUse{
				Record: se.RecordKey{Kind: "observation", ID: recordID(fmt.Sprint("r", i))},
				Place:  recordID(fmt.Sprint("place ", rapid.IntRange(1, 9).Draw(t, "place"))),
				Types:  rapid.SampledFrom([][]string{nil, {"hall"}, {"hall", "lift"}}).Draw(t, "types"),
			})
		}
		moved := rapid.Permutation(facts).Draw(t, "order of places")
		if a, b := se.NewPlaceTree(plain(facts)), se.NewPlaceTree(plain(moved)); !reflect.DeepEqual(a, b) {
			t.Fatalf("%+v in another order is %+v", a, b)
		}
		a, b := se.Notices(facts, uses), se.Notices(moved, rapid.Permutation(uses).Draw(t, "order of uses"))
		if !reflect.DeepEqual(a, b) {
			t.Fatalf("%+v in another order is %+v", a, b)
		}
	})
}

func plain(facts []se.PlaceFact) []se.PlaceLink {
	var out []se.PlaceLink
	for _, f := range facts {
		out = append(out, f.PlaceLink)
	}
	return out
}

func TestNoticesNameWhatNoSingleRecordCanBreak(t *testing.T) {
	hall, lift, gone := recordID("hall"), recordID("lift"), recordID("gone")
	observation := func(name string) se.RecordKey { return se.RecordKey{Kind: "observation", ID: recordID(name)} }
	got := se.Notices([]se.PlaceFact{
		{se.PlaceLink{ID: hall}, "hall"}, {se.PlaceLink{ID: lift, Parent: gone}, "lift"},
	}, []se.PlaceUse{
		{observation("fits"), hall, []string{"hall"}},
		{observation("any"), lift, nil},
		{observation("wrong"), lift, []string{"hall"}},
		{observation("dangling"), gone, nil},
	})
	want := []se.Notice{
		{se.DanglingPlace, observation("dangling"), gone},
		{se.OrphanPlace, se.RecordKey{Kind: se.PlaceKind, ID: lift}, gone},
		{se.WrongPlace, observation("wrong"), lift},
	}
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("notices %+v, want %+v", got, want)
	}
}
