package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/arpenteur/arpenteur/server"
	"github.com/arpenteur/arpenteur/server/backup"
	"github.com/arpenteur/arpenteur/server/photos"
	"github.com/arpenteur/arpenteur/syncengine/store"
	"github.com/arpenteur/arpenteur/syncengine/store/boltstore"
)

// restoreOptions are the flags of `arpenteur restore`.
type restoreOptions struct {
	from, data string
	replace    bool
}

// restoredView is what a script is told of a restore.
type restoredView struct {
	*backup.Restored
	KeyMissing bool `json:"key_missing"`
}

// restoreCommand is `arpenteur restore`.
func (p *program) restoreCommand() *cobra.Command {
	var o restoreOptions
	c := p.command("restore", 0, func(ctx context.Context, _ []string) error { return p.restore(ctx, o) })
	f := c.Flags()
	f.StringVar(&o.from, "from", "", p.say.Say("restore.flag.from"))
	f.StringVar(&o.data, "data", "", p.say.Say("flag.data"))
	f.BoolVar(&o.replace, "replace", false, p.say.Say("restore.flag.replace"))
	return c
}

// restore puts the store and the photos of a backup into a data folder. The authority's keys are never touched: they are in no backup.
func (p *program) restore(ctx context.Context, o restoreOptions) error {
	if err := need(o.from, "from", "–"); err != nil {
		return err
	}
	o.data = p.setting(o.data, "ARPENTEUR_DATA")
	if err := need(o.data, "data", "ARPENTEUR_DATA"); err != nil {
		return err
	}
	if err := os.MkdirAll(o.data, 0o700); err != nil {
		return err
	}
	blobs, err := photos.OpenDir(filepath.Join(o.data, photoFolder), 0)
	if err != nil {
		return err
	}
	line := p.progress()
	defer line.end()
	out, err := backup.Restore(ctx, backup.RestoreOptions{
		From: o.from, Store: filepath.Join(o.data, storeFile), Photos: blobs, Replace: o.replace, Now: time.Now,
		Mark: func(ctx context.Context, s *boltstore.Store, from string) error {
			return server.MarkRestored(ctx, s, from, time.Now())
		},
		Progress: func(at backup.Progress) {
			p.showProgress(line, at)
		},
	})
	line.end()
	switch {
	case errors.Is(err, backup.ErrOccupied):
		return failed(classStore, "restore.occupied", "data", o.data).because(err)
	case errors.Is(err, store.ErrLocked):
		return failed(classStore, "serve.locked", "data", o.data).because(err)
	case err != nil:
		return err
	}
	return p.tellRestored(o, out)
}

// tellRestored says what was restored and what comes next.
func (p *program) tellRestored(o restoreOptions, out *backup.Restored) error {
	_, err := os.Stat(filepath.Join(o.data, secretFile))
	missing := errors.Is(err, os.ErrNotExist)
	text := []string{p.say.Say("restore.done",
		"name", out.Name, "at", stamp(out.Made), "ledgers", len(out.Ledgers), "photos", out.Manifest.Photos.Count, "new", out.Photos)}
	if out.Aside != "" {
		text = append(text, p.say.Say("restore.aside", "path", out.Aside))
	}
	if missing {
		text = append(text, p.say.Say("restore.no_key", "path", filepath.Join(o.data, secretFile)))
	}
	text = append(text, p.say.Say("restore.next", "data", o.data))
	return p.show(restoredView{out, missing}, strings.Join(text, "\n"))
}

// verifyBackup reads all of a backup and says whether it is what was made.
func (p *program) verifyBackup(ctx context.Context, from string) error {
	line := p.progress()
	defer line.end()
	m, err := backup.Verify(ctx, from, func(at backup.Progress) { p.showProgress(line, at) })
	line.end()
	if err != nil {
		return err
	}
	return p.show(m, p.say.Say("verify.backup", "name", m.Name, "at", stamp(m.Made), "ledgers", len(m.Ledgers), "photos", m.Photos.Count))
}
