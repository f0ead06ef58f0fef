package backup

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/google/uuid"

	"github.com/arpenteur/arpenteur/server/photos"
	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/store"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// Source is a store that can be copied while it is in use. boltstore has one.
type Source interface {
	store.Store
	// ID returns the store's id, which copies keep.
	ID() uuid.UUID
	// Copy writes what the store holds at one moment to a new file, durably, and without anything that was deleted before.
	Copy(ctx context.Context, path string, progress func(done, total int64)) error
}

// Stage is a part of the work.
type Stage string

// The stages, in their order.
const (
	Copying     Stage = "copy"
	Verifying   Stage = "verify"
	TakingPhoto Stage = "photos"
	Hashing     Stage = "hash"
)

// Progress is how far the work is: bytes when copying, else things.
type Progress struct {
	Stage Stage `json:"stage"`
	Done  int64 `json:"done"`
	Total int64 `json:"total,omitempty"` // 0 where it is not known
}

// Options are what a backup is made of.
type Options struct {
	Store   Source
	Photos  photos.Store // nil where there are none
	Folder  string       // made where it is not there
	Root    wire.PublicKey
	Program string // version, for people who look into the manifest
	Retention
	Now func() time.Time

	// Redacted returns when the last redaction that r holds was made, 0 where none was.
	Redacted func(r store.Reader) (int64, error)
	// Saved is called, once the backup counts, for each ledger with the arrival up to which its photos are in it.
	Saved func(ctx context.Context, ledger syncengine.LedgerID, arrival uint64) error
	// Progress, unless it is nil, is told now and then.
	Progress func(Progress)
}

// Result is what a run has made.
type Result struct {
	Manifest
	Seconds   float64  `json:"seconds"`
	Verified  float64  `json:"verify_seconds"` // of them, for reading everything again
	NewPhotos int      `json:"new_photos"`     // copied; the others were there
	Removed   []string `json:"removed"`        // backups that are kept no longer
}

// run is one on its way.
type run struct {
	Options
	m        Manifest
	blobs    *photos.Dir // of the folder
	begun    time.Time
	verified time.Duration
	copied   int // photos
}

// Run makes a backup and verifies it. When it returns nil the backup counts, and receipts say so from then on. Where it returns an error with
// a result, the backup counts but something behind it failed: old backups may not have been removed. Where it returns no result nothing counts,
// and the next run sweeps what is left.
func Run(ctx context.Context, o Options) (*Result, error) {
	r := &run{Options: o, begun: o.Now()}
	if r.Progress == nil {
		r.Progress = func(Progress) {}
	}
	if err := r.prepare(ctx); err != nil {
		return nil, err
	}
	if err := r.make(ctx); err != nil {
		return nil, errors.Join(err, sweep(o.Folder))
	}
	out := &Result{Manifest: r.m, Seconds: r.Now().Sub(r.begun).Seconds(), Verified: r.verified.Seconds(), NewPhotos: r.copied, Removed: []string{}}
	if err := r.count(ctx); err != nil {
		return nil, err
	}
	err := r.retain(ctx, out)
	return out, err
}

// prepare makes the folder, sweeps it, and sees to whom it belongs.
func (r *run) prepare(ctx context.Context) error {
	if err := os.MkdirAll(r.Folder, 0o700); err != nil {
		return err
	}
	list, _, err := List(r.Folder)
	if err != nil {
		return err
	}
	for _, m := range list {
		if m.Root != r.Root {
			return fmt.Errorf("%w: %s", ErrOthers, m.Name)
		}
	}
	if err := sweep(r.Folder); err != nil {
		return err
	}
	if r.blobs, err = photos.OpenDir(filepath.Join(r.Folder, photosFolder), 0); err != nil {
		return err
	}
	if own, ok := r.Photos.(*photos.Dir); ok && own.Same(r.blobs) {
		return fmt.Errorf("%w: %s", ErrOwn, r.Folder)
	}
	var newest Watermark
	err = r.Store.View(ctx, func(reader store.Reader) (err error) {
		newest, err = Newest(reader)
		return err
	})
	made := r.begun
	if len(list) > 0 && made.UnixMilli() <= list[0].Made { // a clock that was set back must not make an old backup the newest
		made = time.UnixMilli(list[0].Made + 1)
	}
	r.m = Manifest{
		Format: format, Name: namePrefix + made.UTC().Format(nameTime), Made: made.UnixMilli(), Program: r.Program,
		Number: newest.Number + 1, Store: r.Store.ID(), Root: r.Root,
	}
	return err
}

