package server

import (
	"context"
	"sync"
	"time"

	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/store"
)

// contactStep is how exactly the store knows the last contact of a tablet, so that an exchange with nothing new seldom writes.
const contactStep = 10 * time.Minute

// contacts remembers what the store was told, so that it isn't asked at each exchange.
type contacts struct {
	mu   sync.Mutex
	told map[syncengine.ReplicaID]int64
}

// contacted notes that a tablet completed an exchange. That it can't be noted is no reason to refuse the exchange.
func (s *Server) contacted(ctx context.Context, replica syncengine.ReplicaID) {
	now := s.millis()
	s.contacts.mu.Lock()
	due := now-s.contacts.told[replica] >= contactStep.Milliseconds()
	if due {
		s.contacts.told[replica] = now
	}
	s.contacts.mu.Unlock()
	if !due {
		return
	}
	err := s.Store.Update(ctx, func(w store.Writer) error { return put(w, spaceContacts, replica.Hash[:], now) })
	if err != nil {
		s.Log.Warn().Err(err).Msg("the contact with a tablet could not be noted")
	}
}

// lastContact returns when a tablet last completed an exchange, 0 where it never did.
func (s *Server) lastContact(r store.Reader, replica syncengine.ReplicaID) (int64, error) {
	var at int64
	_, err := get(r, spaceContacts, replica.Hash[:], &at)
	return at, err
}
