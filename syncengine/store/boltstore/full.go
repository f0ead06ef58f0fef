package boltstore

import (
	"errors"
	"fmt"
	"strings"

	"github.com/arpenteur/arpenteur/syncengine/store"
)

// isFull reports whether err says that the file can't grow: the device is full, a quota is used up, or the largest file that the file
// system or a limit of the process allows is reached. bbolt passes some errors on as text only, hence the second look.
func isFull(err error) bool {
	for _, errno := range fullErrnos() {
		if errors.Is(err, errno) || strings.HasSuffix(err.Error(), ": "+errno.Error()) {
			return true
		}
	}
	return false
}

// fullError wraps ErrFull where err says so of a file that is written beside the store. Other errors stay.
func fullError(err error) error {
	if err != nil && isFull(err) {
		return fmt.Errorf("%w: the store is as it was: %w", store.ErrFull, err)
	}
	return err
}

// commitError words an error of bbolt's commit.
func commitError(err error) error {
	if isFull(err) {
		return fmt.Errorf("%w: nothing was kept; free some space and try again: %w", store.ErrFull, err)
	}
	return fmt.Errorf("commit: %w", err)
}
