package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync"

	"github.com/arpenteur/arpenteur/clientsdk"
	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/store/seal"
)

// passphrase opens every tablet here.
const passphrase = "une phrase pour mesurer"

// quickSeal makes passphrases cheap where the opening of a tablet is not what is measured.
var quickSeal = seal.Params{Time: 1, Memory: 64, Threads: 1}

// tablet is a client and the folder that it keeps its data in.
type tablet struct {
	*clientsdk.Client
	folder  string
	account syncengine.AccountID
	o       clientsdk.Options
}

// enrol opens a new tablet and enrols it in some diagnostics. hand is its HTTP client, nil for the tablet's own.
func (c *central) enrol(ctx context.Context, folder, name string, cost seal.Params, hand *http.Client, list ...diagnostic) (*tablet, error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, err
	}
	t := &tablet{
		folder: folder, account: syncengine.AccountID("c-" + name),
		o: clientsdk.Options{Passphrase: []byte(passphrase), Cost: cost, HTTP: hand},
	}
	var err error
	if t.Client, err = clientsdk.Open(ctx, folder, t.o); err != nil {
		return nil, err
	}
	ticket, err := c.ticket(ctx, t.account, list...)
	if err == nil {
		err = t.Enrol(ctx, ticket, name)
	}
	if err != nil {
		return nil, errors.Join(err, t.Close())
	}
	return t, nil
}

// newTablet enrols a tablet and brings it up to date.
func (c *central) newTablet(ctx context.Context, folder, name string, hand *http.Client, list ...diagnostic) (*tablet, error) {
	t, err := c.enrol(ctx, folder, name, quickSeal, hand, list...)
	if err != nil {
		return nil, err
	}
	if _, err := t.Sync(ctx); err != nil {
		return nil, errors.Join(err, t.Close())
	}
	return t, nil
}

// reopen opens a tablet that was closed.
func (t *tablet) reopen(ctx context.Context) (err error) {
	t.Client, err = clientsdk.Open(ctx, t.folder, t.o)
	return err
}

// capture commits one observation.
func (t *tablet) capture(ctx context.Context, id syncengine.LedgerID, values map[syncengine.Path]any) (clientsdk.Saved, error) {
	d, err := t.NewRecord(ctx, id, lineage)
	if err != nil {
		return clientsdk.Saved{}, err
	}
	if err := d.SetAll(values); err != nil {
		return clientsdk.Saved{}, err
	}
	saved, err := d.Commit(ctx)
	if err == nil && (saved.Verdict.Status != syncengine.Effective || len(saved.Violations) > 0) {
		err = fmt.Errorf("an observation that should be clean has verdict %+v and violations %v", saved.Verdict, saved.Violations)
	}
	return saved, err
}

// fleet enrols count tablets, each in a folder of its own below folder.
func (c *central) fleet(ctx context.Context, folder string, count int, hand *http.Client, d diagnostic) ([]*tablet, error) {
	tablets := make([]*tablet, count)
	err := together(count, func(i int) (err error) {
		name := fmt.Sprintf("t%02d", i+1)
		tablets[i], err = c.newTablet(ctx, filepath.Join(folder, name), name, hand, d)
		return err
	})
	return tablets, err
}

// together runs fn for 0 to count-1, all at once, and returns what failed.
func together(count int, fn func(i int) error) error {
	failed := make([]error, count)
	var all sync.WaitGroup
	for i := range count {
		all.Go(func() { failed[i] = fn(i) })
	}
	all.Wait()
	return errors.Join(failed...)
}

// closeAll closes tablets.
func closeAll(tablets []*tablet) error {
	var failed error
	for _, t := range tablets {
		if t != nil {
			failed = errors.Join(failed, t.Close())
		}
	}
	return failed
}
