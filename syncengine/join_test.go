package syncengine_test

import (
	"fmt"
	"strconv"
	"testing"

	"pgregory.net/rapid"

	se "github.com/arpenteur/arpenteur/syncengine"
)

// said is one value that somebody gave a register without having seen the others.
type said struct {
	value           se.Value
	time            int64
	erased, untimed bool
	name            string
}

func drawSaid(t *rapid.T, values []se.Value, label string) []said {
	n := rapid.IntRange(1, 6).Draw(t, label)
	out := make([]said, 0, n)
	for i := range n {
		out = append(out, said{
			value:   rapid.SampledFrom(values).Draw(t, "value"),
			time:    rapid.Int64Range(0, 3).Draw(t, "time"),
			erased:  oneIn(t, 8, "erased"),
			untimed: oneIn(t, 5, "untimed"),
			name:    fmt.Sprint(label, i),
		})
	}
	return out
}

// joined merges values that nobody replaced at one register, and returns the field.
func joined(path se.Path, node *se.Node, all []said) *se.Field {
	reading := se.Reading{{Version: versionID("join"), Lineage: "join", Kind: "observation", Shape: group(map[string]*se.Node{"x": node})}}
	var changes []se.Judged
	for _, v := range all {
		c := se.Judged{Reading: reading, Verdict: se.Verdict{Untimed: v.untimed}, Change: &se.Change{
			ID:     changeID(v.name),
			Header: se.Header{Checklist: reading[0].Version, Time: v.time, Writes: []se.Write{{Path: path, Value: v.value}}},
		}}
		if v.erased {
			c.Decision.Erased = []se.Path{path}
		}
		changes = append(changes, c)
	}
	return take(changes).Record(se.RecordKey{}, reading.Current()).Field(path)
}

// visible is what a reader gets to see of a field.
func visible(f *se.Field) string {
	return fmt.Sprintf("shown %s, erased %v, differs %v, conflict %v", f.Shown, f.Erased, f.Differs, f.Conflict)
}

// joins are the registers whose values are joined, with values to give them; equal values of any survivor, not only of the shown
// one, fall together where the join looks at values alone.
var joins = []struct {
	name    string
	path    se.Path
	node    *se.Node
	values  []se.Value
	byValue bool
}{
	{"review", "/x", leaf(se.StringLeaf, se.Review), []se.Value{`"a"`, `"b"`, se.Null}, false},
	{"latest", "/x", leaf(se.StringLeaf, se.Latest), []se.Value{`"a"`, `"b"`, se.Null}, false},
	{"highest answer", "/x", ranked(se.Highest, `"bad"`, `"fair"`, `"good"`), answersAndNot, true},
	{"lowest answer", "/x", ranked(se.Lowest, `"bad"`, `"fair"`, `"good"`), answersAndNot, true},
	{"highest of what is no answer", "/x", ranked(se.Highest, `"bad"`), []se.Value{`"not seen"`, `"without object"`, se.Null}, true},
	{"highest number", "/x", leaf(se.NumberLeaf, se.Highest), []se.Value{"-3", "2", "10", "2.5", se.Null}, true},
	{"lowest number", "/x", leaf(se.NumberLeaf, se.Lowest), []se.Value{"-3", "2", "10", "2.5", se.Null}, true},
	{"member of a set", "/x/a/", set("a"), []se.Value{se.True, se.False}, true},
	{"record", "/", leaf(se.StringLeaf, se.Review), []se.Value{se.True, se.False}, true},
	{"element", se.Path("/x/" + sign1 + "/"), list(nil), []se.Value{se.True, se.False}, true},
}

var answersAndNot = []se.Value{`"bad"`, `"fair"`, `"good"`, `"not seen"`, `"without object"`, se.Null}

func TestJoinsAreCommutativeAssociativeAndIdempotent(t *testing.T) {
	for _, j := range joins {
		t.Run(j.name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				ours, theirs := drawSaid(t, j.values, "ours "), drawSaid(t, j.values, "theirs ")
				all := append(ours[:len(ours):len(ours)], theirs...)
				whole := joined(j.path, j.node, all)
				if len(whole.Survivors) != len(all) {
					t.Fatalf("%d values were given, %d survive: a policy destroys nothing", len(all), len(whole.Survivors))
				}
				order := rapid.Permutation(all).Draw(t, "order")
				if a, b := visible(whole), visible(joined(j.path, j.node, order)); a != b {
					t.Fatalf("not commutative: %s, in another order %s", a, b)
				}
				winners := []said{winner(j.path, j.node, ours), winner(j.path, j.node, theirs)}
				if f := joined(j.path, j.node, winners); f.Shown != whole.Shown || f.Erased != whole.Erased {
					t.Fatalf("not associative: %s, of the parts' winners %s", visible(whole), visible(f))
				}
				again := winner(j.path, j.node, all)
				if j.byValue {
					again = rapid.SampledFrom(all).Draw(t, "again")
				}
				again.name, again.time = "again", rapid.Int64Range(0, 3).Draw(t, "time")
				if a, b := visible(whole), visible(joined(j.path, j.node, append(order, again))); a != b {
					t.Fatalf("not idempotent: %s, with %s once more %s", a, again.value, b)
				}
			})
		})
	}
}

