package photo

import (
	"bytes"
	"strings"
)

// Format is how a picture is encoded.
type Format string

// The formats that are taken.
const (
	JPEG Format = "JPEG"
	PNG  Format = "PNG"
	WebP Format = "WebP"
)

// sniffBytes is how much of a file tells its format.
const sniffBytes = 32

// formatOf tells a format by the first bytes of a file. One that is not taken is refused by its name where it has a known one.
func formatOf(head []byte) (Format, error) {
	switch {
	case bytes.HasPrefix(head, []byte("\xff\xd8\xff")):
		return JPEG, nil
	case bytes.HasPrefix(head, []byte("\x89PNG\r\n\x1a\n")):
		return PNG, nil
	case riff(head) == "WEBP":
		return WebP, nil
	}
	if name := otherFormat(head); name != "" {
		return "", refuse(Unsupported, "%s pictures are not taken: set the camera to JPEG, or convert the file to JPEG, PNG or WebP", name)
	}
	return "", refuse(Unsupported, "this is no JPEG, PNG or WebP picture: choose another file")
}

// riff returns the form type of a RIFF file, empty for any other.
func riff(head []byte) string {
	if len(head) < 12 || !bytes.HasPrefix(head, []byte("RIFF")) {
		return ""
	}
	return string(head[8:12])
}

// otherFormat names what cameras and phones also write; empty for what is not known.
func otherFormat(head []byte) string {
	if len(head) >= 12 && string(head[4:8]) == "ftyp" {
		switch brand := string(head[8:12]); {
		case strings.HasPrefix(brand, "hei"), strings.HasPrefix(brand, "hev"), brand == "mif1", brand == "msf1":
			return "HEIC"
		case strings.HasPrefix(brand, "avi"):
			return "AVIF"
		}
		return "MP4"
	}
	for _, known := range []struct{ prefix, name string }{
		{"GIF8", "GIF"},
		{"%PDF", "PDF"},
		{"BM", "BMP"},
		{"II*\x00", "TIFF"},
		{"MM\x00*", "TIFF"},
		{"<svg", "SVG"},
		{"<?xml", "SVG"},
		{"\x00\x00\x00\x0cJXL ", "JPEG XL"},
		{"\xff\x0a", "JPEG XL"},
	} {
		if bytes.HasPrefix(head, []byte(known.prefix)) {
			return known.name
		}
	}
	return ""
}
