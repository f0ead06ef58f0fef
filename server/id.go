package server

import (
	"encoding/binary"
	"io"
	"sync"

	"github.com/google/uuid"

	"github.com/arpenteur/arpenteur/syncengine"
)

// idMaker keeps the ids that are drawn one after the other in ascending order, also within a millisecond (RFC 9562, section 6.2,
// method 1), so that what was made in an order is listed in it.
type idMaker struct {
	mu   sync.Mutex
	last int64 // milliseconds
	n    uint16
}

// maxInMillisecond is how many ids the twelve bits of a counter can tell apart.
const maxInMillisecond = 1 << 12

// next returns the millisecond and the counter of the next id.
func (m *idMaker) next(now int64) (int64, uint16) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case now > m.last:
		m.last, m.n = now, 0
	case m.n+1 < maxInMillisecond:
		m.n++
	default: // more than the millisecond has: borrow from the next
		m.last, m.n = m.last+1, 0
	}
	return m.last, m.n
}

// newID draws a record id, version 7 by the server's clock.
func (s *Server) newID() (syncengine.RecordID, error) {
	var id uuid.UUID
	if _, err := io.ReadFull(s.Secret.rand, id[8:]); err != nil {
		return id, err
	}
	at, n := s.ids.next(s.millis())
	var ms [8]byte
	binary.BigEndian.PutUint64(ms[:], uint64(at)) //nolint:gosec // after 1970
	copy(id[:6], ms[2:])
	binary.BigEndian.PutUint16(id[6:8], n|0x7000)
	id[8] = id[8]&0x3f | 0x80
	return id, nil
}
