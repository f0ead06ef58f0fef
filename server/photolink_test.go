package server_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/arpenteur/arpenteur/server/photos"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

var errLink = errors.New("the link was cut")

// cutAfter gives some bytes and then fails, so that the client's transport drops the connection.
type cutAfter struct {
	io.Reader
	left int
}

func (c *cutAfter) Read(b []byte) (int, error) {
	if c.left == 0 {
		return 0, errLink
	}
	n, err := c.Reader.Read(b[:min(len(b), c.left)])
	c.left -= n
	return n, err
}

// request makes a signed upload of the rest of a photo.
func (p *tablet) request(url string, shot photographed, from int, body io.Reader) *http.Request {
	p.t.Helper()
	r, err := http.NewRequestWithContext(context.Background(), "PATCH", url+photoPath(shot.PhotoName), body)
	if err != nil {
		p.t.Fatal(err)
	}
	r.ContentLength = int64(len(shot.data) - from)
	r.Header = uploadHeader(from, len(shot.data), wire.UploadComplete)
	auth := wire.SignRequest(p.key, "PATCH", photoPath(shot.PhotoName), p.challenge)
	r.Header.Set("Authorization", auth.String())
	return r
}

// sendCut sends the rest of a photo over a link that is cut after n bytes of it.
func (p *tablet) sendCut(url string, shot photographed, from, n int) {
	p.t.Helper()
	rest := shot.data[from:]
	answer, err := http.DefaultClient.Do(p.request(url, shot, from, &cutAfter{bytes.NewReader(rest), n}))
	if err == nil {
		defer answer.Body.Close()
	}
	if err != nil != (n < len(rest)) {
		p.t.Fatalf("%d of %d bytes sent: %v", n, len(rest), err)
	}
}

// offsetAfter waits until the server has noticed that the link was cut, and returns what it holds then; of a whole photo, its length.
func (w *world) offsetAfter(p *tablet, shot photographed, from int) int {
	w.t.Helper()
	for begun := time.Now(); time.Since(begun) < 20*time.Second; time.Sleep(time.Millisecond) {
		s := p.status(shot.PhotoName)[0]
		if s.State == wire.PhotoHeld {
			return len(shot.data)
		}
		if int(s.Offset) > from && w.s.Uploads() == 0 {
			return int(p.status(shot.PhotoName)[0].Offset)
		}
	}
	w.t.Fatal("what was sent before the cut does not show")
	return 0
}

func TestTwoTabletsSendTheSamePhotoAtOnce(t *testing.T) {
	w := newWorld(t)
	p, q := w.newTablet("c-1", "consultant", false), w.newTablet("c-2", "consultant", false)
	shot := p.photograph(picture(t, 1, 320, 240))
	p.sync()
	var both sync.WaitGroup
	status := make([]int, 2)
	for i, one := range []*tablet{p, q} {
		both.Go(func() {
			r := httptest.NewRequest("PATCH", photoPath(shot.PhotoName), bytes.NewReader(shot.data))
			r.Header = uploadHeader(0, len(shot.data), wire.UploadComplete)
			auth := wire.SignRequest(one.key, "PATCH", photoPath(shot.PhotoName), one.challenge)
			r.Header.Set("Authorization", auth.String())
			out := newRecorder()
			w.network.ServeHTTP(out, r)
			status[i] = out.Code
		})
	}
	both.Wait()
	for _, s := range status {
		if s != http.StatusCreated && s != http.StatusOK {
			t.Fatalf("%v", status)
		}
	}
	if got := p.counts(); got != (photos.Counts{Unsaved: 1}) {
		t.Fatalf("%+v", got)
	}
	if files := w.files(); len(files) != 1 {
		t.Fatalf("%v", files)
	}
}

func TestANewerRequestTakesThePlaceOfOneWhoseLinkDiedUnseen(t *testing.T) {
	w := newWorld(t)
	p := w.newTablet("c-1", "consultant", false)
	shot := p.photograph(picture(t, 1, 800, 600))
	p.sync()
	site := w.site()
	body, hang := io.Pipe()
	var older sync.WaitGroup
	request := p.request(site.URL, shot, 0, body)
	older.Go(func() { // how it ends is the link's business
		if answer, err := http.DefaultClient.Do(request); err == nil {
			answer.Body.Close()
		}
	})
	if _, err := hang.Write(shot.data[:100_000]); err != nil {
		t.Fatal(err)
	}
	for p.status(shot.PhotoName)[0].Offset == 0 { // two pieces are durable at once, the third is being waited for
		time.Sleep(time.Millisecond)
	}
	from := int(p.status(shot.PhotoName)[0].Offset)
	r := p.send("PATCH", photoPath(shot.PhotoName), shot.data[from:], uploadHeader(from, len(shot.data), wire.UploadComplete))
	if r.status == http.StatusConflict { // the older request kept what it had when it was told to end
		from = int(p.status(shot.PhotoName)[0].Offset)
		r = p.send("PATCH", photoPath(shot.PhotoName), shot.data[from:], uploadHeader(from, len(shot.data), wire.UploadComplete))
	}
	r.created(nil)
	_ = hang.CloseWithError(errLink)
	older.Wait()
	if s := p.state(shot.PhotoName); s != wire.PhotoHeld {
		t.Fatalf("it is %s", s)
	}
	if n := strings.Count(w.log.String(), "defect"); n > 0 {
		t.Fatalf("%d defects are told: %s", n, w.log.String())
	}
}
