package server_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/arpenteur/arpenteur/server/webhooks"
	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// message is one message as a receiver got it.
type message struct {
	ID   string
	Type string
	Time time.Time
	Data struct {
		Ledger  string
		Version uint64
		Kind    string
		ID      uuid.UUID
		States  []string
		Ruling  string
		Type    string
		Target  string
	}
	raw string
}

// receiver is a program that webhooks are sent to, on a real port.
type receiver struct {
	t      *testing.T
	site   *httptest.Server
	secret chan string  // holds the secret, once it is known
	all    chan message // every attempt whose signature is right
	mu     sync.Mutex
	answer func(h message) int
}

func newReceiver(t *testing.T) *receiver {
	r := &receiver{t: t, secret: make(chan string, 1), all: make(chan message, 10_000)}
	r.answers(func(message) int { return http.StatusNoContent })
	r.site = httptest.NewServer(r)
	t.Cleanup(r.site.Close)
	return r
}

// answers sets what the receiver answers.
func (r *receiver) answers(fn func(h message) int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer = fn
}

// ServeHTTP takes a message and verifies its signature by what the specification says alone.
func (r *receiver) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	body, err := io.ReadAll(q.Body)
	if err != nil {
		return // cut on its way
	}
	secret := <-r.secret
	r.secret <- secret
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	if err != nil || len(key) < 24 {
		r.t.Errorf("secret %q: %v", secret, err)
	}
	h := message{ID: q.Header.Get("webhook-id"), raw: string(body)}
	seconds, err := strconv.ParseInt(q.Header.Get("webhook-timestamp"), 10, 64)
	if err != nil {
		r.t.Error(err)
	}
	h.Time = time.Unix(seconds, 0)
	mac := hmac.New(sha256.New, key)
	fmt.Fprintf(mac, "%s.%d.%s", h.ID, seconds, body)
	if want := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)); q.Header.Get("webhook-signature") != want || h.ID == "" {
		r.t.Errorf("signed %q, want %q", q.Header.Get("webhook-signature"), want)
	}
	if err := json.Unmarshal(body, &struct {
		Type *string
		Data any
	}{&h.Type, &h.Data}); err != nil || q.Header.Get("Content-Type") != "application/json" || q.Method != http.MethodPost {
		r.t.Errorf("%s %v %s: %v", q.Method, q.Header, body, err)
	}
	r.all <- h
	r.mu.Lock()
	answer := r.answer
	r.mu.Unlock()
	w.WriteHeader(answer(h))
}

// next returns the next attempt.
func (r *receiver) next() message {
	r.t.Helper()
	select {
	case h := <-r.all:
		return h
	case <-time.After(20 * time.Second):
		r.t.Fatal("no message came")
	}
	return message{}
}

// until returns every attempt up to the first one that is wanted.
func (r *receiver) until(wanted func(h message) bool) (out []message) {
	r.t.Helper()
	for {
		h := r.next()
		if out = append(out, h); wanted(h) {
			return out
		}
	}
}

// silent checks that nothing more comes than what was waited for: a marker that is made now comes next.
func (r *receiver) silent() {
	r.t.Helper()
	select {
	case h := <-r.all:
		r.t.Errorf("an unexpected message: %s %s", h.ID, h.raw)
	default:
	}
}

// runs serves the world with webhooks that may reach this machine, until stop is called.
func (w *world) runs() (stop func()) {
	w.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- w.s.Run(ctx, l) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			w.t.Error(err)
		}
		w.s.Close()
	})
	w.t.Cleanup(stop)
	return stop
}

// hooked is a world whose webhooks may reach this machine.
func hooked(t *testing.T) *world {
	w := newWorld(t)
	w.hooks = webhooks.Policy{AllowHTTP: true, AllowPrivate: true, FirstRetry: 2 * time.Millisecond}
	w.start()
	return w
}

// hook makes a webhook and tells the receiver its secret.
func (w *world) hook(r *receiver, token string, order map[string]any) (id string) {
	w.t.Helper()
	if order == nil {
		order = map[string]any{}
	}
	order["url"] = r.site.URL + "/hook"
	var made struct{ ID, Secret string }
	w.ask(token, "POST", "/v1/webhooks", order).created(&made)
	if len(r.secret) == 0 {
		r.secret <- made.Secret
	}
	return made.ID
}

