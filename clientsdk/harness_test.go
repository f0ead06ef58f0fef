package clientsdk_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/rs/zerolog"

	"github.com/arpenteur/arpenteur/clientsdk"
	"github.com/arpenteur/arpenteur/server"
	"github.com/arpenteur/arpenteur/server/photos"
	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/store/seal"
	"github.com/arpenteur/arpenteur/syncengine/store/storetest"
)

// tester is what the harness needs of a testing.T; examples have a stand-in.
type tester interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
	Cleanup(fn func())
	TempDir() string
}

// world is a server with one diagnostic, and tablets around it.
type world struct {
	t          tester
	store      *storetest.Memory
	photos     photos.Store
	heads      *server.Heads
	inner      http.Handler
	secret     *server.Secret
	server     *server.Server
	http       *httptest.Server
	now        time.Time
	diagnostic uuid.UUID
	ledger     syncengine.LedgerID
	restricted syncengine.LedgerID
	token      string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	return newWorldFor(t)
}

func newWorldFor(t tester) *world {
	t.Helper()
	w := &world{t: t, store: storetest.NewMemory(), now: time.Date(2026, 11, 17, 9, 0, 0, 0, time.UTC)}
	var err error
	if w.secret, err = server.OpenSecret(filepath.Join(t.TempDir(), "authority.key"), true, rand.Reader); err != nil {
		t.Fatal(err)
	}
	w.photos, err = photos.OpenDir(filepath.Join(t.TempDir(), "photos"), 0)
	if err != nil {
		t.Fatal(err)
	}
	w.http = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { w.inner.ServeHTTP(rw, r) }))
	t.Cleanup(w.http.Close)
	w.start()
	var made struct{ Token string }
	w.local("POST", "/v1/tokens", map[string]any{"account": "coord-1", "role": "coordinator", "name": "Coordination 1", "restricted": true}, &made)
	w.token = made.Token
	var d struct {
		ID         uuid.UUID
		Ledger     syncengine.LedgerID
		Restricted syncengine.LedgerID
	}
	w.people("POST", "/v1/diagnostics", map[string]any{
		"name": "Le Grand Verger", "neighbourhood": "QP066007", "neighbourhood_version": "qp_2015", "neighbourhood_name": "Le Grand Verger",
		"commune": "66136", "public_security": true,
	}, &d)
	w.diagnostic, w.ledger, w.restricted = d.ID, d.Ledger, d.Restricted
	return w
}

// start makes a server over the world's store, as after a restart.
func (w *world) start() {
	w.t.Helper()
	var err error
	w.server, err = server.New(server.Options{
		Store: w.store, Photos: w.photos, StoreID: uuid.New(), Secret: w.secret, Heads: w.heads, Log: zerolog.Nop(),
		Now: func() time.Time { return w.now }, Address: w.http.URL,
	})
	if err == nil {
		err = w.server.Begin(context.Background())
	}
	if err != nil {
		w.t.Fatal(err)
	}
	w.inner = w.server.Handler()
}

// local asks as the machine's own command line does.
func (w *world) local(method, path string, body, answer any) {
	w.t.Helper()
	w.ask(w.server.Local(), "", method, path, body, answer)
}

// people asks as the coordinator.
func (w *world) people(method, path string, body, answer any) {
	w.t.Helper()
	w.ask(w.server.Handler(), w.token, method, path, body, answer)
}

func (w *world) ask(h http.Handler, token, method, path string, body, answer any) {
	w.t.Helper()
	raw, err := json.Marshal(body)
	if err != nil {
		w.t.Fatal(err)
	}
	r := httptest.NewRequestWithContext(context.Background(), method, path, bytes.NewReader(raw))
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	out := httptest.NewRecorder()
	h.ServeHTTP(out, r)
	if out.Code >= 300 {
		w.t.Fatalf("%s %s: %d %s", method, path, out.Code, out.Body)
	}
	if answer != nil {
		if err := json.Unmarshal(out.Body.Bytes(), answer); err != nil {
			w.t.Fatalf("%s %s: %v in %s", method, path, err, out.Body)
		}
	}
}

// ticket makes an enrolment ticket.
func (w *world) ticket(account, role string) string {
	w.t.Helper()
	var made struct{ Ticket string }
	w.people("POST", "/v1/tickets", map[string]any{"account": account, "role": role, "diagnostics": []uuid.UUID{w.diagnostic}, "restricted": true}, &made)
	return made.Ticket
}

