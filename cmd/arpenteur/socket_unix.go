//go:build unix

package main

import (
	"context"
	"net"
	"syscall"
)

// listenPrivate listens on a socket that never was anybody's but its owner's. The mask is the whole process's: call it before
// anything else makes files.
func listenPrivate(ctx context.Context, path string) (net.Listener, error) {
	mask := syscall.Umask(0o177)
	defer syscall.Umask(mask)
	return new(net.ListenConfig).Listen(ctx, "unix", path)
}