// winner returns the value that is shown of all; of equal ones the last in display order.
func winner(path se.Path, node *se.Node, all []said) said {
	f := joined(path, node, all)
	for i := len(f.Survivors) - 1; i >= 0; i-- {
		s := f.Survivors[i]
		shown := s.Value == f.Shown && s.Erased == f.Erased || path.IsPresence() && (s.Value == se.True) == (f.Shown == se.True)
		if !shown {
			continue
		}
		for _, v := range all {
			if changeID(v.name) == s.Change {
				return v
			}
		}
	}
	panic("nothing that survives is shown")
}

func TestAnswersOutrankWhatIsNoAnswer(t *testing.T) {
	answers := map[se.Value]int{`"bad"`: 1, `"fair"`: 2, `"good"`: 3}
	rapid.Check(t, func(t *rapid.T) {
		all := drawSaid(t, answersAndNot, "v")
		highest := joined("/x", ranked(se.Highest, `"bad"`, `"fair"`, `"good"`), all)
		lowest := joined("/x", ranked(se.Lowest, `"bad"`, `"fair"`, `"good"`), all)
		for _, v := range all {
			rank, answer := answers[v.value]
			if v.erased || !answer {
				continue
			}
			if answers[highest.Shown] < rank {
				t.Fatalf("highest shows %s though %s was answered", highest.Shown, v.value)
			}
			if low, ok := answers[lowest.Shown]; !ok || low > rank {
				t.Fatalf("lowest shows %s though %s was answered", lowest.Shown, v.value)
			}
		}
	})
}

func TestNumbersAreOrderedByWhatTheyAreWorth(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.SliceOfN(rapid.Int64Range(-1e14, 1e14), 1, 5).Draw(t, "numbers")
		var all []said
		most, least := n[0], n[0]
		for i, v := range n {
			all = append(all, said{value: se.Value(strconv.FormatInt(v, 10)), name: fmt.Sprint(i)})
			most, least = max(most, v), min(least, v)
		}
		if f := joined("/x", leaf(se.IntegerLeaf, se.Highest), all); f.Shown != se.Value(strconv.FormatInt(most, 10)) {
			t.Fatalf("highest of %v is shown as %s", n, f.Shown)
		}
		if f := joined("/x", leaf(se.IntegerLeaf, se.Lowest), all); f.Shown != se.Value(strconv.FormatInt(least, 10)) {
			t.Fatalf("lowest of %v is shown as %s", n, f.Shown)
		}
	})
}

func TestPresenceWinsAndOnlyNodesAskForAPerson(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := drawSaid(t, []se.Value{se.True, se.False}, "v")
		yes, no := false, false
		for _, v := range all {
			yes, no = yes || !v.erased && v.value == se.True, no || !v.erased && v.value == se.False
		}
		member, element := joined("/x/a/", set("a"), all), joined(se.Path("/x/"+sign1+"/"), list(nil), all)
		if (member.Shown == se.True) != yes || (element.Shown == se.True) != yes {
			t.Fatalf("some say present: %v; the member shows %s, the element %s", yes, member.Shown, element.Shown)
		}
		if member.Conflict || element.Conflict != (yes && no) {
			t.Fatalf("said present %v, absent %v; conflict of a member %v, of an element %v", yes, no, member.Conflict, element.Conflict)
		}
	})
}

func TestUntimedAndErasedValuesAreShownOnlyWhereNothingElseIs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := drawSaid(t, []se.Value{`"a"`, `"b"`, `"c"`}, "v")
		timed, held := map[se.Value]bool{}, map[se.Value]bool{}
		for _, v := range all {
			if !v.erased {
				held[v.value] = true
			}
			if !v.erased && !v.untimed {
				timed[v.value] = true
			}
		}
		f := joined("/x", leaf(se.StringLeaf, se.Latest), all)
		switch {
		case len(timed) > 0 && !timed[f.Shown]:
			t.Fatalf("shows %q, which nobody said at a believed time", f.Shown)
		case len(held) > 0 && !held[f.Shown]:
			t.Fatalf("shows %q, though values are held", f.Shown)
		case f.Erased != (len(held) == 0):
			t.Fatalf("erased is %v, though %d values are held", f.Erased, len(held))
		}
	})
}
