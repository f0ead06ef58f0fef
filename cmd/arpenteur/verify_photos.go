package main

import (
	"context"

	"github.com/arpenteur/arpenteur/server/photos"
	"github.com/arpenteur/arpenteur/syncengine/store"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// photoVerdict is what a verification found of the photos of a data folder.
type photoVerdict struct {
	Checked    int   `json:"checked"`
	Bytes      int64 `json:"bytes"`
	Unreferred int   `json:"unreferred"` // that no change refers to
	Strays     int   `json:"strays"`     // files that are no photo that is held
}

// photos reads every photo that the store says is held. A folder that is not there is one without photos.
func (v *verifier) photos(ctx context.Context, s store.Store, folder string) error {
	blobs := photos.ReadDir(folder)
	return s.View(ctx, func(r store.Reader) error {
		done, err := photos.Verify(ctx, r, blobs, func(p wire.PhotoName, err error) {
			v.verdict.Faults = append(v.verdict.Faults, fault{Ledger: p.Ledger.String(), Photo: p.Hash.String(), Error: err.Error()})
		}, func(c photos.Checked) { v.at(v.say.Say("verify.photos_progress", "photos", c.Photos)) })
		v.verdict.Photos = &photoVerdict{done.Photos, done.Bytes, done.Unreferred, done.Strays}
		return err
	})
}
