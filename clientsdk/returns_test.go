package clientsdk_test

import (
	"context"
	"encoding/json"
	"net/http"
	"path/filepath"
	"testing"

	"github.com/arpenteur/arpenteur/clientsdk"
	"github.com/arpenteur/arpenteur/server"
	"github.com/arpenteur/arpenteur/syncengine"
)

// The drill: the server is restored from a copy that lacks a hundred pushes, a tablet that was enrolled since, decisions made since and a
// whole diagnostic. Tablets sync, and everything is there again, the same on all, with new decisions above the old ones.
func TestWhatARestoredServerLostComesBackFromTheTablets(t *testing.T) {
	for name, noticed := range map[string]bool{"heads kept outside give the restore away": true, "a tablet gives the restore away": false} {
		t.Run(name, func(t *testing.T) { drill(t, noticed) })
	}
}

func drill(t *testing.T, noticed bool) {
	w := newWorld(t)
	path := filepath.Join(t.TempDir(), "authority.heads")
	if noticed {
		var err error
		if w.heads, err = server.OpenHeads(path); err != nil {
			t.Fatal(err)
		}
		w.start()
	}
	a, b := w.newTablet("a"), w.newTablet("b")
	kept := a.observe(map[syncengine.Path]any{"/litter/rating": "2"}).Ref
	a.sync()
	b.sync()

	backup := w.store.Snapshot()
	d := w.newTablet("d") // its grant is in no backup
	var refs []clientsdk.Ref
	var first clientsdk.Saved
	for range 34 {
		for _, p := range []*tablet{a, b, d} {
			first = p.observe(map[syncengine.Path]any{"/litter/rating": "3"})
			refs = append(refs, first.Ref)
			p.sync()
		}
	}
	w.void(first)
	for _, p := range []*tablet{a, b, d} {
		p.sync()
	}
	want := map[clientsdk.Ref]string{}
	for _, ref := range append(refs, kept) {
		want[ref] = b.shows(ref)
	}

	w.store.Restore(backup)
	if noticed {
		var err error
		if w.heads, err = server.OpenHeads(path); err != nil {
			t.Fatal(err)
		}
	}
	w.start()
	for range 3 {
		for _, p := range []*tablet{d, a, b} {
			p.sync()
		}
	}
	for _, p := range []*tablet{a, b, d} {
		for ref, shown := range want {
			if got := p.shows(ref); got != shown {
				t.Fatalf("%s shows %s, before the loss it was %s", ref.Record.ID, got, shown)
			}
			if safety := p.record(ref).Safety; p != b && ref != kept && safety == clientsdk.OnTablet {
				t.Fatalf("%s is not received", ref.Record.ID)
			}
		}
	}
	after := a.observe(map[syncengine.Path]any{"/litter/rating": "4"})
	a.sync()
	w.void(after)
	a.sync()
	d.sync()
	if got := d.record(after.Ref); got.Present {
		t.Error("a ruling made after the restore has no effect")
	}
	if a.record(after.Ref).Safety != clientsdk.Received {
		t.Error("receipts of the new incarnation are not taken")
	}
}

// void rules that a change has no effect.
func (w *world) void(saved clientsdk.Saved) {
	w.t.Helper()
	w.people("POST", "/v1/ledgers/"+saved.Ref.Ledger.String()+"/rulings", map[string]any{"type": "void", "target": saved.Change, "reason": "essai"}, nil)
}

// shows returns what the tablet shows of a record.
func (p *tablet) shows(ref clientsdk.Ref) string {
	p.t.Helper()
	return string(p.record(ref).Document())
}

// A copy of a tablet took a successor, whose grant nobody pulled before the server was restored: it names it once more.
func TestASuccessorThatARestoredServerNeverHeardOfIsNamedAgain(t *testing.T) {
	w := newWorld(t)
	one, two := w.copies(t)
	backup := w.store.Snapshot()
	one.observe(map[syncengine.Path]any{"/litter/rating": "2"})
	one.sync()
	link := &deadLink{}
	two = two.through(&http.Client{Transport: link})
	saved := two.observe(map[syncengine.Path]any{"/litter/rating": "3"})
	link.after = "/v1/successions"
	if _, err := two.Sync(context.Background()); err == nil {
		t.Fatal("the link did not break behind the succession")
	}
	w.store.Restore(backup)
	w.start()
	link.dead, link.after = false, ""
	for range 3 {
		two.sync()
	}
	var v struct{ Envelopes []json.RawMessage }
	w.people("GET", "/v1/ledgers/"+saved.Ref.Ledger.String()+"/changes/"+saved.Change.String(), nil, &v)
	if two.record(saved.Ref).Safety != clientsdk.Received || len(v.Envelopes) == 0 {
		t.Error("what the tablet wrote is not received")
	}
}
