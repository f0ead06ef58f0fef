package server

import (
	"errors"

	"github.com/google/uuid"

	"github.com/arpenteur/arpenteur/schemas"
	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/ledger"
	"github.com/arpenteur/arpenteur/syncengine/store"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// relearn brings the directory up to grants and revocations that came back, and notes redactions among them.
func (s *Server) relearn(w store.Writer, l *ledger.Ledger, in *ledger.Incoming, fresh int) error {
	if !l.Authority().IsAuthority(in.Replica) {
		return nil
	}
	for _, line := range in.Decoded[len(in.Decoded)-fresh:] {
		r := line.Change.Ruling
		if r == nil {
			continue
		}
		if r.Type == syncengine.Redact {
			if err := noteErasure(w, s.millis()); err != nil {
				return err
			}
		}
		grant := r
		if r.Type == syncengine.Revoke {
			grant = l.Authority().Ruling(r.Target)
		}
		if grant == nil || grant.Type != syncengine.Grant {
			continue
		}
		if err := s.relearnDevice(w, l, grant, line.Change.Time); err != nil {
			return err
		}
	}
	return nil
}

// relearnDevice enters the replica of a grant, and what it may have of the ledger by all that is held.
func (s *Server) relearnDevice(w store.Writer, l *ledger.Ledger, grant *syncengine.Ruling, granted int64) error {
	known, err := device(w, grant.Replica)
	if err != nil {
		return err
	}
	if known == nil {
		d := &Device{
			Key: wire.PublicKeyOf(grant.Key), Replica: grant.Replica, Account: grant.Account, Name: grant.Replica.String()[:8], Role: grant.Role,
			Enrolled: granted, Predecessor: grant.Predecessor,
		}
		if err := put(w, spaceDevices, d.Replica.Hash[:], d); err != nil {
			return err
		}
	}
	a := access{Access: wire.AccessRevoked, Grants: l.Authority().Grants(grant.Replica)}
	if len(a.Grants) > 0 {
		a.Access = wire.AccessFull
	}
	return put(w, spaceAccess, accessKey(grant.Replica, l.ID()), a)
}

// merge merges what arrived. Where lines of the authority came back, it enters what they say of the diagnostic.
func (s *Server) merge(w store.Writer, l *ledger.Ledger, returned bool) error {
	if err := l.Settle(); err != nil || !returned {
		return err
	}
	return s.relearnDiagnostic(w, l)
}

// relearnDiagnostic enters a diagnostic whose ledgers came back, as far as they say by now.
func (s *Server) relearnDiagnostic(w store.Writer, l *ledger.Ledger) error {
	var e ledgerEntry
	d, id := new(Diagnostic), l.ID()
	if found, err := get(w, spaceLedgers, id.Hash[:], &e); err != nil || !found {
		return err
	}
	found, err := get(w, spaceDiagnostics, e.Diagnostic[:], d)
	switch {
	case err != nil:
		return err
	case isRestricted(l):
		if !found || !d.Restricted.IsZero() {
			return nil // it is there, or will be entered with the public one
		}
		d.Restricted = id
		return put(w, spaceDiagnostics, d.ID[:], d)
	case !isPublic(l), found && d.Name != "" && d.Neighbourhood != "":
		return nil
	case !found:
		*d = Diagnostic{ID: e.Diagnostic, Created: s.millis()}
		if d.Restricted, err = s.restrictedOf(w, d.ID); err != nil {
			return err
		}
	}
	d.Ledger, e.Restricted = id, false
	return errors.Join(nameDiagnostic(l, d), put(w, spaceLedgers, id.Hash[:], e), put(w, spaceDiagnostics, d.ID[:], d))
}

// isPublic and isRestricted report which of a diagnostic's two ledgers one is, by what is published in it: both false where that is not known yet.
func isPublic(l *ledger.Ledger) bool {
	return len(l.Authority().Versions(string(schemas.Diagnostic))) > 0
}

func isRestricted(l *ledger.Ledger) bool {
	return len(l.Authority().Versions(schemas.PublicSecurity)) > 0
}

// restrictedOf returns the restricted ledger of a diagnostic that is not entered, the zero id where none came back by now.
func (s *Server) restrictedOf(w store.Reader, diagnostic uuid.UUID) (out syncengine.LedgerID, err error) {
	err = each(w, spaceLedgers, nil, func(key []byte, e *ledgerEntry) (bool, error) {
		if e.Diagnostic != diagnostic || !e.Restricted {
			return true, nil
		}
		id := syncengine.LedgerID{Hash: syncengine.Hash(key)}
		l, err := s.keeper.View(w, id)
		if err == nil && isRestricted(l) {
			out = id
		}
		return true, err
	})
	return out, err
}

// nameDiagnostic fills in what the records say of a diagnostic.
func nameDiagnostic(l *ledger.Ledger, d *Diagnostic) error {
	about, err := l.Record(syncengine.RecordKey{Kind: schemas.Diagnostic, ID: d.ID})
	if err != nil || about == nil {
		return err
	}
	d.Name = shownText(about, "/title")
	where, ok := parseUUID(shownText(about, "/neighbourhood"))
	if !ok {
		return nil
	}
	neighbourhood, err := l.Record(syncengine.RecordKey{Kind: schemas.Neighbourhood, ID: where})
	if err != nil || neighbourhood == nil {
		return err
	}
	d.Neighbourhood = shownText(neighbourhood, "/code")
	return nil
}
