package photos

import (
	"encoding/json"
	"slices"

	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/ledger"
	"github.com/arpenteur/arpenteur/syncengine/store"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// NamesPhoto reports whether the leaf at path of a checklist version names a photo; known is false where the version can't be read here.
type NamesPhoto func(version syncengine.VersionID, path syncengine.Path) (names, known bool)

// Watcher keeps the index of who refers to which photo, as changes are judged (ledger.Watcher).
type Watcher struct{ names NamesPhoto }

// NewWatcher returns a Watcher that reads checklists with names.
func NewWatcher(names NamesPhoto) *Watcher { return &Watcher{names} }

// reference is one photo that a change names.
type reference struct {
	Path syncengine.Path `json:"path"`
	Hash syncengine.Hash `json:"hash"`
}

// Judged brings up to date what the changes refer to. Most refer to nothing, and are told by the length of their values alone.
func (x *Watcher) Judged(w store.Writer, l *ledger.Ledger, changes []syncengine.Judged) error {
	for i := range changes {
		c := &changes[i]
		if !slices.ContainsFunc(c.Writes, func(s syncengine.Write) bool {
			_, formed := wire.HashIn(s.Value)
			return s.Value == "" || formed
		}) {
			continue
		}
		if err := x.change(w, l, c); err != nil {
			return err
		}
	}
	return nil
}

// change brings up to date what one change refers to.
func (x *Watcher) change(w store.Writer, l *ledger.Ledger, c *syncengine.Judged) error {
	before, err := referencesOf(w, l.ID(), c.ID)
	if err != nil {
		return err
	}
	var now []reference
	counts := false // while its checklist is not known, all that may be a name is kept, and nothing counted
	for _, s := range c.Writes {
		hash, formed := wire.HashIn(s.Value)
		if s.Value == "" && !c.Decision.Erases(s.Path) { // its value is missing here for now: what was known of it stays
			i := slices.IndexFunc(before, func(r reference) bool { return r.Path == s.Path })
			if i >= 0 {
				hash, formed = before[i].Hash, true
			}
		}
		if !formed {
			continue
		}
		names, known := x.names(c.Checklist, s.Path)
		counts = counts || names && known
		if names || !known {
			now = append(now, reference{s.Path, hash})
		}
	}
	if len(before) == 0 && len(now) == 0 {
		return nil
	}
	counts = counts && c.Verdict.Status != syncengine.Ineffective
	return keepReferences(w, l, c.Change, before, now, counts)
}

// referencesOf returns what a change is known to refer to.
func referencesOf(r store.Reader, id syncengine.LedgerID, change syncengine.ChangeID) ([]reference, error) {
	raw, err := r.Get(spaceChanges, id, change.Hash[:])
	if err != nil || raw == nil {
		return nil, err
	}
	var out []reference
	return out, decode(spaceChanges, raw, &out)
}

// keepReferences replaces what a change refers to.
func keepReferences(w store.Writer, l *ledger.Ledger, c *syncengine.Change, before, now []reference, counts bool) error {
	replicas, err := l.Replicas(c.ID)
	if err != nil {
		return err
	}
	photos := map[syncengine.Hash]bool{}
	for _, r := range before {
		photos[r.Hash] = false
	}
	for _, r := range now {
		photos[r.Hash] = true
	}
	value := append([]byte{0}, c.Kind...)
	if counts {
		value[0] = 1
	}
	for hash, refers := range photos {
		p := wire.PhotoName{Ledger: l.ID(), Hash: hash}
		if err := alter(w, p, func(*State) error { return refer(w, p, replicas, c.ID, value, refers) }); err != nil {
			return err
		}
	}
	if len(now) == 0 {
		return w.Delete(spaceChanges, l.ID(), c.ID.Hash[:])
	}
	raw, err := json.Marshal(now)
	if err != nil {
		return err
	}
	return w.Put(spaceChanges, l.ID(), c.ID.Hash[:], raw)
}

// refer notes, for each replica whose log holds a change, that it refers to a photo, or that it does not any more.
func refer(w store.Writer, p wire.PhotoName, replicas []syncengine.ReplicaID, change syncengine.ChangeID, value []byte, refers bool) error {
	for _, replica := range replicas {
		key := slices.Concat(p.Hash[:], replica.Hash[:], change.Hash[:])
		var err error
		if refers {
			err = w.Put(spaceRefs, p.Ledger, key, value)
		} else {
			err = w.Delete(spaceRefs, p.Ledger, key)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Erased bars the photo that an erased value named.
func (x *Watcher) Erased(w store.Writer, l *ledger.Ledger, e ledger.Erasure) error {
	known, err := referencesOf(w, l.ID(), e.Change.ID)
	if err != nil {
		return err
	}
	for _, r := range known {
		if r.Path == e.Path {
			return bar(w, wire.PhotoName{Ledger: l.ID(), Hash: r.Hash})
		}
	}
	hash, formed := wire.HashIn(e.Value)
	if !formed || e.Change.Ruling != nil || e.Change.Genesis != nil {
		return nil
	}
	if names, known := x.names(e.Change.Checklist, e.Path); known && !names {
		return nil
	}
	return bar(w, wire.PhotoName{Ledger: l.ID(), Hash: hash})
}
