package server

import (
	"net/http"

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
	return c.answer(http.StatusOK, map[string]any{"notices": list})
}

// notices derives the notices of a ledger. The records of a restricted ledger name places of the public one; what is wrong with these
// places by themselves is the public ledger's to say.
func (s *Server) notices(l *reached) ([]syncengine.Notice, error) {
	places, err := s.placeFacts(l)
	if err != nil {
		return nil, err
	}
	uses, err := s.uses(l.Ledger, l.r)
	if err != nil {
		return nil, err
	}
	all := syncengine.Notices(places, uses)
	if !l.entry.Restricted {
		return all, nil
	}
	out := all[:0]
	for _, n := range all {
		if n.Record.Kind != syncengine.PlaceKind {
			out = append(out, n)
		}
	}
	return out, nil
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

func (s *Server) placeFacts(l *reached) ([]syncengine.PlaceFact, error) {
	home, err := s.placesOf(l)
	if err != nil {
		return nil, err
	}
	f := s.atlas.of(home.ID())
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := s.bringUp(f, home, l.r); err != nil {
		return nil, err
	}
	out := make([]syncengine.PlaceFact, 0, len(f.places))
	for _, p := range f.places {
		out = append(out, p)
	}
	return out, nil
}

// uses returns which records of a ledger name which place.
func (s *Server) uses(l *ledger.Ledger, r store.Reader) ([]syncengine.PlaceUse, error) {
	f := s.atlas.of(l.ID())
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.uses == nil {
		f.uses, f.known = map[syncengine.RecordKey]syncengine.PlaceUse{}, false
	}
	if err := s.bringUp(f, l, r); err != nil {
		return nil, err
	}
	out := make([]syncengine.PlaceUse, 0, len(f.uses))
	for _, u := range f.uses {
		out = append(out, u)
	}
	return out, nil
}
