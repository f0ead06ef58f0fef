package webhooks

import (
	"context"
	"net/http"
	"time"

	"github.com/google/uuid"

	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/store"
)

// worker delivers to one hook, one message after the other.
type worker struct {
	o    *Office
	hook uuid.UUID
	ctx  context.Context //nolint:containedctx // of the goroutine, which the office owns
	stop context.CancelFunc
	more chan struct{} // holds one signal
}

func (o *Office) newWorker(hook uuid.UUID) *worker {
	w := &worker{o: o, hook: hook, more: make(chan struct{}, 1)}
	w.ctx, w.stop = context.WithCancel(o.ctx)
	o.done.Go(w.run)
	return w
}

// wake says that there may be something to do.
func (w *worker) wake() {
	select {
	case w.more <- struct{}{}:
	default:
	}
}

func (w *worker) run() {
	defer w.stop()
	for w.ctx.Err() == nil {
		pause, err := w.work()
		if err != nil && w.ctx.Err() == nil {
			w.o.Log.Warn().Err(err).Stringer("webhook", w.hook).Msg("a webhook could not be looked at; it will be tried again")
			pause = round
		}
		if pause == 0 {
			continue
		}
		select {
		case <-w.ctx.Done():
			return
		case <-w.more:
		case <-time.After(pause):
		}
	}
}

// work does what is next: nothing, collecting what there is to tell, or sending what is queued. It returns how long there is nothing to
// do unless something moves, 0 where there may be more at once.
func (w *worker) work() (pause time.Duration, err error) {
	var h *Hook
	var list []queued
	var b *Batch
	rights := false
	err = w.o.Store.View(w.ctx, func(r store.Reader) (err error) {
		b, list = nil, nil
		if h, err = Find(r, w.hook); err != nil || h == nil || h.Ended != "" {
			return err
		}
		if rights, err = w.o.Source.Rights(r, h); err != nil || !rights {
			return err
		}
		if list, err = queueOf(r, w.hook); err != nil || len(list) > 0 {
			return err
		}
		b, err = w.o.Source.Collect(r, h)
		return err
	})
	switch {
	case err != nil:
		return 0, err
	case h == nil || h.Ended != "":
		return round, nil // the office ends this worker
	case !rights:
		return round, w.end(EndRights)
	case len(list) > 0:
		if wait := h.due(w.o.Now()); wait > 0 {
			return min(wait, round), nil
		}
		return 0, w.send(h, list)
	case b == nil || b.empty():
		return round, nil
	}
	return 0, w.update(func(u store.Writer, h *Hook) error { return enqueue(u, h, b, w.o.Now()) })
}

// update changes the hook, unless it was deleted meanwhile.
func (w *worker) update(fn func(u store.Writer, h *Hook) error) error {
	return w.o.Store.Update(w.ctx, func(u store.Writer) error {
		h, err := Find(u, w.hook)
		if err != nil || h == nil {
			return err
		}
		return fn(u, h)
	})
}

// end ends the hook.
func (w *worker) end(why Ending) error {
	w.o.Log.Error().Stringer("webhook", w.hook).Str("why", string(why)).Msg("nothing is sent to a webhook any more")
	return w.update(func(u store.Writer, h *Hook) error { return w.ended(u, h, why) })
}

func (w *worker) ended(u store.Writer, h *Hook, why Ending) error {
	h.Ended, h.Next = why, 0
	if err := put(u, spaceHooks, h.ID[:], h); err != nil {
		return err
	}
	return w.o.Source.Ended(u, h)
}

// send sends messages in order up to the first one that is not taken, for about a round at most, and takes those before it off the queue,
// all in one transaction: a server that is killed meanwhile sends them again, under the same ids.
func (w *worker) send(h *Hook, list []queued) error {
	taken, last := 0, outcome{}
	for begun := time.Now(); taken < len(list) && time.Since(begun) < round; {
		last = w.o.deliver(w.ctx, h, list[taken].Message)
		if w.ctx.Err() != nil {
			last = outcome{} // cut by us: nobody's fault
			break
		}
		w.o.Observe(last.fault == "")
		if last.fault != "" {
			break
		}
		taken++
	}
	now := w.o.Now()
	var why Ending
	// What was taken is noted even where the office is closing.
	err := w.o.Store.Update(context.WithoutCancel(w.ctx), func(u store.Writer) error {
		why = ""
		h, err := Find(u, w.hook)
		if err != nil || h == nil {
			return err
		}
		for _, m := range list[:taken] {
			if err := u.Delete(spaceQueue, syncengine.LedgerID{}, m.key); err != nil {
				return err
			}
		}
		h.took(taken, now)
		if last.fault != "" {
			why = h.failed(last, now, w.o.Policy)
		}
		if why != "" {
			return w.ended(u, h, why)
		}
		return put(u, spaceHooks, h.ID[:], h)
	})
	switch {
	case why != "":
		w.o.Log.Error().Stringer("webhook", w.hook).Str("why", string(why)).Msg("nothing is sent to a webhook any more")
	case last.fault != "":
		w.o.Log.Warn().Stringer("webhook", w.hook).Str("fault", string(last.fault)).Int("status", last.status).Msg("a webhook's receiver did not take a message")
	}
	return err
}

// due returns how long it is until the next attempt. More than the longest pause is no pause of ours: the clock was set back.
func (h *Hook) due(now time.Time) time.Duration {
	wait := time.UnixMilli(h.Next).Sub(now)
	if wait > lastRetry {
		return 0
	}
	return max(wait, 0)
}

// took notes that messages were taken.
func (h *Hook) took(n int, now time.Time) {
	if n == 0 {
		return
	}
	h.Delivered += uint64(n) //nolint:gosec // it counts
	h.LastSuccess = now.UnixMilli()
	h.FailingSince, h.Failures, h.Next, h.Fault, h.Status = 0, 0, 0, "", 0
}

// failed notes that an attempt failed, and returns why the hook ends with it, if it does.
func (h *Hook) failed(how outcome, now time.Time, p Policy) Ending {
	if h.FailingSince == 0 {
		h.FailingSince = now.UnixMilli()
	}
	h.Failures++
	h.Fault, h.Status = how.fault, how.status
	h.Next = now.Add(p.pause(h.Failures)).UnixMilli()
	switch {
	case how.status == http.StatusGone:
		return EndGone
	case h.Failures >= leastAttempts && now.Sub(time.UnixMilli(h.FailingSince)) >= GiveUp:
		return EndFailing
	}
	return ""
}
