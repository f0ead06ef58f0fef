package server_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

func TestATicketEnrolsOneTabletOnceWithinTenMinutes(t *testing.T) {
	onStores(t, func(t *testing.T, w *world) {
		var made struct {
			Account, Code, Ticket string
			Expires               int64
		}
		w.ask(w.coordinator, "POST", "/v1/tickets", map[string]any{
			"role": "consultant", "name": "T-04", "diagnostics": []uuid.UUID{w.diagnostic},
		}).created(&made)
		ticket, err := wire.ParseTicket(made.Ticket)
		if err != nil || ticket.Code != made.Code || ticket.Server != "https://arpenteur.test" || ticket.Root != w.secret.RootKey() {
			t.Fatalf("the ticket does not say what to trust: %+v %v", ticket, err)
		}
		if !syncengine.AccountID(made.Account).Valid() || made.Expires != w.clock.Load()+(10*time.Minute).Milliseconds() {
			t.Fatalf("%+v", made)
		}
		first, second := w.bareTablet(), w.bareTablet()
		first.enrol(strings.ToLower(strings.ReplaceAll(made.Code, "-", "")), "own name").created(nil) // as people type it
		answer, err := wire.DecodeEnrolmentAnswer(first.enrol(made.Code, "own name").body)
		if err != nil || string(answer.Account) != made.Account || answer.Replica != first.replica || answer.Root != w.secret.RootKey() {
			t.Fatalf("a repeated enrolment does not get the same answer: %+v %v", answer, err)
		}
		second.enrol(made.Code, "x").refused(wire.CodeBadCode)
		second.enrol("ABCD-EFGH", "x").refused(wire.CodeBadCode)

		late := w.ticket(map[string]any{"role": "consultant"})
		w.sleep(10*time.Minute + time.Millisecond)
		second.enrol(late, "x").refused(wire.CodeBadCode)
		for _, d := range w.devices() {
			if d.Replica == first.replica.String() && d.Name != "T-04" {
				t.Fatalf("the tablet has not the name that the ticket gave: %+v", d)
			}
		}
		for key := range dump(t, w.store) {
			if strings.Contains(key, made.Code) {
				t.Fatal("the store holds a code")
			}
		}
	})
}

type deviceView struct {
	Replica, Account, Name, Role, Predecessor, Successor string
	Contact                                              int64
	Ledgers                                              []struct {
		Ledger, Access string
		Held           uint64
		Branches       int
	}
}

func (w *world) devices() []deviceView {
	w.t.Helper()
	var list struct{ Devices []deviceView }
	w.ask(w.coordinator, "GET", "/v1/devices", nil).ok(&list)
	return list.Devices
}

func (w *world) device(p *tablet) deviceView {
	w.t.Helper()
	for _, d := range w.devices() {
		if d.Replica == p.replica.String() {
			return d
		}
	}
	w.t.Fatalf("the tablet %s is not listed", p.replica)
	return deviceView{}
}

func TestAnEnrolmentMustProveItsKey(t *testing.T) {
	w := newWorld(t)
	code := w.ticket(map[string]any{"role": "consultant"})
	mine, other := w.bareTablet(), w.bareTablet()
	forged := wire.NewEnrolment(mine.key, code, "x")
	forged.Key = wire.NewEnrolment(other.key, code, "x").Key
	w.ask("", "POST", "/v1/enrolments", string(forged.Append(nil))).refused(wire.CodeUnauthenticated)
	mine.enrol(code, "x").created(nil)
}

func TestATabletRedeemsAFurtherCodeOfItsAccountOnly(t *testing.T) {
	w := newWorld(t)
	p := w.newTablet("c-1", "consultant", false)
	d := w.order("Les Lilas", false)
	theirs := w.ticket(map[string]any{"role": "consultant", "account": "c-2", "diagnostics": []uuid.UUID{d.ID}})
	p.enrol(theirs, "x").refused(wire.CodeInvalid)
	mine := w.ticket(map[string]any{"role": "consultant", "account": "c-1", "diagnostics": []uuid.UUID{d.ID}})
	p.enrol(mine, "x").created(nil)
	if h := p.sync(); h.access[ledgerID(t, d.Ledger)] != wire.AccessFull || len(h.access) != 2 {
		t.Fatalf("the second diagnostic is not open: %v", h.access)
	}
}

