package server_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/arpenteur/arpenteur/server"
	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/store/boltstore"
	"github.com/arpenteur/arpenteur/syncengine/store/storetest"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// lossy is a world whose store was put back: it knows nothing of a second diagnostic, whose logs of the authority a tablet still holds.
type lossy struct {
	*world
	lost     diagnostic
	public   []*wire.Run // the authority's, of the lost diagnostic's two ledgers
	security []*wire.Run
	own      []*wire.Run // the tablet's own
	tablet   *tablet
}

func newLossy(t *testing.T) *lossy {
	t.Helper()
	return newLossyAfter(t, func(*world, *storetest.Memory) {})
}

// newLossyAfter lets something else happen first, which the store that is put back knows nothing of either.
func newLossyAfter(t *testing.T, happens func(*world, *storetest.Memory)) *lossy {
	t.Helper()
	m := storetest.NewMemory()
	w := &lossy{world: newWorldOn(t, m)}
	before := m.Snapshot()
	happens(w.world, m)
	w.lost = w.order("Belvédère", true)
	w.tablet = w.bareTablet()
	w.tablet.enrol(w.ticket(map[string]any{
		"account": "c-9", "role": "consultant", "name": "T-09", "diagnostics": []uuid.UUID{w.lost.ID}, "restricted": true,
	}), "tablet").created(nil)
	w.tablet.account = "c-9"
	for _, run := range w.tablet.sync().runs {
		switch run.Ledger.String() {
		case w.lost.Ledger:
			w.public = append(w.public, run)
		case w.lost.Restricted:
			w.security = append(w.security, run)
		}
	}
	w.tablet.write(note{ledger: w.lost.Ledger, kind: "finding", id: newUUID(t), values: map[syncengine.Path]any{"/title": "Porte"}})
	for _, f := range w.tablet.outgoing() {
		if run, ok := f.(*wire.Run); ok {
			w.own = append(w.own, run)
		}
	}
	m.Restore(before)
	w.start()
	return w
}

// give brings runs to the server, as anybody can.
func (w *world) give(runs ...*wire.Run) *reply {
	w.t.Helper()
	frames := make([]wire.Frame, 0, len(runs)+1)
	for _, run := range runs {
		frames = append(frames, run)
	}
	return w.giveBytes(encode(w.t, append(frames, &wire.End{})))
}

func (w *world) giveBytes(body []byte) *reply {
	w.t.Helper()
	return w.ask("", "POST", "/v1/returns", string(body))
}

// taken returns how many lines the server said that it lacked.
func (r *reply) taken() (n int) {
	r.t.Helper()
	var v struct{ Taken int }
	r.ok(&v)
	return v.Taken
}

// takenBut is taken, with the codes of the runs that were refused.
func (r *reply) takenBut() (n int, codes []wire.Code) {
	r.t.Helper()
	var v struct {
		Taken   int
		Refused []struct{ Code wire.Code }
	}
	r.ok(&v)
	for _, run := range v.Refused {
		codes = append(codes, run.Code)
	}
	return v.Taken, codes
}

func (w *world) diagnosticsOf(token string) map[string]diagnostic {
	w.t.Helper()
	var v struct {
		Diagnostics []struct {
			diagnostic
			Name, Neighbourhood string
		}
	}
	w.ask(token, "GET", "/v1/diagnostics", nil).ok(&v)
	out := map[string]diagnostic{}
	for _, d := range v.Diagnostics {
		out[d.Name+" "+d.Neighbourhood] = d.diagnostic
	}
	return out
}

func linesOf(runs []*wire.Run) (n int) {
	for _, run := range runs {
		n += len(run.Lines)
	}
	return n
}

func TestADiagnosticComesBackByItsAuthoritysLines(t *testing.T) {
	for name, restrictedFirst := range map[string]bool{"the public ledger first": false, "the restricted ledger first": true} {
		t.Run(name, func(t *testing.T) {
			w := newLossy(t)
			all := slices.Concat(w.public, w.security)
			if restrictedFirst {
				all = slices.Concat(w.security, w.public)
			}
			for _, run := range all { // however small the pieces
				w.give(run).ok(nil)
			}
			if got := w.diagnosticsOf(w.coordinator)["Belvédère QP066007"]; got != w.lost {
				t.Errorf("it is %+v, was %+v", got, w.lost)
			}
			if n := w.give(all...).taken(); n != 0 {
				t.Errorf("%d lines were taken again", n)
			}
			h := w.tablet.exchange(append([]wire.Frame{&wire.Hello{Full: true}}, w.own[0], &wire.End{}))
			if id := ledgerID(t, w.lost.Ledger); h.access[id] != wire.AccessFull || h.receipts[id] == nil || h.receipts[id].Head.Seq != 1 {
				t.Errorf("the tablet is answered %v, %v, %+v", h.access, h.codes(), h.receipts)
			}
		})
	}
}

// renewable is a store in memory, which has no id to renew.
type renewable struct{ *storetest.Memory }

func (renewable) RenewID(context.Context) error { return nil }

