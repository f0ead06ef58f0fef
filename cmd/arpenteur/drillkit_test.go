package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/arpenteur/arpenteur/clientsdk"
	"github.com/arpenteur/arpenteur/internal/apiclient"
	"github.com/arpenteur/arpenteur/internal/badlink"
	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/ledger"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// drill is a server of the built program, tablets that reach it over a link that cuts every 20 KB, and a folder of backups elsewhere.
type drill struct {
	t             *testing.T
	dir           string
	data, backups string
	server        *serverProcess
	people        *apiclient.Client
	link          *badlink.Link
	tablets       []*drillTablet
	verger        diagnosticInfo // ordered before any backup
}

// drillTablet is a tablet that captures in one diagnostic.
type drillTablet struct {
	*clientsdk.Client
	w      *drill
	name   string
	folder string
	ledger syncengine.LedgerID
}

func newDrill(t *testing.T) *drill {
	t.Helper()
	dir := t.TempDir()
	link, err := badlink.Open(t.Context(), rand.New(rand.NewPCG(rand.Uint64(), 1)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(link.Close)
	w := &drill{t: t, dir: dir, data: filepath.Join(dir, "d"), backups: filepath.Join(dir, "b"), link: link}
	w.start("127.0.0.1:0")
	link.Lead(w.server.ready.Listen)
	w.verger = w.order("Verger")
	var token tokenInfo
	decode(t, w.admin("tokens", "create", "--account", "coord-1", "--role", "coordinator", "--restricted"), &token)
	w.people = &apiclient.Client{HTTP: apiclient.Network(), Base: "http://" + w.server.ready.Listen, Token: token.Token}
	return w
}

// start starts the server. Tablets are told the link's address.
func (w *drill) start(listen string) {
	w.t.Helper()
	w.server = startServer(w.t, w.data, "--listen", listen, "--address", "http://"+w.link.Address())
}

// admin runs an administrator's command.
func (w *drill) admin(args ...string) []byte {
	w.t.Helper()
	return mustRun(w.t, append([]string{"admin", "--data", w.data, "--json"}, args...)...)
}

// order orders a diagnostic with public security.
func (w *drill) order(name string) (d diagnosticInfo) {
	w.t.Helper()
	decode(w.t, w.admin("diagnostics", "create", "--name", name, "--code", "QP066007", "--public-security"), &d)
	return d
}

// ask asks the server as the coordinator.
func (w *drill) ask(method, path string, body, answer any) {
	w.t.Helper()
	if err := w.people.Call(w.t.Context(), method, path, body, answer); err != nil {
		w.t.Fatalf("%s %s: %v", method, path, err)
	}
}

// rule makes a ruling about a change.
func (w *drill) rule(kind string, saved clientsdk.Saved, paths ...string) {
	w.t.Helper()
	w.ask(http.MethodPost, "/v1/ledgers/"+saved.Ref.Ledger.String()+"/rulings", rulingOrder{
		Type: kind, Target: saved.Change.String(), Paths: paths, Reason: "Exercice.",
	}, &struct{}{})
}

// settle decides about the first conflict of a record by taking one of its values.
func (w *drill) settle(ref clientsdk.Ref, choose clientsdk.Saved) {
	w.t.Helper()
	path := recordPath(ref.Ledger.String(), string(ref.Record.Kind), ref.Record.ID.String())
	var v struct {
		Seen      string
		Conflicts []string
	}
	w.ask(http.MethodGet, path, nil, &v)
	if len(v.Conflicts) == 0 {
		w.t.Fatal("there is nothing to settle: the test tells nothing")
	}
	w.ask(http.MethodPost, path+"/settle", map[string]any{
		"seen": v.Seen, "reason": "Vu sur place.", "fields": map[string]any{v.Conflicts[0]: map[string]any{"choose": choose.Change}},
	}, &struct{}{})
}

func recordPath(ledger, kind, id string) string {
	return "/v1/ledgers/" + ledger + "/records/" + kind + "/" + id
}

// enrol makes a tablet for a diagnostic. It fetches what there is.
func (w *drill) enrol(name string, d diagnosticInfo) *drillTablet {
	w.t.Helper()
	var ticket ticketInfo
	decode(w.t, w.admin("tablets", "ticket", "--name", name, "--diagnostic", d.Name, "--restricted"), &ticket)
	p := &drillTablet{w: w, name: name, folder: filepath.Join(w.dir, name), ledger: w.id(d.Ledger)}
	var err error
	p.Client, err = clientsdk.Open(w.t.Context(), p.folder, clientsdk.Options{Passphrase: []byte("walk on"), Cost: quickSeal})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = p.Close() })
	if err := p.Enrol(w.t.Context(), ticket.Ticket, name); err != nil {
		w.t.Fatal(err)
	}
	p.exchange()
	w.tablets = append(w.tablets, p)
	return p
}

