//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package boltstore

import (
	"errors"
	"math/bits"
	"os"
	"syscall"
	"time"

	"github.com/arpenteur/arpenteur/syncengine/store"
)

// initialMap is how many bytes of address space are mapped at opening. bbolt maps anew when a file outgrows its map, and waits for
// every running view to do so, a copy of the whole store among them; a large first map spares stores that. It costs no memory, and no
// file space on these systems.
const initialMap = 16 << 30 * (bits.UintSize / 64)

// replacesOpenFiles says that a file can be renamed over one that is open.
const replacesOpenFiles = true

// lockRetry is how long a process waits before it tries again to lock the file.
const lockRetry = 20 * time.Millisecond

// fullErrnos are the errors of a device, quota or file that is full.
func fullErrnos() []error { return []error{syscall.ENOSPC, syscall.EDQUOT, syscall.EFBIG} }

// lockFile locks the file for this process, as bbolt will do again on the same descriptor: what is read before bbolt has the file must
// already be still. A store that stays locked until the timeout is ErrLocked.
func lockFile(file *os.File, timeout time.Duration) error {
	for deadline := time.Now().Add(timeout); ; time.Sleep(lockRetry) {
		err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		switch {
		case err == nil:
			return nil
		case errors.Is(err, syscall.EINTR):
		case !errors.Is(err, syscall.EWOULDBLOCK):
			return &os.PathError{Op: "lock", Path: file.Name(), Err: err}
		case time.Now().After(deadline):
			return store.ErrLocked
		}
	}
}

// unlockFile gives the lock back. Closing the file does not while it is mapped.
func unlockFile(file *os.File) error { return syscall.Flock(int(file.Fd()), syscall.LOCK_UN) }

// syncDir makes the names in a directory durable: a file that was created or renamed in it.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	err = d.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOTSUP) {
		err = nil // a file system that has no such thing
	}
	return errors.Join(err, d.Close())
}
