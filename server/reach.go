package server

import (
	"errors"

	"github.com/google/uuid"
	"github.com/gorilla/mux"

	"github.com/arpenteur/arpenteur/schemas"
	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/ledger"
	"github.com/arpenteur/arpenteur/syncengine/store"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// reach finds the ledger that a person names. One that is not open to the person is answered like one that is not there (law L10).
func reach(r store.Reader, who *Person, id syncengine.LedgerID) (*ledgerEntry, error) {
	e := new(ledgerEntry)
	found, err := get(r, spaceLedgers, id.Hash[:], e)
	if err != nil {
		return nil, err
	}
	if !found || !who.sees(e) {
		return nil, errUnknownLedger(nil)
	}
	return e, nil
}

// reading runs fn over one consistent state of the ledger that the address names.
func (s *Server) reading(c *call, fn func(l *reached) error) error {
	id, err := c.ledgerID()
	if err != nil {
		return err
	}
	return s.Store.View(c.Context(), func(r store.Reader) error {
		e, err := reach(r, c.who, id)
		if err != nil {
			return err
		}
		l, err := s.keeper.View(r, id)
		if err != nil {
			return err
		}
		return fn(&reached{l, e, r})
	})
}

// writing runs fn on the ledger that the address names, and commits what it changed. fn may run twice.
func (s *Server) writing(c *call, fn func(l *reached, w store.Writer) error) error {
	id, err := c.ledgerID()
	if err != nil {
		return err
	}
	return s.edit(c.Context(), id, func(l *ledger.Ledger, w store.Writer) error {
		e, err := reach(w, c.who, id)
		if err != nil {
			return err
		}
		return fn(&reached{l, e, w}, w)
	})
}

// reached is a ledger that is open to the asker, within one transaction.
type reached struct {
	*ledger.Ledger
	entry *ledgerEntry
	r     store.Reader
}

// ledgerID reads the ledger that the address names. What can't be one is answered as one that is not there.
func (c *call) ledgerID() (syncengine.LedgerID, error) {
	h, err := syncengine.ParseHash(mux.Vars(c.Request)["ledger"])
	if err != nil || h.IsZero() {
		return syncengine.LedgerID{}, errUnknownLedger(err)
	}
	return syncengine.LedgerID{Hash: h}, nil
}

// errNoRecord is the answer about a record that is not there, or that the role doesn't read.
func errNoRecord() error {
	return wire.Problemf(wire.CodeNotFound, "there is no such record in this ledger")
}

// recordKey reads the record that the address names.
func (c *call) recordKey() (syncengine.RecordKey, error) {
	vars := mux.Vars(c.Request)
	id, ok := parseUUID(vars["id"])
	key := syncengine.RecordKey{Kind: syncengine.Kind(vars["kind"]), ID: id}
	if !ok || !key.Kind.Valid() || !schemas.MayRead(c.who.Role, key.Kind) {
		return key, errNoRecord()
	}
	return key, nil
}

// changeID reads a change's id.
func changeID(text string) (syncengine.ChangeID, error) {
	h, err := syncengine.ParseHash(text)
	if err == nil && h.IsZero() {
		err = errors.New("the empty hash names nothing")
	}
	if err != nil {
		return syncengine.ChangeID{}, &wire.Problem{Code: wire.CodeNotFound, Detail: "there is no such change in this ledger", Err: err}
	}
	return syncengine.ChangeID{Hash: h}, nil
}

// parseUUID reads a UUID in the one form that the protocol has.
func parseUUID(text string) (uuid.UUID, bool) {
	id, err := uuid.Parse(text)
	return id, err == nil && id.String() == text
}
