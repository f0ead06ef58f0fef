package clientsdk_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/uuid"

	"github.com/arpenteur/arpenteur/clientsdk"
	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/wire"
	"github.com/arpenteur/arpenteur/syncengine/wire/file"
)

// stick exports from a tablet into a new file.
func (p *tablet) stick(o clientsdk.ExportOptions) string {
	p.t.Helper()
	path := filepath.Join(p.t.TempDir(), "stick.arp")
	if _, err := p.ExportFile(ctx, path, o); err != nil {
		p.t.Fatal(err)
	}
	return path
}

func (p *tablet) take(path string) *clientsdk.Report {
	p.t.Helper()
	report, err := p.ImportFile(ctx, path, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	return report
}

// taken is the server's answer to a file.
type taken struct {
	Complete bool
	Code     wire.Code
	Ledgers  []struct {
		Ledger    syncengine.LedgerID
		Lines     int
		Photos    int
		Announced int
		Remarks   []struct{ Code wire.Code }
	}
}

// takeFile brings a file to the server, as the coordinator.
func (w *world) takeFile(path string) (v taken) {
	w.t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		w.t.Fatal(err)
	}
	out := w.postFile(raw)
	if out.Code != http.StatusOK {
		w.t.Fatalf("%d %s", out.Code, out.Body)
	}
	if err := json.Unmarshal(out.Body.Bytes(), &v); err != nil {
		w.t.Fatal(err)
	}
	return v
}

func (w *world) postFile(raw []byte) *httptest.ResponseRecorder {
	r := httptest.NewRequestWithContext(ctx, "POST", "/v1/files", bytes.NewReader(raw))
	r.Header.Set("Authorization", "Bearer "+w.token)
	r.Header.Set("Content-Type", file.MediaType)
	out := httptest.NewRecorder()
	w.server.Handler().ServeHTTP(out, r)
	return out
}

// device is a tablet as the server lists it.
type device struct {
	Replica syncengine.ReplicaID
	Key     wire.PublicKey
	Name    string
	Ledgers []struct {
		Ledger    syncengine.LedgerID
		Held      uint64
		Announced *struct {
			Pending uint64
			ByName  string `json:"by_name"`
			Seen    int64
		}
	}
}

func (w *world) device(name string) device {
	w.t.Helper()
	var list struct{ Devices []device }
	w.people("GET", "/v1/devices", nil, &list)
	for _, d := range list.Devices {
		if d.Name == name {
			return d
		}
	}
	w.t.Fatalf("there is no tablet %s", name)
	return device{}
}

// sealFor makes a file of frames by hand, for a tablet by name.
func (w *world) sealFor(name string, frames ...wire.Frame) string {
	w.t.Helper()
	var out bytes.Buffer
	f := file.NewWriter(&out)
	key := w.device(name).Key
	s, err := f.Section([]ed25519.PublicKey{key[:]})
	if err != nil {
		w.t.Fatal(err)
	}
	body := wire.NewWriter(s)
	for _, frame := range append(append([]wire.Frame{&wire.Hello{}}, frames...), &wire.End{}) {
		if err := body.WriteFrame(frame); err != nil {
			w.t.Fatal(err)
		}
	}
	path := filepath.Join(w.t.TempDir(), "by-hand.arp")
	if err := errors.Join(body.Close(), s.Close(), f.Close(), os.WriteFile(path, out.Bytes(), 0o600)); err != nil {
		w.t.Fatal(err)
	}
	return path
}

// runsOf asks the server for everything as a new tablet, and returns the runs of the public ledger that it was sent.
func (w *world) runsOf(name string) []*wire.Run {
	w.t.Helper()
	var runs []*wire.Run
	m := &meddler{change: func(f wire.Frame) {
		if r, ok := f.(*wire.Run); ok && r.Ledger == w.ledger {
			runs = append(runs, r)
		}
	}}
	p := w.openTablet(w.t.TempDir(), clientsdk.Options{HTTP: &http.Client{Transport: m}})
	if err := p.Enrol(ctx, w.ticket("c-"+name, "consultant"), name); err != nil {
		w.t.Fatal(err)
	}
	p.sync()
	return runs
}

