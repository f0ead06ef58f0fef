package clientsdk

import (
	"encoding/json"
	"fmt"

	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/ledger"
	"github.com/arpenteur/arpenteur/syncengine/store"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// announcement is how far another tablet's log is known to reach beyond what is held here, since somebody said so.
type announcement struct {
	Seq  uint64 `json:"seq"`
	Seen int64  `json:"seen"` // when this was learnt, by this tablet's clock
	Told bool   `json:"told,omitempty"`

	replica syncengine.ReplicaID
	beyond  bool // neither this tablet nor, as far as it knows, the server holds it so far
}

func (a *announcement) frame(id syncengine.LedgerID) *wire.Announced {
	return &wire.Announced{Ledger: id, Replica: a.replica, Seq: a.Seq, Seen: a.Seen}
}

// learn notes what another holder says that it holds and this tablet doesn't.
func (t *applying) learn(f *wire.Have) error {
	for replica, heads := range f.Logs {
		if len(heads) == 0 {
			continue
		}
		last := heads[len(heads)-1]
		err := t.hear(&wire.Announced{Ledger: f.Ledger, Replica: replica, Seq: last.Seq, Seen: t.c.o.Now().UnixMilli()})
		if err != nil {
			return err
		}
	}
	return nil
}

// hear notes how far somebody says that another tablet's log reaches. It is one thing for each replica that was ever granted the ledger,
// whatever is said.
func (t *applying) hear(f *wire.Announced) error {
	l, err := t.ledger(f.Ledger)
	if err != nil || l == nil || l.Authority().Key(f.Replica) == nil {
		return err
	}
	heads, err := l.Heads(f.Replica)
	if err != nil || len(heads) > 0 && heads[len(heads)-1].Seq >= f.Seq {
		return err
	}
	var known announcement
	if _, err := getJSON(t.w, spaceAnnounced, f.Ledger, f.Replica.Hash[:], &known); err != nil || known.Seq >= f.Seq {
		return err
	}
	now := t.c.o.Now().UnixMilli()
	return putJSON(t.w, spaceAnnounced, f.Ledger, f.Replica.Hash[:], announcement{Seq: f.Seq, Seen: min(f.Seen, now)})
}

// announcements returns what is noted of a ledger, in the order of replicas.
func announcements(r store.Reader, l *ledger.Ledger) ([]announcement, error) {
	var out []announcement
	err := r.Scan(spaceAnnounced, l.ID(), nil, nil, func(key, raw []byte) (bool, error) {
		var a announcement
		if err := json.Unmarshal(raw, &a); err != nil || len(key) != 32 {
			return false, fmt.Errorf("announcement in ledger %s: %w", l.ID(), store.ErrCorrupt)
		}
		a.replica = syncengine.ReplicaID{Hash: syncengine.Hash(key)}
		out = append(out, a)
		return true, nil
	})
	if err != nil {
		return nil, err
	}
	for i := range out {
		a := &out[i]
		held, err := l.Heads(a.replica)
		if err != nil {
			return nil, err
		}
		remote, err := readRemote(r, l.ID(), a.replica)
		if err != nil {
			return nil, err
		}
		a.beyond = !reaches(held, a.Seq) && !reaches(remote, a.Seq)
	}
	return out, nil
}

// reaches reports whether one of the heads is at seq or beyond.
func reaches(heads []syncengine.Head, seq uint64) bool {
	return len(heads) > 0 && heads[len(heads)-1].Seq >= seq
}

// maxAnnounced is how many announcements one exchange sends.
const maxAnnounced = 1000

// planAnnounced adds what the server was not told yet. What has arrived meanwhile, here or there, is forgotten after the exchange.
func (p *plan) planAnnounced(r store.Reader, l *ledger.Ledger) error {
	list, err := announcements(r, l)
	for _, a := range list {
		switch {
		case !a.beyond:
			p.arrived = append(p.arrived, a.frame(l.ID()))
		case (p.full || !a.Told) && len(p.announced) < maxAnnounced:
			p.announced = append(p.announced, a.frame(l.ID()))
		}
	}
	return err
}

// told notes, after an exchange, what the server has been told and what need not be told any more.
func (p *plan) told(w store.Writer) error {
	for _, f := range p.arrived {
		if err := w.Delete(spaceAnnounced, f.Ledger, f.Replica.Hash[:]); err != nil {
			return err
		}
	}
	for _, f := range p.announced {
		var a announcement
		found, err := getJSON(w, spaceAnnounced, f.Ledger, f.Replica.Hash[:], &a)
		if err != nil {
			return err
		}
		if a.Told = true; !found || a.Seq != f.Seq {
			continue // it reaches further now
		}
		if err := putJSON(w, spaceAnnounced, f.Ledger, f.Replica.Hash[:], a); err != nil {
			return err
		}
	}
	return nil
}
