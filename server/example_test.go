package server_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"

	"github.com/rs/zerolog"

	"github.com/arpenteur/arpenteur/server"
	"github.com/arpenteur/arpenteur/syncengine/store/boltstore"
)

// A server stands on a store and on a file of keys that is kept apart from it.
func Example() {
	folder, err := os.MkdirTemp("", "arpenteur")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(folder) //nolint:errcheck // an example's folder
	file, err := boltstore.Open(filepath.Join(folder, "central.db"), boltstore.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer file.Close() //nolint:errcheck // the example ends
	secret, err := server.OpenSecret(filepath.Join(folder, "authority.key"), true, rand.Reader)
	if err != nil {
		fmt.Println(err)
		return
	}
	s, err := server.New(server.Options{Store: file, StoreID: file.ID(), Secret: secret, Log: zerolog.Nop(), Address: "https://arpenteur.example"})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer s.Close()
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	stopped := make(chan error)
	go func() { stopped <- s.Run(ctx, listener) }()
	if r, err := http.Get("http://" + listener.Addr().String() + "/healthz"); err == nil {
		fmt.Println(r.Status)
		_ = r.Body.Close()
	}
	stop()
	fmt.Println(<-stopped)
	// Output:
	// 200 OK
	// <nil>
}
