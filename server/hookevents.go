package server

import (
	"cmp"
	"errors"
	"slices"

	"github.com/arpenteur/arpenteur/schemas"
	"github.com/arpenteur/arpenteur/server/webhooks"
	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/ledger"
	"github.com/arpenteur/arpenteur/syncengine/store"
)

// movedLedger is what a message says of a ledger. Those of records and rulings say it too.
type movedLedger struct {
	Ledger  syncengine.LedgerID `json:"ledger"`
	Version uint64              `json:"version" doc:"of the ledger, in which what moved can be read"`
}

// movedRecord is what a message says of a record.
type movedRecord struct {
	movedLedger
	Kind   syncengine.Kind      `json:"kind"`
	ID     syncengine.RecordID  `json:"id"`
	States []ledger.RecordState `json:"states,omitempty" doc:"that the record was in when the message was made"`
}

// madeRuling is what a message says of a ruling.
type madeRuling struct {
	movedLedger
	Ruling syncengine.ChangeID   `json:"ruling"`
	Type   syncengine.RulingType `json:"type"`
	Target *syncengine.ChangeID  `json:"target,omitempty" doc:"the change that it is about"`
}

// hookSource is what webhooks are told of: what arrived in the ledgers that are open to the token that each was made with (law L10).
type hookSource struct{ s *Server }

// Rights implements webhooks.Source.
func (h hookSource) Rights(r store.Reader, hook *webhooks.Hook) (bool, error) {
	p, err := h.person(r, hook)
	return p != nil, err
}

// person returns whose rights a webhook has, nil where there are none any more.
func (h hookSource) person(r store.Reader, hook *webhooks.Hook) (*Person, error) {
	var found *Person
	err := each(r, spaceTokens, nil, func(_ []byte, p *Person) (bool, error) {
		if p.ID == hook.Token {
			found = p
		}
		return found == nil, nil
	})
	if err != nil || found == nil || found.Expires != 0 && found.Expires < h.s.millis() || !allowed(found.Role, actMakeHook) {
		return nil, err
	}
	return found, nil
}

// Ended implements webhooks.Source.
func (h hookSource) Ended(w store.Writer, hook *webhooks.Hook) error {
	return h.s.audit(w, serverAccount, auditHookOff, hook.ID.String()+" "+string(hook.Ended))
}

// sees reports whether a ledger is among those that a webhook is told of.
func hookSees(hook *webhooks.Hook, p *Person, e *ledgerEntry) bool {
	chosen := len(hook.Diagnostics) == 0 || slices.Contains(hook.Diagnostics, e.Diagnostic)
	return chosen && p.sees(e) && (!e.Restricted || hook.Restricted)
}

// Collect implements webhooks.Source. Ledgers that did not move cost one reading of a key.
func (h hookSource) Collect(r store.Reader, hook *webhooks.Hook) (*webhooks.Batch, error) {
	p, err := h.person(r, hook)
	if err != nil || p == nil {
		return nil, err
	}
	b := new(webhooks.Batch)
	err = each(r, spaceLedgers, nil, func(key []byte, e *ledgerEntry) (bool, error) {
		if !hookSees(hook, p, e) {
			return true, nil
		}
		id := syncengine.LedgerID{Hash: syncengine.Hash(key)}
		told, err := webhooks.ToldOf(r, hook.ID, id)
		if err != nil {
			return false, err
		}
		now, err := ledger.ReadProgress(r, id)
		if err != nil || now.Version <= told {
			return true, err
		}
		l, err := h.s.keeper.View(r, id)
		if err != nil {
			return false, err
		}
		err = (&hookNews{hook: hook, l: l, r: r, role: p.Role, b: b}).collect(told)
		return len(b.Events) < webhooks.BatchEvents, err
	})
	return b, err
}

// begin returns the batch of a webhook that is new: it is told of what comes from now on.
func (h hookSource) begin(r store.Reader, hook *webhooks.Hook, p *Person) (*webhooks.Batch, error) {
	b := new(webhooks.Batch)
	err := each(r, spaceLedgers, nil, func(key []byte, e *ledgerEntry) (bool, error) {
		if !hookSees(hook, p, e) {
			return true, nil
		}
		id := syncengine.LedgerID{Hash: syncengine.Hash(key)}
		now, err := ledger.ReadProgress(r, id)
		if err != nil {
			return false, err
		}
		b.Told(id, now.Version)
		l, err := h.s.keeper.View(r, id)
		if err != nil {
			return false, err
		}
		open, err := (&hookNews{hook: hook, l: l, role: p.Role}).inConflict()
		for _, key := range open {
			b.Conflict(id, key, true)
		}
		return true, err
	})
	return b, err
}

// hookNews collects what there is to tell a webhook of one ledger.
type hookNews struct {
	hook *webhooks.Hook
	l    *ledger.Ledger
	r    store.Reader
	role syncengine.Role
	b    *webhooks.Batch

	records map[syncengine.RecordKey]struct{}
	rulings []*ledger.Step
	whole   bool // any record may have moved
}

// arrivalsAtOnce is how many arrivals are looked at before it is asked whether there is enough to tell.
const arrivalsAtOnce = 64

