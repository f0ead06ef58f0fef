package file_test

import (
	"bytes"
	"crypto/ecdh"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha512"
	"encoding/binary"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"filippo.io/age"
	"filippo.io/age/plugin"

	"github.com/arpenteur/arpenteur/syncengine/wire"
	"github.com/arpenteur/arpenteur/syncengine/wire/file"
)

func texts(frames []wire.Frame) []string {
	var out []string
	for _, f := range frames {
		out = append(out, string(wire.AppendFrame(nil, f)))
	}
	return out
}

func TestASectionIsReadByThoseItIsSealedTo(t *testing.T) {
	f := newFixture(t, 3)
	data := fileOf(t, f.frames, f.frames[:1])
	for _, name := range []string{"tablet", "authority"} {
		all, code := read(data, name)
		if code != "" || len(all) != 2 || all[0].Code != "" || !slices.Equal(all[0].Frames, texts(f.frames)) {
			t.Errorf("%s read %+v, %q", name, all, code)
		}
		if all[1].Code != wire.CodeTruncated || len(all[1].Frames) != 1 {
			t.Errorf("a section without an end frame was read as %+v", all[1])
		}
	}
	all, code := read(data, "stranger")
	if code != "" || len(all) != 2 || !all[0].Sealed || !all[1].Sealed {
		t.Errorf("a stranger read %+v, %q", all, code)
	}
}

func TestAFileShowsNothingInClear(t *testing.T) {
	f := newFixture(t, 3)
	data := fileOf(t, f.frames)
	for what, clear := range map[string][]byte{
		"ledger": f.ledger.Hash[:], "ledger text": []byte(f.ledger.String()), "author": []byte("u-7f3a"), "kind": []byte("observation"),
		"key of a recipient": publicOf("tablet"), "replica": []byte(wire.ReplicaOf(publicOf("tablet")).String()),
	} {
		if bytes.Contains(data, clear) {
			t.Errorf("the %s stands in the file", what)
		}
	}
	var out bytes.Buffer
	w := file.NewWriter(&out)
	for n := range 40 {
		out.Reset()
		var to []string
		for i := range n {
			to = append(to, strings.Repeat("x", i))
		}
		section(t, w, nil, to...)
		if err := w.Decoy(0); err != nil {
			t.Fatal(err)
		}
		_ = w.Close()
		if got := bytes.Count(out.Bytes(), []byte("-> X25519 ")); got%16 != 0 || got < n {
			t.Errorf("%d recipients show as %d", n, got)
		}
		w = file.NewWriter(&out)
	}
}

func TestADecoyLooksLikeASectionForOthers(t *testing.T) {
	var out bytes.Buffer
	w := file.NewWriter(&out)
	section(t, w, newFixture(t, 1).frames, "tablet")
	if err := errors.Join(w.Decoy(70_000), w.Close()); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"tablet", "authority"} {
		all, code := read(out.Bytes(), name)
		if code != "" || len(all) != 2 || !all[1].Sealed {
			t.Errorf("%s read %+v, %q", name, all, code)
		}
	}
}

func TestTheAgeProgramOpensWhatIsSealedAndTheOtherWayRound(t *testing.T) {
	sum := sha512.Sum512(keyOf("tablet").Seed())
	private, err := ecdh.X25519().NewPrivateKey(sum[:32])
	if err != nil {
		t.Fatal(err)
	}
	text, err := plugin.EncodeX25519Recipient(private.PublicKey())
	if err != nil {
		t.Fatal(err)
	}
	to, err := age.ParseX25519Recipient(text)
	if err != nil {
		t.Fatal(err)
	}
	var sealed bytes.Buffer
	w, err := age.Encrypt(&sealed, to)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(w, "sealed by age"); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	out.WriteString("arpenteur/1 file\n")
	_ = binary.Write(&out, binary.BigEndian, uint32(sealed.Len())) //nolint:gosec // small
	out.Write(sealed.Bytes())
	out.Write(make([]byte, 8))
	s, err := file.NewReader(&out).Next()
	if err != nil {
		t.Fatal(err)
	}
	body, err := s.Open(keyOf("stranger"), keyOf("tablet"))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(body); string(got) != "sealed by age" || err != nil {
		t.Errorf("read %q, %v", got, err)
	}
}

func TestACutFileGivesWhatIsComplete(t *testing.T) {
	f := newFixture(t, 3)
	data := fileOf(t, f.frames, f.frames)
	for n := 0; n < len(data); n += 7 {
		all, code := read(data[:n], "tablet")
		if code != wire.CodeTruncated && (n > 0 || code != wire.CodeMalformed) {
			t.Fatalf("cut at %d: %q", n, code)
		}
		for _, o := range all {
			if len(o.Frames) > len(f.frames) || !slices.Equal(o.Frames, texts(f.frames)[:len(o.Frames)]) {
				t.Fatalf("cut at %d: read %q", n, o.Frames)
			}
		}
	}
	// What comes complete before the cut is read: the whole first section, though the second is missing.
	all, _ := read(data[:len(data)*2/3], "tablet")
	if len(all) != 2 || len(all[0].Frames) != len(f.frames) {
		t.Errorf("of a file cut in its second section was read %+v", all)
	}
}