// The root key's certificate is enough, where the store has lost the key that the ledger was begun with.
func TestADiagnosticOfAnIncarnationThatTheStoreLostComesBack(t *testing.T) {
	w := newLossyAfter(t, func(w *world, m *storetest.Memory) {
		if err := server.MarkRestored(t.Context(), renewable{m}, "arpenteur-20261123T090000Z", w.now()); err != nil {
			t.Fatal(err)
		}
		w.start()
		if err := w.s.Begin(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
	if w.public[0].Replica == w.tablet.authority(ledgerID(t, w.ledger)) {
		t.Fatal("the ledger was begun with the first key: the test tells nothing")
	}
	if n := w.give(slices.Concat(w.public, w.security)...).taken(); n != linesOf(w.public)+linesOf(w.security) {
		t.Errorf("%d lines were taken", n)
	}
	if got := w.diagnosticsOf(w.coordinator)["Belvédère QP066007"]; got != w.lost {
		t.Errorf("it is %+v, was %+v", got, w.lost)
	}
}

// What a ledger is shows by what is published in it, which may be in another request than its beginning. Until then nobody reads it who may not
// read public security.
func TestALedgerOfWhichOnlyTheBeginningCameBackIsClosed(t *testing.T) {
	w := newLossy(t)
	first := *w.security[0]
	w.give(&first).ok(nil)
	for _, token := range []string{w.unrestricted, w.lead} {
		w.ask(token, "GET", "/v1/ledgers/"+w.lost.Restricted+"/records", nil).refused(wire.CodeUnknownLedger)
	}
	w.give(slices.Concat(w.security, w.public)...).ok(nil)
	w.ask(w.unrestricted, "GET", "/v1/ledgers/"+w.lost.Restricted+"/records", nil).refused(wire.CodeUnknownLedger)
	w.ask(w.unrestricted, "GET", "/v1/ledgers/"+w.lost.Ledger+"/records", nil).ok(nil)
	if got := w.diagnosticsOf(w.unrestricted)["Belvédère QP066007"]; got.Ledger != w.lost.Ledger || strings.Trim(got.Restricted, "A") != "" {
		t.Errorf("who may not read public security is told %+v", got)
	}
}

// forged is a ledger that somebody began with a key of their own, naming this server's root key and one of its diagnostics, under a certificate.
func (w *lossy) forged(t *testing.T, certificate [64]byte) *wire.Run {
	t.Helper()
	public, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	root := w.secret.RootKey()
	line, err := wire.NewLine(syncengine.Header{
		Kind: syncengine.KindGenesis, Record: w.diagnostic, Author: "mallory", Time: 1,
		Genesis: &syncengine.Genesis{Root: root[:], Authority: public, Certificate: certificate},
	}, wire.Salt{})
	if err != nil {
		t.Fatal(err)
	}
	id, replica := syncengine.LedgerID{Hash: line.Change.ID.Hash}, wire.ReplicaOf(public)
	head := syncengine.Head{Seq: 1, Chain: wire.ChainNext(wire.ChainStart(id, replica), line.Change.ID)}
	return &wire.Run{Ledger: id, Replica: replica, First: 1, Lines: [][]byte{wire.AppendLine(nil, line)}, Head: wire.SignHead(key, id, head)}
}

// certificate is that of this server's authority, which anybody reads who holds one of its ledgers.
func (w *lossy) certificate(t *testing.T) [64]byte {
	t.Helper()
	line, err := w.public[0].DecodeLine(0)
	if err != nil {
		t.Fatal(err)
	}
	return line.Change.Genesis.Certificate
}

func TestNothingIsTakenBackButWhatThisServersAuthorityWrote(t *testing.T) {
	other := newWorld(t)
	foreign := other.newTablet("c-1", "consultant", true).sync().runs
	w := newLossy(t)
	unsigned := *w.public[0]
	unsigned.Head[0] ^= 1
	changed := *w.public[0]
	changed.Lines = [][]byte{bytes.Replace(changed.Lines[0], []byte("coord-1"), []byte("coord-2"), 1)}
	if bytes.Equal(changed.Lines[0], w.public[0].Lines[0]) {
		t.Fatal("the line was not changed: the test tells nothing")
	}
	elsewhere := *w.public[0]
	elsewhere.Ledger = ledgerID(t, w.ledger)
	later := w.public[len(w.public)-1]
	if later.First == 1 {
		t.Fatal("the authority's log is one run: the test tells too little")
	}
	size := 0
	for _, line := range w.own[0].Lines {
		size += len(line)
	}
	mixed := giving(t, slices.Concat([]*wire.Run{&unsigned}, w.public, w.own)...)
	for name, c := range map[string]struct {
		body []byte
		code wire.Code
	}{
		"another server's ledger":              {giving(t, foreign...), wire.CodeUnauthenticated},
		"a forged genesis with our root key":   {giving(t, w.forged(t, [64]byte{1})), wire.CodeUnauthenticated},
		"one with our authority's certificate": {giving(t, w.forged(t, w.certificate(t))), wire.CodeUnauthenticated},
		"a tablet's lines of a lost ledger":    {giving(t, w.own...), wire.CodeBrokenChain},
		"a log that does not begin with 1":     {giving(t, later), wire.CodeBrokenChain},
		"a head that does not verify":          {giving(t, &unsigned), wire.CodeBadHead},
		"a line that was changed":              {giving(t, &changed), wire.CodeWrongLedger},
		"lines that belong to another ledger":  {giving(t, &elsewhere), wire.CodeWrongLedger},
		"more than fits":                       {manyWants(t, 130), wire.CodeTooLarge},
		"more than fits once it is unpacked":   {giving(t, slices.Repeat(w.own, 1+(8<<20)/size)...), wire.CodeBomb},
		"no frames at all":                     {[]byte("hello"), wire.CodeMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			w.world.t = t
			kept := dump(t, w.store)
			if r := w.giveBytes(c.body); r.status != http.StatusOK {
				r.refused(c.code)
			} else if n, codes := r.takenBut(); n != 0 || !slices.Contains(codes, c.code) {
				t.Errorf("%d lines were taken, %v", n, codes)
			}
			if !maps.Equal(dump(t, w.store), kept) {
				t.Error("something of it is kept")
			}
		})
	}
	w.world.t = t
	// A tablet's lines of a ledger that is held are no more welcome here: they come by a sync, from one who is enrolled.
	if n, codes := w.giveBytes(mixed).takenBut(); n != linesOf(w.public) || len(codes) != 2 {
		t.Errorf("what was refused held back others: %d lines were taken, %v", n, codes)
	}
	kept := dump(t, w.store)
	if n, codes := w.give(w.own...).takenBut(); n != 0 || !slices.Contains(codes, wire.CodeUnauthenticated) {
		t.Errorf("%d lines were taken, %v", n, codes)
	}
	if !maps.Equal(dump(t, w.store), kept) {
		t.Error("a tablet's lines are kept")
	}
}

func giving(t *testing.T, runs ...*wire.Run) []byte {
	t.Helper()
	frames := make([]wire.Frame, 0, len(runs))
	for _, run := range runs {
		frames = append(frames, run)
	}
	return encode(t, append(frames, &wire.End{}))
}

// manyWants is a body of frames with 256 random ids each, which no compression makes smaller than 8 KiB.
func manyWants(t *testing.T, n int) []byte {
	t.Helper()
	frames := make([]wire.Frame, n)
	for i := range frames {
		want := &wire.Want{Ledger: syncengine.LedgerID{Hash: syncengine.Hash{1}}, Changes: make([]syncengine.ChangeID, 256)}
		for j := range want.Changes {
			if _, err := rand.Read(want.Changes[j].Hash[:]); err != nil {
				t.Fatal(err)
			}
		}
		frames[i] = want
	}
	return encode(t, frames)
}

func TestWhatCameBackBeforeACutIsKept(t *testing.T) {
	w := newLossy(t)
	whole := giving(t, w.public...)
	if n := w.giveBytes(whole[:len(whole)-8]).taken(); n == 0 || n > linesOf(w.public) {
		t.Errorf("%d lines were taken", n)
	}
	w.give(w.public...).ok(nil)
	if got := w.diagnosticsOf(w.coordinator)["Belvédère QP066007"]; got.Ledger != w.lost.Ledger {
		t.Errorf("it is %+v", got)
	}
}

// A revocation that a restored store lost comes back with the authority's lines, and the tablet is out again.
func TestARevokedTabletIsOutAgainOnceTheLinesAreBack(t *testing.T) {
	path := t.TempDir() + "/central.db"
	s := openBolt(t, path)
	w := newWorldOn(t, s)
	p, q := w.newTablet("c-1", "consultant", false), w.newTablet("c-2", "consultant", false)
	copied := path + ".copy"
	if err := s.Copy(t.Context(), copied, nil); err != nil {
		t.Fatal(err)
	}
	w.revoke(p).ok(nil)
	var back []*wire.Run
	for _, run := range q.sync().runs {
		if run.Replica == q.authority(run.Ledger) {
			back = append(back, run)
		}
	}
	restored, err := boltstore.Open(copied, boltstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = restored.Close() })
	if err := server.MarkRestored(t.Context(), restored, "arpenteur-20261123T090000Z", w.now()); err != nil {
		t.Fatal(err)
	}
	w.store = restored
	w.start()
	if err := w.s.Begin(t.Context()); err != nil {
		t.Fatal(err)
	}
	id := ledgerID(t, w.ledger)
	if got := p.sync().access[id]; got != wire.AccessFull {
		t.Fatalf("before the lines are back the tablet has %s: the test tells nothing", got)
	}
	if n := w.give(back...).taken(); n == 0 {
		t.Fatal("nothing was taken")
	}
	if got := p.sync().access[id]; got != wire.AccessRevoked {
		t.Errorf("the revoked tablet has access: %s", got)
	}
	if got := q.sync().access[id]; got != wire.AccessFull {
		t.Errorf("the other has %s", got)
	}
}
