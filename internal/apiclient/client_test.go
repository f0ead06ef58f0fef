package apiclient_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"testing"

	"github.com/arpenteur/arpenteur/internal/apiclient"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

func clientOf(t *testing.T, h http.HandlerFunc) *apiclient.Client {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return &apiclient.Client{HTTP: apiclient.Network(), Base: s.URL, Token: "arp_x", Language: "fr", Agent: "test"}
}

func TestAListIsReadPageByPage(t *testing.T) {
	c := clientOf(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.RawQuery {
		case "kind=a":
			_, _ = io.WriteString(w, `{"things":[1,2],"next":"x y"}`)
		case "kind=a&cursor=x+y":
			_, _ = io.WriteString(w, `{"things":[3]}`)
		default:
			t.Errorf("asked %q", r.URL.RawQuery)
		}
	})
	var got []int
	err := c.List(context.Background(), "/v1/things?kind=a", "things", func(raw json.RawMessage) error {
		var n int
		got = append(got, n)
		return json.Unmarshal(raw, &got[len(got)-1])
	})
	if err != nil || !slices.Equal(got, []int{1, 2, 3}) {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestARequestSaysWhoAsksAndInWhichLanguage(t *testing.T) {
	c := clientOf(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.Header.Get("Authorization") != "Bearer arp_x" || r.Header.Get("Accept-Language") != "fr" || string(body) != `{"a":1}` {
			t.Errorf("header %v, body %s", r.Header, body)
		}
		w.WriteHeader(http.StatusNoContent)
	})
	if err := c.Call(context.Background(), http.MethodPost, "/", map[string]int{"a": 1}, new(int)); err != nil {
		t.Error(err)
	}
}

func TestEachFailureIsToldApart(t *testing.T) {
	c := clientOf(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/refused":
			w.WriteHeader(http.StatusForbidden)
			_, _ = w.Write(wire.AppendProblem(nil, wire.CodeForbidden, wire.French))
		case "/page":
			w.WriteHeader(http.StatusBadGateway)
			_, _ = io.WriteString(w, "<html>")
		case "/cut":
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, "{")
		default:
			_, _ = io.WriteString(w, "hello")
		}
	})
	for path, want := range map[string]error{
		"/refused": wire.CodeForbidden, "/page": apiclient.ErrNotOurs, "/cut": apiclient.ErrCut, "/text": apiclient.ErrNotOurs,
	} {
		if err := c.Call(context.Background(), http.MethodGet, path, nil, new(map[string]any)); !errors.Is(err, want) {
			t.Errorf("%s: %v, not %v", path, err, want)
		}
	}
	c.Base = "http://127.0.0.1:1"
	if err := c.Call(context.Background(), http.MethodGet, "/", nil, nil); !errors.Is(err, apiclient.ErrUnreachable) {
		t.Errorf("nobody there: %v", err)
	}
}

func TestASocketIsReachedUnderAnyName(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Skipf("no unix sockets here: %v", err)
	}
	s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, `"`+r.Host+`"`) })} //nolint:gosec // a test's own
	go func() { _ = s.Serve(l) }()
	defer func() { _ = s.Close() }()
	c := &apiclient.Client{HTTP: apiclient.Socket(path), Base: "http://anything"}
	var host string
	if err := c.Call(context.Background(), http.MethodGet, "/", nil, &host); err != nil || host != "anything" {
		t.Errorf("got %q, %v", host, err)
	}
}
