package syncengine_test

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	se "github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/internal/oracle"
)

// world draws the changes of one record as a hostile network might hand them over: versions in force vary, verdicts are any, over
// names what came before, what never came, and what did not write the register.
type world struct {
	t        *rapid.T
	inForce  se.Reading
	changes  []se.Judged
	statuses []se.Status
}

var anyStatus = []se.Status{se.Effective, se.Effective, se.Effective, se.Effective, se.Pending, se.Ineffective}

// drawWorld returns up to size changes, some of which are left out as not arrived though others name them.
func drawWorld(t *rapid.T, size int) *world {
	w := &world{t: t, inForce: cleanliness()[:rapid.IntRange(1, 3).Draw(t, "versions in force")], statuses: anyStatus}
	n := rapid.IntRange(1, size).Draw(t, "changes")
	for i := range n {
		w.changes = append(w.changes, w.drawChange(i))
	}
	w.changes = slices.DeleteFunc(w.changes, func(se.Judged) bool { return oneIn(t, 10, "lost") })
	return w
}

func (w *world) drawChange(i int) se.Judged {
	t := w.t
	c := se.Judged{
		Change: &se.Change{ID: changeID(fmt.Sprint(i)), Header: se.Header{
			Format: 1, Kind: "observation", Record: recordID("r"),
			Author: rapid.SampledFrom([]se.AccountID{"u1", "u2", "u3"}).Draw(t, "author"),
			Time:   rapid.SampledFrom([]int64{-5, 0, 1, 2, 3, 1 << 40}).Draw(t, "time"),
		}},
		Reading: w.inForce,
	}
	c.Checklist = rapid.SampledFrom(w.inForce).Draw(t, "version").Version
	status := rapid.SampledFrom(w.statuses).Draw(t, "status")
	switch rapid.IntRange(0, 19).Draw(t, "oddity") {
	case 19: // of another checklist
		c.Reading, c.Checklist = lighting(), versionID("l1")
	case 18: // of a version that is not held yet
		c.Reading, c.Checklist, status = nil, versionID("c3"), se.Pending
	}
	c.Verdict = verdictOf(status)
	c.Verdict.Untimed = oneIn(t, 6, "untimed")
	for _, r := range registers()[c.Checklist] {
		if r.path != "/" && !oneIn(t, 3, "written") {
			continue
		}
		c.Writes = append(c.Writes, se.Write{Path: r.path, Value: rapid.SampledFrom(r.values).Draw(t, "value"), Over: w.drawOver(i)})
		if oneIn(t, 10, "erased") {
			c.Decision.Erased = append(c.Decision.Erased, r.path)
		}
	}
	slices.SortFunc(c.Writes, func(a, b se.Write) int { return bytes.Compare([]byte(a.Path), []byte(b.Path)) })
	slices.Sort(c.Decision.Erased)
	return c
}

// drawOver draws what a write names: changes before the i-th, whatever they wrote, and changes that nobody holds.
func (w *world) drawOver(i int) []se.ChangeID {
	var out []se.ChangeID
	for j := range i {
		if oneIn(w.t, 4, "over") {
			out = append(out, changeID(fmt.Sprint(j)))
		}
	}
	if oneIn(w.t, 10, "phantom") {
		out = append(out, changeID("phantom"))
	}
	slices.SortFunc(out, func(a, b se.ChangeID) int { return a.Compare(b.Hash) })
	return out
}

// oneIn is true once in n draws; what fails is shrunk towards false.
func oneIn(t *rapid.T, n int, label string) bool { return rapid.IntRange(0, n-1).Draw(t, label) == n-1 }

func verdictOf(status se.Status) se.Verdict {
	return map[se.Status]se.Verdict{
		se.Effective:   {},
		se.Pending:     {Status: se.Pending, Reason: se.NeedsAuthority},
		se.Ineffective: {Status: se.Ineffective, Reason: se.Voided},
	}[status]
}

// take merges changes one by one in the given order.
func take(changes []se.Judged) *se.State {
	s := se.NewState()
	arrived := map[se.ChangeID]bool{}
	for i := range changes {
		s.Take(&changes[i], func(id se.ChangeID) bool { return arrived[id] })
		arrived[changes[i].ID] = true
	}
	return s
}

// show reads a state under the version that it names.
func show(s *se.State) *se.Record {
	for _, l := range slices.Concat(cleanliness(), lighting()) {
		if l.Version == s.Version {
			return s.Record(se.RecordKey{Kind: "observation", ID: recordID("r")}, l)
		}
	}
	return s.Record(se.RecordKey{Kind: "observation", ID: recordID("r")}, nil)
}

// tb is what *testing.T and *rapid.T share.
type tb interface {
	Helper()
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

var _ tb = (*testing.T)(nil)

// sameAsDefined compares a merged record with what the oracle says of the same changes.
func sameAsDefined(t tb, how string, got *se.Record, changes []se.Judged) {
	t.Helper()
	want := oracle.Merge(changes)
	if len(got.Fields) != len(want.Fields) {
		t.Fatalf("%s: %d fields, defined are %d:\n%s\n%s", how, len(got.Fields), len(want.Fields), printFields(got.Fields), printFields(want.Fields))
	}
	if a, b := printFields(got.Fields), printFields(want.Fields); a != b {
		t.Fatalf("%s: fields\n%s\nbut defined are\n%s", how, a, b)
	}
	if got.Present != want.Present || got.Mixed != want.Mixed {
		t.Fatalf("%s: present %v, mixed %v; defined: %v, %v", how, got.Present, got.Mixed, want.Present, want.Mixed)
	}
	if a, b := string(got.AppendDocument(nil)), want.Document; a != b {
		t.Fatalf("%s: document\n%s\nbut defined is\n%s", how, a, b)
	}
	if a, b := got.Conflicts(), want.Conflicts; !slices.Equal(a, b) {
		t.Fatalf("%s: conflicts %v, defined are %v", how, a, b)
	}
	if a, b := got.Pending(), want.Pending; !slices.Equal(a, b) {
		t.Fatalf("%s: pending %v, defined are %v", how, a, b)
	}
	if a, b := got.Ineffective(), want.Ineffective; !slices.Equal(a, b) {
		t.Fatalf("%s: ineffective %v, defined are %v", how, a, b)
	}
	if got.Checklist != nil && got.Checklist.Version != want.Version {
		t.Fatalf("%s: read with %v, defined is %v", how, got.Checklist.Version, want.Version)
	}
}

// printFields writes every part of fields, one to a line.
func printFields(fields []se.Field) string {
	var b bytes.Buffer
	for _, f := range fields {
		fmt.Fprintf(&b, "%+v\n", f)
	}
	return b.String()
}
