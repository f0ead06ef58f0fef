package syncengine_test

import (
	"fmt"
	"slices"
	"testing"

	se "github.com/arpenteur/arpenteur/syncengine"
)

const (
	benchFields   = 40
	benchReplicas = 200
	benchEdits    = 10 // of each replica
)

// benchChanges returns what 200 replicas made of one record of 40 fields when none of them heard of another: 10 edits each, of the
// record's presence and of three fields, each over the replica's own last value there. It is the worst case of merge: every register
// ends with a survivor from each replica that wrote it.
func benchChanges() []se.Judged {
	shape := group(map[string]*se.Node{})
	for i := range benchFields {
		shape.Children[fmt.Sprintf("f%02d", i)] = leaf(se.IntegerLeaf, se.Review)
	}
	reading := se.Reading{{Version: versionID("bench"), Lineage: "bench", Kind: "observation", Shape: shape}}
	var out []se.Judged
	last := map[string]se.ChangeID{} // by replica and path
	for edit := range benchEdits {
		for replica := range benchReplicas {
			c := se.Judged{Reading: reading, Change: &se.Change{ID: changeID(fmt.Sprint(replica, " ", edit)), Header: se.Header{
				Format: 1, Kind: "observation", Record: recordID("r"), Checklist: reading[0].Version,
				Author: se.AccountID(fmt.Sprint("u", replica)), Time: int64(edit*benchReplicas + replica),
			}}}
			paths := []se.Path{"/"}
			for k := range 3 {
				paths = append(paths, se.Path(fmt.Sprintf("/f%02d", (replica*7+edit*5+k*13)%benchFields)))
			}
			slices.Sort(paths)
			for _, p := range paths {
				w := se.Write{Path: p, Value: se.Value(fmt.Sprint(replica))}
				if p == "/" {
					w.Value = se.True
				}
				at := fmt.Sprint(replica, p)
				if before, ok := last[at]; ok {
					w.Over = []se.ChangeID{before}
				}
				last[at] = c.ID
				c.Writes = append(c.Writes, w)
			}
			out = append(out, c)
		}
	}
	return out
}

// BenchmarkTake merges 2,000 concurrent changes one by one, as they were made and from the last to the first.
func BenchmarkTake(b *testing.B) {
	changes := benchChanges()
	reversed := slices.Clone(changes)
	slices.Reverse(reversed)
	for name, order := range map[string][]se.Judged{"order=made": changes, "order=reversed": reversed} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				take(order)
			}
			perChange(b, len(order))
		})
	}
}

// BenchmarkRebuild merges the same changes at once, as after a verdict changed.
func BenchmarkRebuild(b *testing.B) {
	changes := benchChanges()
	b.ReportAllocs()
	for b.Loop() {
		se.Rebuild(changes)
	}
	perChange(b, len(changes))
}

// BenchmarkShow derives the record and its document from the merged state.
func BenchmarkShow(b *testing.B) {
	changes := benchChanges()
	s, current := se.Rebuild(changes), changes[0].Reading.Current()
	var document []byte
	b.ReportAllocs()
	for b.Loop() {
		document = s.Record(changes[0].Key(), current).AppendDocument(document[:0])
	}
}

func perChange(b *testing.B, changes int) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(changes), "ns/change")
}
