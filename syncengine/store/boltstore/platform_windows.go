package boltstore

import (
	"os"
	"syscall"
	"time"
)

// initialMap is zero where bbolt would grow the file to the size of its map.
const initialMap = 0

// replacesOpenFiles says that a file can be renamed over one that is open.
const replacesOpenFiles = false

// fullErrnos are the errors of a device that is full: ERROR_DISK_FULL and ERROR_HANDLE_DISK_FULL, and the portable name for them.
func fullErrnos() []error { return []error{syscall.ENOSPC, syscall.Errno(112), syscall.Errno(39)} }

// lockFile leaves locking to bbolt, whose lock can't be taken twice here.
func lockFile(*os.File, time.Duration) error { return nil }

// unlockFile does nothing: closing the file gives the lock back.
func unlockFile(*os.File) error { return nil }

// syncDir does nothing: these systems have no way to sync a directory, or do it with the file.
func syncDir(string) error { return nil }
