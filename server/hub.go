package server

import (
	"sync"

	"github.com/arpenteur/arpenteur/syncengine"
)

// hub tells listeners that ledgers moved. Telling never waits for a listener: what one has not taken yet is kept as the newest
// version of each ledger, so a slow one misses steps but never the end.
type hub struct {
	mu        sync.Mutex
	listeners map[*listener]struct{}
}

// listener is one open stream of events.
type listener struct {
	mu    sync.Mutex
	moved map[syncengine.LedgerID]uint64
	wake  chan struct{} // holds one signal
}

func newHub() *hub { return &hub{listeners: map[*listener]struct{}{}} }

// moved notes that a ledger reached a version.
func (h *hub) moved(id syncengine.LedgerID, version uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for l := range h.listeners {
		l.note(id, version)
	}
}

func (l *listener) note(id syncengine.LedgerID, version uint64) {
	l.mu.Lock()
	l.moved[id] = max(l.moved[id], version)
	l.mu.Unlock()
	select {
	case l.wake <- struct{}{}:
	default: // it has a signal waiting
	}
}

// listen adds a listener. It is told of everything; what it may pass on is for the stream to sort out.
func (h *hub) listen() *listener {
	l := &listener{moved: map[syncengine.LedgerID]uint64{}, wake: make(chan struct{}, 1)}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.listeners[l] = struct{}{}
	return l
}

func (h *hub) leave(l *listener) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.listeners, l)
}

// take returns what moved since it was last called.
func (l *listener) take() map[syncengine.LedgerID]uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := l.moved
	l.moved = map[syncengine.LedgerID]uint64{}
	return out
}
