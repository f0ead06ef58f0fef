package server

import (
	"context"
	"time"

	"github.com/arpenteur/arpenteur/syncengine/store"
)

// restoredKey is where a store that was restored from a backup says so, until the authority has gone on as a new incarnation.
const restoredKey = "restored"

// restoredMark says when a store was restored, and from which backup.
type restoredMark struct {
	At   int64  `json:"at"`   // milliseconds since 1970 UTC
	From string `json:"from"` // name of the backup
}

// RestoredStore is a store whose id can be renewed. boltstore has one.
type RestoredStore interface {
	store.Store
	// RenewID gives the store another random id, durably.
	RenewID(ctx context.Context) error
}

// MarkRestored makes a copy of a store the one that a server goes on with. Tablets hold lines that were signed behind what the copy holds,
// so the server that opens it next must go on as a new incarnation of its authority; the mark tells it to. The store gets another id,
// so that no base token of the lost store means anything to it. from names the backup. Calling it again is harmless.
func MarkRestored(ctx context.Context, s RestoredStore, from string, now time.Time) error {
	if err := s.RenewID(ctx); err != nil {
		return err
	}
	return s.Update(ctx, func(w store.Writer) error {
		return put(w, spaceServer, []byte(restoredKey), restoredMark{At: now.UnixMilli(), From: from})
	})
}
