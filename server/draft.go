package server

import (
	"slices"
	"strings"

	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/ledger"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// draft is an edit that a person makes on the server: values by path, and what the person saw of the record. Nothing but seen says
// what a value replaces (law L3).
type draft struct {
	key     syncengine.RecordKey
	lineage string
	values  map[syncengine.Path]syncengine.Value
	seen    syncengine.Seen // empty for a new record
	old     *ledger.Merged  // the record as it is; nil for a new one
}

// edit makes the engine's edit of a draft: its values, and the presence of the record and of every element that they lie in.
func (d *draft) edit(version syncengine.VersionID, author syncengine.AccountID, time int64) ledger.Edit {
	e := ledger.Edit{Record: d.key, Checklist: version, Author: author, Time: time}
	around := map[syncengine.Path]bool{syncengine.RecordPresence: true}
	for path, v := range d.values {
		e.Writes = append(e.Writes, syncengine.Write{Path: path, Over: d.seen.Over(path), Value: v})
		for _, p := range path.Enclosing() {
			around[p] = true
		}
	}
	for path := range around {
		if _, said := d.values[path]; !said {
			e.Writes = append(e.Writes, syncengine.Write{Path: path, Over: d.sayingPresent(path), Value: syncengine.True})
		}
	}
	slices.SortFunc(e.Writes, func(a, b syncengine.Write) int { return strings.Compare(string(a.Path), string(b.Path)) })
	return e
}

// sayingPresent returns what a presence replaces that is only written because something lies in it: what said present before. A
// deletion that stands against it is not decided in passing.
func (d *draft) sayingPresent(path syncengine.Path) []syncengine.ChangeID {
	if d.old == nil || d.old.Field(path) == nil {
		return nil
	}
	var absent []syncengine.ChangeID
	for _, s := range d.old.Field(path).Survivors {
		if s.Value != syncengine.True {
			absent = append(absent, s.Change)
		}
	}
	return slices.DeleteFunc(d.seen.Over(path), func(id syncengine.ChangeID) bool { return slices.Contains(absent, id) })
}

// commit appends drafts to the authority's log, each as one change under the version of its checklist that is in force.
func (s *Server) commit(l *ledger.Ledger, author syncengine.AccountID, drafts ...*draft) ([]*wire.Line, error) {
	edits, err := s.edits(l, author, drafts...)
	if err != nil {
		return nil, err
	}
	return s.write(l, edits...)
}

// edits makes the engine's edits of drafts.
func (s *Server) edits(l *ledger.Ledger, author syncengine.AccountID, drafts ...*draft) ([]ledger.Edit, error) {
	edits := make([]ledger.Edit, 0, len(drafts))
	for _, d := range drafts {
		current := l.Reading(d.lineage).Current()
		if current == nil || current.Kind != d.key.Kind {
			return nil, wire.Problemf(wire.CodeInvalid, "no checklist %q for records of kind %s is in force in this ledger", d.lineage, d.key.Kind)
		}
		for path := range d.values {
			if !path.Valid() || path != syncengine.RecordPresence && current.Lookup(path) == nil {
				return nil, wire.Problemf(wire.CodeInvalid, "the checklist %q has no field %q", d.lineage, path)
			}
		}
		edits = append(edits, d.edit(current.Version, author, s.millis()))
	}
	return edits, nil
}

// refusedNotes returns an error where an edit that was just settled takes no part in its record, and where broken is set, also where
// it leaves the record breaking a rule. An edit made here is not kept then: its author is there to put it right.
func refusedNotes(l *ledger.Ledger, broken bool) error {
	for _, n := range l.Notes() {
		switch {
		case n.Code == wire.CodeIneffective, n.Code == wire.CodePending, n.Code == wire.CodeViolation && broken:
			return wire.Problemf(wire.CodeInvalid, "the %s can't be kept like this: %s", n.Record.Kind, n.Detail())
		}
	}
	return nil
}
