package webhooks

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/rs/zerolog"

	"github.com/arpenteur/arpenteur/syncengine/store"
)

// round is how often hooks are looked at without a signal: what other processes on the same store wrote is seen by then.
const round = 15 * time.Second

// gap is the least time between two looks, so that a busy ledger costs no more for being told of.
const gap = 200 * time.Millisecond

// Source is what hooks are told of.
type Source interface {
	// Rights reports whether the token of a hook still gives it rights.
	Rights(r store.Reader, h *Hook) (bool, error)
	// Collect returns what a hook is to be told: about BatchEvents events, and up to where they go.
	Collect(r store.Reader, h *Hook) (*Batch, error)
	// Ended notes in the transaction that ends a hook that it does, and why.
	Ended(w store.Writer, h *Hook) error
}

// Options are what an Office is made of. All are required.
type Options struct {
	Store   store.Store
	Source  Source
	Keys    Keys
	Policy  Policy
	Now     func() time.Time
	Log     zerolog.Logger
	Version string          // of the program, which receivers are told
	Moved   <-chan struct{} // gets a signal when something may have moved; nobody waits for its being read
	Observe func(ok bool)   // is told of each attempt
}

// Office delivers to every hook, each by a goroutine of its own, so that a slow receiver holds up nobody. It is safe for concurrent use.
type Office struct {
	Options
	client *http.Client
	look   chan struct{} // holds one signal

	mu    sync.Mutex
	begun bool
	ctx   context.Context //nolint:containedctx // of the goroutines, which the office owns
	stop  context.CancelFunc
	done  sync.WaitGroup
}

// New returns an Office that does nothing until Begin.
func New(o Options) *Office {
	f := &Office{Options: o, client: o.Policy.client(), look: make(chan struct{}, 1)}
	f.ctx, f.stop = context.WithCancel(context.Background())
	return f
}

// Begin begins to deliver. It may be called again.
func (o *Office) Begin() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.begun || o.ctx.Err() != nil {
		return
	}
	o.begun = true
	o.done.Go(o.tend)
}

// Look makes the office look at its hooks now: one was made, resumed or deleted.
func (o *Office) Look() {
	select {
	case o.look <- struct{}{}:
	default:
	}
}

// Close ends deliveries, and waits until those under way are cut. What was not taken is sent again after the next Begin.
func (o *Office) Close() {
	o.mu.Lock()
	o.stop()
	o.mu.Unlock()
	o.done.Wait()
}

// tend keeps a worker for every hook that is there, and wakes them all when something moved.
func (o *Office) tend() {
	workers := map[uuid.UUID]*worker{}
	every := time.NewTicker(round)
	defer every.Stop()
	for {
		o.staff(workers)
		select {
		case <-o.ctx.Done():
			return
		case <-o.look:
			continue
		case <-o.Moved:
		case <-every.C:
		}
		select {
		case <-o.ctx.Done():
			return
		case <-time.After(gap):
		}
	}
}

// staff lets every hook have its worker, and nobody else.
func (o *Office) staff(workers map[uuid.UUID]*worker) {
	var list []*Hook
	err := o.Store.View(o.ctx, func(r store.Reader) (err error) {
		list, err = List(r)
		return err
	})
	if err != nil {
		if o.ctx.Err() == nil {
			o.Log.Warn().Err(err).Msg("webhooks can't be read; it will be tried again")
		}
		return
	}
	there := map[uuid.UUID]bool{}
	for _, h := range list {
		there[h.ID] = h.Ended == ""
		if h.Ended != "" {
			continue
		}
		if workers[h.ID] == nil {
			workers[h.ID] = o.newWorker(h.ID)
		}
		workers[h.ID].wake()
	}
	for id, w := range workers {
		if !there[id] {
			w.stop()
			delete(workers, id)
		}
	}
}
