package server_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// tablet speaks the protocol with no store of its own: what it wrote, and what the server's log has reached.
type tablet struct {
	w         *world
	t         testing.TB
	key       ed25519.PrivateKey
	replica   syncengine.ReplicaID
	account   syncengine.AccountID
	challenge string
	point     map[syncengine.LedgerID]syncengine.AuthorityPoint
	logs      map[syncengine.LedgerID]*tabletLog
	skew      int64                // of its clock, milliseconds
	checklist syncengine.VersionID // that its changes name; zero: the one in force
}

// tabletLog is what a tablet wrote in a ledger.
type tabletLog struct {
	head   syncengine.Head
	unsent [][]byte
	heads  []syncengine.Head // after each unsent line
	first  uint64            // sequence of the first unsent line

	firstHead syncengine.Head // after the first line of all
}

// bareTablet is a tablet that is not enrolled.
func (w *world) bareTablet() *tablet {
	w.t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		w.t.Fatal(err)
	}
	return &tablet{
		w: w, t: w.t, key: key, replica: wire.ReplicaOf(key.Public().(ed25519.PublicKey)),
		point: map[syncengine.LedgerID]syncengine.AuthorityPoint{}, logs: map[syncengine.LedgerID]*tabletLog{},
	}
}

// newTablet is a tablet that is enrolled and has synced once.
func (w *world) newTablet(account, role string, restricted bool) *tablet {
	w.t.Helper()
	p := w.bareTablet()
	p.enrol(w.ticket(map[string]any{
		"account": account, "role": role, "name": "T-" + account, "diagnostics": []uuid.UUID{w.diagnostic}, "restricted": restricted,
	}), "tablet").created(nil)
	p.account = syncengine.AccountID(account)
	p.sync()
	return p
}

// ticket makes a ticket and returns its code.
func (w *world) ticket(order map[string]any) string {
	w.t.Helper()
	var made struct{ Code, Ticket string }
	w.ask(w.coordinator, "POST", "/v1/tickets", order).created(&made)
	return made.Code
}

func (p *tablet) enrol(code, name string) *reply {
	p.t.Helper()
	return p.w.ask("", "POST", "/v1/enrolments", string(wire.NewEnrolment(p.key, code, name).Append(nil)))
}

// send makes a signed request. Where the server asks for another challenge it repeats once.
func (p *tablet) send(method, path string, body []byte, header http.Header) *reply {
	p.t.Helper()
	for range 2 {
		r := httptest.NewRequestWithContext(context.Background(), method, path, bytes.NewReader(body))
		for name, values := range header {
			r.Header[name] = values
		}
		if p.challenge != "" {
			auth := wire.SignRequest(p.key, method, path, p.challenge)
			r.Header.Set("Authorization", auth.String())
		}
		out := httptest.NewRecorder()
		p.w.network.ServeHTTP(out, r)
		if c := out.Header().Get(wire.ChallengeHeader); c != "" {
			p.challenge = c
		}
		if out.Code != http.StatusUnauthorized || !bytes.Contains(out.Body.Bytes(), []byte(`"code":"challenge"`)) {
			return &reply{p.t, method + " " + path, out.Code, out.Header(), out.Body.Bytes()}
		}
	}
	p.t.Fatalf("%s %s: asked for a challenge again and again", method, path)
	return nil
}

// heard is what a sync was answered.
type heard struct {
	remarks  []*wire.Remark
	runs     []*wire.Run
	access   map[syncengine.LedgerID]wire.Access
	receipts map[syncengine.LedgerID]*wire.Receipt
	have     map[syncengine.LedgerID]syncengine.VersionVector
	mark     string
	resend   bool
	order    []wire.Frame // as they came
}

// codes returns the codes of the remarks.
func (h *heard) codes() []string {
	var out []string
	for _, m := range h.remarks {
		out = append(out, string(m.Code))
	}
	return out
}

// digestOf returns the digest of what the server said that it holds, in the answers so far.
func digestOf(answers ...*heard) (digest wire.Digest) {
	remote := map[syncengine.LedgerID]syncengine.VersionVector{}
	for _, h := range answers {
		for id, logs := range h.have {
			if remote[id] == nil {
				remote[id] = syncengine.VersionVector{}
			}
			maps.Copy(remote[id], logs)
		}
	}
	for id, logs := range remote {
		for replica, heads := range logs {
			for _, head := range heads {
				digest.Toggle(id, replica, head)
			}
		}
	}
	return digest
}

// sync pushes what was not sent yet and asks for everything.
func (p *tablet) sync(more ...wire.Frame) *heard {
	p.t.Helper()
	h := p.exchange(p.outgoing(more...))
	for id := range h.access {
		for replica, heads := range h.have[id] {
			if replica == p.authority(id) {
				p.point[id] = syncengine.AuthorityPoint{Replica: replica, Seq: heads[0].Seq}
			}
		}
	}
	return h
}

// outgoing makes the frames of a full sync.
func (p *tablet) outgoing(more ...wire.Frame) []wire.Frame {
	frames := append([]wire.Frame{&wire.Hello{Full: true}}, more...)
	for id, log := range p.logs {
		for len(log.unsent) > 0 {
			n, size := 0, wire.RunSize{}
			for n < len(log.unsent) && size.Add(len(log.unsent[n])) {
				n++
			}
			frames = append(frames, &wire.Run{
				Ledger: id, Replica: p.replica, First: log.first, Lines: log.unsent[:n], Head: wire.SignHead(p.key, id, log.heads[n-1]),
			})
			log.first = log.heads[n-1].Seq + 1
			log.unsent, log.heads = log.unsent[n:], log.heads[n:]
		}
	}
	return append(frames, &wire.End{})
}