func TestATabletIsToldOnlyTheLedgersThatItIsGranted(t *testing.T) {
	w := newWorld(t)
	p, q := w.newTablet("c-1", "consultant", false), w.newTablet("c-2", "consultant", true)
	if h := p.sync(); len(h.access) != 1 || h.access[ledgerID(t, w.ledger)] != wire.AccessFull {
		t.Fatalf("told of %v", h.access)
	}
	if h := q.sync(); len(h.access) != 2 {
		t.Fatalf("told of %v", h.access)
	}
	// What it may not have it can't push to either, and is told just what it would be told of a ledger that is not there.
	p.account = "c-1"
	restricted, nowhere := ledgerID(t, w.restricted), syncengine.LedgerID{Hash: syncengine.Hash{7}}
	for _, id := range []syncengine.LedgerID{restricted, nowhere} {
		run := &wire.Run{Ledger: id, Replica: p.replica, First: 1, Lines: [][]byte{[]byte(`{}`)}, Head: wire.SignHead(p.key, id, syncengine.Head{})}
		h := p.sync(run)
		if paths(h.codes()) != "unknown_ledger" || h.remarks[0].Detail != "" {
			t.Fatalf("told %+v", h.remarks[0])
		}
	}
}

func TestASuccessorGoesOnWithWhatItsPredecessorHas(t *testing.T) {
	onStores(t, func(t *testing.T, w *world) {
		p := w.newTablet("c-1", "consultant", true)
		next := w.bareTablet()
		next.account = "c-1"
		body := wire.NewSuccession(next.key, p.replica).Append(nil)
		for range 2 { // repeating it is harmless
			p.send("POST", "/v1/successions", body, nil).created(nil)
		}
		if h := next.sync(); len(h.access) != 2 {
			t.Fatalf("the successor has %v", h.access)
		}
		hall := w.place(map[string]any{"type": "hall"})
		next.sync()
		id := next.observe(hall, map[syncengine.Path]any{litter: "2"})
		if h := next.sync(); len(h.remarks) != 0 {
			t.Fatalf("what the successor writes is remarked: %+v", h.remarks[0])
		}
		if !w.read("observation", id).Present {
			t.Fatal("what the successor wrote is not there")
		}
		if d := w.device(p); d.Successor != next.replica.String() || w.device(next).Predecessor != p.replica.String() {
			t.Fatalf("the list does not tell who continues whom: %+v", d)
		}
		other := w.bareTablet()
		forged := wire.NewSuccession(other.key, next.replica).Append(nil)
		p.send("POST", "/v1/successions", forged, nil).refused(wire.CodeUnauthenticated)
	})
}

func TestARevokedTabletHasNoSuccessor(t *testing.T) {
	w := newWorld(t)
	p := w.newTablet("c-1", "consultant", false)
	w.revoke(p).ok(nil)
	p.send("POST", "/v1/successions", wire.NewSuccession(w.bareTablet().key, p.replica).Append(nil), nil).refused(wire.CodeForbidden)
}

func (w *world) revoke(p *tablet) *reply {
	w.t.Helper()
	return w.ask(w.coordinator, "POST", "/v1/devices/"+p.replica.String()+"/revoke", map[string]any{"reason": "Tablet lost on the bus."})
}

