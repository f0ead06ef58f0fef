package clientsdk_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"image"
	"image/jpeg"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/arpenteur/arpenteur/clientsdk"
	"github.com/arpenteur/arpenteur/internal/photo"
	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

func TestAPhotoGoesFromTheCameraToAnotherTablet(t *testing.T) {
	w := newWorld(t)
	a, b := w.newTablet("a"), w.newTablet("b")
	ctx := context.Background()
	d := a.newObservation()
	taken := a.shoot(d, picture(t, 1, 800, 600))
	saved := a.commit(d)
	if saved.Verdict.Status != syncengine.Effective || len(saved.Violations) > 0 {
		t.Fatalf("%+v", saved)
	}
	if got := a.onlyPhoto(saved.Ref); got.State != clientsdk.PhotoToReview || got.ID != taken.ID || !got.Here {
		t.Errorf("before it is looked over it is %+v", got)
	}
	a.sync()
	b.sync()
	if got := b.onlyPhoto(saved.Ref); got.State != clientsdk.PhotoAwaited {
		t.Errorf("the other tablet says %+v", got)
	}
	preview, err := a.PreviewPhoto(ctx, taken.ID)
	if err != nil {
		t.Fatal(err)
	}
	if h, err := photo.ReadHeader(bytes.NewReader(preview)); err != nil || h.Width != 800 {
		t.Errorf("the preview is %+v, %v", h, err)
	}
	name, err := a.ReviewPhoto(ctx, taken.ID, clientsdk.Review{Blur: []clientsdk.Rect{{X: .25, Y: .25, W: .5, H: .5}}})
	if err != nil {
		t.Fatal(err)
	}
	if got := a.onlyPhoto(saved.Ref); got.State != clientsdk.PhotoToSend || got.Name != name || len(a.files("originals")) != 0 {
		t.Errorf("looked over it is %+v, with %v", got, a.files("originals"))
	}
	if r := a.sync(); r.PhotosSent != 1 || r.PhotosResumed != 0 || len(r.PhotoProblems) > 0 {
		t.Errorf("report %+v", r)
	}
	if r := a.record(saved.Ref); r.Photos != (clientsdk.PhotoCounts{Total: 1, Received: 1}) || r.Safety != clientsdk.Received {
		t.Errorf("sent it is %+v, %s", r.Photos, r.Safety)
	}
	b.sync()
	if got := b.onlyPhoto(saved.Ref); got.State != clientsdk.PhotoElsewhere || got.Name != name {
		t.Errorf("the other tablet says %+v", got)
	}
	whole, err := b.FetchPhoto(ctx, name, clientsdk.PhotoWhole)
	if err != nil || sha256.Sum256(whole) != name.Hash {
		t.Fatalf("%d bytes, %v", len(whole), err)
	}
	m, err := jpeg.Decode(bytes.NewReader(whole))
	if err != nil || spread(m, image.Rect(220, 170, 580, 430)) > 8 || spread(m, image.Rect(0, 0, 190, 140)) < 100 {
		t.Errorf("what was marked is not blurred, or more than that: %v", err)
	}
	small, err := b.FetchPhoto(ctx, name, clientsdk.PhotoThumbnail)
	if h, headerErr := photo.ReadHeader(bytes.NewReader(small)); err != nil || headerErr != nil || h.Width != 320 {
		t.Errorf("the thumbnail is %+v, %v", h, err)
	}
}

// spread returns by how much the red of a stretch varies.
func spread(m image.Image, r image.Rectangle) uint32 {
	low, high := uint32(255), uint32(0)
	for y := r.Min.Y; y < r.Max.Y; y += 3 {
		for x := r.Min.X; x < r.Max.X; x += 3 {
			v, _, _, _ := m.At(x, y).RGBA()
			low, high = min(low, v>>8), max(high, v>>8)
		}
	}
	return high - low
}

