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

// commitError words an error of bbolt's commit.
func commitError(err error) error {
	if isFull(err) {
		return fmt.Errorf("%w: nothing was kept; free some space and try again: %w", store.ErrFull, err)
	}
	return fmt.Errorf("commit: %w", err)
}
