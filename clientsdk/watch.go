package clientsdk

import (
	"context"
	"sync"

	"github.com/arpenteur/arpenteur/syncengine"
)

// EventType says what happened.
type EventType string

// The events.
const (
	Committed EventType = "committed" // a draft became a change: Ledger and Record
	Moved     EventType = "moved"     // an exchange brought something to Ledger
	Synced    EventType = "synced"    // the records were exchanged to the end; photos may still be on their way
	Failed    EventType = "failed"    // an exchange did not come to its end: Err says why; Run tries again
	Met       EventType = "met"       // an exchange with another tablet came to its end

	PhotoReviewed EventType = "photo_reviewed" // a photo was looked over: Ledger and Record
	PhotoSent     EventType = "photo_sent"     // the server has a photo of Ledger, or a backup has
)

// Event is something that a screen may want to show.
type Event struct {
	Type   EventType
	Ledger syncengine.LedgerID
	Record syncengine.RecordKey
	Err    error
}

// watchers hands events to whoever watches. A slow one loses the oldest events and never holds up the tablet.
type watchers struct {
	mu     sync.Mutex
	list   map[chan Event]bool
	closed bool
}

func newWatchers() *watchers { return &watchers{list: map[chan Event]bool{}} }

// watchBuffer is how many events wait for a slow watcher.
const watchBuffer = 64

// Watch returns the events from now on, until ctx ends or the client is closed; then the channel is closed. Of a watcher that does not
// keep up the oldest events are dropped: after a pause it should read anew what it shows.
func (c *Client) Watch(ctx context.Context) <-chan Event {
	w := c.watchers
	ch := make(chan Event, watchBuffer)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		close(ch)
		return ch
	}
	w.list[ch] = true
	context.AfterFunc(ctx, func() { w.remove(ch) })
	return ch
}

func (w *watchers) remove(ch chan Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.list[ch] {
		delete(w.list, ch)
		close(ch)
	}
}

func (w *watchers) send(e Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for ch := range w.list {
		for sent := false; !sent; {
			select {
			case ch <- e:
				sent = true
			default:
				select {
				case <-ch: // the oldest makes room
				default:
				}
			}
		}
	}
}

func (w *watchers) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
	for ch := range w.list {
		close(ch)
	}
	clear(w.list)
}
