package clientsdk

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/google/uuid"
	"golang.org/x/crypto/chacha20poly1305"

	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/store/seal"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// photoStore is the tablet's folder of photos, all of them sealed files:
//
//	photos/originals/<id>             as the camera wrote it, until somebody has looked it over
//	photos/originals/<id>.discarded   the same, while it is being discarded
//	photos/held/<ledger>/<hash>       looked over, or from another tablet: what may leave this one
//	photos/cache/<ledger>/<hash>      fetched from the server to be shown; may go at any time
//
// What is known of a photo beside its bytes is in the store (photoEntry), written in the transaction of the change that refers to it.
type photoStore struct {
	vault
	root string

	// files is held for reading from before a file is written under held until an entry or a draft names it, and for writing by the
	// sweep, which removes what nothing names.
	files sync.RWMutex
	// looking holds one token: decoding takes much memory, so it is done one picture at a time.
	looking chan struct{}

	mu      sync.Mutex
	waiting map[syncengine.RecordID]*WaitingPhoto
}

const (
	originals       = "originals"
	heldPhotos      = "held"
	cachedPhotos    = "cache"
	discardedSuffix = ".discarded"
)

func openPhotoStore(folder string, key seal.Key, o Options) (*photoStore, error) {
	mac := hmac.New(sha256.New, key[:])
	mac.Write([]byte("arpenteur/1 photos"))
	aead, err := chacha20poly1305.NewX(mac.Sum(nil))
	if err != nil {
		return nil, err
	}
	s := &photoStore{
		vault: vault{aead, o.Rand}, root: filepath.Join(folder, "photos"),
		looking: make(chan struct{}, 1), waiting: map[syncengine.RecordID]*WaitingPhoto{},
	}
	return s, s.folder(filepath.Join(s.root, originals))
}

// folder makes a folder and those above it, durably.
func (s *photoStore) folder(path string) error {
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	if err := os.MkdirAll(path, 0o700); err != nil {
		return fmt.Errorf("save on the tablet: %w", err)
	}
	for p := path; p != filepath.Dir(s.root); p = filepath.Dir(p) {
		if err := syncFolder(filepath.Dir(p)); err != nil {
			return err
		}
	}
	return nil
}

func (s *photoStore) originalPath(id syncengine.RecordID) string {
	return filepath.Join(s.root, originals, id.String())
}

func originalName(id syncengine.RecordID) string { return "original " + id.String() }

func (s *photoStore) ledgerFolder(id syncengine.LedgerID) string {
	return filepath.Join(s.root, heldPhotos, id.String())
}

func (s *photoStore) heldPath(p wire.PhotoName) string {
	return filepath.Join(s.ledgerFolder(p.Ledger), p.Hash.String())
}

func heldName(p wire.PhotoName) string { return "held " + p.Ledger.String() + " " + p.Hash.String() }

// write makes a sealed file durable under its path.
func (s *photoStore) write(path, name string, label, contents []byte) error {
	if err := s.folder(filepath.Dir(path)); err != nil {
		return err
	}
	w, err := s.create(path, name, label)
	if err != nil {
		return fmt.Errorf("save on the tablet: %w", err)
	}
	if _, err := w.Write(contents); err != nil {
		return errors.Join(err, w.abort())
	}
	return w.commit()
}

// held opens a photo that may leave the tablet, or returns fs.ErrNotExist.
func (s *photoStore) held(p wire.PhotoName) (*sealedFile, error) {
	return s.openFile(s.heldPath(p), heldName(p))
}

// holds returns the size of a photo that is held whole, 0 where it is not.
func (s *photoStore) holds(p wire.PhotoName) int64 {
	f, err := s.held(p)
	if err != nil {
		return 0
	}
	defer f.Close()
	return f.size
}

// begun returns how many bytes are held of a photo that has not arrived whole.
func (s *photoStore) begun(p wire.PhotoName) uint64 {
	w, err := s.resume(s.heldPath(p), heldName(p), io.Discard)
	if err != nil {
		return 0
	}
	at := w.offset()
	if w.pause() != nil {
		return 0
	}
	return uint64(at) //nolint:gosec // of a file
}

