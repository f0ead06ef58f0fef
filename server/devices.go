package server

import (
	"cmp"
	"net/http"
	"slices"

	"github.com/google/uuid"
	"github.com/gorilla/mux"

	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/store"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// deviceView is a tablet and what is held of it.
type deviceView struct {
	Device
	Contact int64        `json:"contact,omitempty"` // of its last exchange, by the server's clock; exact to some minutes
	Ledgers []deviceHold `json:"ledgers"`
}

// deviceList is the tablets that somebody may see.
type deviceList struct {
	Devices []*deviceView `json:"devices"`
}

// deviceHold is one ledger of a tablet.
type deviceHold struct {
	Ledger     syncengine.LedgerID `json:"ledger"`
	Diagnostic uuid.UUID           `json:"diagnostic"`
	Restricted bool                `json:"restricted,omitempty"`
	Access     wire.Access         `json:"access"`
	Held       uint64              `json:"held"`               // the last sequence of its log that is held
	Branches   int                 `json:"branches,omitempty"` // of its log, where there are several
	Announced  *announcedView      `json:"announced,omitempty"`
}

// listDevices is GET /v1/devices: the tablets that have a ledger which is open to the asker, or none yet, by name.
func (s *Server) listDevices(c *call) error {
	list := []*deviceView{}
	err := s.Store.View(c.Context(), func(r store.Reader) error {
		list = list[:0]
		return each(r, spaceDevices, nil, func(_ []byte, d *Device) (bool, error) {
			v, err := s.viewDevice(r, c.who, d)
			if v != nil {
				list = append(list, v)
			}
			return true, err
		})
	})
	if err != nil {
		return err
	}
	slices.SortFunc(list, func(a, b *deviceView) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), a.Replica.Compare(b.Replica.Hash))
	})
	return c.answer(http.StatusOK, deviceList{list})
}

// viewDevice returns a device as a person may see it; nil where all of its ledgers are closed to them.
func (s *Server) viewDevice(r store.Reader, who *Person, d *Device) (*deviceView, error) {
	all, err := ledgersOf(r, d.Replica)
	if err != nil {
		return nil, err
	}
	v := &deviceView{Device: *d, Ledgers: []deviceHold{}}
	for _, h := range all {
		var e ledgerEntry
		found, err := get(r, spaceLedgers, h.id.Hash[:], &e)
		if err != nil {
			return nil, err
		}
		if !found || !who.sees(&e) {
			continue
		}
		hold, err := s.hold(r, d.Replica, h, &e)
		if err != nil {
			return nil, err
		}
		v.Ledgers = append(v.Ledgers, hold)
	}
	if len(all) > 0 && len(v.Ledgers) == 0 || len(all) == 0 && len(who.Diagnostics) > 0 {
		return nil, nil
	}
	v.Contact, err = s.lastContact(r, d.Replica)
	return v, err
}

func (s *Server) hold(r store.Reader, replica syncengine.ReplicaID, h held, e *ledgerEntry) (deviceHold, error) {
	out := deviceHold{Ledger: h.id, Diagnostic: e.Diagnostic, Restricted: e.Restricted, Access: h.access}
	l, err := s.keeper.View(r, h.id)
	if err != nil {
		return out, err
	}
	heads, err := l.Heads(replica)
	if err != nil {
		return out, err
	}
	if len(heads) > 0 {
		out.Held = heads[0].Seq
	}
	if len(heads) > 1 {
		out.Branches = len(heads)
	}
	out.Announced, err = viewAnnounced(r, h.id, replica, out.Held)
	return out, err
}

// namedDevice reads the tablet that the address names, where the asker may see it.
func (s *Server) namedDevice(r store.Reader, c *call) (*deviceView, error) {
	none := wire.Problemf(wire.CodeNotFound, "there is no such tablet")
	h, err := syncengine.ParseHash(mux.Vars(c.Request)["replica"])
	if err != nil || h.IsZero() {
		return nil, none
	}
	d, err := device(r, syncengine.ReplicaID{Hash: h})
	if err != nil {
		return nil, err
	}
	if d == nil {
		return nil, none
	}
	v, err := s.viewDevice(r, c.who, d)
	if err == nil && v == nil {
		return nil, none
	}
	return v, err
}

// grantOrder opens diagnostics to a tablet.
type grantOrder struct {
	Diagnostics []uuid.UUID `json:"diagnostics"`
	Restricted  bool        `json:"restricted"` // with their restricted ledgers
}

// grantDevice is POST /v1/devices/{replica}/grants. What the tablet has already stays as it is.
func (s *Server) grantDevice(c *call) error {
	var o grantOrder
	if err := c.body(&o); err != nil {
		return err
	}
	if len(o.Diagnostics) == 0 {
		return wire.Problemf(wire.CodeInvalid, "diagnostics must name at least one")
	}
	var v *deviceView
	err := s.Store.Update(c.Context(), func(w store.Writer) (err error) {
		if v, err = s.namedDevice(w, c); err != nil {
			return err
		}
		if o.Restricted && !mayBeRestricted(v.Role) {
			return wire.Problemf(wire.CodeInvalid, "the restricted ledgers are never open to the role %s", v.Role)
		}
		ledgers, err := openedBy(w, c.who, o.Diagnostics, o.Restricted)
		if err != nil {
			return err
		}
		for _, id := range ledgers {
			if err := s.grantOnce(w, id, &v.Device, c.who.Account); err != nil {
				return err
			}
		}
		if err := s.audit(w, c.who.Account, auditGrant, v.Replica.String()); err != nil {
			return err
		}
		v, err = s.namedDevice(w, c)
		return err
	})
	if err != nil {
		return err
	}
	s.announce(c.Context(), v.Replica)
	s.Log.Info().Stringer("replica", v.Replica).Str("by", string(c.who.Account)).Msg("ledgers granted")
	return c.answer(http.StatusOK, v)
}
