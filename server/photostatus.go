package server

import (
	"context"
	"net/http"

	"github.com/arpenteur/arpenteur/server/photos"
	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/store"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// tellPhotos is POST /v1/photos/status: what there is of each photo that a tablet asks about, in one round trip.
func (s *Server) tellPhotos(c *call) error {
	archive, err := s.archive()
	if err != nil {
		return err
	}
	raw, err := readBody(c.w, c.Request)
	if err != nil {
		return err
	}
	names, err := wire.DecodePhotoQuery(raw)
	if err != nil {
		return err
	}
	var list []wire.PhotoStatus
	err = s.Store.View(c.Context(), func(r store.Reader) error {
		list = make([]wire.PhotoStatus, 0, len(names))
		for _, p := range names {
			one, err := s.tellPhoto(r, c.device.Replica, p)
			if err != nil {
				return err
			}
			list = append(list, one)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := offsets(c.Context(), archive, c.device.Replica, list); err != nil {
		return err
	}
	writeJSON(c.w, http.StatusOK, wire.AppendPhotoAnswer(nil, list))
	return nil
}

// offsets looks how much there is of the photos that are missing.
func offsets(ctx context.Context, archive *photos.Archive, replica syncengine.ReplicaID, list []wire.PhotoStatus) error {
	for i := range list {
		if list[i].State != wire.PhotoMissing {
			continue
		}
		n, err := archive.Offset(ctx, photos.Upload{Replica: replica, PhotoName: list[i].PhotoName})
		if err != nil {
			return err
		}
		list[i].Offset = uint64(n) //nolint:gosec // a size
	}
	return nil
}

// tellPhoto says what there is of one photo, as far as the replica may know.
func (s *Server) tellPhoto(r store.Reader, replica syncengine.ReplicaID, p wire.PhotoName) (wire.PhotoStatus, error) {
	out := wire.PhotoStatus{PhotoName: p, State: wire.PhotoUnknownLedger}
	a, err := accessOf(r, replica, p.Ledger)
	if err != nil || a == "" {
		return out, err
	}
	if a != wire.AccessFull { // it learns of its own photos only: all others are as if nobody had sent them
		own, err := photos.Refers(r, p, replica)
		if err != nil || !own {
			out.State = wire.PhotoMissing
			return out, err
		}
	}
	state, err := photos.Find(r, p)
	if err != nil {
		return out, err
	}
	if out.State = state.Wire(); state.Held() {
		out.Receipt, err = s.photoReceipt(r, p, state)
	}
	return out, err
}

// photoReceipt signs that a photo is held, with the key of the newest incarnation that its ledger knows: tablets know no other.
func (s *Server) photoReceipt(r store.Reader, p wire.PhotoName, state photos.State) (*wire.PhotoReceipt, error) {
	l, err := s.keeper.View(r, p.Ledger)
	if err != nil {
		return nil, err
	}
	pen, _, err := s.signer(l)
	if err != nil {
		return nil, err
	}
	out := &wire.PhotoReceipt{PhotoName: p, Size: uint64(state.Size), BackedUp: state.Saved} //nolint:gosec // a size
	out.Sign(pen.Key)
	return out, nil
}
