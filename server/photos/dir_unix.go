//go:build unix

package photos

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// syncFolder makes the names in a folder durable.
func syncFolder(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// freeBytes returns how much may still be written to the disk that holds a folder.
func freeBytes(path string) (uint64, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(path, &s); err != nil {
		return 0, err
	}
	return uint64(s.Bavail) * uint64(s.Bsize), nil //nolint:gosec,unconvert // the types differ from system to system; neither is negative
}

// fullErrors are what the system says when there is no space.
func fullErrors() []error { return []error{unix.ENOSPC, unix.EDQUOT, unix.EFBIG} }
