package server

import (
	"context"
	"time"

	"github.com/arpenteur/arpenteur/syncengine/store"
)

// erasureKey is where it is noted what was redacted, and what of it may still lie in free pages of the store.
const erasureKey = "erasure"

// erasure is the note. Times are milliseconds since 1970 UTC; none is given twice, so that each names one redaction.
type erasure struct {
	First int64 `json:"first,omitempty"` // of the redactions since the store was last compacted; 0 where there was none
	Last  int64 `json:"last"`            // of all redactions
}

func readErasure(r store.Reader) (e erasure, err error) {
	_, err = get(r, spaceServer, []byte(erasureKey), &e)
	return e, err
}

// noteErasure notes, with a redaction, that a store which keeps what it frees must be compacted.
func noteErasure(w store.Writer, now int64) error {
	e, err := readErasure(w)
	if err != nil {
		return err
	}
	e.Last = max(now, e.Last+1)
	if e.First == 0 {
		e.First = e.Last
	}
	return put(w, spaceServer, []byte(erasureKey), e)
}

// ErasureSince returns when values were first redacted since the store was last compacted, or the zero time. Until then their bytes may
// lie in free pages of the store's file (law L9).
func ErasureSince(ctx context.Context, s store.Store) (time.Time, error) {
	e, err := erasureOf(ctx, s)
	if err != nil || e.First == 0 {
		return time.Time{}, err
	}
	return time.UnixMilli(e.First), nil
}

func erasureOf(ctx context.Context, s store.Store) (e erasure, err error) {
	err = s.View(ctx, func(r store.Reader) (err error) {
		e, err = readErasure(r)
		return err
	})
	return e, err
}

// erased notes that the store was compacted: nothing is left in it that had been redacted when the compaction began. Of what was redacted
// since, copies may be.
func erased(ctx context.Context, s store.Store, begun erasure) error {
	return s.Update(ctx, func(w store.Writer) error {
		e, err := readErasure(w)
		if err != nil {
			return err
		}
		if e.First = 0; e.Last != begun.Last {
			e.First = begun.Last + 1 // about: it is only a time from which to count
		}
		return put(w, spaceServer, []byte(erasureKey), e)
	})
}
