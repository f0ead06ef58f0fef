//go:build !unix

package main

import (
	"context"
	"net"
)

// listenPrivate listens on a socket. Who may reach it follows from the folder that it is in.
func listenPrivate(ctx context.Context, path string) (net.Listener, error) {
	return new(net.ListenConfig).Listen(ctx, "unix", path)
}