// id reads the id of a ledger.
func (w *drill) id(text string) syncengine.LedgerID {
	w.t.Helper()
	hash, err := syncengine.ParseHash(text)
	if err != nil {
		w.t.Fatal(err)
	}
	return syncengine.LedgerID{Hash: hash}
}

// diagnostics returns the diagnostics that the server lists, by name, without when they were entered.
func (w *drill) diagnostics() map[string]diagnosticInfo {
	w.t.Helper()
	out := map[string]diagnosticInfo{}
	err := w.people.List(w.t.Context(), "/v1/diagnostics", "diagnostics", func(raw json.RawMessage) error {
		var d diagnosticInfo
		err := json.Unmarshal(raw, &d)
		d.Created = 0
		out[d.Name] = d
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return out
}

// exchange syncs until an exchange comes to its end. What the link does is endured, what the server says is not.
func (p *drillTablet) exchange() *clientsdk.Report {
	p.w.t.Helper()
	var err error
	for range 300 {
		var report *clientsdk.Report
		if report, err = p.Sync(p.w.t.Context()); err == nil {
			return report
		}
		var said *wire.Problem
		if errors.As(err, &said) && !errors.Is(err, wire.CodeTruncated) && !errors.Is(err, wire.CodeBusy) {
			break
		}
	}
	p.w.t.Fatalf("%s: %v", p.name, err)
	return nil
}

// exchangeAll lets all tablets sync until each has what the others brought.
func (w *drill) exchangeAll() {
	w.t.Helper()
	for range 3 {
		for _, p := range w.tablets {
			p.exchange()
		}
	}
}

// observe commits an observation. With a picture it has a photo that was looked over.
func (p *drillTablet) observe(picture []byte, values map[syncengine.Path]any) clientsdk.Saved {
	p.w.t.Helper()
	return p.observeIn(p.ledger, "cleanliness", picture, values)
}

func (p *drillTablet) observeIn(id syncengine.LedgerID, lineage string, picture []byte, values map[syncengine.Path]any) clientsdk.Saved {
	p.w.t.Helper()
	ctx := p.w.t.Context()
	d, err := p.NewRecord(ctx, id, lineage)
	if err == nil {
		err = d.SetAll(values)
	}
	if err == nil && picture != nil {
		var taken clientsdk.WaitingPhoto
		if taken, err = d.TakePhoto(ctx, "/photos", bytes.NewReader(picture), clientsdk.PhotoOptions{}); err == nil {
			_, err = p.ReviewPhoto(ctx, taken.ID, clientsdk.Review{NothingToBlur: true})
		}
	}
	if err != nil {
		p.w.t.Fatal(err)
	}
	return p.commit(d)
}

// edit corrects one field of a record.
func (p *drillTablet) edit(ref clientsdk.Ref, path syncengine.Path, value any) clientsdk.Saved {
	p.w.t.Helper()
	d, err := p.Edit(p.w.t.Context(), ref)
	if err == nil {
		err = d.Set(path, value)
	}
	if err != nil {
		p.w.t.Fatal(err)
	}
	return p.commit(d)
}

func (p *drillTablet) commit(d *clientsdk.Draft) clientsdk.Saved {
	p.w.t.Helper()
	saved, err := d.Commit(p.w.t.Context())
	if err != nil {
		p.w.t.Fatal(err)
	}
	return saved
}

func (p *drillTablet) photo(ref clientsdk.Ref) clientsdk.Photo {
	p.w.t.Helper()
	list, err := p.Photos(p.w.t.Context(), ref)
	if err != nil || len(list) != 1 {
		p.w.t.Fatalf("%d photos, %v", len(list), err)
	}
	return list[0]
}

func (p *drillTablet) safety(ref clientsdk.Ref) clientsdk.Safety {
	p.w.t.Helper()
	r, err := p.Record(p.w.t.Context(), ref)
	if err != nil {
		p.w.t.Fatal(err)
	}
	return r.Safety
}

// noise is a picture that does not compress.
func noise(t *testing.T, seed uint64) []byte {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 1))
	m := image.NewGray(image.Rect(0, 0, 300, 200))
	for i := range m.Pix {
		m.Pix[i] = byte(r.Uint32())
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// picture returns every merged record as each tablet and the server show it, by who shows it and what it is.
func (w *drill) picture() map[string]string {
	w.t.Helper()
	out := map[string]string{}
	for _, p := range w.tablets {
		list, err := p.Ledgers(w.t.Context())
		if err != nil {
			w.t.Fatal(err)
		}
		for _, l := range list {
			err := p.Records(w.t.Context(), l.ID, ledger.Filter{}, nil, func(r *clientsdk.Record) (bool, error) {
				key := fmt.Sprintf("%s %s %s %s", p.name, l.ID, r.Key.Kind, r.Key.ID)
				out[key] = fmt.Sprintf("%s %v %v %v, %d changes", r.Document(), r.States, r.Conflicts(), r.Violations, r.Changes)
				return true, nil
			})
			if err != nil {
				w.t.Fatal(err)
			}
		}
	}
	w.pictureOfServer(out)
	return out
}

// pictureOfServer adds what the server shows: values, survivors, states, what has no effect and why. What a restore does not bring back is left
// out: the names of tablets, and where photos are, which is looked at apart. So is the token that is made at each reading.
func (w *drill) pictureOfServer(out map[string]string) {
	w.t.Helper()
	ctx := w.t.Context()
	err := w.people.List(ctx, "/v1/ledgers", "ledgers", func(raw json.RawMessage) error {
		var l struct{ Ledger string }
		if err := json.Unmarshal(raw, &l); err != nil {
			return err
		}
		return w.people.List(ctx, "/v1/ledgers/"+l.Ledger+"/records?limit=500", "records", func(raw json.RawMessage) error {
			var r struct{ Kind, ID string }
			if err := json.Unmarshal(raw, &r); err != nil {
				return err
			}
			var v any
			if err := w.people.Call(ctx, http.MethodGet, recordPath(l.Ledger, r.Kind, r.ID), nil, &v); err != nil {
				return err
			}
			shown, err := json.Marshal(without(v, "seen", "tablet", "photos"))
			out[fmt.Sprintf("server %s %s %s", l.Ledger, r.Kind, r.ID)] = string(shown)
			return err
		})
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

// without takes members with some names out of a JSON document.
func without(v any, names ...string) any {
	switch at := v.(type) {
	case map[string]any:
		for name, member := range at {
			if slices.Contains(names, name) {
				delete(at, name)
				continue
			}
			at[name] = without(member, names...)
		}
	case []any:
		for i := range at {
			at[i] = without(at[i], names...)
		}
	}
	return v
}

// same compares two pictures.
func (w *drill) same(before, after map[string]string) {
	w.t.Helper()
	for what, shown := range before {
		if after[what] != shown {
			w.t.Errorf("%s\n before the loss: %s\n now:             %s", what, shown, after[what])
		}
	}
	for what := range after {
		if _, there := before[what]; !there {
			w.t.Errorf("%s was not there before the loss", what)
		}
	}
}

// photoState returns where the server says that the only photo of a record is.
func (w *drill) photoState(ref clientsdk.Ref) string {
	w.t.Helper()
	var v struct{ Photos []struct{ State string } }
	w.ask(http.MethodGet, recordPath(ref.Ledger.String(), string(ref.Record.Kind), ref.Record.ID.String()), nil, &v)
	if len(v.Photos) != 1 {
		w.t.Fatalf("%d photos", len(v.Photos))
	}
	return v.Photos[0].State
}

// loseDisk takes the server's disk away. Only what is kept apart is left: its keys.
func (w *drill) loseDisk() {
	w.t.Helper()
	key, err := os.ReadFile(filepath.Join(w.data, secretFile))
	if err == nil {
		err = os.RemoveAll(w.data)
	}
	if err == nil {
		err = os.Mkdir(w.data, 0o700)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(w.data, secretFile), key, 0o600)
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

// restore puts the newest backup in place and starts the server anew at its address.
func (w *drill) restore(more ...string) {
	w.t.Helper()
	mustRun(w.t, append([]string{"restore", "--from", w.backups, "--data", w.data}, more...)...)
	w.start(w.server.ready.Listen)
}

// holdsBytes reports whether the server's file has some text in it.
func (w *drill) holdsBytes(text string) bool {
	w.t.Helper()
	raw, err := os.ReadFile(filepath.Join(w.data, storeFile))
	if err != nil {
		w.t.Fatal(err)
	}
	return bytes.Contains(raw, []byte(text))
}

// lose forgets a tablet for good.
func (w *drill) lose(p *drillTablet) {
	w.t.Helper()
	w.tablets = slices.DeleteFunc(w.tablets, func(q *drillTablet) bool { return q == p })
	if err := errors.Join(p.Close(), os.RemoveAll(p.folder)); err != nil {
		w.t.Fatal(err)
	}
}

// account returns whose tablet it is.
func (p *drillTablet) account() string {
	p.w.t.Helper()
	a, err := p.Account(context.Background())
	if err != nil {
		p.w.t.Fatal(err)
	}
	return strings.TrimSpace(string(a))
}
