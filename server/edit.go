package server

import (
	"encoding/json"
	"net/http"
	"slices"

	"github.com/google/uuid"

	"github.com/arpenteur/arpenteur/schemas"
	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/ledger"
	"github.com/arpenteur/arpenteur/syncengine/store"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// newRecord asks for a record.
type newRecord struct {
	Kind      syncengine.Kind                     `json:"kind"`
	Checklist string                              `json:"checklist"` // its lineage; the kind's own where it is empty
	ID        uuid.UUID                           `json:"id"`        // optional: a record that is there already is left as it is
	Values    map[syncengine.Path]json.RawMessage `json:"values"`
}

// edition is what a person changed of a record.
type edition struct {
	Seen   string                              `json:"seen"`
	Values map[syncengine.Path]json.RawMessage `json:"values"`
	Remove []syncengine.Path                   `json:"remove"` // fields to clear; presences of what is to go: "/" the record
}

// createRecord is POST /v1/ledgers/{ledger}/records.
func (s *Server) createRecord(c *call) error {
	var o newRecord
	if err := c.body(&o); err != nil {
		return err
	}
	if o.Checklist == "" {
		o.Checklist = string(o.Kind)
	}
	status := http.StatusCreated
	var v *recordView
	err := s.writing(c, func(l *reached, _ store.Writer) error {
		if err := mayWrite(c.who, l, o.Kind); err != nil {
			return err
		}
		key := syncengine.RecordKey{Kind: o.Kind, ID: o.ID}
		if o.ID == uuid.Nil {
			id, err := s.newID()
			if err != nil {
				return err
			}
			key.ID = id
		} else if known, err := l.Record(key); err != nil {
			return err
		} else if known != nil {
			status = http.StatusOK
			v, err = s.viewRecord(c, l, key)
			return err
		}
		status = http.StatusCreated
		d := &draft{key: key, lineage: o.Checklist, values: valuesOf(o.Values)}
		var err error
		v, err = s.keep(c, l, d)
		return err
	})
	if err != nil {
		return err
	}
	return c.answer(status, v)
}

func valuesOf(given map[syncengine.Path]json.RawMessage) map[syncengine.Path]syncengine.Value {
	out := make(map[syncengine.Path]syncengine.Value, len(given))
	for path, raw := range given {
		out[path] = syncengine.Value(raw)
	}
	return out
}

// mayWrite checks that a person's role writes records of a kind, and that these may lie in the ledger.
func mayWrite(who *Person, l *reached, kind syncengine.Kind) error {
	switch {
	case !slices.Contains(schemas.Kinds(), kind):
		return wire.Problemf(wire.CodeInvalid, "kind must be one of %v", schemas.Kinds())
	case l.entry.Restricted && !schemas.InRestricted(kind):
		return wire.Problemf(wire.CodeInvalid, "records of kind %s lie in the public ledger of the diagnostic", kind)
	case !schemas.MayWrite(who.Role, kind):
		return wire.Problemf(wire.CodeForbidden, "the role %s may not write records of kind %s", who.Role, kind)
	}
	return nil
}

// editRecord is POST …/records/{kind}/{id}/edit.
func (s *Server) editRecord(c *call) error {
	key, err := c.recordKey()
	if err != nil {
		return err
	}
	var o edition
	if err := c.body(&o); err != nil {
		return err
	}
	values, err := o.changes()
	if err != nil {
		return err
	}
	var v *recordView
	err = s.writing(c, func(l *reached, _ store.Writer) error {
		m, err := l.Record(key)
		if err != nil {
			return err
		}
		if err := workable(m); err != nil {
			return err
		}
		if err := s.mayEdit(c.who, l, m); err != nil {
			return err
		}
		seen, err := s.seals.open(o.Seen, c.who.Account, l.ID(), key)
		if err != nil {
			return err
		}
		paths := sortedPaths(values)
		if path, yes := moved(m, seen, paths); yes {
			return s.refuseStale(c, l, key, path)
		}
		if err := s.refuseFixed(m, paths); err != nil {
			return err
		}
		v, err = s.keep(c, l, &draft{key: key, lineage: m.Checklist.Lineage, values: values, seen: seen.Seen, old: m})
		return err
	})
	if err != nil {
		return err
	}
	return c.answer(http.StatusOK, v)
}

// changes returns the values to be written: those given, null where a field is cleared, false where something goes.
func (o *edition) changes() (map[syncengine.Path]syncengine.Value, error) {
	values := valuesOf(o.Values)
	for _, path := range o.Remove {
		if _, twice := values[path]; twice {
			return nil, wire.Problemf(wire.CodeInvalid, "%s is both given a value and removed", path)
		}
		values[path] = syncengine.Null
		if path.IsPresence() {
			values[path] = syncengine.False
		}
	}
	if len(values) == 0 {
		return nil, wire.Problemf(wire.CodeInvalid, "an edit changes at least one field")
	}
	return values, nil
}

// mayEdit checks that a person may edit a record. Where a role writes only what concerns the person, on the server that is what the
// person made.
func (s *Server) mayEdit(who *Person, l *reached, m *ledger.Merged) error {
	if err := mayWrite(who, l, m.Key.Kind); err != nil || !schemas.OwnOnly(who.Role, m.Key.Kind) {
		return err
	}
	steps, err := l.History(m.Key)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(steps, func(step ledger.Step) bool { return step.Author == who.Account }) {
		return wire.Problemf(wire.CodeForbidden, "the role %s may edit a %s only where it is the person's own", who.Role, m.Key.Kind)
	}
	return nil
}

// refuseFixed refuses to edit what is set once, when a record is made.
func (s *Server) refuseFixed(m *ledger.Merged, paths []syncengine.Path) error {
	w := s.wordsOf(m.Checklist, wire.English)
	for _, path := range paths {
		if f := m.Field(path); f != nil && f.Shown != "" && f.Shown != syncengine.Null && w.fixed(path) {
			return wire.Problemf(wire.CodeInvalid, "%s is set when the record is made, and not edited afterwards", path)
		}
	}
	return nil
}

// keep commits a draft and returns the record after it. An edit that breaks a rule which was not broken before is not kept: its author
// is there to put it right.
func (s *Server) keep(c *call, l *reached, d *draft) (*recordView, error) {
	if _, err := s.commit(l.Ledger, c.who.Account, d); err != nil {
		return nil, err
	}
	if err := l.Settle(); err != nil {
		return nil, err
	}
	if err := refusedNotes(l.Ledger, false); err != nil {
		return nil, err
	}
	v, err := s.viewRecord(c, l, d.key)
	if err != nil {
		return nil, err
	}
	for _, b := range v.Violations {
		if !brokeBefore(d.old, b.Path, b.Rule) {
			return nil, &extended{
				wire.Problemf(wire.CodeInvalid, "the %s can't be kept like this: %s at %s", d.key.Kind, b.Rule, b.Path),
				map[string]any{"violations": v.Violations},
			}
		}
	}
	return v, nil
}

// brokeBefore reports whether a record, nil for a new one, broke a rule already before an edit.
func brokeBefore(old *ledger.Merged, path syncengine.Path, rule string) bool {
	return old != nil && slices.ContainsFunc(old.Violations, func(o syncengine.Violation) bool { return o.Path == path && o.Rule == rule })
}
