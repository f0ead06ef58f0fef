package photos

import (
	"context"
	"sync"
	"time"

	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// takeoverTime is how long a newer request for the same photo waits for the older one to end.
const takeoverTime = 5 * time.Second

// uploads knows which photos are being received, so that no more are at a time than may be, and no two write to one partial.
type uploads struct {
	mu      sync.Mutex
	running map[Upload]*running
}

// running is one photo that is being received.
type running struct {
	interrupt func()        // never called after the end; ends the reading of the request's body, some time; harmless when called again
	cut       bool          // a newer request takes its place
	done      chan struct{} // closed when it has ended
}

// enter begins to receive a photo. A request for the same photo by the same replica that still runs is one whose connection died unseen:
// it is interrupted, and waited for. leave ends it.
func (q *uploads) enter(ctx context.Context, u Upload, interrupt func()) (r *running, leave func(), err error) {
	r = &running{interrupt: interrupt, done: make(chan struct{})}
	patience := time.NewTimer(takeoverTime)
	defer patience.Stop()
	for {
		older := q.begin(u, r)
		if older == nil {
			return r, func() { q.end(u, r) }, nil
		}
		if older == r {
			return nil, nil, wire.Problemf(wire.CodeBusy, "too many photos are being sent at this moment")
		}
		select {
		case <-older.done:
		case <-time.After(takeoverTime / 100):
		case <-patience.C:
			return nil, nil, wire.Problemf(wire.CodeBusy, "an earlier request still sends this photo")
		case <-ctx.Done():
			return nil, nil, ctx.Err()
		}
	}
}

// begin makes r the running one of u, returning nil; or it returns the one that is in the way, r itself where there are too many.
func (q *uploads) begin(u Upload, r *running) *running {
	q.mu.Lock()
	defer q.mu.Unlock()
	if older := q.running[u]; older != nil {
		older.cut = true
		older.interrupt() // it may just have begun another read, and is then interrupted again
		return older
	}
	if len(q.running) >= MaxUploads || q.of(u.Replica) >= MaxUploadsEach {
		return r
	}
	q.running[u] = r
	return nil
}

func (q *uploads) of(replica syncengine.ReplicaID) (n int) {
	for u := range q.running {
		if u.Replica == replica {
			n++
		}
	}
	return n
}

func (q *uploads) end(u Upload, r *running) {
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.running, u)
	close(r.done)
}

// wasCut reports whether a newer request takes r's place.
func (q *uploads) wasCut(r *running) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return r.cut
}

// Uploads returns how many photos are being received at this moment.
func (a *Archive) Uploads() int {
	a.queue.mu.Lock()
	defer a.queue.mu.Unlock()
	return len(a.queue.running)
}
