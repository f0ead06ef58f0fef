package syncengine_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"

	se "github.com/arpenteur/arpenteur/syncengine"
)

// A form says that a value was seen if it was on the screen and only then; a consultant's form at a conflicted field only their own.
func TestSeenListsWhatWasOnTheScreenAndNothingElse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := show(se.Rebuild(drawWorld(t, 10).changes))
		viewer := se.Viewer{Account: "u1", Settles: rapid.Bool().Draw(t, "settles")}
		unfolded := rapid.Bool().Draw(t, "unfolded")
		seen := r.Render(viewer, func(se.Path) bool { return unfolded })
		want := se.Seen{Registers: map[se.Path][]se.ChangeID{}}
		for _, f := range r.Fields {
			for _, s := range f.Survivors {
				settles := viewer.Settles || !f.Conflict || f.Path.IsPresence() || s.Author == viewer.Account
				if settles && onScreen(&f, unfolded)[s.Value] {
					want.Registers[f.Path] = append(want.Registers[f.Path], s.Change)
				}
			}
			slices.SortFunc(want.Registers[f.Path], func(a, b se.ChangeID) int { return a.Compare(b.Hash) })
		}
		if !reflect.DeepEqual(seen, want) {
			t.Fatalf("seen %v, on the screen were %v", seen, want)
		}
	})
}

// onScreen returns the values that a form shows of a field: the shown one; all where the policy or the person asks for all, and of
// presences, which have only two.
func onScreen(f *se.Field, unfolded bool) map[se.Value]bool {
	out := map[se.Value]bool{f.Shown: true}
	if unfolded || f.Policy == se.Highest || f.Policy == se.Lowest || f.Path.IsPresence() {
		for _, s := range f.Survivors {
			out[s.Value] = true
		}
	}
	return out
}

// Every value that a coordinator has unfolded can be settled: the form leaves none behind.
func TestACoordinatorWhoUnfoldsAFieldSeesAllOfIt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := show(se.Rebuild(drawWorld(t, 10).changes))
		seen := r.Render(se.Viewer{Account: "c1", Settles: true}, func(se.Path) bool { return true })
		for _, f := range r.Fields {
			if got, all := len(seen.Over(f.Path)), len(f.Survivors); got != all {
				t.Fatalf("%s: %d of %d survivors seen", f.Path, got, all)
			}
		}
	})
}

// desk is one person's screen: a record, the drafts open on it, and the changes that arrive meanwhile.
type desk struct {
	changes []se.Judged
	drafts  []draft
}

type draft struct {
	viewer se.Viewer
	seen   se.Seen
	screen map[se.Path]map[se.ChangeID]bool // what was on it, found from the record and not from seen
}

func (d *desk) record() *se.Record { return show(take(d.changes)) }

func (d *desk) open(t *rapid.T) {
	r := d.record()
	viewer := se.Viewer{Account: rapid.SampledFrom([]se.AccountID{"u1", "u2"}).Draw(t, "viewer"), Settles: rapid.Bool().Draw(t, "settles")}
	unfolded := rapid.SampledFrom([]se.Path{"", "/litter/text", "/height"}).Draw(t, "unfolded")
	x := draft{viewer, r.Render(viewer, func(p se.Path) bool { return p == unfolded }), map[se.Path]map[se.ChangeID]bool{}}
	for i := range r.Fields {
		f := &r.Fields[i]
		x.screen[f.Path] = map[se.ChangeID]bool{}
		for _, s := range f.Survivors {
			x.screen[f.Path][s.Change] = onScreen(f, f.Path == unfolded)[s.Value]
		}
	}
	d.drafts = append(d.drafts, x)
}

// commit makes one change of a draft, as the author of any other screen would.
func (d *desk) commit(t *rapid.T, x draft) {
	reading := cleanliness()[:1]
	c := se.Judged{Reading: reading, Change: &se.Change{ID: changeID(fmt.Sprint(len(d.changes))), Header: se.Header{
		Checklist: reading[0].Version, Author: x.viewer.Account, Time: rapid.Int64Range(0, 9).Draw(t, "time"),
	}}}
	for _, r := range registers()[c.Checklist] {
		if r.path == "/" || oneIn(t, 3, "written") {
			c.Writes = append(c.Writes, se.Write{Path: r.path, Value: rapid.SampledFrom(r.values).Draw(t, "value"), Over: x.seen.Over(r.path)})
		}
	}
	d.changes = append(d.changes, c)
}

// With several drafts open on one record, and changes of others in between, a commit replaces nothing that was not on the screen
// when its own draft was opened (law L3).
func TestACommitNeverReplacesWhatItsAuthorDidNotSee(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := &desk{}
		for range rapid.IntRange(1, 12).Draw(t, "steps") {
			switch {
			case len(d.drafts) == 0 || rapid.Bool().Draw(t, "open"):
				d.open(t)
			default: // one of the drafts is committed; the others stay open over a record that moves on
				i := rapid.IntRange(0, len(d.drafts)-1).Draw(t, "draft")
				x := d.drafts[i]
				d.drafts = slices.Delete(d.drafts, i, i+1)
				before := d.record()
				d.commit(t, x)
				after := d.record()
				for _, f := range before.Fields {
					for _, s := range f.Survivors {
						if !survives(after, f.Path, s.Change) && !x.screen[f.Path][s.Change] {
							t.Fatalf("%s: the value %s was replaced and had not been on the screen", f.Path, s.Value)
						}
					}
				}
			}
		}
	})
}

func survives(r *se.Record, path se.Path, id se.ChangeID) bool {
	f := r.Field(path)
	return f != nil && slices.ContainsFunc(f.Survivors, func(s se.Survivor) bool { return s.Change == id })
}

func TestSeenKeepsItsTextFormAndItsLists(t *testing.T) {
	seen := se.Seen{Registers: map[se.Path][]se.ChangeID{"/": {changeID("A")}, "/height": {changeID("A"), changeID("B")}}}
	text, err := json.Marshal(seen)
	if err != nil {
		t.Fatal(err)
	}
	var back se.Seen
	if err := json.Unmarshal(text, &back); err != nil || !reflect.DeepEqual(seen, back) {
		t.Fatalf("%s was read as %v, %v", text, back, err)
	}
	before := maps.Clone(seen.Registers)
	over := seen.Over("/height")
	over[0] = changeID("Z")
	if !reflect.DeepEqual(before, seen.Registers) || seen.Registers["/height"][0] == changeID("Z") {
		t.Fatal("a caller changed the list of a Seen")
	}
	if seen.Over("/never") != nil {
		t.Fatal("something was seen at a register that was not rendered")
	}
}
