package clientsdk

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Background exchange: how often it looks by itself, and how long it waits after failures.
const (
	runEvery   = 5 * time.Minute
	runSettle  = 2 * time.Second // after a commit, so that several go together
	minBackoff = time.Second
	maxBackoff = 5 * time.Minute
)

// Run syncs in the background until ctx ends: after commits, when the server says that something moved, and now and then. After a
// failure it waits, twice as long each time, with jitter so that a fleet does not come back at once. It returns ctx's error, or
// the error that no waiting mends: the tablet is not enrolled, or the store can't be used.
func (c *Client) Run(ctx context.Context) error {
	wake := make(chan struct{}, 1)
	following, cancel := context.WithCancel(ctx)
	events := c.Watch(following)
	photos := make(chan struct{}, 1)
	var background sync.WaitGroup
	background.Go(func() { c.listen(following, wake) })
	background.Go(func() { c.runPhotos(following, photos) })
	defer func() { cancel(); background.Wait() }()
	backoff := time.Duration(0)
	for {
		err := c.syncRecords(ctx, &Report{})
		wait := c.jitter(runEvery)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, ErrNotEnrolled):
			return err
		case err != nil:
			c.watchers.send(Event{Type: Failed, Err: err})
			backoff = min(max(2*backoff, minBackoff), maxBackoff)
			wait = c.jitter(backoff)
		default:
			backoff = 0
			poke(photos)
			if err := c.purge(ctx); err != nil && ctx.Err() == nil {
				c.watchers.send(Event{Type: Failed, Err: err})
			}
		}
		if !pause(ctx, wait, events, wake, backoff > 0) {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return ErrClosed
		}
	}
}

// runPhotos sends photos whenever the records were exchanged, beside the exchange of records: a capture never waits for a photo. After a
// failure it waits, twice as long each time.
func (c *Client) runPhotos(ctx context.Context, due <-chan struct{}) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-due:
		}
		for backoff := minBackoff; ctx.Err() == nil; backoff = min(2*backoff, maxBackoff) {
			err := c.syncPhotos(ctx, &Report{})
			if err == nil || ctx.Err() != nil {
				break
			}
			c.watchers.send(Event{Type: Failed, Err: err})
			timer := time.NewTimer(c.jitter(backoff))
			select {
			case <-ctx.Done():
			case <-timer.C:
			}
			timer.Stop()
		}
	}
}

// poke says that there is something to do, to somebody who may know already.
func poke(ch chan<- struct{}) {
	select {
	case ch <- struct{}{}:
	default:
	}
}

// pause waits for the time, a commit, or word from the server; after a failure for the time alone. It reports false at the end.
func pause(ctx context.Context, wait time.Duration, events <-chan Event, wake <-chan struct{}, failed bool) bool {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return false
		case <-timer.C:
			return true
		case <-wake:
			if !failed {
				return true
			}
		case e, open := <-events:
			if !open {
				return false
			}
			if e.Type == Committed && !failed {
				timer.Reset(min(wait, runSettle))
			}
		}
	}
}

// jitter returns a duration between half of d and d.
func (c *Client) jitter(d time.Duration) time.Duration {
	var b [8]byte
	if _, err := io.ReadFull(c.o.Rand, b[:]); err != nil {
		return d
	}
	return d/2 + time.Duration(binary.BigEndian.Uint64(b[:])%uint64(d/2+1)) //nolint:gosec // d is small and positive
}

// listen follows the server's events while there is a network, and wakes the exchange at each. It comes back by itself.
func (c *Client) listen(ctx context.Context, wake chan<- struct{}) {
	backoff := minBackoff
	for ctx.Err() == nil {
		if c.follow(ctx, wake) {
			backoff = minBackoff
		}
		timer := time.NewTimer(c.jitter(backoff))
		select {
		case <-ctx.Done():
		case <-timer.C:
		}
		timer.Stop()
		backoff = min(2*backoff, maxBackoff)
	}
}

// follow reads one stream of events to its end and reports whether there was any.
func (c *Client) follow(ctx context.Context, wake chan<- struct{}) bool {
	s := &syncer{c: c}
	id, pen, err := s.identity(ctx)
	if err != nil {
		return false
	}
	answer, err := c.do(ctx, id, pen.Key, request{method: http.MethodGet, path: "/v1/events"})
	if err != nil {
		return false
	}
	defer answer.Body.Close()
	lines := bufio.NewScanner(answer.Body)
	lines.Buffer(make([]byte, 4<<10), 64<<10)
	some := false
	for lines.Scan() {
		some = true
		if strings.HasPrefix(lines.Text(), "event: moved") {
			poke(wake)
		}
	}
	return some
}
