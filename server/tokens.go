package server

import (
	"bytes"
	"cmp"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/gorilla/mux"

	"github.com/arpenteur/arpenteur/schemas"
	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/store"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// tokenOrder asks for a new token.
type tokenOrder struct {
	Account     syncengine.AccountID `json:"account"`
	Role        syncengine.Role      `json:"role"`
	Name        string               `json:"name"`
	Restricted  bool                 `json:"restricted"`
	Diagnostics []uuid.UUID          `json:"diagnostics"`
	Expires     int64                `json:"expires"` // milliseconds since 1970 UTC; 0: until it is revoked
}

// newPerson is the answer to a tokenOrder: the only time that the token is told.
type newPerson struct {
	Person
	Token string `json:"token"`
}

// tokenList is everybody's rights.
type tokenList struct {
	Tokens []*Person `json:"tokens"`
}

// makeToken is POST /v1/tokens.
func (s *Server) makeToken(c *call) error {
	var o tokenOrder
	if err := c.body(&o); err != nil {
		return err
	}
	if err := o.check(s.Now()); err != nil {
		return err
	}
	token, err := s.newToken()
	if err != nil {
		return err
	}
	hash := hashOf(token)
	p := Person{
		ID: tokenID(hash), Account: o.Account, Role: o.Role, Name: o.Name, Restricted: o.Restricted, Diagnostics: o.Diagnostics,
		Created: s.millis(), Expires: o.Expires,
	}
	err = s.Store.Update(c.Context(), func(w store.Writer) error {
		for _, id := range o.Diagnostics {
			if _, err := findDiagnostic(w, id); err != nil {
				return err
			}
		}
		return errors.Join(put(w, spaceTokens, hash, p), s.audit(w, c.who.Account, auditToken, p.ID))
	})
	if err != nil {
		return err
	}
	s.Log.Info().Str("token", p.ID).Str("account", string(p.Account)).Str("role", string(p.Role)).Str("by", string(c.who.Account)).Msg("token made")
	return c.answer(http.StatusCreated, newPerson{p, token})
}

func (o *tokenOrder) check(now time.Time) error {
	if err := checkAccount(o.Account); err != nil {
		return err
	}
	switch {
	case !slices.Contains(schemas.Roles(), o.Role):
		return wire.Problemf(wire.CodeInvalid, "role must be one of %v", schemas.Roles())
	case len(o.Name) > wire.MaxNameBytes:
		return wire.Problemf(wire.CodeInvalid, "name is longer than %d bytes", wire.MaxNameBytes)
	case o.Expires != 0 && o.Expires <= now.UnixMilli():
		return wire.Problemf(wire.CodeInvalid, "expires lies in the past")
	case o.Restricted && !mayBeRestricted(o.Role):
		return wire.Problemf(wire.CodeInvalid, "the restricted ledgers are never open to the role %s", o.Role)
	}
	return nil
}

// mayBeRestricted reports whether restricted ledgers can be opened to a role at all: the national committee has their aggregates,
// administrators see no field data.
func mayBeRestricted(role syncengine.Role) bool {
	switch role {
	case syncengine.RoleCoordinator, syncengine.RoleLead, syncengine.RoleConsultant, syncengine.RoleAuditor:
		return true
	}
	return false
}

// listTokens is GET /v1/tokens: everybody's rights, by account.
func (s *Server) listTokens(c *call) error {
	list := []*Person{}
	err := s.Store.View(c.Context(), func(r store.Reader) error {
		list = list[:0]
		return each(r, spaceTokens, nil, func(_ []byte, p *Person) (bool, error) {
			list = append(list, p)
			return true, nil
		})
	})
	if err != nil {
		return err
	}
	slices.SortFunc(list, func(a, b *Person) int { return cmp.Or(cmp.Compare(a.Account, b.Account), cmp.Compare(a.ID, b.ID)) })
	return c.answer(http.StatusOK, tokenList{list})
}

// revokeToken is DELETE /v1/tokens/{id}.
func (s *Server) revokeToken(c *call) error {
	id := mux.Vars(c.Request)["id"]
	err := s.Store.Update(c.Context(), func(w store.Writer) error {
		var hash []byte
		err := each(w, spaceTokens, nil, func(key []byte, p *Person) (bool, error) {
			if p.ID == id {
				hash = bytes.Clone(key)
			}
			return hash == nil, nil
		})
		if err != nil {
			return err
		}
		if hash == nil {
			return wire.Problemf(wire.CodeNotFound, "there is no token %q", id)
		}
		return errors.Join(w.Delete(spaceTokens, syncengine.LedgerID{}, hash), s.audit(w, c.who.Account, auditTokenEnd, id))
	})
	if err != nil {
		return err
	}
	s.Log.Info().Str("token", id).Str("by", string(c.who.Account)).Msg("token revoked")
	c.w.WriteHeader(http.StatusNoContent)
	return nil
}
