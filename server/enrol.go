package server

import (
	"crypto/ed25519"
	"encoding/base32"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/arpenteur/arpenteur/schemas"
	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/ledger"
	"github.com/arpenteur/arpenteur/syncengine/store"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// codeLife is how long an enrolment code works.
const codeLife = 10 * time.Minute

// newCode draws an eight-character code, forty bits, in letters and digits that are not mistaken for each other.
func (s *Server) newCode() (string, error) {
	var b [5]byte
	if _, err := io.ReadFull(s.Secret.rand, b[:]); err != nil {
		return "", err
	}
	text := base32.NewEncoding("ABCDEFGHJKLMNPQRSTUVWXYZ23456789").EncodeToString(b[:])
	return text[:4] + "-" + text[4:], nil
}

// foldCode brings a typed code to the form that it was drawn in.
func foldCode(code string) string {
	code = strings.ToUpper(strings.TrimSpace(code))
	if len(code) == 8 {
		code = code[:4] + "-" + code[4:]
	}
	return code
}

// handleEnrol is POST /v1/enrolments: a tablet shows its new key and the code that a coordinator gave, and is granted what the code
// entitles to. The code and the grants go together or not at all.
func (s *Server) handleEnrol(w http.ResponseWriter, r *http.Request) {
	body, err := readBody(w, r)
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	e, err := wire.DecodeEnrolment(body)
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	if !e.Verify() {
		s.refuse(w, r, wire.Problemf(wire.CodeUnauthenticated, "the proof is not the key's signature over the code"))
		return
	}
	d := Device{Key: e.Key, Replica: wire.ReplicaOf(e.Key.Ed25519()), Name: e.Name, Enrolled: s.millis()}
	err = s.Store.Update(r.Context(), func(w store.Writer) error { return s.redeem(w, foldCode(e.Code), &d) })
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	s.announce(r.Context(), d.Replica)
	s.Log.Info().Stringer("replica", d.Replica).Str("account", string(d.Account)).Msg("tablet enrolled")
	answer := wire.EnrolmentAnswer{Account: d.Account, Replica: d.Replica, Root: s.Secret.RootKey()}
	writeJSON(w, http.StatusCreated, answer.Append(nil))
}

// redeem uses up a code for a device. A tablet that lost the answer may repeat the request: the same key gets the same answer.
func (s *Server) redeem(w store.Writer, code string, d *Device) error {
	known, err := device(w, d.Replica)
	if err != nil {
		return err
	}
	var c enrolmentCode
	found, err := get(w, spaceCodes, hashOf(code), &c)
	if err != nil {
		return err
	}
	if known != nil {
		*d = *known
		return nil
	}
	if !found || c.Expires < s.millis() {
		return wire.Problemf(wire.CodeBadCode, "the enrolment code is unknown, was used, or has expired")
	}
	d.Account, d.Role = c.Account, c.Role
	if c.Name != "" {
		d.Name = c.Name
	}
	if err := w.Delete(spaceCodes, syncengine.LedgerID{}, hashOf(code)); err != nil {
		return err
	}
	if err := put(w, spaceDevices, d.Replica.Hash[:], d); err != nil {
		return err
	}
	for _, id := range c.Ledgers {
		if err := s.grant(w, id, d, c.By, nil); err != nil {
			return err
		}
	}
	return nil
}

// grant rules, within a running update, that a device may write what its role allows in a ledger. kinds narrows that where it is not nil.
func (s *Server) grant(w store.Writer, id syncengine.LedgerID, d *Device, by syncengine.AccountID, kinds []syncengine.Kind) error {
	var e ledgerEntry
	if found, err := get(w, spaceLedgers, id.Hash[:], &e); err != nil || !found {
		return errors.Join(err, wire.Problemf(wire.CodeUnknownLedger, "there is no ledger %s", id))
	}
	allowed := schemas.WritableKinds(d.Role, e.Restricted)
	if kinds == nil {
		kinds = allowed
	}
	for _, k := range kinds {
		if !slices.Contains(allowed, k) {
			return wire.Problemf(wire.CodeInvalid, "the role %s may not write records of kind %s", d.Role, k)
		}
	}
	edit, err := ledger.Rule(s.newID, by, s.millis(), syncengine.Ruling{
		Type: syncengine.Grant, Replica: d.Replica, Key: d.Key[:], Account: d.Account, Role: d.Role, Kinds: kinds, Predecessor: d.Predecessor,
	}, "")
	if err != nil {
		return err
	}
	lines, err := s.rule(w, id, edit)
	if err != nil {
		return err
	}
	a := access{Access: wire.AccessFull}
	if _, err := get(w, spaceAccess, accessKey(d.Replica, id), &a); err != nil {
		return err
	}
	a.Access = wire.AccessFull
	a.Grants = append(a.Grants, lines[0].Change.ID)
	return put(w, spaceAccess, accessKey(d.Replica, id), a)
}

// rule commits rulings or other edits of the authority to a ledger within a running update.
func (s *Server) rule(w store.Writer, id syncengine.LedgerID, edits ...ledger.Edit) ([]*wire.Line, error) {
	l, err := s.keeper.Edit(w, id)
	if err != nil {
		return nil, err
	}
	lines, err := l.Commit(s.pen, edits...)
	if err != nil {
		return nil, err
	}
	if err := l.Settle(); err != nil {
		return nil, err
	}
	_, err = l.Advances(w)
	return lines, err
}

// handleSucceed is POST /v1/successions: a replica whose log was forked or damaged names the one that continues it.
func (s *Server) handleSucceed(w http.ResponseWriter, r *http.Request) {
	old := s.authenticate(w, r)
	if old == nil {
		return
	}
	body, err := readBody(w, r)
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	c, err := wire.DecodeSuccession(body)
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	if !c.Verify(old.Replica) {
		s.refuse(w, r, wire.Problemf(wire.CodeUnauthenticated, "the proof is not the new key's signature over the old replica"))
		return
	}
	d := Device{
		Key: c.Key, Replica: wire.ReplicaOf(ed25519.PublicKey(c.Key[:])), Account: old.Account, Name: old.Name, Role: old.Role,
		Enrolled: s.millis(), Predecessor: old.Replica,
	}
	if err := s.Store.Update(r.Context(), func(w store.Writer) error { return s.succeed(w, old, &d) }); err != nil {
		s.refuse(w, r, err)
		return
	}
	s.announce(r.Context(), d.Replica)
	s.Log.Info().Stringer("replica", d.Replica).Stringer("predecessor", old.Replica).Msg("replica succeeded")
	answer := wire.EnrolmentAnswer{Account: d.Account, Replica: d.Replica, Root: s.Secret.RootKey()}
	writeJSON(w, http.StatusCreated, answer.Append(nil))
}

// succeed gives a new replica the grants of the one that it continues. Two copies of one store may both do so. What was revoked
// has no successor.
func (s *Server) succeed(w store.Writer, old, d *Device) error {
	known, err := device(w, d.Replica)
	if err != nil {
		return err
	}
	if known != nil {
		if known.Predecessor != old.Replica {
			return wire.Problemf(wire.CodeInvalid, "the new key is in use already")
		}
		return nil
	}
	list, err := ledgersOf(w, old.Replica)
	if err != nil {
		return err
	}
	if err := put(w, spaceDevices, d.Replica.Hash[:], d); err != nil {
		return err
	}
	for _, h := range list {
		if h.access != wire.AccessFull {
			continue
		}
		kinds, err := s.grantedKinds(w, h.id, old.Replica)
		if err != nil {
			return err
		}
		if err := s.grant(w, h.id, d, serverAccount, kinds); err != nil {
			return err
		}
	}
	return nil
}

// grantedKinds returns the kinds that a replica's standing grants name together.
func (s *Server) grantedKinds(w store.Writer, id syncengine.LedgerID, replica syncengine.ReplicaID) ([]syncengine.Kind, error) {
	l, err := s.keeper.View(w, id)
	if err != nil {
		return nil, err
	}
	kinds := []syncengine.Kind{}
	for _, g := range l.Authority().Grants(replica) {
		kinds = append(kinds, l.Authority().Ruling(g).Kinds...)
	}
	slices.Sort(kinds)
	return slices.Compact(kinds), nil
}
