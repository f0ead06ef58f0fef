package ledger

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"github.com/google/uuid"

	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/store"
)

// The spaces that a ledger is kept in. Keys hold only ids, sequences and hashes, so that a sealing store hides everything else.
// This table is part of the file format.
const (
	spaceLedger store.Space = "ledger" // "genesis" -> both keys; "log " | number -> log key; "progress" -> version | digest; "records" -> count;
	// "incarnations" -> the authority's replicas after the first
	spaceLogs      store.Space = "logs"      // replica | branch -> log
	spaceLines     store.Space = "lines"     // position -> mark | line, or mark | change id
	spaceHeads     store.Space = "heads"     // position -> chain | signature
	spaceChanges   store.Space = "changes"   // change id -> positions, the first one holding the line
	spaceRecords   store.Space = "records"   // record key -> entry
	spaceIndex     store.Space = "index"     // hash of attribute and value | record key or window of them -> 1, or the position
	spaceWords     store.Space = "words"     // record key -> its words
	spaceArrivals  store.Space = "arrivals"  // ledger version -> what advanced
	spaceRulings   store.Space = "rulings"   // target change id | position -> 1
	spaceAuthority store.Space = "authority" // position of a grant, revocation or publication -> 1
	spaceVersions  store.Space = "versions"  // checklist version id -> position of its publication
	spaceWaiting   store.Space = "waiting"   // missing thing | record key -> 1
	spaceWants     store.Space = "wants"     // change id whose values are missing and not withheld -> 1
)

// Spaces lists every space of a ledger, for tools that copy or count.
func Spaces() []store.Space {
	return []store.Space{
		spaceLedger, spaceLogs, spaceLines, spaceHeads, spaceChanges, spaceRecords, spaceIndex, spaceWords,
		spaceArrivals, spaceRulings, spaceAuthority, spaceVersions, spaceWaiting, spaceWants,
	}
}

// present is the value of keys that say all by being there.
var present = []byte{1}

// position is where a line is kept: the store's own number of its log, and its sequence.
type position struct {
	log uint32
	seq uint64
}

const positionBytes = 12

func (p position) key() []byte {
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint32(make([]byte, 0, positionBytes), p.log), p.seq)
}

func readPosition(b []byte) (position, error) {
	if len(b) < positionBytes {
		return position{}, fmt.Errorf("position of %d bytes: %w", len(b), store.ErrCorrupt)
	}
	return position{binary.BigEndian.Uint32(b), binary.BigEndian.Uint64(b[4:])}, nil
}

func readPositions(b []byte) ([]position, error) {
	out := make([]position, 0, len(b)/positionBytes)
	for ; len(b) > 0; b = b[positionBytes:] {
		p, err := readPosition(b)
		if err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	return out, nil
}

// recordKey is kind | 0 | uuid.
func recordKey(k syncengine.RecordKey) []byte {
	b := make([]byte, 0, len(k.Kind)+17)
	b = append(append(b, k.Kind...), 0)
	return append(b, k.ID[:]...)
}

func readRecordKey(b []byte) (syncengine.RecordKey, error) {
	n := len(b) - 17
	if n < 1 || b[n] != 0 {
		return syncengine.RecordKey{}, fmt.Errorf("record key of %d bytes: %w", len(b), store.ErrCorrupt)
	}
	id, err := uuid.FromBytes(b[n+1:])
	return syncengine.RecordKey{Kind: syncengine.Kind(b[:n]), ID: id}, err
}

// indexPrefix names an attribute and its value in ten bytes. Two values that share it are told apart by reading the record.
func indexPrefix(attribute, value string) []byte { return indexKey(attribute, value, nil) }

// indexKey is where the index holds a record, of the given record key, for an attribute and its value.
func indexKey(attribute, value string, record []byte) []byte {
	var short [128]byte
	sum := sha256.Sum256(append(append(append(short[:0], attribute...), 0), value...))
	return append(append(make([]byte, 0, 10+len(record)), sum[:10]...), record...)
}

func waitsForVersion(v syncengine.VersionID) []byte { return append([]byte{'v'}, v.Hash[:]...) }

func waitsForAuthority(p syncengine.AuthorityPoint) []byte {
	return binary.BigEndian.AppendUint64(append([]byte{'a'}, p.Replica.Hash[:]...), p.Seq)
}

func versionKey(v uint64) []byte { return binary.BigEndian.AppendUint64(nil, v) }
