package server_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/rs/zerolog"

	"github.com/arpenteur/arpenteur/server"
	"github.com/arpenteur/arpenteur/server/photos"
	"github.com/arpenteur/arpenteur/server/webhooks"
	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/ledger"
	"github.com/arpenteur/arpenteur/syncengine/store"
	"github.com/arpenteur/arpenteur/syncengine/store/boltstore"
	"github.com/arpenteur/arpenteur/syncengine/store/storetest"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// world is a server, one diagnostic with a restricted ledger, and people.
type world struct {
	t           testing.TB
	store       store.Store
	secret      *server.Secret
	s           *server.Server
	network     http.Handler
	local       http.Handler
	clock       atomic.Int64 // milliseconds
	log         *syncedLog
	photos      *photos.Dir
	photoFolder string
	plan        server.BackupPlan
	hooks       webhooks.Policy
	known       sync.Map // version in force, by ledger and lineage, as far as it was asked for since the last publication

	diagnostic uuid.UUID
	ledger     string
	restricted string
	coordinator,
	unrestricted,
	lead,
	auditor,
	administrator string // tokens
}

// syncedLog collects the log of a server.
type syncedLog struct {
	ch chan struct{}
	b  bytes.Buffer
}

func (l *syncedLog) Write(p []byte) (int, error) {
	l.ch <- struct{}{}
	defer func() { <-l.ch }()
	return l.b.Write(p)
}

func (l *syncedLog) String() string {
	l.ch <- struct{}{}
	defer func() { <-l.ch }()
	return l.b.String()
}

// onStores runs a test on the store in memory, whose updates all run twice, and on a bbolt file.
func onStores(t *testing.T, fn func(t *testing.T, w *world)) {
	t.Run("memory", func(t *testing.T) {
		m := storetest.NewMemory()
		m.RunTwice(true)
		fn(t, newWorldOn(t, m))
	})
	t.Run("bbolt", func(t *testing.T) {
		fn(t, newWorldOn(t, openBolt(t, filepath.Join(t.TempDir(), "central.db"))))
	})
}

