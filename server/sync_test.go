package server_test

import (
	"bytes"
	"crypto/ed25519"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

func TestASyncIsSignedWithAFreshChallenge(t *testing.T) {
	w := newWorld(t)
	p := w.newTablet("c-1", "consultant", false)
	body := encode(t, []wire.Frame{&wire.Hello{Full: true}, &wire.End{}})
	send := func(auth string) *reply {
		r, err := http.NewRequestWithContext(t.Context(), "POST", "/v1/sync", bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if auth != "" {
			r.Header.Set("Authorization", auth)
		}
		return w.serve(r)
	}
	sign := func(key ed25519.PrivateKey, target, challenge string) string {
		a := wire.SignRequest(key, "POST", target, challenge)
		return a.String()
	}
	if r := send(""); r.header.Get(wire.ChallengeHeader) == "" {
		t.Fatal("no challenge is given")
	} else {
		r.refused(wire.CodeChallenge)
	}
	send("Arpenteur nonsense").refused(wire.CodeUnauthenticated)
	send(sign(p.key, "/v1/sync", "AAAA")).refused(wire.CodeChallenge)
	send(sign(p.key, "/v1/other", p.challenge)).refused(wire.CodeUnauthenticated)
	send(sign(w.bareTablet().key, "/v1/sync", p.challenge)).refused(wire.CodeUnknownReplica)
	send(sign(p.key, "/v1/sync", p.challenge)).ok(nil)
	w.sleep(49 * time.Hour)
	send(sign(p.key, "/v1/sync", p.challenge)).refused(wire.CodeChallenge)
	send("Bearer " + w.coordinator).refused(wire.CodeUnauthenticated)
}

// serve answers a request that a test made itself.
func (w *world) serve(r *http.Request) *reply {
	w.t.Helper()
	out := newRecorder()
	w.network.ServeHTTP(out, r)
	return &reply{w.t, r.Method + " " + r.URL.Path, out.Code, out.Header(), out.Body.Bytes()}
}

func TestNothingNewIsUnderAKilobyte(t *testing.T) {
	w := newWorld(t)
	p := w.newTablet("c-1", "consultant", true)
	h := p.sync()
	digest := digestOf(h)
	body := encode(t, []wire.Frame{&wire.Hello{Base: h.mark, Digest: digest}, &wire.End{}})
	r := p.send("POST", "/v1/sync", body, nil)
	r.ok(nil)
	if again := p.hear(r.body); again.resend || len(again.runs) > 0 || len(body)+len(r.body) > 1000 {
		t.Fatalf("%d bytes up, %d down: %+v", len(body), len(r.body), again)
	}
	// A base that is none of ours, or another digest, costs one more round trip and nothing else.
	for _, hello := range []*wire.Hello{{Base: "elsewhere", Digest: digest}, {Base: h.mark, Digest: wire.Digest{1}}} {
		if h := p.exchange([]wire.Frame{hello, &wire.End{}}); !h.resend || len(h.runs) > 0 {
			t.Fatalf("%+v", h)
		}
	}
}

func TestReceiptsComeBeforeEverythingElseForWhoHoldsTheLedger(t *testing.T) {
	w := newWorld(t)
	hall := w.place(map[string]any{"type": "hall"})
	p, q := w.newTablet("c-1", "consultant", false), w.newTablet("c-2", "consultant", false)
	id := ledgerID(t, w.ledger)
	first := func(h *heard, is func(wire.Frame) bool) int { return slices.IndexFunc(h.order, is) }
	receipt := func(f wire.Frame) bool { _, ok := f.(*wire.Receipt); return ok }
	run := func(f wire.Frame) bool { _, ok := f.(*wire.Run); return ok }

	p.observe(hall, map[syncengine.Path]any{litter: "2"})
	fresh := p.sync() // it does not hold the ledger yet: the key comes first
	if r := first(fresh, receipt); r < 0 || r < first(fresh, run) {
		t.Errorf("the receipt came at %d, the first run at %d", r, first(fresh, run))
	}
	for range 3 { // what others did meanwhile
		q.observe(hall, map[syncengine.Path]any{litter: "3"})
		q.sync()
	}
	p.observe(hall, map[syncengine.Path]any{litter: "1"})
	frames := p.outgoing()
	frames[0] = &wire.Hello{Base: fresh.mark, Digest: digestOf(fresh)}
	late := p.exchange(frames)
	if r := first(late, receipt); r < 0 || r > first(late, run) || late.receipts[id].Head.Seq != 2 {
		t.Errorf("the receipt came at %d, the first run at %d: %+v", r, first(late, run), late.receipts[id])
	}
	q.observe(hall, map[syncengine.Path]any{litter: "4"})
	q.sync()
	digest := digestOf(fresh, late)
	others := p.exchange([]wire.Frame{&wire.Hello{Base: late.mark, Digest: digest}, &wire.End{}})
	if first(others, run) < 0 || first(others, receipt) >= 0 {
		t.Errorf("a receipt for a log that did not move: %+v", others)
	}
}

func TestABadRunHoldsBackNothingElse(t *testing.T) {
	w := newWorld(t)
	hall := w.place(map[string]any{"type": "hall"})
	p, q := w.newTablet("c-1", "consultant", false), w.newTablet("c-2", "consultant", false)
	id := ledgerID(t, w.ledger)
	good := p.observe(hall, map[syncengine.Path]any{litter: "2"})
	stolen := &wire.Run{Ledger: id, Replica: q.replica, First: 1, Lines: p.logs[id].unsent, Head: wire.SignHead(p.key, id, p.logs[id].head)}
	h := p.sync(stolen)
	if paths(h.codes()) != "bad_head" || h.receipts[id].Head.Seq != 1 {
		t.Fatalf("%v %+v", h.codes(), h.receipts[id])
	}
	if !w.read("observation", good).Present {
		t.Fatal("the good run was held back")
	}
}

func TestACutBodyKeepsItsCompleteRuns(t *testing.T) {
	onStores(t, func(t *testing.T, w *world) {
		hall := w.place(map[string]any{"type": "hall"})
		p := w.newTablet("c-1", "consultant", false)
		id := p.observe(hall, map[syncengine.Path]any{litter: "2"})
		frames := p.outgoing()
		body := encode(t, frames)
		r := p.send("POST", "/v1/sync", body[:len(body)-1], nil)
		r.ok(nil)
		if h := p.hear(r.body); paths(h.codes()) != "truncated" {
			t.Fatalf("%v", h.codes())
		}
		if !w.read("observation", id).Present {
			t.Fatal("the complete run was lost")
		}
		p.send("POST", "/v1/sync", body[:3], nil).refused(wire.CodeMalformed) // nothing of it can be read
	})
}

func TestASyncThatDoesNotBeginWithHelloIsMalformed(t *testing.T) {
	w := newWorld(t)
	p := w.newTablet("c-1", "consultant", false)
	for name, frames := range map[string][]wire.Frame{
		"end alone": {&wire.End{}}, "have first": {&wire.Have{Ledger: ledgerID(t, w.ledger)}, &wire.End{}},
		"two hellos": {&wire.Hello{Full: true}, &wire.Hello{Full: true}, &wire.End{}},
	} {
		t.Run(name, func(t *testing.T) { p.send("POST", "/v1/sync", encode(t, frames), nil).refused(wire.CodeMalformed) })
	}
	p.send("POST", "/v1/sync", []byte("not zstd"), nil).refused(wire.CodeMalformed)
	p.send("POST", "/v1/sync", encode(t, []wire.Frame{&wire.Hello{Full: true}, &wire.End{}}), http.Header{"Arpenteur-Answer-Limit": {"many"}}).refused(wire.CodeInvalid)
}
