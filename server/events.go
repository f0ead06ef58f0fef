package server

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/ledger"
	"github.com/arpenteur/arpenteur/syncengine/store"
)

const (
	// heartbeat is how often a stream says something, so that both ends notice a dead link. It is also how late an event of another
	// server on the same store may come, since streams look at the ledgers' versions at each beat.
	heartbeat = 15 * time.Second
	// eventGap is the least time between two events of a stream: what moves more often is told once.
	eventGap = 200 * time.Millisecond
)

// stream is one open answer to GET /v1/events.
type stream struct {
	s    *Server
	c    *call
	told map[syncengine.LedgerID]uint64 // the version last told; ledgers that are not in it are new to the asker
	out  *http.ResponseController
	seq  int
}

// streamEvents is GET /v1/events: server-sent events `moved`, with the ledger and its version, for each ledger that is open to the asker.
// The first ones say where every ledger is, so that nothing is missed between two streams, whatever Last-Event-ID says.
func (s *Server) streamEvents(c *call) error {
	st := &stream{s: s, c: c, told: map[syncengine.LedgerID]uint64{}, out: http.NewResponseController(c.w)}
	l := s.events.listen()
	defer s.events.leave(l)
	now, err := st.versions(c.Context())
	if err != nil {
		return err
	}
	s.metrics.listeners.Inc()
	defer s.metrics.listeners.Dec()
	header := c.w.Header()
	header.Set("Content-Type", "text/event-stream")
	header.Set("X-Accel-Buffering", "no")
	c.w.WriteHeader(http.StatusOK)
	if st.tell(now) != nil {
		return nil // the asker left
	}
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	for {
		select {
		case <-c.Context().Done():
			return nil
		case <-ending(c.Context()):
			return nil
		case <-s.closing:
			return nil
		case <-l.wake:
		case <-beat.C:
			if _, err := fmt.Fprint(c.w, ": beat\n\n"); err != nil {
				return nil
			}
		}
		if now, err = st.versions(c.Context()); err != nil || st.tell(now) != nil {
			return nil
		}
		st.rest()
	}
}

// rest waits a moment, so that a busy ledger is told at most five times a second.
func (st *stream) rest() {
	select {
	case <-st.c.Context().Done():
	case <-ending(st.c.Context()):
	case <-st.s.closing:
	case <-time.After(eventGap):
	}
}

// versions reads where each ledger is that is open to the asker now: what was granted or taken away since counts at once.
func (st *stream) versions(ctx context.Context) (map[syncengine.LedgerID]uint64, error) {
	out := map[syncengine.LedgerID]uint64{}
	err := st.s.Store.View(ctx, func(r store.Reader) error {
		clear(out)
		note := func(id syncengine.LedgerID) error {
			p, err := ledger.ReadProgress(r, id)
			out[id] = p.Version
			return err
		}
		if st.c.device != nil {
			list, err := ledgersOf(r, st.c.device.Replica)
			for i := 0; err == nil && i < len(list); i++ {
				err = note(list[i].id)
			}
			return err
		}
		return each(r, spaceLedgers, nil, func(key []byte, e *ledgerEntry) (bool, error) {
			if !st.c.who.sees(e) {
				return true, nil
			}
			return true, note(syncengine.LedgerID{Hash: syncengine.Hash(key)})
		})
	})
	return out, err
}

// tell sends an event for each ledger that is further than what was told.
func (st *stream) tell(now map[syncengine.LedgerID]uint64) error {
	var b strings.Builder
	ids := slices.SortedFunc(maps.Keys(now), func(x, y syncengine.LedgerID) int { return x.Compare(y.Hash) })
	for _, id := range ids {
		if before, known := st.told[id]; known && before >= now[id] {
			continue
		}
		st.told[id] = now[id]
		st.seq++
		fmt.Fprintf(&b, "id: %d\nevent: moved\ndata: {\"ledger\":\"%s\",\"version\":%d}\n\n", st.seq, id, now[id])
	}
	if b.Len() > 0 {
		if _, err := st.c.w.Write([]byte(b.String())); err != nil {
			return err
		}
	}
	return st.out.Flush()
}