func openBolt(t testing.TB, path string) *boltstore.Store {
	t.Helper()
	s, err := boltstore.Open(path, boltstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func newWorld(t testing.TB) *world {
	t.Helper()
	return newWorldOn(t, storetest.NewMemory())
}

func newWorldOn(t testing.TB, st store.Store) *world {
	t.Helper()
	w := &world{t: t, store: st, log: &syncedLog{ch: make(chan struct{}, 1)}}
	w.clock.Store(time.Date(2026, 11, 17, 9, 0, 0, 0, time.UTC).UnixMilli())
	var err error
	if w.secret, err = server.OpenSecret(filepath.Join(t.TempDir(), "authority.key"), true, rand.Reader); err != nil {
		t.Fatal(err)
	}
	w.photoFolder = filepath.Join(t.TempDir(), "photos")
	w.openPhotos(0)
	w.start()
	token := func(account, role string, restricted bool) string {
		return w.makeToken(map[string]any{"account": account, "role": role, "restricted": restricted})
	}
	w.coordinator = token("coord-1", "coordinator", true)
	w.unrestricted = token("coord-2", "coordinator", false)
	w.lead = token("lead-1", "lead", false)
	w.auditor = token("audit-1", "auditor", true)
	w.administrator = token("admin-1", "administrator", false)
	d := w.order("Le Grand Verger", true)
	w.diagnostic, w.ledger, w.restricted = d.ID, d.Ledger, d.Restricted
	return w
}

// start makes a server over the world's store, as after a restart.
func (w *world) start() {
	w.t.Helper()
	if w.s != nil {
		w.s.Close()
	}
	var err error
	w.s, err = server.New(server.Options{
		Backup: w.plan, Webhooks: w.hooks,
		Store: w.store, Photos: w.photos, StoreID: uuid.UUID{1}, Secret: w.secret, Log: zerolog.New(w.log), Now: w.now, Address: "https://arpenteur.test",
	})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(w.s.Close)
	w.network, w.local = checked(w.t, w.s.Handler()), checked(w.t, w.s.Local())
}

func (w *world) now() time.Time { return time.UnixMilli(w.clock.Load()) }

func (w *world) sleep(d time.Duration) { w.clock.Add(d.Milliseconds()) }

type diagnostic struct {
	ID         uuid.UUID
	Ledger     string
	Restricted string
}

func (w *world) order(name string, security bool) diagnostic {
	w.t.Helper()
	var d diagnostic
	w.ask(w.coordinator, "POST", "/v1/diagnostics", map[string]any{
		"name": name, "neighbourhood": "QP066007", "neighbourhood_version": "qp_2015", "neighbourhood_name": "Le Grand Verger",
		"commune": "66136", "public_security": security,
	}).created(&d)
	return d
}

func (w *world) makeToken(order map[string]any) string {
	w.t.Helper()
	var made struct{ Token string }
	w.askLocal("POST", "/v1/tokens", order).created(&made)
	return made.Token
}

// reply is an answer that a test looks into.
type reply struct {
	t      testing.TB
	asked  string
	status int
	header http.Header
	body   []byte
}

func (w *world) ask(token, method, path string, body any) *reply {
	w.t.Helper()
	return w.askOn(w.network, token, method, path, body)
}

func (w *world) askLocal(method, path string, body any) *reply {
	w.t.Helper()
	return w.askOn(w.local, "", method, path, body)
}

// askOn asks; a body that is a string is sent as it is.
func (w *world) askOn(h http.Handler, token, method, path string, body any) *reply {
	w.t.Helper()
	var raw []byte
	switch b := body.(type) {
	case nil:
	case string:
		raw = []byte(b)
	default:
		var err error
		if raw, err = json.Marshal(b); err != nil {
			w.t.Fatal(err)
		}
	}
	r := httptest.NewRequestWithContext(context.Background(), method, path, bytes.NewReader(raw))
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	return w.answer(h, r)
}

func (w *world) answer(h http.Handler, r *http.Request) *reply {
	w.t.Helper()
	out := httptest.NewRecorder()
	h.ServeHTTP(out, r)
	result := out.Result()
	defer result.Body.Close()
	answer, err := io.ReadAll(result.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return &reply{w.t, r.Method + " " + r.URL.RequestURI(), out.Code, out.Header(), answer}
}

func (r *reply) is(status int, into any) {
	r.t.Helper()
	if r.status != status {
		r.t.Fatalf("%s: %d, want %d: %s", r.asked, r.status, status, r.body)
	}
	if into == nil {
		return
	}
	if v := reflect.ValueOf(into).Elem(); v.Kind() == reflect.Struct {
		v.SetZero() // an earlier answer's members are not to be taken for this one's
	}
	if err := json.Unmarshal(r.body, into); err != nil {
		r.t.Fatalf("%s: %v in %s", r.asked, err, r.body)
	}
}

func (r *reply) ok(into any)      { r.t.Helper(); r.is(http.StatusOK, into) }
func (r *reply) created(into any) { r.t.Helper(); r.is(http.StatusCreated, into) }
func (r *reply) noContent()       { r.t.Helper(); r.is(http.StatusNoContent, nil) }

// problem is the body of a refusal.
type problem struct {
	Type, Title, Code, Detail, Action string
	Status                            int
	Record                            *recordView
	Problems                          []struct{ Code, At string }
	Violations                        []struct{ Path, Rule string }
}

// refused checks that the answer is a problem with a code, and returns it.
func (r *reply) refused(code wire.Code) *problem {
	r.t.Helper()
	p := new(problem)
	if err := json.Unmarshal(r.body, p); err != nil {
		r.t.Fatalf("%s: %d %s", r.asked, r.status, r.body)
	}
	if p.Code != string(code) || r.status != code.Status() || p.Status != r.status || p.Type != "urn:arpenteur:problem:"+p.Code {
		r.t.Fatalf("%s: %d %s, want %s", r.asked, r.status, r.body, code)
	}
	if r.header.Get("Content-Type") != wire.ProblemMediaType || p.Title == "" || p.Action == "" {
		r.t.Fatalf("%s: not a whole problem body: %v %s", r.asked, r.header, r.body)
	}
	return p
}

// recordView is a record as people read it.
type recordView struct {
	Kind        string
	ID          uuid.UUID
	Present     bool
	Changes     int
	States      []string
	Conflicts   []string
	Differs     []string
	Violations  []struct{ Path, Rule, Label string }
	Document    json.RawMessage
	Photos      []struct{ Element, Hash, State string }
	Fields      []field
	Pending     []change
	Ineffective []change
	Seen        string
}

type field struct {
	Path, Label, Policy, Rule string
	Shown                     json.RawMessage
	Erased, Differs, Conflict bool
	Survivors                 []survivor
}

type survivor struct {
	Change  string
	Value   json.RawMessage
	Erased  bool
	Author  string
	Time    int64
	Untimed bool
	Replica string
	Tablet  string
	Server  bool
}

type change struct {
	Change    string
	Author    string
	Status    string
	Reason    string
	Untimed   bool
	Values    map[string]json.RawMessage
	Erased    []string
	Over      map[string][]string
	Decision  *struct{ Type, By, Reason string }
	Ruling    *struct{ Type, Target string }
	Envelopes []struct {
		Replica string
		Seq     uint64
		Tablet  string
		Server  bool
	}
}

// field returns the field at a path.
func (v *recordView) field(t testing.TB, path string) *field {
	t.Helper()
	for i := range v.Fields {
		if v.Fields[i].Path == path {
			return &v.Fields[i]
		}
	}
	t.Fatalf("the record has no field %s: %+v", path, v.Fields)
	return nil
}

func (w *world) recordPath(kind string, id uuid.UUID) string {
	return "/v1/ledgers/" + w.ledger + "/records/" + kind + "/" + id.String()
}

// read reads a record as the coordinator.
func (w *world) read(kind string, id uuid.UUID) *recordView {
	w.t.Helper()
	v := new(recordView)
	w.ask(w.coordinator, "GET", w.recordPath(kind, id), nil).ok(v)
	return v
}

// place makes a place of the diagnostic.
func (w *world) place(order map[string]any) uuid.UUID {
	w.t.Helper()
	var made struct{ Places []struct{ ID uuid.UUID } }
	w.ask(w.coordinator, "POST", "/v1/diagnostics/"+w.diagnostic.String()+"/places", order).created(&made)
	return made.Places[0].ID
}

// version returns the id of the version in force of a checklist.
func (w *world) version(ledger, lineage string) syncengine.VersionID {
	w.t.Helper()
	if v, found := w.known.Load(ledger + lineage); found {
		return v.(syncengine.VersionID)
	}
	var list struct {
		Checklists []struct {
			Lineage string
			Version syncengine.VersionID
		}
	}
	w.ask(w.coordinator, "GET", "/v1/ledgers/"+ledger+"/checklists", nil).ok(&list)
	for _, c := range list.Checklists {
		if c.Lineage == lineage {
			w.known.Store(ledger+lineage, c.Version)
			return c.Version
		}
	}
	w.t.Fatalf("no checklist %s in %s", lineage, ledger)
	return syncengine.VersionID{}
}

// has reports whether a list holds a text.
func has(list []string, text string) bool {
	for _, s := range list {
		if s == text {
			return true
		}
	}
	return false
}

// newUUID draws a record id.
func newUUID(t testing.TB) uuid.UUID {
	t.Helper()
	id, err := uuid.NewV7()
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// paths joins paths for messages and comparisons.
func paths(list []string) string { return strings.Join(list, " ") }

// authorityKey returns the key that receipts of a ledger are signed with.
func (w *world) authorityKey(id syncengine.LedgerID) (key wire.PublicKey) {
	w.t.Helper()
	keeper := ledger.NewKeeper(func(syncengine.VersionID, []byte) (*syncengine.Checklist, error) {
		return nil, errors.New("not needed")
	})
	err := w.store.View(context.Background(), func(r store.Reader) error {
		l, err := keeper.View(r, id)
		if err == nil {
			key = l.AuthorityKey()
		}
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return key
}

func newRecorder() *httptest.ResponseRecorder { return httptest.NewRecorder() }
