package photos

import (
	"encoding/binary"
	"encoding/json"
	"fmt"

	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/store"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// The spaces of the index. All but the last lie in the ledger that they are about. Keys hold ids, hashes and numbers only.
const (
	spacePhotos  store.Space = "photos"         // hash -> State
	spaceRefs    store.Space = "photo_refs"     // hash | replica | change -> counts (1) or not (0) | kind of the record
	spaceChanges store.Space = "photo_changes"  // change -> []reference
	spaceCounts  store.Space = "photo_counts"   // replica -> Counts
	spaceUnsaved store.Space = "photo_unsaved"  // arrival -> hash of a photo that is held and in no backup
	spaceLoose   store.Space = "photo_loose"    // hash of a photo that is held and that no change refers to -> 1
	spaceErase   store.Space = "photo_erase"    // hash of a barred photo whose bytes are not erased yet -> 1
	spaceArrived store.Space = "photo_arrivals" // "last" -> number of the last arrival
)

// Spaces lists every space of the index, for tools that copy or count.
func Spaces() []store.Space {
	return []store.Space{spacePhotos, spaceRefs, spaceChanges, spaceCounts, spaceUnsaved, spaceLoose, spaceErase, spaceArrived}
}

const hashBytes = len(syncengine.Hash{})

var present = []byte{1}

// State is what is known of a photo. The zero State is one of which nothing is held.
type State struct {
	Size    int64  `json:"size,omitempty"`    // bytes; 0 where it is not held
	Arrival uint64 `json:"arrival,omitempty"` // its number among those that arrived in its ledger
	At      int64  `json:"at,omitempty"`      // when it arrived, milliseconds since 1970 UTC
	Saved   bool   `json:"saved,omitempty"`   // a verified backup holds it
	Barred  bool   `json:"barred,omitempty"`  // erased for ever
}

// Held reports whether the photo is there.
func (s State) Held() bool { return s.Size > 0 }

// Wire returns the state in the protocol's words.
func (s State) Wire() wire.PhotoState {
	switch {
	case s.Barred:
		return wire.PhotoBarred
	case !s.Held():
		return wire.PhotoMissing
	case s.Saved:
		return wire.PhotoBackedUp
	}
	return wire.PhotoHeld
}

// Find returns what is known of a photo.
func Find(r store.Reader, p wire.PhotoName) (State, error) {
	var s State
	raw, err := r.Get(spacePhotos, p.Ledger, p.Hash[:])
	if err != nil || raw == nil {
		return s, err
	}
	return s, decode(spacePhotos, raw, &s)
}

func decode(space store.Space, raw []byte, v any) error {
	if err := json.Unmarshal(raw, v); err != nil {
		return fmt.Errorf("%s: %w: %w", space, store.ErrCorrupt, err)
	}
	return nil
}

// Counts says of one replica's log how many photos that its changes refer to are not held, and how many are held but in no backup; both are
// numbers of photos, barred ones apart.
type Counts struct{ Missing, Unsaved uint64 }

// CountsOf returns the counts of a replica's log in a ledger.
func CountsOf(r store.Reader, ledger syncengine.LedgerID, replica syncengine.ReplicaID) (Counts, error) {
	raw, err := r.Get(spaceCounts, ledger, replica.Hash[:])
	if err != nil || raw == nil {
		return Counts{}, err
	}
	if len(raw) != 16 {
		return Counts{}, fmt.Errorf("%s: %w", spaceCounts, store.ErrCorrupt)
	}
	return Counts{binary.BigEndian.Uint64(raw), binary.BigEndian.Uint64(raw[8:])}, nil
}

func putCounts(w store.Writer, ledger syncengine.LedgerID, replica syncengine.ReplicaID, c Counts) error {
	if c == (Counts{}) {
		return w.Delete(spaceCounts, ledger, replica.Hash[:])
	}
	raw := binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, c.Missing), c.Unsaved)
	return w.Put(spaceCounts, ledger, replica.Hash[:], raw)
}

