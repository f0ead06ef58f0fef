package server

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"hash"

	"github.com/google/uuid"

	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// importer derives what an import must find again: the ids of records and the salts of changes. Both take the server's key, so that nobody
// else can foretell an id, test a guess of a value, or pass a change for an import's.
type importer struct{ key [32]byte }

// id names the record that a source knows by a key: a UUID of version 8. Without ledger and source it is the same everywhere, as a
// neighbourhood's is.
func (m *importer) id(ledger syncengine.LedgerID, source string, kind syncengine.Kind, key string) uuid.UUID {
	mac := m.begin("record", ledger)
	for _, part := range []string{source, string(kind), key} {
		addText(mac, part)
	}
	id := uuid.UUID(mac.Sum(nil)[:16])
	id[6] = id[6]&0x0f | 0x80
	id[8] = id[8]&0x3f | 0x80
	return id
}

// salt returns the salt of a change that an import makes. Since it follows from what the change writes, two changes of a record share no
// salt, and an import recognises its own changes by it (wrote).
func (m *importer) salt(ledger syncengine.LedgerID, key syncengine.RecordKey, writes []syncengine.Write) wire.Salt {
	mac := m.begin("salt", ledger)
	addText(mac, string(key.Kind))
	_, _ = mac.Write(key.ID[:])
	for i := range writes {
		addText(mac, string(writes[i].Path))
		addText(mac, string(writes[i].Value))
	}
	return wire.Salt(mac.Sum(nil)[:len(wire.Salt{})])
}

// wrote reports whether an import made a change. One of which a value was erased can't be told any more, and counts as somebody's.
func (m *importer) wrote(ledger syncengine.LedgerID, line *wire.Line) bool {
	return line.Form == wire.Whole && line.Salt == m.salt(ledger, line.Change.Key(), line.Change.Writes)
}

func (m *importer) begin(purpose string, ledger syncengine.LedgerID) hash.Hash {
	mac := hmac.New(sha256.New, m.key[:])
	addText(mac, purpose)
	_, _ = mac.Write(ledger.Hash[:]) // a hash never fails
	return mac
}

// addText hashes a text so that no two lists of texts give the same bytes.
func addText(mac hash.Hash, text string) {
	var size [8]byte
	binary.BigEndian.PutUint64(size[:], uint64(len(text)))
	_, _ = mac.Write(size[:])
	_, _ = mac.Write([]byte(text))
}
