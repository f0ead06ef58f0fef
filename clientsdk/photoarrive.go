package clientsdk

import (
	"context"
	"errors"

	"github.com/arpenteur/arpenteur/syncengine/ledger"
	"github.com/arpenteur/arpenteur/syncengine/store"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// photoTaker keeps the photos that come in frames, from another tablet or a file, one after the other. One that is not wanted, or not
// what it is said to be, is passed over and holds back no other (law L6).
type photoTaker struct {
	a       *applier
	name    wire.PhotoName // whose pieces come
	current *arrivingPhoto // nil where they are passed over
}

// take takes the next piece. What it belongs to must be kept before.
func (t *photoTaker) take(ctx context.Context, f *wire.PhotoPiece) error {
	if name := (wire.PhotoName{Ledger: f.Ledger, Hash: f.Hash}); name != t.name {
		if err := t.pause(); err != nil {
			return err
		}
		t.name = name
		if err := t.begin(ctx, int64(f.Size)); err != nil { //nolint:gosec // at most MaxPhotoBytes
			return err
		}
	}
	if t.current == nil {
		return nil
	}
	at := uint64(t.current.offset())                       //nolint:gosec // at most MaxPhotoBytes
	if f.Size != uint64(t.current.size) || f.Offset > at { //nolint:gosec // likewise
		return t.pause()
	}
	if end := f.Offset + uint64(len(f.Data)); end <= at {
		return nil
	}
	if _, err := t.current.Write(f.Data[at-f.Offset:]); err != nil {
		return errors.Join(err, t.pause())
	}
	if t.current.offset() < t.current.size {
		return nil
	}
	whole := t.current
	t.current = nil
	return t.finish(ctx, whole)
}

// begin takes up a photo where it is wanted from others, by one who may read its ledger.
func (t *photoTaker) begin(ctx context.Context, size int64) (err error) {
	if t.a.accepts != nil && !t.a.accepts(t.name.Ledger) {
		return nil
	}
	may := false
	err = t.a.c.store.View(ctx, func(r store.Reader) error {
		l, err := t.a.c.keeper.View(r, t.name.Ledger)
		if errors.Is(err, ledger.ErrUnknownLedger) {
			return nil
		}
		may = err == nil && t.a.c.granted(t.a.id, l)
		return err
	})
	if err != nil || !may {
		return err
	}
	t.current, err = t.a.c.receivePhoto(ctx, t.name, size)
	if errors.Is(err, ErrNoPhoto) {
		t.current, err = nil, nil
	}
	return err
}

func (t *photoTaker) finish(ctx context.Context, whole *arrivingPhoto) error {
	err := whole.finish(ctx)
	var p *wire.Problem
	switch {
	case errors.As(err, &p):
		t.a.report.remark(wire.Remark{Code: p.Code, Detail: p.Detail, Ledger: t.name.Ledger})
		return nil
	case err != nil:
		return err
	}
	t.a.report.PhotosArrived++
	t.a.touched[t.name.Ledger] = true
	return nil
}

// pause keeps what came of a photo that is not whole, for the next time.
func (t *photoTaker) pause() error {
	if t.current == nil {
		return nil
	}
	defer func() { t.current = nil }()
	return t.current.pause()
}
