package syncengine_test

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	se "github.com/arpenteur/arpenteur/syncengine"
)

// form is a draft: the form that was shown, and what its author wrote in it.
type form struct {
	node   *node
	record se.RecordID
	list   *se.Checklist
	viewer se.Viewer
	seen   se.Seen
	writes map[se.Path]se.Value
}

// open renders a record in a form.
func (s *script) open(n *node, name string, w []string) {
	record := recordID(w[1])
	s.id(w[1])
	r := n.record(record)
	f := &form{node: n, record: record, list: r.Checklist, viewer: se.Viewer{Account: n.account}, writes: map[se.Path]se.Value{}}
	if who := s.option(w, "for"); len(who) == 1 {
		f.viewer.Account = se.AccountID(who[0])
	}
	f.viewer.Settles = slices.Contains(w, "settling")
	if lineage := s.option(w, "with"); len(lineage) == 1 {
		versions := n.authority(false).Versions(lineage[0])
		f.list = n.Checklist(versions[len(versions)-1])
	} else if f.list == nil {
		a := n.authority(false)
		versions := a.Versions(a.Lineages()[0])
		f.list = n.Checklist(versions[len(versions)-1])
	}
	if f.list == nil {
		s.fail("no checklist is held for %s", w[1])
	}
	var unfolded []se.Path
	for _, p := range s.option(w, "unfolding") {
		unfolded = append(unfolded, s.path(p))
	}
	f.seen = r.Render(f.viewer, func(p se.Path) bool { return slices.Contains(unfolded, p) })
	s.drafts[name] = f
}

// draft does something with an open draft.
func (s *script) draft(name, verb string, w []string) {
	f := s.drafts[name]
	switch verb {
	case "writes":
		f.writes[s.path(w[0])] = s.value(strings.Join(w[1:], " "))
	case "adds":
		f.writes[s.path(w[0])] = se.True
	case "removes":
		f.writes[s.path(w[0])] = se.False
	case "commits":
		s.commit(f, w[1], w[2:])
		delete(s.drafts, name)
	default:
		s.fail("nobody knows how a draft %q", verb)
	}
}

// commit makes a change of a draft and appends it to the log of its node. The presence of the record and of the elements that it
// writes in goes with it.
func (s *script) commit(f *form, name string, w []string) {
	for path := range maps.Clone(f.writes) {
		for _, p := range append(path.Enclosing(), se.RecordPresence) {
			if _, said := f.writes[p]; !said {
				f.writes[p] = se.True
			}
		}
	}
	id := changeID(name)
	s.changes[id] = name
	c := &se.Change{ID: id, Header: se.Header{
		Format: 1, Kind: f.list.Kind, Record: f.record, Checklist: f.list.Version, Author: f.viewer.Account,
		At: se.AuthorityPoint{Replica: authority, Seq: f.node.heldTo()},
	}}
	for len(w) >= 2 && w[0] == "in" {
		if w[1] == "format" {
			c.Format, _ = strconv.Atoi(w[2])
			w = w[3:]
			continue
		}
		c.Time, w = s.clock(w[1:2]), w[2:]
	}
	if c.Time == 0 {
		c.Time = s.clock(nil)
	}
	for _, p := range slices.Sorted(maps.Keys(f.writes)) {
		c.Writes = append(c.Writes, se.Write{Path: p, Value: f.writes[p], Over: f.seen.Over(p)})
	}
	n := s.nodes[f.node.name]
	n.changes[id] = c
	n.append(id)
}

// seen prints what the form of a draft showed.
func (s *script) seen(name string) {
	f := s.drafts[name]
	if f == nil {
		s.fail("there is no draft %s", name)
	}
	for _, p := range slices.Sorted(maps.Keys(f.seen.Registers)) {
		var names []string
		for _, id := range f.seen.Registers[p] {
			names = append(names, s.changes[id])
		}
		slices.Sort(names)
		s.print("%s %s", p, strings.Join(names, " "))
	}
}