func TestAPhotoNobodyLookedOverNeverLeaves(t *testing.T) {
	w := newWorld(t)
	see := &witness{inner: http.DefaultTransport}
	a := w.newTablet("a").through(&http.Client{Transport: see})
	d := a.newObservation()
	taken := a.shoot(d, picture(t, 1, 300, 200))
	reviewed := a.newObservation()
	a.review(a.shoot(reviewed, picture(t, 2, 300, 200))) // but its draft is still open
	saved := a.commit(d)
	a.sync()
	if see.uploads.Load() != 0 {
		t.Fatal("something was sent")
	}
	if names, err := a.CarriedPhotos(context.Background(), w.ledger); err != nil || len(names) > 0 {
		t.Errorf("it would carry %v, %v", names, err)
	}
	for _, v := range []clientsdk.Review{{}, {NothingToBlur: true, Blur: []clientsdk.Rect{{W: 1, H: 1}}}} {
		if _, err := a.ReviewPhoto(context.Background(), taken.ID, v); !errors.Is(err, wire.CodeInvalid) {
			t.Errorf("%+v: %v", v, err)
		}
	}
	if got := a.counts(); got != (clientsdk.PhotoCounts{Total: 1, ToReview: 1}) {
		t.Errorf("counts %+v", got)
	}
	a.review(taken)
	a.commit(reviewed)
	if a.sync(); see.uploads.Load() != 2 || a.onlyPhoto(saved.Ref).State != clientsdk.PhotoReceived {
		t.Errorf("%d requests", see.uploads.Load())
	}
}

func TestWhatIsKeptOfAPhotoCantBeReadWithoutTheKey(t *testing.T) {
	w := newWorld(t)
	a := w.newTablet("a")
	d := a.newObservation()
	raw := picture(t, 1, 300, 200)
	taken := a.shoot(d, raw)
	a.review(a.shoot(d, picture(t, 2, 300, 200)))
	a.commit(d)
	for _, path := range append(a.files("originals"), a.files("held")...) {
		got, err := os.ReadFile(path)
		if err != nil || bytes.Contains(got, raw[100:160]) || bytes.Contains(got, []byte("\xff\xd8\xff")) || bytes.Contains(got, []byte("observation")) {
			t.Errorf("%s can be read, %v", filepath.Base(path), err)
		}
	}
	if len(a.files("originals")) != 1 || len(a.files("held")) != 1 {
		t.Errorf("files %v %v", a.files("originals"), a.files("held"))
	}
	if list := a.reopen().PhotosToReview(); len(list) != 1 || list[0].ID != taken.ID || list[0].Size != int64(len(raw)) || !list[0].TakenAt.Equal(w.now) {
		t.Errorf("list %+v", list)
	}
}

