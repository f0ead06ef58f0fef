package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"testing"

	"github.com/arpenteur/arpenteur/syncengine"
)

// FuzzCheck: what Check accepts is JSON to the standard library too, is its own canonical form, and survives decoding. What Canonical
// makes of the rest is accepted by Check.
func FuzzCheck(f *testing.F) {
	for _, c := range canonicalVectors().Cases {
		if data := c.Input.bytes(f); len(data) < 1000 {
			f.Add(data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		canonical, err := Canonical(data)
		if Check(data, MaxDepth) == nil {
			if err != nil || !bytes.Equal(canonical, data) {
				t.Fatalf("%q is accepted, but brought to %q, %v", data, canonical, err)
			}
			if !json.Valid(data) {
				t.Fatalf("%q is accepted, but no JSON", data)
			}
			decoded, err := DecodeValue(syncengine.Value(data))
			if err != nil {
				t.Fatal(err)
			}
			if again, err := EncodeValue(decoded); !errors.Is(err, CodeTooDeep) && string(again) != string(data) {
				t.Fatalf("%q decodes and encodes to %q, %v", data, again, err)
			}
			return
		}
		if err != nil {
			return
		}
		if err := Check(canonical, MaxDepth); err != nil {
			t.Fatalf("%q is brought to %q, which is refused: %v", data, canonical, err)
		}
	})
}

// FuzzDecodeLine: what is accepted encodes to the same bytes, and keeps its id in every form.
func FuzzDecodeLine(f *testing.F) {
	ledger := ledgerOf(f)
	for _, c := range append(lineVectors(f).Cases, rulingVectors(f).Cases...) {
		if data := c.Line.bytes(f); len(data) < 5000 {
			f.Add(data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		l, err := DecodeLine(data, ledger)
		if err != nil {
			return
		}
		if again := AppendLine(nil, l); !bytes.Equal(again, data) {
			t.Fatalf("%q encodes as %q", data, again)
		}
		if err := Check(data, MaxLineDepth); err != nil {
			t.Fatalf("%q is not canonical: %v", data, err)
		}
		if err := Check(l.AppendHeader(nil), MaxLineDepth); err != nil {
			t.Fatalf("the header of %q is not canonical: %v", data, err)
		}
		for _, other := range []*Line{l.Strip(), l.Redact(allPaths(l)), l.Redact(allPaths(l)[:len(l.Change.Writes)/2])} {
			got, err := DecodeLine(AppendLine(nil, other), ledger)
			if err != nil || got.Change.ID != l.Change.ID {
				t.Fatalf("%q: another id in another form, %v", data, err)
			}
		}
	})
}

// FuzzReader: each line of a body is a frame that encodes to the same bytes, or is refused by itself; no input makes a reader hang,
// panic, or return more than it was given.
func FuzzReader(f *testing.F) {
	for _, c := range frameVectors(f).Cases {
		if data := c.Frame.bytes(f); len(data) < 5000 {
			f.Add(append(data, '\n'), false)
		}
	}
	for _, c := range bodyVectors(f).Cases {
		if data := c.Body.bytes(f); len(data) < 5000 {
			f.Add(data, true)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte, compressed bool) {
		if compressed {
			r := NewReader(bytes.NewReader(data), Limits{Decoded: 1 << 20})
			defer r.Close()
			for size := 0; size <= 1<<20; {
				frame, err := r.Next()
				var one *FrameError
				switch {
				case err == nil:
					size += len(AppendFrame(nil, frame)) + 1
				case !errors.As(err, &one):
					return
				default:
					size++
				}
			}
			t.Fatal("more came out than the limit allows")
		}
		fuzzPlain(t, data)
	})
}

func fuzzPlain(t *testing.T, data []byte) {
	r := NewPlainReader(bytes.NewReader(data), Limits{})
	defer r.Close()
	rest := data
	for {
		frame, err := r.Next()
		var one *FrameError
		if err != nil && !errors.As(err, &one) {
			if bytes.IndexByte(rest, '\n') >= 0 && !errors.Is(err, io.EOF) {
				t.Fatalf("ended with %v before %q", err, rest)
			}
			return
		}
		line, after, _ := bytes.Cut(rest, []byte{'\n'})
		rest = after
		if err != nil {
			continue
		}
		if again := AppendFrame(nil, frame); !bytes.Equal(again, line) {
			t.Fatalf("%q encodes as %q", line, again)
		}
	}
}

// FuzzDecodePhotos: questions, answers and receipts that are accepted encode to the canonical form of what came.
func FuzzDecodePhotos(f *testing.F) {
	for _, c := range photoVectors(f).Cases {
		if len(c.Body) < 5000 {
			f.Add([]byte(c.Body))
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		canonical, err := Canonical(data)
		var again []byte
		if r, err := DecodePhotoReceipt(data); err == nil {
			again = r.Append(nil)
		} else if names, err := DecodePhotoQuery(data); err == nil && len(names) <= MaxPhotosAsked {
			again = AppendPhotoQuery(nil, names)
		} else if list, err := DecodePhotoAnswer(data); err == nil {
			again = AppendPhotoAnswer(nil, list)
		} else {
			return
		}
		if err != nil || !bytes.Equal(again, canonical) {
			t.Fatalf("%q encodes as %q", data, again)
		}
	})
}
