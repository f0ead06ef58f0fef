package clientsdk_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/arpenteur/arpenteur/clientsdk"
	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// meddler is a transport that changes the frames of the server's answers.
type meddler struct {
	change func(f wire.Frame)
}

func (m *meddler) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := http.DefaultTransport.RoundTrip(r)
	if err != nil || m.change == nil || answer.Header.Get("Content-Type") != wire.MediaType {
		return answer, err
	}
	defer answer.Body.Close()
	var body bytes.Buffer
	in, out := wire.NewReader(answer.Body, wire.Limits{}), wire.NewWriter(&body)
	defer in.Close()
	for {
		f, err := in.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		m.change(f)
		if err := out.WriteFrame(f); err != nil {
			return nil, err
		}
	}
	if err := out.Close(); err != nil {
		return nil, err
	}
	answer.Body, answer.ContentLength = io.NopCloser(&body), int64(body.Len())
	return answer, nil
}

// behind returns a tablet whose link m meddles with.
func behind(w *world, m *meddler) *tablet {
	w.t.Helper()
	p := w.openTablet(w.t.TempDir(), clientsdk.Options{HTTP: &http.Client{Transport: m}})
	if err := p.Enrol(ctx, w.ticket("c-m", "consultant"), "m"); err != nil {
		w.t.Fatal(err)
	}
	p.sync()
	return p
}

func TestARunThatWasDamagedOnTheWayIsFetchedAgain(t *testing.T) {
	w := newWorld(t)
	m := &meddler{}
	a, b := w.newTablet("a"), behind(w, m)
	ref := a.observe(map[syncengine.Path]any{"/litter/rating": "2"}).Ref
	a.sync()
	m.change = func(f wire.Frame) {
		if run, ok := f.(*wire.Run); ok {
			run.Head[0] ^= 1
		}
	}
	if _, err := b.Sync(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Record(ctx, ref); !errors.Is(err, clientsdk.ErrNoRecord) {
		t.Fatalf("a run that does not verify was kept: %v", err)
	}
	m.change = nil
	b.sync()
	if !b.record(ref).Present {
		t.Error("the run was not fetched again")
	}
}

// What the server sends of one log never verifies, in every exchange. What this tablet wrote is sent all the same (law L6).
func TestALogThatNeverVerifiesHoldsBackNothing(t *testing.T) {
	w := newWorld(t)
	m := &meddler{}
	a, b := w.newTablet("a"), behind(w, m)
	a.observe(map[syncengine.Path]any{"/litter/rating": "2"})
	a.sync()
	bad := w.device("a").Replica
	m.change = func(f wire.Frame) {
		if run, ok := f.(*wire.Run); ok && run.Replica == bad {
			run.Head[0] ^= 1
		}
	}
	b.sync()
	for range 2 {
		saved := b.observe(map[syncengine.Path]any{"/litter/rating": "3"})
		b.sync()
		if got := b.record(saved.Ref).Safety; got != clientsdk.Received {
			t.Errorf("what the tablet wrote is %s", got)
		}
	}
}

func TestAForgedReceiptProvesNothing(t *testing.T) {
	w := newWorld(t)
	m := &meddler{}
	b := behind(w, m)
	m.change = func(f wire.Frame) {
		if r, ok := f.(*wire.Receipt); ok {
			r.Backup = r.Head.Seq // the server has no backup
		}
	}
	saved := b.observe(map[syncengine.Path]any{"/litter/rating": "2"})
	b.sync()
	if got := b.record(saved.Ref).Safety; got != clientsdk.OnTablet {
		t.Errorf("under a forged receipt it is %s", got)
	}
	m.change = nil
	b.observe(map[syncengine.Path]any{"/litter/rating": "2"})
	b.sync()
	if got := b.record(saved.Ref).Safety; got != clientsdk.Received {
		t.Errorf("under a true receipt it is %s", got)
	}
}

// TestACrashBetweenTheCommitAndTheJournalMakesNoSecondChange puts back the journal as it was before the commit, which is what a crash
// between the two leaves behind.
func TestACrashBetweenTheCommitAndTheJournalMakesNoSecondChange(t *testing.T) {
	w := newWorld(t)
	a := w.newTablet("a")
	ref := a.observe(map[syncengine.Path]any{"/litter/rating": "3"}).Ref
	d, err := a.Edit(ctx, ref)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Set("/litter/rating", "1"); err != nil {
		t.Fatal(err)
	}
	journal := filepath.Join(a.folder, "drafts.journal")
	before, err := os.ReadFile(journal)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Commit(ctx); err != nil {
		t.Fatal(err)
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(journal, before, 0o600); err != nil {
		t.Fatal(err)
	}
	a = w.openTablet(a.folder, a.o)
	if drafts := a.Drafts(); len(drafts) != 0 {
		t.Errorf("the committed draft came back: %v", drafts)
	}
	if r := a.record(ref); r.Changes != 2 || r.Field("/litter/rating").Shown != `"1"` {
		t.Errorf("%d changes, shown %s", r.Changes, r.Field("/litter/rating").Shown)
	}
	if again := a.reopen().Drafts(); len(again) != 0 {
		t.Errorf("it came back later: %v", again)
	}
}