func TestWhatARevokedTabletStillBringsIsKeptAndSetAside(t *testing.T) {
	onStores(t, func(t *testing.T, w *world) {
		hall := w.place(map[string]any{"type": "hall"})
		p, q := w.newTablet("c-1", "consultant", false), w.newTablet("c-2", "consultant", false)
		before := p.observe(hall, map[syncengine.Path]any{litter: "2"})
		p.sync()
		w.revoke(p).ok(nil)
		w.revoke(p).ok(nil) // again is harmless
		if d := w.device(p); len(d.Ledgers) != 1 || d.Ledgers[0].Access != "revoked" || d.Ledgers[0].Held != 1 {
			t.Fatalf("the list does not show the revocation: %+v", d)
		}
		q.observe(hall, map[syncengine.Path]any{litter: "4"})
		q.sync()
		after := p.observe(hall, map[syncengine.Path]any{litter: "3"})
		h := p.sync()
		id := ledgerID(t, w.ledger)
		if h.access[id] != wire.AccessRevoked || paths(h.codes()) != "ineffective" || h.receipts[id].Head.Seq != 2 {
			t.Fatalf("%v %v %+v", h.access, h.codes(), h.receipts[id])
		}
		for _, run := range h.runs {
			if run.Replica != p.authority(id) {
				t.Fatal("a revoked tablet was sent lines of others")
			}
		}
		if v := w.read("observation", before); !v.Present {
			t.Fatal("what came before the cut does not stand")
		}
		v := w.read("observation", after)
		if v.Present || len(v.Ineffective) != 1 || v.Ineffective[0].Reason != "unauthorised" || string(v.Ineffective[0].Values[litter]) != `"3"` {
			t.Fatalf("what came after the cut is not set aside, readable: %+v", v)
		}
		w.rule(map[string]any{"type": "release", "target": v.Ineffective[0].Change, "reason": "Entered before the loss."}).created(nil)
		if v := w.read("observation", after); !v.Present || len(v.Ineffective) != 0 {
			t.Fatalf("not released: %+v", v)
		}
		// A new grant opens the ledger again; the old lines stay as they were decided.
		w.ask(w.coordinator, "POST", "/v1/devices/"+p.replica.String()+"/grants", map[string]any{"diagnostics": []uuid.UUID{w.diagnostic}}).ok(nil)
		if h := p.sync(); h.access[id] != wire.AccessFull {
			t.Fatalf("not granted again: %v", h.access)
		}
	})
}

func (w *world) rule(body map[string]any) *reply {
	w.t.Helper()
	return w.ask(w.coordinator, "POST", "/v1/ledgers/"+w.ledger+"/rulings", body)
}

func TestARevocationCanCutEarlierThanWhatIsHeld(t *testing.T) {
	w := newWorld(t)
	hall := w.place(map[string]any{"type": "hall"})
	p := w.newTablet("c-1", "consultant", false)
	first := p.observe(hall, map[syncengine.Path]any{litter: "2"})
	head := p.logs[ledgerID(t, w.ledger)].head
	second := p.observe(hall, map[syncengine.Path]any{litter: "3"})
	p.sync()
	path := "/v1/devices/" + p.replica.String() + "/revoke"
	cut := map[string]any{"seq": head.Seq, "chain": head.Chain}
	w.ask(w.coordinator, "POST", path, map[string]any{"reason": "Lost.", "cut": cut}).refused(wire.CodeInvalid) // a cut is of one ledger
	w.ask(w.coordinator, "POST", path, map[string]any{"reason": "Lost.", "ledger": w.ledger, "cut": cut}).ok(nil)
	if !w.read("observation", first).Present || w.read("observation", second).Present {
		t.Fatal("the cut does not lie where it was set")
	}
	w.ask(w.coordinator, "POST", path, map[string]any{"reason": "Lost.", "ledger": w.restricted}).refused(wire.CodeUnknownLedger)
	w.ask(w.coordinator, "POST", path, map[string]any{}).refused(wire.CodeInvalid)
}

