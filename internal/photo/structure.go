package photo

import (
	"bytes"
	"encoding/binary"
)

// maxScans is how many scans a JPEG may have: cameras write 1, progressive encoders about 10. Each costs a pass over all blocks, however
// few bytes it takes, so a small file could keep a tablet busy for hours.
const maxScans = 64

// checkStructure finds, without decoding, what decoding would cost and whether the file ends before the picture does.
func checkStructure(h Header, data []byte) error {
	pixels := int64(h.Width) * int64(h.Height)
	switch h.Format {
	case JPEG:
		return checkJPEG(data, pixels)
	case PNG:
		return checkPNG(data, pixels)
	default:
		if uint64(len(data)) < uint64(binary.LittleEndian.Uint32(data[4:]))+8 {
			return truncated(nil)
		}
		return affordable(pixels, 16) // a lossless picture is decoded into one buffer and transformed into another
	}
}

// affordable refuses what would take more than MaxDecodeBytes. The cost is the bytes for two pixels: 4:2:0 takes three.
func affordable(pixels, cost int64) error {
	if total := pixels * cost / 2; total > MaxDecodeBytes {
		return refuse(TooManyPixels, "decoding the picture would take %d MiB of memory, over the limit of %d: take it again at a lower resolution, as an ordinary JPEG",
			total>>20, MaxDecodeBytes>>20)
	}
	return nil
}

// Markers of a JPEG, ITU-T T.81 table B.1.
const (
	markerSOF0 = 0xc0
	markerSOF2 = 0xc2
	markerSOF3 = 0xc3
	markerSOS  = 0xda
	markerEOI  = 0xd9
)

// checkJPEG walks the segments before the first scan. A progressive picture keeps 4 bytes for each coefficient beside the pixels.
func checkJPEG(data []byte, pixels int64) error {
	cost := int64(6)
	for at := 2; ; {
		if at+4 > len(data) {
			return truncated(nil)
		}
		if data[at] != 0xff {
			return damaged(nil)
		}
		marker, size := data[at+1], int(binary.BigEndian.Uint16(data[at+2:]))
		switch {
		case marker == 0xff: // fill byte
			at++
			continue
		case marker == markerSOS:
			return checkScans(data[at:], pixels, cost)
		case marker >= markerSOF0 && marker <= markerSOF3:
			if at+2+size > len(data) || size < 9 {
				return truncated(nil)
			}
			cost = costOfFrame(marker, data[at+4:at+2+size])
		}
		at += 2 + max(size, 2)
	}
}

// costOfFrame returns the bytes for two pixels that decoding takes, from the body of a frame header.
func costOfFrame(marker byte, frame []byte) int64 {
	components := int64(frame[5])
	samples := 2 * components
	if components == 3 && len(frame) > 7 && frame[7] == 0x22 {
		samples = 3 // 4:2:0: a quarter of each colour
	}
	if marker == markerSOF2 {
		return samples + 4*samples
	}
	return samples
}

// checkScans looks at what follows the headers. In a scan 0xff is always followed by 0, a restart or the end of the scan.
func checkScans(data []byte, pixels, cost int64) error {
	if bytes.Count(data, []byte{0xff, markerSOS}) > maxScans {
		return refuse(Damaged, "the picture has more than %d scans, as no camera writes them: take it again, as an ordinary JPEG", maxScans)
	}
	if !bytes.Contains(data, []byte{0xff, markerEOI}) {
		return truncated(nil)
	}
	return affordable(pixels, cost)
}

// checkPNG reads the depth and interlacing from IHDR. An interlaced picture is decoded pass by pass into a second buffer.
func checkPNG(data []byte, pixels int64) error {
	if len(data) < 33 || !bytes.Contains(data, []byte("IEND")) {
		return truncated(nil)
	}
	cost := int64(8)
	if data[24] == 16 {
		cost = 16
	}
	if data[28] != 0 {
		cost += cost / 2
	}
	return affordable(pixels, cost)
}