// hookView returns a webhook as it is listed.
func (w *world) hookView(id string) *webhooks.Hook {
	w.t.Helper()
	var list struct{ Webhooks []*webhooks.Hook }
	w.askLocal("GET", "/v1/webhooks", nil).ok(&list)
	for _, h := range list.Webhooks {
		if h.ID.String() == id {
			return h
		}
	}
	w.t.Fatalf("there is no webhook %s", id)
	return nil
}

// becomes waits until a webhook is as wanted.
func (w *world) becomes(id string, wanted func(h *webhooks.Hook) bool) *webhooks.Hook {
	w.t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for {
		h := w.hookView(id)
		if wanted(h) {
			return h
		}
		if time.Now().After(deadline) {
			w.t.Fatalf("the webhook stays %+v", h)
		}
		time.Sleep(time.Millisecond)
	}
}

func merged(id uuid.UUID) func(h message) bool {
	return func(h message) bool { return h.Type == "record.merged" && h.Data.ID == id }
}

func TestAReceiverIsToldWhatMovedAndNothingOfWhatItHolds(t *testing.T) {
	w := hooked(t)
	w.runs()
	r := newReceiver(t)
	p := w.newTablet("c-1", "consultant", false)
	before := p.observe(newUUID(t), nil)
	p.sync()
	id := w.hook(r, w.coordinator, nil)
	seen := p.observe(newUUID(t), map[syncengine.Path]any{"/litter/notes/c-1": "Monsieur Durand crie"})
	p.sync()
	list := r.until(merged(seen))
	for _, h := range list {
		if h.Data.ID == before {
			t.Error("it was told of what moved before it was made")
		}
		if strings.Contains(h.raw, "Durand") || strings.Contains(h.raw, "c-1") {
			t.Errorf("field data is sent: %s", h.raw)
		}
	}
	told := list[len(list)-1].Data
	if told.Ledger != w.ledger || told.Kind != "observation" || told.Version == 0 || !has(told.States, "clean") && len(told.States) > 1 {
		t.Errorf("%+v", told)
	}
	// What a person does on the server is told too, a conflict when it opens and when it is settled, and rulings.
	contested, _, _ := w.contested()
	open := r.until(func(h message) bool { return h.Type == "conflict.opened" })
	if h := open[len(open)-1]; h.Data.ID != contested || !has(h.Data.States, "conflict") {
		t.Errorf("%+v", h)
	}
	v := w.read("observation", contested)
	w.settle(contested, map[string]any{"seen": v.Seen, "reason": "Photo 12.", "fields": map[string]any{litter: map[string]any{"value": "2"}}}).ok(nil)
	closed := r.until(func(h message) bool { return h.Type == "conflict.settled" })
	if h := closed[len(closed)-1]; h.Data.ID != contested || has(h.Data.States, "conflict") {
		t.Errorf("%+v", h)
	}
	change := w.read("observation", seen).field(t, "/litter/notes/c-1").Survivors[0].Change
	w.ask(w.coordinator, "POST", "/v1/ledgers/"+w.ledger+"/rulings", map[string]any{
		"type": "redact", "target": change, "paths": []string{"/litter/notes/c-1"}, "reason": "nom d'un habitant",
	}).created(nil)
	ruled := r.until(merged(seen))
	i := slices.IndexFunc(ruled, func(h message) bool { return h.Type == "ruling.made" && h.Data.Target == change })
	if i < 0 || ruled[i].Data.Type != "redact" || strings.Contains(ruled[i].raw, "habitant") {
		t.Errorf("%+v", ruled)
	}
	h := w.becomes(id, func(h *webhooks.Hook) bool { return h.Delivered == h.Queued })
	if h.Delivered == 0 || h.Failures != 0 || h.LastSuccess == 0 {
		t.Errorf("%+v", h)
	}
	r.silent()
}