// exchange sends frames and reads the answer.
func (p *tablet) exchange(frames []wire.Frame) *heard {
	p.t.Helper()
	answer := p.send("POST", "/v1/sync", encode(p.t, frames), nil)
	answer.is(http.StatusOK, nil)
	return p.hear(answer.body)
}

func encode(t testing.TB, frames []wire.Frame) []byte {
	t.Helper()
	var body bytes.Buffer
	out := wire.NewWriter(&body)
	for _, f := range frames {
		if err := out.WriteFrame(f); err != nil {
			t.Fatal(err)
		}
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
	return body.Bytes()
}

func (p *tablet) hear(body []byte) *heard {
	p.t.Helper()
	h := &heard{
		access: map[syncengine.LedgerID]wire.Access{}, receipts: map[syncengine.LedgerID]*wire.Receipt{},
		have: map[syncengine.LedgerID]syncengine.VersionVector{},
	}
	in := wire.NewReader(bytes.NewReader(body), wire.Limits{})
	defer in.Close()
	for {
		f, err := in.Next()
		if errors.Is(err, io.EOF) {
			return h
		}
		if err != nil {
			p.t.Fatal(err)
		}
		h.order = append(h.order, f)
		switch f := f.(type) {
		case *wire.Remark:
			h.remarks = append(h.remarks, f)
		case *wire.Run:
			h.runs = append(h.runs, f)
		case *wire.LedgerAccess:
			h.access[f.Ledger] = f.Access
		case *wire.Receipt:
			if f.Replica == p.replica && !f.Verify(p.w.authorityKey(f.Ledger).Ed25519()) {
				p.t.Fatalf("a receipt does not verify")
			}
			h.receipts[f.Ledger] = f
		case *wire.Have:
			h.have[f.Ledger] = f.Logs
		case *wire.Mark:
			h.mark = f.Base
		case *wire.Resend:
			h.resend = true
		}
	}
}

// authority returns the authority's replica of a ledger.
func (p *tablet) authority(id syncengine.LedgerID) syncengine.ReplicaID {
	return wire.ReplicaOf(p.w.authorityKey(id).Ed25519())
}

// id reads a ledger's id.
func ledgerID(t testing.TB, text string) syncengine.LedgerID {
	t.Helper()
	h, err := syncengine.ParseHash(text)
	if err != nil {
		t.Fatal(err)
	}
	return syncengine.LedgerID{Hash: h}
}

// note is one change that a tablet makes.
type note struct {
	ledger  string
	lineage string
	kind    syncengine.Kind
	id      uuid.UUID
	values  map[syncengine.Path]any
	over    map[syncengine.Path][]syncengine.ChangeID
}

// write adds a change to the tablet's log and returns its id.
func (p *tablet) write(n note) syncengine.ChangeID {
	p.t.Helper()
	if n.ledger == "" {
		n.ledger = p.w.ledger
	}
	if n.lineage == "" {
		n.lineage = string(n.kind)
	}
	id := ledgerID(p.t, n.ledger)
	p.w.sleep(time.Millisecond) // of two values the later one is shown
	writes := []syncengine.Write{{Path: "/", Value: syncengine.True, Over: n.over["/"]}}
	for path, v := range n.values {
		value, err := wire.EncodeValue(v)
		if err != nil {
			p.t.Fatal(err)
		}
		if path == "/" {
			writes[0].Value = value
			continue
		}
		writes = append(writes, syncengine.Write{Path: path, Value: value, Over: n.over[path]})
	}
	var salt wire.Salt
	if _, err := rand.Read(salt[:]); err != nil {
		p.t.Fatal(err)
	}
	version := p.checklist
	if version.IsZero() {
		version = p.w.version(n.ledger, n.lineage)
	}
	line, err := wire.NewLine(syncengine.Header{
		Ledger: id, Kind: n.kind, Record: n.id, Checklist: version, Author: p.account,
		Time: p.w.clock.Load() + p.skew, At: p.point[id], Writes: writes,
	}, salt)
	if err != nil {
		p.t.Fatal(err)
	}
	log := p.logs[id]
	if log == nil {
		log = &tabletLog{head: syncengine.Head{Chain: wire.ChainStart(id, p.replica)}, first: 1}
		p.logs[id] = log
	}
	log.unsent = append(log.unsent, wire.AppendLine(nil, line))
	log.head = syncengine.Head{Seq: log.head.Seq + 1, Chain: wire.ChainNext(log.head.Chain, line.Change.ID)}
	log.heads = append(log.heads, log.head)
	if log.head.Seq == 1 {
		log.firstHead = log.head
	}
	return line.Change.ID
}

// observe writes an observation of cleanliness.
func (p *tablet) observe(place uuid.UUID, values map[syncengine.Path]any) uuid.UUID {
	p.t.Helper()
	id := newUUID(p.t)
	all := map[syncengine.Path]any{"/place": place.String(), "/visit": newUUID(p.t).String(), "/rater": string(p.account)}
	for path, v := range values {
		all[path] = v
	}
	p.write(note{kind: "observation", lineage: "cleanliness", id: id, values: all})
	return id
}
