package server

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/arpenteur/arpenteur/schemas"
	"github.com/arpenteur/arpenteur/server/imports"
	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/ledger"
	"github.com/arpenteur/arpenteur/syncengine/store"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// ledgerKeeper keeps the rows of an import as ordinary changes in the authority's log of a diagnostic's public ledger. Their author is who
// imports. In a dry run the same is done over a snapshot, and nothing of it is kept.
type ledgerKeeper struct {
	s       *Server
	who     *Person
	order   *importOrder
	audited bool // the trail has the import
}

// fate is what is to become of one row.
type fate struct {
	outcome imports.Outcome
	remarks []imports.Remark
	drafts  []*draft
}

// errAllThere ends a batch whose rows are all there, before anything is written.
var errAllThere = errors.New("nothing is to be written")

// Keep is imports.Keeper. A row that would break a rule of its merged record is refused when that is found out, and the others are taken
// without it.
func (k *ledgerKeeper) Keep(ctx context.Context, batch []*imports.Row) ([]imports.Outcome, error) {
	refused := map[int][]imports.Remark{}
	for {
		fates, broken, err := k.attempt(ctx, batch, refused)
		if len(broken) > 0 {
			maps.Copy(refused, broken)
			continue
		}
		if err != nil {
			return nil, err
		}
		outcomes := make([]imports.Outcome, len(batch))
		for i := range fates {
			outcomes[i] = fates[i].outcome
			for _, remark := range fates[i].remarks {
				remark.Line = batch[i].Line
				batch[i].Remarks = append(batch[i].Remarks, remark)
			}
		}
		return outcomes, nil
	}
}

// attempt keeps a batch without the rows that are refused. broken are further ones that can't be taken; then nothing was kept.
func (k *ledgerKeeper) attempt(ctx context.Context, batch []*imports.Row, refused map[int][]imports.Remark) (fates []fate, broken map[int][]imports.Remark, err error) {
	id := k.order.diagnostic.Ledger
	fn := func(l *ledger.Ledger, w store.Writer) (err error) {
		if _, err := reach(w, k.who, id); err != nil {
			return err
		}
		if fates, err = k.fates(l, batch, refused); err != nil {
			return err
		}
		broken, err = k.write(l, fates)
		if err == nil && !k.audited && !k.order.dry {
			err = k.s.audit(w, k.who.Account, auditImport, string(k.order.kind)+" "+k.order.diagnostic.ID.String())
		}
		return err
	}
	if k.order.dry {
		err = store.Rehearse(ctx, k.s.Store, func(w store.Writer) error {
			l, err := k.s.keeper.Edit(w, id)
			if err != nil {
				return err
			}
			return fn(l, w)
		})
	} else {
		err = k.s.edit(ctx, id, fn)
	}
	switch {
	case err == nil:
		k.audited = true
	case errors.Is(err, errAllThere):
		err = nil
	}
	return fates, broken, err
}

// fates decides about every row of a batch.
func (k *ledgerKeeper) fates(l *ledger.Ledger, batch []*imports.Row, refused map[int][]imports.Remark) ([]fate, error) {
	out := make([]fate, len(batch))
	made := map[syncengine.RecordKey]bool{}
	for i, row := range batch {
		if remarks, no := refused[i]; no {
			out[i] = fate{outcome: imports.Refused, remarks: remarks}
			continue
		}
		var err error
		if out[i], err = k.fate(l, row, made); err != nil {
			return nil, fmt.Errorf("line %d: %w", row.Line, err)
		}
		for _, d := range out[i].drafts {
			made[d.key] = true
		}
	}
	return out, nil
}

// fate decides about one row: where one of its records is to be left alone, all are.
func (k *ledgerKeeper) fate(l *ledger.Ledger, row *imports.Row, made map[syncengine.RecordKey]bool) (fate, error) {
	f := fate{outcome: imports.Unchanged}
	for i := range row.Records {
		r := &row.Records[i]
		m, err := l.Record(r.Key)
		if err != nil {
			return f, err
		}
		if m == nil && made[r.Key] || m != nil && r.Ensure {
			continue
		}
		d, remark, err := k.change(l, m, r)
		if err != nil {
			return f, err
		}
		if remark != nil {
			return fate{outcome: remark.Outcome, remarks: []imports.Remark{*remark}}, nil
		}
		if d == nil {
			continue
		}
		f.drafts = append(f.drafts, d)
		switch {
		case m == nil && !r.Ensure:
			f.outcome = imports.New
		case m != nil && f.outcome != imports.New:
			f.outcome = imports.Changed
		}
	}
	return f, nil
}