// refs is who refers to a photo.
type refs struct {
	any     bool                          // any change at all
	counted map[syncengine.ReplicaID]bool // by an effective or pending change
	by      map[syncengine.ReplicaID]bool // by any change
	kinds   map[syncengine.Kind]bool      // of records
}

func refsOf(r store.Reader, p wire.PhotoName) (refs, error) {
	out := refs{counted: map[syncengine.ReplicaID]bool{}, by: map[syncengine.ReplicaID]bool{}, kinds: map[syncengine.Kind]bool{}}
	err := r.Scan(spaceRefs, p.Ledger, p.Hash[:], store.After(p.Hash[:]), func(key, value []byte) (bool, error) {
		if len(key) != 3*hashBytes || len(value) < 1 {
			return false, fmt.Errorf("%s: %w", spaceRefs, store.ErrCorrupt)
		}
		replica := syncengine.ReplicaID{Hash: syncengine.Hash(key[hashBytes : 2*hashBytes])}
		out.any, out.by[replica] = true, true
		out.kinds[syncengine.Kind(value[1:])] = true
		if value[0] == 1 {
			out.counted[replica] = true
		}
		return true, nil
	})
	return out, err
}

// Refers reports whether a change in a replica's log, whatever its verdict, refers to a photo.
func Refers(r store.Reader, p wire.PhotoName, replica syncengine.ReplicaID) (bool, error) {
	prefix := append(append([]byte(nil), p.Hash[:]...), replica.Hash[:]...)
	found := false
	err := r.Scan(spaceRefs, p.Ledger, prefix, store.After(prefix), func(_, _ []byte) (bool, error) {
		found = true
		return false, nil
	})
	return found, err
}

// Kinds returns the kinds of the records whose changes refer to a photo.
func Kinds(r store.Reader, p wire.PhotoName) (map[syncengine.Kind]bool, error) {
	found, err := refsOf(r, p)
	return found.kinds, err
}

// alter changes what is known of a photo, or who refers to it, and brings up to date all that follows from both: the counts of the replicas
// that refer to it, and the lists of those that are loose, unsaved, or to be erased.
func alter(w store.Writer, p wire.PhotoName, fn func(s *State) error) error {
	s, err := Find(w, p)
	if err != nil {
		return err
	}
	before := s
	who, err := refsOf(w, p)
	if err != nil {
		return err
	}
	if err := fn(&s); err != nil {
		return err
	}
	now, err := refsOf(w, p)
	if err != nil {
		return err
	}
	if s != before {
		raw, err := json.Marshal(s)
		if err != nil {
			return err
		}
		if err := w.Put(spacePhotos, p.Ledger, p.Hash[:], raw); err != nil {
			return err
		}
	}
	if err := recount(w, p.Ledger, before, who.counted, s, now.counted); err != nil {
		return err
	}
	return relist(w, p, before, s, !now.any)
}

// recount moves a photo's share in the counts of those who refer to it.
func recount(w store.Writer, ledger syncengine.LedgerID, was State, before map[syncengine.ReplicaID]bool, is State, now map[syncengine.ReplicaID]bool) error {
	all := map[syncengine.ReplicaID]bool{}
	for r := range before {
		all[r] = true
	}
	for r := range now {
		all[r] = true
	}
	for replica := range all {
		var from, to Counts
		if before[replica] {
			from = was.share()
		}
		if now[replica] {
			to = is.share()
		}
		if from == to {
			continue
		}
		c, err := CountsOf(w, ledger, replica)
		if err != nil {
			return err
		}
		c = Counts{c.Missing - from.Missing + to.Missing, c.Unsaved - from.Unsaved + to.Unsaved}
		if err := putCounts(w, ledger, replica, c); err != nil {
			return err
		}
	}
	return nil
}

