package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"github.com/rs/zerolog"
	"github.com/spf13/pflag"

	"github.com/arpenteur/arpenteur/server"
	"github.com/arpenteur/arpenteur/syncengine/store"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// apiOptions say how the server's HTTP API is reached.
type apiOptions struct{ data, server, token string }

// api asks the server's HTTP API, wherever it is.
type api struct {
	http  *http.Client
	base  string
	token string
	lang  string
	close func() error
}

// maxAnswer bounds an answer that is held in memory.
const maxAnswer = 64 << 20

// apiTime is how long a server may take to begin an answer.
const apiTime = 60 * time.Second

func (p *program) apiFlags(f *pflag.FlagSet, o *apiOptions) {
	f.StringVar(&o.data, "data", "", p.say.Say("api.flag.data"))
	f.StringVar(&o.server, "server", "", p.say.Say("api.flag.server"))
	f.StringVar(&o.token, "token", "", p.say.Say("api.flag.token"))
}

// withAPI reaches the API for as long as do runs: over the network with a token; else over the socket of the server that runs on the
// data folder; else within this process, on the store itself.
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
	a := &api{token: o.token, lang: string(p.say.Language()), close: func() error { return nil }}
	if o.data == "" { // a folder that is named outright is meant, whatever the environment says of a server
		o.server = p.setting(o.server, "ARPENTEUR_SERVER")
	}
	if o.server != "" {
		if u, err := url.Parse(o.server); err != nil || u.Host == "" {
			return nil, failed(classUsage, "usage.flag_invalid", "flag", "server", "value", o.server)
		}
		a.base, a.http = strings.TrimRight(o.server, "/"), &http.Client{Transport: apiTransport(nil)}
		return a, nil
	}
	if o.data = p.setting(o.data, "ARPENTEUR_DATA"); o.data == "" {
		return nil, failed(classUsage, "api.where")
	}
	a.base = "http://localhost"
	socket := filepath.Join(o.data, socketFile)
	if answers(ctx, socket) {
		a.http = &http.Client{Transport: apiTransport(func(ctx context.Context) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", socket)
		})}
		return a, nil
	}
	return a, a.inProcess(ctx, o.data)
}

// apiTransport is a transport that gives a server some time to begin its answer. A nil dial is the network's.
func apiTransport(dial func(ctx context.Context) (net.Conn, error)) *http.Transport {
	t := &http.Transport{Proxy: http.ProxyFromEnvironment, ResponseHeaderTimeout: apiTime, TLSHandshakeTimeout: apiTime}
	if dial != nil {
		t.Proxy = nil
		t.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx) }
	}
	return t
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
	file, secret, err := openCentral(ctx, data, false)
	if errors.Is(err, store.ErrLocked) {
		return failed(classStore, "api.locked", "data", data).because(err)
	}
	if err != nil {
		return err
	}
	s, err := server.New(server.Options{Store: file, StoreID: file.ID(), Secret: secret, Log: zerolog.Nop(), Version: versionText()})
	if err != nil {
		return errors.Join(err, file.Close())
	}
	h := s.Local()
	if a.token != "" {
		h = s.Handler()
	}
	a.http, a.close = &http.Client{Transport: inProcess{h}}, file.Close
	return nil
}

// call asks for something: in, unless it is nil, is sent as JSON, and the answer is read into out, unless that is nil.
func (a *api) call(ctx context.Context, method, path string, in, out any) error {
	answer, err := a.ask(ctx, method, path, in)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	if err != nil {
		return failed(classNetwork, "api.cut").because(err)
	}
	if out == nil || len(raw) == 0 {
		return nil
	}
	return json.Unmarshal(raw, out)
}

// ask sends a request and returns the answer if it is a good one. The caller closes its body.
func (a *api) ask(ctx context.Context, method, path string, in any) (*http.Response, error) {
	var body io.Reader
	if in != nil {
		raw, err := json.Marshal(in)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(raw)
	}
	r, err := http.NewRequestWithContext(ctx, method, a.base+path, body)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Accept-Language", a.lang)
	r.Header.Set("User-Agent", "arpenteur/"+versionText())
	if in != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if a.token != "" {
		r.Header.Set("Authorization", "Bearer "+a.token)
	}
	answer, err := a.http.Do(r)
	if err != nil {
		return nil, failed(classNetwork, "api.unreachable", "server", a.base).because(err)
	}
	if answer.StatusCode < 300 {
		return answer, nil
	}
	defer answer.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(answer.Body, wire.MaxJSONBytes))
	if err != nil {
		return nil, failed(classNetwork, "api.cut").because(err)
	}
	told, ok := wire.DecodeProblem(raw)
	if !ok {
		return nil, failed(classOther, "api.not_ours", "server", a.base, "status", answer.Status)
	}
	return nil, told
}

// list asks for something whose answer holds a list under a name, page by page where there are pages, and calls fn with each element.
func (a *api) list(ctx context.Context, path, name string, fn func(raw json.RawMessage) error) error {
	cursor := ""
	for {
		page := path
		if cursor != "" {
			mark := "?"
			if strings.Contains(path, "?") {
				mark = "&"
			}
			page += mark + "cursor=" + url.QueryEscape(cursor)
		}
		var answer map[string]json.RawMessage
		if err := a.call(ctx, http.MethodGet, page, nil, &answer); err != nil {
			return err
		}
		var elements []json.RawMessage
		if err := json.Unmarshal(answer[name], &elements); err != nil {
			return failed(classOther, "api.not_ours", "server", a.base, "status", name).because(err)
		}
		for _, e := range elements {
			if err := fn(e); err != nil {
				return err
			}
		}
		next, more := answer["next"]
		if !more {
			return nil
		}
		if err := json.Unmarshal(next, &cursor); err != nil {
			return err
		}
	}
}
