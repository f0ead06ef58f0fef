package apiclient

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// Errors of asking. They are wrapped with their cause.
var (
	ErrUnreachable = errors.New("the server does not answer")
	ErrCut         = errors.New("the answer was cut")
	ErrNotOurs     = errors.New("what answers is not an Arpenteur server")
)

const (
	// maxAnswer bounds an answer that is held in memory.
	maxAnswer = 64 << 20
	// patience is how long a server may take to begin an answer.
	patience = 60 * time.Second
)

// Client asks one server. Base is its address without a slash at the end. It is safe for concurrent use, and must not be copied
// while in use.
type Client struct {
	HTTP     *http.Client
	Base     string
	Token    string // empty where none is needed
	Language string // of the server's texts: "fr", "en"
	Agent    string // what asks: "arpenteur/1.2"
}

// Network returns an HTTP client for a server anywhere.
func Network() *http.Client {
	return &http.Client{Transport: &http.Transport{
		Proxy: http.ProxyFromEnvironment, ResponseHeaderTimeout: patience, TLSHandshakeTimeout: patience,
	}}
}

// Socket returns an HTTP client for the server that listens on a unix socket. Any host will do in Base.
func Socket(path string) *http.Client {
	return &http.Client{Transport: &http.Transport{
		ResponseHeaderTimeout: patience,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", path)
		},
	}}
}

// Call asks for something: in, unless it is nil, is sent as JSON, and the answer is read into out, unless that is nil or the answer is
// empty.
func (c *Client) Call(ctx context.Context, method, path string, in, out any) error {
	answer, err := c.Ask(ctx, method, path, in)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrCut, err)
	}
	if out == nil || len(raw) == 0 {
		return nil
	}
	if err := json.Unmarshal(raw, out); err != nil {
		return fmt.Errorf("%w: %w", ErrNotOurs, err)
	}
	return nil
}

// Ask sends a request and returns the answer if it is a good one, however long it is. The caller closes its body.
func (c *Client) Ask(ctx context.Context, method, path string, in any) (*http.Response, error) {
	var body io.Reader
	if in != nil {
		raw, err := json.Marshal(in)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(raw)
	}
	media := ""
	if in != nil {
		media = "application/json"
	}
	return c.Send(ctx, method, path, media, body)
}

// Send is Ask with a body of any media type and length; nil for none.
func (c *Client) Send(ctx context.Context, method, path, media string, body io.Reader) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, method, c.Base+path, body)
	if err != nil {
		return nil, err
	}
	return c.do(r, media)
}

// do sends a request and returns the answer if it is a good one.
func (c *Client) do(r *http.Request, media string) (*http.Response, error) {
	c.dress(r, media)
	answer, err := c.HTTP.Do(r)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	if answer.StatusCode < http.StatusMultipleChoices {
		return answer, nil
	}
	defer answer.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(answer.Body, wire.MaxJSONBytes))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCut, err)
	}
	told, ok := wire.DecodeProblem(raw)
	if !ok {
		return nil, fmt.Errorf("%w: %s answers %s", ErrNotOurs, c.Base, answer.Status)
	}
	return nil, told
}

func (c *Client) dress(r *http.Request, media string) {
	for name, value := range map[string]string{"Accept-Language": c.Language, "User-Agent": c.Agent, "Content-Type": media} {
		if value != "" {
			r.Header.Set(name, value)
		}
	}
	if c.Token != "" {
		r.Header.Set("Authorization", "Bearer "+c.Token)
	}
}

// List asks for something whose answer holds a list under a name, page by page where there are pages, and calls fn with each element
// until fn returns an error, which List returns.
func (c *Client) List(ctx context.Context, path, name string, fn func(raw json.RawMessage) error) error {
	mark := "?"
	if strings.Contains(path, "?") {
		mark = "&"
	}
	page := path
	for {
		var answer map[string]json.RawMessage
		if err := c.Call(ctx, http.MethodGet, page, nil, &answer); err != nil {
			return err
		}
		var elements []json.RawMessage
		if err := json.Unmarshal(answer[name], &elements); err != nil {
			return fmt.Errorf("%w: no list of %s: %w", ErrNotOurs, name, err)
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
		var cursor string
		if err := json.Unmarshal(next, &cursor); err != nil {
			return fmt.Errorf("%w: %w", ErrNotOurs, err)
		}
		page = path + mark + "cursor=" + url.QueryEscape(cursor)
	}
}
