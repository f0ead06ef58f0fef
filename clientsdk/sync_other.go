//go:build !linux

package clientsdk

import (
	"os"
	"runtime"
)

// datasync makes the contents of a file durable.
func datasync(f *os.File) error { return f.Sync() }

// syncDirectory makes the entries of a directory durable, where the system can be asked to.
func syncDirectory(d *os.File) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	return d.Sync()
}
