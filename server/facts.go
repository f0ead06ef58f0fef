package server

import (
	"sync"

	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/ledger"
	"github.com/arpenteur/arpenteur/syncengine/store"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// atlas remembers of each ledger what its records say of places: where they hang, and which records name them. It reads a ledger
// whole once, and after that only the records that arrivals touched, so that no request walks a ledger for nothing. It keeps ids and
// types alone, nothing that could be redacted.
type atlas struct {
	mu    sync.Mutex
	facts map[syncengine.LedgerID]*facts
}

// facts is what is remembered of one ledger. Its maps are only touched under its lock; a tree, once made, does not change.
type facts struct {
	mu      sync.Mutex
	version uint64 // of the ledger, that the facts are of
	known   bool
	places  map[syncengine.RecordID]syncengine.PlaceFact
	tree    *syncengine.PlaceTree
	uses    map[syncengine.RecordKey]syncengine.PlaceUse // nil until somebody asks for notices
	notices *derived                                     // nil until somebody asks for notices
}

func newAtlas() *atlas { return &atlas{facts: map[syncengine.LedgerID]*facts{}} }

func (a *atlas) of(id syncengine.LedgerID) *facts {
	a.mu.Lock()
	defer a.mu.Unlock()
	f := a.facts[id]
	if f == nil {
		f = &facts{}
		a.facts[id] = f
	}
	return f
}

// tree returns the place tree of a ledger.
func (s *Server) tree(l *ledger.Ledger, r store.Reader) (*syncengine.PlaceTree, error) {
	f := s.atlas.of(l.ID())
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := s.bringUp(f, l, r); err != nil {
		return nil, err
	}
	return f.tree, nil
}

// bringUp brings facts up to the version that the transaction sees. Facts that are newer already are left.
func (s *Server) bringUp(f *facts, l *ledger.Ledger, r store.Reader) error {
	now, err := ledger.ReadProgress(r, l.ID())
	if err != nil || f.known && now.Version <= f.version {
		return err
	}
	var keys map[syncengine.RecordKey]struct{}
	whole := !f.known
	if !whole {
		if keys, whole, err = touched(l, f.version); err != nil {
			return err
		}
	}
	f.known = false // until all of it is read
	if whole {
		err = s.readAll(f, l)
	} else {
		err = s.readSome(f, l, keys)
	}
	if err != nil {
		return err
	}
	f.version, f.known = now.Version, true
	return nil
}

// readAll reads the places, and the uses of places where those are kept.
func (s *Server) readAll(f *facts, l *ledger.Ledger) error {
	f.places = map[syncengine.RecordID]syncengine.PlaceFact{}
	filter := ledger.Filter{Kind: syncengine.PlaceKind}
	if f.uses != nil {
		f.uses = map[syncengine.RecordKey]syncengine.PlaceUse{}
		filter.Kind = ""
	}
	err := l.List(filter, nil, func(m *ledger.Merged) (bool, error) {
		s.remember(f, m)
		return true, nil
	})
	f.hang()
	return err
}

// readSome reads the records that arrivals touched.
func (s *Server) readSome(f *facts, l *ledger.Ledger, keys map[syncengine.RecordKey]struct{}) error {
	moved := false
	for key := range keys {
		if key.Kind != syncengine.PlaceKind && f.uses == nil {
			continue
		}
		m, err := l.Record(key)
		if err != nil {
			return err
		}
		if m == nil {
			continue
		}
		moved = moved || key.Kind == syncengine.PlaceKind
		s.remember(f, m)
	}
	if moved {
		f.hang()
	}
	return nil
}

// hang makes the tree of the places.
func (f *facts) hang() {
	links := make([]syncengine.PlaceLink, 0, len(f.places))
	for _, p := range f.places {
		links = append(links, p.PlaceLink)
	}
	f.tree = syncengine.NewPlaceTree(links)
}

// remember notes what one record says of places.
func (s *Server) remember(f *facts, m *ledger.Merged) {
	if m.Key.Kind == syncengine.PlaceKind {
		if !m.Present || m.Checklist == nil {
			delete(f.places, m.Key.ID)
			return
		}
		parent, _ := parseUUID(shownText(m, m.Checklist.Index["parent"]))
		f.places[m.Key.ID] = syncengine.PlaceFact{
			PlaceLink: syncengine.PlaceLink{ID: m.Key.ID, Parent: parent}, Type: shownText(m, m.Checklist.Index["type"]),
		}
		return
	}
	if f.uses == nil {
		return
	}
	delete(f.uses, m.Key)
	if !m.Present || m.Checklist == nil {
		return
	}
	place, ok := parseUUID(shownText(m, m.Checklist.Index["place"]))
	if !ok {
		return
	}
	use := syncengine.PlaceUse{Record: m.Key, Place: place}
	if v := s.compiler.Version(m.Checklist.Version); v != nil {
		use.Types = v.PlaceTypes()
	}
	f.uses[m.Key] = use
}

// shownText returns the text that is shown at a path, empty where there is none.
func shownText(m *ledger.Merged, path syncengine.Path) string {
	f := m.Field(path)
	if path == "" || f == nil || f.Shown == "" || f.Shown[0] != '"' {
		return ""
	}
	v, err := wire.DecodeValue(f.Shown)
	text, _ := v.(string)
	if err != nil {
		return ""
	}
	return text
}

// touched returns the records that arrivals after a version are about, or that the whole ledger has to be read again: after a
// revocation or publication, and where a log has branches.
func touched(l *ledger.Ledger, version uint64) (keys map[syncengine.RecordKey]struct{}, whole bool, err error) {
	const step = 256
	keys = map[syncengine.RecordKey]struct{}{}
	for {
		advances, progress, err := l.Since(version, step)
		if err != nil || progress.Version == version {
			return keys, false, err
		}
		version = progress.Version
		for _, a := range advances {
			if !a.First() {
				return nil, true, nil
			}
			if whole, err := touchedBy(l, a, keys); err != nil || whole {
				return nil, whole, err
			}
		}
	}
}

// touchedBy adds the records that one stretch of a log is about.
func touchedBy(l *ledger.Ledger, a ledger.Advance, keys map[syncengine.RecordKey]struct{}) (whole bool, err error) {
	err = eachArrived(l, a, func(c *ledger.Step) (err error) {
		if r := c.Ruling; r != nil {
			whole = whole || r.Type == syncengine.Revoke || r.Type == syncengine.Publish
			if c, err = l.Change(r.Target); err != nil {
				return err
			}
		}
		if c != nil && c.Genesis == nil && c.Ruling == nil {
			keys[c.Key()] = struct{}{}
		}
		return nil
	})
	return whole, err
}

// eachArrived calls fn with each change of a stretch of the first branch of a log, in order.
func eachArrived(l *ledger.Ledger, a ledger.Advance, fn func(c *ledger.Step) error) error {
	ids, err := l.Own(a.Replica, a.From, a.To)
	if err != nil {
		return err
	}
	for _, id := range ids {
		c, err := l.Change(id)
		if err != nil {
			return err
		}
		if c == nil {
			continue
		}
		if err := fn(c); err != nil {
			return err
		}
	}
	return nil
}
