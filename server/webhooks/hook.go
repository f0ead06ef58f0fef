package webhooks

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"net/url"
	"slices"

	"github.com/google/uuid"

	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/store"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// Limits of what is subscribed to.
const (
	// MaxHooks is how many hooks a server has at most.
	MaxHooks = 100
	// MaxURL is the longest address of a receiver, in bytes.
	MaxURL = 2048
)

// EventType names what a message tells.
type EventType string

// The events. Their payloads name what moved, never what it holds.
const (
	RecordMerged    EventType = "record.merged"    // a record moved: something was written, or what is written was judged anew
	ConflictOpened  EventType = "conflict.opened"  // a record began to ask for a person's decision
	ConflictSettled EventType = "conflict.settled" // it no longer does
	RulingMade      EventType = "ruling.made"      // the authority decided something
	LedgerChanged   EventType = "ledger.changed"   // any record may have moved: a tablet was revoked, a checklist published, a log forked
)

// EventTypes lists every event.
func EventTypes() []EventType {
	return []EventType{RecordMerged, ConflictOpened, ConflictSettled, RulingMade, LedgerChanged}
}

// Ending is why a hook is not delivered to any more.
type Ending string

// The endings.
const (
	EndFailing Ending = "failing" // no success for GiveUp
	EndGone    Ending = "gone"    // the receiver answered 410
	EndRights  Ending = "rights"  // the token whose rights it has is revoked or has expired
)

// Hook is one subscription, and how its deliveries go. Times are milliseconds since 1970 UTC, 0 for never.
type Hook struct {
	ID          uuid.UUID            `json:"id"`
	Token       string               `json:"token" doc:"id of the token whose rights it has, and with which it ends"`
	Account     syncengine.AccountID `json:"account"`
	URL         string               `json:"url"`
	Events      []EventType          `json:"events,omitempty" doc:"all where it is left out"`
	Diagnostics []uuid.UUID          `json:"diagnostics,omitempty" doc:"all that are open to the token where it is left out"`
	Restricted  bool                 `json:"restricted,omitempty" doc:"their restricted ledgers too"`
	Created     int64                `json:"created"`

	Queued       uint64 `json:"queued" doc:"messages that were made so far"`
	Delivered    uint64 `json:"delivered" doc:"messages that were taken so far"`
	LastSuccess  int64  `json:"last_success,omitempty"`
	FailingSince int64  `json:"failing_since,omitempty" doc:"left out while deliveries succeed"`
	Failures     int    `json:"failures,omitempty" doc:"attempts since the last success"`
	Next         int64  `json:"next,omitempty" doc:"when the next attempt is due"`
	Fault        Fault  `json:"fault,omitempty" doc:"of the last attempt"`
	Status       int    `json:"status,omitempty" doc:"that the receiver answered where the fault is status"`
	Ended        Ending `json:"ended,omitempty" doc:"why nothing is sent any more; left out while something is"`
}

// Wants reports whether a hook is to be told of an event.
func (h *Hook) Wants(e EventType) bool { return len(h.Events) == 0 || slices.Contains(h.Events, e) }

// Check refuses a hook that can't be delivered to, or asks for events that there are not. Errors have wire.CodeInvalid.
func (h *Hook) Check(p Policy) error {
	for _, e := range h.Events {
		if !slices.Contains(EventTypes(), e) {
			return wire.Problemf(wire.CodeInvalid, "there is no event %q; there are %v", e, EventTypes())
		}
	}
	u, err := url.Parse(h.URL)
	switch {
	case err != nil || u.Host == "" || u.Hostname() == "" || len(h.URL) > MaxURL:
		return wire.Problemf(wire.CodeInvalid, "url must be an absolute address of at most %d bytes", MaxURL)
	case u.User != nil || u.Fragment != "":
		return wire.Problemf(wire.CodeInvalid, "url must have neither a user nor a fragment")
	case u.Scheme != "https" && (u.Scheme != "http" || !p.AllowHTTP):
		return wire.Problemf(wire.CodeInvalid, "url must begin with https://")
	}
	if at, err := netip.ParseAddr(u.Hostname()); err == nil && !p.reaches(at) {
		return wire.Problemf(wire.CodeInvalid, "url names an address that is not on the public network")
	}
	return nil
}

// The spaces, none of which lies in a ledger.
const (
	spaceHooks     store.Space = "webhooks"          // hook -> Hook
	spaceTold      store.Space = "webhook_told"      // hook | ledger -> version up to which messages were made
	spaceConflicts store.Space = "webhook_conflicts" // hook | ledger | record -> 1: it was told as opened, or was open before
	spaceQueue     store.Space = "webhook_queue"     // hook | number -> Message
)

// Spaces lists every space of webhooks, for tools that copy or count.
func Spaces() []store.Space { return []store.Space{spaceHooks, spaceTold, spaceConflicts, spaceQueue} }

// Find returns a hook, or nil.
func Find(r store.Reader, id uuid.UUID) (*Hook, error) {
	raw, err := r.Get(spaceHooks, syncengine.LedgerID{}, id[:])
	if err != nil || raw == nil {
		return nil, err
	}
	return decode[Hook](spaceHooks, raw)
}

// List returns every hook, by id.
func List(r store.Reader) ([]*Hook, error) {
	list := []*Hook{}
	err := r.Scan(spaceHooks, syncengine.LedgerID{}, nil, nil, func(_, raw []byte) (bool, error) {
		h, err := decode[Hook](spaceHooks, raw)
		list = append(list, h)
		return true, err
	})
	return list, err
}

// Add keeps a new hook, which has been told of what a batch says. The caller has checked it.
func Add(w store.Writer, h *Hook, b *Batch) error {
	list, err := List(w)
	if err != nil {
		return err
	}
	if len(list) >= MaxHooks {
		return wire.Problemf(wire.CodeInvalid, "there are %d webhooks already: delete one that is not needed any more", MaxHooks)
	}
	if err := b.keep(w, h.ID); err != nil {
		return err
	}
	return put(w, spaceHooks, h.ID[:], h)
}

// Remove forgets a hook and everything that waits for it.
func Remove(w store.Writer, id uuid.UUID) error {
	for _, space := range Spaces() {
		var keys [][]byte
		err := w.Scan(space, syncengine.LedgerID{}, id[:], store.After(id[:]), func(key, _ []byte) (bool, error) {
			keys = append(keys, slices.Clone(key))
			return true, nil
		})
		if err != nil {
			return err
		}
		for _, key := range keys {
			if err := w.Delete(space, syncengine.LedgerID{}, key); err != nil {
				return err
			}
		}
	}
	return nil
}

// Resume lets a hook that ended, or waits for its next attempt, go on at once where it was.
func Resume(w store.Writer, h *Hook) error {
	h.Ended, h.Failures, h.FailingSince, h.Next = "", 0, 0, 0
	return put(w, spaceHooks, h.ID[:], h)
}

func put(w store.Writer, space store.Space, key []byte, v any) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return w.Put(space, syncengine.LedgerID{}, key, raw)
}

func decode[T any](space store.Space, raw []byte) (*T, error) {
	v := new(T)
	if err := json.Unmarshal(raw, v); err != nil {
		return nil, fmt.Errorf("%s: %w: %w", space, store.ErrCorrupt, err)
	}
	return v, nil
}
