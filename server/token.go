package server

import (
	"encoding/base64"
	"encoding/binary"

	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// baseToken says up to which version of each ledger a client was served. It is opaque to clients and a hint only: a wrong one costs a
// round trip. Ledgers go by their number, which takes a byte or two.
type baseToken struct {
	store   [8]byte // of the server; another one means that the numbers mean something else
	ledgers []basePoint
}

// basePoint is one ledger of a token.
type basePoint struct {
	number  uint64
	revoked bool
	version uint64
}

func (t *baseToken) String() string {
	b := append(make([]byte, 0, 8+len(t.ledgers)*5), t.store[:]...)
	for _, p := range t.ledgers {
		n := p.number << 1
		if p.revoked {
			n |= 1
		}
		b = binary.AppendUvarint(binary.AppendUvarint(b, n), p.version)
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

// parseToken reads a token, reporting false where it is none of ours.
func parseToken(text string, store [8]byte) (*baseToken, bool) {
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(text) > wire.MaxTokenBytes || len(b) < 8 || [8]byte(b) != store {
		return nil, false
	}
	t := &baseToken{store: store}
	for b = b[8:]; len(b) > 0; {
		n, size := binary.Uvarint(b)
		if size <= 0 {
			return nil, false
		}
		b = b[size:]
		version, size := binary.Uvarint(b)
		if size <= 0 {
			return nil, false
		}
		b = b[size:]
		t.ledgers = append(t.ledgers, basePoint{number: n >> 1, revoked: n&1 == 1, version: version})
	}
	return t, true
}

// find returns the point of a ledger, or nil.
func (t *baseToken) find(number uint64) *basePoint {
	for i := range t.ledgers {
		if t.ledgers[i].number == number {
			return &t.ledgers[i]
		}
	}
	return nil
}
