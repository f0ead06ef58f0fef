package clientsdk_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/arpenteur/arpenteur/clientsdk"
	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/ledger"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

func TestACaptureReachesAnotherTabletThroughTheServer(t *testing.T) {
	w := newWorld(t)
	a, b := w.newTablet("a"), w.newTablet("b")
	saved := a.observe(map[syncengine.Path]any{"/litter/rating": "2"})
	if saved.Verdict.Status != syncengine.Effective {
		t.Fatalf("verdict %+v", saved.Verdict)
	}
	if got := a.record(saved.Ref).Safety; got != clientsdk.OnTablet {
		t.Errorf("before the exchange it is %s", got)
	}
	if r := a.sync(); r.RoundTrips != 1 || r.Sent != 1 {
		t.Errorf("report %+v", r)
	}
	if got := a.record(saved.Ref).Safety; got != clientsdk.Received {
		t.Errorf("after the exchange it is %s", got)
	}
	b.sync()
	if got, want := b.record(saved.Ref).Document(), a.record(saved.Ref).Document(); string(got) != string(want) {
		t.Errorf("b holds %s, a holds %s", got, want)
	}
}

func TestNothingNewIsOneShortRoundTrip(t *testing.T) {
	w := newWorld(t)
	a := w.newTablet("a")
	for range 100 {
		a.observe(map[syncengine.Path]any{"/litter/rating": "3"})
	}
	a.sync()
	a.sync()
	r := a.sync()
	if r.RoundTrips != 1 || r.Sent != 0 || r.Received != 0 || r.BytesUp+r.BytesDown > 600 {
		t.Errorf("report %+v", r)
	}
}

func TestConcurrentEditsOfOneFieldAreAConflictOnEveryTablet(t *testing.T) {
	w := newWorld(t)
	a, b := w.newTablet("a"), w.newTablet("b")
	ref := a.observe(map[syncengine.Path]any{"/litter/rating": "3"}).Ref
	a.sync()
	b.sync()
	a.edit(ref, map[syncengine.Path]any{"/litter/rating": "1"})
	b.edit(ref, map[syncengine.Path]any{"/litter/rating": "2", "/glass/rating": "4"})
	for range 2 {
		a.sync()
		b.sync()
	}
	ra, rb := a.record(ref), b.record(ref)
	if string(ra.Document()) != string(rb.Document()) {
		t.Errorf("a holds %s, b holds %s", ra.Document(), rb.Document())
	}
	if got := ra.Conflicts(); !slices.Equal(got, []syncengine.Path{"/litter/rating"}) {
		t.Errorf("conflicts %v", got)
	}
}

func TestAValueThatArrivesDuringADraftIsNotReplaced(t *testing.T) {
	w := newWorld(t)
	a, b := w.newTablet("a"), w.newTablet("b")
	ref := a.observe(map[syncengine.Path]any{"/litter/rating": "3"}).Ref
	a.sync()
	b.sync()
	d, err := b.Edit(context.Background(), ref)
	if err != nil {
		t.Fatal(err)
	}
	a.edit(ref, map[syncengine.Path]any{"/litter/rating": "1"})
	a.sync()
	b.sync() // in mid-edit
	if err := d.Set("/litter/rating", "2"); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Commit(context.Background()); err != nil {
		t.Fatal(err)
	}
	if got := len(b.record(ref).Field("/litter/rating").Survivors); got != 2 {
		t.Errorf("%d values survive", got)
	}
}

func TestADraftSurvivesTheDeathOfTheTablet(t *testing.T) {
	w := newWorld(t)
	a := w.newTablet("a")
	ref := a.observe(map[syncengine.Path]any{"/litter/rating": "3"}).Ref
	d, err := a.Edit(context.Background(), ref)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Set("/litter/rating", "1"); err != nil {
		t.Fatal(err)
	}
	a = a.reopen()
	drafts := a.Drafts()
	if len(drafts) != 1 || drafts[0].Ref() != ref || drafts[0].Entered()["/litter/rating"] != `"1"` {
		t.Fatalf("drafts %v", drafts)
	}
	if _, err := drafts[0].Commit(context.Background()); err != nil {
		t.Fatal(err)
	}
	if f := a.record(ref).Field("/litter/rating"); f.Shown != `"1"` || len(f.Survivors) != 1 {
		t.Errorf("field %+v", f)
	}
	if again := a.reopen().Drafts(); len(again) != 0 {
		t.Errorf("the draft came back: %v", again)
	}
}

