package server

import (
	"bytes"
	"encoding/hex"
	"errors"
	"io"
	"net/http"

	"github.com/google/uuid"

	"github.com/arpenteur/arpenteur/schemas"
	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/store"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// ticketOrder asks for an enrolment code.
type ticketOrder struct {
	Account     syncengine.AccountID `json:"account"` // of the person; a new one is made where it is empty
	Role        syncengine.Role      `json:"role"`
	Name        string               `json:"name"`        // of the tablet: "T-04"; the tablet's own name where it is empty
	Diagnostics []uuid.UUID          `json:"diagnostics"` // that the tablet gets
	Restricted  bool                 `json:"restricted"`  // with their restricted ledgers
}

// ticketAnswer is what a tablet is enrolled with: the code to type, or the ticket's text to scan.
type ticketAnswer struct {
	Account syncengine.AccountID `json:"account"`
	Code    string               `json:"code"`
	Ticket  string               `json:"ticket"`
	Expires int64                `json:"expires"` // milliseconds since 1970 UTC
}

// makeTicket is POST /v1/tickets.
func (s *Server) makeTicket(c *call) error {
	var o ticketOrder
	if err := c.body(&o); err != nil {
		return err
	}
	if err := s.checkTicket(c.who, &o); err != nil {
		return err
	}
	code, err := s.newCode()
	if err != nil {
		return err
	}
	e := enrolmentCode{
		Account: o.Account, Role: o.Role, Name: o.Name, Expires: s.Now().Add(codeLife).UnixMilli(), By: c.who.Account,
	}
	err = s.Store.Update(c.Context(), func(w store.Writer) (err error) {
		if err := s.dropExpired(w); err != nil {
			return err
		}
		if e.Ledgers, err = openedBy(w, c.who, o.Diagnostics, o.Restricted); err != nil {
			return err
		}
		return errors.Join(put(w, spaceCodes, hashOf(code), e), s.audit(w, c.who.Account, auditTicket, string(o.Account)))
	})
	if err != nil {
		return err
	}
	s.Log.Info().Str("account", string(o.Account)).Str("role", string(o.Role)).Str("by", string(c.who.Account)).Msg("ticket made")
	t := wire.Ticket{Code: code, Root: s.Secret.RootKey(), Server: s.Address}
	return c.answer(http.StatusCreated, ticketAnswer{Account: o.Account, Code: code, Ticket: t.String(), Expires: e.Expires})
}

func (s *Server) checkTicket(who *Person, o *ticketOrder) error {
	if o.Account == "" {
		var b [8]byte
		if _, err := io.ReadFull(s.Secret.rand, b[:]); err != nil {
			return err
		}
		o.Account = syncengine.AccountID("u-" + hex.EncodeToString(b[:]))
	}
	if err := checkAccount(o.Account); err != nil {
		return err
	}
	switch {
	case len(schemas.WritableKinds(o.Role, false)) == 0:
		return wire.Problemf(wire.CodeInvalid, "the role %q writes nothing in the field, so it gets no tablet", o.Role)
	case len(o.Name) > wire.MaxNameBytes:
		return wire.Problemf(wire.CodeInvalid, "name is longer than %d bytes", wire.MaxNameBytes)
	case o.Restricted && !mayBeRestricted(o.Role):
		return wire.Problemf(wire.CodeInvalid, "the restricted ledgers are never open to the role %s", o.Role)
	case len(o.Diagnostics) > 0 && !allowed(who.Role, actGrant):
		return wire.Problemf(wire.CodeForbidden, "the role %s may not open diagnostics to a tablet; leave diagnostics empty and let a coordinator grant them", who.Role)
	}
	return nil
}

// openedBy returns the ledgers of diagnostics that a person may open to others. One that is not open to the person is not there.
func openedBy(r store.Reader, who *Person, diagnostics []uuid.UUID, restricted bool) ([]syncengine.LedgerID, error) {
	out := []syncengine.LedgerID{}
	for _, id := range diagnostics {
		d, err := findDiagnostic(r, id)
		if err != nil {
			return nil, err
		}
		if !who.covers(id) {
			return nil, wire.Problemf(wire.CodeNotFound, "there is no such diagnostic")
		}
		out = append(out, d.Ledger)
		if !restricted {
			continue
		}
		if !who.Restricted || d.Restricted.IsZero() {
			return nil, wire.Problemf(wire.CodeInvalid, "there is no restricted ledger of this diagnostic that you could open")
		}
		out = append(out, d.Restricted)
	}
	return out, nil
}

// dropExpired forgets codes that nobody can use any more.
func (s *Server) dropExpired(w store.Writer) error {
	var old [][]byte
	now := s.millis()
	err := each(w, spaceCodes, nil, func(key []byte, e *enrolmentCode) (bool, error) {
		if e.Expires < now {
			old = append(old, bytes.Clone(key))
		}
		return true, nil
	})
	if err != nil {
		return err
	}
	for _, key := range old {
		if err := w.Delete(spaceCodes, syncengine.LedgerID{}, key); err != nil {
			return err
		}
	}
	return nil
}
