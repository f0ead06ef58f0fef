package photo_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"image"
	"image/color"
	"image/jpeg"
	"io"
	"math/rand/v2"
	"runtime"
	"testing"
	"testing/iotest"
	"time"

	"pgregory.net/rapid"

	"github.com/arpenteur/arpenteur/internal/photo"
)

func read(t testing.TB, raw []byte, o photo.Options) *photo.Photo {
	t.Helper()
	p, err := photo.Read(bytes.NewReader(raw), o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func develop(t testing.TB, p *photo.Photo, rects ...photo.Rect) image.Image {
	t.Helper()
	out, err := p.Develop(rects)
	if err != nil {
		t.Fatal(err)
	}
	m, err := jpeg.Decode(bytes.NewReader(out))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// name says a colour of the corners in a letter.
func name(c color.Color) string {
	r, g, b, _ := c.RGBA()
	high := func(v uint32) bool { return v > 0x8000 }
	switch {
	case high(r) && high(g) && high(b):
		return "W"
	case high(r) && !high(g) && !high(b):
		return "R"
	case high(g) && !high(r) && !high(b):
		return "G"
	case high(b) && !high(r) && !high(g):
		return "B"
	}
	return "?"
}

// quarters reads the colours of the four quarters, by rows.
func quarters(m image.Image) string {
	b := m.Bounds()
	out := ""
	for _, y := range []int{b.Dy() / 4, b.Dy() * 3 / 4} {
		for _, x := range []int{b.Dx() / 4, b.Dx() * 3 / 4} {
			out += name(m.At(b.Min.X+x, b.Min.Y+y))
		}
	}
	return out
}

func TestAPictureIsToldByItsBytesAndDeveloped(t *testing.T) {
	for name, test := range map[string]struct {
		raw    []byte
		format photo.Format
		want   string
	}{
		"JPEG": {jpegOf(t, corners(64, 48)), photo.JPEG, "RGBW"},
		"PNG":  {pngOf(t, corners(64, 48)), photo.PNG, "RGBW"},
		"WebP": {webpOf(64, 48, color.RGBA{250, 0, 0, 255}), photo.WebP, "RRRR"},
		"transparent PNG lies on white": {
			pngOf(t, image.NewNRGBA(image.Rect(0, 0, 64, 48))), photo.PNG, "WWWW",
		},
		"a file behind the picture is no part of it": {append(jpegOf(t, corners(64, 48)), "ftypmp42"...), photo.JPEG, "RGBW"},
	} {
		p := read(t, test.raw, photo.Options{})
		if p.Format != test.format || p.Width != 64 || p.Height != 48 {
			t.Errorf("%s: %+v", name, p.Header)
		}
		if got := quarters(develop(t, p)); got != test.want {
			t.Errorf("%s shows %s, not %s", name, got, test.want)
		}
	}
}

func TestWhatIsNotTakenIsRefusedByItsCode(t *testing.T) {
	whole := jpegOf(t, corners(64, 48))
	small := pngOf(t, corners(64, 48))
	manyScans := append(bytes.Repeat([]byte{0xff, 0xda, 0, 8, 1, 1, 0, 0, 63, 0}, 100), 0xff, 0xd9)
	scan := bytes.Index(whole, []byte{0xff, 0xda})
	deep := image.NewNRGBA64(image.Rect(0, 0, 4, 4))
	for name, test := range map[string]struct {
		raw  []byte
		code photo.Code
	}{
		"nothing":                  {nil, photo.Unsupported},
		"text":                     {[]byte("Bonjour, ceci n'est pas une photo."), photo.Unsupported},
		"HEIC":                     {[]byte("\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic"), photo.Unsupported},
		"GIF":                      {[]byte("GIF89a\x01\x00\x01\x00\x80\x00\x00"), photo.Unsupported},
		"PDF":                      {[]byte("%PDF-1.7\n"), photo.Unsupported},
		"40 megapixels":            {resized(whole, 0xc0, 7300, 5480), photo.TooManyPixels},
		"40 megapixels of PNG":     {resizedPNG(small, 7300, 5480, crc32.ChecksumIEEE), photo.TooManyPixels},
		"absurd width":             {resized(whole, 0xc0, 65500, 1), photo.TooManyPixels},
		"absurd PNG":               {resizedPNG(small, 1<<20, 1<<20, crc32.ChecksumIEEE), photo.TooManyPixels},
		"bomb of WebP":             {webpOf(16384, 16384, color.RGBA{}), photo.TooManyPixels},
		"dear WebP":                {webpOf(7000, 5999, color.RGBA{}), photo.TooManyPixels},
		"dear progressive JPEG":    {resized(jpegOf(t, image.NewGray(image.Rect(0, 0, 64, 48))), 0xc2, 16000, 2200), ""},
		"dear progressive colours": {full444(resized(whole, 0xc2, 6900, 5200)), photo.TooManyPixels},
		"deep PNG":                 {resizedPNG(deepInterlaced(pngOf(t, deep)), 6900, 5200, crc32.ChecksumIEEE), photo.TooManyPixels},
		"no pixels":                {resized(whole, 0xc0, 0, 48), photo.Damaged},
		"only a beginning":         {whole[:3], photo.Truncated},
		"cut in the headers":       {whole[:100], photo.Truncated},
		"cut in the picture":       {whole[:len(whole)-20], photo.Truncated},
		"cut PNG":                  {small[:len(small)-20], photo.Truncated},
		"cut WebP":                 {webpOf(64, 48, color.RGBA{})[:30], photo.Truncated},
		"scans without end":        {append(bytes.Clone(whole[:scan]), manyScans...), photo.Damaged},
		"over 32 MiB":              {append(bytes.Clone(whole), make([]byte, photo.MaxBytes)...), photo.TooManyBytes},
	} {
		_, err := photo.Read(bytes.NewReader(test.raw), photo.Options{})
		if test.code == "" {
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		var own *photo.Error
		if !errors.Is(err, test.code) || !errors.As(err, &own) || own.Detail == "" {
			t.Errorf("%s: %v, not %s", name, err, test.code)
		}
	}
	if _, err := photo.Read(iotest.ErrReader(io.ErrClosedPipe), photo.Options{}); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("a reader that fails: %v", err)
	}
}

// full444 makes a JPEG's header say that no colour is subsampled.
func full444(raw []byte) []byte {
	at := bytes.Index(raw, []byte{0xff, 0xc2})
	raw[at+11] = 0x11
	return raw
}

// deepInterlaced makes a PNG's header say that it is interlaced.
func deepInterlaced(raw []byte) []byte {
	raw[28] = 1
	return raw
}

func TestAPictureWhoseScanIsDamagedIsRefusedWhenItIsDeveloped(t *testing.T) {
	raw := pngOf(t, corners(64, 48))
	raw[60] ^= 0xff
	_, err := read(t, raw, photo.Options{}).Develop(nil)
	if !errors.Is(err, photo.Damaged) && !errors.Is(err, photo.Truncated) {
		t.Errorf("got %v", err)
	}
}

func TestAPictureIsTurnedAsItWasHeld(t *testing.T) {
	for orientation, want := range map[uint16]string{
		0: "RGBW", 1: "RGBW", 2: "GRWB", 3: "WBGR", 4: "BWRG", 5: "RBGW", 6: "BRWG", 7: "WGBR", 8: "GWRB", 9: "RGBW",
	} {
		raw := withEXIF(jpegOf(t, corners(64, 32)), exifOf(camera{orientation: orientation}))
		m := develop(t, read(t, raw, photo.Options{}))
		if got := quarters(m); got != want {
			t.Errorf("orientation %d shows %s, not %s", orientation, got, want)
		}
		if upright := m.Bounds().Dx() < m.Bounds().Dy(); upright != (orientation >= 5 && orientation <= 8) {
			t.Errorf("orientation %d is %v", orientation, m.Bounds())
		}
	}
}

func TestOnlyTimeAndPositionAreReadAndNothingIsWritten(t *testing.T) {
	paris := time.FixedZone("", 3600)
	full := camera{orientation: 1, time: "2026:11:17 14:05:33", offset: "+01:00", gps: toulouse}
	raw := withEXIF(jpegOf(t, corners(64, 48)), exifOf(full))
	p := read(t, raw, photo.Options{Position: true})
	if want := time.Date(2026, 11, 17, 14, 5, 33, 0, paris); !p.TakenAt.Equal(want) {
		t.Errorf("taken at %v", p.TakenAt)
	}
	if p.Location == nil || p.Location.Lat != 43.6044 || p.Location.Lon != 1.444 || p.Location.Accuracy != 5 {
		t.Errorf("taken at %+v", p.Location)
	}
	if p := read(t, raw, photo.Options{}); p.Location != nil {
		t.Errorf("unasked, the position is %v", p.Location)
	}
	out, err := p.Develop(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"Exif", "SERIAL", "2026:"} {
		if bytes.Contains(out, []byte(secret)) {
			t.Errorf("the result holds %q", secret)
		}
	}
	full.offset = ""
	raw = withEXIF(jpegOf(t, corners(64, 48)), exifOf(full))
	if p := read(t, raw, photo.Options{Zone: paris}); !p.TakenAt.Equal(time.Date(2026, 11, 17, 14, 5, 33, 0, paris)) {
		t.Errorf("by the camera's clock it was taken at %v", p.TakenAt)
	}
}

func TestBrokenMetadataCostsNoPicture(t *testing.T) {
	good := exifOf(camera{orientation: 6, time: "2026:11:17 14:05:33", gps: toulouse})
	for name, exif := range map[string][]byte{
		"impossible date": exifOf(camera{orientation: 1, time: "0000:00:00 00:00:00", gps: []tag{textTag(1, "N"), rationals(2, 99, 0, 0, 0, 0, 0)}}),
		"cut":             good[:40],
		"loop":            append([]byte("MM\x00*\x00\x00\x00\x08\x00\x00\x00\x00\x00\x08"), good...),
		"noise":           bytes.Repeat([]byte{0xa5, 0x5a, 0xff}, 300),
		"nothing":         nil,
		"nowhere":         exifOf(camera{gps: []tag{textTag(1, "N"), rationals(2, 0, 1, 0, 1, 0, 1), textTag(3, "E"), rationals(4, 0, 1, 0, 1, 0, 1)}}),
	} {
		p := read(t, withEXIF(jpegOf(t, corners(64, 48)), exif), photo.Options{Position: true})
		if !p.TakenAt.IsZero() || p.Location != nil {
			t.Errorf("%s: %v, %v", name, p.TakenAt, p.Location)
		}
		if got := develop(t, p).Bounds(); got.Dx()*got.Dy() != 64*48 {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestALargePictureIsScaledToItsLongerEdge(t *testing.T) {
	p := read(t, jpegOf(t, corners(4100, 1030)), photo.Options{})
	m := develop(t, p)
	if got := m.Bounds().Size(); got != image.Pt(2048, 514) {
		t.Errorf("developed to %v", got)
	}
	if got := quarters(m); got != "RGBW" {
		t.Errorf("it shows %s", got)
	}
	small, err := p.Thumbnail()
	if err != nil {
		t.Fatal(err)
	}
	h, err := photo.ReadHeader(bytes.NewReader(small))
	if err != nil || h != (photo.Header{Format: photo.JPEG, Width: 320, Height: 80}) {
		t.Errorf("the thumbnail is %+v, %v", h, err)
	}
	line := read(t, pngOf(t, image.NewGray(image.Rect(0, 0, 1, 30000))), photo.Options{})
	if got := develop(t, line).Bounds().Size(); got != image.Pt(1, 2048) {
		t.Errorf("a line became %v", got)
	}
}

func TestTheSamePictureGivesTheSameBytes(t *testing.T) {
	raw := jpegOf(t, noise(3000, 100, 1))
	rect := photo.Rect{X: .2, Y: .2, W: .5, H: .5}
	one, err := read(t, raw, photo.Options{}).Develop([]photo.Rect{rect})
	if err != nil {
		t.Fatal(err)
	}
	two, err := read(t, raw, photo.Options{}).Develop([]photo.Rect{rect})
	if err != nil || !bytes.Equal(one, two) {
		t.Errorf("two developments differ, %v", err)
	}
}

func TestNoiseOfTheLargestSizeStaysUnderTheLimit(t *testing.T) {
	out, err := read(t, pngOf(t, noise(2048, 2048, 7)), photo.Options{}).Develop(nil)
	if err != nil || len(out) > photo.MaxDeveloped {
		t.Errorf("%d bytes, %v", len(out), err)
	}
}

func TestDecodingStaysWithinItsMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("it decodes the largest pictures")
	}
	for name, raw := range map[string][]byte{
		"JPEG": jpegOf(t, image.NewYCbCr(image.Rect(0, 0, 6900, 5200), image.YCbCrSubsampleRatio444)),
		"WebP": webpOf(6900, 5200, color.RGBA{1, 2, 3, 255}),
		"PNG":  pngOf(t, image.NewNRGBA(image.Rect(0, 0, 6900, 5200))),
	} {
		p := read(t, raw, photo.Options{})
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if _, err := p.Develop(nil); err != nil {
			t.Fatal(err)
		}
		runtime.ReadMemStats(&after)
		const beside = 32 << 20 // the result, twice, and what a decoder keeps beside pixels
		if took := after.TotalAlloc - before.TotalAlloc; took > photo.MaxDecodeBytes+beside {
			t.Errorf("%s: it takes %d MiB", name, took>>20)
		} else {
			t.Logf("%s takes %d MiB", name, took>>20)
		}
	}
}

func noise(w, h int, seed uint64) *image.RGBA {
	r := rand.New(rand.NewPCG(seed, 0))
	m := image.NewRGBA(image.Rect(0, 0, w, h))
	for i := range m.Pix {
		m.Pix[i] = byte(r.Uint32()) | byte(i%4/3*255)
	}
	return m
}

func TestNothingOfWhatWasBlurredIsInTheResult(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w, h := rapid.IntRange(1, 60).Draw(t, "w"), rapid.IntRange(1, 60).Draw(t, "h")
		one := noise(w, h, rapid.Uint64().Draw(t, "seed"))
		two := image.NewRGBA(one.Rect)
		copy(two.Pix, one.Pix)
		var rects []photo.Rect
		for range rapid.IntRange(1, 4).Draw(t, "rects") {
			x, y := rapid.Float64Range(0, .95).Draw(t, "x"), rapid.Float64Range(0, .95).Draw(t, "y")
			r := photo.Rect{X: x, Y: y, W: rapid.Float64Range(.01, 1-x).Draw(t, "rw"), H: rapid.Float64Range(.01, 1-y).Draw(t, "rh")}
			rects = append(rects, r)
			for py := range h { // another picture wherever the rectangle touches a pixel
				for px := range w {
					left, top := float64(px)/float64(w), float64(py)/float64(h)
					const touch = 1e-6 // what only arithmetic makes touch
					if left+touch < r.X+r.W && left+1/float64(w) > r.X+touch && top+touch < r.Y+r.H && top+1/float64(h) > r.Y+touch {
						two.SetRGBA(px, py, color.RGBA{byte(px * 7), byte(py * 11), 77, 255})
					}
				}
			}
		}
		if err := errors.Join(photo.Blur(one, rects), photo.Blur(two, rects)); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(one.Pix, two.Pix) {
			t.Fatalf("what was under %v shows", rects)
		}
	})
}

func TestRectanglesThatAreNoneAreRefused(t *testing.T) {
	nan := 0.0
	nan /= nan
	for _, r := range []photo.Rect{
		{X: -.1, Y: 0, W: .5, H: .5},
		{X: .6, Y: 0, W: .5, H: .5},
		{X: 0, Y: .6, W: .5, H: .5},
		{X: .1, Y: .1},
		{X: nan, Y: 0, W: 1, H: 1},
		{W: 1, H: nan},
		{X: .1, Y: .1, W: -.1, H: .1},
	} {
		if err := photo.Blur(corners(10, 10), []photo.Rect{r}); !errors.Is(err, photo.BadRectangle) {
			t.Errorf("%+v: %v", r, err)
		}
	}
	if err := photo.Blur(corners(10, 10), make([]photo.Rect, photo.MaxRects+1)); !errors.Is(err, photo.BadRectangle) {
		t.Errorf("too many: %v", err)
	}
}

func TestABlurredRectangleLooksLikeItsSurroundings(t *testing.T) {
	m := image.NewRGBA(image.Rect(0, 0, 100, 100))
	for i := range m.Pix {
		m.Pix[i] = 200
	}
	for y := 40; y < 60; y++ {
		for x := 40; x < 60; x++ {
			m.SetRGBA(x, y, color.RGBA{0, 0, 0, 255})
		}
	}
	if err := photo.Blur(m, []photo.Rect{{X: .4, Y: .4, W: .2, H: .2}}); err != nil {
		t.Fatal(err)
	}
	if got := m.RGBAAt(50, 50); got != (color.RGBA{200, 200, 200, 255}) {
		t.Errorf("it is %v", got)
	}
	if err := photo.Blur(m, []photo.Rect{{W: 1, H: 1}}); err != nil || m.RGBAAt(3, 3) != (color.RGBA{128, 128, 128, 255}) {
		t.Errorf("the whole picture is %v, %v", m.RGBAAt(3, 3), err)
	}
}

// FuzzRead reads anything and develops what is taken: it ends in a JPEG within the limits or in one of the codes.
func FuzzRead(f *testing.F) {
	picture := jpegOf(f, corners(40, 30))
	f.Add(picture)
	f.Add(withEXIF(picture, exifOf(camera{orientation: 6, time: "2026:11:17 14:05:33", offset: "+01:00", gps: toulouse})))
	f.Add(pngOf(f, corners(40, 30)))
	f.Add(webpOf(40, 30, color.RGBA{1, 2, 3, 255}))
	f.Add(binary.LittleEndian.AppendUint32([]byte("RIFF"), 20))
	f.Fuzz(func(t *testing.T, raw []byte) {
		h, err := photo.ReadHeader(bytes.NewReader(raw))
		if err == nil && h.Width*h.Height > 1<<16 {
			t.Skip() // a large picture takes longer than a try may
		}
		p, err := photo.Read(bytes.NewReader(raw), photo.Options{Position: true})
		var own *photo.Error
		if err != nil {
			if !errors.As(err, &own) {
				t.Fatalf("got %v", err)
			}
			return
		}
		if l := p.Location; l != nil && (l.Lat > 90 || l.Lat < -90 || l.Lon > 180 || l.Lon < -180) {
			t.Fatalf("at %+v", l)
		}
		out, err := p.Develop([]photo.Rect{{X: .1, Y: .1, W: .5, H: .5}})
		if err != nil {
			if !errors.As(err, &own) {
				t.Fatalf("got %v", err)
			}
			return
		}
		h, err = photo.ReadHeader(bytes.NewReader(out))
		if err != nil || h.Format != photo.JPEG || max(h.Width, h.Height) > photo.LongEdge {
			t.Fatalf("became %+v, %v", h, err)
		}
	})
}

// BenchmarkDevelop develops a picture of 12 megapixels, as most phones take them, and of the largest size.
func BenchmarkDevelop(b *testing.B) {
	for _, size := range []image.Point{{4000, 3000}, {6900, 5200}} {
		b.Run(size.String(), func(b *testing.B) {
			raw := jpegOf(b, corners(size.X, size.Y))
			b.ReportAllocs()
			b.SetBytes(int64(size.X * size.Y))
			for b.Loop() {
				p, err := photo.Read(bytes.NewReader(raw), photo.Options{})
				if err != nil {
					b.Fatal(err)
				}
				if _, err := p.Develop([]photo.Rect{{X: .4, Y: .4, W: .1, H: .1}}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
