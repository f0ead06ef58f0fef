package server

import (
	"encoding/json"
	"net/http"
	"slices"

	"github.com/arpenteur/arpenteur/schemas"
	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/ledger"
	"github.com/arpenteur/arpenteur/syncengine/store"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// settlement is what a person decided about the fields of a record.
type settlement struct {
	Seen   string                          `json:"seen"`
	Reason string                          `json:"reason"`
	Fields map[syncengine.Path]settleField `json:"fields"`
}

// settleField is the decision about one field: one of the values that stand or stood there, or another one.
type settleField struct {
	Choose syncengine.ChangeID `json:"choose"`
	Value  json.RawMessage     `json:"value"`
}

// maxReason bounds a reason, in bytes of UTF-8.
const maxReason = 2000

// settleRecord is POST …/records/{kind}/{id}/settle. A decision is an ordinary change over all values that the person was shown,
// and a review that says why, in one transaction. It syncs back to every tablet, and a later decision can revise it.
func (s *Server) settleRecord(c *call) error {
	key, err := c.recordKey()
	if err != nil {
		return err
	}
	var o settlement
	if err := c.body(&o); err != nil {
		return err
	}
	if err := o.check(); err != nil {
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
		seen, err := s.seals.open(o.Seen, c.who.Account, l.ID(), key)
		if err != nil {
			return err
		}
		paths := sortedPaths(o.Fields)
		if path, yes := moved(m, seen, paths); yes {
			return s.refuseStale(c, l, key, path)
		}
		d := &draft{key: key, lineage: m.Checklist.Lineage, values: map[syncengine.Path]syncengine.Value{}, seen: seen.Seen, old: m}
		for path, f := range o.Fields {
			if d.values[path], err = decided(l, m, path, f); err != nil {
				return err
			}
		}
		if err := s.decide(l, c.who, d, o.Reason, paths); err != nil {
			return err
		}
		v, err = s.viewRecord(c, l, key)
		return err
	})
	if err != nil {
		return err
	}
	return c.answer(http.StatusOK, v)
}

func (o *settlement) check() error {
	switch {
	case len(o.Fields) == 0:
		return wire.Problemf(wire.CodeInvalid, "fields must name at least one field that is decided")
	case o.Reason == "":
		return wire.Problemf(wire.CodeInvalid, "a decision needs a reason, which its authors will read")
	case len(o.Reason) > maxReason:
		return wire.Problemf(wire.CodeInvalid, "the reason is longer than %d bytes", maxReason)
	}
	for path, f := range o.Fields {
		if f.Choose.IsZero() == (f.Value == nil) {
			return wire.Problemf(wire.CodeInvalid, "at %s give either choose or value", path)
		}
	}
	return nil
}

// decided returns the value that was decided for a field.
func decided(l *reached, m *ledger.Merged, path syncengine.Path, f settleField) (syncengine.Value, error) {
	if f.Value != nil {
		return syncengine.Value(f.Value), nil
	}
	if now := m.Field(path); now != nil {
		for i := range now.Survivors {
			if s := &now.Survivors[i]; s.Change == f.Choose && !s.Erased {
				return s.Value, nil
			}
		}
	}
	c, err := l.Change(f.Choose)
	if err != nil {
		return "", err
	}
	if c == nil || c.Key() != m.Key || c.Decision.Last == syncengine.Refuse {
		return "", wire.Problemf(wire.CodeInvalid, "the change chosen at %s is none of this record's", path)
	}
	reading := l.Reading(m.Checklist.Lineage)
	for i := range c.Writes {
		w := &c.Writes[i]
		to, value, kept := reading.Translate(c.Checklist, w.Path, w.Value)
		if kept && to == path && w.Value != "" {
			return value, nil
		}
	}
	return "", wire.Problemf(wire.CodeInvalid, "the change chosen at %s has no value there any more", path)
}

// decide commits a decision and the review that says why.
func (s *Server) decide(l *reached, who *Person, d *draft, reason string, paths []syncengine.Path) error {
	about := []syncengine.ChangeID{}
	for _, path := range paths {
		about = append(about, survivorsOf(d.old, path)...)
	}
	lines, err := s.commit(l.Ledger, who.Account, d)
	if err != nil {
		return err
	}
	about = append(about, lines[0].Change.ID)
	slices.SortFunc(about, func(a, b syncengine.ChangeID) int { return a.Compare(b.Hash) })
	review, err := s.review(who, d.key, "settled", reason, slices.Compact(about), paths)
	if err != nil {
		return err
	}
	if current := l.Reading(review.lineage).Current(); current != nil {
		if kind := current.Lookup("/target/kind"); kind != nil && !slices.Contains(kind.Codes, string(d.key.Kind)) {
			delete(review.values, "/target/kind") // reviews don't name every kind
		}
	}
	if _, err := s.commit(l.Ledger, who.Account, review); err != nil {
		return err
	}
	if err := l.Settle(); err != nil {
		return err
	}
	return refusedNotes(l.Ledger, false)
}

// review drafts the record of a decision about exact changes.
func (s *Server) review(
	who *Person, target syncengine.RecordKey, decision, reason string, changes []syncengine.ChangeID, paths []syncengine.Path,
) (*draft, error) {
	id, err := s.newID()
	if err != nil {
		return nil, err
	}
	ids := make([]string, 0, len(changes))
	for _, c := range changes {
		ids = append(ids, c.String())
	}
	names := make([]string, 0, len(paths))
	for _, p := range paths {
		names = append(names, string(p))
	}
	d := &draft{
		key: syncengine.RecordKey{Kind: schemas.Review, ID: id}, lineage: string(schemas.Review),
		values: map[syncengine.Path]syncengine.Value{
			"/target/kind": wire.StringValue(string(target.Kind)), "/target/record": wire.StringValue(target.ID.String()),
			"/decision": wire.StringValue(decision), "/reason": wire.StringValue(reason), "/reviewer": wire.StringValue(string(who.Account)),
		},
	}
	if d.values["/changes"], err = wire.EncodeValue(ids); err != nil {
		return nil, err
	}
	if len(names) > 0 {
		d.values["/paths"], err = wire.EncodeValue(names)
	}
	return d, err
}
