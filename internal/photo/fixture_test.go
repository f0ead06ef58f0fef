package photo_test

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"testing"
)

// corners returns a picture with a colour of its own in each quarter: red, green, blue, white, from the upper left one on by rows.
func corners(w, h int) *image.RGBA {
	m := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			c := color.RGBA{A: 255}
			switch {
			case x < w/2 && y < h/2:
				c.R = 250
			case y < h/2:
				c.G = 250
			case x < w/2:
				c.B = 250
			default:
				c = color.RGBA{250, 250, 250, 255}
			}
			m.SetRGBA(x, y, c)
		}
	}
	return m
}

func jpegOf(t testing.TB, m image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, &jpeg.Options{Quality: 95}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func pngOf(t testing.TB, m image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// webpOf returns a lossless WebP of one colour. Each of its five codes has one symbol, so a pixel takes no bits at all.
func webpOf(w, h int, c color.RGBA) []byte {
	var bits []byte
	n := 0
	put := func(v, count int) {
		for i := range count {
			if n%8 == 0 {
				bits = append(bits, 0)
			}
			bits[n/8] |= byte(v>>i&1) << (n % 8)
			n++
		}
	}
	put(0x2f, 8)
	put(w-1, 14)
	put(h-1, 14)
	put(0, 4) // no alpha, version 0
	put(0, 3) // no transform, no colour cache, no meta codes
	for _, symbol := range []int{int(c.G), int(c.R), int(c.B), 255, 0} {
		put(0b101, 3)
		put(symbol, 8)
	}
	if len(bits)%2 == 1 {
		bits = append(bits, 0)
	}
	out := binary.LittleEndian.AppendUint32([]byte("RIFF"), uint32(12+len(bits)))
	out = binary.LittleEndian.AppendUint32(append(out, "WEBPVP8L"...), uint32(len(bits)))
	return append(out, bits...)
}

// tag is one entry of a TIFF directory.
type tag struct {
	id, kind uint16 // kind: 2 text, 3 short, 4 long, 5 rational
	count    uint32
	value    []byte
}

func textTag(id uint16, s string) tag { return tag{id, 2, uint32(len(s) + 1), append([]byte(s), 0)} }

func shortTag(id, v uint16) tag { return tag{id, 3, 1, binary.BigEndian.AppendUint16(nil, v)} }

func rationals(id uint16, values ...uint32) tag {
	var b []byte
	for i := 0; i < len(values); i++ {
		b = binary.BigEndian.AppendUint32(b, values[i])
	}
	return tag{id, 5, uint32(len(values) / 2), b}
}

// directory encodes a TIFF directory that begins at an offset of the file, with its values behind it.
func directory(at uint32, tags []tag) []byte {
	out := binary.BigEndian.AppendUint16(nil, uint16(len(tags)))
	behind := at + 2 + 12*uint32(len(tags)) + 4
	var values []byte
	for _, t := range tags {
		out = binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(out, t.id), t.kind)
		out = binary.BigEndian.AppendUint32(out, t.count)
		if len(t.value) <= 4 {
			out = append(out, append(t.value, 0, 0, 0, 0)[:4]...)
			continue
		}
		out = binary.BigEndian.AppendUint32(out, behind+uint32(len(values)))
		values = append(values, t.value...)
	}
	return append(binary.BigEndian.AppendUint32(out, 0), values...)
}

// camera says what a camera wrote.
type camera struct {
	orientation  uint16
	time, offset string
	gps          []tag
}

var toulouse = []tag{
	textTag(1, "N"), rationals(2, 43, 1, 36, 1, 1584, 100),
	textTag(3, "E"), rationals(4, 1, 1, 26, 1, 3840, 100),
	rationals(31, 47, 10),
}

// exifOf returns the EXIF of a picture: TIFF with three directories.
func exifOf(c camera) []byte {
	var exif, gps []byte
	const first = 8
	base := uint32(first + 2 + 3*12 + 4 + 16)
	exif = directory(base, []tag{textTag(0x9003, c.time), textTag(0x9011, c.offset)})
	gps = directory(base+uint32(len(exif)), c.gps)
	long := func(id uint16, v uint32) tag { return tag{id, 4, 1, binary.BigEndian.AppendUint32(nil, v)} }
	main := directory(first, []tag{shortTag(0x0112, c.orientation), long(0x8769, base), long(0x8825, base+uint32(len(exif)))})
	out := append([]byte("MM\x00*\x00\x00\x00\x08"), main...)
	out = append(out, make([]byte, int(base)-len(out))...)
	return append(append(out, exif...), gps...)
}

// withEXIF puts an EXIF segment, and a comment that must not survive, into a JPEG.
func withEXIF(raw, exif []byte) []byte {
	segment := func(marker byte, body []byte) []byte {
		return append(binary.BigEndian.AppendUint16([]byte{0xff, marker}, uint16(len(body)+2)), body...)
	}
	out := append([]byte{}, raw[:2]...)
	out = append(out, segment(0xe1, append([]byte("Exif\x00\x00"), exif...))...)
	out = append(out, segment(0xfe, []byte("SERIAL-NUMBER-4711"))...)
	return append(out, raw[2:]...)
}

// resized returns a JPEG whose header claims another size.
func resized(raw []byte, sof byte, w, h uint16) []byte {
	out := bytes.Clone(raw)
	at := bytes.Index(out, []byte{0xff, 0xc0})
	out[at+1] = sof
	binary.BigEndian.PutUint16(out[at+5:], h)
	binary.BigEndian.PutUint16(out[at+7:], w)
	return out
}

// resizedPNG returns a PNG whose header claims another size, with the right checksum.
func resizedPNG(raw []byte, w, h uint32, checksum func([]byte) uint32) []byte {
	out := bytes.Clone(raw)
	binary.BigEndian.PutUint32(out[16:], w)
	binary.BigEndian.PutUint32(out[20:], h)
	binary.BigEndian.PutUint32(out[29:], checksum(out[12:29]))
	return out
}
