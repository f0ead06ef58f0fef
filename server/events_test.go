package server_test

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// event is one `moved`.
type event struct {
	Ledger  string
	Version uint64
}

// site serves the world on a real port until the test ends.
func (w *world) site() *httptest.Server {
	site := httptest.NewServer(w.network)
	w.t.Cleanup(site.Close)
	w.t.Cleanup(w.s.Close) // ends the streams that site waits for
	return site
}

// listen opens a stream on a real connection and passes on its events; the channel closes with the stream.
func (w *world) listen(url, authorization string) <-chan event {
	w.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	w.t.Cleanup(cancel)
	r, err := http.NewRequestWithContext(ctx, "GET", url+"/v1/events", nil)
	if err != nil {
		w.t.Fatal(err)
	}
	r.Header.Set("Authorization", authorization)
	r.Header.Set("Last-Event-ID", "41")
	answer, err := http.DefaultClient.Do(r) //nolint:bodyclose // the reader below closes it
	if err != nil {
		w.t.Fatal(err)
	}
	if answer.StatusCode != http.StatusOK || answer.Header.Get("Content-Type") != "text/event-stream" {
		w.t.Fatalf("%d %v", answer.StatusCode, answer.Header)
	}
	out := make(chan event, 100)
	go func() {
		defer close(out)
		defer answer.Body.Close()
		lines := bufio.NewScanner(answer.Body)
		for lines.Scan() {
			if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
				var e event
				if json.Unmarshal([]byte(data), &e) == nil {
					out <- e
				}
			}
		}
	}()
	return out
}

// next waits for an event of a ledger, and fails on one of any other ledger.
func (w *world) next(events <-chan event, ledger string) event {
	w.t.Helper()
	select {
	case e, open := <-events:
		if !open || e.Ledger != ledger {
			w.t.Fatalf("%+v (open: %v), want one of %s", e, open, ledger)
		}
		return e
	case <-time.After(10 * time.Second):
		w.t.Fatal("no event came")
		return event{}
	}
}

func TestListenersAreToldWhatMovedAndIsTheirs(t *testing.T) {
	onStores(t, func(t *testing.T, w *world) {
		site := w.site()
		p := w.newTablet("c-1", "consultant", false)
		auth := wire.SignRequest(p.key, "GET", "/v1/events", p.challenge)
		person, tablet := w.listen(site.URL, "Bearer "+w.unrestricted), w.listen(site.URL, auth.String())
		before := w.next(person, w.ledger)
		w.next(tablet, w.ledger)
		q := w.newTablet("c-2", "consultant", true)
		q.write(note{ledger: w.restricted, kind: "observation", lineage: "public_security", id: newUUID(t), values: map[syncengine.Path]any{
			"/place": newUUID(t).String(), "/visit": newUUID(t).String(), "/rater": "c-2",
		}})
		q.sync() // moves the restricted ledger, of which neither hears
		q.observe(newUUID(t), nil)
		q.sync()
		if e := w.next(person, w.ledger); e.Version <= before.Version {
			t.Fatalf("%+v after %+v", e, before)
		}
		w.next(tablet, w.ledger)
		// What is granted while the stream is open is told on it.
		w.ask(w.coordinator, "POST", "/v1/devices/"+p.replica.String()+"/grants", map[string]any{"diagnostics": []any{w.diagnostic}, "restricted": true}).ok(nil)
		for told := false; !told; {
			select {
			case e, open := <-tablet:
				if told = e.Ledger == w.restricted; !open {
					t.Fatal("the stream ended")
				}
			case <-time.After(10 * time.Second):
				t.Fatal("the grant was not told")
			}
		}
	})
}

func TestASlowListenerHoldsUpNobody(t *testing.T) {
	w := newWorld(t)
	site := w.site()
	r, err := http.NewRequestWithContext(t.Context(), "GET", site.URL+"/v1/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+w.coordinator)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	begun := time.Now()
	for range 100 {
		w.create(w.coordinator, map[string]any{"kind": "actor", "values": map[string]any{"/name": "Ville"}}).created(nil)
	}
	if took := time.Since(begun); took > 20*time.Second {
		t.Fatalf("100 writes took %v beside a listener that does not read", took)
	}
}

func TestStreamsEndWithTheServer(t *testing.T) {
	w := newWorld(t)
	site := w.site()
	events := w.listen(site.URL, "Bearer "+w.unrestricted)
	w.next(events, w.ledger)
	w.s.Close()
	for {
		select {
		case _, open := <-events:
			if !open {
				return
			}
		case <-time.After(10 * time.Second):
			t.Fatal("the stream is still open")
		}
	}
}
