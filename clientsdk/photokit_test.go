package clientsdk_test

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"io/fs"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/arpenteur/arpenteur/clientsdk"
	"github.com/arpenteur/arpenteur/server/photos"
	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/store"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// picture returns a JPEG that differs by its seed and is hard to compress.
func picture(t testing.TB, seed uint64, w, h int) []byte {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 1))
	m := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			m.SetRGBA(x, y, color.RGBA{byte(r.Uint32()), byte(x), byte(y), 255})
		}
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, &jpeg.Options{Quality: 90}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// newObservation opens a draft of an observation of the hall.
func (p *tablet) newObservation() *clientsdk.Draft {
	p.t.Helper()
	d, err := p.NewRecord(context.Background(), p.w.ledger, "cleanliness")
	if err != nil {
		p.t.Fatal(err)
	}
	account, err := p.Account(context.Background())
	if err == nil {
		err = d.SetAll(map[syncengine.Path]any{"/place": hall, "/visit": visit, "/rater": string(account)})
	}
	if err != nil {
		p.t.Fatal(err)
	}
	return d
}

func (p *tablet) commit(d *clientsdk.Draft) clientsdk.Saved {
	p.t.Helper()
	saved, err := d.Commit(context.Background())
	if err != nil {
		p.t.Fatal(err)
	}
	return saved
}

func (p *tablet) shoot(d *clientsdk.Draft, raw []byte) clientsdk.WaitingPhoto {
	p.t.Helper()
	taken, err := d.TakePhoto(context.Background(), "/photos", bytes.NewReader(raw), clientsdk.PhotoOptions{Caption: "Boîtes aux lettres"})
	if err != nil {
		p.t.Fatal(err)
	}
	return taken
}

// review says that there is nothing to blur.
func (p *tablet) review(taken clientsdk.WaitingPhoto) wire.PhotoName {
	p.t.Helper()
	name, err := p.ReviewPhoto(context.Background(), taken.ID, clientsdk.Review{NothingToBlur: true})
	if err != nil {
		p.t.Fatal(err)
	}
	return name
}

// photograph commits an observation with one photo that was looked over.
func (p *tablet) photograph(raw []byte) (clientsdk.Saved, wire.PhotoName) {
	p.t.Helper()
	d := p.newObservation()
	name := p.review(p.shoot(d, raw))
	return p.commit(d), name
}

func (p *tablet) onlyPhoto(ref clientsdk.Ref) clientsdk.Photo {
	p.t.Helper()
	list, err := p.Photos(context.Background(), ref)
	if err != nil || len(list) != 1 {
		p.t.Fatalf("%d photos, %v", len(list), err)
	}
	return list[0]
}

func (p *tablet) counts() clientsdk.PhotoCounts {
	p.t.Helper()
	s, err := p.Status(context.Background())
	if err != nil {
		p.t.Fatal(err)
	}
	return s.Photos
}

// files lists what lies in the folder of the tablet's photos, by the beginnings of its path.
func (p *tablet) files(kind string) []string {
	p.t.Helper()
	var out []string
	err := filepath.WalkDir(filepath.Join(p.folder, "photos", kind), func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			out = append(out, path)
		}
		if os.IsNotExist(err) {
			err = nil
		}
		return err
	})
	if err != nil {
		p.t.Fatal(err)
	}
	slices.Sort(out)
	return out
}

// backUp notes at the server that a verified backup holds its photos.
func (w *world) backUp() {
	w.t.Helper()
	var arrived uint64
	err := w.store.View(context.Background(), func(r store.Reader) (err error) {
		arrived, err = photos.Arrived(r, w.ledger)
		return err
	})
	if err == nil {
		_, err = w.server.PhotosSaved(context.Background(), w.ledger, arrived)
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

// redact has the coordinator erase a photo of a change.
func (w *world) redact(change syncengine.ChangeID, leaf syncengine.Path) {
	w.t.Helper()
	w.people("POST", "/v1/ledgers/"+w.ledger.String()+"/rulings", map[string]any{
		"type": "redact", "target": change, "paths": []syncengine.Path{leaf}, "reason": "Un visage n'était pas flouté.",
	}, nil)
}

// tower is the network of a tower block: each connection carries some bytes, both ways together, and then breaks.
type tower struct {
	carries int64
	cuts    atomic.Int64
}

func (w *tower) client() *http.Client {
	dialer := new(net.Dialer)
	return &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dialer.DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		c := &towerConn{Conn: conn, tower: w}
		c.left.Store(w.carries)
		return c, nil
	}}}
}

type towerConn struct {
	net.Conn
	tower *tower
	left  atomic.Int64
}

func (c *towerConn) Write(p []byte) (int, error) {
	left := c.left.Add(-int64(len(p)))
	if left >= 0 {
		return c.Conn.Write(p)
	}
	n := 0
	if fits := int64(len(p)) + left; fits > 0 {
		n, _ = c.Conn.Write(p[:fits])
	}
	return n, c.cut()
}

func (c *towerConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if c.left.Add(-int64(n)) < 0 {
		return 0, c.cut()
	}
	return n, err
}

func (c *towerConn) cut() error {
	c.tower.cuts.Add(1)
	_ = c.Close()
	return fmt.Errorf("the link was cut: %w", net.ErrClosed)
}

// witness counts the requests about photos that pass, and what they carry.
type witness struct {
	inner   http.RoundTripper
	uploads atomic.Int64
	change  func(*http.Response)
}

func (w *witness) RoundTrip(r *http.Request) (*http.Response, error) {
	if strings.Contains(r.URL.Path, "/photos/") && r.Method == http.MethodPatch {
		w.uploads.Add(1)
	}
	answer, err := w.inner.RoundTrip(r)
	if err == nil && w.change != nil {
		w.change(answer)
	}
	return answer, err
}

// through has the tablet reach the server by another way.
func (p *tablet) through(client *http.Client) *tablet {
	p.t.Helper()
	p.o.HTTP = client
	return p.reopen()
}
