package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"go.etcd.io/bbolt"

	"github.com/arpenteur/arpenteur/syncengine"
)

// How often a tap and a commit are measured.
const (
	tapTries    = 2000
	commitTries = 400
)

// capture measures what a person waits for: a tap on an answer, and the saving of an observation. Each real step is followed by the bare
// one, so that a disk that is slow for a while is slow for both.
func (b *bench) capture(ctx context.Context) error {
	folder := filepath.Join(b.folder, "capture")
	return survey(ctx, filepath.Join(folder, "server"), true, func(c *central, d diagnostic) (err error) {
		t, err := c.newTablet(ctx, filepath.Join(folder, "tablet"), "tap", nil, d)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, t.Close()) }()
		if err := b.taps(ctx, t, d); err != nil {
			return err
		}
		return b.commits(ctx, t, d)
	})
}

// taps measures Draft.Set, durable when it returns. The limit is a write of as many bytes at the end of a file, and fdatasync.
func (b *bench) taps(ctx context.Context, t *tablet, d diagnostic) (err error) {
	n := b.size(tapTries)
	b.say("tap: %d taps", n)
	draft, err := t.NewRecord(ctx, d.Ledger, lineage)
	if err != nil {
		return err
	}
	journal := filepath.Join(t.folder, "drafts.journal")
	before, err := os.Stat(journal)
	if err != nil {
		return err
	}
	file, err := os.Create(filepath.Join(b.folder, "taps"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	var real, bare []time.Duration
	size := int64(200) // of the first bare write; then what a tap turned out to take
	entry := make([]byte, 64<<10)
	for i := range n {
		path := syncengine.Path("/" + points[i%len(points)] + "/rating")
		start := time.Now()
		if err := draft.Set(path, ratings[i%len(ratings)]); err != nil {
			return err
		}
		real = append(real, time.Since(start))
		if i == 0 {
			after, err := os.Stat(journal)
			if err != nil {
				return err
			}
			size = after.Size() - before.Size()
		}
		start = time.Now()
		if _, err := file.Write(entry[:size]); err != nil {
			return err
		}
		if err := datasync(file); err != nil {
			return err
		}
		bare = append(bare, time.Since(start))
	}
	if err := draft.Discard(); err != nil {
		return err
	}
	return b.report(figure{"tap", microseconds(median(real)), "µs", microseconds(median(bare)), []detail{{"n", n}, {"bytes", size}}})
}

// commits measures Draft.Commit of an observation of eight answers and a note, durable when it returns. The limit is one commit of bbolt
// that puts as many entries of the same sizes, at new keys.
func (b *bench) commits(ctx context.Context, t *tablet, d diagnostic) (err error) {
	n := b.size(commitTries)
	b.say("commit: %d observations", n)
	w := newWriter(7, t.account)
	entries, err := b.growth(ctx, t, d, w)
	if err != nil {
		return err
	}
	db, err := bbolt.Open(filepath.Join(b.folder, "commits.db"), 0o600, &bbolt.Options{FreelistType: bbolt.FreelistMapType, NoStatistics: true})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	var real, bare []time.Duration
	for range n {
		draft, err := t.NewRecord(ctx, d.Ledger, lineage)
		if err != nil {
			return err
		}
		if err := draft.SetAll(w.observation()); err != nil {
			return err
		}
		start := time.Now()
		saved, err := draft.Commit(ctx)
		if err != nil {
			return err
		}
		real = append(real, time.Since(start))
		if saved.Verdict.Status != syncengine.Effective {
			return fmt.Errorf("an observation is not effective: %+v", saved.Verdict)
		}
		for i := range entries { // other keys of the same length
			if _, err := w.Read(entries[i].key); err != nil {
				return err
			}
		}
		start = time.Now()
		if err := putBare(db, entries); err != nil {
			return err
		}
		bare = append(bare, time.Since(start))
	}
	size := 0
	for i := range entries {
		size += len(entries[i].key) + len(entries[i].value)
	}
	return b.report(figure{"commit", microseconds(median(real)), "µs", microseconds(median(bare)), []detail{
		{"n", n}, {"bytes", size}, {"puts", len(entries)},
	}})
}

// growth returns what one further observation adds to a tablet's store. The tablet is closed for a moment to look.
func (b *bench) growth(ctx context.Context, t *tablet, d diagnostic, w *writer) ([]entry, error) {
	if _, err := t.capture(ctx, d.Ledger, w.observation()); err != nil {
		return nil, err
	}
	var held [2]content
	for i := range held {
		if err := t.Close(); err != nil {
			return nil, err
		}
		var err error
		if held[i], _, err = tabletContent(t.folder); err != nil {
			return nil, err
		}
		if err := t.reopen(ctx); err != nil {
			return nil, err
		}
		if i > 0 {
			break
		}
		if _, err := t.capture(ctx, d.Ledger, w.observation()); err != nil {
			return nil, err
		}
	}
	return held[1].since(held[0]), nil
}
