package main

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/rs/zerolog"
	"github.com/spf13/pflag"

	"github.com/arpenteur/arpenteur/internal/apiclient"
	"github.com/arpenteur/arpenteur/server"
	"github.com/arpenteur/arpenteur/syncengine/store"
)

// apiOptions say how the server's HTTP API is reached.
type apiOptions struct{ data, server, token string }

// api asks the server's HTTP API, wherever it is.
type api struct {
	apiclient.Client
	close func() error
}

func (p *program) apiFlags(f *pflag.FlagSet, o *apiOptions) {
	f.StringVar(&o.data, "data", "", p.say.Say("api.flag.data"))
	f.StringVar(&o.server, "server", "", p.say.Say("api.flag.server"))
	f.StringVar(&o.token, "token", "", p.say.Say("api.flag.token"))
}

// withAPI reaches the API for as long as do runs: over the network with a token; else by way of the server that runs on the data
// folder; else within this process, on the store itself.
func (p *program) withAPI(ctx context.Context, o apiOptions, do func(a *api) error) (err error) {
	a, err := p.openAPI(ctx, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.close()) }()
	return do(a)
}

func (p *program) openAPI(ctx context.Context, o apiOptions) (*api, error) {
	o.token = p.setting(o.token, "ARPENTEUR_TOKEN")
	a := &api{close: func() error { return nil }}
	a.Token, a.Language, a.Agent = o.token, string(p.say.Language()), "arpenteur/"+versionText()
	if o.data == "" { // a folder that is named outright is meant, whatever the environment says of a server
		o.server = p.setting(o.server, "ARPENTEUR_SERVER")
	}
	if o.server != "" {
		if u, err := url.Parse(o.server); err != nil || u.Host == "" {
			return nil, failed(classUsage, "usage.flag_invalid", "flag", "server", "value", o.server)
		}
		a.Base, a.HTTP = strings.TrimRight(o.server, "/"), apiclient.Network()
		return a, nil
	}
	if o.data = p.setting(o.data, "ARPENTEUR_DATA"); o.data == "" {
		return nil, failed(classUsage, "api.where")
	}
	a.Base = "http://localhost"
	socket := filepath.Join(o.data, socketFile)
	if !answers(ctx, socket) {
		return a, a.inProcess(ctx, o.data)
	}
	a.HTTP = apiclient.Socket(socket)
	if a.Token == "" {
		return a, nil
	}
	return a, a.besideSocket(o.data)
}

// besideSocket reaches the server that runs on a data folder as its owner's token lets it: over the network, since on the socket every
// request is the machine's own.
func (a *api) besideSocket(data string) error {
	raw, err := os.ReadFile(filepath.Join(data, serverFile))
	if err != nil {
		return err
	}
	var running started
	if err := json.Unmarshal(raw, &running); err != nil {
		return err
	}
	host, port, err := net.SplitHostPort(running.Listen)
	if err != nil {
		return err
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	a.Base, a.HTTP = "http://"+net.JoinHostPort(host, port), apiclient.Network()
	return nil
}

// answers reports whether a server listens on a socket.
func answers(ctx context.Context, socket string) bool {
	conn, err := new(net.Dialer).DialContext(ctx, "unix", socket)
	if err != nil {
		return false
	}
	_ = conn.Close()
	return true
}

// inProcess opens the store and asks a server in this process: as the machine's own command line or, with a token, as its owner.
func (a *api) inProcess(ctx context.Context, data string) error {
	c, err := openCentral(ctx, data, false, server.Options{Log: zerolog.Nop()})
	if errors.Is(err, store.ErrLocked) {
		return failed(classStore, "api.locked", "data", data).because(err)
	}
	if err != nil {
		return err
	}
	h := c.Local()
	if a.Token != "" {
		h = c.Handler()
	}
	a.HTTP, a.close = &http.Client{Transport: inProcess{h}}, c.close
	return nil
}