// unsynced returns a tablet that is enrolled and holds nothing.
func (w *world) unsynced(name string) *tablet {
	w.t.Helper()
	p := w.openTablet(w.t.TempDir(), clientsdk.Options{})
	if err := p.Enrol(ctx, w.ticket("c-"+name, "consultant"), name); err != nil {
		w.t.Fatal(err)
	}
	return p
}

func TestAStickCarriesCapturesToTheServer(t *testing.T) {
	w := newWorld(t)
	p, q := w.newTablet("1"), w.newTablet("2")
	saved := p.observe(map[syncengine.Path]any{"/litter/rating": "2"})
	path := p.stick(clientsdk.ExportOptions{})
	if v := w.takeFile(path); !v.Complete || len(v.Ledgers) != 1 || v.Ledgers[0].Lines != 1 || len(v.Ledgers[0].Remarks) != 0 {
		t.Fatalf("taken %+v", v)
	}
	q.sync()
	if r := q.record(saved.Ref); !bytes.Equal(r.Document(), p.record(saved.Ref).Document()) {
		t.Errorf("the other tablet shows %s", r.Document())
	}
	if v := w.takeFile(path); len(v.Ledgers) != 1 || v.Ledgers[0].Lines != 0 {
		t.Errorf("taken twice: %+v", v)
	}
	p.sync()
	if r := p.record(saved.Ref); r.Safety != clientsdk.Received {
		t.Errorf("the record's safety is %s", r.Safety)
	}
	if _, err := p.ExportFile(ctx, path, clientsdk.ExportOptions{}); !errors.Is(err, clientsdk.ErrCarried) {
		t.Errorf("with nothing to carry: %v", err)
	}
}

func TestAFreshTabletBeginsFromAStick(t *testing.T) {
	w := newWorld(t)
	q := w.unsynced("2")
	p := w.newTablet("1") // knows the grant of the other
	saved := p.observe(map[syncengine.Path]any{"/litter/rating": "2"})
	p.sync()
	more := p.observe(map[syncengine.Path]any{"/litter/rating": "3"})
	path := p.stick(clientsdk.ExportOptions{Everything: true})
	first := q.take(path)
	if first.Received == 0 || len(first.Remarks) != 0 {
		t.Fatalf("taken %+v", first)
	}
	for _, ref := range []clientsdk.Ref{saved.Ref, more.Ref} {
		if !bytes.Equal(q.record(ref).Document(), p.record(ref).Document()) {
			t.Errorf("%v differs", ref)
		}
	}
	if again := q.take(path); again.Received != 0 || len(again.Remarks) != 0 {
		t.Errorf("taken twice: %+v", again)
	}
	list, err := q.Ledgers(ctx)
	if err != nil || len(list) != 2 || list[0].Access != wire.AccessFull {
		t.Fatalf("%+v %v", list, err)
	}
	own := q.observe(map[syncengine.Path]any{"/litter/rating": "1"})
	report := q.sync()
	if report.Received != 0 {
		t.Errorf("%d lines came from the server that the stick had brought", report.Received)
	}
	if report.Sent < 2 {
		t.Errorf("sent %d lines: what the server lacks of the other's goes with one's own", report.Sent)
	}
	w2 := w.newTablet("3")
	for _, ref := range []clientsdk.Ref{more.Ref, own.Ref} {
		if w2.record(ref) == nil {
			t.Errorf("%v did not reach the server", ref)
		}
	}
	p.sync() // carries the word that its line is there
	if r := p.record(more.Ref); r.Safety != clientsdk.Received {
		t.Errorf("safety %s", r.Safety)
	}
}