// tablet is a client and what a test needs to open it again.
type tablet struct {
	*clientsdk.Client
	t      tester
	w      *world
	folder string
	o      clientsdk.Options
}

// cheap makes passphrases quick to try, for tests only.
var cheap = seal.Params{Time: 1, Memory: 64, Threads: 1}

func (w *world) newTablet(name string) *tablet {
	w.t.Helper()
	p := w.openTablet(w.t.TempDir(), clientsdk.Options{})
	if err := p.Enrol(context.Background(), w.ticket("c-"+name, "consultant"), name); err != nil {
		w.t.Fatal(err)
	}
	p.sync()
	return p
}

func (w *world) openTablet(folder string, o clientsdk.Options) *tablet {
	w.t.Helper()
	o.Passphrase, o.Cost = []byte("une phrase de test"), cheap
	if o.Now == nil {
		o.Now = func() time.Time { return w.now }
	}
	c, err := clientsdk.Open(context.Background(), folder, o)
	if err != nil {
		w.t.Fatal(err)
	}
	p := &tablet{Client: c, t: w.t, w: w, folder: folder, o: o}
	w.t.Cleanup(func() { _ = p.Close() })
	return p
}

// reopen closes the tablet and opens its folder again.
func (p *tablet) reopen() *tablet {
	p.t.Helper()
	if err := p.Close(); err != nil {
		p.t.Fatal(err)
	}
	return p.w.openTablet(p.folder, p.o)
}

func (p *tablet) sync() *clientsdk.Report {
	p.t.Helper()
	report, err := p.Sync(context.Background())
	if err != nil {
		p.t.Fatal(err)
	}
	return report
}

var (
	hall  = "0190f2c0-0000-7000-8000-000000000001"
	visit = "0190f2c0-0000-7000-8000-000000000002"
)

// observe commits an observation of the hall.
func (p *tablet) observe(values map[syncengine.Path]any) clientsdk.Saved {
	p.t.Helper()
	d, err := p.NewRecord(context.Background(), p.w.ledger, "cleanliness")
	if err != nil {
		p.t.Fatal(err)
	}
	account, err := p.Account(context.Background())
	if err != nil {
		p.t.Fatal(err)
	}
	all := map[syncengine.Path]any{"/place": hall, "/visit": visit, "/rater": string(account)}
	for k, v := range values {
		all[k] = v
	}
	if err := d.SetAll(all); err != nil {
		p.t.Fatal(err)
	}
	saved, err := d.Commit(context.Background())
	if err != nil {
		p.t.Fatal(err)
	}
	return saved
}

// edit commits an edit of a record as the tablet shows it now.
func (p *tablet) edit(ref clientsdk.Ref, values map[syncengine.Path]any) clientsdk.Saved {
	p.t.Helper()
	d, err := p.Edit(context.Background(), ref)
	if err != nil {
		p.t.Fatal(err)
	}
	if err := d.SetAll(values); err != nil {
		p.t.Fatal(err)
	}
	saved, err := d.Commit(context.Background())
	if err != nil {
		p.t.Fatal(err)
	}
	return saved
}

func (p *tablet) record(ref clientsdk.Ref) *clientsdk.Record {
	p.t.Helper()
	r, err := p.Record(context.Background(), ref)
	if err != nil {
		p.t.Fatal(err)
	}
	return r
}

// cutter is a transport whose connections break after a number of bytes in either direction.
type cutter struct {
	inner http.RoundTripper
	up    int // bytes of a request's body that get through; 0 for all
	down  int // bytes of an answer's body that get through; 0 for all
	cuts  int
}

func (c *cutter) RoundTrip(r *http.Request) (*http.Response, error) {
	if c.up > 0 && r.ContentLength > int64(c.up) {
		c.cuts++
		r.Body = io.NopCloser(io.MultiReader(io.LimitReader(r.Body, int64(c.up)), broken{}))
	}
	answer, err := c.inner.RoundTrip(r)
	if err == nil && c.down > 0 && answer.ContentLength > int64(c.down) {
		c.cuts++
		answer.Body = io.NopCloser(io.MultiReader(io.LimitReader(answer.Body, int64(c.down)), broken{}))
	}
	return answer, err
}

type broken struct{}

func (broken) Read([]byte) (int, error) {
	return 0, fmt.Errorf("the link was cut: %w", io.ErrUnexpectedEOF)
}
