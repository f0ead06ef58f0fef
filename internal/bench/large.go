package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/arpenteur/arpenteur/clientsdk"
	"github.com/arpenteur/arpenteur/schemas"
	"github.com/arpenteur/arpenteur/syncengine/ledger"
	"github.com/arpenteur/arpenteur/syncengine/store/seal"
)

// Sizes of a large diagnostic.
const (
	largeRecords = 100_000
	largeAuthors = 20
	fabricated   = 1000 // changes in one commit of what is made directly
	fewChanges   = 10
	tenTries     = 9
	openTries    = 5
)

// large measures what a diagnostic of a hundred thousand observations costs the tablet that holds it: an exchange with nothing new, one
// with ten changes of another tablet, and the opening of its store.
func (b *bench) large(ctx context.Context) error {
	n := b.size(largeRecords)
	folder := filepath.Join(b.folder, "large")
	return survey(ctx, filepath.Join(folder, "server"), true, func(c *central, d diagnostic) (err error) {
		b.say("large: %d observations are made on the server", n)
		if err := c.fill(ctx, d, largeAuthors, n); err != nil {
			return err
		}
		b.say("large: a tablet pulls them")
		t, err := c.enrol(ctx, filepath.Join(folder, "tablet"), "large", seal.Params{}, nil, d)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, t.Close()) }()
		start := time.Now()
		if _, err := t.Sync(ctx); err != nil {
			return err
		}
		pulled := detail{"first_pull_seconds", time.Since(start).Seconds()}
		if err := b.idle(ctx, c, t, "idle_100000", n, pulled); err != nil {
			return err
		}
		if err := b.tenChanges(ctx, c, d, t, n); err != nil {
			return err
		}
		if err := t.Close(); err != nil {
			return err
		}
		return b.opening(ctx, t, n)
	})
}

// fill lets authors write count observations together.
func (c *central) fill(ctx context.Context, d diagnostic, authors, count int) error {
	keeper, err := newKeeper()
	if err != nil {
		return err
	}
	f, err := c.fabricationOf(d, keeper, fabricated)
	if err != nil {
		return err
	}
	var made atomic.Int64
	return share(authors, func(i int) error {
		a, err := c.enrolAuthor(ctx, i, d)
		if err != nil {
			return err
		}
		return f.write(ctx, a, count/authors, &made)
	})
}

// tenChanges measures the pull of ten changes that another replica has pushed meanwhile, some times over.
func (b *bench) tenChanges(ctx context.Context, c *central, d diagnostic, t *tablet, n int) error {
	keeper, err := newKeeper()
	if err != nil {
		return err
	}
	f, err := c.fabricationOf(d, keeper, fewChanges)
	if err != nil {
		return err
	}
	other, err := c.enrolAuthor(ctx, largeAuthors, d)
	if err != nil {
		return err
	}
	if _, err := t.Sync(ctx); err != nil { // brings the other's grant
		return err
	}
	var times []time.Duration
	var up, down int64
	rounds := 0
	for range tenTries {
		if err := f.write(ctx, other, fewChanges, new(atomic.Int64)); err != nil {
			return err
		}
		c.meter.settle()
		start := time.Now()
		r, err := t.Sync(ctx)
		times = append(times, time.Since(start))
		if err != nil {
			return err
		}
		if r.Received != fewChanges {
			return fmt.Errorf("%d of %d changes came", r.Received, fewChanges)
		}
		moreUp, moreDown := c.meter.settle()
		up, down, rounds = up+moreUp, down+moreDown, rounds+r.RoundTrips
	}
	return b.report(figure{"ten_changes", float64(up+down) / tenTries, "bytes", 0, []detail{
		{"up", float64(up) / tenTries},
		{"down", float64(down) / tenTries},
		{"ms", milliseconds(median(times))},
		{"round_trips", float64(rounds) / tenTries},
		{"records", n},
	}})
}

// opening measures the opening of a tablet's store by a process of its own, with the file in the system's cache. The derivation of the key
// from the passphrase is part of it, with the costs that a new tablet gets, and is told apart too.
func (b *bench) opening(ctx context.Context, t *tablet, n int) error {
	b.say("open: %d openings", openTries)
	var seconds, derivation, look []time.Duration
	memory, afterwards := 0.0, 0.0
	for range openTries {
		raw, err := child(ctx, childOpen, t.folder)
		if err != nil {
			return err
		}
		var o opened
		if err := json.Unmarshal(raw, &o); err != nil {
			return err
		}
		if o.Records < n {
			return fmt.Errorf("the tablet holds %d of %d records", o.Records, n)
		}
		seconds, derivation, look = append(seconds, o.Took), append(derivation, o.Derivation), append(look, o.Look)
		memory, afterwards = max(memory, o.Memory), max(afterwards, o.Afterwards)
	}
	return b.report(figure{"open_tablet", median(seconds).Seconds(), "s", 0, []detail{
		{"records", n},
		{"derivation_seconds", median(derivation).Seconds()},
		{"rss_anon_mib", memory},
		{"first_screens_ms", milliseconds(median(look))},
		{"rss_anon_after_first_screens_mib", afterwards},
	}})
}

// opened is what a process that opened a tablet tells.
type opened struct {
	Took, Derivation   time.Duration
	Look               time.Duration // at the first screens
	Memory, Afterwards float64       // RssAnon in MiB, when the tablet is open and after a screen of records was read
	Records            int
}

// openTablet opens a tablet's folder and tells what that took.
func openTablet(ctx context.Context, folder string) (o opened, err error) {
	start := time.Now()
	c, err := clientsdk.Open(ctx, folder, clientsdk.Options{Passphrase: []byte(passphrase)})
	o.Took = time.Since(start)
	if err != nil {
		return o, err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	if o.Memory, err = anonymousMemory(); err != nil {
		return o, err
	}
	start = time.Now()
	err = o.look(ctx, c)
	if o.Look = time.Since(start); err != nil {
		return o, err
	}
	if o.Afterwards, err = anonymousMemory(); err != nil {
		return o, err
	}
	start = time.Now()
	_, _, err = seal.New([]byte(passphrase), seal.Params{}, nil)
	o.Derivation = time.Since(start)
	return o, err
}

// look reads what the first screens show: what there is, and fifty records.
func (o *opened) look(ctx context.Context, c *clientsdk.Client) error {
	list, err := c.Ledgers(ctx)
	if err != nil {
		return err
	}
	for _, l := range list {
		o.Records += l.Records
		left := 50
		err := c.Records(ctx, l.ID, ledger.Filter{Kind: schemas.Observation}, nil, func(r *clientsdk.Record) (bool, error) {
			r.Document()
			left--
			return left > 0, nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}
