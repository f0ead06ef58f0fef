package backup

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/arpenteur/arpenteur/schemas"
	"github.com/arpenteur/arpenteur/server/photos"
	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/ledger"
	"github.com/arpenteur/arpenteur/syncengine/store"
	"github.com/arpenteur/arpenteur/syncengine/store/boltstore"
)

// progressEvery is after how many photos progress is told.
const progressEvery = 100

// Find returns the path, without ending, of the backup that from names: one of its files, or the newest in a folder.
func Find(from string) (string, error) {
	info, err := os.Stat(from)
	if err != nil {
		return "", err
	}
	if !info.IsDir() {
		for _, suffix := range []string{manifestSuffix, storeSuffix, photosSuffix} {
			if path, ok := strings.CutSuffix(from, suffix); ok {
				return path, nil
			}
		}
		return "", fmt.Errorf("%w: %s is no file of one", ErrNone, from)
	}
	list, broken, err := List(from)
	if err != nil {
		return "", err
	}
	if len(list) == 0 {
		return "", fmt.Errorf("%w: %s (%d manifests can't be read)", ErrNone, from, len(broken))
	}
	return filepath.Join(from, list[0].Name), nil
}

// Verify reads all of a backup, which from names as for Find, and returns its manifest if it is what that says, and what was signed. It changes
// nothing.
func Verify(ctx context.Context, from string, progress func(Progress)) (*Manifest, error) {
	path, m, err := open(from)
	if err != nil {
		return nil, err
	}
	if err := m.File.check(path + storeSuffix); err != nil {
		return nil, err
	}
	progress(Progress{Hashing, m.File.Size, m.File.Size})
	if err := m.Photos.check(path + photosSuffix); err != nil {
		return nil, err
	}
	if err := verifyStore(ctx, path+storeSuffix, progress); err != nil {
		return nil, err
	}
	blobs, n := photos.ReadDir(filepath.Join(filepath.Dir(path), photosFolder)), 0
	err = eachPhoto(path, func(key string, size int64) error {
		if n++; n%progressEvery == 0 {
			progress(Progress{TakingPhoto, int64(n), int64(m.Photos.Count)})
		}
		return checkPhoto(ctx, blobs, key, size)
	})
	return m, err
}

// open finds a backup and reads its manifest.
func open(from string) (path string, m *Manifest, err error) {
	if path, err = Find(from); err != nil {
		return "", nil, err
	}
	m, err = readManifest(path)
	if errors.Is(err, os.ErrNotExist) {
		err = fmt.Errorf("%w: %s has no manifest, so it may be half a one", ErrNone, path)
	}
	return path, m, err
}

// withCopy opens a copy of a store for as long as fn runs. check reads all of its pages.
func withCopy(path string, fn func(s store.Store, check func(context.Context) error) error) (err error) {
	file, err := boltstore.Open(path, boltstore.Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	return fn(file, file.Check)
}

// verifyStore reads every page, chain, head and merged record of a copy.
func verifyStore(ctx context.Context, path string, progress func(Progress)) error {
	return withCopy(path, func(s store.Store, check func(context.Context) error) error {
		if err := check(ctx); err != nil {
			return err
		}
		return s.View(ctx, func(r store.Reader) error {
			_, err := verifyLedgers(ctx, r, progress)
			return err
		})
	})
}

// verifyLedgers verifies the ledgers that r holds, and says what they are. The first fault is the error.
func verifyLedgers(ctx context.Context, r store.Reader, progress func(Progress)) ([]Ledger, error) {
	registry, err := schemas.NewRegistry()
	if err != nil {
		return nil, err
	}
	keeper := ledger.NewKeeper(func(id syncengine.VersionID, content []byte) (*syncengine.Checklist, error) {
		version, err := registry.Compile(id, content)
		if err != nil {
			return nil, err
		}
		return version.Checklist, nil
	})
	var first error
	_, err = ledger.VerifyStore(ctx, r, keeper, func(f *ledger.Fault) {
		if first == nil {
			first = fmt.Errorf("%w: %w", ErrDamaged, f)
		}
	}, func(c ledger.Checked) { progress(Progress{Stage: Verifying, Done: int64(c.Lines + c.Records)}) })
	if err = errors.Join(first, err); err != nil {
		return nil, err
	}
	list := []Ledger{}
	return list, r.Ledgers(func(id syncengine.LedgerID) (bool, error) {
		l, err := describe(r, keeper, id)
		if errors.Is(err, ledger.ErrUnknownLedger) {
			return true, nil
		}
		list = append(list, l)
		return true, err
	})
}

// describe says what is held of a ledger.
func describe(r store.Reader, keeper *ledger.Keeper, id syncengine.LedgerID) (out Ledger, err error) {
	l, err := keeper.View(r, id)
	if err != nil {
		return out, err
	}
	progress, err := ledger.ReadProgress(r, id)
	if err != nil {
		return out, err
	}
	point, err := l.Point()
	if err != nil {
		return out, err
	}
	heads, err := l.Heads(point.Replica)
	if err != nil {
		return out, err
	}
	out = Ledger{Ledger: id, Version: progress.Version, Authority: point.Replica, Seq: point.Seq}
	if len(heads) > 0 {
		out.Chain = heads[0].Chain
	}
	out.arrived, err = photos.Arrived(r, id)
	return out, err
}
