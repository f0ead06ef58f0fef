package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"github.com/arpenteur/arpenteur/clientsdk"
	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/store/seal"
)

// tablet is one consultant's client.
type tablet struct {
	*clientsdk.Client
	day     *day
	folder  string
	account syncengine.AccountID
}

// answers are what a person enters, by path: "/litter/rating" is the rating of the point "litter".
type answers map[syncengine.Path]any

// open opens a folder as a tablet. It is the same for a new one, for one that was in use, and for a copy.
func (t *tablet) open(ctx context.Context) (err error) {
	t.Client, err = clientsdk.Open(ctx, t.folder, clientsdk.Options{
		Passphrase: []byte("une phrase que seule cette personne connaît"),
		Cost:       seal.Params{Time: 1, Memory: 64, Threads: 1}, // leave this out in earnest: the default is made to be costly
		Now:        t.day.now,
	})
	return err
}

// observe fills in a checklist at a place and saves it. Nothing of it needs a network.
func (t *tablet) observe(ctx context.Context, lineage, place string, values answers) (clientsdk.Saved, error) {
	draft, err := t.NewRecord(ctx, t.day.diagnostic.Ledger, lineage)
	if err != nil {
		return clientsdk.Saved{}, err
	}
	return t.save(ctx, draft, answers{
		"/place": t.day.places[place], "/visit": t.day.visit, "/rater": string(t.account),
	}, values)
}

// correct edits an observation as this tablet shows it now, and saves it. What it replaces is what was shown, and nothing else.
func (t *tablet) correct(ctx context.Context, ref clientsdk.Ref, values answers) error {
	draft, err := t.Edit(ctx, ref)
	if err != nil {
		return err
	}
	_, err = t.save(ctx, draft, values)
	return err
}

func (t *tablet) save(ctx context.Context, draft *clientsdk.Draft, entered ...answers) (clientsdk.Saved, error) {
	for _, values := range entered {
		if err := draft.SetAll(values); err != nil {
			return clientsdk.Saved{}, err
		}
	}
	return draft.Commit(ctx)
}

// copyTo copies the folder of a tablet, as a backup of the device would.
func (t *tablet) copyTo(ctx context.Context, folder string) error {
	if err := t.Close(); err != nil {
		return err
	}
	err := os.CopyFS(folder, os.DirFS(t.folder))
	return errors.Join(err, t.open(ctx))
}

// count returns how many observations this tablet shows.
func (t *tablet) count(ctx context.Context) (int, error) {
	shown, err := t.shown(ctx)
	return len(shown), err
}

// newTablet makes a tablet and enrols it for an account.
func (d *day) newTablet(ctx context.Context, account syncengine.AccountID, name string) (*tablet, error) {
	t := &tablet{day: d, folder: filepath.Join(d.folder, name), account: account}
	if err := t.open(ctx); err != nil {
		return nil, err
	}
	d.tablets = append(d.tablets, t)
	return t, d.central.Enrol(ctx, t.Client, account, name, d.diagnostic)
}