// change drafts what brings a record, nil for a new one, to what a row says; it returns none where it says so already. What an edit replaces is what imports
// wrote and nothing else (law L3): a field with somebody's value in it speaks against the whole row.
func (k *ledgerKeeper) change(l *ledger.Ledger, m *ledger.Merged, r *imports.Record) (*draft, *imports.Remark, error) {
	if m == nil {
		return &draft{key: r.Key, lineage: r.Lineage, values: r.Values}, nil, nil
	}
	if !m.Present {
		return nil, &imports.Remark{Value: r.Name, Outcome: imports.Kept, Code: imports.CodeDeleted}, nil
	}
	values := map[syncengine.Path]syncengine.Value{}
	for _, path := range sortedPaths(r.Values) {
		f := m.Field(path)
		if f != nil && f.Shown == r.Values[path] {
			continue
		}
		if f != nil {
			ours, err := k.ours(l, f)
			if err != nil {
				return nil, nil, err
			}
			if !ours {
				return nil, &imports.Remark{Value: r.Name, Outcome: imports.Kept, Code: imports.CodeEdited, With: string(path)}, nil
			}
		}
		values[path] = r.Values[path]
	}
	if len(values) == 0 {
		return nil, nil, nil
	}
	if err := k.s.refuseFixed(m, sortedPaths(values)); err != nil {
		return nil, &imports.Remark{Value: r.Name, Outcome: imports.Refused, Code: imports.CodeFixed, With: sortedList(values)}, nil //nolint:nilerr // it is told
	}
	seen := m.Render(syncengine.Viewer{Account: k.who.Account, Settles: true}, nil)
	return &draft{key: r.Key, lineage: r.Lineage, values: values, seen: seen, old: m}, nil, nil
}

// sortedList names paths for a remark.
func sortedList(values map[syncengine.Path]syncengine.Value) string {
	return pathList(sortedPaths(values))
}

// ours reports whether imports wrote every value of a field.
func (k *ledgerKeeper) ours(l *ledger.Ledger, f *syncengine.Field) (bool, error) {
	for i := range f.Survivors {
		line, err := l.Line(f.Survivors[i].Change)
		if err != nil || line == nil || !k.s.importer.wrote(l.ID(), line) {
			return false, err
		}
	}
	return true, nil
}

// write commits the drafts of a batch and merges them. broken are the rows that break a rule, or whose change would have no effect.
func (k *ledgerKeeper) write(l *ledger.Ledger, fates []fate) (broken map[int][]imports.Remark, err error) {
	var drafts []*draft
	row, old := map[syncengine.RecordKey]int{}, map[syncengine.RecordKey]*ledger.Merged{}
	for i := range fates {
		for _, d := range fates[i].drafts {
			row[d.key], old[d.key] = i, d.old
			drafts = append(drafts, d)
		}
	}
	if len(drafts) == 0 {
		return nil, errAllThere
	}
	edits, err := k.s.edits(l, k.who.Account, drafts...)
	if err != nil {
		return nil, err
	}
	for i := range edits {
		edits[i].Salt = k.s.importer.salt(l.ID(), edits[i].Record, edits[i].Writes)
	}
	if _, err := k.s.write(l, edits...); err != nil {
		return nil, err
	}
	if err := l.Settle(); err != nil {
		return nil, err
	}
	for _, n := range l.Notes() {
		if n.Code == wire.CodeViolation && !breaksMore(old[n.Record], n.Violations) {
			continue
		}
		i := row[n.Record]
		if broken == nil {
			broken = map[int][]imports.Remark{}
		}
		if len(broken[i]) == 0 {
			broken[i] = []imports.Remark{k.remark(l, &n)}
		}
	}
	if broken != nil {
		return broken, errBrokenRows
	}
	return nil, nil
}

// breaksMore reports whether a record breaks a rule that it didn't break before.
func breaksMore(old *ledger.Merged, now []syncengine.Violation) bool {
	return slices.ContainsFunc(now, func(b syncengine.Violation) bool { return !brokeBefore(old, b.Path, b.Rule) })
}

// errBrokenRows ends a transaction that must not be kept, since some of its rows can't be.
var errBrokenRows = errors.New("some rows can't be kept")

// remark says why a record can't be kept.
func (k *ledgerKeeper) remark(l *ledger.Ledger, n *ledger.Note) imports.Remark {
	out := imports.Remark{Outcome: imports.Refused, Code: imports.CodeRule, Rule: schemas.Text{FR: n.Detail(), EN: n.Detail()}}
	if n.Code != wire.CodeViolation || len(n.Violations) == 0 {
		return out
	}
	out.Column = string(n.Violations[0].Path)
	m, err := l.Record(n.Record)
	if err != nil || m == nil || m.Checklist == nil {
		return out
	}
	if v := k.s.compiler.Version(m.Checklist.Version); v != nil {
		rule := n.Violations[0].Rule
		out.Rule = schemas.Text{FR: v.RuleLabel(rule, schemas.French), EN: v.RuleLabel(rule, schemas.English)}
	}
	return out
}