func TestASectionIsForThoseWhoHoldItsLedger(t *testing.T) {
	w := newWorld(t)
	var made struct{ Ticket string }
	w.people("POST", "/v1/tickets", map[string]any{"account": "c-public", "role": "consultant", "diagnostics": []uuid.UUID{w.diagnostic}}, &made)
	q := w.openTablet(t.TempDir(), clientsdk.Options{})
	if err := q.Enrol(ctx, made.Ticket, "public"); err != nil {
		t.Fatal(err)
	}
	p := w.newTablet("1")
	q.take(p.stick(clientsdk.ExportOptions{Everything: true}))
	list, err := q.Ledgers(ctx)
	if err != nil || len(list) != 1 || list[0].ID != w.ledger {
		t.Errorf("holds %+v, %v", list, err)
	}
	only := p.stick(clientsdk.ExportOptions{Everything: true, Ledgers: []syncengine.LedgerID{w.restricted}})
	if _, err := q.ImportFile(ctx, only, nil); !errors.Is(err, wire.CodeUnknownLedger) {
		t.Errorf("the restricted ledger alone: %v", err)
	}
	other := newWorld(t).newTablet("1")
	if _, err := q.ImportFile(ctx, other.stick(clientsdk.ExportOptions{Everything: true}), nil); !errors.Is(err, wire.CodeUnknownLedger) {
		t.Errorf("a file of another authority: %v", err)
	}
	if out := w.postFile(mustRead(t, other.stick(clientsdk.ExportOptions{Everything: true}))); out.Code != http.StatusNotFound {
		t.Errorf("a file of another authority, at the server: %d %s", out.Code, out.Body)
	}
}