func TestATabletThatLivesIn2031WinsNothing(t *testing.T) {
	onStores(t, func(t *testing.T, w *world) {
		hall := w.place(map[string]any{"type": "hall"})
		p, q := w.newTablet("c-1", "consultant", false), w.newTablet("c-2", "consultant", false)
		p.skew = time.Date(2031, 1, 1, 0, 0, 0, 0, time.UTC).UnixMilli() - w.clock.Load()
		id := newUUID(t)
		values := map[syncengine.Path]any{"/place": hall.String(), "/visit": newUUID(t).String(), "/rater": "c-1", litter: "1"}
		future := p.write(note{kind: "observation", lineage: "cleanliness", id: id, values: values})
		if h := p.sync(); paths(h.codes()) != "untimed" || h.remarks[0].Change != future {
			t.Fatalf("%v", h.codes())
		}
		q.write(note{kind: "observation", lineage: "cleanliness", id: id, values: map[syncengine.Path]any{litter: "3"}})
		q.sync()
		f := w.read("observation", id).field(t, litter)
		if string(f.Shown) != `"3"` || !f.Survivors[0].Untimed || string(f.Survivors[0].Value) != `"1"` {
			t.Fatalf("the clock of 2031 decided: %+v", f)
		}
	})
}

func TestContactWithATabletIsNoted(t *testing.T) {
	w := newWorld(t)
	p := w.newTablet("c-1", "consultant", false)
	first := w.device(p).Contact
	w.sleep(time.Minute)
	p.sync()
	again := w.device(p).Contact
	w.sleep(time.Hour)
	p.sync()
	if later := w.device(p).Contact; first == 0 || again != first || later != w.clock.Load() {
		t.Fatalf("contacts %d, %d, %d", first, again, later)
	}
}

func TestALostTabletKeepsNothingThatItsFormerKeysOpen(t *testing.T) {
	w := newWorld(t)
	p := w.newTablet("c-1", "consultant", true)
	next := w.bareTablet()
	next.account = "c-1"
	p.send("POST", "/v1/successions", wire.NewSuccession(next.key, p.replica).Append(nil), nil).created(nil)
	// Somebody to whom the restricted ledger is closed revokes the tablet: it loses that one too, and the answer does not tell of it.
	r := w.ask(w.unrestricted, "POST", "/v1/devices/"+next.replica.String()+"/revoke", map[string]any{"reason": "Lost."})
	r.ok(nil)
	if strings.Contains(string(r.body), w.restricted) {
		t.Fatalf("%s", r.body)
	}
	for _, q := range []*tablet{p, next} {
		for id, access := range q.sync().access {
			if access != wire.AccessRevoked {
				t.Errorf("a key of the tablet still opens %s", id)
			}
		}
	}
}

func TestAdministrativeActsAreOnTheTrail(t *testing.T) {
	onStores(t, func(t *testing.T, w *world) {
		p := w.newTablet("c-1", "consultant", false)
		w.revoke(p).ok(nil)
		w.order("Les Lilas", false)
		type entry struct {
			Number              uint64
			Time                int64
			Account, Act, About string
		}
		var all []entry
		for path := "/v1/audit?limit=3"; path != ""; {
			var page struct {
				Entries []entry
				Next    string
			}
			w.ask(w.auditor, "GET", path, nil).ok(&page)
			all = append(all, page.Entries...)
			if path = ""; page.Next != "" {
				path = "/v1/audit?limit=3&cursor=" + page.Next
			}
		}
		var acts []string
		for i, e := range all {
			if e.Number != uint64(len(all)-i) || e.Account == "" || e.About == "" || e.Time == 0 {
				t.Errorf("%+v", e)
			}
			acts = append(acts, e.Act)
		}
		if got := strings.Join(acts[:4], ", "); got != "diagnostic ordered, tablet revoked, tablet enrolled, ticket made" || len(acts) != 10 {
			t.Fatalf("%v", acts)
		}
		for _, query := range []string{"limit=0", "limit=x", "cursor=x", "kind=x"} {
			w.ask(w.auditor, "GET", "/v1/audit?"+query, nil).refused(wire.CodeInvalid)
		}
	})
}
