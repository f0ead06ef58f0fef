package webhooks

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/store"
)

// BatchEvents is after how many events a Source is to end a batch. It may be a few more, so that no arrival is told in part.
const BatchEvents = 100

// Event is something to tell. Data encodes itself as a JSON object, and holds ids, numbers and words of the program alone.
type Event struct {
	Type EventType
	Data any
}

// Batch is what there is to tell a hook, and what it has been told once that is queued. The zero Batch is empty.
type Batch struct {
	Events []Event

	told      map[syncengine.LedgerID]uint64
	conflicts []conflictMark
}

// conflictMark says that a record is, or no longer is, among those whose conflict a hook knows of.
type conflictMark struct {
	ledger syncengine.LedgerID
	record syncengine.RecordKey
	open   bool
}

// Told notes up to which version of a ledger a hook has been told with this batch.
func (b *Batch) Told(ledger syncengine.LedgerID, version uint64) {
	if b.told == nil {
		b.told = map[syncengine.LedgerID]uint64{}
	}
	b.told[ledger] = version
}

// Conflict notes that a hook knows with this batch whether a record is in conflict.
func (b *Batch) Conflict(ledger syncengine.LedgerID, record syncengine.RecordKey, open bool) {
	b.conflicts = append(b.conflicts, conflictMark{ledger, record, open})
}

// empty reports whether nothing would be kept.
func (b *Batch) empty() bool { return len(b.told) == 0 && len(b.conflicts) == 0 && len(b.Events) == 0 }

// keep writes what a hook has been told.
func (b *Batch) keep(w store.Writer, hook uuid.UUID) error {
	for ledger, version := range b.told {
		if err := w.Put(spaceTold, syncengine.LedgerID{}, keyOf(hook, ledger), binary.BigEndian.AppendUint64(nil, version)); err != nil {
			return err
		}
	}
	for _, c := range b.conflicts {
		key := append(keyOf(hook, c.ledger), RecordName(c.record)...)
		err := w.Delete(spaceConflicts, syncengine.LedgerID{}, key)
		if c.open {
			err = w.Put(spaceConflicts, syncengine.LedgerID{}, key, []byte{1})
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func keyOf(hook uuid.UUID, ledger syncengine.LedgerID) []byte {
	return slices.Concat(hook[:], ledger.Hash[:])
}

// ToldOf returns up to which version of a ledger messages were made for a hook; 0 where it was told of nothing yet.
func ToldOf(r store.Reader, hook uuid.UUID, ledger syncengine.LedgerID) (uint64, error) {
	raw, err := r.Get(spaceTold, syncengine.LedgerID{}, keyOf(hook, ledger))
	if err != nil || raw == nil {
		return 0, err
	}
	if len(raw) != 8 {
		return 0, fmt.Errorf("%s: %w", spaceTold, store.ErrCorrupt)
	}
	return binary.BigEndian.Uint64(raw), nil
}

// RecordName is what a record goes by within a ledger: "observation/01a2…".
func RecordName(k syncengine.RecordKey) string { return string(k.Kind) + "/" + k.ID.String() }

// ParseRecordName reads what RecordName wrote.
func ParseRecordName(name string) (syncengine.RecordKey, error) {
	kind, id, _ := strings.Cut(name, "/")
	parsed, err := uuid.Parse(id)
	if err != nil {
		return syncengine.RecordKey{}, fmt.Errorf("%s: %w: %w", spaceConflicts, store.ErrCorrupt, err)
	}
	return syncengine.RecordKey{Kind: syncengine.Kind(kind), ID: parsed}, nil
}

// KnownConflicts returns the records of a ledger whose conflict a hook knows of, by RecordName.
func KnownConflicts(r store.Reader, hook uuid.UUID, ledger syncengine.LedgerID) (map[string]bool, error) {
	out := map[string]bool{}
	prefix := keyOf(hook, ledger)
	err := r.Scan(spaceConflicts, syncengine.LedgerID{}, prefix, store.After(prefix), func(key, _ []byte) (bool, error) {
		out[string(key[len(prefix):])] = true
		return true, nil
	})
	return out, err
}

// Message is an event on its way. Its id and body stay what they are through every attempt.
type Message struct {
	ID   string          `json:"id"`
	Body json.RawMessage `json:"body"`
}

// payload is the body of a message.
type payload struct {
	Type      EventType `json:"type"`
	Timestamp string    `json:"timestamp"` // RFC 3339, in UTC
	Data      any       `json:"data"`
}

// enqueue makes messages of the events of a batch and keeps them, with what the hook has then been told.
func enqueue(w store.Writer, h *Hook, b *Batch, at time.Time) error {
	for _, e := range b.Events {
		body, err := json.Marshal(payload{e.Type, at.UTC().Format(time.RFC3339), e.Data})
		if err != nil {
			return err
		}
		id, err := uuid.NewRandom()
		if err != nil {
			return err
		}
		h.Queued++
		if err := put(w, spaceQueue, queueKey(h.ID, h.Queued), Message{"msg_" + id.String(), body}); err != nil {
			return err
		}
	}
	if err := b.keep(w, h.ID); err != nil {
		return err
	}
	return put(w, spaceHooks, h.ID[:], h)
}

func queueKey(hook uuid.UUID, number uint64) []byte {
	return binary.BigEndian.AppendUint64(hook[:], number)
}

// queued is a message with its place in the queue.
type queued struct {
	*Message
	key []byte
}

// queueOf returns the messages that wait for a hook's receiver, in order.
func queueOf(r store.Reader, hook uuid.UUID) ([]queued, error) {
	var out []queued
	err := r.Scan(spaceQueue, syncengine.LedgerID{}, hook[:], store.After(hook[:]), func(key, raw []byte) (bool, error) {
		m, err := decode[Message](spaceQueue, raw)
		out = append(out, queued{m, slices.Clone(key)})
		return true, err
	})
	return out, err
}
