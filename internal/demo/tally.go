package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/google/uuid"

	"github.com/arpenteur/arpenteur/clientsdk"
	"github.com/arpenteur/arpenteur/schemas"
	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// ledgers returns the ids of both ledgers.
func (d *Demo) ledgers() []string {
	return []string{d.order.Ledger.String(), d.order.Restricted.String()}
}

// records reads all records of a ledger through the API.
func (d *Demo) records(ctx context.Context, ledger string) ([]*record, error) {
	var out []*record
	err := d.people.List(ctx, "/v1/ledgers/"+ledger+"/records?limit=500", "records", func(raw json.RawMessage) error {
		r := new(record)
		out = append(out, r)
		return json.Unmarshal(raw, r)
	})
	return out, err
}

// tally counts what is there at the end: on the server, on each tablet, on the link.
func (d *Demo) tally(ctx context.Context) error {
	c, err := d.census(ctx)
	if err != nil {
		return err
	}
	r := &d.Result
	r.Tablets, r.Observations, r.Findings = len(d.tablets), c.observations, c.findings
	for _, place := range c.records[d.Ledger] {
		if place.Kind == string(schemas.Place) {
			r.Places++
		}
	}
	for _, t := range d.tablets {
		r.RoundTrips += t.trips
		if err := errors.Join(d.tallyTablet(ctx, t, c), d.tallyPhotos(ctx, t)); err != nil {
			return err
		}
	}
	if err := d.tallyMerged(ctx, c); err != nil {
		return err
	}
	pairs, err := d.secondRatings(c)
	if err != nil {
		return err
	}
	r.SecondRatings = len(pairs)
	passed := d.link.Traffic()
	r.Cuts, r.BytesUp, r.BytesDown, r.Kills = passed.Cuts, passed.Up, passed.Down, d.server.kills
	return d.verify(ctx)
}

// tallyTablet counts what a tablet says that it holds, looks for each of its promises on the server (law L1), and compares its records
// with the server's, byte for byte (law L2).
func (d *Demo) tallyTablet(ctx context.Context, t *tablet, c *census) error {
	status, err := t.c.Status(ctx)
	if err != nil {
		return err
	}
	var mine, received uint64
	for _, l := range status.Ledgers {
		mine, received = mine+l.Mine, received+l.Received
	}
	if mine != uint64(len(t.saved)) || received != mine {
		return fmt.Errorf("%w: L1, %s promised %d changes, holds %d, and has receipts for %d", ErrBroken, t.name, len(t.saved), mine, received)
	}
	d.Result.Captured += len(t.saved)
	for _, s := range t.saved {
		err := d.people.Call(ctx, http.MethodGet, "/v1/ledgers/"+s.Ref.Ledger.String()+"/changes/"+s.Change.String(), nil, nil)
		switch {
		case errors.Is(err, wire.CodeNotFound):
			d.Result.Lost++
		case err != nil:
			return err
		}
	}
	for ledger, list := range c.records {
		for _, r := range list {
			same, err := d.same(ctx, t, ledger, r)
			if err != nil {
				return err
			}
			d.Result.Compared++
			if !same {
				d.Result.Differing++
			}
		}
	}
	return nil
}

// same reports whether a tablet holds a record with the same merged bytes as the server.
func (d *Demo) same(ctx context.Context, t *tablet, ledger string, r *record) (bool, error) {
	ref := clientsdk.Ref{Ledger: d.order.Ledger, Record: syncengine.RecordKey{Kind: syncengine.Kind(r.Kind)}}
	if ledger != d.Ledger {
		ref.Ledger = d.order.Restricted
	}
	var err error
	if ref.Record.ID, err = uuid.Parse(r.ID); err != nil {
		return false, err
	}
	held, err := t.c.Record(ctx, ref)
	if errors.Is(err, clientsdk.ErrNoRecord) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return bytes.Equal(held.Document(), r.Document), nil
}

