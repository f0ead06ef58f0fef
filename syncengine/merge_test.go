package syncengine_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	se "github.com/arpenteur/arpenteur/syncengine"
)

// In any order, one by one or rebuilt, a record is what the definition says (laws L2 and L3).
func TestMergeIsWhatTheDefinitionSays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t, 12)
		sameAsDefined(t, "rebuilt", show(se.Rebuild(w.changes)), w.changes)
		for range 3 {
			order := rapid.Permutation(w.changes).Draw(t, "order")
			sameAsDefined(t, "taken", show(take(order)), w.changes)
		}
	})
}

// A record whose changes all count has no change without effect to hide behind: deep chains of over are met here.
func TestMergeOfEffectiveChangesIsWhatTheDefinitionSays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t, 12)
		for i := range w.changes {
			if w.changes[i].Reading != nil {
				w.changes[i].Verdict = se.Verdict{}
			}
		}
		sameAsDefined(t, "taken", show(take(rapid.Permutation(w.changes).Draw(t, "order"))), w.changes)
	})
}

// What a state was before a verdict changed leaves no trace in what it is rebuilt to.
func TestAFlippedVerdictMergesAsIfItHadAlwaysBeen(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t, 10)
		if len(w.changes) == 0 {
			t.Skip("every change was lost")
		}
		before := printFields(show(se.Rebuild(w.changes)).Fields)
		i := rapid.IntRange(0, len(w.changes)-1).Draw(t, "flipped")
		was := w.changes[i].Verdict
		if w.changes[i].Reading != nil {
			w.changes[i].Verdict = verdictOf(rapid.SampledFrom(anyStatus).Draw(t, "new status"))
		}
		fresh := show(take(rapid.Permutation(w.changes).Draw(t, "order")))
		rebuilt := show(se.Rebuild(w.changes))
		if a, b := printFields(fresh.Fields), printFields(rebuilt.Fields); a != b {
			t.Fatalf("merged afresh:\n%s\nrebuilt:\n%s", a, b)
		}
		sameAsDefined(t, "rebuilt", rebuilt, w.changes)
		w.changes[i].Verdict = was
		if after := printFields(show(se.Rebuild(w.changes)).Fields); after != before {
			t.Fatalf("flipped back:\n%s\nbut it was\n%s", after, before)
		}
	})
}

// Author clocks order what is shown and decide nothing else (law L7).
func TestNoClockChangesWhatSurvives(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t, 10)
		before := survivorNames(show(se.Rebuild(w.changes)))
		for i := range w.changes {
			c := *w.changes[i].Change
			c.Time = rapid.Int64().Draw(t, "jumped to")
			w.changes[i].Change = &c
			w.changes[i].Verdict.Untimed = rapid.Bool().Draw(t, "untimed")
		}
		after := survivorNames(show(take(rapid.Permutation(w.changes).Draw(t, "order"))))
		if before != after {
			t.Fatalf("survivors before the clocks jumped:\n%s\nafter:\n%s", before, after)
		}
	})
}

func survivorNames(r *se.Record) string {
	out := ""
	for _, f := range r.Fields {
		var ids []string
		for _, s := range f.Survivors {
			ids = append(ids, s.Change.String())
		}
		slices.Sort(ids)
		for _, id := range ids {
			out += string(f.Path) + " " + id + "\n"
		}
	}
	return out
}

// A record that was handed out stays what it was, whatever its state takes afterwards.
func TestARecordIsNotChangedByWhatItsStateTakesLater(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t, 10)
		s := se.NewState()
		arrived := map[se.ChangeID]bool{}
		var records []*se.Record
		var printed []string
		for i := range w.changes {
			s.Take(&w.changes[i], func(id se.ChangeID) bool { return arrived[id] })
			arrived[w.changes[i].ID] = true
			r := show(s)
			records, printed = append(records, r), append(printed, printRecord(r))
		}
		for i, r := range records {
			if now := printRecord(r); now != printed[i] {
				t.Fatalf("record after change %d was\n%s\nand became\n%s", i, printed[i], now)
			}
		}
	})
}

func printRecord(r *se.Record) string {
	out := printFields(r.Fields)
	for _, id := range slices.Concat(r.Pending(), r.Ineffective()) {
		out += id.String() + "\n"
	}
	return out
}

// A state remembers what is covered before it comes, and forgets it when it comes: nothing is kept of a register that can be read
// from its changes.
func TestAStateWaitsForNothingThatCame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t, 10)
		s := take(rapid.Permutation(w.changes).Draw(t, "order"))
		for _, c := range w.changes {
			for _, x := range c.Writes {
				path := x.Path
				if c.Reading != nil {
					path, _, _ = c.Reading.Translate(c.Checklist, x.Path, x.Value)
				}
				if r := s.Registers[path]; r != nil && slices.Contains(r.Absent, c.ID) {
					t.Fatalf("%s waits for %v, which came", path, c.ID)
				}
			}
		}
	})
}