// loadOriginals reads what waits to be looked over. A file that can't be read is listed as damaged: a person decides.
func (s *photoStore) loadOriginals() error {
	entries, err := os.ReadDir(filepath.Join(s.root, originals))
	if err != nil {
		return err
	}
	for _, e := range entries {
		path := filepath.Join(s.root, originals, e.Name())
		if strings.HasSuffix(e.Name(), partSuffix) { // it was never acknowledged
			if err := removeFiles(path); err != nil {
				return err
			}
			continue
		}
		id, err := uuid.Parse(strings.TrimSuffix(e.Name(), discardedSuffix))
		if err != nil {
			continue
		}
		p := &WaitingPhoto{ID: id, Damaged: true, buried: strings.HasSuffix(e.Name(), discardedSuffix)}
		if f, err := s.openFile(path, originalName(id)); err == nil {
			if json.Unmarshal(f.label, p) == nil {
				p.Damaged, p.Size = false, f.size
			}
			if err := f.Close(); err != nil {
				return err
			}
		}
		s.waiting[id] = p
	}
	return nil
}

// original returns what waits under an id, or nil.
func (s *photoStore) original(id syncengine.RecordID) *WaitingPhoto {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p := s.waiting[id]; p != nil && !p.buried {
		return p
	}
	return nil
}

// originalsOf returns what waits and was taken in a draft.
func (s *photoStore) originalsOf(draft syncengine.RecordID) []*WaitingPhoto {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []*WaitingPhoto
	for _, p := range s.waiting {
		if p.Draft == draft && !p.buried && !p.Damaged {
			out = append(out, p)
		}
	}
	return out
}

// bury marks originals as being discarded, so that a crash in the middle of discarding them is told from one before it. unbury takes
// that back.
func (s *photoStore) bury(list []*WaitingPhoto) error {
	return s.move(list, "", discardedSuffix, true)
}

func (s *photoStore) unbury(list []*WaitingPhoto) error {
	return s.move(list, discardedSuffix, "", false)
}

func (s *photoStore) move(list []*WaitingPhoto, from, to string, buried bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range list {
		path := s.originalPath(p.ID)
		if err := os.Rename(path+from, path+to); err != nil {
			return err
		}
		p.buried = buried
	}
	if len(list) == 0 {
		return nil
	}
	return syncFolder(filepath.Join(s.root, originals))
}

// forget removes originals for ever.
func (s *photoStore) forget(list []*WaitingPhoto) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var paths []string
	for _, p := range list {
		delete(s.waiting, p.ID)
		paths = append(paths, s.originalPath(p.ID), s.originalPath(p.ID)+discardedSuffix)
	}
	return removeFiles(paths...)
}

// sweep removes the held photos that keep does not want. An unfinished part is kept while its photo is wanted.
func (s *photoStore) sweep(ctx context.Context, keep func(ctx context.Context) (func(wire.PhotoName) bool, error)) error {
	s.files.Lock()
	defer s.files.Unlock()
	wanted, err := keep(ctx)
	if err != nil {
		return err
	}
	for _, kind := range []string{heldPhotos, cachedPhotos} {
		ledgers, err := os.ReadDir(filepath.Join(s.root, kind))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		for _, l := range ledgers {
			if err := s.sweepFolder(kind, l.Name(), wanted); err != nil {
				return err
			}
		}
	}
	return nil
}

// sweepFolder sweeps the photos of one ledger. What is cached may stay wherever it is not barred, which wanted is not asked.
func (s *photoStore) sweepFolder(kind, ledger string, wanted func(wire.PhotoName) bool) error {
	folder := filepath.Join(s.root, kind, ledger)
	files, err := os.ReadDir(folder)
	if err != nil {
		return err
	}
	id, err := syncengine.ParseHash(ledger)
	if err != nil {
		return nil //nolint:nilerr // it is not ours
	}
	var remove []string
	for _, f := range files {
		base := strings.TrimSuffix(strings.TrimSuffix(f.Name(), partSuffix), thumbnailSuffix)
		hash, err := syncengine.ParseHash(base)
		if err != nil {
			continue
		}
		name := wire.PhotoName{Ledger: syncengine.LedgerID{Hash: id}, Hash: hash}
		if !wanted(name) {
			remove = append(remove, filepath.Join(folder, f.Name()))
		}
	}
	return removeFiles(slices.Compact(remove)...)
}
