package server

import (
	"cmp"
	"net/http"
	"slices"
	"sync"

	"github.com/google/uuid"

	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/ledger"
	"github.com/arpenteur/arpenteur/syncengine/store"
)

// ledgerView is a ledger that is open to a person.
type ledgerView struct {
	Ledger        syncengine.LedgerID `json:"ledger"`
	Diagnostic    uuid.UUID           `json:"diagnostic"`
	Name          string              `json:"name"`
	Neighbourhood string              `json:"neighbourhood"`
	Restricted    bool                `json:"restricted,omitempty"`
	Version       uint64              `json:"version"`
	Counts        counts              `json:"counts"`
}

// ledgerList is the ledgers that are open to somebody.
type ledgerList struct {
	Ledgers []*ledgerView `json:"ledgers"`
}

// counts is how many records a ledger has, and how many of them ask for a person.
type counts struct {
	Records     int `json:"records"` // absent ones included
	Conflict    int `json:"conflict"`
	Violation   int `json:"violation"`
	Pending     int `json:"pending"`
	Ineffective int `json:"ineffective"`
}

// countCache keeps the counts of each ledger at one version.
type countCache struct {
	mu     sync.Mutex
	counts map[syncengine.LedgerID]countedAt
}

type countedAt struct {
	version uint64
	counts
}

// listLedgers is GET /v1/ledgers: what is open to the person, by name, the public ledger of a diagnostic first.
func (s *Server) listLedgers(c *call) error {
	list := []*ledgerView{}
	err := s.Store.View(c.Context(), func(r store.Reader) error {
		list = list[:0]
		return each(r, spaceLedgers, nil, func(key []byte, e *ledgerEntry) (bool, error) {
			if !c.who.sees(e) {
				return true, nil
			}
			v, err := s.viewLedger(r, syncengine.LedgerID{Hash: syncengine.Hash(key)}, e)
			list = append(list, v)
			return true, err
		})
	})
	if err != nil {
		return err
	}
	slices.SortFunc(list, func(a, b *ledgerView) int {
		restricted := 0
		if a.Restricted != b.Restricted {
			restricted = -1
			if a.Restricted {
				restricted = 1
			}
		}
		return cmp.Or(cmp.Compare(a.Name, b.Name), slices.Compare(a.Diagnostic[:], b.Diagnostic[:]), restricted)
	})
	return c.answer(http.StatusOK, ledgerList{list})
}

func (s *Server) viewLedger(r store.Reader, id syncengine.LedgerID, e *ledgerEntry) (*ledgerView, error) {
	d, err := findDiagnostic(r, e.Diagnostic)
	if err != nil {
		return nil, err
	}
	p, err := ledger.ReadProgress(r, id)
	if err != nil {
		return nil, err
	}
	v := &ledgerView{Ledger: id, Diagnostic: d.ID, Name: d.Name, Neighbourhood: d.Neighbourhood, Restricted: e.Restricted, Version: p.Version}
	v.Counts, err = s.count(r, id, p.Version)
	return v, err
}

// count counts the records of a ledger, once for each of its versions.
func (s *Server) count(r store.Reader, id syncengine.LedgerID, version uint64) (counts, error) {
	s.counted.mu.Lock()
	known, found := s.counted.counts[id]
	s.counted.mu.Unlock()
	if found && known.version == version {
		return known.counts, nil
	}
	l, err := s.keeper.View(r, id)
	if err != nil {
		return counts{}, err
	}
	var n counts
	if n.Records, err = l.Count(); err != nil {
		return n, err
	}
	for state, into := range map[ledger.RecordState]*int{
		ledger.StateConflict: &n.Conflict, ledger.StateViolation: &n.Violation, ledger.StatePending: &n.Pending, ledger.StateIneffective: &n.Ineffective,
	} {
		err := l.List(ledger.Filter{Where: map[string]string{"state": string(state)}}, nil, func(*ledger.Merged) (bool, error) {
			*into++
			return true, nil
		})
		if err != nil {
			return n, err
		}
	}
	s.counted.mu.Lock()
	defer s.counted.mu.Unlock()
	s.counted.counts[id] = countedAt{version, n}
	return n, nil
}
