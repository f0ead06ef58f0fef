package clientsdk_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/arpenteur/arpenteur/clientsdk"
	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/store"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

var ctx = context.Background()

// conflicted returns a record that two tablets have rated 1 and 2, each unseen by the other, and both tablets.
func conflicted(t *testing.T) (a, b *tablet, ref clientsdk.Ref) {
	t.Helper()
	w := newWorld(t)
	a, b = w.newTablet("a"), w.newTablet("b")
	ref = a.observe(map[syncengine.Path]any{"/litter/rating": "3"}).Ref
	a.sync()
	b.sync()
	a.edit(ref, map[syncengine.Path]any{"/litter/rating": "1"})
	b.edit(ref, map[syncengine.Path]any{"/litter/rating": "2"})
	for range 2 {
		a.sync()
		b.sync()
	}
	if got := a.record(ref).Conflicts(); len(got) != 1 {
		t.Fatalf("conflicts %v", got)
	}
	return a, b, ref
}

func TestAConsultantReplacesOnlyTheirOwnValueOfAConflict(t *testing.T) {
	a, _, ref := conflicted(t)
	d, err := a.Edit(ctx, ref)
	if err != nil {
		t.Fatal(err)
	}
	values, err := d.Unfold(ctx, "/litter/rating")
	if err != nil || len(values) != 2 {
		t.Fatalf("unfolded %v, %v", values, err)
	}
	if err := d.Set("/litter/rating", "4"); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Commit(ctx); err != nil {
		t.Fatal(err)
	}
	var shown []string
	for _, s := range a.record(ref).Field("/litter/rating").Survivors {
		shown = append(shown, string(s.Value))
	}
	slices.Sort(shown)
	if !slices.Equal(shown, []string{`"2"`, `"4"`}) {
		t.Errorf("survivors %v", shown)
	}
}

func TestTwoDraftsOnOneRecordDoNotReplaceEachOther(t *testing.T) {
	w := newWorld(t)
	a := w.newTablet("a")
	ref := a.observe(map[syncengine.Path]any{"/litter/rating": "3"}).Ref
	var drafts []*clientsdk.Draft
	for _, rating := range []string{"1", "2"} {
		d, err := a.Edit(ctx, ref)
		if err != nil {
			t.Fatal(err)
		}
		if err := d.Set("/litter/rating", rating); err != nil {
			t.Fatal(err)
		}
		drafts = append(drafts, d)
	}
	for _, d := range drafts {
		if _, err := d.Commit(ctx); err != nil {
			t.Fatal(err)
		}
	}
	if f := a.record(ref).Field("/litter/rating"); len(f.Survivors) != 2 || !f.Conflict {
		t.Errorf("field %+v", f)
	}
}

func TestACaptureOfBothLedgersIsCommittedAsOne(t *testing.T) {
	w := newWorld(t)
	a := w.newTablet("a")
	open, err := a.NewRecord(ctx, w.ledger, "cleanliness")
	if err != nil {
		t.Fatal(err)
	}
	closed, err := a.NewRecord(ctx, w.restricted, "public_security")
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range []*clientsdk.Draft{open, closed} {
		if err := d.SetAll(map[syncengine.Path]any{"/place": hall, "/visit": visit, "/rater": "c-a"}); err != nil {
			t.Fatal(err)
		}
	}
	incident, err := closed.AddElement("/incidents")
	if err != nil {
		t.Fatal(err)
	}
	if err := closed.Set(incident.Child("nature"), "gathering"); err != nil {
		t.Fatal(err)
	}
	saved, err := a.Commit(ctx, open, closed)
	if err != nil || len(saved) != 2 {
		t.Fatalf("saved %v, %v", saved, err)
	}
	a.sync()
	for _, s := range saved {
		if r := a.record(s.Ref); !r.Present || r.Safety != clientsdk.Received {
			t.Errorf("%v: present %v, %s", s.Ref, r.Present, r.Safety)
		}
	}
}

func TestACaptureThatBreaksARuleIsKeptAndItsAuthorTold(t *testing.T) {
	w := newWorld(t)
	a := w.newTablet("a")
	saved := a.observe(map[syncengine.Path]any{"/litter/rating": "4", "/litter/urgent": true})
	if len(saved.Violations) == 0 || saved.Verdict.Status != syncengine.Effective {
		t.Fatalf("saved %+v", saved)
	}
	r := a.sync()
	if !slices.ContainsFunc(r.Remarks, func(m wire.Remark) bool { return m.Code == wire.CodeViolation && m.Change == saved.Change }) {
		t.Errorf("remarks %v", r.Remarks)
	}
	if got := a.record(saved.Ref); len(got.Violations) == 0 || got.Safety != clientsdk.Received {
		t.Errorf("violations %v, %s", got.Violations, got.Safety)
	}
}