func TestAWebhookIsToldOfWhatItAskedForAndOfWhatIsOpenToItsToken(t *testing.T) {
	w := hooked(t)
	w.runs()
	all, open, none, rulings, elsewhere := newReceiver(t), newReceiver(t), newReceiver(t), newReceiver(t), newReceiver(t)
	other := w.order("Les Oliviers", false)
	narrow := w.makeToken(map[string]any{"account": "coord-4", "role": "coordinator", "diagnostics": []uuid.UUID{other.ID}})
	w.hook(elsewhere, narrow, nil)
	w.hook(all, w.coordinator, map[string]any{"restricted": true})
	w.hook(open, w.unrestricted, nil)
	w.hook(none, w.coordinator, map[string]any{"diagnostics": []uuid.UUID{other.ID}})
	w.hook(rulings, w.coordinator, map[string]any{"events": []string{"ruling.made"}})
	p := w.newTablet("sec-1", "consultant", true)
	secret := newUUID(t)
	p.write(note{ledger: w.restricted, kind: "observation", lineage: "public_security", id: secret, values: map[syncengine.Path]any{
		"/place": newUUID(t).String(), "/visit": newUUID(t).String(), "/rater": "sec-1",
	}})
	public := p.observe(newUUID(t), nil)
	p.sync()
	all.until(merged(secret))
	for _, h := range open.until(merged(public)) {
		if h.Data.Ledger != w.ledger {
			t.Errorf("told of a ledger that is not open to the token: %s", h.raw)
		}
	}
	if h := rulings.next(); h.Type != "ruling.made" || h.Data.Type != "grant" || h.Data.Target != "" {
		t.Errorf("%s", h.raw)
	}
	none.silent()
	elsewhere.silent()
	w.ask(narrow, "POST", "/v1/webhooks", map[string]any{"url": all.site.URL, "diagnostics": []uuid.UUID{w.diagnostic}}).refused(wire.CodeNotFound)
	w.ask(w.unrestricted, "POST", "/v1/webhooks", map[string]any{"url": all.site.URL, "restricted": true}).refused(wire.CodeInvalid)
	w.ask(w.coordinator, "POST", "/v1/webhooks", map[string]any{"url": all.site.URL, "events": []string{"record.read"}}).refused(wire.CodeInvalid)
	w.ask(w.coordinator, "POST", "/v1/webhooks", map[string]any{"url": all.site.URL, "diagnostics": []uuid.UUID{newUUID(t)}}).refused(wire.CodeNotFound)
}

func TestAMessageThatIsNotTakenComesAgainAndThoseBehindItWait(t *testing.T) {
	w := hooked(t)
	w.runs()
	r := newReceiver(t)
	id := w.hook(r, w.coordinator, map[string]any{"events": []string{"record.merged"}})
	refusals := 3
	r.answers(func(message) int {
		if refusals--; refusals >= 0 {
			return http.StatusInternalServerError
		}
		return http.StatusOK
	})
	p := w.newTablet("c-1", "consultant", false)
	var ids []uuid.UUID
	for range 5 {
		ids = append(ids, p.observe(newUUID(t), nil))
	}
	p.sync()
	var got []message
	for failures := 1; failures <= 3; failures++ {
		got = append(got, r.next())
		h := w.becomes(id, func(h *webhooks.Hook) bool { return h.Failures == failures })
		if h.Fault != webhooks.FaultStatus || h.Status != 500 || h.Next <= w.clock.Load()-1 {
			t.Fatalf("%+v", h)
		}
		w.sleep(time.Second) // past the pause
	}
	got = append(got, r.until(merged(slices.MaxFunc(ids, func(a, b uuid.UUID) int { return slices.Compare(a[:], b[:]) })))...)
	for _, h := range got[1:4] {
		if h.ID != got[0].ID || h.raw != got[0].raw {
			t.Errorf("the attempt %s is another message than %s", h.raw, got[0].raw)
		}
	}
	if got[3].Time.Equal(got[0].Time) {
		t.Error("an attempt is signed with the time of another one")
	}
	var order []string
	for _, h := range got[3:] {
		if slices.Contains(ids, h.Data.ID) && !slices.Contains(order, h.Data.ID.String()) {
			order = append(order, h.Data.ID.String())
		}
	}
	if len(order) != len(ids) || !slices.IsSorted(order) {
		t.Errorf("they came as %v", order)
	}
	if h := w.becomes(id, func(h *webhooks.Hook) bool { return h.Delivered == h.Queued }); h.Failures != 0 || h.FailingSince != 0 || h.Fault != "" {
		t.Errorf("%+v", h)
	}
}