func TestALinkThatCutsEveryFewKilobytesStillBringsEverything(t *testing.T) {
	w := newWorld(t)
	a := w.newTablet("a")
	for i := range 300 {
		a.observe(map[syncengine.Path]any{"/litter/rating": fmt.Sprint(i%4 + 1), "/litter/notes/c-a": fmt.Sprintf("près de la porte %d, à revoir", i)})
	}
	link := &cutter{inner: http.DefaultTransport, up: 6 << 10, down: 6 << 10}
	a.o.HTTP = &http.Client{Transport: link}
	a = a.reopen()
	syncUntilThrough(t, a, 200)
	b := w.openTablet(t.TempDir(), clientsdk.Options{})
	if err := b.Enrol(context.Background(), w.ticket("c-b", "consultant"), "b"); err != nil {
		t.Fatal(err)
	}
	b.o.HTTP = a.o.HTTP
	b = b.reopen()
	syncUntilThrough(t, b, 400)
	if link.cuts == 0 {
		t.Fatal("the link never cut")
	}
	count := 0
	err := b.Records(context.Background(), w.ledger, ledger.Filter{Kind: "observation"}, nil, func(*clientsdk.Record) (bool, error) {
		count++
		return true, nil
	})
	if err != nil || count != 300 {
		t.Errorf("b holds %d observations, %v", count, err)
	}
}

func syncUntilThrough(t *testing.T, p *tablet, tries int) {
	t.Helper()
	var err error
	for range tries {
		if _, err = p.Sync(context.Background()); err == nil {
			return
		}
	}
	t.Fatalf("not through after %d tries: %v", tries, err)
}

func TestARestoredTabletGetsItsLinesBackAndWritesUnderANewID(t *testing.T) {
	w := newWorld(t)
	a := w.newTablet("a")
	a.observe(map[syncengine.Path]any{"/litter/rating": "1"})
	a.sync()
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	copied := copyFolder(t, a.folder)
	a = w.openTablet(a.folder, a.o)
	second := a.observe(map[syncengine.Path]any{"/litter/rating": "2"})
	a.sync()
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	old := w.openTablet(copied, a.o) // the restored copy lacks the second observation
	third := old.observe(map[syncengine.Path]any{"/litter/rating": "3"})
	old.sync()
	for _, saved := range []clientsdk.Saved{second, third} {
		r := old.record(saved.Ref)
		if !r.Present || r.Changes != 1 {
			t.Errorf("%v: present %v, %d changes", saved.Ref, r.Present, r.Changes)
		}
		if r.Safety != clientsdk.Received {
			t.Errorf("%v is %s", saved.Ref, r.Safety)
		}
	}
	fourth := old.observe(map[syncengine.Path]any{"/litter/rating": "4"})
	old.sync()
	b := w.newTablet("b")
	for _, saved := range []clientsdk.Saved{second, third, fourth} {
		if got, want := b.record(saved.Ref).Document(), old.record(saved.Ref).Document(); string(got) != string(want) {
			t.Errorf("b holds %s, the restored tablet %s", got, want)
		}
	}
}

func TestTwoCopiesOfOneTabletBothGoOn(t *testing.T) {
	w := newWorld(t)
	a := w.newTablet("a")
	a.observe(map[syncengine.Path]any{"/litter/rating": "1"})
	a.sync()
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	copied := copyFolder(t, a.folder)
	one, two := w.openTablet(a.folder, a.o), w.openTablet(copied, a.o)
	refs := []clientsdk.Ref{one.observe(map[syncengine.Path]any{"/litter/rating": "2"}).Ref, two.observe(map[syncengine.Path]any{"/litter/rating": "3"}).Ref}
	for range 3 {
		one.sync()
		two.sync()
		refs = append(refs, one.observe(map[syncengine.Path]any{"/litter/rating": "4"}).Ref, two.observe(map[syncengine.Path]any{"/litter/rating": "4"}).Ref)
	}
	for range 2 {
		one.sync()
		two.sync()
	}
	b := w.newTablet("b")
	for _, ref := range refs {
		for _, p := range []*tablet{one, two, b} {
			if r := p.record(ref); !r.Present || r.Changes != 1 || len(r.Ineffective())+len(r.Pending()) > 0 {
				t.Errorf("%s: present %v, %d changes, idle %v", ref.Record.ID, r.Present, r.Changes, r.Idle)
			}
		}
	}
}

