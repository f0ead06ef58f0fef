package server

import (
	"encoding/base64"
	"encoding/hex"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/store"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// Person is somebody who works on the server itself: who they are to it, and which diagnostics are open to them. A person is known
// by a bearer token, of which only the hash is kept.
type Person struct {
	ID          string               `json:"id"` // of the token, for lists and for revoking it
	Account     syncengine.AccountID `json:"account"`
	Role        syncengine.Role      `json:"role"`
	Name        string               `json:"name,omitempty"`        // a label for lists: "Coordination 2", not a person's name
	Restricted  bool                 `json:"restricted,omitempty"`  // the restricted ledgers of their diagnostics are open too
	Diagnostics []uuid.UUID          `json:"diagnostics,omitempty"` // that are open to them; all where it is empty
	Created     int64                `json:"created"`
	Expires     int64                `json:"expires,omitempty"` // milliseconds since 1970 UTC; 0: until it is revoked
}

// tokenPrefix lets a token be recognised where it should not be, as in a commit or a mail.
const tokenPrefix = "arp_"

// roleLocal is who works on the machine itself, through Local: it sets up what there is, and reads no field data either.
const roleLocal syncengine.Role = "local"

// localAccount is the account of Local.
const localAccount syncengine.AccountID = "local-administrator"

func localPerson() *Person {
	return &Person{ID: "local", Account: localAccount, Role: roleLocal, Restricted: true}
}

// checkAccount refuses what can't be a person's account: another form, or the names that the server writes under itself.
func checkAccount(a syncengine.AccountID) error {
	if !a.Valid() {
		return wire.Problemf(wire.CodeInvalid, "account must be 1 to 40 of a-z, 0-9 and hyphen")
	}
	if a == serverAccount || a == localAccount {
		return wire.Problemf(wire.CodeInvalid, "the account %s is the server's own", a)
	}
	return nil
}

// covers reports whether a diagnostic is open to the person.
func (p *Person) covers(diagnostic uuid.UUID) bool {
	return len(p.Diagnostics) == 0 || slices.Contains(p.Diagnostics, diagnostic)
}

// sees reports whether a ledger is open to the person.
func (p *Person) sees(e *ledgerEntry) bool {
	return p.covers(e.Diagnostic) && (!e.Restricted || p.Restricted)
}

// newToken draws a bearer token.
func (s *Server) newToken() (string, error) {
	var b [32]byte
	if _, err := io.ReadFull(s.Secret.rand, b[:]); err != nil {
		return "", err
	}
	return tokenPrefix + base64.RawURLEncoding.EncodeToString(b[:]), nil
}

// tokenID is how lists name a token. It is of the hash, so it helps nobody to guess the token.
func tokenID(hash []byte) string { return hex.EncodeToString(hash[:8]) }

// person returns who a request is from, by its bearer token.
func (s *Server) person(r *http.Request) (*Person, error) {
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok || !strings.HasPrefix(token, tokenPrefix) {
		return nil, wire.Problemf(wire.CodeUnauthenticated, "send the token that you were given, as a bearer token")
	}
	var p Person
	var found bool
	err := s.Store.View(r.Context(), func(v store.Reader) (err error) {
		found, err = get(v, spaceTokens, hashOf(token), &p)
		return err
	})
	if err != nil {
		return nil, err
	}
	if !found || p.Expires != 0 && p.Expires < s.millis() {
		return nil, wire.Problemf(wire.CodeUnauthenticated, "the token is not known, was revoked or has expired")
	}
	return &p, nil
}
