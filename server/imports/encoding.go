package imports

import (
	"bytes"
	"io"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/unicode/norm"
)

// Encoding is how the text of a file is written.
type Encoding string

// The encodings.
const (
	UTF8        Encoding = "utf-8"
	Windows1252 Encoding = "windows-1252"
)

const byteOrderMark = "\xef\xbb\xbf"

// detect reads all of a file to find out how its text is written, and whether it begins with a byte order mark. A file with bytes that
// no UTF-8 has is Windows-1252, unless it has more characters of UTF-8 beside them: then some rows are damaged, not all.
func detect(f File) (Encoding, int64, error) {
	in := io.NewSectionReader(f, 0, f.Size)
	var buf [64 << 10]byte
	rest, at := 0, int64(0)
	wide, bad := 0, 0
	skip := int64(0)
	for {
		n, err := io.ReadFull(in, buf[rest:])
		b := buf[:rest+n]
		final := err != nil
		if final && err != io.EOF && err != io.ErrUnexpectedEOF {
			return "", 0, err
		}
		if at == 0 {
			if bytes.HasPrefix(b, []byte("\xff\xfe")) || bytes.HasPrefix(b, []byte("\xfe\xff")) {
				return "", 0, refusal(CodeEncoding, 1, "", "")
			}
			if bytes.HasPrefix(b, []byte(byteOrderMark)) {
				skip = int64(len(byteOrderMark))
			}
		}
		used := census(b, final, &wide, &bad)
		rest = copy(buf[:], b[used:])
		at += int64(used)
		if final {
			break
		}
	}
	if bad > wide && skip == 0 {
		return Windows1252, 0, nil
	}
	return UTF8, skip, nil
}

// census counts characters of several bytes and bytes that begin no character. It returns how many bytes it saw: fewer than there are
// where the last character may go on.
func census(b []byte, final bool, wide, bad *int) int {
	for i := 0; i < len(b); {
		if b[i] < utf8.RuneSelf {
			i++
			continue
		}
		if !final && !utf8.FullRune(b[i:]) {
			return i
		}
		r, size := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && size == 1 {
			*bad++
		} else {
			*wide++
		}
		i += size
	}
	return len(b)
}

// decode returns the text of a cell in UTF-8 and normalisation form C, without space around it.
func (e Encoding) decode(cell []byte) string {
	text := string(cell)
	if e == Windows1252 {
		if out, err := charmap.Windows1252.NewDecoder().String(text); err == nil {
			text = out
		}
	}
	return norm.NFC.String(strings.TrimSpace(text))
}

// Fold returns a text as it is compared with others: small letters without accents, any run of spaces, hyphens and underscores as one
// space. It serves headings, answers and searches; what is kept is what was written.
func Fold(text string) string {
	var b strings.Builder
	space := false
	for _, r := range norm.NFD.String(strings.ToLower(text)) {
		switch {
		case r >= 0x300 && r < 0x370: // an accent, taken apart
			continue
		case r == ' ' || r == '\t' || r == '_' || r == '-' || r == '\u00a0' || r == '\u202f' || r == '\n' || r == '\r':
			space = b.Len() > 0
			continue
		case r == '’':
			r = '\''
		}
		if space {
			b.WriteByte(' ')
			space = false
		}
		b.WriteRune(r)
	}
	return b.String()
}
