package server

import (
	"context"
	"net/http"
	"time"

	"github.com/gorilla/mux"

	"github.com/arpenteur/arpenteur/schemas"
	"github.com/arpenteur/arpenteur/server/photos"
	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/store"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// sweepEvery is how often photos are put in order.
const sweepEvery = 24 * time.Hour

// namesPhoto is photos.NamesPhoto, by the checklists that this server has read.
func (s *Server) namesPhoto(version syncengine.VersionID, path syncengine.Path) (names, known bool) {
	v := s.compiler.Version(version)
	return v != nil && v.NamesPhoto(path), v != nil
}

// valuesMissing reports whether values of a ledger are missing, which may name photos.
func (s *Server) valuesMissing(r store.Reader, id syncengine.LedgerID) (bool, error) {
	l, err := s.keeper.View(r, id)
	if err != nil {
		return false, err
	}
	wanted, err := l.Wanted(1)
	return len(wanted) > 0, err
}

// SweepPhotos erases what is barred, drops what is too old, and makes the index of photos say what is there. The server does this by itself
// every day while it runs; after photos were restored it is called once.
func (s *Server) SweepPhotos(ctx context.Context) (photos.Swept, error) {
	if s.photos == nil {
		return photos.Swept{}, nil
	}
	return s.photos.Sweep(ctx)
}

// PhotosSaved notes that a verified backup holds the photos of a ledger up to an arrival, which the backup took from photos.Arrived in the
// state of the store that it copied. Receipts say so from then on. It returns how many photos that is news of.
func (s *Server) PhotosSaved(ctx context.Context, ledger syncengine.LedgerID, arrival uint64) (int, error) {
	if s.photos == nil {
		return 0, nil
	}
	return s.photos.Saved(ctx, ledger, arrival)
}

// tidyPhotos is the daily work. What is to be erased is tried again soon where that fails; all else waits for the next day.
func (s *Server) tidyPhotos(ctx context.Context) error {
	if s.photos == nil {
		return nil
	}
	if err := s.photos.Erase(ctx); err != nil {
		s.Log.Error().Err(err).Msg("photos that a ruling erased are still on the disk; it will be tried again")
		return err
	}
	done, err := s.photos.Sweep(ctx)
	if err != nil && ctx.Err() == nil {
		s.Log.Error().Err(err).Msg("photos could not all be put in order; it will be tried again tomorrow")
	}
	if done != (photos.Swept{}) {
		s.Log.Info().Int("partials", done.Partials).Int("loose", done.Loose).Int("lost", done.Lost).Int("found", done.Found).Msg("photos put in order")
	}
	return nil
}

// erasePhotos erases the bytes of photos that were just barred. Where that fails, the background work goes on with it.
func (s *Server) erasePhotos(ctx context.Context) {
	if s.photos == nil {
		return
	}
	if err := s.photos.Erase(context.WithoutCancel(ctx)); err != nil {
		s.Log.Error().Err(err).Msg("photos that a ruling erased are still on the disk; it will be tried again")
		s.janitor.wake()
	}
}

// archive returns where photos are kept.
func (s *Server) archive() (*photos.Archive, error) {
	if s.photos == nil {
		return nil, wire.Problemf(wire.CodeBusy, "this server has no place for photos")
	}
	return s.photos, nil
}

// photoName reads the photo that the address names.
func (c *call) photoName() (p wire.PhotoName, err error) {
	if p.Ledger, err = c.ledgerID(); err != nil {
		return p, err
	}
	h, err := syncengine.ParseHash(mux.Vars(c.Request)["hash"])
	if err != nil || h.IsZero() {
		return p, errNoPhoto(err)
	}
	p.Hash = h
	return p, nil
}

func errNoPhoto(cause error) error {
	return &wire.Problem{Code: wire.CodeNotFound, Detail: "there is no such photo in this ledger", Err: cause}
}

// sendPhoto is GET /v1/ledgers/{ledger}/photos/{hash}: the photo, or with size=thumbnail a small one.
func (s *Server) sendPhoto(c *call) error {
	archive, err := s.archive()
	if err != nil {
		return err
	}
	small := false
	for name, values := range c.URL.Query() {
		if name != "size" || len(values) != 1 || values[0] != "thumbnail" {
			return wire.Problemf(wire.CodeInvalid, "size=thumbnail is the only parameter")
		}
		small = true
	}
	p, err := c.photoName()
	if err != nil {
		return err
	}
	if err := s.Store.View(c.Context(), func(r store.Reader) error { return mayFetch(r, c, p) }); err != nil {
		return err
	}
	open, tag := archive.Open, p.Hash.String()
	if small {
		open, tag = archive.Thumbnail, tag+"-thumbnail"
	}
	b, err := open(c.Context(), p)
	if err != nil {
		return err
	}
	defer b.Close()
	h := c.w.Header()
	h.Set("Content-Type", wire.PhotoMediaType)
	h.Set("ETag", `"`+tag+`"`)
	// Bytes of this name never change, but a ruling may erase them: nobody keeps them for longer than an hour without asking.
	h.Set("Cache-Control", "private, max-age=3600, immutable")
	http.ServeContent(c.w, c.Request, "", time.Time{}, b)
	return nil
}

// mayFetch refuses who may not have a photo: a tablet has it with full access to its ledger, a person who reads a record that refers to it.
func mayFetch(r store.Reader, c *call, p wire.PhotoName) error {
	if c.device != nil {
		a, err := accessOf(r, c.device.Replica, p.Ledger)
		if err == nil && a != wire.AccessFull {
			err = errUnknownLedger(nil)
		}
		return err
	}
	if _, err := reach(r, c.who, p.Ledger); err != nil {
		return err
	}
	kinds, err := photos.Kinds(r, p)
	if err != nil {
		return err
	}
	state, err := photos.Find(r, p)
	if err != nil || state.Barred { // which Open tells
		return err
	}
	for kind := range kinds {
		if schemas.MayRead(c.who.Role, kind) {
			return nil
		}
	}
	return errNoPhoto(nil)
}

// accessOf returns what a replica may have of a ledger, empty where nothing.
func accessOf(r store.Reader, replica syncengine.ReplicaID, ledger syncengine.LedgerID) (wire.Access, error) {
	var a access
	_, err := get(r, spaceAccess, accessKey(replica, ledger), &a)
	return a.Access, err
}
