package server

import (
	"cmp"
	"errors"
	"net/http"
	"slices"

	"github.com/google/uuid"

	"github.com/arpenteur/arpenteur/schemas"
	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/ledger"
	"github.com/arpenteur/arpenteur/syncengine/store"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// diagnosticOrder asks for a new diagnostic.
type diagnosticOrder struct {
	ID                   uuid.UUID `json:"id"` // optional: the same id again gives the same diagnostic
	Name                 string    `json:"name"`
	Neighbourhood        string    `json:"neighbourhood"`         // its code, "QP066007"; what the list has of it need not be said
	NeighbourhoodVersion string    `json:"neighbourhood_version"` // the list that the code is from: "qp_2015"
	NeighbourhoodName    string    `json:"neighbourhood_name"`
	Commune              string    `json:"commune"`         // INSEE code, "66136"
	PublicSecurity       bool      `json:"public_security"` // in scope: opens a restricted ledger
}

// diagnosticList is the diagnostics that are open to somebody.
type diagnosticList struct {
	Diagnostics []*Diagnostic `json:"diagnostics"`
}

// orderDiagnostic is POST /v1/diagnostics. It opens the ledgers of a diagnostic, publishes in them the checklists that come with the
// program, and writes down the neighbourhood and the order.
func (s *Server) orderDiagnostic(c *call) error {
	var o diagnosticOrder
	if err := c.body(&o); err != nil {
		return err
	}
	if o.Name == "" || o.Neighbourhood == "" {
		return wire.Problemf(wire.CodeInvalid, "a diagnostic needs a name and the code of its neighbourhood")
	}
	var d *Diagnostic
	err := s.Store.Update(c.Context(), func(w store.Writer) (err error) {
		d, err = s.openDiagnostic(w, c.who, &o)
		return err
	})
	if err != nil {
		return err
	}
	if d.Created == 0 { // known before
		if d, err = s.diagnostic(c, d.ID); err != nil {
			return err
		}
		return c.answer(http.StatusOK, c.who.view(d))
	}
	s.events.moved(d.Ledger, 0)
	s.keepHeads(c.Context(), d.ledgers()...)
	s.Log.Info().Stringer("diagnostic", d.ID).Bool("restricted", !d.Restricted.IsZero()).Str("by", string(c.who.Account)).Msg("diagnostic ordered")
	return c.answer(http.StatusCreated, c.who.view(d))
}

// openDiagnostic makes the ledgers of a diagnostic. Of one that is known already it returns the id alone.
func (s *Server) openDiagnostic(w store.Writer, who *Person, o *diagnosticOrder) (*Diagnostic, error) {
	d := &Diagnostic{ID: o.ID, Name: o.Name, Neighbourhood: o.Neighbourhood}
	if d.ID == uuid.Nil {
		id, err := s.newID()
		if err != nil {
			return nil, err
		}
		d.ID = id
	}
	if known, err := findDiagnostic(w, d.ID); err == nil {
		if !who.covers(known.ID) {
			return nil, wire.Problemf(wire.CodeInvalid, "the id is in use already")
		}
		return &Diagnostic{ID: d.ID}, nil
	} else if !errors.Is(err, wire.CodeNotFound) {
		return nil, err
	}
	if len(who.Diagnostics) > 0 {
		return nil, wire.Problemf(wire.CodeForbidden, "your account is limited to some diagnostics, so a new one would not be open to you")
	}
	d.Created = s.millis()
	var err error
	if d.Ledger, err = s.openLedger(w, who, o, ledgerEntry{Diagnostic: d.ID}); err != nil {
		return nil, err
	}
	if o.PublicSecurity {
		if d.Restricted, err = s.openLedger(w, who, o, ledgerEntry{Diagnostic: d.ID, Restricted: true}); err != nil {
			return nil, err
		}
	}
	return d, errors.Join(put(w, spaceDiagnostics, d.ID[:], d), s.audit(w, who.Account, auditOrder, d.ID.String()))
}

// ledgers returns the ledgers of a diagnostic.
func (d *Diagnostic) ledgers() []syncengine.LedgerID {
	if d.Restricted.IsZero() {
		return []syncengine.LedgerID{d.Ledger}
	}
	return []syncengine.LedgerID{d.Ledger, d.Restricted}
}

// openLedger makes one ledger: genesis, checklists, and in the public one what is known from the order.
func (s *Server) openLedger(w store.Writer, who *Person, o *diagnosticOrder, e ledgerEntry) (syncengine.LedgerID, error) {
	var none syncengine.LedgerID
	// The genesis bears the diagnostic's id, so that a ledger that a restored server lost says itself whose it is. Nothing but its time tells
	// the geneses of the two ledgers apart, and their ids with them.
	now := s.millis()
	if e.Restricted {
		now++
	}
	l, err := s.keeper.Create(w, s.newest().pen, s.Secret.root(), e.Diagnostic, who.Account, now)
	if err != nil {
		return none, err
	}
	edits, err := s.firstVersions(who, e.Restricted)
	if err != nil {
		return none, err
	}
	if _, err := s.write(l, edits...); err != nil {
		return none, err
	}
	if !e.Restricted {
		if err := s.seed(w, l, who, e.Diagnostic, o); err != nil {
			return none, err
		}
	}
	if err := l.Settle(); err != nil {
		return none, err
	}
	if err := refusedNotes(l, true); err != nil {
		return none, err
	}
	if _, err := l.Advances(w); err != nil {
		return none, err
	}
	return l.ID(), enterLedger(w, l.ID(), e)
}

// enterLedger puts a ledger into the directory, under the next number.
func enterLedger(w store.Writer, id syncengine.LedgerID, e ledgerEntry) error {
	if _, err := get(w, spaceServer, []byte("number"), &e.Number); err != nil {
		return err
	}
	e.Number++
	return errors.Join(put(w, spaceServer, []byte("number"), e.Number), put(w, spaceLedgers, id.Hash[:], e))
}

// firstVersions makes the rulings that publish what comes with the program: in a public ledger everything but the restricted
// checklists, in a restricted one these and the kinds that may lie in it.
func (s *Server) firstVersions(who *Person, restricted bool) ([]ledger.Edit, error) {
	sources, err := schemas.Builtin()
	if err != nil {
		return nil, err
	}
	var list []ledger.Publication
	for _, src := range sources {
		fits := !src.Restricted
		if restricted {
			fits = src.Restricted || src.Kind != schemas.Observation && schemas.InRestricted(src.Kind)
		}
		if fits {
			list = append(list, ledger.Publication{Version: schemas.Identify(src.Content), Lineage: src.Lineage, Content: src.Content})
		}
	}
	return ledger.Publish(s.newID, who.Account, s.millis(), list...)
}

// seed writes the neighbourhood, as the list of them has it, and the diagnostic.
func (s *Server) seed(w store.Reader, l *ledger.Ledger, who *Person, diagnostic uuid.UUID, o *diagnosticOrder) error {
	about, err := seedNeighbourhood(w, o)
	if err != nil {
		return err
	}
	neighbourhood := s.neighbourhoodID(o.Neighbourhood)
	order := map[syncengine.Path]syncengine.Value{
		"/title": wire.StringValue(o.Name), "/neighbourhood": wire.StringValue(neighbourhood.String()),
	}
	drafts := []*draft{
		{key: syncengine.RecordKey{Kind: schemas.Neighbourhood, ID: neighbourhood}, lineage: string(schemas.Neighbourhood), values: about},
		{key: syncengine.RecordKey{Kind: schemas.Diagnostic, ID: diagnostic}, lineage: string(schemas.Diagnostic), values: order},
	}
	_, err = s.commit(l, who.Account, drafts...)
	return err
}

// findDiagnostic reads a diagnostic, or says that there is none.
func findDiagnostic(r store.Reader, id uuid.UUID) (*Diagnostic, error) {
	d := new(Diagnostic)
	found, err := get(r, spaceDiagnostics, id[:], d)
	if err == nil && !found {
		err = wire.Problemf(wire.CodeNotFound, "there is no such diagnostic")
	}
	return d, err
}

// diagnostic reads a diagnostic that is open to the person.
func (s *Server) diagnostic(c *call, id uuid.UUID) (*Diagnostic, error) {
	var d *Diagnostic
	err := s.Store.View(c.Context(), func(r store.Reader) (err error) {
		d, err = findDiagnostic(r, id)
		return err
	})
	if err == nil && !c.who.covers(id) {
		err = wire.Problemf(wire.CodeNotFound, "there is no such diagnostic")
	}
	return d, err
}

// view returns a diagnostic as a person may know it: without the restricted ledger where that is not open to them (law L10).
func (p *Person) view(d *Diagnostic) *Diagnostic {
	if p.Restricted {
		return d
	}
	public := *d
	public.Restricted = syncengine.LedgerID{}
	return &public
}

// listDiagnostics is GET /v1/diagnostics, by name.
func (s *Server) listDiagnostics(c *call) error {
	list := []*Diagnostic{}
	err := s.Store.View(c.Context(), func(r store.Reader) error {
		list = list[:0]
		return each(r, spaceDiagnostics, nil, func(_ []byte, d *Diagnostic) (bool, error) {
			if c.who.covers(d.ID) {
				list = append(list, c.who.view(d))
			}
			return true, nil
		})
	})
	if err != nil {
		return err
	}
	slices.SortFunc(list, func(a, b *Diagnostic) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), slices.Compare(a.ID[:], b.ID[:]))
	})
	return c.answer(http.StatusOK, diagnosticList{list})
}
