package server_test

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/wire"
	"github.com/arpenteur/arpenteur/syncengine/wire/file"
)

// taken is what the server says of a file.
type taken struct {
	Complete bool
	Code     wire.Code
	Ledgers  []struct {
		Ledger    string
		Lines     int
		Announced int
		Remarks   []struct{ Code wire.Code }
	}
}

// stick seals each list of frames to the authority, as one section of a file.
func (w *world) stick(lists ...[]wire.Frame) []byte {
	w.t.Helper()
	key := w.authorityKey(ledgerID(w.t, w.ledger))
	var out bytes.Buffer
	f := file.NewWriter(&out)
	for _, frames := range lists {
		s, err := f.Section([]ed25519.PublicKey{key[:]})
		if err != nil {
			w.t.Fatal(err)
		}
		_, err = s.Write(encode(w.t, frames))
		if err = errors.Join(err, s.Close()); err != nil {
			w.t.Fatal(err)
		}
	}
	if err := f.Close(); err != nil {
		w.t.Fatal(err)
	}
	return out.Bytes()
}

func (w *world) bring(token string, data []byte) *reply {
	w.t.Helper()
	typed := http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		r.Header.Set("Content-Type", file.MediaType)
		w.network.ServeHTTP(out, r)
	})
	return w.askOn(typed, token, "POST", "/v1/files", string(data))
}

func TestAFileBringsWhatATabletWroteAndTellsOnlyWhatTheAskerSees(t *testing.T) {
	onStores(t, func(t *testing.T, w *world) {
		hall := w.place(map[string]any{"type": "hall"})
		p := w.newTablet("c-1", "consultant", true)
		seen := p.observe(hall, map[syncengine.Path]any{litter: "2"})
		p.write(note{ledger: w.restricted, kind: "observation", lineage: "public_security", id: newUUID(t), values: map[syncengine.Path]any{"/place": hall.String()}})
		frames := p.outgoing()
		var byLedger [2][]wire.Frame
		for _, f := range frames {
			if r, ok := f.(*wire.Run); ok && r.Ledger.String() == w.restricted {
				byLedger[1] = append(byLedger[1], f)
			} else if ok {
				byLedger[0] = append(byLedger[0], f)
			}
		}
		section := func(i int) []wire.Frame {
			return append(append([]wire.Frame{&wire.Hello{}}, byLedger[i]...), &wire.End{})
		}
		data := w.stick(section(0), section(1))
		open := w.makeToken(map[string]any{"account": "open", "role": "coordinator"})
		var v taken
		w.bring(open, data).ok(&v)
		if !v.Complete || len(v.Ledgers) != 1 || v.Ledgers[0].Ledger != w.ledger || v.Ledgers[0].Lines != 1 {
			t.Errorf("told %+v", v)
		}
		if !w.read("observation", seen).Present {
			t.Error("it did not arrive")
		}
		w.bring(w.coordinator, data).ok(&v)
		for _, l := range v.Ledgers {
			if l.Lines != 0 {
				t.Errorf("taken twice: %+v", l)
			}
		}
		if d := w.device(p); len(d.Ledgers) != 2 || d.Ledgers[0].Held != 1 || d.Ledgers[1].Held != 1 {
			t.Errorf("held %+v", d)
		}
	})
}

func TestABadSectionHoldsBackNoOther(t *testing.T) {
	w := newWorld(t)
	hall := w.place(map[string]any{"type": "hall"})
	p := w.newTablet("c-1", "consultant", false)
	p.observe(hall, map[syncengine.Path]any{litter: "2"})
	run := p.outgoing()[1].(*wire.Run)
	section := func(f wire.Frame) []wire.Frame { return []wire.Frame{&wire.Hello{}, f, &wire.End{}} }
	forged, stray := *run, *run
	forged.Head[0] ^= 1
	stray.Ledger.Hash[0] ^= 1
	var v taken
	w.bring(w.coordinator, w.stick(section(&forged), section(&stray), []wire.Frame{run}, section(run))).ok(&v)
	if v.Complete || v.Code != wire.CodeTruncated && v.Code != wire.CodeMalformed || len(v.Ledgers) != 1 || v.Ledgers[0].Lines != 1 {
		t.Fatalf("%+v", v)
	}
	if r := v.Ledgers[0].Remarks; len(r) != 1 || r[0].Code != wire.CodeBadHead {
		t.Errorf("remarks %+v", r)
	}
	whole := w.stick(section(run))
	w.bring(w.coordinator, whole[:len(whole)-10]).ok(&v)
	if v.Complete || v.Code != wire.CodeTruncated {
		t.Errorf("cut: %+v", v)
	}
	damaged := bytes.Clone(whole)
	damaged[len(damaged)-60] ^= 1
	w.bring(w.coordinator, damaged).ok(&v)
	if v.Complete || v.Code != wire.CodeDamaged {
		t.Errorf("damaged: %+v", v)
	}
	var others bytes.Buffer
	f := file.NewWriter(&others)
	if err := errors.Join(f.Decoy(100), f.Close()); err != nil {
		t.Fatal(err)
	}
	w.bring(w.coordinator, others.Bytes()).refused(wire.CodeUnknownLedger)
	w.bring(w.coordinator, []byte("no file at all, but long enough")).refused(wire.CodeMalformed)
	w.ask(w.coordinator, "POST", "/v1/files", string(whole)).refused(wire.CodeInvalid)
}

