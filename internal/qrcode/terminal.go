package qrcode

import (
	"fmt"
	"image/color"
	"strings"

	"github.com/boombuler/barcode"
	"github.com/boombuler/barcode/qr"
)

// quiet is how many light modules must surround a code (ISO/IEC 18004, section 9.1).
const quiet = 4

// White on black is said in so many words (ECMA-48), whatever colours the terminal has: a code in the wrong ones is read by few cameras.
const (
	colours = "\x1b[97;40m"
	reset   = "\x1b[0m"
)

// Terminal returns lines of text that show a QR code of a text of up to about 2,900 bytes: two rows of modules to a line, one module to a
// column. Each line ends with a line feed. It returns an error where the text is too long for any code.
func Terminal(text string) (string, error) {
	code, err := qr.Encode(text, qr.L, qr.Auto)
	if err != nil {
		return "", fmt.Errorf("a text of %d bytes as QR code: %w", len(text), err)
	}
	var b strings.Builder
	size := code.Bounds().Dx()
	for y := -quiet; y < size+quiet; y += 2 {
		b.WriteString(colours)
		for x := -quiet; x < size+quiet; x++ {
			b.WriteString(block(light(code, x, y), light(code, x, y+1)))
		}
		b.WriteString(reset + "\n")
	}
	return b.String(), nil
}

// light reports whether a module is light, as all are around the code.
func light(code barcode.Barcode, x, y int) bool {
	size := code.Bounds().Dx()
	return x < 0 || y < 0 || x >= size || y >= size || code.At(x, y) == color.White
}

// block is one module above another.
func block(above, below bool) string {
	switch {
	case above && below:
		return "█"
	case above:
		return "▀"
	case below:
		return "▄"
	}
	return " "
}
