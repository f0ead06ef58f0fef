package demo

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"time"

	"github.com/google/uuid"

	"github.com/arpenteur/arpenteur/clientsdk"
	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// tablet is one tablet and what it promised: the changes that it said are saved.
type tablet struct {
	name  string
	c     *clientsdk.Client
	saved []clientsdk.Saved
	trips int // round trips, those that failed included
	fails int // exchanges that failed

	findings int
	photos   []wire.PhotoName // that were looked over
	resumed  int              // photos that were sent on from where they were cut
}

// enrol gives three people tablets: over the bad link, from the ticket to the checklists.
func (d *Demo) enrol(ctx context.Context) error {
	for _, name := range []string{"T-01", "T-02", "T-03"} {
		var ticket struct{ Ticket string }
		order := map[string]any{
			"account": "consultant-" + name[3:], "role": "consultant", "name": name, "diagnostics": []uuid.UUID{d.order.ID}, "restricted": true,
		}
		if err := d.people.Call(ctx, http.MethodPost, "/v1/tickets", order, &ticket); err != nil {
			return err
		}
		c, err := clientsdk.Open(ctx, filepath.Join(d.o.Folder, name), clientsdk.Options{Passphrase: []byte("le verger en fleurs")})
		if err != nil {
			return err
		}
		t := &tablet{name: name, c: c}
		d.tablets = append(d.tablets, t)
		if err := c.Enrol(ctx, ticket.Ticket, name); err != nil {
			return err
		}
		if err := t.exchange(ctx); err != nil {
			return err
		}
	}
	d.tell("enrol", "n", len(d.tablets), "cuts", d.link.Traffic().Cuts)
	return nil
}

// patience is how long a tablet goes on trying.
const patience = 2 * time.Minute

// exchange syncs until an exchange gets through. What stands in the way is the network's, and goes away.
func (t *tablet) exchange(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		_, err := t.sync(ctx)
		var told *wire.Problem
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return fmt.Errorf("%s gets nothing through: %w", t.name, err)
		case errors.As(err, &told) && !errors.Is(err, wire.CodeTruncated) && !errors.Is(err, wire.CodeBusy):
			return fmt.Errorf("%s: %w", t.name, err)
		}
		t.fails++
		if err := sleep(ctx, 20*time.Millisecond); err != nil {
			return err
		}
	}
}

// sync exchanges once, and counts what that took.
func (t *tablet) sync(ctx context.Context) (*clientsdk.Report, error) {
	report, err := t.c.Sync(ctx)
	t.trips += report.RoundTrips
	t.resumed += report.PhotosResumed
	return report, err
}

// commit saves a draft, and remembers the promise.
func (t *tablet) commit(ctx context.Context, drafts ...*clientsdk.Draft) ([]clientsdk.Saved, error) {
	saved, err := t.c.Commit(ctx, drafts...)
	t.saved = append(t.saved, saved...)
	return saved, err
}

// edit corrects a record as the tablet shows it now.
func (t *tablet) edit(ctx context.Context, ref clientsdk.Ref, values map[syncengine.Path]any) (clientsdk.Saved, error) {
	draft, err := t.c.Edit(ctx, ref)
	if err != nil {
		return clientsdk.Saved{}, err
	}
	return t.fill(ctx, draft, values)
}

// fill enters values into a draft and saves it.
func (t *tablet) fill(ctx context.Context, draft *clientsdk.Draft, values map[syncengine.Path]any) (clientsdk.Saved, error) {
	if err := draft.SetAll(values); err != nil {
		return clientsdk.Saved{}, err
	}
	saved, err := t.commit(ctx, draft)
	if err != nil {
		return clientsdk.Saved{}, err
	}
	return saved[0], nil
}

// exchangeAll lets every tablet exchange until none has anything new.
func (d *Demo) exchangeAll(ctx context.Context) error {
	for {
		before := make([]int, 0, len(d.tablets))
		for _, t := range d.tablets {
			if err := t.exchange(ctx); err != nil {
				return err
			}
			before = append(before, t.trips)
		}
		quiet := true
		for i, t := range d.tablets {
			report, err := t.sync(ctx)
			quiet = quiet && err == nil && report.Sent == 0 && report.Received == 0 && t.trips-before[i] == 1
		}
		if quiet {
			return nil
		}
	}
}