// path returns the path of one of the backup's files.
func (r *run) path(suffix string) string { return filepath.Join(r.Folder, r.m.Name+suffix) }

// make makes the backup's files, reads them again, and writes the manifest.
func (r *run) make(ctx context.Context) error {
	err := r.Store.Copy(ctx, r.path(storeSuffix+partSuffix), func(done, total int64) { r.Progress(Progress{Copying, done, total}) })
	if err != nil {
		return err
	}
	if err := r.verify(ctx); err != nil {
		return err
	}
	start := r.Now()
	for _, part := range []struct {
		suffix string
		into   *File
	}{{storeSuffix, &r.m.File}, {photosSuffix, &r.m.Photos.File}} {
		if *part.into, err = fileAt(r.path(part.suffix + partSuffix)); err != nil {
			return err
		}
		if err := publish(r.Folder, r.m.Name+part.suffix); err != nil {
			return err
		}
		r.Progress(Progress{Hashing, part.into.Size, part.into.Size})
	}
	r.verified += r.Now().Sub(start)
	return r.m.write(r.Folder)
}

// verify reads the copy, notes what the manifest says of it, and copies the photos that it names.
func (r *run) verify(ctx context.Context) error {
	return withCopy(r.path(storeSuffix+partSuffix), func(s store.Store, check func(context.Context) error) error {
		start := r.Now()
		if err := check(ctx); err != nil {
			return err
		}
		err := s.View(ctx, func(reader store.Reader) (err error) {
			if r.m.Redacted, err = r.Redacted(reader); err != nil {
				return err
			}
			r.m.Ledgers, err = verifyLedgers(ctx, reader, r.Progress)
			return err
		})
		if err != nil {
			return err
		}
		r.verified += r.Now().Sub(start)
		return s.View(ctx, func(reader store.Reader) error { return r.takePhotos(ctx, reader) })
	})
}

// count writes the watermark: from now on the backup counts.
func (r *run) count(ctx context.Context) error {
	versions := make(map[syncengine.LedgerID]uint64, len(r.m.Ledgers))
	for _, l := range r.m.Ledgers {
		versions[l.Ledger] = l.Version
	}
	took := r.Now().Sub(r.begun)
	mark := Watermark{Number: r.m.Number, Made: r.begun.UnixMilli(), Name: r.m.Name, Bytes: r.m.bytes(), Seconds: int64((took + time.Second - 1) / time.Second)}
	if err := r.Store.Update(ctx, func(w store.Writer) error { return note(w, mark, versions) }); err != nil {
		return err
	}
	if r.Saved == nil || r.Photos == nil {
		return nil
	}
	for _, l := range r.m.Ledgers {
		if err := r.Saved(ctx, l.Ledger, l.arrived); err != nil {
			return err
		}
	}
	return nil
}

// retain removes the backups that are not to be kept, and the photos that no other names.
func (r *run) retain(ctx context.Context, out *Result) error {
	list, _, err := List(r.Folder)
	if err != nil {
		return err
	}
	for _, old := range r.expired(list) {
		if err := remove(r.Folder, old.Name); err != nil {
			return err
		}
		out.Removed = append(out.Removed, old.Name)
	}
	if len(out.Removed) == 0 {
		return nil
	}
	_, err = prunePhotos(ctx, r.Folder, r.blobs)
	return err
}