// nudge lets something move, so that webhooks are looked at.
func (w *world) nudge(p *tablet) {
	p.observe(newUUID(w.t), nil)
	p.sync()
}

func TestASlowReceiverHoldsUpNobody(t *testing.T) {
	w := hooked(t)
	w.runs()
	slow, quick := newReceiver(t), newReceiver(t)
	release := make(chan struct{})
	slow.answers(func(message) int {
		<-release
		return http.StatusOK
	})
	w.hook(slow, w.coordinator, nil)
	w.hook(quick, w.coordinator, nil)
	p := w.newTablet("c-1", "consultant", false)
	var last uuid.UUID
	for range 3 {
		last = p.observe(newUUID(t), nil)
		p.sync() // a push is answered while a receiver hangs
		quick.until(merged(last))
	}
	close(release)
	slow.until(merged(last))
}

func TestWhatWasNotTakenComesAfterARestartUnderTheSameIdAndNothingIsLeftOut(t *testing.T) {
	w := hooked(t)
	stop := w.runs()
	r := newReceiver(t)
	hang := make(chan struct{})
	r.answers(func(message) int {
		<-hang
		return http.StatusOK
	})
	w.hook(r, w.coordinator, map[string]any{"events": []string{"record.merged"}})
	p := w.newTablet("c-1", "consultant", false)
	first := p.observe(newUUID(t), nil)
	p.sync()
	cut := r.next()
	stop() // in the middle of the delivery
	close(hang)
	w.start()
	second := p.observe(newUUID(t), nil)
	p.sync()
	w.runs()
	again := r.next()
	if again.ID != cut.ID || again.raw != cut.raw {
		t.Errorf("%s came again as %s", cut.raw, again.raw)
	}
	told := map[uuid.UUID]bool{again.Data.ID: true}
	for !told[first] || !told[second] {
		told[r.next().Data.ID] = true
	}
}

// cuttingListener cuts each connection after some bytes, as long as there are cuts left.
type cuttingListener struct {
	net.Listener
	mu   sync.Mutex
	cuts int
}

type cuttingConn struct {
	net.Conn
	left int
}

func (l *cuttingListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil || l.cuts == 0 {
		return c, err
	}
	l.cuts--
	return &cuttingConn{c, 150}, nil
}

func (c *cuttingConn) Read(b []byte) (int, error) {
	if c.left == 0 {
		return 0, errors.Join(io.ErrUnexpectedEOF, c.Close())
	}
	n, err := c.Conn.Read(b[:min(len(b), c.left)])
	c.left -= n
	return n, err
}

