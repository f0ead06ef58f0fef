package demo

import (
	"context"
	"errors"
	"fmt"

	"github.com/arpenteur/arpenteur/clientsdk"
	"github.com/arpenteur/arpenteur/schemas"
	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/ledger"
)

// outcome is what must become of an overlap.
type outcome string

// The outcomes.
const (
	apart    outcome = "apart"    // both edits count, nothing to decide
	conflict outcome = "conflict" // a person must decide between the values at a field
	invalid  outcome = "invalid"  // each edit was valid; together they break a rule
	joined   outcome = "joined"   // the checklist's policy says which value is shown; the other stays visible
)

// values is what an edit says.
type values = map[syncengine.Path]any

// overlap is one record that tablets edit without knowing of each other.
type overlap struct {
	name    string // of the phrase that tells it
	place   string
	kind    syncengine.Kind
	want    outcome
	fields  []syncengine.Path // that the story shows
	base    values            // what all tablets know before
	tablets [2]int
	says    [2]values
	// underDraft: the second tablet has the record open in a form when the first one's edit arrives.
	underDraft bool

	ref clientsdk.Ref
}

// overlaps are the cases that the demonstration shows.
func overlaps() []*overlap {
	return []*overlap{
		{
			name: "apart", place: secondHall, want: apart, fields: []syncengine.Path{"/litter/rating", "/tags/rating"},
			base: values{"/litter/rating": "3", "/tags/rating": "3"}, tablets: [2]int{1, 2},
			says: [2]values{
				{"/litter/rating": "2", "/litter/notes/consultant-02": "Prospectus au sol"},
				{"/tags/rating": "1", "/litter/notes/consultant-03": "Cartons près des boîtes"},
			},
		},
		{
			name: "severity", kind: schemas.Finding, want: joined, fields: []syncengine.Path{"/severity"},
			base: values{"/severity": "low", "/title": "Constat repris ensemble"}, tablets: [2]int{0, 2},
			says: [2]values{{"/severity": "medium"}, {"/severity": "high"}},
		},
		{
			name: "same_field", place: firstHall, want: conflict, fields: []syncengine.Path{"/dumping/rating"},
			base: values{"/dumping/rating": "3", "/dumping/count": 1}, tablets: [2]int{0, 1},
			says: [2]values{{"/dumping/rating": "1", "/dumping/count": 6}, {"/dumping/rating": "2"}},
		},
		{
			name: "rule", place: thirdHall, want: invalid, fields: []syncengine.Path{"/glass/rating", "/glass/urgent"},
			base: values{"/glass/rating": "2", "/glass/urgent": nil}, tablets: [2]int{1, 2},
			says: [2]values{{"/glass/rating": "4"}, {"/glass/urgent": true}},
		},
		{
			name: "draft", place: carPark, want: conflict, fields: []syncengine.Path{"/wrecks/rating"}, underDraft: true,
			base: values{"/wrecks/rating": "3"}, tablets: [2]int{0, 2},
			says: [2]values{{"/wrecks/rating": "1"}, {"/wrecks/rating": "2"}},
		},
	}
}

// overlap brings the records of all cases to values that every tablet knows, then lets tablets edit them without a network.
func (d *Demo) overlap(ctx context.Context) error {
	d.cases = overlaps()
	for _, o := range d.cases {
		var err error
		if o.ref, err = d.recordOf(ctx, o); err != nil {
			return err
		}
		if _, err := d.tablets[0].edit(ctx, o.ref, o.base); err != nil && !errors.Is(err, clientsdk.ErrNothing) {
			return err
		}
	}
	if err := d.exchangeAll(ctx); err != nil {
		return err
	}
	for _, o := range d.cases {
		if err := d.bothEdit(ctx, o); err != nil {
			return fmt.Errorf("%s: %w", o.name, err)
		}
	}
	d.tell("overlap", "n", len(d.cases))
	return nil
}

// recordOf returns the record of a case: the first observation of cleanliness at its place, or the first finding.
func (d *Demo) recordOf(ctx context.Context, o *overlap) (ref clientsdk.Ref, err error) {
	f := ledger.Filter{Kind: o.kind}
	if o.kind == "" {
		f = ledger.Filter{Kind: schemas.Observation, Where: map[string]string{"place": d.named(o.place).id}}
	}
	err = d.tablets[0].c.Records(ctx, d.order.Ledger, f, nil, func(r *clientsdk.Record) (bool, error) {
		if o.kind == "" && r.Checklist.Lineage != schemas.Cleanliness {
			return true, nil
		}
		ref = r.Ref
		return false, nil
	})
	if err == nil && ref.Record.Kind == "" {
		err = fmt.Errorf("there is no record for the case %s", o.name)
	}
	return ref, err
}

// bothEdit lets two tablets edit a record, neither seeing the other's edit. Each edit must be valid by itself.
func (d *Demo) bothEdit(ctx context.Context, o *overlap) error {
	first, second := d.tablets[o.tablets[0]], d.tablets[o.tablets[1]]
	form, err := second.c.Edit(ctx, o.ref)
	if err != nil {
		return err
	}
	saved, err := first.edit(ctx, o.ref, o.says[0])
	if err != nil {
		return err
	}
	broken := saved.Violations
	if o.underDraft { // the first one's edit arrives while the form is open
		for _, t := range []*tablet{first, second} {
			if err := t.exchange(ctx); err != nil {
				return err
			}
		}
	}
	if saved, err = second.fill(ctx, form, o.says[1]); err != nil {
		return err
	}
	if broken = append(broken, saved.Violations...); len(broken) > 0 {
		return fmt.Errorf("an edit breaks a rule by itself: %v", broken)
	}
	return nil
}

// exchangeCalmly lets all tablets exchange until none has anything new.
func (d *Demo) exchangeCalmly(ctx context.Context) error { return d.exchangeAll(ctx) }
