package clientsdk_test

import (
	"bytes"
	"context"
	"errors"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/arpenteur/arpenteur/clientsdk"
	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/ledger"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// outcome is how a meeting ended on one side.
type outcome struct {
	report *clientsdk.Report
	err    error
}

// host lets a tablet wait for another. The pairing text comes from text, the outcome from done.
func (p *tablet) host(o clientsdk.MeetOptions) (text string, address string, done <-chan outcome) {
	p.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		p.t.Fatal(err)
	}
	texts := make(chan string, 1)
	o.Show = func(pairing string, _ []string) { texts <- pairing }
	limited, cancel := context.WithTimeout(ctx, 2*time.Minute)
	p.t.Cleanup(cancel)
	out := make(chan outcome, 1)
	go func() {
		report, err := p.Host(limited, l, o)
		out <- outcome{report, err}
	}()
	return <-texts, l.Addr().String(), out
}

// meetAs lets two tablets exchange, paired by text.
func meetAs(t *testing.T, host, guest *tablet) (h, g *clientsdk.Report) {
	t.Helper()
	text, _, done := host.host(clientsdk.MeetOptions{})
	g, err := guest.Join(ctx, text, clientsdk.MeetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	out := <-done
	if out.err != nil {
		t.Fatal(out.err)
	}
	return out.report, g
}

func same(t *testing.T, p, q *tablet, refs ...clientsdk.Ref) {
	t.Helper()
	for _, ref := range refs {
		if a, b := p.record(ref).Document(), q.record(ref).Document(); !bytes.Equal(a, b) {
			t.Errorf("%v differs:\n%s\n%s", ref, a, b)
		}
	}
}

func TestTwoTabletsExchangeWithoutAServer(t *testing.T) {
	w := newWorld(t)
	p, q := w.newTablet("1"), w.newTablet("2")
	p.sync() // learns of the other's grant
	a := p.observe(map[syncengine.Path]any{"/litter/rating": "2"})
	b := q.observe(map[syncengine.Path]any{"/litter/rating": "3"})
	w.http.Close()
	h, g := meetAs(t, p, q)
	same(t, p, q, a.Ref, b.Ref)
	if h.Received != 1 || g.Received != 1 || h.Sent != 1 || g.Sent != 1 || len(h.Remarks)+len(g.Remarks) != 0 {
		t.Errorf("host %+v, guest %+v", h, g)
	}
	if h, g = meetAs(t, q, p); h.Received+g.Received+h.Sent+g.Sent != 0 || g.RoundTrips != 2 {
		t.Errorf("with nothing new: host %+v, guest %+v", h, g)
	}
}

func TestOneThatWasGrantedLatelyIsKnownByTheAuthoritysLog(t *testing.T) {
	w := newWorld(t)
	p := w.newTablet("1")
	a := p.observe(map[syncengine.Path]any{"/litter/rating": "2"})
	q := w.newTablet("2") // of whom the first has not heard
	b := q.observe(map[syncengine.Path]any{"/litter/rating": "3"})
	for _, pair := range [][2]*tablet{{p, q}} {
		meetAs(t, pair[0], pair[1])
	}
	same(t, p, q, a.Ref, b.Ref)
	r := w.newTablet("3")
	c := r.observe(map[syncengine.Path]any{"/litter/rating": "4"})
	meetAs(t, r, p) // the other way round
	same(t, p, r, a.Ref, b.Ref, c.Ref)
}

func TestTheWordThatItArrivedTravelsByRelay(t *testing.T) {
	w := newWorld(t)
	p, q := w.newTablet("1"), w.newTablet("2")
	p.sync()
	saved := p.observe(map[syncengine.Path]any{"/litter/rating": "2"})
	meetAs(t, p, q)
	q.sync() // carries the line to the server, and is given the receipt
	meetAs(t, q, p)
	if r := p.record(saved.Ref); r.Safety != clientsdk.Received {
		t.Errorf("safety %s", r.Safety)
	}
	if w.newTablet("3").record(saved.Ref) == nil {
		t.Error("the server does not hold it")
	}
}

// people answers for the person at each tablet.
func people(digits chan<- string, same bool) clientsdk.MeetOptions {
	return clientsdk.MeetOptions{Confirm: func(_ context.Context, d string) (bool, error) {
		digits <- d
		return same, nil
	}}
}

func TestDigitsPairWhereThereIsNoCamera(t *testing.T) {
	w := newWorld(t)
	p, q := w.newTablet("1"), w.newTablet("2")
	p.sync()
	saved := p.observe(map[syncengine.Path]any{"/litter/rating": "2"})
	shown := make(chan string, 2)
	_, address, done := p.host(people(shown, true))
	if _, err := q.Join(ctx, address, people(shown, true)); err != nil {
		t.Fatal(err)
	}
	if out := <-done; out.err != nil {
		t.Fatal(out.err)
	}
	if a, b := <-shown, <-shown; a != b || len(a) != 6 {
		t.Errorf("shown %q and %q", a, b)
	}
	same(t, p, q, saved.Ref)
}

func TestWhoDoesNotPairGetsNothing(t *testing.T) {
	w := newWorld(t)
	p, q := w.newTablet("1"), w.newTablet("2")
	p.sync()
	saved := p.observe(map[syncengine.Path]any{"/litter/rating": "2"})
	shown := make(chan string, 8)
	text, address, done := p.host(people(shown, false))
	pairing, err := wire.ParsePairing(text)
	if err != nil {
		t.Fatal(err)
	}
	other := *pairing
	other.Secret[0] ^= 1
	if _, err := q.Join(ctx, other.String(), clientsdk.MeetOptions{}); !errors.Is(err, wire.CodeUnauthenticated) {
		t.Errorf("a wrong secret: %v", err)
	}
	other = *pairing
	other.Key[0] ^= 1
	if _, err := q.Join(ctx, other.String(), clientsdk.MeetOptions{}); !errors.Is(err, wire.CodeUnauthenticated) {
		t.Errorf("another host than the text names: %v", err)
	}
	if _, err := q.Join(ctx, address, people(shown, true)); !errors.Is(err, wire.CodeUnauthenticated) {
		t.Errorf("digits that the host's person did not find: %v", err)
	}
	if _, err := q.Join(ctx, "neither", clientsdk.MeetOptions{}); !errors.Is(err, wire.CodeInvalid) {
		t.Errorf("a text that is none: %v", err)
	}
	if _, err := q.Record(ctx, saved.Ref); !errors.Is(err, clientsdk.ErrNoRecord) {
		t.Errorf("it was given something: %v", err)
	}
	// The right guest still comes in.
	if _, err := q.Join(ctx, text, clientsdk.MeetOptions{}); err != nil {
		t.Fatal(err)
	}
	if out := <-done; out.err != nil {
		t.Fatal(out.err)
	}
	same(t, p, q, saved.Ref)
}

func TestTabletsOfTwoAuthoritiesHaveNothingToSay(t *testing.T) {
	p, q := newWorld(t).newTablet("1"), newWorld(t).newTablet("1")
	p.observe(map[syncengine.Path]any{"/litter/rating": "2"})
	h, g := meetAs(t, p, q)
	if h.Sent+h.Received+g.Sent+g.Received != 0 {
		t.Errorf("host %+v, guest %+v", h, g)
	}
	for _, x := range []*tablet{p, q} {
		if list, err := x.Ledgers(ctx); err != nil || len(list) != 2 {
			t.Errorf("ledgers %+v, %v", list, err)
		}
	}
}

func TestALedgerThatOneSideLacksStaysUnknownToIt(t *testing.T) {
	w := newWorld(t)
	var made struct{ Ticket string }
	w.people("POST", "/v1/tickets", map[string]any{"account": "c-public", "role": "consultant", "diagnostics": []uuid.UUID{w.diagnostic}}, &made)
	q := w.openTablet(t.TempDir(), clientsdk.Options{})
	if err := q.Enrol(ctx, made.Ticket, "public"); err != nil {
		t.Fatal(err)
	}
	q.sync()
	p := w.newTablet("1")
	saved := p.observe(map[syncengine.Path]any{"/litter/rating": "2"})
	meetAs(t, p, q)
	same(t, p, q, saved.Ref)
	if list, err := q.Ledgers(ctx); err != nil || len(list) != 1 {
		t.Errorf("holds %+v, %v", list, err)
	}
}

func TestARevokedTabletGivesWhatItHoldsAndGetsTheAuthoritysLogOnly(t *testing.T) {
	for name, meet := range map[string]func(revoked, other *tablet) (r, o *clientsdk.Report){
		"as guest": func(revoked, other *tablet) (r, o *clientsdk.Report) { o, r = meetAs(t, other, revoked); return r, o },
		"as host":  func(revoked, other *tablet) (r, o *clientsdk.Report) { return meetAs(t, revoked, other) },
	} {
		t.Run(name, func(t *testing.T) { revokedMeets(t, meet) })
	}
}

func revokedMeets(t *testing.T, meet func(revoked, other *tablet) (r, o *clientsdk.Report)) {
	w := newWorld(t)
	p, q, r := w.newTablet("1"), w.newTablet("2"), w.newTablet("3")
	own := q.observe(map[syncengine.Path]any{"/litter/rating": "2"})
	w.people("POST", "/v1/devices/"+w.device("2").Replica.String()+"/revoke", map[string]any{"reason": "Tablet lost."}, nil)
	var made struct{ ID uuid.UUID }
	w.people("POST", "/v1/ledgers/"+w.ledger.String()+"/records", map[string]any{"kind": "actor", "values": map[string]any{"/name": "Ville"}}, &made)
	other := p.observe(map[syncengine.Path]any{"/litter/rating": "3"})
	p.sync() // learns of the revocation, of which the other has not heard
	if r, o := meet(q, p); o.Received != 1 || r.Received == 0 {
		t.Errorf("revoked %+v, other %+v", r, o)
	}
	if _, err := q.Record(ctx, other.Ref); !errors.Is(err, clientsdk.ErrNoRecord) {
		t.Errorf("the revoked tablet got another's record: %v", err)
	}
	actor := clientsdk.Ref{Ledger: w.ledger, Record: syncengine.RecordKey{Kind: "actor", ID: made.ID}}
	if r := q.record(actor); bytes.Contains(r.Document(), []byte("Ville")) {
		t.Errorf("the revoked tablet got what the server wrote: %s", r.Document())
	}
	if r := p.record(own.Ref); r.Present {
		t.Error("what lies beyond the cut has effect")
	}
	// It knows now, and takes nothing even from one who has not heard.
	third := r.observe(map[syncengine.Path]any{"/litter/rating": "4"})
	meet(q, r)
	if _, err := q.Record(ctx, third.Ref); !errors.Is(err, clientsdk.ErrNoRecord) {
		t.Errorf("the revoked tablet got a third's record: %v", err)
	}
}

func TestWhatAPeerHoldsAndIsNotGivenIsAnnounced(t *testing.T) {
	w := newWorld(t)
	p, q := w.newTablet("4"), w.newTablet("7")
	p.sync()
	var notes []clientsdk.Ref
	for range 60 {
		note := noise(10)
		notes = append(notes, q.observe(map[syncengine.Path]any{"/litter/rating": "2", "/litter/notes/c-x": note}).Ref)
	}
	text, address, _ := p.host(clientsdk.MeetOptions{})
	link, _ := cutLink(t, address, always(9_000)) // lets the heads through, and little more
	stopped, cancel := context.WithCancel(ctx)
	moved := p.Watch(stopped)
	go func() {
		<-moved
		cancel()
	}()
	_, _ = q.Join(stopped, via(t, text, link), clientsdk.MeetOptions{})
	p.sync()
	announced := func() (n uint64) {
		for _, l := range w.device("7").Ledgers {
			if l.Announced != nil {
				n += l.Announced.Pending + l.Held
			}
		}
		return n
	}
	if got := announced(); got != uint64(len(notes)) {
		t.Errorf("%d changes are known of", got)
	}
	q.sync()
	if got := announced(); got != 0 {
		t.Errorf("%d are still announced though all are here", got)
	}
}

func TestWhatIsHeardOfAThirdTabletReachesTheServer(t *testing.T) {
	w := newWorld(t)
	p, q, r := w.newTablet("4"), w.newTablet("5"), w.newTablet("7")
	p.sync()
	q.sync()
	const written = 40
	for range written {
		r.observe(map[syncengine.Path]any{"/litter/rating": "2", "/litter/notes/c-x": noise(10)})
	}
	text, address, _ := q.host(clientsdk.MeetOptions{})
	link, _ := cutLink(t, address, func(n int) int {
		if n == 0 {
			return 9_000 // lets the heads through, and little more
		}
		return 100
	})
	stopped, cancel := context.WithCancel(ctx)
	moved := q.Watch(stopped)
	go func() {
		<-moved
		cancel()
	}()
	_, _ = r.Join(stopped, via(t, text, link), clientsdk.MeetOptions{}) // breaks off for good
	meetAs(t, p, q)
	p.sync()
	for _, l := range w.device("7").Ledgers {
		if l.Ledger == w.ledger && (l.Announced == nil || l.Held+l.Announced.Pending != written || l.Announced.ByName != "4") {
			t.Errorf("held %d, announced %+v", l.Held, l.Announced)
		}
	}
}

func TestDraftsAndCommitsGoOnDuringAMeeting(t *testing.T) {
	w := newWorld(t)
	p, q := w.newTablet("1"), w.newTablet("2")
	p.sync()
	for range 30 {
		p.observe(map[syncengine.Path]any{"/litter/rating": "2"})
	}
	text, _, done := p.host(clientsdk.MeetOptions{})
	stop := make(chan struct{})
	var busy sync.WaitGroup
	for _, x := range []*tablet{p, q} {
		busy.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					x.observe(map[syncengine.Path]any{"/litter/rating": "3"})
					if _, err := x.Sync(ctx); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	_, err := q.Join(ctx, text, clientsdk.MeetOptions{})
	close(stop)
	busy.Wait()
	if out := <-done; err != nil || out.err != nil {
		t.Fatal(err, out.err)
	}
	meetAs(t, p, q)
	p.sync()
	q.sync()
	list := func(x *tablet) (n int) {
		err := x.Records(ctx, w.ledger, ledger.Filter{Kind: "observation"}, nil, func(*clientsdk.Record) (bool, error) { n++; return true, nil })
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	if list(p) != list(q) {
		t.Errorf("%d and %d records", list(p), list(q))
	}
}
