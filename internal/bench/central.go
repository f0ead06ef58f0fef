package main

import (
	"context"
	"crypto/rand"
	"errors"
	"net"
	"net/http"
	"os"
	"path/filepath"

	"github.com/google/uuid"
	"github.com/rs/zerolog"

	"github.com/arpenteur/arpenteur/internal/apiclient"
	"github.com/arpenteur/arpenteur/server"
	"github.com/arpenteur/arpenteur/server/photos"
	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/store/boltstore"
)

// The files of a server's folder.
const (
	storeName  = "central.db"
	secretName = "authority.key"
)

// central is a server on a bbolt file, answering over HTTP on loopback, all its bytes counted.
type central struct {
	file   *boltstore.Store
	server *server.Server
	meter  *meter
	url    string
	local  string            // base URL of the machine's own operator
	people *apiclient.Client // as the coordinator, once one is needed
	season bool              // what is fabricated is of many days, at positions (writer.season)
	stop   context.CancelFunc
	done   chan error // of both listeners
}

// openCentral starts a server over a folder. Without sync its commits survive this process and no more: for what is built, not measured.
func openCentral(ctx context.Context, folder string, sync bool) (c *central, err error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, err
	}
	c = &central{done: make(chan error, 2)}
	c.file, err = boltstore.Open(filepath.Join(folder, storeName), boltstore.Options{NoSync: !sync})
	if err != nil {
		return nil, err
	}
	if err := c.serve(ctx, folder); err != nil {
		return nil, errors.Join(err, c.file.Close())
	}
	return c, nil
}

func (c *central) serve(ctx context.Context, folder string) error {
	ctx, stop := context.WithCancel(context.WithoutCancel(ctx)) // it is stopped in order, by close
	c.stop = stop
	empty, err := c.file.Empty(ctx)
	if err != nil {
		return err
	}
	secret, err := server.OpenSecret(filepath.Join(folder, secretName), empty, rand.Reader)
	if err != nil {
		return err
	}
	blobs, err := photos.OpenDir(filepath.Join(folder, "photos"), photos.DefaultReserve)
	if err != nil {
		return err
	}
	outer, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	inner, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return errors.Join(err, outer.Close())
	}
	c.meter, c.url = &meter{Listener: outer}, "http://"+outer.Addr().String()
	c.local = "http://" + inner.Addr().String()
	c.server, err = server.New(server.Options{
		Store: c.file, Photos: blobs, StoreID: c.file.ID(), Secret: secret, Log: zerolog.Nop(), Address: c.url,
	})
	if err != nil {
		return errors.Join(err, outer.Close(), inner.Close())
	}
	go func() { c.done <- c.server.Run(ctx, c.meter) }()
	go func() { c.done <- c.server.RunLocal(ctx, inner) }()
	return nil
}

// close stops the server.
func (c *central) close() error {
	c.stop()
	http.DefaultClient.CloseIdleConnections()
	err := errors.Join(<-c.done, <-c.done)
	c.server.Close()
	return errors.Join(err, c.file.Close())
}

// diagnostic is one ordered survey.
type diagnostic struct {
	ID     uuid.UUID           `json:"id"`
	Ledger syncengine.LedgerID `json:"ledger"`
}

// order opens a diagnostic as a coordinator does.
func (c *central) order(ctx context.Context, name string) (d diagnostic, err error) {
	if c.people == nil {
		token, err := coordinator(ctx, c.local)
		if err != nil {
			return d, err
		}
		c.people = &apiclient.Client{HTTP: http.DefaultClient, Base: c.url, Token: token}
	}
	err = c.people.Call(ctx, http.MethodPost, "/v1/diagnostics", map[string]any{
		"name": name, "neighbourhood": "QP066007", "neighbourhood_version": "qp_2015", "neighbourhood_name": name, "commune": "66136",
	}, &d)
	return d, err
}

// survey starts a server over a folder, opens a diagnostic there, and stops the server after do.
func survey(ctx context.Context, folder string, sync bool, do func(c *central, d diagnostic) error) error {
	c, err := openCentral(ctx, folder, sync)
	if err != nil {
		return err
	}
	d, err := c.order(ctx, "Le Grand Verger")
	if err == nil {
		err = do(c, d)
	}
	return errors.Join(err, c.close())
}

// coordinator has the machine's own operator make a token for a coordinator.
func coordinator(ctx context.Context, local string) (string, error) {
	var made struct {
		Token string `json:"token"`
	}
	person := map[string]any{"account": "coord-1", "role": "coordinator", "name": "Coordination"}
	operator := &apiclient.Client{HTTP: http.DefaultClient, Base: local}
	err := operator.Call(ctx, http.MethodPost, "/v1/tokens", person, &made)
	return made.Token, err
}

// ticket makes an enrolment ticket for a consultant.
func (c *central) ticket(ctx context.Context, account syncengine.AccountID, list ...diagnostic) (string, error) {
	ids := make([]uuid.UUID, 0, len(list))
	for _, d := range list {
		ids = append(ids, d.ID)
	}
	var made struct {
		Ticket string `json:"ticket"`
	}
	body := map[string]any{"account": account, "role": "consultant", "diagnostics": ids}
	err := c.people.Call(ctx, http.MethodPost, "/v1/tickets", body, &made)
	return made.Ticket, err
}
