package server

import (
	"context"

	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/ledger"
	"github.com/arpenteur/arpenteur/syncengine/store"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// maxAnnounced is how many announcements of one body are looked at.
const maxAnnounced = 1000

// announcement is that a tablet was told of changes in another's log which are not here yet. It is hearsay, shown to people and nothing else.
type announcement struct {
	Seq  uint64               `json:"seq"`
	By   syncengine.ReplicaID `json:"by"`   // who says so; zero for a file
	Seen int64                `json:"seen"` // when they learnt it, by their clock, but not later than they said so
}

// announcedView is an announcement as people see it.
type announcedView struct {
	Pending uint64               `json:"pending"` // changes that are not here yet
	By      syncengine.ReplicaID `json:"by,omitzero"`
	ByName  string               `json:"by_name,omitempty"` // of the tablet: "T-04"
	Seen    int64                `json:"seen"`
}

// keepAnnounced keeps what the body announced, where it is news: one thing for each tablet of a ledger that the sender has too.
func (x *exchange) keepAnnounced(ctx context.Context) error {
	if len(x.announced) == 0 {
		return nil
	}
	var news []*wire.Announced
	err := x.s.Store.View(ctx, func(r store.Reader) (err error) {
		news, err = x.news(r, x.announced, nil)
		return err
	})
	if err != nil || len(news) == 0 {
		return err
	}
	now := x.s.millis()
	return x.s.Store.Update(ctx, func(w store.Writer) error {
		_, err := x.news(w, news, func(f *wire.Announced) error {
			return put(w, spaceAnnounced, accessKey(f.Replica, f.Ledger), announcement{f.Seq, x.replica, min(f.Seen, now)})
		})
		return err
	})
}

// news returns those announcements that say something new, and calls keep, unless it is nil, with each before it looks at the next.
func (x *exchange) news(r store.Reader, list []*wire.Announced, keep func(f *wire.Announced) error) (out []*wire.Announced, err error) {
	for _, f := range list {
		is, err := x.isNews(r, f)
		if err != nil {
			return nil, err
		}
		if !is {
			continue
		}
		out = append(out, f)
		if keep == nil {
			continue
		}
		if err := keep(f); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// isNews reports whether an announcement says more than what is held or was announced, of a tablet that has, or had, the ledger.
func (x *exchange) isNews(r store.Reader, f *wire.Announced) (bool, error) {
	if h, granted := x.ledgers[f.Ledger]; !granted || h.access != wire.AccessFull {
		return false, nil
	}
	key := accessKey(f.Replica, f.Ledger)
	var granted access
	if found, err := get(r, spaceAccess, key, &granted); err != nil || !found {
		return false, err
	}
	var known announcement
	if _, err := get(r, spaceAnnounced, key, &known); err != nil || known.Seq >= f.Seq {
		return false, err
	}
	l, err := x.s.keeper.View(r, f.Ledger)
	if err != nil {
		return false, err
	}
	held, err := heldTo(l, f.Replica)
	return held < f.Seq, err
}

// heldTo returns the last sequence that is held of a replica's log.
func heldTo(l *ledger.Ledger, replica syncengine.ReplicaID) (uint64, error) {
	heads, err := l.Heads(replica)
	if err != nil || len(heads) == 0 {
		return 0, err
	}
	return heads[len(heads)-1].Seq, nil
}

// dropAnnounced forgets what was announced of logs that are now held to there.
func dropAnnounced(w store.Writer, l *ledger.Ledger, taken []*ledger.Incoming) error {
	seen := map[syncengine.ReplicaID]bool{}
	for _, in := range taken {
		if seen[in.Replica] {
			continue
		}
		seen[in.Replica] = true
		key := accessKey(in.Replica, l.ID())
		var a announcement
		found, err := get(w, spaceAnnounced, key, &a)
		if err != nil {
			return err
		}
		if !found {
			continue
		}
		held, err := heldTo(l, in.Replica)
		if err != nil {
			return err
		}
		if held < a.Seq {
			continue
		}
		if err := w.Delete(spaceAnnounced, syncengine.LedgerID{}, key); err != nil {
			return err
		}
	}
	return nil
}

// viewAnnounced returns what was announced of a tablet's log beyond what is held, nil where nothing was.
func viewAnnounced(r store.Reader, id syncengine.LedgerID, replica syncengine.ReplicaID, held uint64) (*announcedView, error) {
	var a announcement
	found, err := get(r, spaceAnnounced, accessKey(replica, id), &a)
	if err != nil || !found || a.Seq <= held {
		return nil, err
	}
	v := &announcedView{Pending: a.Seq - held, By: a.By, Seen: a.Seen}
	if a.By.IsZero() {
		return v, nil
	}
	d, err := device(r, a.By)
	if d != nil {
		v.ByName = d.Name
	}
	return v, err
}
