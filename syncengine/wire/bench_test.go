package wire

import (
	"bytes"
	"errors"
	"io"
	"testing"
)

func BenchmarkDecodeLine(b *testing.B) {
	ledger := ledgerOf(b)
	data := AppendLine(nil, mustLine(b, observationHeader(b), "observation"))
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := DecodeLine(data, ledger); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkHashLine is the floor under BenchmarkDecodeLine: the hashes of a line that is decoded already.
func BenchmarkHashLine(b *testing.B) {
	l := mustLine(b, observationHeader(b), "observation")
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		buf = l.seal(buf)
	}
}

func BenchmarkAppendLine(b *testing.B) {
	l := mustLine(b, observationHeader(b), "observation")
	buf := AppendLine(nil, l)
	b.SetBytes(int64(len(buf)))
	b.ReportAllocs()
	for b.Loop() {
		buf = AppendLine(buf[:0], l)
	}
}

func BenchmarkNewLine(b *testing.B) {
	h := observationHeader(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := NewLine(h, saltOf("observation")); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCheck(b *testing.B) {
	data := AppendLine(nil, mustLine(b, observationHeader(b), "observation"))
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if err := Check(data, MaxLineDepth); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkVerifyRun decodes and verifies a run of 20 observations: all that a receiver does before it keeps them.
func BenchmarkVerifyRun(b *testing.B) {
	tab, ledger := newTablet(b, "bench"), ledgerOf(b)
	lines := make([]*Line, 20)
	for i := range lines {
		lines[i] = tab.observation()
	}
	run := runs(b, "tablet", ledger, lines)[0]
	start, key := ChainStart(ledger, run.Replica), publicOf("tablet")
	b.ReportAllocs()
	for b.Loop() {
		decoded, err := run.Decode()
		if err != nil {
			b.Fatal(err)
		}
		if _, err := run.Verify(start, key, decoded); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(run.Lines)), "ns/line")
}

// BenchmarkReadBody reads the body of one tablet's 500 observations up to undecoded lines: decompression and framing.
func BenchmarkReadBody(b *testing.B) {
	body, _ := tabletBody(b, 500)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		r := NewReader(bytes.NewReader(body), Limits{})
		for {
			if _, err := r.Next(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				b.Fatal(err)
			}
		}
		r.Close()
	}
}

// BenchmarkWriteBody writes that body and reports what one observation costs on the wire, all included.
func BenchmarkWriteBody(b *testing.B) {
	_, frames := tabletBody(b, 500)
	b.ReportAllocs()
	var written int64
	for b.Loop() {
		w := NewWriter(io.Discard)
		for _, f := range frames {
			if err := w.WriteFrame(f); err != nil {
				b.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			b.Fatal(err)
		}
		written = w.Written()
	}
	b.ReportMetric(float64(written)/500, "wirebytes/observation")
}

// tabletBody is the request body in which one tablet pushes n observations of its own, and its frames.
func tabletBody(t testing.TB, n int) ([]byte, []Frame) {
	t.Helper()
	tab, ledger := newTablet(t, "body"), ledgerOf(t)
	lines := make([]*Line, n)
	for i := range lines {
		lines[i] = tab.observation()
	}
	frames := []Frame{&Hello{Base: "b1"}}
	for _, r := range runs(t, "tablet", ledger, lines) {
		frames = append(frames, r)
	}
	frames = append(frames, &End{})
	var body bytes.Buffer
	w := NewWriter(&body)
	for _, f := range frames {
		if err := w.WriteFrame(f); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return body.Bytes(), frames
}

func TestAnObservationCostsWellBelow200BytesOnTheWire(t *testing.T) {
	const n = 500
	body, frames := tabletBody(t, n)
	plain, count := 0, 0
	for _, f := range frames {
		if r, ok := f.(*Run); ok {
			for _, l := range r.Lines {
				plain += len(l)
				count++
			}
		}
	}
	t.Logf("%d observations: %d bytes each as lines, %.1f in the body, in %d frames", count, plain/count, float64(len(body))/n, len(frames))
	if count != n || len(body)/n >= 200 {
		t.Errorf("%d observations take %d bytes each in the body", count, len(body)/n)
	}
}
