package clientsdk

import (
	"context"
	"fmt"

	"github.com/arpenteur/arpenteur/schemas"
	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/ledger"
	"github.com/arpenteur/arpenteur/syncengine/store"
)

// Safety says where the user's own changes of a record are safe. A record that others made is safe on the server already.
type Safety string

// The degrees of safety, each including the one before.
const (
	OnTablet Safety = "on_tablet" // durable here, and only here
	Received Safety = "received"  // a receipt of the server covers it
	BackedUp Safety = "backed_up" // a verified backup holds it: only now may the tablet forget it
)

// Record is a merged record as the tablet holds it.
type Record struct {
	*ledger.Merged
	Ref    Ref
	Safety Safety // of its changes; photos are sent apart
	Photos PhotoCounts
}

// Document returns the record as canonical JSON: what is shown of it, see syncengine.Record.AppendDocument.
func (r *Record) Document() []byte { return r.AppendDocument(nil) }

// Record returns a merged record, or ErrNoRecord.
func (c *Client) Record(ctx context.Context, ref Ref) (*Record, error) {
	var out *Record
	err := c.view(ctx, ref.Ledger, func(l *ledger.Ledger) error {
		m, err := l.Record(ref.Record)
		if err != nil {
			return err
		}
		if m == nil {
			return ErrNoRecord
		}
		out = &Record{Merged: m, Ref: ref}
		if out.Safety, err = c.safety(l, ref.Record); err != nil {
			return err
		}
		photos, err := c.photosOf(l, m)
		for i := range photos {
			out.Photos.add(photos[i].State)
		}
		return err
	})
	return out, err
}

// Records calls fn with the merged records that a filter wants, in the order of kind and id, after the given key (nil: from the
// first), until fn returns false. fn must not call the client. Safety and Photos are not filled in; ask Record for them.
func (c *Client) Records(ctx context.Context, id syncengine.LedgerID, f ledger.Filter, after *syncengine.RecordKey, fn func(r *Record) (bool, error)) error {
	return c.view(ctx, id, func(l *ledger.Ledger) error {
		return l.List(f, after, func(m *ledger.Merged) (bool, error) {
			return fn(&Record{Merged: m, Ref: Ref{id, m.Key}})
		})
	})
}

// History returns the changes of a record, oldest first by author time, with what became of each.
func (c *Client) History(ctx context.Context, ref Ref) ([]ledger.Step, error) {
	var out []ledger.Step
	err := c.view(ctx, ref.Ledger, func(l *ledger.Ledger) (err error) {
		out, err = l.History(ref.Record)
		return err
	})
	return out, err
}

// safety looks for the least safe of the user's own changes of a record. A change that lies in two of the user's logs is as safe as the
// safer of both.
func (c *Client) safety(l *ledger.Ledger, key syncengine.RecordKey) (Safety, error) {
	id, err := enrolled(l.Reader())
	if err != nil {
		return "", err
	}
	s, err := readSide(l.Reader(), l.ID())
	if err != nil {
		return "", err
	}
	mine := map[syncengine.ReplicaID]bool{}
	for _, p := range c.pens(id) {
		mine[p.Replica()] = true
	}
	steps, err := l.History(key)
	if err != nil {
		return "", err
	}
	least := BackedUp
	for i := range steps {
		if got, own := s.safetyOf(steps[i].Envelopes, mine); own && got.less(least) {
			least = got
		}
	}
	return least, nil
}

// safetyOf says how safe a change is by the safest of the user's own envelopes of it, reporting false where it has none.
func (s *side) safetyOf(envelopes []syncengine.Envelope, mine map[syncengine.ReplicaID]bool) (Safety, bool) {
	safest, own := OnTablet, false
	for _, e := range envelopes {
		if !mine[e.Replica] {
			continue
		}
		own = true
		r := s.receipt(e.Replica)
		switch {
		case r == nil || r.Head.Seq < e.Seq:
		case r.Backup >= e.Seq:
			safest = BackedUp
		case safest == OnTablet:
			safest = Received
		}
	}
	return safest, own
}

// less reports whether s is less safe than t.
func (s Safety) less(t Safety) bool { return s != t && (s == OnTablet || t == BackedUp) }

// Checklist returns the current version of a checklist or record kind in a ledger, with its form.
func (c *Client) Checklist(ctx context.Context, id syncengine.LedgerID, lineage string) (*schemas.Version, error) {
	var v *schemas.Version
	err := c.view(ctx, id, func(l *ledger.Ledger) error {
		if list := l.Reading(lineage).Current(); list != nil {
			v = c.compiler.Version(list.Version)
		}
		if v == nil {
			return fmt.Errorf("%w: it has no checklist %q yet", ErrNoLedger, lineage)
		}
		return nil
	})
	return v, err
}

// Status says in counts where everything is: what T3 of the tablet shows.
type Status struct {
	Enrolled bool
	Server   string
	Name     string // of the tablet
	Ledgers  []LedgerInfo
	Drafts   int
	Photos   PhotoCounts // this user's: those that wait to be looked over, and those of committed changes
}

// Status returns where everything is.
func (c *Client) Status(ctx context.Context) (Status, error) {
	s := Status{Drafts: len(c.Drafts())}
	err := c.store.View(ctx, func(r store.Reader) error {
		id, err := readIdentity(r)
		if err != nil || id == nil {
			return err
		}
		s.Enrolled, s.Server, s.Name = id.Account != "", id.Server, id.Name
		return nil
	})
	if err != nil || !s.Enrolled {
		return s, err
	}
	if s.Ledgers, err = c.Ledgers(ctx); err != nil {
		return s, err
	}
	for _, l := range s.Ledgers {
		s.Photos.include(l.Photos)
	}
	s.Photos.ToReview = len(c.PhotosToReview())
	s.Photos.Total += s.Photos.ToReview
	return s, nil
}
