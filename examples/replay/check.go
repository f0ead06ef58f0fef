package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"

	"github.com/arpenteur/arpenteur/clientsdk"
	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/ledger"
)

// result counts what there is in the end.
type result struct{ records, conflicts, violations, absent, cuts int }

// row is a merged record as one store shows it.
type row struct {
	Kind      syncengine.Kind      `json:"kind"`
	ID        syncengine.RecordID  `json:"id"`
	Document  json.RawMessage      `json:"document"`
	Conflicts []syncengine.Path    `json:"conflicts"`
	States    []ledger.RecordState `json:"states"`
	Changes   int                  `json:"changes"`
}

// check compares every tablet with the server, record by record, and looks for every change that was ever saved on each of them.
func (f *field) check(ctx context.Context) (*result, error) {
	served, err := f.served(ctx)
	if err != nil {
		return nil, err
	}
	for _, t := range f.tablets {
		shown, err := f.shown(ctx, t)
		if err == nil {
			err = same(served, shown)
		}
		if err == nil {
			err = f.holdsAll(ctx, t)
		}
		if err != nil {
			return nil, fmt.Errorf("tablet of %s: %w", t.account, err)
		}
	}
	for _, saved := range f.saved {
		path := "/v1/ledgers/" + saved.Ref.Ledger.String() + "/changes/" + saved.Change.String()
		if err := f.central.People().Call(ctx, http.MethodGet, path, nil, nil); err != nil {
			return nil, fmt.Errorf("change %s is missing on the server: %w", saved.Change, err)
		}
	}
	r := &result{records: len(served)}
	for _, s := range served {
		for state, count := range map[ledger.RecordState]*int{
			ledger.StateConflict: &r.conflicts, ledger.StateViolation: &r.violations, ledger.StateAbsent: &r.absent,
		} {
			if slices.Contains(s.States, state) {
				*count++
			}
		}
	}
	return r, nil
}

// served reads every record that the server shows, through its API, which shows deleted ones only to who asks for them.
func (f *field) served(ctx context.Context) (map[syncengine.RecordKey]row, error) {
	out := map[syncengine.RecordKey]row{}
	for _, which := range []string{"", "?state=absent"} {
		path := "/v1/ledgers/" + f.order.Ledger.String() + "/records" + which
		err := f.central.People().List(ctx, path, "records", func(raw json.RawMessage) error {
			var r row
			err := json.Unmarshal(raw, &r)
			out[syncengine.RecordKey{Kind: r.Kind, ID: r.ID}] = r
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// shown reads every record that a tablet shows.
func (f *field) shown(ctx context.Context, t *tablet) (map[syncengine.RecordKey]row, error) {
	out := map[syncengine.RecordKey]row{}
	err := t.Records(ctx, f.order.Ledger, ledger.Filter{}, nil, func(r *clientsdk.Record) (bool, error) {
		out[r.Key] = row{r.Key.Kind, r.Key.ID, r.Document(), r.Conflicts(), r.States, r.Changes}
		return true, nil
	})
	return out, err
}

// same returns an error that names the first difference.
func same(server, tablet map[syncengine.RecordKey]row) error {
	if len(server) != len(tablet) {
		return fmt.Errorf("it shows %d records, the server %d", len(tablet), len(server))
	}
	for key, s := range server {
		t := tablet[key]
		switch {
		case !bytes.Equal(s.Document, t.Document):
			return fmt.Errorf("of %s %s it shows\n%s\nthe server\n%s", key.Kind, key.ID, t.Document, s.Document)
		case !slices.Equal(s.Conflicts, t.Conflicts) || !slices.Equal(s.States, t.States) || s.Changes != t.Changes:
			return fmt.Errorf("of %s %s it says %v %v, %d changes; the server %v %v, %d changes",
				key.Kind, key.ID, t.States, t.Conflicts, t.Changes, s.States, s.Conflicts, s.Changes)
		}
	}
	return nil
}

// holdsAll looks for every change that was saved in the histories that a tablet shows.
func (f *field) holdsAll(ctx context.Context, t *tablet) error {
	held := map[clientsdk.Ref][]syncengine.ChangeID{}
	for _, saved := range f.saved {
		if held[saved.Ref] == nil {
			steps, err := t.History(ctx, saved.Ref)
			if err != nil {
				return err
			}
			for _, step := range steps {
				held[saved.Ref] = append(held[saved.Ref], step.ID)
			}
		}
		if !slices.Contains(held[saved.Ref], saved.Change) {
			return fmt.Errorf("change %s of %s %s is missing", saved.Change, saved.Ref.Record.Kind, saved.Ref.Record.ID)
		}
	}
	return nil
}
