package clientsdk

import (
	"os"

	"golang.org/x/sys/unix"
)

// datasync makes the contents of a file durable; of its metadata only what is needed to read them, which saves a write.
func datasync(f *os.File) error { return unix.Fdatasync(int(f.Fd())) }

// syncDirectory makes the entries of a directory durable.
func syncDirectory(d *os.File) error { return d.Sync() }
