package main

import (
	"encoding/json"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/arpenteur/arpenteur/internal/apiclient"
	"github.com/arpenteur/arpenteur/internal/badlink"
)

// told is an attempt as a webhook's receiver got it.
type told struct {
	id, body, record string
}

// The server is killed while a receiver has a message and has not answered it, again and again, and the link to the receiver is cut after some
// 20 KB. Every record is told, and what was under way comes again under the same id with the same bytes.
func TestAWebhookTellsEveryRecordThroughKillsAndCuts(t *testing.T) {
	t.Parallel()
	got := make(chan told, 10_000)
	hang := make(chan chan struct{}, 1) // what the next message waits for
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		var m struct{ Data struct{ ID string } }
		if err == nil {
			err = json.Unmarshal(body, &m)
		}
		if err != nil {
			return
		}
		got <- told{r.Header.Get("webhook-id"), string(body), m.Data.ID}
		select {
		case until := <-hang:
			<-until
		default:
		}
	}))
	t.Cleanup(site.Close)
	link, err := badlink.Open(t.Context(), rand.New(rand.NewPCG(5, 5)))
	if err != nil {
		t.Fatal(err)
	}
	defer link.Close()
	link.Lead(strings.TrimPrefix(site.URL, "http://"))
	next := func() told {
		t.Helper()
		select {
		case m := <-got:
			return m
		case <-time.After(30 * time.Second):
			t.Fatal("no message came")
		}
		return told{}
	}
	data := filepath.Join(t.TempDir(), "d")
	flags := []string{"--webhook-allow-http", "--webhook-allow-private", "--listen", "127.0.0.1:0"}
	s := startServer(t, data, flags...)
	mustRun(t, "admin", "--data", data, "diagnostics", "create", "--name", "Verger", "--code", "QP066007", "--json")
	var token tokenInfo
	decode(t, mustRun(t, "admin", "--data", data, "tokens", "create", "--account", "coord-1", "--role", "coordinator", "--json"), &token)
	mustRun(t, "admin", "--server", s.ready.Address, "--token", token.Token, "webhooks", "create", "http://"+link.Address(), "--events", "record.merged")
	var d struct{ Diagnostics []diagnosticInfo }
	wanted := map[string]bool{}
	bodies := map[string]string{} // by the message's id
	people := func() *apiclient.Client {
		return &apiclient.Client{HTTP: apiclient.Network(), Base: s.ready.Address, Token: token.Token}
	}
	if err := people().Call(t.Context(), http.MethodGet, "/v1/diagnostics", nil, &d); err != nil {
		t.Fatal(err)
	}
	// quiet waits until nothing is on its way: an answer that a cut swallowed brings a message once more.
	quiet := func() {
		for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
			var list struct{ Webhooks []hookInfo }
			if err := people().Call(t.Context(), http.MethodGet, "/v1/webhooks", nil, &list); err != nil {
				t.Fatal(err)
			}
			if h := list.Webhooks[0]; h.Delivered == h.Queued {
				for len(got) > 0 {
					<-got
				}
				return
			}
		}
		t.Fatal("messages stay on their way")
	}
	for round := range 3 {
		quiet()
		until := make(chan struct{})
		hang <- until
		for range 2 {
			var made struct{ Places []struct{ ID string } }
			places := slices.Repeat([]map[string]string{{"type": "estate", "name": "Les Pommiers"}}, 20)
			if err := people().Call(t.Context(), http.MethodPost, "/v1/diagnostics/"+d.Diagnostics[0].ID+"/places", places, &made); err != nil {
				t.Fatal(err)
			}
			for _, p := range made.Places {
				wanted[p.ID] = true
			}
		}
		cut := next() // the receiver has it, and does not answer
		s.kill()
		close(until)
		s = startServer(t, data, flags...)
		again := next()
		if again.id != cut.id || again.body != cut.body {
			t.Errorf("round %d: %v came again as %v", round, cut, again)
		}
		for m := again; ; m = next() {
			if before, known := bodies[m.id]; known && before != m.body {
				t.Errorf("the id %s stands for %s and %s", m.id, before, m.body)
			}
			bodies[m.id] = m.body
			delete(wanted, m.record)
			if len(wanted) == 0 {
				break
			}
		}
	}
	if cuts := link.Traffic().Cuts; cuts < 2 {
		t.Errorf("the link was cut %d times", cuts)
	}
	s.stop(t)
}
