package server

import (
	"net/http"
	"slices"

	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/ledger"
	"github.com/arpenteur/arpenteur/syncengine/store"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// revokeOrder takes ledgers back from a tablet.
type revokeOrder struct {
	Ledger syncengine.LedgerID `json:"ledger"` // one of them; all where it is empty
	Reason string              `json:"reason"`
	// Cut is the last line that is let stand; with one ledger only. Where it is left out, what is held now stands.
	Cut *cutOrder `json:"cut"`
}

// cutOrder is the last line of a log that is let stand.
type cutOrder struct {
	Seq   uint64          `json:"seq"`
	Chain syncengine.Hash `json:"chain"`
}

// revokeDevice is POST /v1/devices/{replica}/revoke. What the tablet still brings is kept and set aside.
func (s *Server) revokeDevice(c *call) error {
	var o revokeOrder
	if err := c.body(&o); err != nil {
		return err
	}
	switch {
	case o.Reason == "" || len(o.Reason) > maxReason:
		return wire.Problemf(wire.CodeInvalid, "a revocation needs a reason of at most %d bytes", maxReason)
	case o.Cut != nil && (o.Ledger.IsZero() || (o.Cut.Seq == 0) != o.Cut.Chain.IsZero()):
		return wire.Problemf(wire.CodeInvalid, "a cut is a sequence and the chain hash there, in one ledger")
	}
	var v *deviceView
	err := s.Store.Update(c.Context(), func(w store.Writer) (err error) {
		if v, err = s.namedDevice(w, c); err != nil {
			return err
		}
		named := slices.ContainsFunc(v.Ledgers, func(h deviceHold) bool { return h.Ledger == o.Ledger })
		if !o.Ledger.IsZero() && !named {
			return errUnknownLedger(nil)
		}
		if err := s.revokeTablet(w, c.who, &v.Device, &o); err != nil {
			return err
		}
		if err := s.audit(w, c.who.Account, auditRevoke, v.Replica.String()); err != nil {
			return err
		}
		v, err = s.namedDevice(w, c)
		return err
	})
	if err != nil {
		return err
	}
	s.announce(c.Context(), v.Replica)
	s.Log.Info().Stringer("replica", v.Replica).Str("by", string(c.who.Account)).Msg("tablet revoked")
	return c.answer(http.StatusOK, v)
}

// revokeTablet takes the ledgers from every replica that a tablet ever was: those that it continued, and those that continue it, since the
// tablet may still hold their keys. Where no ledger is named it takes all that lie in diagnostics of the asker's, a restricted one too
// that the asker doesn't see: a lost tablet must not keep it.
func (s *Server) revokeTablet(w store.Writer, who *Person, d *Device, o *revokeOrder) error {
	family, err := replicasOf(w, d.Replica)
	if err != nil {
		return err
	}
	for _, replica := range family {
		cut := o.Cut
		if replica != d.Replica {
			cut = nil
		}
		if err := s.revokeReplica(w, who, replica, cut, o); err != nil {
			return err
		}
	}
	return nil
}

// revokeReplica takes the ledgers that are asked for from one replica.
func (s *Server) revokeReplica(w store.Writer, who *Person, replica syncengine.ReplicaID, cut *cutOrder, o *revokeOrder) error {
	list, err := ledgersOf(w, replica)
	if err != nil {
		return err
	}
	for _, h := range list {
		var e ledgerEntry
		if _, err := get(w, spaceLedgers, h.id.Hash[:], &e); err != nil {
			return err
		}
		if o.Ledger.IsZero() && !who.covers(e.Diagnostic) || !o.Ledger.IsZero() && h.id != o.Ledger {
			continue
		}
		if err := s.revoke(w, h.id, replica, who.Account, cut, o.Reason); err != nil {
			return err
		}
	}
	return nil
}

// replicasOf returns a replica with all that it continues and all that continue it, itself first.
func replicasOf(r store.Reader, replica syncengine.ReplicaID) ([]syncengine.ReplicaID, error) {
	kin := map[syncengine.ReplicaID][]syncengine.ReplicaID{}
	err := each(r, spaceDevices, nil, func(_ []byte, d *Device) (bool, error) {
		if !d.Predecessor.IsZero() {
			kin[d.Replica] = append(kin[d.Replica], d.Predecessor)
			kin[d.Predecessor] = append(kin[d.Predecessor], d.Replica)
		}
		return true, nil
	})
	out := []syncengine.ReplicaID{replica}
	for i := 0; i < len(out); i++ {
		for _, next := range kin[out[i]] {
			if !slices.Contains(out, next) {
				out = append(out, next)
			}
		}
	}
	return out, err
}

// revoke ends every grant that a replica holds in a ledger, within a running update.
// Without a cut, what is held now of the replica's first branch stands.
func (s *Server) revoke(
	w store.Writer, id syncengine.LedgerID, replica syncengine.ReplicaID, by syncengine.AccountID, at *cutOrder, reason string,
) error {
	l, err := s.keeper.View(w, id)
	if err != nil {
		return err
	}
	var cut syncengine.Head
	if at != nil {
		cut = syncengine.Head{Seq: at.Seq, Chain: at.Chain}
	} else {
		heads, err := l.Heads(replica)
		if err != nil {
			return err
		}
		if len(heads) > 0 {
			cut = heads[0]
		}
	}
	var edits []ledger.Edit
	for _, grant := range l.Authority().Grants(replica) {
		e, err := ledger.Rule(s.newID, by, s.millis(), syncengine.Ruling{Type: syncengine.Revoke, Target: grant, Cut: cut}, reason)
		if err != nil {
			return err
		}
		edits = append(edits, e)
	}
	if len(edits) > 0 {
		if _, err := s.rule(w, id, edits...); err != nil {
			return err
		}
	}
	return put(w, spaceAccess, accessKey(replica, id), access{Access: wire.AccessRevoked, Grants: []syncengine.ChangeID{}})
}
