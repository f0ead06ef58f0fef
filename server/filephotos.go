package server

import (
	"bytes"
	"context"
	"errors"

	"github.com/arpenteur/arpenteur/server/photos"
	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/store"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// filePhotos takes the photos of a file, one after the other. Only those that a held change refers to are taken; one that is barred, or not
// what its name says, is remarked and holds back no other (law L6). A part that a cut file brought waits for the rest in another.
type filePhotos struct {
	s       *Server
	remark  func(*wire.Remark)
	arrived map[syncengine.LedgerID]int // photos that became whole

	name wire.PhotoName // whose pieces come
	at   int64          // bytes of it that are here; passedOver where no more of them is wanted
}

// passedOver stands for the offset of a photo of which no more is taken.
const passedOver = -1

// take takes the next piece. The lines of the section before it must be committed.
func (t *filePhotos) take(ctx context.Context, f *wire.PhotoPiece) error {
	upload := photos.Upload{PhotoName: wire.PhotoName{Ledger: f.Ledger, Hash: f.Hash}} // of no replica: whoever exported it
	if upload.PhotoName != t.name {
		t.name = upload.PhotoName
		var err error
		if t.at, err = t.begin(ctx, upload); err != nil {
			return t.refused(err)
		}
	}
	offset, size := int64(f.Offset), int64(f.Size) //nolint:gosec // at most MaxPhotoBytes
	end := offset + int64(len(f.Data))
	if t.at == passedOver || end <= t.at {
		return nil
	}
	if offset > t.at {
		t.at = passedOver
		return nil
	}
	part := photos.Part{Offset: t.at, Length: size, Complete: end == size}
	got, err := t.s.photos.Receive(ctx, upload, part, bytes.NewReader(f.Data[t.at-offset:]), func() {})
	if err != nil {
		return t.refused(err)
	}
	if t.at = got.Offset; got.State.Held() {
		t.at = passedOver
	}
	if got.Fresh {
		t.arrived[f.Ledger]++
	}
	return nil
}

// begin returns how much of a photo is here, passedOver where it is whole or nothing refers to it.
func (t *filePhotos) begin(ctx context.Context, u photos.Upload) (at int64, err error) {
	archive, err := t.s.archive()
	if err != nil {
		return passedOver, err
	}
	var kinds map[syncengine.Kind]bool
	var state photos.State
	err = t.s.Store.View(ctx, func(r store.Reader) (err error) {
		if kinds, err = photos.Kinds(r, u.PhotoName); err == nil {
			state, err = photos.Find(r, u.PhotoName)
		}
		return err
	})
	if err != nil || state.Held() || len(kinds) == 0 {
		return passedOver, err
	}
	return archive.Offset(ctx, u)
}

// refused remarks why a photo is not taken. An error that is no refusal is the server's own.
func (t *filePhotos) refused(err error) error {
	t.at = passedOver
	var p *wire.Problem
	if !errors.As(err, &p) {
		return err
	}
	t.remark(&wire.Remark{Code: p.Code, Detail: p.Detail, Ledger: t.name.Ledger})
	return nil
}
