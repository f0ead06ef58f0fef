package server_test

import (
	"bytes"
	"context"
	"encoding/json"
	"image"
	"image/jpeg"
	"image/png"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/arpenteur/arpenteur/schemas"
	"github.com/arpenteur/arpenteur/server/photos"
	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/store"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

func TestAPhotoIsCountedAsMissingThenReceivedThenSaved(t *testing.T) {
	onStores(t, func(t *testing.T, w *world) {
		p := w.newTablet("c-1", "consultant", false)
		shot := p.photograph(picture(t, 1, 320, 240))
		other := p.photograph(picture(t, 2, 320, 240))
		if got := p.counts(); got != (photos.Counts{Missing: 2}) {
			t.Fatalf("%+v", got)
		}
		if s := p.status(shot.PhotoName)[0]; s.State != wire.PhotoMissing || s.Offset != 0 {
			t.Fatalf("%+v", s)
		}
		r := p.upload(shot.PhotoName, shot.data)
		r.created(nil)
		receipt, err := wire.DecodePhotoReceipt(r.body)
		if err != nil || receipt.PhotoName != shot.PhotoName || receipt.BackedUp || receipt.Size != uint64(len(shot.data)) ||
			!receipt.Verify(w.authorityKey(shot.Ledger).Ed25519()) {
			t.Fatalf("%+v %v", receipt, err)
		}
		p.upload(shot.PhotoName, shot.data).ok(nil) // again is harmless
		if got := p.counts(); got != (photos.Counts{Missing: 1, Unsaved: 1}) {
			t.Fatalf("%+v", got)
		}
		if v := w.read("observation", shot.record); len(v.Photos) != 1 || v.Photos[0].State != "held" || v.Photos[0].Hash != shot.Hash.String() {
			t.Fatalf("%+v", v.Photos)
		}
		if v := w.read("observation", other.record); len(v.Photos) != 1 || v.Photos[0].State != "missing" {
			t.Fatalf("%+v", v.Photos)
		}
		w.save()
		if s := p.status(shot.PhotoName)[0]; s.State != wire.PhotoBackedUp || !s.Receipt.BackedUp {
			t.Fatalf("%+v", s)
		}
		p.upload(other.PhotoName, other.data).created(nil) // after the backup: it is in the next one
		if got := p.counts(); got != (photos.Counts{Unsaved: 1}) {
			t.Fatalf("%+v", got)
		}
		w.save()
		if got := p.counts(); got != (photos.Counts{}) {
			t.Fatalf("%+v", got)
		}
		if strings.Contains(w.log.String(), shot.Hash.String()) {
			t.Fatal("the log names a photo")
		}
	})
}

// save notes that a backup was made and verified.
func (w *world) save() {
	w.t.Helper()
	id := ledgerID(w.t, w.ledger)
	var arrived uint64
	err := w.store.View(context.Background(), func(r store.Reader) (err error) {
		arrived, err = photos.Arrived(r, id)
		return err
	})
	if err == nil {
		_, err = w.s.PhotosSaved(context.Background(), id, arrived)
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

func TestAReceiptIsSentWhenOnlyPhotosMoved(t *testing.T) {
	w := newWorld(t)
	p := w.newTablet("c-1", "consultant", false)
	shot := p.photograph(picture(t, 1, 64, 64))
	h := p.sync()
	said := h
	next := func() *heard {
		answer := p.exchange([]wire.Frame{&wire.Hello{Base: said.mark, Digest: digestOf(h)}, &wire.End{}})
		if answer.resend {
			t.Fatal("the base is not known any more")
		}
		if answer.mark != "" {
			said = answer
		}
		return answer
	}
	h = p.sync() // with what it wrote, so that the digest is whole
	said = h
	if len(next().receipts) != 0 {
		t.Fatal("a receipt came though nothing moved")
	}
	p.upload(shot.PhotoName, shot.data).created(nil)
	if r := next().receipts[shot.Ledger]; r == nil || r.PhotosMissing != 0 || r.PhotosUnsaved != 1 {
		t.Fatalf("%+v", r)
	}
	w.save()
	if r := next().receipts[shot.Ledger]; r == nil || r.PhotosUnsaved != 0 {
		t.Fatalf("%+v", r)
	}
	if a := next(); len(a.receipts) != 0 || a.mark != "" {
		t.Fatalf("%+v", a)
	}
}

func TestAHostilePhotoIsRefusedByItsCodeAndSpoilsNoOther(t *testing.T) {
	w := newWorld(t)
	p := w.newTablet("c-1", "consultant", false)
	data := picture(t, 1, 320, 240)
	good := named(t, w.ledger, data)
	bomb := append([]byte(nil), data...)
	at := bytes.Index(bomb, []byte{0xff, 0xc0}) // the frame header: height and width lie at 5
	copy(bomb[at+5:], []byte{0x7f, 0xff, 0x7f, 0xff})
	text := []byte(strings.Repeat("not a picture ", 100))
	large := append([]byte(nil), data...) // few bytes, and more pixels than are decoded for a thumbnail
	copy(large[at+5:], []byte{0x10, 0x00, 0x0c, 0x01})
	var drawing bytes.Buffer
	if err := png.Encode(&drawing, image.NewGray(image.Rect(0, 0, 8, 8))); err != nil {
		t.Fatal(err)
	}
	other := drawing.Bytes()
	header := func(change func(http.Header)) http.Header {
		h := uploadHeader(0, len(data), wire.UploadComplete)
		change(h)
		return h
	}
	for name, test := range map[string]struct {
		photo  wire.PhotoName
		body   []byte
		header http.Header
		code   wire.Code
		offset string
	}{
		"another hash":         {named(t, w.ledger, data[1:]), data, nil, wire.CodeBadPhoto, "0"},
		"no picture":           {named(t, w.ledger, text), text, nil, wire.CodeBadPhoto, "0"},
		"a PNG":                {named(t, w.ledger, other), other, nil, wire.CodeBadPhoto, "0"},
		"too many pixels":      {named(t, w.ledger, large), large, nil, wire.CodeBadPhoto, "0"},
		"a bomb":               {named(t, w.ledger, bomb), bomb, nil, wire.CodeBadPhoto, "0"},
		"too short":            {good, data[:1000], uploadHeader(0, len(data), wire.UploadComplete), wire.CodeMalformed, "1000"},
		"too long":             {named(t, w.ledger, data[2:]), data, uploadHeader(0, 700, wire.UploadComplete), wire.CodeMalformed, "700"},
		"oversized":            {good, data, uploadHeader(0, wire.MaxPhotoBytes+1, wire.UploadIncomplete), wire.CodeTooLarge, ""},
		"a wrong offset":       {named(t, w.ledger, []byte("x")), data[5:], uploadHeader(5, len(data), wire.UploadComplete), wire.CodeStale, "0"},
		"an offset past it":    {good, nil, uploadHeader(9, 5, wire.UploadComplete), wire.CodeMalformed, ""},
		"no length":            {good, data, header(func(h http.Header) { h.Del(wire.UploadLengthHeader) }), wire.CodeMalformed, ""},
		"a signed offset":      {good, data, header(func(h http.Header) { h.Set(wire.UploadOffsetHeader, "+0") }), wire.CodeMalformed, ""},
		"neither part nor end": {good, data, header(func(h http.Header) { h.Del(wire.UploadCompleteHeader) }), wire.CodeMalformed, ""},
		"another media type":   {good, data, header(func(h http.Header) { h.Set("Content-Type", "image/jpeg") }), wire.CodeMalformed, ""},
		"an unknown ledger":    {wire.PhotoName{Ledger: syncengine.LedgerID{Hash: good.Hash}, Hash: good.Hash}, data, nil, wire.CodeUnknownLedger, ""},
		"a restricted ledger":  {named(t, w.restricted, data), data, nil, wire.CodeUnknownLedger, ""},
	} {
		t.Run(name, func(t *testing.T) {
			if test.header == nil {
				test.header = uploadHeader(0, len(test.body), wire.UploadComplete)
			}
			r := p.send("PATCH", photoPath(test.photo), test.body, test.header)
			r.refused(test.code)
			if got := r.header.Get(wire.UploadOffsetHeader); got != test.offset {
				t.Errorf("the offset is said to be %q, want %q", got, test.offset)
			}
			if s := p.state(test.photo); s != wire.PhotoMissing && test.code != wire.CodeUnknownLedger {
				t.Errorf("it is %s", s)
			}
		})
	}
	bad := p.send("PATCH", "/v1/ledgers/"+w.ledger+"/photos/nonsense", data, uploadHeader(0, len(data), wire.UploadComplete))
	bad.refused(wire.CodeNotFound)
	p.send("POST", "/v1/photos/status", []byte(`{"photos":[{"hash":"x"}]}`), nil).refused(wire.CodeMalformed)
	from := p.status(good)[0].Offset
	r := p.send("PATCH", photoPath(good), data[from:], uploadHeader(int(from), len(data), wire.UploadComplete))
	r.created(nil)
}

func TestAPhotoIsSentOnFromWhereItWasCut(t *testing.T) {
	w := newWorld(t)
	p := w.newTablet("c-1", "consultant", false)
	shot := p.photograph(picture(t, 1, 800, 600))
	p.sync()
	site := w.site()
	cuts := 0
	for from := 0; from < len(shot.data); cuts++ {
		p.sendCut(site.URL, shot, from, 20_000)
		from = w.offsetAfter(p, shot, from)
		if from < min((cuts+1)*20_000, len(shot.data)) {
			t.Fatalf("after %d cuts %d bytes are there", cuts+1, from)
		}
	}
	if cuts < 10 {
		t.Fatalf("only %d cuts", cuts)
	}
	if got := p.counts(); got != (photos.Counts{Unsaved: 1}) {
		t.Fatalf("%+v", got)
	}
	r := w.ask(w.coordinator, "GET", photoPath(shot.PhotoName), nil)
	r.ok(nil)
	if !bytes.Equal(r.body, shot.data) {
		t.Fatal("the photo came out changed")
	}
}

// TestARulingBarsAPhotoForEver: by a ruling after the photo came, and by one that came first.
func TestARulingBarsAPhotoForEver(t *testing.T) {
	onStores(t, func(t *testing.T, w *world) {
		p := w.newTablet("c-1", "consultant", false)
		shot := p.photograph(picture(t, 1, 320, 240))
		kept := p.photograph(picture(t, 2, 320, 240))
		half := p.photograph(picture(t, 3, 320, 240))
		p.sync()
		for _, s := range []photographed{shot, kept} {
			p.upload(s.PhotoName, s.data).created(nil)
		}
		w.ask(w.coordinator, "GET", photoPath(shot.PhotoName)+"?size=thumbnail", nil).ok(nil)
		p.send("PATCH", photoPath(half.PhotoName), half.data[:500], uploadHeader(0, len(half.data), wire.UploadIncomplete)).is(http.StatusNoContent, nil)
		if n := len(w.files()); n != 4 {
			t.Fatalf("%d files: %v", n, w.files())
		}
		for _, s := range []photographed{shot, half} {
			w.rule(map[string]any{
				"type": "redact", "target": s.change, "paths": []syncengine.Path{s.element + "hash"}, "reason": "A face was not blurred.",
			}).created(nil)
			if state := p.state(s.PhotoName); state != wire.PhotoBarred {
				t.Fatalf("it is %s", state)
			}
			p.upload(s.PhotoName, s.data).refused(wire.CodeBarred)
			w.ask(w.coordinator, "GET", photoPath(s.PhotoName), nil).refused(wire.CodeBarred)
			w.ask(w.coordinator, "GET", photoPath(s.PhotoName)+"?size=thumbnail", nil).refused(wire.CodeBarred)
			p.send("GET", photoPath(s.PhotoName), nil, nil).refused(wire.CodeBarred)
		}
		if n := len(w.files()); n != 1 {
			t.Fatalf("%d files are left: %v", n, w.files())
		}
		if got := p.counts(); got != (photos.Counts{Unsaved: 1}) {
			t.Fatalf("barred photos are counted: %+v", got)
		}
		if v := w.read("observation", shot.record); len(v.Photos) != 1 || v.Photos[0].State != "barred" || v.Photos[0].Hash != "" {
			t.Fatalf("%+v", v.Photos)
		}
		p.photograph(shot.data) // named anew, it stays barred
		if got := p.counts(); got != (photos.Counts{Unsaved: 1}) {
			t.Fatalf("%+v", got)
		}
		p.upload(shot.PhotoName, shot.data).refused(wire.CodeBarred)
	})
}

func TestOtherLedgersKeepTheBytesThatOneBarred(t *testing.T) {
	w := newWorld(t)
	p := w.newTablet("c-1", "consultant", true)
	shot := p.photograph(picture(t, 1, 64, 64))
	other := named(t, w.restricted, shot.data)
	p.sync()
	p.upload(shot.PhotoName, shot.data).created(nil)
	p.upload(other, shot.data).created(nil)
	w.rule(map[string]any{"type": "redact", "target": shot.change, "paths": []syncengine.Path{shot.element + "hash"}, "reason": "A face."}).created(nil)
	if a, b := p.state(shot.PhotoName), p.state(other); a != wire.PhotoBarred || b != wire.PhotoHeld {
		t.Fatalf("%s and %s", a, b)
	}
}

// TestAPhotoIsBarredThoughItsNameCameAfterTheRuling: a damaged relay had stripped the values.
func TestAPhotoIsBarredThoughItsNameCameAfterTheRuling(t *testing.T) {
	w := newWorld(t)
	p := w.newTablet("c-1", "consultant", false)
	shot := p.photograph(picture(t, 1, 64, 64))
	frames := p.outgoing()
	good := *frames[1].(*wire.Run)
	line, err := wire.DecodeLine(good.Lines[0], good.Ledger)
	if err != nil {
		t.Fatal(err)
	}
	bare := good
	bare.Lines = [][]byte{wire.AppendLine(nil, line.Strip())}
	p.exchange([]wire.Frame{frames[0], &bare, &wire.End{}})
	p.upload(shot.PhotoName, shot.data).created(nil)
	w.clock.Add((90 * 24 * time.Hour).Milliseconds())
	w.sweep(photos.Swept{}) // who knows what the missing values name
	w.rule(map[string]any{"type": "redact", "target": shot.change, "paths": []syncengine.Path{shot.element + "hash"}, "reason": "A face."}).created(nil)
	if s := p.state(shot.PhotoName); s != wire.PhotoHeld {
		t.Fatalf("it is %s before anybody can know its name", s)
	}
	p.exchange([]wire.Frame{frames[0], &good, &wire.End{}})
	if s := p.state(shot.PhotoName); s != wire.PhotoBarred || len(w.files()) > 0 {
		t.Fatalf("it is %s, files %v", s, w.files())
	}
}

func TestTextThatLooksLikeAPhotosNameBarsNothing(t *testing.T) {
	w := newWorld(t)
	p := w.newTablet("c-1", "consultant", false)
	shot := p.photograph(picture(t, 1, 64, 64))
	words := syncengine.Path("/litter/notes/c-1")
	n := note{kind: "observation", lineage: "cleanliness", id: newUUID(t), values: map[syncengine.Path]any{
		"/place": newUUID(t).String(), "/visit": newUUID(t).String(), "/rater": "c-1", words: shot.Hash.String(),
	}}
	c := p.write(n)
	if got := p.counts(); got != (photos.Counts{Missing: 1}) {
		t.Fatalf("%+v", got)
	}
	w.rule(map[string]any{"type": "redact", "target": c, "paths": []syncengine.Path{words}, "reason": "Not a note."}).created(nil)
	p.upload(shot.PhotoName, shot.data).created(nil)
}

func TestARevokedTabletSendsTheOwnPhotosThatItsKeptLinesReferToAndNoOthers(t *testing.T) {
	w := newWorld(t)
	p, q := w.newTablet("c-1", "consultant", false), w.newTablet("c-2", "consultant", false)
	before, theirs := p.photograph(picture(t, 1, 64, 64)), q.photograph(picture(t, 2, 64, 64))
	p.sync()
	q.sync()
	q.upload(theirs.PhotoName, theirs.data).created(nil)
	w.revoke(p).ok(nil)
	beyond := p.photograph(picture(t, 3, 64, 64)) // beyond the cut: kept and set aside, so its photo is kept too
	p.sync()
	p.upload(before.PhotoName, before.data).created(nil)
	p.upload(beyond.PhotoName, beyond.data).created(nil)
	p.upload(theirs.PhotoName, theirs.data).refused(wire.CodeForbidden)
	if s := p.state(theirs.PhotoName); s != wire.PhotoMissing {
		t.Fatalf("a revoked tablet is told that a photo of others is %s", s)
	}
	p.send("GET", photoPath(before.PhotoName), nil, nil).refused(wire.CodeUnknownLedger)
	if got := p.counts(); got != (photos.Counts{Unsaved: 1}) {
		t.Fatalf("%+v", got)
	}
	stranger := w.bareTablet()
	stranger.send("PATCH", photoPath(before.PhotoName), before.data, uploadHeader(0, 5, "?1")).refused(wire.CodeUnknownReplica)
}

func TestARelayMaySendThePhotosOfOthers(t *testing.T) {
	w := newWorld(t)
	p, q := w.newTablet("c-1", "consultant", false), w.newTablet("c-2", "consultant", false)
	shot := p.photograph(picture(t, 1, 64, 64))
	q.upload(shot.PhotoName, shot.data).created(nil) // before the change that names it
	if got := p.counts(); got != (photos.Counts{Unsaved: 1}) {
		t.Fatalf("%+v", got)
	}
	r := q.send("GET", photoPath(shot.PhotoName), nil, nil)
	r.ok(nil)
	if !bytes.Equal(r.body, shot.data) {
		t.Fatal("the photo came out changed")
	}
}

func TestPhotosOfWhatHasNoEffectAreKeptAndNotCounted(t *testing.T) {
	w := newWorld(t)
	p := w.newTablet("c-1", "consultant", false)
	shot := p.photograph(picture(t, 1, 64, 64))
	p.sync()
	w.rule(map[string]any{"type": "refuse", "target": shot.change, "reason": "Not this building."}).created(nil)
	if got := p.counts(); got != (photos.Counts{}) {
		t.Fatalf("refused: %+v", got)
	}
	w.rule(map[string]any{"type": "release", "target": shot.change, "reason": "It was."}).created(nil)
	if got := p.counts(); got != (photos.Counts{Missing: 1}) {
		t.Fatalf("released: %+v", got)
	}
	w.rule(map[string]any{"type": "void", "target": shot.change, "reason": "Twice."}).created(nil)
	p.upload(shot.PhotoName, shot.data).created(nil)
	w.sleep(60 * 24 * time.Hour)
	w.sweep(photos.Swept{})
	if s := p.state(shot.PhotoName); s != wire.PhotoHeld {
		t.Fatalf("the photo of a voided change is %s", s)
	}
}

func (w *world) sweep(want photos.Swept) {
	w.t.Helper()
	got, err := w.s.SweepPhotos(context.Background())
	if err != nil || got != want {
		w.t.Fatalf("swept %+v, want %+v: %v", got, want, err)
	}
}

func TestAPhotoIsCountedOnceTheChecklistOfItsChangeComes(t *testing.T) {
	w := newWorld(t)
	p := w.newTablet("c-1", "consultant", false)
	next := w.successor()
	raw, err := json.Marshal(next)
	if err != nil {
		t.Fatal(err)
	}
	content, err := wire.Canonical(raw)
	if err != nil {
		t.Fatal(err)
	}
	p.checklist = schemas.Identify(content)
	shot := p.photograph(picture(t, 1, 64, 64))
	if got := p.counts(); got != (photos.Counts{}) {
		t.Fatalf("counted before anybody can know: %+v", got)
	}
	p.upload(shot.PhotoName, shot.data).created(nil)
	w.sleep(60 * 24 * time.Hour)
	w.sweep(photos.Swept{}) // what may be a reference keeps it
	w.publish(w.ledger, next).created(nil)
	if got := p.counts(); got != (photos.Counts{Unsaved: 1}) {
		t.Fatalf("%+v", got)
	}
}

func TestWhatNobodyNeedsIsSweptAndWhatIsLostIsAskedForAgain(t *testing.T) {
	w := newWorld(t)
	p := w.newTablet("c-1", "consultant", false)
	shot := p.photograph(picture(t, 1, 64, 64))
	p.sync()
	loose := picture(t, 2, 64, 64)
	begun := picture(t, 3, 64, 64)
	w.clock.Store(time.Now().UnixMilli()) // that of the files
	p.sync()
	p.upload(shot.PhotoName, shot.data).created(nil)
	p.upload(named(t, w.ledger, loose), loose).created(nil)
	p.send("PATCH", photoPath(named(t, w.ledger, begun)), begun[:100], uploadHeader(0, len(begun), "?0")).is(http.StatusNoContent, nil)
	w.sleep(13 * 24 * time.Hour)
	w.sweep(photos.Swept{})
	w.sleep(2 * 24 * time.Hour)
	w.sweep(photos.Swept{Partials: 1})
	w.sleep(14 * 24 * time.Hour)
	w.sweep(photos.Swept{})
	w.sleep(2 * 24 * time.Hour)
	w.sweep(photos.Swept{Loose: 1})
	if files := w.files(); len(files) != 1 || !strings.HasSuffix(files[0], photos.Key(shot.PhotoName)) {
		t.Fatalf("%v", files)
	}
	if err := os.Remove(w.files()[0]); err != nil { // as after an older backup of the folder was restored
		t.Fatal(err)
	}
	w.ask(w.coordinator, "GET", photoPath(shot.PhotoName), nil).refused(wire.CodeNotFound)
	w.sweep(photos.Swept{Lost: 1})
	if got := p.counts(); got != (photos.Counts{Missing: 1}) {
		t.Fatalf("%+v", got)
	}
	p.upload(shot.PhotoName, shot.data).created(nil)
	if got := p.counts(); got != (photos.Counts{Unsaved: 1}) {
		t.Fatalf("%+v", got)
	}
}

func TestAPhotoWhoseNameWasGivenWhenTheServerDiedIsTakenIn(t *testing.T) {
	w := newWorld(t)
	p := w.newTablet("c-1", "consultant", false)
	shots := []photographed{p.photograph(picture(t, 1, 64, 64)), p.photograph(picture(t, 2, 64, 64))}
	p.sync()
	for _, s := range shots { // the file is there under its name, and nothing says so
		w.plant(photos.Key(s.PhotoName), s.data)
	}
	if s := p.state(shots[0].PhotoName); s != wire.PhotoMissing {
		t.Fatalf("it is said to be %s", s)
	}
	r := p.send("PATCH", photoPath(shots[0].PhotoName), nil, uploadHeader(0, len(shots[0].data), wire.UploadComplete))
	r.ok(nil)
	w.sweep(photos.Swept{Found: 1})
	if got := p.counts(); got != (photos.Counts{Unsaved: 2}) {
		t.Fatalf("%+v", got)
	}
}

func (w *world) plant(key string, data []byte) {
	w.t.Helper()
	if err := w.photos.Append(context.Background(), key, 0, data); err != nil {
		w.t.Fatal(err)
	}
}

func TestAFullDiskTakesNoPhotoAndKeepsWhatItHas(t *testing.T) {
	w := newWorld(t)
	p := w.newTablet("c-1", "consultant", false)
	shot := p.photograph(picture(t, 1, 320, 240))
	p.sync()
	p.send("PATCH", photoPath(shot.PhotoName), shot.data[:1000], uploadHeader(0, len(shot.data), "?0")).is(http.StatusNoContent, nil)
	w.openPhotos(1 << 62)
	w.start()
	r := p.send("PATCH", photoPath(shot.PhotoName), shot.data[1000:], uploadHeader(1000, len(shot.data), "?1"))
	r.refused(wire.CodeFull)
	if got := r.header.Get(wire.UploadOffsetHeader); got != "1000" {
		t.Fatalf("the offset is %q", got)
	}
	p.photograph(picture(t, 2, 64, 64))
	if got := p.counts(); got != (photos.Counts{Missing: 2}) { // records go on
		t.Fatalf("%+v", got)
	}
	w.openPhotos(0)
	w.start()
	p.send("PATCH", photoPath(shot.PhotoName), shot.data[1000:], uploadHeader(1000, len(shot.data), "?1")).created(nil)
}

func TestAPhotoIsFetchedByWhoReadsTheLedger(t *testing.T) {
	w := newWorld(t)
	p := w.newTablet("c-1", "consultant", false)
	shot := p.photograph(picture(t, 1, 800, 500))
	p.sync()
	path := photoPath(shot.PhotoName)
	w.ask(w.coordinator, "GET", path, nil).refused(wire.CodeNotFound)
	p.upload(shot.PhotoName, shot.data).created(nil)
	for _, token := range []string{w.coordinator, w.lead, w.auditor} {
		r := w.ask(token, "GET", path, nil)
		r.ok(nil)
		h := r.header
		if !bytes.Equal(r.body, shot.data) || h.Get("Content-Type") != "image/jpeg" || h.Get("ETag") != `"`+shot.Hash.String()+`"` ||
			!strings.Contains(h.Get("Cache-Control"), "private") || !strings.Contains(h.Get("Cache-Control"), "immutable") {
			t.Fatalf("%d bytes, %v", len(r.body), h)
		}
	}
	w.ask(w.administrator, "GET", path, nil).refused(wire.CodeForbidden)
	w.ask(w.coordinator, "GET", path+"?size=poster", nil).refused(wire.CodeInvalid)
	ranged := func(name, value string) *reply {
		r, err := http.NewRequestWithContext(t.Context(), "GET", path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+w.coordinator)
		r.Header.Set(name, value)
		return w.serve(r)
	}
	if r := ranged("Range", "bytes=100-199"); r.status != http.StatusPartialContent || !bytes.Equal(r.body, shot.data[100:200]) {
		t.Fatalf("%d, %d bytes", r.status, len(r.body))
	}
	if r := ranged("If-None-Match", `"`+shot.Hash.String()+`"`); r.status != http.StatusNotModified {
		t.Fatalf("%d", r.status)
	}
	for range 2 { // made, then taken from where it was kept
		r := w.ask(w.coordinator, "GET", path+"?size=thumbnail", nil)
		r.ok(nil)
		c, err := jpeg.DecodeConfig(bytes.NewReader(r.body))
		if err != nil || c.Width != 320 || c.Height != 200 {
			t.Fatalf("%+v %v", c, err)
		}
	}
	loose := picture(t, 2, 64, 64)
	p.upload(named(t, w.ledger, loose), loose).created(nil)
	w.ask(w.coordinator, "GET", photoPath(named(t, w.ledger, loose)), nil).refused(wire.CodeNotFound) // no record shows it
}

func TestAReplicaKeepsNoMoreUnfinishedPhotosThanItsShare(t *testing.T) {
	w := newWorld(t)
	p, q := w.newTablet("c-1", "consultant", false), w.newTablet("c-2", "consultant", false)
	large := make([]byte, wire.MaxPhotoBytes-1)
	begin := func(p *tablet, n int) *reply {
		name := wire.PhotoName{Ledger: ledgerID(t, w.ledger), Hash: syncengine.Hash{1, byte(n)}}
		return p.send("PATCH", photoPath(name), large, uploadHeader(0, wire.MaxPhotoBytes, "?0"))
	}
	n := 0
	for ; n*wire.MaxPhotoBytes < photos.MaxPartialBytes; n++ {
		begin(p, n).is(http.StatusNoContent, nil)
	}
	r := begin(p, n)
	r.refused(wire.CodeBusy)
	if r.header.Get("Retry-After") == "" {
		t.Fatal("it is not said when to try again")
	}
	begin(q, n).is(http.StatusNoContent, nil)
	var names []wire.PhotoName
	for i := range wire.MaxPhotosAsked + 1 {
		names = append(names, wire.PhotoName{Ledger: ledgerID(t, w.ledger), Hash: syncengine.Hash{2, byte(i), byte(i >> 8)}})
	}
	p.send("POST", "/v1/photos/status", wire.AppendPhotoQuery(nil, names), nil).refused(wire.CodeTooLarge)
	if got := len(p.status(names[1:]...)); got != wire.MaxPhotosAsked {
		t.Fatalf("%d", got)
	}
}