func TestAPictureThatIsNotTakenChangesNothing(t *testing.T) {
	w := newWorld(t)
	a := w.newTablet("a")
	d := a.newObservation()
	before := len(d.Entered())
	good := picture(t, 1, 64, 48)
	for name, test := range map[string]struct {
		list syncengine.Path
		raw  []byte
		code error
	}{
		"HEIC":           {"/photos", []byte("\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic"), photo.Unsupported},
		"cut":            {"/photos", good[:len(good)/2], photo.Truncated},
		"no such list":   {"/litter", good, wire.CodeInvalid},
		"list of others": {"/", good, wire.CodeInvalid},
	} {
		_, err := d.TakePhoto(context.Background(), test.list, bytes.NewReader(test.raw), clientsdk.PhotoOptions{})
		if !errors.Is(err, test.code) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if len(d.Entered()) != before || len(a.files("originals")) != 0 || len(a.PhotosToReview()) != 0 {
		t.Errorf("%v, %v", d.Entered(), a.files(""))
	}
}

func TestAPhotoGoesWithItsDraftOrByItself(t *testing.T) {
	w := newWorld(t)
	a := w.newTablet("a")
	ctx := context.Background()
	d := a.newObservation()
	a.shoot(d, picture(t, 1, 64, 48))
	a.review(a.shoot(d, picture(t, 2, 64, 48)))
	if err := d.Discard(); err != nil {
		t.Fatal(err)
	}
	if list := a.PhotosToReview(); len(list) != 0 || len(a.files("originals")) != 0 {
		t.Errorf("%v", list)
	}
	if a = a.reopen(); len(a.files("held")) != 0 {
		t.Errorf("what was made of it is kept: %v", a.files("held"))
	}

	d = a.newObservation()
	one, two, three := a.shoot(d, picture(t, 3, 64, 48)), a.shoot(d, picture(t, 4, 64, 48)), a.shoot(d, picture(t, 5, 64, 48))
	if err := a.DiscardPhoto(ctx, one.ID); err != nil {
		t.Fatal(err)
	}
	for path := range d.Entered() {
		if strings.HasPrefix(string(path), string(one.Element)) {
			t.Errorf("%s is still entered", path)
		}
	}
	if err := d.Remove(three.Element); err != nil {
		t.Fatal(err)
	}
	saved := a.commit(d)
	if got := a.onlyPhoto(saved.Ref); got.ID != two.ID || len(a.files("originals")) != 1 {
		t.Errorf("left are %+v and %v", got, a.files("originals"))
	}
	if err := a.DiscardPhoto(ctx, two.ID); err != nil {
		t.Fatal(err)
	}
	if list, err := a.Photos(ctx, saved.Ref); err != nil || len(list) != 0 || len(a.files("originals")) != 0 {
		t.Errorf("left are %+v, %v", list, err)
	}
	if err := a.DiscardPhoto(ctx, two.ID); !errors.Is(err, clientsdk.ErrNoPhoto) {
		t.Errorf("twice: %v", err)
	}
}

// TestACrashBetweenTwoStepsOfAPhotoLosesNothing puts folders together as a crash leaves them: what an earlier moment held, and the one
// file that was written after it.
func TestACrashBetweenTwoStepsOfAPhotoLosesNothing(t *testing.T) {
	w := newWorld(t)
	a := w.newTablet("a")
	snapshot := func() string {
		if err := a.Close(); err != nil {
			t.Fatal(err)
		}
		copied := copyFolder(t, a.folder)
		a = w.openTablet(a.folder, a.o)
		return copied
	}
	put := func(folder, from, to string) {
		raw, err := os.ReadFile(from)
		if err == nil {
			err = os.MkdirAll(filepath.Join(folder, filepath.Dir(to)), 0o700)
		}
		if err == nil {
			err = os.WriteFile(filepath.Join(folder, to), raw, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	d := a.newObservation()
	before := snapshot()
	d = a.Draft(d.ID())
	taken := a.shoot(d, picture(t, 1, 64, 48))
	original := filepath.Join("photos", "originals", taken.ID.String())
	withPhoto := snapshot()

	put(before, filepath.Join(withPhoto, original), original)
	put(before, filepath.Join(withPhoto, original), original+"x.part")
	one := w.openTablet(before, a.o)
	if list := one.PhotosToReview(); len(list) != 1 || one.Draft(d.ID()).Entered()[taken.Element.Node()] != syncengine.True {
		t.Errorf("taken and not entered: %+v, %v", list, one.Draft(d.ID()).Entered())
	}
	if got := one.commit(one.Draft(d.ID())); one.onlyPhoto(got.Ref).State != clientsdk.PhotoToReview || len(one.files("originals")) != 1 {
		t.Errorf("%v", one.files(""))
	}

	name := a.review(taken)
	reviewed := snapshot()
	heldFile := filepath.Join("photos", "held", w.ledger.String(), name.Hash.String())
	again := copyFolder(t, withPhoto)
	put(again, filepath.Join(reviewed, heldFile), heldFile)
	two := w.openTablet(again, a.o)
	if list := two.PhotosToReview(); len(list) != 1 || len(two.files("held")) != 0 {
		t.Errorf("made and not entered: %+v, %v", list, two.files(""))
	}
	if again := two.review(taken); again != name {
		t.Errorf("looked over again it is %v, not %v", again, name)
	}

	put(reviewed, filepath.Join(withPhoto, original), original)
	three := w.openTablet(reviewed, a.o)
	if list := three.PhotosToReview(); len(list) != 0 || len(three.files("originals")) != 0 || len(three.files("held")) != 1 {
		t.Errorf("entered, its original not removed: %+v, %v", list, three.files(""))
	}

	half := copyFolder(t, withPhoto)
	if err := os.Rename(filepath.Join(half, original), filepath.Join(half, original+".discarded")); err != nil {
		t.Fatal(err)
	}
	four := w.openTablet(half, a.o)
	if list := four.PhotosToReview(); len(list) != 1 {
		t.Errorf("the crash came before the draft was discarded: %+v", list)
	}
	if err := four.Draft(d.ID()).Discard(); err != nil {
		t.Fatal(err)
	}
	put(four.folder, filepath.Join(withPhoto, original), original+".discarded")
	if five := four.reopen(); len(five.PhotosToReview()) != 0 || len(five.files("originals")) != 0 {
		t.Errorf("the crash came after the draft was discarded: %v", five.files(""))
	}
}

func TestALinkThatCutsEvery20KBBringsPhotosWithoutBeginningAgain(t *testing.T) {
	w := newWorld(t)
	a := w.newTablet("a")
	var refs []clientsdk.Ref
	var names []wire.PhotoName
	total := int64(0)
	for i := range 3 {
		saved, name := a.photograph(picture(t, uint64(i), 700, 500))
		raw, err := a.HeldPhoto(name)
		if err != nil {
			t.Fatal(err)
		}
		refs, names, total = append(refs, saved.Ref), append(names, name), total+int64(len(raw))
	}
	if total < 300_000 {
		t.Fatalf("the photos have %d bytes only", total)
	}
	link := &tower{carries: 20_000}
	a = a.through(link.client())
	sent, resumed, carried := 0, 0, int64(0)
	for range 100 {
		r, err := a.Sync(context.Background())
		sent, resumed, carried = sent+r.PhotosSent, resumed+r.PhotosResumed, carried+r.PhotoBytes
		if err == nil {
			break
		}
	}
	// Of one whose last answer was cut the next exchange only learns that it is there: it has nothing to resume.
	if sent != 3 || resumed == 0 || resumed > sent || link.cuts.Load() < total/20_000 {
		t.Errorf("%d sent, %d resumed, %d cuts", sent, resumed, link.cuts.Load())
	}
	// The first piece is a large one, and each cut costs at most the piece that it cut.
	if most := total + (1 << 20) + link.cuts.Load()*(16<<10); carried > most {
		t.Errorf("%d bytes were sent for %d, over %d", carried, total, most)
	}
	b := w.newTablet("b").through(link.client())
	for i, ref := range refs {
		if got := a.onlyPhoto(ref); got.State != clientsdk.PhotoReceived {
			t.Errorf("photo %d is %+v", i, got)
		}
		want, err := a.HeldPhoto(names[i])
		if err != nil {
			t.Fatal(err)
		}
		if got, err := b.FetchPhoto(context.Background(), names[i], clientsdk.PhotoWhole); err != nil || !bytes.Equal(got, want) {
			t.Errorf("photo %d: %d bytes, %v", i, len(got), err)
		}
	}
}

func TestOneBadPhotoHoldsBackNoOtherAndNoRecord(t *testing.T) {
	w := newWorld(t)
	a := w.newTablet("a")
	bad, _ := a.photograph(picture(t, 1, 300, 200))
	path := a.files("held")[0]
	good, _ := a.photograph(picture(t, 2, 300, 200))
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	raw[len(raw)/2] ^= 1
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	r := a.sync()
	if r.PhotosSent != 1 || len(r.PhotoProblems) != 1 {
		t.Errorf("report %+v", r)
	}
	if got := a.onlyPhoto(bad.Ref); got.State != clientsdk.PhotoRefused || got.Refused == "" {
		t.Errorf("the bad one is %+v", got)
	}
	if got := a.onlyPhoto(good.Ref); got.State != clientsdk.PhotoReceived {
		t.Errorf("the good one is %+v", got)
	}
	if got := a.record(bad.Ref).Safety; got != clientsdk.Received {
		t.Errorf("the record is %s", got)
	}
	if r := a.sync(); len(r.PhotoProblems) != 0 || r.RoundTrips != 1 {
		t.Errorf("it is sent again: %+v", r)
	}
}

func TestWhatTheServerRefusesIsSetAside(t *testing.T) {
	w := newWorld(t)
	see := &witness{inner: http.DefaultTransport}
	a := w.newTablet("a").through(&http.Client{Transport: see})
	saved, _ := a.photograph(picture(t, 1, 300, 200))
	see.change = func(answer *http.Response) {
		if answer.Request.Method == http.MethodPatch {
			answer.StatusCode = http.StatusUnprocessableEntity
			p := `{"type":"urn:arpenteur:problem:bad_photo","title":"x","status":422,"code":"bad_photo","detail":"another hash","action":"x"}`
			answer.Body = io.NopCloser(strings.NewReader(p))
		}
	}
	r := a.sync()
	if len(r.PhotoProblems) != 1 || r.PhotoProblems[0].Code != wire.CodeBadPhoto || r.PhotosSent != 0 {
		t.Errorf("report %+v", r)
	}
	if got := a.onlyPhoto(saved.Ref); got.State != clientsdk.PhotoRefused || got.Refused != wire.CodeBadPhoto || !got.Here {
		t.Errorf("it is %+v", got)
	}
}

func TestAReceiptThatDoesNotVerifyIsNone(t *testing.T) {
	w := newWorld(t)
	see := &witness{inner: http.DefaultTransport}
	a := w.newTablet("a").through(&http.Client{Transport: see})
	saved, _ := a.photograph(picture(t, 1, 300, 200))
	see.change = func(answer *http.Response) {
		if answer.Request.Method == http.MethodPatch {
			raw, _ := io.ReadAll(answer.Body)
			answer.Body = io.NopCloser(bytes.NewReader(bytes.Replace(raw, []byte(`"backed_up":false`), []byte(`"backed_up":true`), 1)))
		}
	}
	if _, err := a.Sync(context.Background()); !errors.Is(err, wire.CodeUnauthenticated) {
		t.Errorf("got %v", err)
	}
	if got := a.onlyPhoto(saved.Ref).State; got != clientsdk.PhotoToSend {
		t.Errorf("it is %s", got)
	}
	see.change = nil
	if a.sync(); a.onlyPhoto(saved.Ref).State != clientsdk.PhotoReceived {
		t.Errorf("then it is %s", a.onlyPhoto(saved.Ref).State)
	}
}

func TestSpaceIsFreedOnlyOfWhatABackupHolds(t *testing.T) {
	w := newWorld(t)
	a := w.newTablet("a")
	ctx := context.Background()
	first, name := a.photograph(picture(t, 1, 300, 200))
	a.sync()
	if n, _, err := a.FreePhotos(ctx); n != 0 || err != nil || len(a.files("held")) != 1 {
		t.Fatalf("freed %d, %v", n, err)
	}
	w.backUp()
	second, _ := a.photograph(picture(t, 2, 300, 200))
	a.sync()
	if got := a.onlyPhoto(first.Ref).State; got != clientsdk.PhotoBackedUp {
		t.Errorf("the first is %s", got)
	}
	if n, size, err := a.FreePhotos(ctx); n != 1 || size == 0 || err != nil || len(a.files("held")) != 1 {
		t.Fatalf("freed %d, %d, %v", n, size, err)
	}
	if got := a.onlyPhoto(first.Ref); got.State != clientsdk.PhotoBackedUp || got.Here {
		t.Errorf("the first is %+v", got)
	}
	if got := a.onlyPhoto(second.Ref); got.State != clientsdk.PhotoReceived || !got.Here {
		t.Errorf("the second is %+v", got)
	}
	if raw, err := a.FetchPhoto(ctx, name, clientsdk.PhotoWhole); err != nil || sha256.Sum256(raw) != name.Hash {
		t.Errorf("fetched back: %d bytes, %v", len(raw), err)
	}
	if n, _, err := a.FreePhotos(ctx); n != 0 || err != nil {
		t.Errorf("freed again: %d, %v", n, err)
	}
}

func TestARedactedPhotoIsDroppedByAllWhoHoldIt(t *testing.T) {
	w := newWorld(t)
	a, b := w.newTablet("a"), w.newTablet("b")
	ctx := context.Background()
	saved, name := a.photograph(picture(t, 1, 300, 200))
	kept, other := a.photograph(picture(t, 2, 300, 200))
	a.sync()
	b.sync()
	for _, p := range []wire.PhotoName{name, other} {
		for _, size := range []clientsdk.PhotoSize{clientsdk.PhotoWhole, clientsdk.PhotoThumbnail} {
			if _, err := b.FetchPhoto(ctx, p, size); err != nil {
				t.Fatal(err)
			}
		}
	}
	w.redact(saved.Change, a.onlyPhoto(saved.Ref).Element.Child("hash"))
	a.sync()
	b.sync()
	if len(a.files("held")) != 1 || len(b.files("cache")) != 2 {
		t.Errorf("left are %v and %v", a.files("held"), b.files("cache"))
	}
	if got := a.onlyPhoto(saved.Ref); got.State != clientsdk.PhotoErased || got.Here {
		t.Errorf("it is %+v", got)
	}
	if got := a.onlyPhoto(kept.Ref); got.State != clientsdk.PhotoReceived || !got.Here {
		t.Errorf("the other one is %+v", got)
	}
	if _, err := b.FetchPhoto(ctx, name, clientsdk.PhotoWhole); !errors.Is(err, wire.CodeBarred) {
		t.Errorf("fetched again: %v", err)
	}
	a.photograph(picture(t, 1, 300, 200)) // named anew, it stays erased
	if r := a.sync(); r.PhotosSent != 0 || len(r.PhotoProblems) != 0 {
		t.Errorf("report %+v", r)
	}
}

func TestNothingNewIsOneShortRoundTripWithManyPhotos(t *testing.T) {
	w := newWorld(t)
	a := w.newTablet("a")
	for i := range 5 {
		a.photograph(picture(t, uint64(i), 64, 48))
	}
	a.sync()
	a.sync()
	a.sync()
	if r := a.sync(); r.RoundTrips != 1 || r.BytesUp+r.BytesDown > 600 {
		t.Errorf("report %+v", r)
	}
	w.backUp()
	a.sync()
	if got := a.counts(); got != (clientsdk.PhotoCounts{Total: 5, Received: 5, BackedUp: 5}) {
		t.Errorf("after a backup %+v", got)
	}
	if r := a.sync(); r.RoundTrips != 1 {
		t.Errorf("report %+v", r)
	}
}

func TestAPhotoIsCarriedByAnotherTablet(t *testing.T) {
	w := newWorld(t)
	a, b := w.newTablet("a"), w.newTablet("b")
	ctx := context.Background()
	saved, name := a.photograph(picture(t, 1, 700, 500))
	whole, err := a.HeldPhoto(name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Carry(ctx, name, whole, len(whole), true); !errors.Is(err, clientsdk.ErrNoPhoto) {
		t.Errorf("before anything refers to it: %v", err)
	}
	if _, err := a.Sync(ctx); err != nil { // the record and the photo come to the server
		t.Fatal(err)
	}
	b.sync()
	if n, err := b.Carry(ctx, name, whole, 100_000, false); err != nil || n != 100_000 {
		t.Fatalf("%d, %v", n, err)
	}
	bad := bytes.Clone(whole)
	bad[len(bad)-10] ^= 1
	if _, err := b.Carry(ctx, name, bad, len(bad), true); !errors.Is(err, wire.CodeBadPhoto) {
		t.Errorf("damaged on the way: %v", err)
	}
	if n, err := b.Carry(ctx, name, whole, 100_000, false); err != nil || n != 100_000 {
		t.Fatalf("%d, %v", n, err)
	}
	b = b.reopen()
	if _, err := b.Carry(ctx, name, whole, len(whole), true); err != nil {
		t.Fatal(err)
	}
	if got := b.onlyPhoto(saved.Ref); !got.Here {
		t.Errorf("it is %+v", got)
	}
	if got, err := b.HeldPhoto(name); err != nil || !bytes.Equal(got, whole) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	if names, err := b.CarriedPhotos(ctx, w.ledger); err != nil || len(names) != 1 {
		t.Errorf("it carries %v, %v", names, err)
	}
	if b.sync(); b.onlyPhoto(saved.Ref).State != clientsdk.PhotoReceived || b.counts().Total != 0 {
		t.Errorf("after an exchange it is %+v", b.onlyPhoto(saved.Ref))
	}
	if b = b.reopen(); len(b.files("held")) != 1 {
		t.Errorf("after a start %v", b.files(""))
	}
}

func TestWhatAServerSendsInsteadOfAPhotoIsRefused(t *testing.T) {
	w := newWorld(t)
	a := w.newTablet("a")
	_, name := a.photograph(picture(t, 1, 300, 200))
	a.sync()
	see := &witness{inner: http.DefaultTransport}
	b := w.newTablet("b").through(&http.Client{Transport: see})
	other := picture(t, 2, 64, 48)
	for what, body := range map[string][]byte{"another": other, "endless": make([]byte, wire.MaxPhotoBytes+10), "nothing": nil} {
		see.change = func(answer *http.Response) {
			answer.StatusCode, answer.Body = http.StatusOK, io.NopCloser(bytes.NewReader(body))
		}
		var p *wire.Problem
		if _, err := b.FetchPhoto(context.Background(), name, clientsdk.PhotoWhole); !errors.As(err, &p) {
			t.Errorf("%s: %v", what, err)
		}
		if what == "another" {
			continue // a thumbnail has no name that it could be held against
		}
		if _, err := b.FetchPhoto(context.Background(), name, clientsdk.PhotoThumbnail); !errors.As(err, &p) {
			t.Errorf("%s as a thumbnail: %v", what, err)
		}
	}
}

func TestTheCacheOfFetchedPhotosIsBounded(t *testing.T) {
	w := newWorld(t)
	a, b := w.newTablet("a"), w.newTablet("b")
	var names []wire.PhotoName
	for i := range 4 {
		_, name := a.photograph(picture(t, uint64(i), 300, 200))
		names = append(names, name)
	}
	a.sync()
	b.sync()
	for _, name := range names {
		if _, err := b.FetchPhoto(context.Background(), name, clientsdk.PhotoWhole); err != nil {
			t.Fatal(err)
		}
	}
	files := b.files("cache")
	info, err := os.Stat(files[0])
	if err != nil || len(files) != 4 {
		t.Fatalf("%v, %v", files, err)
	}
	if err := b.TrimCache(info.Size() * 5 / 2); err != nil || len(b.files("cache")) != 2 {
		t.Errorf("%v, %v", b.files("cache"), err)
	}
}

func TestRunSendsPhotosBesideRecords(t *testing.T) {
	w := newWorld(t)
	a := w.newTablet("a")
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	d := a.newObservation()
	taken := a.shoot(d, picture(t, 1, 300, 200))
	saved := a.commit(d)
	waitFor(t, "the record", func() bool { return a.record(saved.Ref).Safety == clientsdk.Received })
	if got := a.onlyPhoto(saved.Ref).State; got != clientsdk.PhotoToReview {
		t.Errorf("it is %s", got)
	}
	a.review(taken)
	waitFor(t, "the photo", func() bool { return a.onlyPhoto(saved.Ref).State == clientsdk.PhotoReceived })
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("run ended with %v", err)
	}
}
