package server_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/klauspost/compress/zstd"

	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// compressed returns frames, given as text, as a sync body.
func compressed(t *testing.T, text string) []byte {
	t.Helper()
	e, err := zstd.NewWriter(nil, zstd.WithWindowSize(wire.MaxWindow))
	if err != nil {
		t.Fatal(err)
	}
	return e.EncodeAll([]byte(text), nil)
}

// noise returns text of n bytes that does not compress below three quarters, in lines of a mebibyte.
func noise(t *testing.T, n int) string {
	t.Helper()
	raw := make([]byte, n*3/4)
	if _, err := rand.Read(raw); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	for line := range slices.Chunk(raw, 3<<18) {
		out.WriteString(base64.RawURLEncoding.EncodeToString(line) + "\n")
	}
	return out.String()
}

const (
	helloFrame = `{"full":true,"protocol":1,"type":"hello"}` + "\n"
	endFrame   = `{"type":"end"}` + "\n"
)

// TestABadBodyIsRefusedWithItsOwnCode posts whole bodies that nothing can be taken from.
func TestABadBodyIsRefusedWithItsOwnCode(t *testing.T) {
	w := newWorld(t)
	p := w.newTablet("c-1", "consultant", false)
	for name, test := range map[string]struct {
		body []byte
		code wire.Code
	}{
		"not compressed":          {[]byte(helloFrame), wire.CodeMalformed},
		"empty":                   {nil, wire.CodeMalformed},
		"a bomb":                  {compressed(t, helloFrame+strings.Repeat(strings.Repeat("x", 1<<20), 130)), wire.CodeBomb},
		"over 16 MiB":             {compressed(t, helloFrame+noise(t, 24<<20)), wire.CodeTooLarge},
		"another protocol":        {compressed(t, `{"full":true,"protocol":9,"type":"hello"}`+"\n"+endFrame), wire.CodeProtocolUnsupported},
		"no hello":                {compressed(t, endFrame), wire.CodeMalformed},
		"hello twice":             {compressed(t, helloFrame+helloFrame+endFrame), wire.CodeMalformed},
		"a key twice":             {compressed(t, `{"full":true,"full":true,"protocol":1,"type":"hello"}`+"\n"), wire.CodeMalformed},
		"bytes that are no UTF-8": {compressed(t, "{\"base\":\"\xff\",\"protocol\":1,\"type\":\"hello\"}\n"), wire.CodeMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			answer := p.send(http.MethodPost, "/v1/sync", test.body, nil)
			answer.t = t
			answer.refused(test.code)
		})
	}
}

// TestABadFrameHoldsBackNothingElse sends a good run behind each of several bad frames: the frame is remarked, the run is taken (law L6).
func TestABadFrameHoldsBackNothingElse(t *testing.T) {
	w := newWorld(t)
	deep := strings.Repeat("[", 40) + strings.Repeat("]", 40)
	for name, test := range map[string]struct {
		frame string
		code  wire.Code
	}{
		"nested too deeply":       {`{"a":` + deep + `,"type":"later"}`, wire.CodeTooDeep},
		"a frame over its limit":  {`{"type":"` + strings.Repeat("x", 3<<20) + `"}`, wire.CodeTooLarge},
		"a key twice":             {`{"ledger":"","ledger":"","type":"have"}`, wire.CodeMalformed},
		"not canonical":           {`{ "changes":[], "type":"want"}`, wire.CodeMalformed},
		"bytes that are no UTF-8": {"{\"changes\":[],\"ledger\":\"\xff\",\"type\":\"want\"}", wire.CodeMalformed},
		"no JSON":                 {"hello", wire.CodeMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			p := w.newTablet("c-"+strings.ToLower(uuid.NewString()[:8]), "consultant", false)
			id := p.observe(newUUID(t), map[syncengine.Path]any{"/litter/rating": "2"})
			var body bytes.Buffer
			body.WriteString(helloFrame + test.frame + "\n")
			for _, f := range p.outgoing()[1:] {
				body.Write(append(wire.AppendFrame(nil, f), '\n'))
			}
			answer := p.send(http.MethodPost, "/v1/sync", compressed(t, body.String()), nil)
			answer.is(http.StatusOK, nil)
			if got := p.hear(answer.body).codes(); !has(got, string(test.code)) {
				t.Errorf("remarks %v, want %s", got, test.code)
			}
			if !w.read("observation", id).Present {
				t.Error("the run behind the bad frame was not taken")
			}
		})
	}
}

