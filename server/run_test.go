package server_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/arpenteur/arpenteur/syncengine/store"
	"github.com/arpenteur/arpenteur/syncengine/store/storetest"
)

func listenLocal(t testing.TB) net.Listener {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// running starts Run and returns its address, how to stop it, and what it returned.
func (w *world) running(run func(context.Context, net.Listener) error) (url string, stop func(), stopped <-chan error) {
	w.t.Helper()
	l := listenLocal(w.t)
	ctx, cancel := context.WithCancel(context.Background())
	w.t.Cleanup(cancel)
	out := make(chan error, 1)
	go func() { out <- run(ctx, l) }()
	return "http://" + l.Addr().String(), cancel, out
}

func fetch(t *testing.T, method, url, token, body string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(context.Background(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	raw, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(raw)
}

// held is a store whose updates wait, once it is told so, until they are let go.
type held struct {
	store.Store
	waiting, free chan struct{}
}

func (h *held) Update(ctx context.Context, fn func(store.Writer) error) error {
	if h.waiting != nil {
		h.waiting <- struct{}{}
		<-h.free
	}
	return h.Store.Update(ctx, fn)
}

func TestAStopLetsRunningRequestsFinishAndEndsStreams(t *testing.T) {
	slow := &held{Store: storetest.NewMemory()}
	w := newWorldOn(t, slow)
	url, stop, stopped := w.running(w.s.Run)
	stream := w.listen(url, "Bearer "+w.unrestricted)
	w.next(stream, w.ledger)
	slow.waiting, slow.free = make(chan struct{}), make(chan struct{})
	status := make(chan int, 1)
	go func() {
		code, _ := fetch(t, "POST", url+"/v1/ledgers/"+w.ledger+"/records", w.coordinator, `{"kind":"actor","values":{"/name":"Ville"}}`)
		status <- code
	}()
	<-slow.waiting
	stop()
	for open := true; open; { // the stream ends although the request still runs
		select {
		case _, open = <-stream:
		case <-time.After(10 * time.Second):
			t.Fatal("the stream is still open")
		}
	}
	select {
	case err := <-stopped:
		t.Fatalf("the server stopped in the middle of a request: %v", err)
	default:
	}
	close(slow.free)
	if code := <-status; code != http.StatusCreated {
		t.Fatalf("the running request was answered %d", code)
	}
	if err := <-stopped; err != nil {
		t.Fatal(err)
	}
	w.s.Close()
	w.s.Close()
}

func TestTheLocalListenerAsksForNoToken(t *testing.T) {
	w := newWorld(t)
	url, stop, stopped := w.running(w.s.RunLocal)
	if code, body := fetch(t, "POST", url+"/v1/tokens", "", `{"account":"x","role":"auditor"}`); code != http.StatusCreated || !strings.Contains(body, "arp_") {
		t.Fatalf("%d %s", code, body)
	}
	if code, body := fetch(t, "GET", url+"/v1/ledgers", "", ""); code != http.StatusForbidden {
		t.Fatalf("who sets up reads field data: %d %s", code, body)
	}
	stop()
	if err := <-stopped; err != nil {
		t.Fatal(err)
	}
}

func TestAListenerThatFailsIsTold(t *testing.T) {
	w := newWorld(t)
	l := listenLocal(t)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := w.s.Run(context.Background(), l); err == nil {
		t.Fatal("a closed listener was served")
	}
}