// tallyMerged counts the records that join changes of several people.
func (d *Demo) tallyMerged(ctx context.Context, c *census) error {
	for ledger, list := range c.records {
		for _, r := range list {
			var history struct {
				Changes []struct{ Author, Status string }
			}
			if err := d.people.Call(ctx, http.MethodGet, "/v1/ledgers/"+ledger+"/records/"+r.Kind+"/"+r.ID+"/history", nil, &history); err != nil {
				return err
			}
			authors := map[string]bool{}
			for _, change := range history.Changes {
				if change.Status == "effective" {
					authors[change.Author] = true
				}
			}
			if len(authors) > 1 {
				d.Result.Merged++
			}
		}
	}
	return nil
}

// agreement is how two people rated the same place with the same checklist.
type agreement struct {
	place, checklist string
	agreed, both     int
}

// observed is an observation as its document says it.
type observed struct {
	place, visit, rater, checklist string
	document                       map[string]any
}

// observations decodes the observations of a census.
func (d *Demo) observations(c *census) ([]observed, error) {
	var out []observed
	for _, id := range d.ledgers() {
		for _, r := range c.records[id] {
			if r.Kind != string(schemas.Observation) {
				continue
			}
			o := observed{checklist: r.Checklist}
			if err := json.Unmarshal(r.Document, &o.document); err != nil {
				return nil, err
			}
			o.place, _ = o.document["place"].(string)
			o.visit, _ = o.document["visit"].(string)
			o.rater, _ = o.document["rater"].(string)
			out = append(out, o)
		}
	}
	return out, nil
}

// secondRatings finds the observations that different people made of one place on one visit. They are no conflict: each stays.
func (d *Demo) secondRatings(c *census) ([]agreement, error) {
	list, err := d.observations(c)
	if err != nil {
		return nil, err
	}
	first := map[[3]string]observed{}
	var out []agreement
	for _, o := range list {
		key := [3]string{o.checklist, o.place, o.visit}
		other, twice := first[key]
		if !twice {
			first[key] = o
		} else if other.rater != o.rater {
			a := agreement{checklist: o.checklist, place: d.placeName(o.place)}
			a.compare(other.document, o.document)
			out = append(out, a)
		}
	}
	return out, nil
}

func (d *Demo) placeName(id string) string {
	for _, p := range d.places {
		if p.id == id {
			return p.name
		}
	}
	return id
}

// compare counts the points that both rated, and those that they rated alike.
func (a *agreement) compare(x, y map[string]any) {
	for name, point := range x {
		p, _ := point.(map[string]any)
		q, _ := y[name].(map[string]any)
		if p["rating"] == nil || q["rating"] == nil {
			continue
		}
		a.both++
		if p["rating"] == q["rating"] {
			a.agreed++
		}
	}
}

// tellSecondRatings tells of the places that two people rated.
func (d *Demo) tellSecondRatings(ctx context.Context) error {
	c, err := d.census(ctx)
	if err != nil {
		return err
	}
	pairs, err := d.secondRatings(c)
	if err != nil || len(pairs) == 0 {
		return err
	}
	agreed, both := 0, 0
	for _, p := range pairs {
		agreed, both = agreed+p.agreed, both+p.both
	}
	d.line(pairs[0].place, d.say.Say("case.second_rating", "agreed", agreed, "both", both))
	return nil
}

// verify stops the server in good order, has its store verified line by line, and starts it again.
func (d *Demo) verify(ctx context.Context) error {
	if err := d.server.stop(); err != nil {
		return err
	}
	var found struct {
		Lines  int
		Faults []json.RawMessage
	}
	var complaint strings.Builder
	cmd := d.o.Command(ctx, "verify", "--data", d.server.data, "--json")
	cmd.Stderr = &complaint
	raw, err := cmd.Output()
	if failed := json.Unmarshal(raw, &found); failed != nil {
		return fmt.Errorf("verify the server's store: %w: %s", errors.Join(err, failed), complaint.String())
	}
	d.Result.Verified, d.Result.Faults = found.Lines, len(found.Faults)
	return d.server.start(ctx)
}
