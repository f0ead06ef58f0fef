package demo

import (
	"context"
	"fmt"
	"net/http"

	"github.com/arpenteur/arpenteur/syncengine/ledger"
)

// settle lets the coordinator decide the first conflict, as the console does, and every tablet receive the decision.
func (d *Demo) settle(ctx context.Context) error {
	before, err := d.census(ctx)
	if err != nil {
		return err
	}
	d.Result.Conflicts, d.Result.InvalidMerges = before.conflicts, before.violations
	for _, o := range d.cases {
		if o.want != conflict {
			continue
		}
		if err := d.decide(ctx, o); err != nil {
			return err
		}
		break
	}
	if err := d.exchangeAll(ctx); err != nil {
		return err
	}
	after, err := d.census(ctx)
	if err != nil {
		return err
	}
	d.Result.OpenConflicts, d.Result.Settled = after.conflicts, after.settled-before.settled
	return nil
}

// decide keeps the first tablet's value, gives a reason, and looks whether every tablet shows it.
func (d *Demo) decide(ctx context.Context, o *overlap) error {
	path := o.fields[0]
	r, err := d.read(ctx, o.ref)
	if err != nil {
		return err
	}
	f := r.field(path)
	chosen := f.Survivors[0]
	for _, s := range f.Survivors {
		if s.Tablet == d.tablets[o.tablets[0]].name {
			chosen = s
		}
	}
	reason := d.say.Say("settle.reason")
	body := map[string]any{
		"seen": r.Seen, "reason": reason, "fields": map[string]any{string(path): map[string]any{"choose": chosen.Change}},
	}
	if err := d.people.Call(ctx, http.MethodPost, recordPath(o.ref)+"/settle", body, nil); err != nil {
		return err
	}
	if err := d.exchangeAll(ctx); err != nil {
		return err
	}
	for _, t := range d.tablets {
		held, err := t.c.Record(ctx, o.ref)
		if err != nil {
			return err
		}
		if f := held.Field(path); f.Conflict || string(f.Shown) != string(chosen.Value) {
			return fmt.Errorf("%w: %s shows %s where %s was decided", ErrBroken, t.name, f.Shown, chosen.Value)
		}
	}
	form, err := d.form(ctx, o.ref, r.Checklist)
	if err != nil {
		return err
	}
	d.tell("settle", "place", o.place, "value", d.answer(form, path, string(chosen.Value)), "reason", reason, "n", len(d.tablets))
	return nil
}

// census is what the server says that there is.
type census struct {
	observations, findings, conflicts, violations, settled int
	records                                                map[string][]*record // by ledger
}

// census counts the records of both ledgers through the API.
func (d *Demo) census(ctx context.Context) (*census, error) {
	c := &census{records: map[string][]*record{}}
	for _, id := range d.ledgers() {
		list, err := d.records(ctx, id)
		if err != nil {
			return nil, err
		}
		c.records[id] = list
		for _, r := range list {
			c.count(r)
		}
	}
	return c, nil
}

func (c *census) count(r *record) {
	switch r.Kind {
	case "observation":
		c.observations++
	case "finding":
		c.findings++
	case "review":
		c.settled++
	}
	c.conflicts += len(r.Conflicts)
	if r.has(ledger.StateViolation) {
		c.violations++
	}
}
