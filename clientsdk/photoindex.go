package clientsdk

import (
	"encoding/json"
	"fmt"

	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/ledger"
	"github.com/arpenteur/arpenteur/syncengine/store"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// photoEntry is what the tablet knows of one photo that it holds, held, or that is barred.
type photoEntry struct {
	Size int64 `json:"size,omitempty"` // bytes
	// Own tells a photo of this user's own changes from one that was carried here.
	Own     bool   `json:"own,omitempty"`
	Receipt []byte `json:"receipt,omitempty"` // the server's last one, verified when it was kept
	// Refused is why the photo was set aside: a code of the server, or "damaged" where its bytes can't be read here any more.
	Refused wire.Code `json:"refused,omitempty"`
	Freed   bool      `json:"freed,omitempty"` // its bytes were dropped to free space
	Barred  bool      `json:"barred,omitempty"`
}

// state says where the photo is safe.
func (e *photoEntry) state() PhotoState {
	switch r := e.receipt(); {
	case e.Barred:
		return PhotoErased
	case r != nil && r.BackedUp:
		return PhotoBackedUp
	case r != nil:
		return PhotoReceived
	case e.Refused != "":
		return PhotoRefused
	}
	return PhotoToSend
}

func (e *photoEntry) receipt() *wire.PhotoReceipt {
	if e.Receipt == nil {
		return nil
	}
	r, err := wire.DecodePhotoReceipt(e.Receipt)
	if err != nil {
		return nil
	}
	return r
}

// readPhoto returns the entry of a photo, and whether there is one.
func readPhoto(r store.Reader, p wire.PhotoName) (e photoEntry, found bool, err error) {
	found, err = getJSON(r, spacePhotos, p.Ledger, p.Hash[:], &e)
	return e, found, err
}

func writePhoto(w store.Writer, p wire.PhotoName, e photoEntry) error {
	return putJSON(w, spacePhotos, p.Ledger, p.Hash[:], e)
}

// eachPhoto calls fn with every entry of a ledger, in the order of the hashes.
func eachPhoto(r store.Reader, id syncengine.LedgerID, fn func(p wire.PhotoName, e photoEntry) error) error {
	return r.Scan(spacePhotos, id, nil, nil, func(key, raw []byte) (bool, error) {
		var e photoEntry
		if err := json.Unmarshal(raw, &e); err != nil || len(key) != len(syncengine.Hash{}) {
			return false, fmt.Errorf("%s: %w", spacePhotos, store.ErrCorrupt)
		}
		return true, fn(wire.PhotoName{Ledger: id, Hash: syncengine.Hash(key)}, e)
	})
}

// photoReference is one photo that a change names.
type photoReference struct {
	Path syncengine.Path `json:"path"`
	Hash syncengine.Hash `json:"hash"`
}

// photoIndex keeps which photos the ledgers refer to, and bars those whose name a ruling erased (ledger.Watcher).
type photoIndex struct {
	names func(version syncengine.VersionID, path syncengine.Path) (names, known bool)
}

// namesPhoto reports whether a leaf holds the name of a photo; known is false where the checklist is not held.
func (c *Client) namesPhoto(version syncengine.VersionID, path syncengine.Path) (names, known bool) {
	v := c.compiler.Version(version)
	return v != nil && v.NamesPhoto(path), v != nil
}

// Judged notes the photos that changes refer to, whatever becomes of the changes. While a checklist is not held, all that may be a
// name counts as one.
func (x *photoIndex) Judged(w store.Writer, l *ledger.Ledger, changes []syncengine.Judged) error {
	for i := range changes {
		c := &changes[i]
		var refs []photoReference
		for _, s := range c.Writes {
			hash, formed := wire.HashIn(s.Value)
			if !formed {
				continue
			}
			if names, known := x.names(c.Checklist, s.Path); names || !known {
				refs = append(refs, photoReference{s.Path, hash})
			}
		}
		if len(refs) == 0 {
			continue
		}
		if err := putJSON(w, spacePhotoChanges, l.ID(), c.ID.Hash[:], refs); err != nil {
			return err
		}
		for _, r := range refs {
			if err := w.Put(spacePhotoRefs, l.ID(), r.Hash[:], []byte{1}); err != nil {
				return err
			}
		}
	}
	return nil
}

// Erased bars the photo that an erased value named (protocol, section 7.4).
func (x *photoIndex) Erased(w store.Writer, l *ledger.Ledger, e ledger.Erasure) error {
	var known []photoReference
	if _, err := getJSON(w, spacePhotoChanges, l.ID(), e.Change.ID.Hash[:], &known); err != nil {
		return err
	}
	for _, r := range known {
		if r.Path == e.Path {
			return barPhoto(w, wire.PhotoName{Ledger: l.ID(), Hash: r.Hash})
		}
	}
	hash, formed := wire.HashIn(e.Value)
	if !formed || e.Change.Ruling != nil || e.Change.Genesis != nil {
		return nil
	}
	if names, known := x.names(e.Change.Checklist, e.Path); known && !names {
		return nil
	}
	return barPhoto(w, wire.PhotoName{Ledger: l.ID(), Hash: hash})
}

// barPhoto notes that a photo is erased for ever. Its bytes go with the next sweep, which follows at once.
func barPhoto(w store.Writer, p wire.PhotoName) error {
	if err := w.Delete(spacePhotoRefs, p.Ledger, p.Hash[:]); err != nil {
		return err
	}
	return writePhoto(w, p, photoEntry{Barred: true})
}

// keepPhotos makes entries for the photos that a change of this user refers to and whose bytes are here: from now on they are to be sent.
func (c *Client) keepPhotos(w store.Writer, id syncengine.LedgerID, change *syncengine.Change) error {
	for _, s := range change.Writes {
		hash, formed := wire.HashIn(s.Value)
		if names, known := c.namesPhoto(change.Checklist, s.Path); !formed || !names || !known {
			continue
		}
		p := wire.PhotoName{Ledger: id, Hash: hash}
		e, found, err := readPhoto(w, p)
		if err != nil {
			return err
		}
		if size := c.photos.holds(p); size > 0 && !e.Barred && !(found && e.Own) {
			e.Size, e.Own, e.Freed = size, true, false
			if err := writePhoto(w, p, e); err != nil {
				return err
			}
		}
	}
	return nil
}
