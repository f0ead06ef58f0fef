package backup

import (
	"bufio"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/arpenteur/arpenteur/server/photos"
	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/store"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// takePhotos puts every photo that the copy of the store holds into the folder, unless it is there, and lists it. Each is read from the folder
// once, so that the backup counts only with all of them. A photo that was erased since the copy was made is left out.
func (r *run) takePhotos(ctx context.Context, reader store.Reader) error {
	f, err := os.OpenFile(r.path(photosSuffix+partSuffix), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600) //nolint:gosec // the path is the operator's
	if err != nil {
		return err
	}
	list := bufio.NewWriter(f)
	err = reader.Ledgers(func(id syncengine.LedgerID) (bool, error) {
		return true, photos.EachHeld(reader, id, func(p photos.Photo) error {
			there, err := r.takePhoto(ctx, p)
			if err != nil || !there {
				return err
			}
			if r.m.Photos.Count++; r.m.Photos.Count%progressEvery == 0 {
				r.Progress(Progress{Stage: TakingPhoto, Done: int64(r.m.Photos.Count)})
			}
			r.m.Photos.Bytes += p.Size
			_, err = fmt.Fprintf(list, "%s %d\n", photos.Key(p.PhotoName), p.Size)
			return err
		})
	})
	return errors.Join(err, list.Flush(), f.Sync(), f.Close())
}

// takePhoto puts one photo into the folder and reads it there.
func (r *run) takePhoto(ctx context.Context, p photos.Photo) (there bool, err error) {
	key := photos.Key(p.PhotoName)
	err = checkPhoto(ctx, r.blobs, key, p.Size)
	if err == nil {
		return true, nil
	}
	if !errors.Is(err, ErrDamaged) {
		return false, err
	}
	if r.Photos == nil {
		return false, fmt.Errorf("the store names the photo %s, but there is no place for photos", key)
	}
	err = carryPhoto(ctx, r.Photos, r.blobs, key)
	if errors.Is(err, photos.ErrAbsent) {
		var now photos.State
		lookup := r.Store.View(ctx, func(reader store.Reader) (err error) {
			now, err = photos.Find(reader, p.PhotoName)
			return err
		})
		if lookup == nil && !now.Held() {
			return false, nil
		}
	}
	if err != nil {
		return false, fmt.Errorf("photo %s: %w", key, err)
	}
	r.copied++
	return true, checkPhoto(ctx, r.blobs, key, p.Size)
}

// carryPhoto copies a photo from one place to another, durably.
func carryPhoto(ctx context.Context, from, to photos.Store, key string) error {
	blob, err := from.Open(ctx, key)
	if err != nil {
		return err
	}
	defer blob.Close()
	if blob.Size() > wire.MaxPhotoBytes {
		return fmt.Errorf("%w: it has %d bytes", ErrDamaged, blob.Size())
	}
	raw, err := io.ReadAll(io.LimitReader(blob, wire.MaxPhotoBytes))
	if err != nil {
		return err
	}
	part := "part/" + key
	if err := to.Remove(ctx, part); err != nil {
		return err
	}
	if err := to.Append(ctx, part, 0, raw); err != nil {
		return err
	}
	return to.Move(ctx, part, key)
}

// checkPhoto reads a photo and compares it with its name and size. What is wrong or missing is ErrDamaged.
func checkPhoto(ctx context.Context, blobs photos.Store, key string, size int64) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	name, _ := photos.ParseKey(key)
	blob, err := blobs.Open(ctx, key)
	if errors.Is(err, photos.ErrAbsent) {
		return fmt.Errorf("%w: the photo %s is not there", ErrDamaged, key)
	}
	if err != nil {
		return err
	}
	defer blob.Close()
	sum := sha256.New()
	n, err := io.Copy(sum, blob)
	if err == nil && (n != size || syncengine.Hash(sum.Sum(nil)) != name.Hash) {
		err = fmt.Errorf("%w: the photo %s is something else", ErrDamaged, key)
	}
	return err
}
