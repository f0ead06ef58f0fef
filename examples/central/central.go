// Package central runs a real server in the process that calls it, for the examples beside it: on a bbolt file, over HTTP on this
// machine. A server in earnest is `arpenteur serve`; what it takes is the same.
package central

import (
	"context"
	"crypto/rand"
	"errors"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/google/uuid"
	"github.com/rs/zerolog"

	"github.com/arpenteur/arpenteur/clientsdk"
	"github.com/arpenteur/arpenteur/internal/apiclient"
	"github.com/arpenteur/arpenteur/server"
	"github.com/arpenteur/arpenteur/server/photos"
	"github.com/arpenteur/arpenteur/server/webhooks"
	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/store/boltstore"
)

// Central is a server that can be stopped and started again, at the same address and over the same store. It is not safe for concurrent
// use.
type Central struct {
	folder string
	now    func() time.Time

	address string // host and port, chosen at the first start
	token   string // of the coordinator
	stop    func() error
}

// Start starts a server whose data lies in folder. now is its clock.
func Start(ctx context.Context, folder string, now func() time.Time) (*Central, error) {
	c := &Central{folder: folder, now: now, address: "127.0.0.1:0"}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, err
	}
	return c, c.Again(ctx)
}

// URL is the address that tablets and people reach the server at.
func (c *Central) URL() string { return "http://" + c.address }

// Again starts a server that was stopped.
func (c *Central) Again(ctx context.Context) (err error) {
	file, err := boltstore.Open(filepath.Join(c.folder, "central.db"), boltstore.Options{})
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, file.Close())
		}
	}()
	empty, err := file.Empty(ctx)
	if err != nil {
		return err
	}
	secret, err := server.OpenSecret(filepath.Join(c.folder, "authority.key"), empty, rand.Reader)
	if err != nil {
		return err
	}
	blobs, err := photos.OpenDir(filepath.Join(c.folder, "photos"), photos.DefaultReserve)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx)) // Stop ends it, in order
	public, err := new(net.ListenConfig).Listen(ctx, "tcp", c.address)
	if err != nil {
		cancel()
		return err
	}
	c.address = public.Addr().String()
	s, err := server.New(server.Options{
		Store: file, Photos: blobs, StoreID: file.ID(), Secret: secret, Log: zerolog.Nop(), Now: c.now, Address: c.URL(),
		Webhooks: webhooks.Policy{AllowHTTP: true, AllowPrivate: true}, // receivers are on this machine too
	})
	if err != nil {
		cancel()
		return errors.Join(err, public.Close())
	}
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx, public) }()
	c.stop = func() error {
		cancel()
		http.DefaultClient.CloseIdleConnections()
		err := <-done
		s.Close()
		return errors.Join(err, file.Close())
	}
	if c.token == "" {
		return c.appoint(ctx, s)
	}
	return nil
}

// appoint makes the coordinator, as the machine's own operator does: over a listener that nobody else knows.
func (c *Central) appoint(ctx context.Context, s *server.Server) error {
	ctx, cancel := context.WithCancel(ctx)
	private, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		cancel()
		return errors.Join(err, c.Stop())
	}
	done := make(chan error, 1)
	go func() { done <- s.RunLocal(ctx, private) }()
	operator := apiclient.Client{HTTP: http.DefaultClient, Base: "http://" + private.Addr().String()}
	var made struct {
		Token string `json:"token"`
	}
	person := map[string]any{"account": "coord-1", "role": "coordinator", "name": "Coordination", "restricted": true}
	err = operator.Call(ctx, http.MethodPost, "/v1/tokens", person, &made)
	c.token = made.Token
	http.DefaultClient.CloseIdleConnections()
	cancel()
	return errors.Join(err, <-done)
}

// Stop stops the server; what it has acknowledged is on the disk.
func (c *Central) Stop() error {
	if c.stop == nil {
		return nil
	}
	stop := c.stop
	c.stop = nil
	return stop()
}

// People returns the server's API as the coordinator uses it.
func (c *Central) People() *apiclient.Client {
	return &apiclient.Client{HTTP: http.DefaultClient, Base: c.URL(), Token: c.token}
}

// Diagnostic is one ordered survey of one neighbourhood.
type Diagnostic struct {
	ID     uuid.UUID           `json:"id"`
	Ledger syncengine.LedgerID `json:"ledger"`
}

// Order opens a diagnostic of a fictional neighbourhood.
func (c *Central) Order(ctx context.Context, name string) (d Diagnostic, err error) {
	err = c.People().Call(ctx, http.MethodPost, "/v1/diagnostics", map[string]any{
		"name": name, "neighbourhood": "QP066007", "neighbourhood_version": "qp_2015", "neighbourhood_name": name, "commune": "66136",
	}, &d)
	return d, err
}

// Place is a place of a diagnostic.
type Place struct {
	ID       uuid.UUID          `json:"id"`
	Type     string             `json:"type"`
	Name     string             `json:"name"`
	Position map[string]float64 `json:"position,omitempty"` // lat and lon, WGS 84
}

// AddPlaces makes places in a diagnostic, at most 2,000.
func (c *Central) AddPlaces(ctx context.Context, d Diagnostic, places []Place) error {
	return c.People().Call(ctx, http.MethodPost, "/v1/diagnostics/"+d.ID.String()+"/places", places, nil)
}

// Enrol makes a client the tablet of a consultant in a diagnostic, and brings it up to date.
func (c *Central) Enrol(ctx context.Context, tablet *clientsdk.Client, account syncengine.AccountID, name string, d Diagnostic) error {
	var made struct {
		Ticket string `json:"ticket"`
	}
	order := map[string]any{"account": account, "role": "consultant", "diagnostics": []uuid.UUID{d.ID}}
	if err := c.People().Call(ctx, http.MethodPost, "/v1/tickets", order, &made); err != nil {
		return err
	}
	if err := tablet.Enrol(ctx, made.Ticket, name); err != nil {
		return err
	}
	_, err := tablet.Sync(ctx)
	return err
}
