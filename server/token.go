package server

import (
	"encoding/base64"
	"encoding/binary"

	"github.com/arpenteur/arpenteur/server/photos"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// baseToken says up to which version of each ledger a client was served. It is opaque to clients and a hint only: a wrong one costs a
// round trip. Ledgers go by their number, which takes a byte or two.
type baseToken struct {
	store   [8]byte // of the server; another one means that the numbers mean something else
	backup  uint64  // number of the newest backup that receipts told the client of
	ledgers []basePoint
}

// basePoint is one ledger of a token.
type basePoint struct {
	number  uint64
	revoked bool
	version uint64
	told    photos.Counts // what the replica's receipt said of photos
}

func (t *baseToken) String() string {
	b := append(make([]byte, 0, 10+len(t.ledgers)*5), t.store[:]...)
	b = binary.AppendUvarint(b, t.backup)
	for _, p := range t.ledgers {
		n := p.number << 2
		if p.revoked {
			n |= 1
		}
		if p.told != (photos.Counts{}) {
			n |= 2
		}
		b = binary.AppendUvarint(binary.AppendUvarint(b, n), p.version)
		if n&2 != 0 {
			b = binary.AppendUvarint(binary.AppendUvarint(b, p.told.Missing), p.told.Unsaved)
		}
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
	whole := true
	b = b[8:]
	next := func() uint64 {
		n, size := binary.Uvarint(b)
		if size <= 0 {
			whole, b = false, nil
			return 0
		}
		b = b[size:]
		return n
	}
	t.backup = next()
	for len(b) > 0 {
		n := next()
		p := basePoint{number: n >> 2, revoked: n&1 != 0, version: next()}
		if n&2 != 0 {
			p.told = photos.Counts{Missing: next(), Unsaved: next()}
		}
		t.ledgers = append(t.ledgers, p)
	}
	return t, whole
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
