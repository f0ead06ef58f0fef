package clientsdk_test

import (
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"

	"github.com/arpenteur/arpenteur/clientsdk"
	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// noise is a text that compresses badly.
func noise(n int) string {
	var b strings.Builder
	for range n {
		b.WriteString(uuid.NewString())
	}
	return b.String()
}

// linkTo forwards connections to an address; what passes in either direction of the nth is read through wrap.
func linkTo(t *testing.T, to string, wrap func(n int, from io.Reader) io.Reader) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	pipe := func(a, b net.Conn, n int) {
		_, _ = io.Copy(a, wrap(n, b))
		_, _ = a.Close(), b.Close()
	}
	go func() {
		for n := 0; ; n++ {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", to)
			if err != nil {
				_ = in.Close()
				return
			}
			go pipe(in, out, n)
			go pipe(out, in, n)
		}
	}()
	return l.Addr().String()
}

// cutLink forwards connections to an address, the nth for limit(n) bytes in either direction.
func cutLink(t *testing.T, to string, limit func(n int) int) (address string, cuts func() int64) {
	t.Helper()
	count := new(atomic.Int64)
	return linkTo(t, to, func(n int, from io.Reader) io.Reader {
		limited := &io.LimitedReader{R: from, N: int64(limit(n))}
		return io.MultiReader(limited, told{limited, count})
	}), count.Load
}

// told counts the streams that were cut at their limit. It is empty.
type told struct {
	limited *io.LimitedReader
	count   *atomic.Int64
}

func (e told) Read([]byte) (int, error) {
	if e.limited.N <= 0 {
		e.count.Add(1)
	}
	return 0, io.EOF
}

// always is the same limit for every connection.
func always(limit int) func(int) int { return func(int) int { return limit } }

// firstOnly is a limit for the first connection alone.
func firstOnly(limit int) func(int) int {
	return func(n int) int {
		if n == 0 {
			return limit
		}
		return 1 << 30
	}
}

// via is a pairing text that leads by another address.
func via(t *testing.T, text, address string) string {
	t.Helper()
	pairing, err := wire.ParsePairing(text)
	if err != nil {
		t.Fatal(err)
	}
	pairing.Addresses = []string{address}
	return pairing.String()
}

func TestALinkThatCutsEvery20KBLosesNothing(t *testing.T) {
	w := newWorld(t)
	p, q := w.newTablet("1"), w.newTablet("2")
	p.sync()
	var refs []clientsdk.Ref
	for i := range 160 {
		tablet := []*tablet{p, q}[i%2]
		note := noise(40)
		refs = append(refs, tablet.observe(map[syncengine.Path]any{"/litter/rating": "2", "/litter/notes/c-x": note}).Ref)
	}
	text, address, done := p.host(clientsdk.MeetOptions{})
	link, cuts := cutLink(t, address, always(20_000))
	g, err := q.Join(ctx, via(t, text, link), clientsdk.MeetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	out := <-done
	if out.err != nil {
		t.Fatal(out.err)
	}
	same(t, p, q, refs...)
	if cuts() < 3 || g.Received != 80 || out.report.Received != 80 {
		t.Errorf("%d cuts, guest %+v, host %+v", cuts(), g, out.report)
	}
}

func TestALinkThatBreaksAtAnyPointOfTheMeetingEndsItOnNeitherSide(t *testing.T) {
	w := newWorld(t)
	p, q := w.newTablet("1"), w.newTablet("2")
	p.sync()
	for limit := 1000; limit < 4600; limit += 150 {
		a := p.observe(map[syncengine.Path]any{"/litter/rating": "2"})
		b := q.observe(map[syncengine.Path]any{"/litter/rating": "3"})
		text, address, done := p.host(clientsdk.MeetOptions{})
		link, _ := cutLink(t, address, firstOnly(limit))
		if _, err := q.Join(ctx, via(t, text, link), clientsdk.MeetOptions{}); err != nil {
			t.Fatalf("cut at %d: %v", limit, err)
		}
		if out := <-done; out.err != nil {
			t.Fatalf("cut at %d: %v", limit, out.err)
		}
		same(t, p, q, a.Ref, b.Ref)
	}
}

// flipped is a stream in which one bit is another.
type flipped struct {
	io.Reader
	left int // bytes before it
}

func (f *flipped) Read(p []byte) (int, error) {
	n, err := f.Reader.Read(p)
	if f.left >= 0 && f.left < n {
		p[f.left] ^= 4
	}
	f.left -= n
	return n, err
}

func TestABitThatFlipsOnTheWayBreaksTheConnectionAndNothingElse(t *testing.T) {
	w := newWorld(t)
	p, q := w.newTablet("1"), w.newTablet("2")
	p.sync()
	for at := 0; at < 4000; at += 190 {
		a := p.observe(map[syncengine.Path]any{"/litter/rating": "2"})
		b := q.observe(map[syncengine.Path]any{"/litter/rating": "3"})
		text, address, done := p.host(clientsdk.MeetOptions{})
		text = via(t, text, linkTo(t, address, func(n int, from io.Reader) io.Reader {
			if n == 0 {
				return &flipped{from, at}
			}
			return from
		}))
		g, err := q.Join(ctx, text, clientsdk.MeetOptions{})
		if err != nil { // where the handshake itself was hit it may look like another tablet: the person tries again
			g, err = q.Join(ctx, text, clientsdk.MeetOptions{})
		}
		out := <-done
		if err != nil || out.err != nil || len(g.Remarks)+len(out.report.Remarks) != 0 {
			t.Fatalf("flipped at %d: guest %+v %v, host %+v %v", at, g, err, out.report, out.err)
		}
		same(t, p, q, a.Ref, b.Ref)
	}
}
