package boltstore

import (
	"context"
)

// Check reads every page and returns the first problem, which wraps ErrCorrupt, or nil. It finds pages that were overwritten, swapped
// or lost and trees that don't hold together. It can't see a changed byte within a value: sealing, and the hashes of the records
// themselves, do that.
//
// The pages are read while updates go on. Then bbolt's own check runs, for which updates wait: about a second for each gigabyte in
// memory. It can't be interrupted, so ctx counts until then.
func (s *Store) Check(ctx context.Context) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.leave()
	// bbolt checks in a goroutine of its own, in which a fault can't be recovered. So it only gets to see what was found sound here.
	err := s.read(func(t *txn) error {
		_, err := t.walk(ctx, false)
		return err
	})
	if err != nil {
		return err
	}
	select {
	case <-s.baton:
		defer func() { s.baton <- struct{}{} }()
	case <-ctx.Done():
		return ctx.Err()
	}
	return s.read(func(t *txn) (err error) {
		defer guard(&err)
		for problem := range t.tx.Check() {
			if err == nil {
				err = damaged("%v", problem)
			}
		}
		return err
	})
}