// TestABadRunIsRemarkedAndLeavesNothing sends one run that is wrong in one way, and then checks that the same log can still be
// sent as it should be.
func TestABadRunIsRemarkedAndLeavesNothing(t *testing.T) {
	w := newWorld(t)
	other := w.order("Les Hauts de Brance", false)
	for name, test := range map[string]struct {
		spoil func(r *wire.Run)
		code  wire.Code
	}{
		"a wrong signature":            {func(r *wire.Run) { r.Head[0] ^= 1 }, wire.CodeBadHead},
		"a changed value":              {func(r *wire.Run) { r.Lines[0] = bytes.Replace(r.Lines[0], []byte(`"2"`), []byte(`"3"`), 1) }, wire.CodeBadHead},
		"lines in another order":       {func(r *wire.Run) { r.Lines[0], r.Lines[1] = r.Lines[1], r.Lines[0] }, wire.CodeBadHead},
		"a gap before it":              {func(r *wire.Run) { r.First = 7 }, wire.CodeBrokenChain},
		"another replica's name":       {func(r *wire.Run) { r.Replica.Hash[3] ^= 1 }, wire.CodeUnknownReplica},
		"a ledger that is not granted": {func(r *wire.Run) { r.Ledger = ledgerID(t, other.Ledger) }, wire.CodeUnknownLedger},
		"a ledger that does not exist": {func(r *wire.Run) { r.Ledger.Hash[0] ^= 1 }, wire.CodeUnknownLedger},
		"a line that is not canonical": {func(r *wire.Run) {
			r.Lines[0] = bytes.Replace(r.Lines[0], []byte(`"format":1`), []byte(`"format":1,"format":1`), 1)
		}, wire.CodeMalformed},
		"a line with an unknown member": {func(r *wire.Run) {
			r.Lines[0] = bytes.Replace(r.Lines[0], []byte(`"kind":`), []byte(`"hint":1,"kind":`), 1)
		}, wire.CodeMalformed},
		"a line signed for another ledger": {
			func(r *wire.Run) { r.Ledger = ledgerID(t, w.restricted) }, wire.CodeWrongLedger,
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := w.newTablet("c-"+strings.ToLower(uuid.NewString()[:8]), "consultant", true)
			ids := []uuid.UUID{
				p.observe(newUUID(t), map[syncengine.Path]any{"/litter/rating": "2"}),
				p.observe(newUUID(t), map[syncengine.Path]any{"/litter/rating": "2"}),
			}
			frames := p.outgoing()
			good := *frames[1].(*wire.Run)
			bad := good
			bad.Lines = [][]byte{bytes.Clone(good.Lines[0]), bytes.Clone(good.Lines[1])}
			test.spoil(&bad)
			if got := p.exchange([]wire.Frame{frames[0], &bad, &wire.End{}}).codes(); !has(got, string(test.code)) {
				t.Errorf("remarks %v, want %s", got, test.code)
			}
			p.exchange([]wire.Frame{frames[0], &good, &wire.End{}})
			for _, id := range ids {
				if !w.read("observation", id).Present {
					t.Error("the log could not be sent afterwards")
				}
			}
		})
	}
}

func TestABodyThatIsCutKeepsItsCompleteRuns(t *testing.T) {
	w := newWorld(t)
	p := w.newTablet("c-1", "consultant", false)
	var frames []wire.Frame
	var ids []uuid.UUID
	for range 5 {
		ids = append(ids, p.observe(newUUID(t), map[syncengine.Path]any{"/litter/rating": "2"}))
		out := p.outgoing()
		if frames == nil {
			frames = append(frames, out[0])
		}
		frames = append(frames, out[1])
	}
	whole := encode(t, append(frames, &wire.End{}))
	answer := p.send(http.MethodPost, "/v1/sync", whole[:len(whole)*2/3], nil)
	answer.is(http.StatusOK, nil)
	if got := p.hear(answer.body).codes(); !has(got, string(wire.CodeTruncated)) {
		t.Errorf("remarks %v", got)
	}
	there := 0
	for _, id := range ids {
		if w.ask(w.coordinator, "GET", w.recordPath("observation", id), nil).status == http.StatusOK {
			there++
		}
	}
	if there == 0 || there == len(ids) {
		t.Errorf("%d of %d runs were kept", there, len(ids))
	}
	p.send(http.MethodPost, "/v1/sync", whole, nil).is(http.StatusOK, nil)
	for _, id := range ids {
		if v := w.read("observation", id); !v.Present || v.Changes != 1 {
			t.Errorf("after the retry: present %v, %d changes", v.Present, v.Changes)
		}
	}
}