// collect adds what arrived after a version, all of each arrival, until there is enough for a batch.
func (n *hookNews) collect(told uint64) error {
	n.records = map[syncengine.RecordKey]struct{}{}
	at := told
	for len(n.b.Events)+len(n.records)+len(n.rulings) < webhooks.BatchEvents {
		advances, progress, err := n.l.Since(at, arrivalsAtOnce)
		if err != nil {
			return err
		}
		if progress.Version == at {
			break
		}
		at = progress.Version
		for _, a := range advances {
			if err := n.arrived(a); err != nil {
				return err
			}
		}
	}
	n.b.Told(n.l.ID(), at)
	return n.tell(movedLedger{n.l.ID(), at})
}

// arrived notes what one stretch of a log is about.
func (n *hookNews) arrived(a ledger.Advance) error {
	if !a.First() {
		n.whole = true
		return nil
	}
	return eachArrived(n.l, a, func(c *ledger.Step) error {
		about := c
		if r := c.Ruling; r != nil {
			n.rulings = append(n.rulings, c)
			n.whole = n.whole || r.Type == syncengine.Revoke || r.Type == syncengine.Publish
			var err error
			if about, err = n.l.Change(r.Target); err != nil {
				return err
			}
		}
		if about != nil && about.Genesis == nil && about.Ruling == nil && schemas.MayRead(n.role, about.Kind) {
			n.records[about.Key()] = struct{}{}
		}
		return nil
	})
}

// tell makes events of what was noted: rulings first, then records by kind and id, then what can't be told one by one.
func (n *hookNews) tell(at movedLedger) error {
	for _, c := range n.rulings {
		v := madeRuling{movedLedger: at, Ruling: c.ID, Type: c.Ruling.Type}
		if t := c.Ruling.Target; !t.IsZero() {
			v.Target = &t
		}
		n.add(webhooks.RulingMade, v)
	}
	known, err := webhooks.KnownConflicts(n.r, n.hook.ID, n.l.ID())
	if err != nil {
		return err
	}
	for _, key := range inOrder(n.records) {
		v := movedRecord{movedLedger: at, Kind: key.Kind, ID: key.ID}
		m, err := n.l.Record(key)
		switch {
		case errors.Is(err, store.ErrCorrupt): // it moved all the same, and holds up nothing (law L6)
		case err != nil:
			return err
		case m != nil:
			v.States = m.States
		}
		n.add(webhooks.RecordMerged, v)
		n.conflict(v, known)
	}
	if !n.whole {
		return nil
	}
	n.add(webhooks.LedgerChanged, at)
	return n.allConflicts(at, known)
}

func (n *hookNews) add(e webhooks.EventType, data any) {
	if n.hook.Wants(e) {
		n.b.Events = append(n.b.Events, webhooks.Event{Type: e, Data: data})
	}
}

// tellsConflicts reports whether the webhook is told of conflicts at all; if not, none are noted.
func (n *hookNews) tellsConflicts() bool {
	return n.hook.Wants(webhooks.ConflictOpened) || n.hook.Wants(webhooks.ConflictSettled)
}

// conflict tells whether a record began or ceased to be in conflict since the webhook was last told of it.
func (n *hookNews) conflict(v movedRecord, known map[string]bool) {
	key := syncengine.RecordKey{Kind: v.Kind, ID: v.ID}
	open := slices.Contains(v.States, ledger.StateConflict)
	if open == known[webhooks.RecordName(key)] || !n.tellsConflicts() {
		return
	}
	n.b.Conflict(v.Ledger, key, open)
	known[webhooks.RecordName(key)] = open
	if open {
		n.add(webhooks.ConflictOpened, v)
		return
	}
	n.add(webhooks.ConflictSettled, v)
}

// inConflict returns the records that are in conflict now, by the index.
func (n *hookNews) inConflict() (out []syncengine.RecordKey, err error) {
	if !n.tellsConflicts() {
		return nil, nil
	}
	f := ledger.Filter{Where: map[string]string{"state": string(ledger.StateConflict)}}
	err = n.l.List(f, nil, func(m *ledger.Merged) (bool, error) {
		if schemas.MayRead(n.role, m.Key.Kind) {
			out = append(out, m.Key)
		}
		return true, nil
	})
	if errors.Is(err, store.ErrCorrupt) {
		err = nil // those that can be read are listed
	}
	return out, err
}

// allConflicts tells of every record that began or ceased to be in conflict, where any may have.
func (n *hookNews) allConflicts(at movedLedger, known map[string]bool) error {
	open, err := n.inConflict()
	if err != nil {
		return err
	}
	now := map[string]bool{}
	for _, key := range open {
		now[webhooks.RecordName(key)] = true
		n.conflict(movedRecord{at, key.Kind, key.ID, []ledger.RecordState{ledger.StateConflict}}, known)
	}
	closed := map[syncengine.RecordKey]struct{}{}
	for name, was := range known {
		if was && !now[name] && n.tellsConflicts() {
			key, err := webhooks.ParseRecordName(name)
			if err != nil {
				return err
			}
			closed[key] = struct{}{}
		}
	}
	for _, key := range inOrder(closed) {
		n.conflict(movedRecord{movedLedger: at, Kind: key.Kind, ID: key.ID}, known)
	}
	return nil
}

// inOrder returns record keys by kind, then id.
func inOrder(set map[syncengine.RecordKey]struct{}) []syncengine.RecordKey {
	out := make([]syncengine.RecordKey, 0, len(set))
	for key := range set {
		out = append(out, key)
	}
	slices.SortFunc(out, func(a, b syncengine.RecordKey) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), slices.Compare(a.ID[:], b.ID[:]))
	})
	return out
}