func TestALinkThatIsCutLosesNoMessage(t *testing.T) {
	w := hooked(t)
	w.runs()
	r := newReceiver(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r.site = &httptest.Server{Listener: &cuttingListener{Listener: l, cuts: 4}, Config: &http.Server{Handler: r}}
	r.site.Start()
	t.Cleanup(r.site.Close)
	id := w.hook(r, w.coordinator, nil)
	p := w.newTablet("c-1", "consultant", false)
	last := p.observe(newUUID(t), nil)
	p.sync()
	for failures := 1; failures <= 4; failures++ {
		h := w.becomes(id, func(h *webhooks.Hook) bool { return h.Failures >= failures })
		if h.Fault != webhooks.FaultUnreachable {
			t.Fatalf("%+v", h)
		}
		w.sleep(time.Second)
		w.nudge(p)
	}
	r.until(merged(last))
}

func TestAWebhookEndsAfterDaysWithoutSuccessAndGoesOnWhereItWas(t *testing.T) {
	w := hooked(t)
	w.runs()
	r := newReceiver(t)
	r.answers(func(message) int { return http.StatusBadGateway })
	id := w.hook(r, w.coordinator, nil)
	p := w.newTablet("c-1", "consultant", false)
	first := p.observe(newUUID(t), nil)
	p.sync()
	failures := 0
	h := w.becomes(id, func(h *webhooks.Hook) bool {
		if h.Failures > failures {
			failures = h.Failures
			w.sleep(6 * time.Hour)
			w.nudge(p)
		}
		return h.Ended != ""
	})
	if h.Ended != webhooks.EndFailing || h.Failures < 20 {
		t.Errorf("%+v", h)
	}
	w.trail("webhook ended", id+" failing")
	for len(r.all) > 0 {
		<-r.all
	}
	w.nudge(p)
	r.answers(func(message) int { return http.StatusOK })
	w.ask(w.coordinator, "POST", "/v1/webhooks/"+id+"/resume", nil).ok(nil)
	r.until(merged(first))
	// A receiver that says that it is gone ends it at once.
	r.answers(func(message) int { return http.StatusGone })
	w.nudge(p)
	if h := w.becomes(id, func(h *webhooks.Hook) bool { return h.Ended != "" }); h.Ended != webhooks.EndGone {
		t.Errorf("%+v", h)
	}
}

// trail checks that the audit trail has an entry.
func (w *world) trail(act, about string) {
	w.t.Helper()
	var page struct{ Entries []struct{ Act, About string } }
	w.askLocal("GET", "/v1/audit", nil).ok(&page)
	for _, e := range page.Entries {
		if e.Act == act && e.About == about {
			return
		}
	}
	w.t.Errorf("the trail has no %q about %s: %v", act, about, page.Entries)
}

func TestAWebhookEndsWithTheTokenThatItWasMadeWith(t *testing.T) {
	w := hooked(t)
	w.runs()
	r := newReceiver(t)
	var made struct{ ID, Token string }
	w.askLocal("POST", "/v1/tokens", map[string]any{"account": "coord-3", "role": "coordinator"}).created(&made)
	id := w.hook(r, made.Token, nil)
	w.askLocal("DELETE", "/v1/tokens/"+made.ID, nil).is(http.StatusNoContent, nil)
	p := w.newTablet("c-1", "consultant", false)
	w.nudge(p)
	if h := w.becomes(id, func(h *webhooks.Hook) bool { return h.Ended != "" }); h.Ended != webhooks.EndRights {
		t.Errorf("%+v", h)
	}
	w.trail("webhook ended", id+" rights")
	r.silent()
}

func TestPeopleManageTheirOwnWebhooksAndAdministratorsAll(t *testing.T) {
	w := hooked(t)
	r := newReceiver(t)
	mine, theirs := w.hook(r, w.coordinator, nil), w.hook(r, w.unrestricted, nil)
	listed := func(token string) (ids []string) {
		var list struct{ Webhooks []struct{ ID, Secret string } }
		w.ask(token, "GET", "/v1/webhooks", nil).ok(&list)
		for _, h := range list.Webhooks {
			if ids = append(ids, h.ID); h.Secret != "" {
				t.Error("the secret is told again")
			}
		}
		return ids
	}
	if got := listed(w.coordinator); !slices.Equal(got, []string{mine}) {
		t.Errorf("a coordinator manages %v", got)
	}
	if got := listed(w.administrator); !slices.Equal(got, []string{mine, theirs}) {
		t.Errorf("an administrator manages %v", got)
	}
	w.ask(w.coordinator, "DELETE", "/v1/webhooks/"+theirs, nil).refused(wire.CodeNotFound)
	w.ask(w.coordinator, "POST", "/v1/webhooks/"+theirs+"/resume", nil).refused(wire.CodeNotFound)
	w.ask(w.administrator, "DELETE", "/v1/webhooks/"+theirs, nil).is(http.StatusNoContent, nil)
	w.ask(w.administrator, "DELETE", "/v1/webhooks/nobody", nil).refused(wire.CodeNotFound)
	w.trail("webhook deleted", theirs)
	w.trail("webhook made", mine)
	// What was deleted left nothing behind.
	gone := uuid.MustParse(theirs)
	for line := range maps.Keys(dump(t, w.store)) {
		if strings.HasPrefix(line, "webhook") && strings.Contains(line, string(gone[:])) {
			t.Errorf("%q is left", line)
		}
	}
	for range webhooks.MaxHooks - 1 {
		w.hook(r, w.coordinator, nil)
	}
	w.ask(w.coordinator, "POST", "/v1/webhooks", map[string]any{"url": r.site.URL}).refused(wire.CodeInvalid)
}

func TestNothingIsSentToTheMachineOrPrivateNetworks(t *testing.T) {
	w := newWorld(t)
	for _, url := range []string{
		"http://example.org/", "ftp://example.org/", "https:///hook", "hook", "", "https://user:pass@example.org/", "https://example.org/#x",
		"https://127.0.0.1/", "https://10.0.0.7/", "https://[::1]/", "https://169.254.169.254/latest/meta-data/", "https://[::ffff:192.168.1.1]/",
		"https://100.64.1.1/", "https://[fd00::1]/", "https://[64:ff9b::7f00:1]/", "https://0.0.0.0/", "https://224.0.0.1/",
		"https://example.org/" + strings.Repeat("x", webhooks.MaxURL),
	} {
		w.ask(w.coordinator, "POST", "/v1/webhooks", map[string]any{"url": url}).refused(wire.CodeInvalid)
	}
	w.ask(w.coordinator, "POST", "/v1/webhooks", map[string]any{"url": "https://93.184.215.14/hook"}).created(nil)

	// A name is looked at again when it is resolved.
	w = hooked(t)
	w.hooks.AllowPrivate = false
	w.start()
	w.runs()
	r := newReceiver(t)
	r.site.URL = strings.Replace(r.site.URL, "127.0.0.1", "localhost", 1)
	id := w.hook(r, w.coordinator, nil)
	p := w.newTablet("c-1", "consultant", false)
	w.nudge(p)
	if h := w.becomes(id, func(h *webhooks.Hook) bool { return h.Failures > 0 }); h.Fault != webhooks.FaultAddress {
		t.Errorf("%+v", h)
	}
	r.silent()
}

func TestARedirectIsNotFollowed(t *testing.T) {
	w := hooked(t)
	w.runs()
	r := newReceiver(t)
	inside := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the redirect was followed") }))
	t.Cleanup(inside.Close)
	site := httptest.NewServer(http.RedirectHandler(inside.URL, http.StatusTemporaryRedirect))
	t.Cleanup(site.Close)
	r.site.URL = site.URL
	id := w.hook(r, w.coordinator, nil)
	w.nudge(w.newTablet("c-1", "consultant", false))
	if h := w.becomes(id, func(h *webhooks.Hook) bool { return h.Failures > 0 }); h.Fault != webhooks.FaultStatus || h.Status != http.StatusTemporaryRedirect {
		t.Errorf("%+v", h)
	}
}

func TestWhatMovedTenTimesWhileAReceiverWasAwayIsToldOnce(t *testing.T) {
	w := hooked(t)
	stop := w.runs()
	r := newReceiver(t)
	id := w.hook(r, w.coordinator, map[string]any{"events": []string{"record.merged"}})
	p := w.newTablet("c-1", "consultant", false)
	w.becomes(id, func(h *webhooks.Hook) bool { return h.Queued == h.Delivered })
	stop()
	record := p.observe(newUUID(t), nil)
	for i := range 10 {
		p.write(note{kind: "observation", lineage: "cleanliness", id: record, values: map[syncengine.Path]any{litter: strconv.Itoa(1 + i%4)}})
		p.sync()
	}
	last := p.observe(newUUID(t), nil)
	p.sync()
	for len(r.all) > 0 {
		<-r.all
	}
	w.start()
	w.runs()
	n := 0
	for _, h := range r.until(merged(last)) {
		if h.Data.ID == record {
			n++
		}
	}
	if n != 1 {
		t.Errorf("told %d times", n)
	}
}