func TestStrippedValuesAreAskedForAndTheLogIsNotHeldBeyondThem(t *testing.T) {
	w := newWorld(t)
	p := w.newTablet("c-1", "consultant", false)
	first := p.observe(newUUID(t), map[syncengine.Path]any{"/litter/rating": "2"})
	second := p.observe(newUUID(t), map[syncengine.Path]any{"/litter/rating": "2"})
	frames := p.outgoing()
	good := *frames[1].(*wire.Run)
	bare := good
	line, err := wire.DecodeLine(good.Lines[1], good.Ledger)
	if err != nil {
		t.Fatal(err)
	}
	bare.Lines = [][]byte{good.Lines[0], wire.AppendLine(nil, line.Strip())}
	h := p.exchange([]wire.Frame{frames[0], &bare, &wire.End{}})
	if !has(h.codes(), string(wire.CodeValuesMissing)) || h.receipts[good.Ledger].Head.Seq != 1 {
		t.Errorf("remarks %v, receipt %+v", h.codes(), h.receipts[good.Ledger])
	}
	if v := w.read("observation", second); v.Present || len(v.Pending) != 1 {
		t.Errorf("without its values: present %v, pending %v", v.Present, v.Pending)
	}
	h = p.exchange([]wire.Frame{frames[0], &good, &wire.End{}})
	if h.receipts[good.Ledger].Head.Seq != 2 {
		t.Errorf("receipt %+v", h.receipts[good.Ledger])
	}
	for _, id := range []uuid.UUID{first, second} {
		if !w.read("observation", id).Present {
			t.Error("not present with its values")
		}
	}
}

func TestWhatIsNotKnownYetIsPendingAndWhatDoesNotFitIsIneffective(t *testing.T) {
	w := newWorld(t)
	p := w.newTablet("c-1", "consultant", false)
	unknown := p.write(note{kind: "observation", lineage: "cleanliness", id: newUUID(t), values: map[syncengine.Path]any{"/litter": "x"}})
	p.checklist = syncengine.VersionID{Hash: syncengine.Hash{9}}
	later := p.write(note{kind: "observation", lineage: "cleanliness", id: newUUID(t), values: map[syncengine.Path]any{"/litter/rating": "2"}})
	p.checklist = syncengine.VersionID{}
	h := p.sync()
	want := map[syncengine.ChangeID]wire.Code{unknown: wire.CodeIneffective, later: wire.CodePending}
	for _, m := range h.remarks {
		if want[m.Change] == m.Code {
			delete(want, m.Change)
		}
	}
	if len(want) > 0 {
		t.Errorf("not remarked: %v; remarks %v", want, h.codes())
	}
}

func TestALineOfAnUnknownFormatIsKeptAndSentOn(t *testing.T) {
	w := newWorld(t)
	p, q := w.newTablet("c-1", "consultant", false), w.newTablet("c-2", "consultant", false)
	id := ledgerID(t, w.ledger)
	raw := []byte(`{"body":{"new":true},"format":2,"header":{"format":2,"ledger":"` + w.ledger + `","nouveau":"é"}}`)
	line, err := wire.DecodeLine(raw, id)
	if err != nil {
		t.Fatal(err)
	}
	head := syncengine.Head{Seq: 1, Chain: wire.ChainNext(wire.ChainStart(id, p.replica), line.Change.ID)}
	h := p.exchange([]wire.Frame{
		&wire.Hello{Full: true},
		&wire.Run{Ledger: id, Replica: p.replica, First: 1, Lines: [][]byte{raw}, Head: wire.SignHead(p.key, id, head)},
		&wire.End{},
	})
	if h.receipts[id].Head != head {
		t.Errorf("receipt %+v, remarks %v", h.receipts[id], h.codes())
	}
	for _, run := range q.sync().runs {
		if run.Replica == p.replica && bytes.Equal(run.Lines[0], raw) {
			return
		}
	}
	t.Error("the line was not sent on as it came")
}

func TestAnUnknownTabletAndAWrongSignatureAreRefusedBeforeTheBodyIsRead(t *testing.T) {
	w := newWorld(t)
	stranger := w.bareTablet()
	stranger.send(http.MethodPost, "/v1/sync", []byte("never read"), nil).refused(wire.CodeUnknownReplica)
	p := w.newTablet("c-1", "consultant", false)
	auth := wire.SignRequest(p.key, http.MethodGet, "/v1/sync", p.challenge) // another method than is used
	w.askAs(auth.String(), http.MethodPost, "/v1/sync").refused(wire.CodeUnauthenticated)
	w.askAs("", http.MethodPost, "/v1/sync").refused(wire.CodeChallenge)
	w.askAs("Arpenteur nonsense", http.MethodPost, "/v1/sync").refused(wire.CodeUnauthenticated)
}

// askAs makes a request with an Authorization header.
func (w *world) askAs(authorization, method, path string) *reply {
	w.t.Helper()
	r := httptest.NewRequestWithContext(context.Background(), method, path, strings.NewReader("never read"))
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	out := httptest.NewRecorder()
	w.network.ServeHTTP(out, r)
	return &reply{w.t, method + " " + path, out.Code, out.Header(), out.Body.Bytes()}
}
