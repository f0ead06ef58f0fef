package wire

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"reflect"
	"testing"
	"testing/iotest"
)

// readAll returns the frames of a body up to the error that ended it.
func readAll(r *Reader) (frames []Frame, refused []error, end error) {
	defer r.Close()
	for {
		f, err := r.Next()
		var one *FrameError
		switch {
		case err == nil:
			frames = append(frames, f)
		case errors.As(err, &one):
			refused = append(refused, err)
		default:
			return frames, refused, err
		}
	}
}

func TestABodySurvivesCompression(t *testing.T) {
	var want []Frame
	for _, f := range someFrames(t) {
		if e, ok := f.(*End); !ok || !e.More {
			want = append(want, f)
		}
	}
	var zipped, plain bytes.Buffer
	for _, w := range []*Writer{NewWriter(&zipped), NewPlainWriter(&plain)} {
		for _, f := range want {
			if err := w.WriteFrame(f); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for name, r := range map[string]*Reader{
		"compressed": NewReader(&zipped, Limits{}),
		"plain":      NewPlainReader(&plain, Limits{}),
	} {
		got, refused, end := readAll(r)
		if !errors.Is(end, io.EOF) || len(refused) > 0 {
			t.Errorf("%s: ended with %v, refused %v", name, end, refused)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: read %d frames, not the %d written", name, len(got), len(want))
		}
	}
}

func TestACutBodyGivesEveryCompleteFrame(t *testing.T) {
	body, frames := tabletBody(t, 60)
	runs := 0
	for cut := range len(body) {
		got, refused, end := readAll(NewReader(bytes.NewReader(body[:cut]), Limits{}))
		if len(refused) > 0 {
			t.Fatalf("cut at %d: refused %v", cut, refused)
		}
		if !errors.Is(end, CodeTruncated) && (!errors.Is(end, io.EOF) || len(got) != len(frames)) {
			t.Fatalf("cut at %d: ended with %v after %d frames", cut, end, len(got))
		}
		if len(got) > 0 && !reflect.DeepEqual(got, frames[:len(got)]) {
			t.Fatalf("cut at %d: the %d frames are not the first of those sent", cut, len(got))
		}
		if len(got) < runs {
			t.Fatalf("cut at %d: %d frames, but %d at an earlier cut", cut, len(got), runs)
		}
		runs = len(got)
	}
	if runs < len(frames)-1 {
		t.Errorf("only %d of %d frames came before the last byte", runs, len(frames))
	}
}

// TestEachRunIsReadableOnceItIsWritten cuts where a writer had flushed: nothing that was handed on may wait for what follows.
func TestEachRunIsReadableOnceItIsWritten(t *testing.T) {
	_, frames := tabletBody(t, 100)
	var body bytes.Buffer
	w := NewWriter(&body)
	for i, f := range frames[:len(frames)-1] {
		if err := w.WriteFrame(f); err != nil {
			t.Fatal(err)
		}
		if _, ok := f.(*Run); !ok {
			continue
		}
		if got, _, end := readAll(NewReader(bytes.NewReader(body.Bytes()), Limits{})); len(got) != i+1 || !errors.Is(end, CodeTruncated) {
			t.Errorf("after run %d: read %d frames, ended with %v", i, len(got), end)
		}
		if w.Written() != int64(body.Len()) {
			t.Errorf("written is %d, of %d", w.Written(), body.Len())
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestABodyIsReadWhateverThePiecesItArrivesIn(t *testing.T) {
	body, frames := tabletBody(t, 60)
	for name, in := range map[string]io.Reader{
		"one byte":          iotest.OneByteReader(bytes.NewReader(body)),
		"halves":            iotest.HalfReader(bytes.NewReader(body)),
		"data with the end": iotest.DataErrReader(bytes.NewReader(body)),
	} {
		got, refused, end := readAll(NewReader(in, Limits{}))
		if !errors.Is(end, io.EOF) || len(refused) > 0 || !reflect.DeepEqual(got, frames) {
			t.Errorf("%s: %d frames, refused %v, ended with %v", name, len(got), refused, end)
		}
	}
}

func TestAConnectionThatBreaksCutsTheBody(t *testing.T) {
	body, _ := tabletBody(t, 60)
	broken := errors.New("connection reset")
	for name, read := range map[string]func(io.Reader) *Reader{
		"compressed": func(r io.Reader) *Reader { return NewReader(r, Limits{}) },
		"plain":      func(r io.Reader) *Reader { return NewPlainReader(r, Limits{}) },
	} {
		in := io.MultiReader(bytes.NewReader(body[:len(body)*3/4]), iotest.ErrReader(broken))
		if name == "plain" {
			in = io.MultiReader(bytes.NewReader([]byte("{\"type\":\"resend\"}\n{\"ty")), iotest.ErrReader(broken))
		}
		got, _, end := readAll(read(in))
		if !errors.Is(end, CodeTruncated) || !errors.Is(end, broken) || len(got) == 0 {
			t.Errorf("%s: %d frames, ended with %v", name, len(got), end)
		}
	}
}

func TestABodyOverItsLimitIsTooLarge(t *testing.T) {
	body, frames := tabletBody(t, 60)
	got, _, end := readAll(NewReader(bytes.NewReader(body), Limits{Body: int64(len(body) - 1)}))
	if !errors.Is(end, CodeTooLarge) && !errors.Is(end, io.EOF) {
		t.Errorf("one byte over: ended with %v", end)
	}
	if len(got) < len(frames)-2 {
		t.Errorf("one byte over: read only %d frames of %d", len(got), len(frames))
	}
	if _, _, end := readAll(NewReader(bytes.NewReader(body), Limits{Body: int64(len(body) / 2)})); !errors.Is(end, CodeTooLarge) {
		t.Errorf("half over: ended with %v", end)
	}
	if _, _, end := readAll(NewReader(bytes.NewReader(body), Limits{Body: int64(len(body))})); !errors.Is(end, io.EOF) {
		t.Errorf("at the limit: ended with %v", end)
	}
	if _, _, end := readAll(NewReader(bytes.NewReader(body), Limits{Decoded: 20_000})); !errors.Is(end, CodeBomb) {
		t.Errorf("decoded over: ended with %v", end)
	}
}

// TestDamageEndsABodyWithoutHarm flips bits. A frame that comes through damaged is refused later, by hash and signature.
func TestDamageEndsABodyWithoutHarm(t *testing.T) {
	body, frames := tabletBody(t, 40)
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		damaged := bytes.Clone(body)
		damaged[rnd.IntN(len(damaged))] ^= 1 << rnd.IntN(8)
		got, refused, end := readAll(NewReader(bytes.NewReader(damaged), Limits{}))
		if end == nil || len(got)+len(refused) > 20*len(frames) {
			t.Fatalf("%d frames, %d refused, ended with %v", len(got), len(refused), end)
		}
		switch code := CodeOf(end); {
		case errors.Is(end, io.EOF), code == CodeTruncated, code == CodeMalformed, code == CodeBomb:
		default:
			t.Fatalf("ended with %v", end)
		}
	}
}

func TestAReaderGoesOnAfterAFrameThatIsTooLong(t *testing.T) {
	long := append(bytes.Repeat([]byte{'x'}, MaxFrameBytes+1), '\n')
	in := append(append([]byte("{\"type\":\"resend\"}\n"), long...), "{\"type\":\"end\"}\n"...)
	got, refused, end := readAll(NewPlainReader(bytes.NewReader(in), Limits{}))
	if len(got) != 2 || len(refused) != 1 || !errors.Is(refused[0], CodeTooLarge) || !errors.Is(end, io.EOF) {
		t.Errorf("read %d frames, refused %v, ended with %v", len(got), refused, end)
	}
}

func TestAReaderRepeatsItsLastWord(t *testing.T) {
	r := NewPlainReader(bytes.NewReader([]byte("{\"type\":\"end\"}\nmore")), Limits{})
	if _, err := r.Next(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := r.Next(); !errors.Is(err, io.EOF) {
			t.Errorf("after the end frame: %v", err)
		}
	}
	r.Close()
	r.Close()
	if _, err := r.Next(); err == nil {
		t.Error("a closed reader reads on")
	}
}

// failingWriter takes some bytes, then fails.
type failingWriter struct{ left int }

func (w *failingWriter) Write(p []byte) (int, error) {
	if w.left -= len(p); w.left < 0 {
		return 0, errors.New("disk full")
	}
	return len(p), nil
}

func TestAWriterReportsTheFirstErrorAndIsUsedAgain(t *testing.T) {
	_, frames := tabletBody(t, 60)
	for range 3 {
		w := NewWriter(&failingWriter{left: 3000})
		var err error
		for _, f := range frames {
			if err = w.WriteFrame(f); err != nil {
				break
			}
		}
		if err == nil || w.Close() == nil {
			t.Error("no error from a writer that fails")
		}
		if err := w.WriteFrame(&End{}); err == nil {
			t.Error("a closed writer takes a frame")
		}
	}
	// The encoders went back to the pool: the next body must not carry anything of theirs.
	body, frames := tabletBody(t, 60)
	if got, _, end := readAll(NewReader(bytes.NewReader(body), Limits{})); !errors.Is(end, io.EOF) || !reflect.DeepEqual(got, frames) {
		t.Errorf("a body written after failures: %d frames, ended with %v", len(got), end)
	}
}

func TestAWriterRefusesAFrameThatIsTooLarge(t *testing.T) {
	var body bytes.Buffer
	w := NewPlainWriter(&body)
	err := w.WriteFrame(&Remark{Code: CodeInvalid, Detail: string(bytes.Repeat([]byte{'x'}, MaxFrameBytes))})
	if !errors.Is(err, CodeTooLarge) || body.Len() != 0 {
		t.Errorf("err is %v, %d bytes were written", err, body.Len())
	}
	if err := w.WriteFrame(&End{}); err != nil {
		t.Errorf("the frame after it: %v", err)
	}
}
