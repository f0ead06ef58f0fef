package server

import (
	"maps"
	"net/http"
	"slices"

	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/ledger"
	"github.com/arpenteur/arpenteur/syncengine/store"
)

// noticeView is a derived notice as it is answered.
type noticeView struct {
	Code   syncengine.NoticeCode `json:"code"`
	Kind   syncengine.Kind       `json:"kind"`
	Record syncengine.RecordID   `json:"record"`
	Place  syncengine.RecordID   `json:"place"` // the place concerned; the missing parent of an orphan
}

// noticeList is the notices of a ledger.
type noticeList struct {
	Notices []noticeView `json:"notices"`
}

// listNotices is GET /v1/ledgers/{ledger}/notices: what the records say together and no single one can break.
func (s *Server) listNotices(c *call) error {
	list := []noticeView{}
	err := s.reading(c, func(l *reached) error {
		notices, err := s.notices(l)
		if err != nil {
			return err
		}
		list = list[:0]
		for _, n := range notices {
			list = append(list, noticeView{n.Code, n.Record.Kind, n.Record.ID, n.Place})
		}
		return nil
	})
	if err != nil {
		return err
	}
	return c.answer(http.StatusOK, noticeList{list})
}

// derived is the notices of a ledger as they follow from its facts and those of its places at some versions.
type derived struct {
	places, uses uint64
	list         []syncengine.Notice
}

// notices derives the notices of a ledger, once for each state of its places and records. The records of a restricted ledger name places
// of the public one; what is wrong with these places by themselves is the public ledger's to say.
func (s *Server) notices(l *reached) ([]syncengine.Notice, error) {
	places, placesAt, err := s.placeFacts(l)
	if err != nil {
		return nil, err
	}
	uses, usesAt, known, err := s.uses(l.Ledger, l.r, placesAt)
	if err != nil || known != nil {
		return known, err
	}
	list := syncengine.Notices(places, uses)
	if l.entry.Restricted {
		list = slices.DeleteFunc(list, func(n syncengine.Notice) bool { return n.Record.Kind == syncengine.PlaceKind })
	}
	if list == nil {
		list = []syncengine.Notice{}
	}
	f := s.atlas.of(l.ID())
	f.mu.Lock()
	defer f.mu.Unlock()
	f.notices = &derived{placesAt, usesAt, list}
	return list, nil
}

// placesOf opens the ledger in which the places of a ledger lie: itself, or the public one beside a restricted one.
func (s *Server) placesOf(l *reached) (*ledger.Ledger, error) {
	if !l.entry.Restricted {
		return l.Ledger, nil
	}
	d, err := findDiagnostic(l.r, l.entry.Diagnostic)
	if err != nil {
		return nil, err
	}
	return s.keeper.View(l.r, d.Ledger)
}

// placeTree returns the tree that the records of a ledger lie in.
func (s *Server) placeTree(l *reached) (*syncengine.PlaceTree, error) {
	home, err := s.placesOf(l)
	if err != nil {
		return nil, err
	}
	return s.tree(home, l.r)
}

// placeFacts returns the places of a ledger, and the version that they are of.
func (s *Server) placeFacts(l *reached) ([]syncengine.PlaceFact, uint64, error) {
	home, err := s.placesOf(l)
	if err != nil {
		return nil, 0, err
	}
	f := s.atlas.of(home.ID())
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := s.bringUp(f, home, l.r); err != nil {
		return nil, 0, err
	}
	return slices.Collect(maps.Values(f.places)), f.version, nil
}

// uses returns which records of a ledger name which place, and the version that this is of; or the notices themselves, where they were
// derived of that version and of these places before.
func (s *Server) uses(l *ledger.Ledger, r store.Reader, places uint64) ([]syncengine.PlaceUse, uint64, []syncengine.Notice, error) {
	f := s.atlas.of(l.ID())
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.uses == nil {
		f.uses, f.known = map[syncengine.RecordKey]syncengine.PlaceUse{}, false
	}
	if err := s.bringUp(f, l, r); err != nil {
		return nil, 0, nil, err
	}
	if n := f.notices; n != nil && n.places == places && n.uses == f.version {
		return nil, f.version, n.list, nil
	}
	return slices.Collect(maps.Values(f.uses)), f.version, nil, nil
}
