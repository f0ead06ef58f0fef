package server

import (
	"sync"

	"github.com/arpenteur/arpenteur/syncengine"
)

// hub tells open streams that something moved. Telling never waits: a stream has one signal waiting at most, and reads from the store
// what there is, so a slow one misses steps but never the end.
type hub struct {
	mu        sync.Mutex
	listeners map[*listener]struct{}
	latest    map[syncengine.LedgerID]uint64 // the version that listeners were last told of
}

// listener is one open stream of events.
type listener struct {
	wake chan struct{} // holds one signal
}

func newHub() *hub {
	return &hub{listeners: map[*listener]struct{}{}, latest: map[syncengine.LedgerID]uint64{}}
}

// moved notes that a ledger reached a version. A version that was told before wakes nobody.
func (h *hub) moved(id syncengine.LedgerID, version uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if known, told := h.latest[id]; told && known >= version {
		return
	}
	h.latest[id] = version
	for l := range h.listeners {
		select {
		case l.wake <- struct{}{}:
		default: // it has a signal waiting
		}
	}
}

// listen adds a listener. It is told of everything; what it may pass on is for the stream to find out.
func (h *hub) listen() *listener {
	l := &listener{wake: make(chan struct{}, 1)}
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
