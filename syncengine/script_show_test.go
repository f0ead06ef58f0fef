package syncengine_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/google/uuid"

	se "github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/internal/oracle"
)

// show prints a record as a node merges it, once every way of merging agrees.
func (s *script) show(n *node, name string) {
	id := recordID(name)
	s.id(name)
	changes := n.judged(id, false)
	s.agree(n, id, changes)
	if s.watch != nil {
		s.watch(n)
	}
	r := n.record(id)
	s.print("%s on %s: %s", name, n.name, s.summary(r))
	var rows, table strings.Builder
	for i := range r.Fields {
		fmt.Fprintf(&rows, "  %s\n", s.readable(strings.Join(s.field(r, &r.Fields[i]), "\t")))
	}
	tab := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
	_, _ = tab.Write([]byte(rows.String()))
	_ = tab.Flush()
	if r.Present {
		fmt.Fprintf(&table, "  document %s\n", r.AppendDocument(nil))
	}
	for _, v := range r.Validate() {
		fmt.Fprintf(&table, "  violation %s %s\n", v.Rule, v.Path)
	}
	var idle []string
	kinds := map[se.Status]string{se.Pending: "pending", se.Ineffective: "ineffective"}
	for _, id := range append(r.Pending(), r.Ineffective()...) {
		v := r.Idle[id].Verdict
		idle = append(idle, fmt.Sprintf("  %s %s: %s", kinds[v.Status], s.changes[id], strings.TrimSpace(fmt.Sprint(v.Reason, " ", v.Path))))
	}
	slices.Sort(idle)
	table.WriteString(strings.Join(idle, "\n"))
	for text := range strings.SplitSeq(strings.TrimRight(table.String(), "\n"), "\n") {
		s.print("%s", strings.TrimRight(text, " "))
	}
}

func (s *script) summary(r *se.Record) string {
	switch {
	case len(r.Fields) == 0:
		return "nothing counts"
	case !r.Present:
		return "absent"
	}
	for name, l := range s.lists {
		if l == r.Checklist {
			return name
		}
	}
	return "of no checklist"
}

// field returns the columns of one field: path, what is shown, each survivor, marks.
func (s *script) field(r *se.Record, f *se.Field) []string {
	shown := string(f.Shown)
	if f.Erased {
		shown = "erased"
	}
	var survivors []string
	for _, v := range f.Survivors {
		text := s.changes[v.Change]
		switch {
		case v.Erased:
			text += "=erased"
		case f.Differs:
			text += "=" + string(v.Value)
		}
		if v.Untimed {
			text += " (untimed)"
		}
		survivors = append(survivors, text)
	}
	out := []string{string(f.Path), shown, strings.Join(survivors, " ")}
	switch {
	case slices.Contains(r.Conflicts(), f.Path):
		out = append(out, "conflict")
	case f.Differs:
		out = append(out, "differs")
	}
	return out
}

// agree checks that rulings heard backwards judge alike and as defined, and that every order of arrival merges as defined.
func (s *script) agree(n *node, id se.RecordID, changes []se.Judged) {
	s.t.Helper()
	ledger := oracle.Ledger{Incarnations: []se.ReplicaID{authority}, Rulings: n.rulings(false)}
	backwards := n.judged(id, true)
	for i, c := range changes {
		if backwards[i].Verdict != c.Verdict {
			s.fail("%s: judged %+v, hearing the rulings backwards %+v", s.changes[c.ID], c.Verdict, backwards[i].Verdict)
		}
		if want := ledger.Status(c.Change, n.envelopes(c.ID, false), n); want != c.Verdict.Status {
			s.fail("%s: judged %+v, defined is status %v", s.changes[c.ID], c.Verdict, want)
		}
	}
	sameAsDefined(s.t, "rebuilt", n.merged(id, changes, se.Rebuild(changes)), changes)
	for seed := range uint64(10) {
		order := slices.Clone(changes)
		rand.New(rand.NewPCG(seed, 1)).Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
		sameAsDefined(s.t, "taken", n.merged(id, order, take(order)), changes)
	}
}

// places prints the tree that the place records of a node make, and what is hung at its root for review.
func (s *script) places(n *node) {
	var links []se.PlaceLink
	ids := map[string]se.RecordID{}
	for _, c := range n.changes {
		if c.Kind == se.PlaceKind {
			ids[c.Record.String()] = c.Record
		}
	}
	for _, id := range ids {
		r := n.record(id)
		if !r.Present {
			continue
		}
		link := se.PlaceLink{ID: id}
		if f := r.Field("/parent"); f != nil {
			link.Parent = uuid.MustParse(strings.Trim(string(f.Shown), `"`))
		}
		links = append(links, link)
	}
	tree := se.NewPlaceTree(links)
	var hang func(parent se.RecordID, indent string)
	hang = func(parent se.RecordID, indent string) {
		for _, id := range tree.Children[parent] {
			mark := ""
			switch {
			case slices.Contains(tree.Cut, id):
				mark = " (cut out of a cycle)"
			case slices.Contains(tree.Orphans, id):
				mark = " (its parent is not there)"
			}
			s.print("%s%s%s", indent, id, mark)
			hang(id, indent+"  ")
		}
	}
	hang(se.RecordID{}, "  ")
}
