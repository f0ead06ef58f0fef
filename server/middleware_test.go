package server_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/arpenteur/arpenteur/server"
	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/store"
	"github.com/arpenteur/arpenteur/syncengine/store/storetest"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// connection is an answer on a connection that has deadlines.
type connection struct {
	*httptest.ResponseRecorder
	read, write time.Time
}

func (c *connection) SetReadDeadline(t time.Time) error  { c.read = t; return nil }
func (c *connection) SetWriteDeadline(t time.Time) error { c.write = t; return nil }

func TestEveryAnswerMovesTheDeadlineOfItsConnection(t *testing.T) {
	w := newWorld(t)
	var made struct{ ID string }
	w.askLocal("POST", "/v1/tokens", map[string]any{"account": "x", "role": "auditor"}).created(&made)
	for method, path := range map[string]string{"GET": "/healthz", "DELETE": "/v1/tokens/" + made.ID, "POST": "/v1/tokens"} {
		c := &connection{ResponseRecorder: httptest.NewRecorder()}
		r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(`{"account":"y","role":"auditor"}`))
		w.local.ServeHTTP(c, r)
		if c.Code >= 300 || time.Until(c.write) < 30*time.Second {
			t.Errorf("%s %s: %d, written by %v", method, path, c.Code, c.write)
		}
		if method == "POST" && !c.read.IsZero() {
			t.Errorf("the deadline of a body that is read stays: %v", c.read)
		}
	}
}

func TestAnswersSayHowTheyAreToBeTreated(t *testing.T) {
	w := newWorld(t)
	r := w.ask("", "GET", "/healthz", nil)
	for name, want := range map[string]string{
		"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
		"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'", "Content-Type": "application/json",
	} {
		if got := r.header.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if again := w.ask("", "GET", "/healthz", nil); again.header.Get("Arpenteur-Request") == r.header.Get("Arpenteur-Request") {
		t.Error("two requests have one name")
	}
}

// breaking is a store whose views break from the n-th on: with an error, or a panic where there is none.
type breaking struct {
	store.Store
	left atomic.Int64
	err  error
}

func (b *breaking) View(ctx context.Context, fn func(store.Reader) error) error {
	if b.left.Add(-1) < 0 {
		if b.err == nil {
			panic("a defect")
		}
		return b.err
	}
	return b.Store.View(ctx, fn)
}

func TestADefectIsAnsweredAndLogged(t *testing.T) {
	w := newWorld(t)
	b := &breaking{Store: w.store}
	b.left.Store(1 << 40)
	w.store = b
	w.start()
	b.left.Store(0)
	r := w.ask(w.coordinator, "GET", "/v1/diagnostics", nil)
	r.refused(wire.CodeInternal)
	if log := w.log.String(); !strings.Contains(log, "a defect") || !strings.Contains(log, r.header.Get("Arpenteur-Request")) {
		t.Error("the log does not have the defect")
	}
	b.left.Store(1 << 40)
	w.ask(w.coordinator, "GET", "/v1/diagnostics", nil).ok(nil)
}

func TestAnExportThatFailsOnItsWayIsCutAndNotEnded(t *testing.T) {
	memory := storetest.NewMemory()
	w := newWorldOn(t, memory)
	p := w.newTablet("c-1", "consultant", false)
	for range server.MaxPage + 1 {
		p.observe(newUUID(t), map[syncengine.Path]any{litter: "2"})
	}
	p.sync()
	b := &breaking{Store: memory, err: store.ErrCorrupt}
	b.left.Store(1 << 40)
	w.store = b
	w.start()
	site := w.site()
	b.left.Store(2) // who asks, and the first page
	r, err := http.NewRequestWithContext(t.Context(), "GET", site.URL+"/v1/ledgers/"+w.ledger+"/export.csv?kind=observation", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+w.coordinator)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if body, err := io.ReadAll(answer.Body); err == nil || answer.StatusCode != http.StatusOK || len(body) == 0 {
		t.Fatalf("%d, %d bytes, %v", answer.StatusCode, len(body), err)
	}
}
