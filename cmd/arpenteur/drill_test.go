package main

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/arpenteur/arpenteur/clientsdk"
	"github.com/arpenteur/arpenteur/schemas"
	"github.com/arpenteur/arpenteur/syncengine"
)

// The drill of issue 3: back up, lose a hundred pushes of three tablets, one of them enrolled since, decisions and photos made since; restore;
// let the tablets sync over a link that cuts; compare every merged record with what it was.
func TestWhatAServerLostWithItsDiskComesBackByTheTablets(t *testing.T) {
	t.Parallel()
	for name, disk := range map[string]bool{"only the keys are left": true, "the store is put aside": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			runDrill(t, disk)
		})
	}
}

// drilled is what the tablets made in a drill that is looked at in the end.
type drilled struct {
	kept      clientsdk.Saved   // in the backup
	pictured  []clientsdk.Saved // with a photo that was sent after the backup, by tablets that are still there
	orphan    clientsdk.Saved   // with a photo whose tablet is gone
	redacted  clientsdk.Saved   // whose words are in the backup, and were erased after it
	voided    clientsdk.Saved
	contested clientsdk.Ref // a conflict that nobody settled
	by        map[clientsdk.Ref]*drillTablet
}

// safeAs looks how safe each tablet says that its own records are.
func (d *drilled) safeAs(w *drill, want clientsdk.Safety) {
	w.t.Helper()
	for ref, p := range d.by {
		if got := p.safety(ref); got != want {
			w.t.Errorf("%s says that a record is %s, not %s", p.name, got, want)
		}
	}
}

const erasedWords = "Madame Durand du troisième"

func runDrill(t *testing.T, disk bool) {
	w := newDrill(t)
	w.enrol("T-01", w.verger)
	w.enrol("T-02", w.verger)
	d := w.walk()
	before := w.picture()
	cuts := w.link.Traffic().Cuts
	w.server.kill()
	if disk {
		w.loseDisk()
		w.restore()
	} else {
		w.restore("--replace")
	}
	if len(w.tablets) != 3 {
		t.Fatal("three tablets are meant to be left")
	}
	slices.Reverse(w.tablets) // the first to come is one that the restored server does not know
	w.exchangeAll()
	if w.link.Traffic().Cuts == cuts {
		t.Error("the link was never cut: the test tells too little")
	}
	w.same(before, w.picture())
	w.checkPhotos(d, disk)
	w.checkGoesOn(d)
}

// walk is the day: a backup at noon, a hundred pushes in the afternoon.
func (w *drill) walk() *drilled {
	w.t.Helper()
	a, b := w.tablets[0], w.tablets[1]
	d := &drilled{by: map[clientsdk.Ref]*drillTablet{}}
	d.kept = a.observe(noise(w.t, 1), map[syncengine.Path]any{"/litter/rating": "2"})
	d.by[d.kept.Ref] = a
	d.redacted = a.observe(nil, map[syncengine.Path]any{"/litter/rating": "1", "/litter/notes/" + syncengine.Path(a.account()): erasedWords})
	w.exchangeAll()
	mustRun(w.t, "admin", "--data", w.data, "backup", "--to", w.backups)
	a.exchange()
	if a.safety(d.kept.Ref) != clientsdk.BackedUp || a.photo(d.kept.Ref).State != clientsdk.PhotoBackedUp {
		w.t.Errorf("after the backup the record is %s, its photo %s", a.safety(d.kept.Ref), a.photo(d.kept.Ref).State)
	}
	c, gone := w.enrol("T-03", w.verger), w.enrol("T-04", w.verger)
	for n := range 34 {
		for i, p := range []*drillTablet{a, b, c} {
			saved := p.observe(nil, map[syncengine.Path]any{"/litter/rating": fmt.Sprint(1 + (n+i)%4)})
			if n%10 == 0 {
				saved = p.observe(noise(w.t, uint64(10*n+i+2)), nil)
				d.pictured = append(d.pictured, saved)
				d.by[saved.Ref] = p
			}
			d.voided = saved
			p.exchange()
		}
	}
	d.orphan = gone.observe(noise(w.t, 9999), map[syncengine.Path]any{"/litter/rating": "3"})
	gone.exchange()
	w.decide(d)
	w.exchangeAll()
	w.lose(gone)
	return d
}

// decide makes conflicts and decisions that no backup holds.
func (w *drill) decide(d *drilled) {
	w.t.Helper()
	a, b := w.tablets[0], w.tablets[1]
	w.exchangeAll()
	var mine clientsdk.Saved
	for _, ref := range []clientsdk.Ref{d.pictured[0].Ref, d.pictured[1].Ref} {
		mine = a.edit(ref, "/litter/rating", "1")
		b.edit(ref, "/litter/rating", "4")
		a.exchange()
		b.exchange()
	}
	w.settle(mine.Ref, mine)
	d.contested = d.pictured[0].Ref
	w.rule("void", d.voided)
	w.rule("redact", d.redacted, "/litter/notes/"+a.account())
}