// share is what a photo adds to the counts of a replica that refers to it.
func (s State) share() Counts {
	switch s.Wire() {
	case wire.PhotoMissing:
		return Counts{Missing: 1}
	case wire.PhotoHeld:
		return Counts{Unsaved: 1}
	default:
		return Counts{}
	}
}

// relist keeps the lists that the photo is on.
func relist(w store.Writer, p wire.PhotoName, was, is State, unreferred bool) error {
	if was.Arrival != is.Arrival && was.Arrival != 0 {
		if err := w.Delete(spaceUnsaved, p.Ledger, number(was.Arrival)); err != nil {
			return err
		}
	}
	for _, list := range []struct {
		space      store.Space
		key, value []byte
		on         bool
	}{
		{spaceUnsaved, number(is.Arrival), p.Hash[:], is.Held() && !is.Saved},
		{spaceLoose, p.Hash[:], present, is.Held() && unreferred},
		{spaceErase, p.Hash[:], present, is.Barred && !was.Barred},
	} {
		var err error
		switch {
		case list.space == spaceUnsaved && is.Arrival == 0:
		case list.on:
			err = w.Put(list.space, p.Ledger, list.key, list.value)
		case list.space != spaceErase: // which only Erase takes off its list
			err = w.Delete(list.space, p.Ledger, list.key)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func number(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

// Arrived returns the number of the photo that arrived last in a ledger, 0 where none did. A backup reads it in the transaction whose state
// it copies.
func Arrived(r store.Reader, ledger syncengine.LedgerID) (uint64, error) {
	raw, err := r.Get(spaceArrived, ledger, []byte("last"))
	if err != nil || raw == nil {
		return 0, err
	}
	if len(raw) != 8 {
		return 0, fmt.Errorf("%s: %w", spaceArrived, store.ErrCorrupt)
	}
	return binary.BigEndian.Uint64(raw), nil
}

// arrive notes that a photo is held.
func arrive(w store.Writer, p wire.PhotoName, size, now int64) error {
	return alter(w, p, func(s *State) error {
		if s.Barred || s.Held() {
			return nil
		}
		last, err := Arrived(w, p.Ledger)
		if err != nil {
			return err
		}
		*s = State{Size: size, Arrival: last + 1, At: now}
		return w.Put(spaceArrived, p.Ledger, []byte("last"), number(last+1))
	})
}

// forget notes that a photo is not held any more.
func forget(w store.Writer, p wire.PhotoName) error {
	return alter(w, p, func(s *State) error {
		*s = State{Barred: s.Barred}
		return nil
	})
}

// bar notes that a photo is erased for ever.
func bar(w store.Writer, p wire.PhotoName) error {
	return alter(w, p, func(s *State) error {
		*s = State{Barred: true}
		return nil
	})
}

// Photo is a photo and what is known of it.
type Photo struct {
	wire.PhotoName
	State
}

// EachHeld calls fn for the photos of a ledger that are held, ascending by hash, until fn returns an error, which EachHeld returns.
func EachHeld(r store.Reader, ledger syncengine.LedgerID, fn func(Photo) error) error {
	return eachState(r, ledger, nil, func(p Photo) (bool, error) {
		if !p.Held() {
			return true, nil
		}
		return true, fn(p)
	})
}

// eachState calls fn for every photo of a ledger of which anything is known, from a hash on.
func eachState(r store.Reader, ledger syncengine.LedgerID, from []byte, fn func(Photo) (bool, error)) error {
	return r.Scan(spacePhotos, ledger, from, nil, func(key, raw []byte) (bool, error) {
		var p Photo
		if len(key) != hashBytes {
			return false, fmt.Errorf("%s: %w", spacePhotos, store.ErrCorrupt)
		}
		p.PhotoName = wire.PhotoName{Ledger: ledger, Hash: syncengine.Hash(key)}
		if err := decode(spacePhotos, raw, &p.State); err != nil {
			return false, err
		}
		return fn(p)
	})
}