// copies makes two tablets of one.
func (w *world) copies(t *testing.T) (one, two *tablet) {
	t.Helper()
	a := w.newTablet("a")
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	copied := copyFolder(t, a.folder)
	return w.openTablet(a.folder, a.o), w.openTablet(copied, a.o)
}

// The copy that comes second asks before it sends, since its link cut. A head of its own log that is beyond the server's says nothing of which
// branch the server holds: the other copy's must come all the same.
func TestACopyWhoseLinkCutGetsWhatTheOtherWrote(t *testing.T) {
	w := newWorld(t)
	one, two := w.copies(t)
	first := one.observe(map[syncengine.Path]any{"/litter/rating": "2"})
	one.sync()
	two.observe(map[syncengine.Path]any{"/litter/rating": "3"})
	two.observe(map[syncengine.Path]any{"/litter/rating": "4"})
	two = two.afterACut()
	for range 3 {
		two.sync()
	}
	if r, err := two.Record(context.Background(), first.Ref); err != nil || !r.Present {
		t.Errorf("what the other copy wrote: %v", err)
	}
}

// afterACut opens the tablet again and lets an exchange fail, so that it asks the server what it holds before it sends anything.
func (p *tablet) afterACut() *tablet {
	p.t.Helper()
	link := &deadLink{dead: true}
	p = p.through(&http.Client{Transport: link})
	if _, err := p.Sync(context.Background()); err == nil {
		p.t.Fatal("a dead link brings an exchange")
	}
	link.dead = false
	return p
}

// deadLink lets nothing through once it is dead, which it may be from behind a request on.
type deadLink struct {
	dead  bool
	after string // path of the request
}

func (l *deadLink) RoundTrip(r *http.Request) (*http.Response, error) {
	if l.dead {
		return nil, errors.New("no link")
	}
	l.dead = l.after != "" && r.URL.Path == l.after
	return http.DefaultTransport.RoundTrip(r)
}

// A revoked tablet is not sent what its other copy wrote, so it can't tell whether a head beyond its own covers its lines: it sends them.
func TestARevokedTabletWithASecondCopyStillSyncs(t *testing.T) {
	w := newWorld(t)
	one, two := w.copies(t)
	w.people("POST", "/v1/devices/"+w.device("a").Replica.String()+"/revoke", map[string]any{"reason": "Tablet lost."}, nil)
	all := []clientsdk.Saved{two.observe(map[syncengine.Path]any{"/litter/rating": "2"})}
	for range 2 {
		all = append(all, one.observe(map[syncengine.Path]any{"/litter/rating": "3"}))
	}
	two = two.afterACut()
	for range 3 {
		one.sync()
		two.sync()
	}
	for _, saved := range all {
		var v struct{ Envelopes []json.RawMessage }
		w.people("GET", "/v1/ledgers/"+saved.Ref.Ledger.String()+"/changes/"+saved.Change.String(), nil, &v)
		if len(v.Envelopes) != 1 {
			t.Errorf("%s lies in %d places", saved.Change, len(v.Envelopes))
		}
	}
}

func copyFolder(t *testing.T, from string) string {
	t.Helper()
	to := t.TempDir()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(to, "store.db")); err != nil {
		t.Fatal(err)
	}
	return to
}