func TestDamageInOneSectionSpoilsNoOther(t *testing.T) {
	f := newFixture(t, 3)
	data := fileOf(t, f.frames, f.frames)
	lost := 0
	for n := len("arpenteur/1 file\n") + 4; n < len(data)/2-8; n += 5 {
		bad := bytes.Clone(data)
		bad[n] ^= 0x40
		all, code := read(bad, "tablet")
		if code != "" || len(all) != 2 || !slices.Equal(all[1].Frames, texts(f.frames)) {
			t.Fatalf("flipped at %d: %q, %+v", n, code, all)
		}
		if all[0].Code == wire.CodeDamaged {
			lost++
		} else if !all[0].Sealed && !slices.Equal(all[0].Frames, texts(f.frames)) {
			t.Fatalf("flipped at %d: %+v", n, all[0])
		}
	}
	if lost < 20 {
		t.Errorf("only %d of the flips were found out", lost)
	}
}

func TestWhatIsNoFileIsRefusedByItsCode(t *testing.T) {
	good := fileOf(t, newFixture(t, 1).frames)
	block := func(n int) []byte { return binary.BigEndian.AppendUint32(nil, uint32(n)) } //nolint:gosec // small
	start := []byte("arpenteur/1 file\n")
	header := func(stanzas int) []byte {
		h := []byte("age-encryption.org/v1\n" + strings.Repeat("-> X25519 "+strings.Repeat("A", 43)+"\n"+strings.Repeat("A", 43)+"\n", stanzas))
		out := bytes.Clone(start)
		for len(h) > 0 {
			n := min(len(h), 64<<10)
			out, h = append(append(out, block(n)...), h[:n]...), h[n:]
		}
		return append(out, make([]byte, 8)...)
	}
	for name, c := range map[string]struct {
		data    []byte
		code    wire.Code // of the file
		section wire.Code // of its first section
	}{
		"nothing":                        {nil, wire.CodeMalformed, ""},
		"a picture":                      {[]byte("\x89PNG and more than seventeen bytes"), wire.CodeMalformed, ""},
		"another version":                {append([]byte("arpenteur/2 file\n"), good[17:]...), wire.CodeProtocolUnsupported, ""},
		"no section":                     {append(bytes.Clone(start), 0, 0, 0, 0), "", ""},
		"a block over the limit":         {append(bytes.Clone(start), 0, 1, 0, 1), wire.CodeDamaged, ""},
		"a section that is no age file":  {slices.Concat(start, block(5), []byte("hello"), make([]byte, 8)), "", wire.CodeDamaged},
		"a header over the limit":        {header(12_000), "", wire.CodeDamaged},
		"a header that does not end":     {header(1), "", wire.CodeDamaged},
		"a block that is longer than it": {slices.Concat(start, block(50), []byte("hello")), wire.CodeTruncated, wire.CodeTruncated},
	} {
		all, code := read(c.data, "tablet")
		if code != c.code || len(all) > 0 && all[0].Code != c.section || c.section != "" && len(all) == 0 {
			t.Errorf("%s: %q, %+v; want %q and %q", name, code, all, c.code, c.section)
		}
	}
}

func TestAKeyThatIsNoneIsPassedOver(t *testing.T) {
	var out bytes.Buffer
	w := file.NewWriter(&out)
	bad := bytes.Repeat([]byte{0xff}, 32)
	low := make([]byte, 32) // y = 0 lies on the curve, with order 4: no secret can be agreed with it
	s, err := w.Section([]ed25519.PublicKey{bad, low, publicOf("tablet")})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(s.Close(), w.Close()); err != nil {
		t.Fatal(err)
	}
	if all, code := read(out.Bytes(), "tablet"); code != "" || len(all) != 1 || all[0].Sealed {
		t.Errorf("read %+v, %q", all, code)
	}
}

func TestAFullDiskIsToldAtTheLatestAtTheEnd(t *testing.T) {
	full := errors.New("no space left")
	w := file.NewWriter(writerFunc(func([]byte) (int, error) { return 0, full }))
	s, err := w.Section(nil)
	if err == nil {
		_, err = io.CopyN(s, rand.Reader, 1<<20)
		err = errors.Join(err, s.Close())
	}
	if err = errors.Join(err, w.Close()); !errors.Is(err, full) {
		t.Errorf("got %v", err)
	}
}

type writerFunc func(p []byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// FuzzReader: no input makes a reader hang or panic, or give more than the frames that somebody sealed.
func FuzzReader(f *testing.F) {
	fix := newFixture(f, 2)
	f.Add(fileOf(f, fix.frames))
	f.Add(fileOf(f, fix.frames[:2], fix.frames))
	f.Add([]byte("arpenteur/1 file\n\x00\x00\x00\x00"))
	known := map[string]bool{}
	for _, text := range texts(fix.frames) {
		known[text] = true
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		all, _ := read(data, "tablet")
		for _, o := range all {
			for _, text := range o.Frames {
				if !known[text] {
					t.Fatalf("a frame came out that nobody sealed: %s", text)
				}
			}
		}
	})
}

func TestDamageIsToldHoweverItsErrorIsWrapped(t *testing.T) {
	damage := &wire.Problem{Code: wire.CodeTruncated, Err: &wire.Problem{Code: wire.CodeDamaged}}
	for _, err := range []error{damage, errors.Join(nil, damage), errors.Join(errors.New("something else"), damage)} {
		if code := file.CodeOf(err); code != wire.CodeDamaged {
			t.Errorf("%v is %s", err, code)
		}
	}
	if code := file.CodeOf(errors.Join(wire.Problemf(wire.CodeTruncated, "cut"))); code != wire.CodeTruncated {
		t.Errorf("a cut is %s", code)
	}
}