func mustRead(t *testing.T, path string) []byte {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestARevokedTabletReadsNoNewFileAndStillHandsOverItsOwn(t *testing.T) {
	w := newWorld(t)
	p, q := w.newTablet("1"), w.newTablet("2")
	q.observe(map[syncengine.Path]any{"/litter/rating": "2"})
	w.people("POST", "/v1/devices/"+w.device("2").Replica.String()+"/revoke", map[string]any{"reason": "Tablet lost."}, nil)
	p.sync()
	if _, err := q.ImportFile(ctx, p.stick(clientsdk.ExportOptions{Everything: true}), nil); !errors.Is(err, wire.CodeUnknownLedger) {
		t.Errorf("the revoked tablet: %v", err)
	}
	v := w.takeFile(q.stick(clientsdk.ExportOptions{}))
	if len(v.Ledgers) != 1 || v.Ledgers[0].Lines != 1 || len(v.Ledgers[0].Remarks) != 1 || v.Ledgers[0].Remarks[0].Code != wire.CodeIneffective {
		t.Errorf("taken %+v", v)
	}
	// A colleague's tablet takes it in as well, and sets it aside likewise.
	if report := p.take(q.stick(clientsdk.ExportOptions{})); report.Received != 1 {
		t.Errorf("the colleague took %+v", report)
	}
}

func TestALedgerOfAnotherRootOrWithoutOnesGrantIsNotKept(t *testing.T) {
	w, other := newWorld(t), newWorld(t)
	q := w.unsynced("2")
	var frames []wire.Frame
	for _, r := range other.runsOf("m") {
		frames = append(frames, r)
	}
	report := q.take(w.sealFor("2", frames...))
	if len(report.Remarks) == 0 || report.Remarks[0].Code != wire.CodeUnauthenticated {
		t.Errorf("another root: %+v", report.Remarks)
	}
	frames = nil
	for _, r := range w.runsOf("m") {
		frames = append(frames, r)
		break // the first run alone: the genesis and what came with it, before anybody's grant
	}
	if report := q.take(w.sealFor("2", frames...)); report.Received == 0 {
		t.Fatalf("the genesis did not verify: %+v", report)
	}
	if list, err := q.Ledgers(ctx); err != nil || len(list) != 0 {
		t.Errorf("a ledger without a grant is held: %+v, %v", list, err)
	}
	q.sync()
	if list, err := q.Ledgers(ctx); err != nil || len(list) != 2 {
		t.Errorf("after an exchange with the server: %+v, %v", list, err)
	}
}

func TestADamagedOrCutFileGivesWhatIsWhole(t *testing.T) {
	w := newWorld(t)
	p := w.newTablet("1")
	for range 5 {
		p.observe(map[syncengine.Path]any{"/litter/rating": "2"})
	}
	raw := mustRead(t, p.stick(clientsdk.ExportOptions{Everything: true}))
	path := filepath.Join(t.TempDir(), "bad.arp")
	for _, c := range []struct {
		name string
		data []byte
		code wire.Code
	}{
		{"cut", raw[:len(raw)-100], wire.CodeTruncated},
		{"no file of ours", []byte("%PDF-1.7 and more than enough"), wire.CodeMalformed},
		{"a later version", append([]byte("arpenteur/9 file\n"), raw[17:]...), wire.CodeProtocolUnsupported},
		{"nothing", nil, wire.CodeMalformed},
	} {
		if err := os.WriteFile(path, c.data, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := p.ImportFile(ctx, path, nil); wire.CodeOf(err) != c.code {
			t.Errorf("%s: %v, want %s", c.name, err, c.code)
		}
	}
	// Any one flipped bit: nothing is kept that was not signed, and no ledger suffers but one.
	q := w.unsynced("2")
	p.sync()
	whole := mustRead(t, p.stick(clientsdk.ExportOptions{Everything: true}))
	found := map[wire.Code]int{}
	for at := 30; at < len(whole); at += len(whole) / 40 {
		data := bytes.Clone(whole)
		data[at] ^= 4
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := q.ImportFile(ctx, path, nil)
		found[wire.CodeOf(err)]++
	}
	if found[wire.CodeDamaged] == 0 {
		t.Errorf("codes %v", found)
	}
	if err := os.WriteFile(path, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	q.take(path)
	if n, _ := q.Ledgers(ctx); len(n) != 2 {
		t.Errorf("ledgers %+v", n)
	}
}

func TestAnExportThatFailsLeavesTheFileThatWasThere(t *testing.T) {
	w := newWorld(t)
	p := w.newTablet("1")
	path := p.stick(clientsdk.ExportOptions{Everything: true})
	before := mustRead(t, path)
	stopped, cancel := context.WithCancel(ctx)
	calls := 0
	_, err := p.ExportFile(stopped, path, clientsdk.ExportOptions{Everything: true, Progress: func(clientsdk.FileProgress) {
		if calls++; calls == 1 {
			cancel()
		}
	}})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v after %d calls", err, calls)
	}
	if !bytes.Equal(mustRead(t, path), before) {
		t.Error("the file was touched")
	}
	if list, err := os.ReadDir(filepath.Dir(path)); err != nil || len(list) != 1 {
		t.Errorf("left behind: %v %v", list, err)
	}
}

func TestWhatAnotherTabletCarriesIsAnnounced(t *testing.T) {
	w := newWorld(t)
	p := w.newTablet("1")
	w.newTablet("7")
	seven := w.device("7").Replica
	p.take(w.sealFor("1", runFrames(w.runsOf("m"))...))
	seen := w.now.UnixMilli() - 5000
	p.take(w.sealFor("1", &wire.Announced{Ledger: w.ledger, Replica: seven, Seq: 12, Seen: seen}))
	p.sync()
	check := func(want uint64) {
		t.Helper()
		d := w.device("7")
		for _, l := range d.Ledgers {
			switch {
			case l.Ledger != w.ledger:
			case want == 0 && l.Announced != nil:
				t.Errorf("still announced: %+v", l.Announced)
			case want > 0 && (l.Announced == nil || l.Announced.Pending != want || l.Announced.ByName != "1" || l.Announced.Seen != seen):
				t.Errorf("announced %+v, want %d", l.Announced, want)
			}
		}
	}
	check(12)
	if report := p.sync(); report.BytesUp > 300 {
		t.Errorf("it is said again: %d bytes", report.BytesUp)
	}
}

func runFrames(runs []*wire.Run) (out []wire.Frame) {
	for _, r := range runs {
		out = append(out, r)
	}
	return out
}
