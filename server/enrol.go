package server

import (
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
func (s *Server) handleEnrol(c *call) error {
	body, err := readBody(c.w, c.Request)
	if err != nil {
		return err
	}
	e, err := wire.DecodeEnrolment(body)
	if err != nil {
		return err
	}
	if !e.Verify() {
		return wire.Problemf(wire.CodeUnauthenticated, "the proof is not the key's signature over the code")
	}
	var d Device
	err = s.Store.Update(c.Context(), func(w store.Writer) error {
		d = Device{Key: e.Key, Replica: wire.ReplicaOf(e.Key.Ed25519()), Name: e.Name, Enrolled: s.millis()}
		return s.redeem(w, foldCode(e.Code), &d)
	})
	if err != nil {
		return err
	}
	s.announce(c.Context(), d.Replica)
	s.Log.Info().Stringer("replica", d.Replica).Str("account", string(d.Account)).Msg("tablet enrolled")
	return s.answerEnrolment(c, &d)
}

// answerEnrolment tells a tablet who it is here.
func (s *Server) answerEnrolment(c *call, d *Device) error {
	answer := wire.EnrolmentAnswer{Account: d.Account, Replica: d.Replica, Root: s.Secret.RootKey()}
	writeJSON(c.w, http.StatusCreated, answer.Append(nil))
	return nil
}

// redeem uses up a code for a device. A tablet that lost the answer may repeat the request: its key gets the same answer. A tablet that
// is known may redeem a further code of its account.
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
	found = found && c.Expires >= s.millis()
	switch {
	case known != nil && !found:
		*d = *known
		return nil
	case !found:
		return wire.Problemf(wire.CodeBadCode, "the enrolment code is unknown, was used, or has expired")
	case known != nil && known.Account != c.Account:
		return wire.Problemf(wire.CodeInvalid, "this tablet's key is somebody else's; make a new one for this code")
	case known != nil:
		*d = *known
	default:
		d.Account, d.Role = c.Account, c.Role
		if c.Name != "" {
			d.Name = c.Name
		}
	}
	if err := w.Delete(spaceCodes, syncengine.LedgerID{}, hashOf(code)); err != nil {
		return err
	}
	if err := errors.Join(put(w, spaceDevices, d.Replica.Hash[:], d), s.audit(w, d.Account, auditEnrol, d.Replica.String())); err != nil {
		return err
	}
	for _, id := range c.Ledgers {
		if err := s.grantOnce(w, id, d, c.By); err != nil {
			return err
		}
	}
	return nil
}

// grantOnce opens a ledger to a device, unless it has it already.
func (s *Server) grantOnce(w store.Writer, id syncengine.LedgerID, d *Device, by syncengine.AccountID) error {
	var a access
	found, err := get(w, spaceAccess, accessKey(d.Replica, id), &a)
	if err != nil || found && a.Access == wire.AccessFull && len(a.Grants) > 0 {
		return err
	}
	return s.grant(w, id, d, by, nil)
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
	lines, err := s.write(l, edits...)
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
func (s *Server) handleSucceed(c *call) error {
	old := c.device
	body, err := readBody(c.w, c.Request)
	if err != nil {
		return err
	}
	next, err := wire.DecodeSuccession(body)
	if err != nil {
		return err
	}
	if !next.Verify(old.Replica) {
		return wire.Problemf(wire.CodeUnauthenticated, "the proof is not the new key's signature over the old replica")
	}
	d := Device{
		Key: next.Key, Replica: wire.ReplicaOf(next.Key.Ed25519()), Account: old.Account, Name: old.Name, Role: old.Role,
		Enrolled: s.millis(), Predecessor: old.Replica,
	}
	if err := s.Store.Update(c.Context(), func(w store.Writer) error { return s.succeed(w, old, &d) }); err != nil {
		return err
	}
	s.announce(c.Context(), d.Replica)
	s.Log.Info().Stringer("replica", d.Replica).Stringer("predecessor", old.Replica).Msg("replica succeeded")
	return s.answerEnrolment(c, &d)
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
	open := slices.ContainsFunc(list, func(h held) bool { return h.access == wire.AccessFull })
	if len(list) > 0 && !open {
		return wire.Problemf(wire.CodeForbidden, "this tablet was revoked, so nothing continues it; enrol it anew")
	}
	if err := errors.Join(put(w, spaceDevices, d.Replica.Hash[:], d), s.audit(w, d.Account, auditSuccessor, d.Replica.String())); err != nil {
		return err
	}
	if old.Successor.IsZero() {
		continued := *old
		continued.Successor = d.Replica
		if err := put(w, spaceDevices, old.Replica.Hash[:], &continued); err != nil {
			return err
		}
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