func TestWhatIsAnnouncedIsShownUntilItIsHeldAndNeverBelieved(t *testing.T) {
	onStores(t, func(t *testing.T, w *world) {
		hall := w.place(map[string]any{"type": "hall"})
		p, q := w.newTablet("c-1", "consultant", false), w.newTablet("c-2", "consultant", false)
		id := ledgerID(t, w.ledger)
		p.sync()
		at := w.now().UnixMilli()
		say := func(f wire.Announced) { p.sync(&f) }
		say(wire.Announced{Ledger: id, Replica: q.replica, Seq: 3, Seen: at})
		say(wire.Announced{Ledger: id, Replica: q.replica, Seq: 2, Seen: at})                        // less than is known
		say(wire.Announced{Ledger: id, Replica: w.bareTablet().replica, Seq: 9, Seen: at})           // nobody's
		say(wire.Announced{Ledger: ledgerID(t, w.restricted), Replica: q.replica, Seq: 9, Seen: at}) // not the sender's
		say(wire.Announced{Ledger: id, Replica: p.authority(id), Seq: 999, Seen: at})                // the authority's own
		list := func() []announced {
			var all struct {
				Devices []struct {
					Replica string
					Ledgers []struct{ Announced *announced }
				}
			}
			w.ask(w.coordinator, "GET", "/v1/devices", nil).ok(&all)
			var out []announced
			for _, d := range all.Devices {
				for _, l := range d.Ledgers {
					if l.Announced != nil {
						l.Announced.of = d.Replica
						out = append(out, *l.Announced)
					}
				}
			}
			return out
		}
		if got := list(); len(got) != 1 || got[0].Pending != 3 || got[0].of != q.replica.String() || got[0].By != p.replica.String() || got[0].Seen != at {
			t.Fatalf("announced %+v", got)
		}
		q.observe(hall, map[syncengine.Path]any{litter: "2"})
		q.sync()
		if got := list(); len(got) != 1 || got[0].Pending != 2 {
			t.Errorf("after one arrived: %+v", got)
		}
		q.observe(hall, map[syncengine.Path]any{litter: "2"})
		q.observe(hall, map[syncengine.Path]any{litter: "2"})
		q.sync()
		if got := list(); len(got) != 0 {
			t.Errorf("after all arrived: %+v", got)
		}
		for key := range dump(t, w.store) {
			if bytes.HasPrefix([]byte(key), []byte("announced")) {
				t.Error("it is still kept")
			}
		}
	})
}

// announced is what a device's ledger shows of it.
type announced struct {
	Pending uint64
	By      string
	Seen    int64
	of      string
}

func TestARelayIsGivenReceiptsForWhatItBrought(t *testing.T) {
	w := newWorld(t)
	hall := w.place(map[string]any{"type": "hall"})
	p, q := w.newTablet("c-1", "consultant", false), w.newTablet("c-2", "consultant", false)
	q.observe(hall, map[syncengine.Path]any{litter: "2"})
	run := q.outgoing()[1]
	h := p.sync(run)
	about := func(h *heard) (n int) {
		for _, f := range h.order {
			r, ok := f.(*wire.Receipt)
			if key := w.authorityKey(ledgerID(t, w.ledger)); ok && r.Replica == q.replica && r.Head.Seq == 1 && r.Verify(key[:]) {
				n++
			}
		}
		return n
	}
	if n := about(h); n != 1 {
		t.Errorf("%d receipts about the other's log", n)
	}
	if n := about(p.sync()); n != 0 {
		t.Errorf("told again")
	}
}

func TestAFileThatEndsInItsFirstLineIsSaidToBeCut(t *testing.T) {
	w := newWorld(t)
	r := httptest.NewRequestWithContext(t.Context(), "POST", "/v1/files", strings.NewReader("arpent"))
	r.Header.Set("Authorization", "Bearer "+w.coordinator)
	r.Header.Set("Content-Type", file.MediaType)
	w.answer(w.network, r).refused(wire.CodeTruncated)
}
