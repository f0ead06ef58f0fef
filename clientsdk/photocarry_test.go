package clientsdk_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/arpenteur/arpenteur/clientsdk"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// holds reports whether a tablet holds a photo with the bytes of another's.
func (p *tablet) holds(from *tablet, name wire.PhotoName) bool {
	p.t.Helper()
	want, err := from.HeldPhoto(name)
	if err != nil {
		p.t.Fatal(err)
	}
	got, err := p.HeldPhoto(name)
	if err != nil && !errors.Is(err, clientsdk.ErrNoPhoto) && !errors.Is(err, fs.ErrNotExist) {
		p.t.Fatal(err)
	}
	return bytes.Equal(got, want)
}

func TestAPhotoTravelsWithItsRecord(t *testing.T) {
	onWays(t, func(t *testing.T, carry func(from, to *tablet) *clientsdk.Report) {
		w := newWorld(t)
		a, b := w.newTablet("a"), w.newTablet("b")
		a.sync()
		saved, name := a.photograph(picture(t, 1, 700, 500))
		waiting := a.newObservation()
		a.shoot(waiting, picture(t, 2, 300, 200)) // nobody has looked it over
		a.commit(waiting)
		if r := carry(a, b); r.PhotosArrived != 1 || len(r.Remarks) != 0 || !b.holds(a, name) {
			t.Fatalf("the first time %+v", r)
		}
		if got := b.onlyPhoto(saved.Ref); !got.Here {
			t.Errorf("it is %+v", got)
		}
		if n := len(b.files("held")); n != 1 {
			t.Errorf("%d photos came", n)
		}
		if r := carry(a, b); r.PhotosArrived != 0 {
			t.Errorf("it came again: %+v", r)
		}
		// Its carrier brings it to the server, which then needs it of nobody else.
		if r := b.sync(); r.PhotosSent != 1 {
			t.Errorf("to the server %+v", r)
		}
		if r := a.sync(); r.PhotoBytes != 0 || a.onlyPhoto(saved.Ref).State != clientsdk.PhotoReceived {
			t.Errorf("it was sent twice: %+v", r)
		}
		c := w.newTablet("c")
		if _, g := meetAs(t, a, c); g.PhotosArrived != 0 {
			t.Errorf("what the server holds was given to a third: %+v", g)
		}
	})
}

func TestALinkThatCutsEvery20KBBringsPhotosBetweenTablets(t *testing.T) {
	for name, sender := range map[string]int{"from the host": 0, "from the guest": 1} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			p := [2]*tablet{w.newTablet("a"), w.newTablet("b")}
			p[0].sync()
			_, photo := p[sender].photograph(picture(t, 1, 800, 600))
			text, address, done := p[0].host(clientsdk.MeetOptions{})
			link, cuts := cutLink(t, address, always(20_000))
			g, err := p[1].Join(ctx, via(t, text, link), clientsdk.MeetOptions{})
			out := <-done
			if err != nil || out.err != nil {
				t.Fatal(err, out.err)
			}
			if g.PhotosArrived+out.report.PhotosArrived != 1 || !p[1-sender].holds(p[sender], photo) || cuts() < 8 {
				t.Errorf("%d cuts, guest %+v, host %+v", cuts(), g, out.report)
			}
			if most := cuts() * 20_000; g.BytesDown+out.report.BytesDown > most+40_000 {
				t.Errorf("%d bytes came over %d cuts", g.BytesDown+out.report.BytesDown, cuts())
			}
		})
	}
}

func TestAStickBringsPhotosToTheServerAndACutOneIsGoneOnWith(t *testing.T) {
	w := newWorld(t)
	a := w.newTablet("a")
	saved, _ := a.photograph(picture(t, 1, 900, 700))
	raw := mustRead(t, a.stick(clientsdk.ExportOptions{}))
	arrived := 0
	for part := 1; part <= 16; part++ { // wherever in the file its section lies, some of the cuts are in the photo
		out := w.postFile(raw[:len(raw)*part/16])
		if out.Code != http.StatusOK {
			continue // nothing of it is for the server so far
		}
		var v taken
		if err := json.Unmarshal(out.Body.Bytes(), &v); err != nil {
			t.Fatal(err)
		}
		for _, l := range v.Ledgers {
			arrived += l.Photos
			if len(l.Remarks) != 0 {
				t.Errorf("up to part %d: %+v", part, v)
			}
		}
	}
	if arrived != 1 {
		t.Errorf("the photo arrived %d times", arrived)
	}
	if r := a.sync(); r.PhotoBytes != 0 || a.onlyPhoto(saved.Ref).State != clientsdk.PhotoReceived {
		t.Errorf("it was sent again: %+v", r)
	}
	if _, err := a.ExportFile(ctx, filepath.Join(t.TempDir(), "again.arp"), clientsdk.ExportOptions{}); !errors.Is(err, clientsdk.ErrCarried) {
		t.Errorf("there is something left to carry: %v", err)
	}
}

// noPhotos is a network that lets records through only.
type noPhotos struct{}