// checkPhotos looks where the photos are. Those of tablets that are still there are whole on the server again.
func (w *drill) checkPhotos(d *drilled, disk bool) {
	w.t.Helper()
	for _, saved := range append([]clientsdk.Saved{d.kept}, d.pictured...) {
		if state := w.photoState(saved.Ref); state != "held" {
			w.t.Errorf("the server says that a photo is %s", state)
		}
		for _, p := range w.tablets {
			name := p.photo(saved.Ref).Name
			if raw, err := p.FetchPhoto(w.t.Context(), name, clientsdk.PhotoWhole); err != nil || sha256.Sum256(raw) != name.Hash {
				w.t.Errorf("%s fetches %d bytes of a photo: %v", p.name, len(raw), err)
			}
		}
	}
	// The tablet is gone that could bring this one again.
	if state := w.photoState(d.orphan.Ref); state != "missing" {
		w.t.Errorf("the photo of a tablet that is gone is %s", state)
	}
	if disk {
		return
	}
	// But its bytes lie in the folder of photos, and the next start looks there.
	w.server.stop(w.t)
	w.start(w.server.ready.Listen)
	for range 1000 {
		if w.photoState(d.orphan.Ref) == "held" {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	w.t.Error("the photo of a tablet that is gone was not found in the folder")
}

// checkGoesOn makes decisions, receipts and a backup with the restored server, and looks whether what was erased is gone for good.
func (w *drill) checkGoesOn(d *drilled) {
	w.t.Helper()
	a := d.by[d.kept.Ref]
	d.safeAs(w, clientsdk.Received)
	w.rule("void", d.pictured[2])
	mustRun(w.t, "admin", "--data", w.data, "compact")
	if w.holdsBytes(erasedWords) {
		w.t.Error("what was erased after the backup is in the restored file still")
	}
	mustRun(w.t, "admin", "--data", w.data, "backup", "--to", w.backups)
	w.exchangeAll()
	for _, p := range w.tablets {
		if r, err := p.Record(w.t.Context(), d.pictured[2].Ref); err != nil || r.Present {
			w.t.Errorf("%s: a decision of the restored server has no effect: %v", p.name, err)
		}
	}
	d.safeAs(w, clientsdk.BackedUp)
	if got := a.photo(d.kept.Ref).State; got != clientsdk.PhotoBackedUp {
		w.t.Errorf("the photo of before is %s", got)
	}
	w.server.stop(w.t)
	mustRun(w.t, "verify", "--data", w.data)
	mustRun(w.t, "verify", "--backup", w.backups)
}

// A diagnostic that was ordered after the backup comes back whole, its restricted part too: by a tablet that the restored server does not know,
// and by one that it knows by another diagnostic and that has nothing to send.
func TestADiagnosticThatNoBackupHoldsComesBackWhole(t *testing.T) {
	t.Parallel()
	for name, knownFirst := range map[string]bool{"by a tablet that is known": true, "by one that is not": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newDrill(t)
			a := w.enrol("T-01", w.verger)
			mustRun(t, "admin", "--data", w.data, "backup", "--to", w.backups)
			lost := w.order("Belvédère")
			b := w.enrol("T-02", lost)
			w.admin("tablets", "grant", a.name, "--diagnostic", lost.Name, "--restricted")
			voided := b.observe(nil, map[syncengine.Path]any{"/litter/rating": "3"})
			b.observe(noise(t, 1), map[syncengine.Path]any{"/litter/rating": "1"})
			b.observeIn(w.id(lost.Restricted), schemas.PublicSecurity, nil, map[syncengine.Path]any{"/noise/rating": "2"})
			w.exchangeAll()
			w.rule("void", voided)
			w.exchangeAll()
			before, listed := w.picture(), w.diagnostics()
			w.server.kill()
			w.loseDisk()
			w.restore()
			if got := w.diagnostics(); len(got) != 1 {
				t.Fatalf("%d diagnostics are in the backup: the test tells nothing", len(got))
			}
			w.tablets = []*drillTablet{b, a}
			if knownFirst {
				w.tablets = []*drillTablet{a, b}
			}
			w.exchangeAll()
			w.same(before, w.picture())
			if got := w.diagnostics(); !maps.Equal(got, listed) {
				t.Errorf("diagnostics were %v and are %v", listed, got)
			}
			c := w.enrol("T-03", lost)
			for what, shown := range w.picture() {
				if mine, of := strings.CutPrefix(what, "T-03 "); of && before["T-02 "+mine] != shown {
					t.Errorf("a new tablet shows %s as %s", what, shown)
				}
			}
			after := b.observe(nil, map[syncengine.Path]any{"/litter/rating": "3"})
			b.exchange()
			w.rule("void", after)
			c.exchange()
			if r, err := c.Record(t.Context(), after.Ref); err != nil || r.Present {
				t.Errorf("a decision in the diagnostic that came back has no effect: %v", err)
			}
			w.server.stop(t)
			mustRun(t, "verify", "--data", w.data)
		})
	}
}
