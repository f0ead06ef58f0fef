package syncengine_test

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"

	se "github.com/arpenteur/arpenteur/syncengine"
)

func drawHead(t *rapid.T, label string) se.Head {
	return se.Head{Seq: rapid.Uint64Range(1, 4).Draw(t, label+" seq"), Chain: hashOf(rapid.SampledFrom([]string{"x", "y"}).Draw(t, label+" chain"))}
}

// A vector is, for each replica, the set of the heads that were reached and from which nothing went on.
func TestAVersionVectorIsASetOfHeads(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v, sets := se.VersionVector{}, map[se.ReplicaID]map[se.Head]bool{}
		for range rapid.IntRange(0, 10).Draw(t, "steps") {
			r := replicaID(rapid.SampledFrom([]string{"T1", "T2"}).Draw(t, "replica"))
			from, to := drawHead(t, "from"), drawHead(t, "to")
			if sets[r] == nil {
				sets[r] = map[se.Head]bool{}
			}
			delete(sets[r], from)
			sets[r][to] = true
			before, kept := v[r], slices.Clone(v[r])
			seq := v.Seq(r)
			v.Advance(r, from, to)
			if !slices.Equal(before, kept) {
				t.Fatal("the heads that a reader held changed under it")
			}
			if to.Seq >= from.Seq && v.Seq(r) < seq || !v.Holds(r, to) {
				t.Fatalf("after %v the vector is %v, before it reached %d", to, v[r], seq)
			}
		}
		for r, set := range sets {
			heads := slices.Collect(maps.Keys(set))
			slices.SortFunc(heads, func(a, b se.Head) int {
				return slices.Compare([]byte(fmt.Sprint(a.Seq, a.Chain)), []byte(fmt.Sprint(b.Seq, b.Chain)))
			})
			got := slices.Clone(v[r])
			if !slices.IsSortedFunc(got, func(a, b se.Head) int { return int(a.Seq) - int(b.Seq) }) {
				t.Fatalf("heads are not ascending: %v", got)
			}
			slices.SortFunc(got, func(a, b se.Head) int {
				return slices.Compare([]byte(fmt.Sprint(a.Seq, a.Chain)), []byte(fmt.Sprint(b.Seq, b.Chain)))
			})
			if !slices.Equal(got, heads) {
				t.Fatalf("heads are %v, want %v", got, heads)
			}
		}
	})
}

func drawVector(t *rapid.T) se.VersionVector {
	v := se.VersionVector{}
	for range rapid.IntRange(0, 6).Draw(t, "heads") {
		v.Advance(replicaID(rapid.SampledFrom([]string{"T1", "T2", "T3"}).Draw(t, "replica")), se.Head{}, drawHead(t, "to"))
	}
	return v
}

func TestACloneOfAVectorIsEqualAndItsOwn(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := drawVector(t)
		c := v.Clone()
		if !v.Equal(c) || !c.Equal(v) {
			t.Fatalf("%v is not equal to its clone %v", v, c)
		}
		printed := fmt.Sprint(v)
		far := se.Head{Seq: 9, Chain: hashOf("z")}
		c.Advance(replicaID("T1"), se.Head{}, far)
		if v.Equal(c) || c.Equal(v) || fmt.Sprint(v) != printed || v.Holds(replicaID("T1"), far) {
			t.Fatalf("%v changed with its clone %v", v, c)
		}
		if !v.Equal(v.Clone()) || !slices.IsSortedFunc(v.Replicas(), func(a, b se.ReplicaID) int { return a.Compare(b.Hash) }) {
			t.Fatal("a vector differs from itself, or its replicas are not ascending")
		}
	})
}

func TestHeadsMayArriveInAnyOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		heads := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) se.Head { return drawHead(t, "to") }), 0, 6).Draw(t, "heads")
		a, b := se.VersionVector{}, se.VersionVector{}
		for _, h := range heads {
			a.Advance(replicaID("T1"), se.Head{}, h)
		}
		for _, h := range rapid.Permutation(heads).Draw(t, "order") {
			b.Advance(replicaID("T1"), se.Head{}, h)
		}
		if !a.Equal(b) {
			t.Fatalf("%v, in another order %v", a, b)
		}
	})
}

func TestTheZeroVectorCanBeRead(t *testing.T) {
	var v se.VersionVector
	if v.Seq(replicaID("T1")) != 0 || v.Holds(replicaID("T1"), se.Head{Seq: 1}) || len(v.Replicas()) != 0 || !v.Equal(se.VersionVector{}) || !v.Equal(v.Clone()) {
		t.Fatal("the zero vector holds something, or is not equal to an empty one")
	}
	if !v.Equal(se.VersionVector{replicaID("T1"): nil}) || !(se.VersionVector{replicaID("T1"): {}}).Equal(v) {
		t.Fatal("a replica without a head is one that the vector does not name")
	}
	if !reflect.DeepEqual(v.Clone(), se.VersionVector{}) {
		t.Fatal("the clone of the zero vector is not usable")
	}
}