func (noPhotos) RoundTrip(r *http.Request) (*http.Response, error) {
	if strings.Contains(r.URL.Path, "/photos/") {
		return nil, errors.New("nothing gets through")
	}
	return http.DefaultTransport.RoundTrip(r)
}

func TestAPhotoAloneIsWorthAStick(t *testing.T) {
	w := newWorld(t)
	a := w.newTablet("a").through(&http.Client{Transport: noPhotos{}})
	a.photograph(picture(t, 1, 300, 200))
	_, _ = a.Sync(ctx) // the record goes through, the photo does not
	if v := w.takeFile(a.stick(clientsdk.ExportOptions{})); len(v.Ledgers) != 1 || v.Ledgers[0].Lines != 0 || v.Ledgers[0].Photos != 1 {
		t.Errorf("taken %+v", v)
	}
}

func TestAnErasedPhotoIsTakenFromNobody(t *testing.T) {
	onWays(t, func(t *testing.T, carry func(from, to *tablet) *clientsdk.Report) {
		w := newWorld(t)
		a, b := w.newTablet("a"), w.newTablet("b")
		a.sync()
		saved, name := a.photograph(picture(t, 1, 300, 200))
		leaf := a.onlyPhoto(saved.Ref).Element.Child("hash")
		early := a.stick(clientsdk.ExportOptions{Everything: true})
		w.takeFile(early)
		w.redact(saved.Change, leaf)
		b.sync()
		carry(a, b) // who has not heard of the erasure
		if _, err := b.HeldPhoto(name); err == nil || len(b.files("held")) != 0 {
			t.Errorf("it came: %v", b.files("held"))
		}
		if v := w.takeFile(early); v.Ledgers[0].Photos != 0 {
			t.Errorf("the server took it: %+v", v)
		}
	})
}

func TestARevokedTabletGivesItsPhotosAndGetsNone(t *testing.T) {
	w := newWorld(t)
	p, q := w.newTablet("1"), w.newTablet("2")
	p.sync()
	_, own := q.photograph(picture(t, 1, 300, 200))
	_, other := p.photograph(picture(t, 2, 300, 200))
	w.people("POST", "/v1/devices/"+w.device("2").Replica.String()+"/revoke", map[string]any{"reason": "Tablet lost."}, nil)
	if _, err := p.Sync(ctx); err != nil {
		t.Fatal(err)
	}
	meetAs(t, p, q)
	if !p.holds(q, own) {
		t.Error("its own photo did not come")
	}
	if _, err := q.HeldPhoto(other); err == nil {
		t.Error("it got another's")
	}
}

func TestWhatIsNoPhotoOfTheLedgerIsNotKept(t *testing.T) {
	onCarriers(t, func(t *testing.T, w *world, bring func(q *tablet, name string, frames ...wire.Frame) *clientsdk.Report) {
		a, q := w.newTablet("a"), w.newTablet("2")
		saved, name := a.photograph(picture(t, 1, 300, 200))
		raw, err := a.HeldPhoto(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := a.Sync(ctx); err != nil {
			t.Fatal(err)
		}
		q.sync()
		size := uint64(len(raw))
		piece := func(from, to uint64, change func(f *wire.PhotoPiece)) wire.Frame {
			f := &wire.PhotoPiece{Ledger: name.Ledger, Hash: name.Hash, Size: size, Offset: from, Data: bytes.Clone(raw[from:to])}
			change(f)
			return f
		}
		same := func(*wire.PhotoPiece) {}
		for what, c := range map[string]struct {
			frames []wire.Frame
			code   wire.Code
		}{
			"other bytes":             {[]wire.Frame{piece(0, size, func(f *wire.PhotoPiece) { f.Data[size/2] ^= 1 })}, wire.CodeBadPhoto},
			"one nobody refers to":    {[]wire.Frame{piece(0, size, func(f *wire.PhotoPiece) { f.Hash[0] ^= 1 })}, ""},
			"one of no ledger here":   {[]wire.Frame{piece(0, size, func(f *wire.PhotoPiece) { f.Ledger.Hash[0] ^= 1 })}, ""},
			"a gap":                   {[]wire.Frame{piece(0, 1000, same), piece(2000, size, same)}, ""},
			"another size in between": {[]wire.Frame{piece(0, 1000, same), piece(1000, 2000, func(f *wire.PhotoPiece) { f.Size++ })}, ""},
		} {
			r := bring(q, "2", c.frames...)
			if n := len(r.Remarks); r.PhotosArrived != 0 || c.code == "" && n != 0 || c.code != "" && (n != 1 || r.Remarks[0].Code != c.code) {
				t.Errorf("%s: %+v", what, r)
			}
		}
		// What is right still comes, in any pieces, beside one that is not.
		r := bring(q, "2", piece(0, size, func(f *wire.PhotoPiece) { f.Hash[0] ^= 1 }), piece(0, 3000, same), piece(2000, size, same), piece(0, size, same))
		if r.PhotosArrived != 1 || !q.onlyPhoto(saved.Ref).Here || len(q.files("held")) != 1 {
			t.Errorf("%+v, %v", r, q.files("held"))
		}
	})
}
