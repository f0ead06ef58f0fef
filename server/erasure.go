package server

import (
	"context"
	"time"

	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/store"
)

// erasureKey is where it is noted that values were redacted since the store was last compacted.
const erasureKey = "erasure"

// noteErasure notes, with a redaction, that a store which keeps what it frees must be compacted. The time of the first one stays.
func noteErasure(w store.Writer, now int64) error {
	var first int64
	known, err := get(w, spaceServer, []byte(erasureKey), &first)
	if err != nil || known {
		return err
	}
	return put(w, spaceServer, []byte(erasureKey), now)
}

// ErasureSince returns when values were first redacted since the store was last compacted, or the zero time. Until then their bytes may
// lie in free pages of the store's file (law L9); whoever opens the store compacts it first where this is not zero.
func ErasureSince(ctx context.Context, s store.Store) (time.Time, error) {
	var first int64
	var due bool
	err := s.View(ctx, func(r store.Reader) (err error) {
		due, err = get(r, spaceServer, []byte(erasureKey), &first)
		return err
	})
	if err != nil || !due {
		return time.Time{}, err
	}
	return time.UnixMilli(first), nil
}

// ErasureDone notes that the store was compacted: nothing redacted before is left in it.
func ErasureDone(ctx context.Context, s store.Store) error {
	return s.Update(ctx, func(w store.Writer) error { return w.Delete(spaceServer, syncengine.LedgerID{}, []byte(erasureKey)) })
}
