package photos

import (
	"golang.org/x/sys/windows"
)

// syncFolder does nothing: the system makes names durable by itself.
func syncFolder(string) error { return nil }

// freeBytes returns how much may still be written to the disk that holds a folder.
func freeBytes(path string) (uint64, error) {
	name, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return 0, err
	}
	var free uint64
	err = windows.GetDiskFreeSpaceEx(name, &free, nil, nil)
	return free, err
}

// fullErrors are what the system says when there is no space.
func fullErrors() []error { return []error{windows.ERROR_DISK_FULL, windows.ERROR_HANDLE_DISK_FULL} }