func TestAClockOf2031WinsNothing(t *testing.T) {
	w := newWorld(t)
	a := w.newTablet("a")
	late := a.o
	late.Now = func() time.Time { return time.Date(2031, 1, 1, 0, 0, 0, 0, time.UTC) }
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	a = w.openTablet(a.folder, late)
	b := w.newTablet("b")
	ref := b.observe(map[syncengine.Path]any{"/litter/rating": "3"}).Ref
	b.sync()
	a.sync()
	a.edit(ref, map[syncengine.Path]any{"/litter/rating": "1"})
	b.edit(ref, map[syncengine.Path]any{"/litter/rating": "2"})
	r := a.sync()
	if !slices.ContainsFunc(r.Remarks, func(m wire.Remark) bool { return m.Code == wire.CodeUntimed }) {
		t.Errorf("remarks %v", r.Remarks)
	}
	b.sync()
	a.sync()
	for _, p := range []*tablet{a, b} {
		if f := p.record(ref).Field("/litter/rating"); f.Shown != `"2"` || !f.Conflict {
			t.Errorf("shown %s, conflict %v", f.Shown, f.Conflict)
		}
	}
}

func TestARevokedTabletStillHandsOverWhatItHolds(t *testing.T) {
	w := newWorld(t)
	a, b := w.newTablet("a"), w.newTablet("b")
	before := a.observe(map[syncengine.Path]any{"/litter/rating": "1"})
	a.sync()
	var devices []struct {
		Replica string
		Account string
	}
	var list struct {
		Devices []struct{ Replica, Account string }
	}
	w.people("GET", "/v1/devices", nil, &list)
	for _, d := range list.Devices {
		devices = append(devices, struct{ Replica, Account string }(d))
	}
	for _, d := range devices {
		if d.Account == "c-a" {
			w.people("POST", "/v1/devices/"+d.Replica+"/revoke", map[string]any{"reason": "mission terminée"}, nil)
		}
	}
	after := a.observe(map[syncengine.Path]any{"/litter/rating": "2"})
	r := a.sync()
	if !slices.ContainsFunc(r.Remarks, func(m wire.Remark) bool { return m.Code == wire.CodeIneffective && m.Change == after.Change }) {
		t.Errorf("remarks %+v", r.Remarks)
	}
	if got := a.record(after.Ref); got.Present || got.Safety != clientsdk.Received {
		t.Errorf("after its revocation: present %v, %s", got.Present, got.Safety)
	}
	foreign := b.observe(map[syncengine.Path]any{"/litter/rating": "3"})
	b.sync()
	a.sync()
	if _, err := a.Record(context.Background(), foreign.Ref); !errors.Is(err, clientsdk.ErrNoRecord) {
		t.Errorf("a revoked tablet got another's record: %v", err)
	}
	if !b.record(before.Ref).Present {
		t.Error("what was written before the cut is gone")
	}
	if r := a.sync(); r.RoundTrips != 1 {
		t.Errorf("an idle exchange of a revoked tablet took %d round trips", r.RoundTrips)
	}
}

func TestManyTabletsInRandomOrderHoldTheSameBytes(t *testing.T) {
	w := newWorld(t)
	var tablets []*tablet
	for i := range 4 {
		tablets = append(tablets, w.newTablet(fmt.Sprintf("t%d", i)))
	}
	var refs []clientsdk.Ref
	for i := range 40 {
		p := tablets[i*7%4]
		if i%3 == 0 || len(refs) == 0 {
			refs = append(refs, p.observe(map[syncengine.Path]any{"/litter/rating": fmt.Sprint(i%4 + 1)}).Ref)
			p.sync()
			continue
		}
		ref := refs[i*5%len(refs)]
		if _, err := p.Record(context.Background(), ref); err != nil {
			p.sync()
		}
		p.edit(ref, map[syncengine.Path]any{"/litter/rating": fmt.Sprint(i%4 + 1), "/litter/notes/" + syncengine.Path(fmt.Sprintf("c-t%d", i*7%4)): fmt.Sprintf("passage %d", i)})
	}
	for range 2 {
		for _, p := range tablets {
			p.sync()
		}
	}
	for _, ref := range refs {
		want := tablets[0].record(ref)
		for _, p := range tablets[1:] {
			got := p.record(ref)
			if string(got.Document()) != string(want.Document()) || !slices.Equal(got.Conflicts(), want.Conflicts()) {
				t.Errorf("%s: %s and %s", ref.Record.ID, got.Document(), want.Document())
			}
		}
	}
}
