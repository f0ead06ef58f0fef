package photos

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"

	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/store"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// Checked counts what Verify looked at.
type Checked struct {
	Photos     int   // that are held, each read to its end
	Bytes      int64 // of them
	Unreferred int   // of them, those that no change refers to
	Strays     int   // files that are no photo that is held: left by something that was cut
}

// Verify reads every photo that r says is held and compares it with its name. fault is called for each that is not there or is something else,
// in the order of ledgers and hashes, so that the first bad one is told first; progress after each. It changes nothing.
func Verify(ctx context.Context, r store.Reader, blobs Store, fault func(p wire.PhotoName, err error), progress func(Checked)) (Checked, error) {
	var done Checked
	err := r.Ledgers(func(id syncengine.LedgerID) (bool, error) {
		return true, EachHeld(r, id, func(p Photo) error {
			if err := ctx.Err(); err != nil {
				return err
			}
			n, err := check(ctx, blobs, p)
			if err != nil {
				fault(p.PhotoName, err)
			}
			done.Photos++
			done.Bytes += n
			who, err := refsOf(r, p.PhotoName)
			if err != nil {
				return err
			}
			if !who.any {
				done.Unreferred++
			}
			progress(done)
			return nil
		})
	})
	if err != nil {
		return done, err
	}
	return done, blobs.List(ctx, "", func(i Item) error {
		p, ok := ParseKey(i.Key)
		if !ok {
			return nil // a thumbnail or partial: made again, or swept
		}
		s, err := Find(r, p)
		if err == nil && !s.Held() {
			done.Strays++
		}
		return err
	})
}

// check reads one photo and says what is wrong with it.
func check(ctx context.Context, blobs Store, p Photo) (int64, error) {
	b, err := blobs.Open(ctx, Key(p.PhotoName))
	if errors.Is(err, ErrAbsent) {
		return 0, fmt.Errorf("the file %s is not there", Key(p.PhotoName))
	}
	if err != nil {
		return 0, err
	}
	defer b.Close()
	sum := sha256.New()
	n, err := io.Copy(sum, b)
	switch {
	case err != nil:
		return n, err
	case [sha256.Size]byte(sum.Sum(nil)) != [sha256.Size]byte(p.Hash):
		return n, fmt.Errorf("the file %s has another SHA-256 than its name", Key(p.PhotoName))
	case n != p.Size:
		return n, fmt.Errorf("the file %s has %d bytes, not %d", Key(p.PhotoName), n, p.Size)
	}
	return n, nil
}