func TestWhatIsNoFieldOrOfTheWrongTypeIsRefusedAtOnce(t *testing.T) {
	w := newWorld(t)
	d, err := w.newTablet("a").NewRecord(ctx, w.ledger, "cleanliness")
	if err != nil {
		t.Fatal(err)
	}
	for path, value := range map[syncengine.Path]any{
		"/nothing": 1, "/litter": "x", "/litter/rating": 2, "/litter/urgent": "yes", "/litter/rating/x": "1", "/litter/notes/c-a": 3, "/": "x",
	} {
		if err := d.Set(path, value); !errors.Is(err, wire.CodeInvalid) {
			t.Errorf("%s = %v: %v", path, value, err)
		}
	}
	if len(d.Entered()) != 0 {
		t.Errorf("entered %v", d.Entered())
	}
}

func TestADraftThatSaysNothingNewIsNoChange(t *testing.T) {
	w := newWorld(t)
	a := w.newTablet("a")
	ref := a.observe(map[syncengine.Path]any{"/litter/rating": "3"}).Ref
	for _, values := range []map[syncengine.Path]any{{}, {"/litter/rating": "3"}} {
		d, err := a.Edit(ctx, ref)
		if err != nil {
			t.Fatal(err)
		}
		if err := d.SetAll(values); err != nil {
			t.Fatal(err)
		}
		if _, err := d.Commit(ctx); !errors.Is(err, clientsdk.ErrNothing) {
			t.Errorf("%v: %v", values, err)
		}
	}
	if n := a.record(ref).Changes; n != 1 || len(a.Drafts()) != 0 {
		t.Errorf("%d changes, drafts %v", n, a.Drafts())
	}
}

func TestWhatIsTakenBackWasNeverEntered(t *testing.T) {
	w := newWorld(t)
	a := w.newTablet("a")
	ref := a.observe(map[syncengine.Path]any{"/litter/rating": "3"}).Ref
	d, err := a.Edit(ctx, ref)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(d.Set("/litter/rating", "1"), d.Set("/glass/rating", "2"), d.Take("/litter/rating")); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Commit(ctx); err != nil {
		t.Fatal(err)
	}
	if f := a.record(ref).Field("/litter/rating"); f.Shown != `"3"` {
		t.Errorf("shown %s", f.Shown)
	}
}

func TestARemovedRecordComesBackWhenSomebodyEditedItMeanwhile(t *testing.T) {
	w := newWorld(t)
	a, b := w.newTablet("a"), w.newTablet("b")
	ref := a.observe(map[syncengine.Path]any{"/litter/rating": "3"}).Ref
	a.sync()
	b.sync()
	d, err := a.Edit(ctx, ref)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Remove("/"); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Commit(ctx); err != nil {
		t.Fatal(err)
	}
	if a.record(ref).Present {
		t.Error("the record is still present where it was removed")
	}
	b.edit(ref, map[syncengine.Path]any{"/glass/rating": "2"})
	for range 2 {
		a.sync()
		b.sync()
	}
	r := a.record(ref)
	if !r.Present || !slices.Contains(r.Conflicts(), syncengine.RecordPresence) {
		t.Errorf("present %v, conflicts %v", r.Present, r.Conflicts())
	}
}

func TestASecondProcessOnOneFolderIsRefused(t *testing.T) {
	w := newWorld(t)
	a := w.newTablet("a")
	_, err := clientsdk.Open(ctx, a.folder, a.o)
	if !errors.Is(err, store.ErrLocked) {
		t.Errorf("opened twice: %v", err)
	}
}

func TestAWrongPassphraseOpensNothing(t *testing.T) {
	w := newWorld(t)
	a := w.newTablet("a")
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	for _, passphrase := range []string{"", "wrong"} {
		o := a.o
		o.Passphrase = []byte(passphrase)
		if _, err := clientsdk.Open(ctx, a.folder, o); !errors.Is(err, store.ErrSealed) {
			t.Errorf("passphrase %q: %v", passphrase, err)
		}
	}
}

func TestATabletThatIsNotEnrolledSaysSo(t *testing.T) {
	w := newWorld(t)
	p := w.openTablet(t.TempDir(), clientsdk.Options{})
	if _, err := p.Sync(ctx); !errors.Is(err, clientsdk.ErrNotEnrolled) {
		t.Errorf("sync: %v", err)
	}
	if err := p.Run(ctx); !errors.Is(err, clientsdk.ErrNotEnrolled) {
		t.Errorf("run: %v", err)
	}
	if err := p.Enrol(ctx, "not a ticket", "x"); !errors.Is(err, wire.CodeInvalid) {
		t.Errorf("enrol: %v", err)
	}
	ticket := w.ticket("c-x", "consultant")
	if err := p.Enrol(ctx, ticket, "x"); err != nil {
		t.Fatal(err)
	}
	if err := p.Enrol(ctx, ticket, "x"); !errors.Is(err, clientsdk.ErrEnrolled) {
		t.Errorf("enrolled again: %v", err)
	}
	other := w.openTablet(t.TempDir(), clientsdk.Options{})
	if err := other.Enrol(ctx, ticket, "y"); !errors.Is(err, wire.CodeBadCode) {
		t.Errorf("a code worked twice: %v", err)
	}
}
