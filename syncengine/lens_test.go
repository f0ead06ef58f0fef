package syncengine_test

import (
	"testing"

	"pgregory.net/rapid"

	se "github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/internal/oracle"
)

func TestLensesReadOldRegistersAsNewOnes(t *testing.T) {
	element := "/signs/" + sign1
	board := "/boards/" + sign1
	for _, c := range []struct {
		from        string
		path        string
		value       se.Value
		want        string
		wantValue   se.Value
		wantRetired bool
	}{
		{"c1", "/", se.True, "/", se.True, false},
		{"c1", "/height", "3", "/height", "3", false},
		{"c1", "/litter/rating", `"bad"`, "/waste/rating", `"1"`, false},
		{"c1", "/litter/rating", `"poor"`, "/waste/rating", `"2"`, false},
		{"c1", "/litter/rating", se.Null, "/waste/rating", se.Null, false},
		{"c1", "/litter/rating", "", "/waste/rating", "", false},
		{"c1", "/litter/text", `"bad"`, "/remark", `"bad"`, false},
		{"c2", "/waste/text", `"bad"`, "/remark", `"bad"`, false},
		{"c3", "/remark", `"bad"`, "/remark", `"bad"`, false},
		{"c1", "/source/police/", se.False, "/source/state_police/", se.False, false},
		{"c1", "/source/other/", se.True, "/source/other/", se.True, false},
		{"c1", element + "/", se.True, board + "/", se.True, false},
		{"c1", element + "/text", `"no entry"`, board + "/label", `"no entry"`, false},
		{"c1", element + "/marks/old/", se.True, board + "/marks/aged/", se.True, false},
		{"c2", element + "/label", `"no entry"`, board + "/label", `"no entry"`, false},
		{"c1", "/notes/u1", `"yes"`, "/notes/u1", `"oui"`, false},
		{"c1", "/lift/since", `"monday"`, "", "", true},
		{"unknown", "/height", "3", "", "", true},
	} {
		path, value, ok := cleanliness().Translate(versionID(c.from), se.Path(c.path), c.value)
		if string(path) != c.want || value != c.wantValue || ok == c.wantRetired {
			t.Errorf("%s %s=%s is read as %s=%s, %v; want %s=%s", c.from, c.path, c.value, path, value, ok, c.want, c.wantValue)
		}
	}
}

// After a restore a publication that was lost may return beside one that was made meanwhile: nothing descends from it, so its lens
// takes no part, but what was written under it is still read.
func TestAVersionThatNothingDescendsFromChangesNoReading(t *testing.T) {
	list := func(name, previous, from, to string) *se.Checklist {
		c := &se.Checklist{Version: versionID(name)}
		if previous != "" {
			c.Previous = versionID(previous)
		}
		if from != "" {
			c.Lens = se.Lens{Rename: map[string]string{from: to}}
		}
		return c
	}
	r := se.Reading{list("v1", "", "", ""), list("lost", "v1", "/a", "/lost"), list("v2", "v1", "/a", "/b"), list("v3", "v2", "/b", "/c")}
	for from, want := range map[string]string{"v1": "/c", "lost": "/c", "v2": "/a", "v3": "/a"} {
		path, _, ok := r.Translate(versionID(from), "/a", "1")
		if string(path) != want || !ok {
			t.Errorf("/a of %s is read as %s, %v; want %s", from, path, ok, want)
		}
		defined, _, _ := oracle.Translate(r, versionID(from), "/a", "1")
		if defined != path {
			t.Errorf("/a of %s is read as %s; defined is %s", from, path, defined)
		}
	}
}

// Registers stay apart: a lens is injective, so that no two registers of a version become one.
func TestLensesKeepRegistersApart(t *testing.T) {
	for _, from := range cleanliness() {
		seen := map[se.Path]se.Path{}
		for _, r := range registers()[from.Version] {
			to, _, ok := cleanliness().Translate(from.Version, r.path, r.values[0])
			if other, twice := seen[to]; ok && twice {
				t.Errorf("%s and %s are both read as %s", r.path, other, to)
			}
			seen[to] = r.path
		}
	}
}

// Patterns that both name a register are no choice of the map they lie in: the longer counts, then the one that says more.
func TestOfTwoPatternsThatFitTheSameOneCounts(t *testing.T) {
	reading := se.Reading{{Version: versionID("a")}, {Version: versionID("b"), Lens: se.Lens{
		Rename: map[string]string{"/notes/*": "/remarks/*", "/notes/u1": "/first", "/notes": "/texts"},
		Codes:  map[string]map[se.Value]se.Value{"/*": {"1": "2"}, "/first": {"1": "3"}},
	}}}
	rapid.Check(t, func(t *rapid.T) {
		for _, c := range []struct{ path, want se.Path }{{"/notes/u1", "/first"}, {"/notes/u2", "/remarks/u2"}, {"/notes", "/texts"}} {
			path, value, _ := reading.Translate(versionID("a"), c.path, "1")
			if path != c.want || path == "/first" && value != "3" || path == "/texts" && value != "2" {
				t.Fatalf("%s=1 is read as %s=%s", c.path, path, value)
			}
			naivePath, naiveValue, _ := oracle.Translate(reading, versionID("a"), c.path, "1")
			if path != naivePath || value != naiveValue {
				t.Fatalf("%s=1 is read as %s=%s, defined is %s=%s", c.path, path, value, naivePath, naiveValue)
			}
		}
	})
}
