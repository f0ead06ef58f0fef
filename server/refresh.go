package server

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/ledger"
	"github.com/arpenteur/arpenteur/syncengine/store"
)

// refreshBatch is how many records one transaction looks at, so that pushes are never held up for long.
const refreshBatch = 200

// refreshRetry is how long the work rests after the store failed.
const refreshRetry = 30 * time.Second

// refreshMark says that the records of a ledger are to be merged anew after a publication, and how far that is. It lies in the store, so
// that a server which stops in the middle goes on from there.
type refreshMark struct {
	From []byte `json:"from"` // the record key to go on from; empty: the first
}

// noteRefresh notes, with a publication, that records are to be merged anew, all of them from the first.
func noteRefresh(w store.Writer, id syncengine.LedgerID) error {
	return put(w, spaceRefresh, id.Hash[:], refreshMark{})
}

// refresher is one goroutine of background work, such as merging stale records anew. It starts when there is something to do and ends with
// the server.
type refresher struct {
	run   func(ctx context.Context) error
	every time.Duration   // runs also when it was not woken for so long; 0: only then
	ctx   context.Context //nolint:containedctx // of the goroutine, which the server owns
	stop  context.CancelFunc
	mu    sync.Mutex
	begun bool
	more  chan struct{} // holds one signal
	done  sync.WaitGroup
}

func newRefresher(run func(ctx context.Context) error, every time.Duration) *refresher {
	ctx, stop := context.WithCancel(context.Background())
	return &refresher{run: run, every: every, ctx: ctx, stop: stop, more: make(chan struct{}, 1)}
}

// wake says that there may be something to do.
func (f *refresher) wake() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ctx.Err() != nil {
		return
	}
	if !f.begun {
		f.begun = true
		f.done.Go(f.loop)
	}
	select {
	case f.more <- struct{}{}:
	default:
	}
}

// close ends the goroutine and waits for it.
func (f *refresher) close() {
	f.mu.Lock()
	f.stop()
	f.mu.Unlock()
	f.done.Wait()
}

func (f *refresher) loop() {
	for {
		var again <-chan time.Time
		if f.every > 0 {
			again = time.After(f.every)
		}
		select {
		case <-f.ctx.Done():
			return
		case <-f.more:
		case <-again:
		}
		for f.run(f.ctx) != nil {
			select {
			case <-f.ctx.Done():
				return
			case <-time.After(refreshRetry):
			}
		}
	}
}

// Refresh merges anew the records that publications left to be read by an older version, in every ledger, batch by batch. Reading
// never waits for it: a stale record is merged for each reading until it is done. The server does this by itself in the background;
// calling it beside that is harmless.
func (s *Server) Refresh(ctx context.Context) error {
	var ids []syncengine.LedgerID
	err := s.Store.View(ctx, func(r store.Reader) error {
		ids = ids[:0]
		return each(r, spaceRefresh, nil, func(key []byte, _ *refreshMark) (bool, error) {
			ids = append(ids, syncengine.LedgerID{Hash: syncengine.Hash(key)})
			return true, nil
		})
	})
	for _, id := range ids {
		for more := true; more && err == nil; {
			more, err = s.refreshSome(ctx, id)
		}
	}
	if err != nil && ctx.Err() == nil {
		s.Log.Warn().Err(err).Msg("records could not be merged anew after a publication; it will be tried again")
	}
	return err
}

// refreshSome looks at one batch and reports whether there are more.
func (s *Server) refreshSome(ctx context.Context, id syncengine.LedgerID) (more bool, err error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	n := 0
	err = s.edit(ctx, id, func(l *ledger.Ledger, w store.Writer) error {
		more, n = false, 0
		var mark refreshMark
		found, err := get(w, spaceRefresh, id.Hash[:], &mark)
		if err != nil || !found {
			return err
		}
		var next []byte
		if next, n, err = l.Refresh(mark.From, refreshBatch); err != nil {
			return err
		}
		if more = next != nil; more {
			return put(w, spaceRefresh, id.Hash[:], refreshMark{From: next})
		}
		return w.Delete(spaceRefresh, syncengine.LedgerID{}, id.Hash[:])
	})
	s.metrics.refreshed.Add(float64(n))
	if errors.Is(err, ledger.ErrUnknownLedger) { // a mark without a ledger: nothing to do
		return false, s.Store.Update(ctx, func(w store.Writer) error { return w.Delete(spaceRefresh, syncengine.LedgerID{}, id.Hash[:]) })
	}
	return more, err
}
