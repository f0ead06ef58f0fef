package wire

import (
	"encoding/base64"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"
	"golang.org/x/text/unicode/norm"

	"github.com/arpenteur/arpenteur/syncengine"
)

// textEncoding is that of hashes, keys, salts and signatures. It is strict: bytes have exactly one text form.
var textEncoding = base64.RawURLEncoding.Strict()

const lowerHex = "0123456789abcdef"

// AppendString appends the canonical encoding of s, which must be valid UTF-8 in normalisation form C (EncodeValue brings it there).
func AppendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	from := 0
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= 0x20 && c != '"' && c != '\\' {
			continue
		}
		dst = append(dst, s[from:i]...)
		from = i + 1
		if short := shortEscape(c); short != 0 {
			dst = append(dst, '\\', short)
		} else {
			dst = append(dst, '\\', 'u', '0', '0', lowerHex[c>>4], lowerHex[c&15])
		}
	}
	dst = append(dst, s[from:]...)
	return append(dst, '"')
}

// shortEscape returns the letter of the two-character escape of c, or 0 where c has none.
func shortEscape(c byte) byte {
	switch c {
	case '"', '\\':
		return c
	case '\b':
		return 'b'
	case '\t':
		return 't'
	case '\n':
		return 'n'
	case '\f':
		return 'f'
	case '\r':
		return 'r'
	default:
		return 0
	}
}

// AppendInt appends the canonical encoding of n. Only magnitudes up to MaxInteger are numbers of the protocol.
func AppendInt(dst []byte, n int64) []byte { return strconv.AppendInt(dst, n, 10) }

// appendUint is AppendInt for sequences and counts.
func appendUint(dst []byte, n uint64) []byte { return strconv.AppendUint(dst, n, 10) }

// appendBinary appends b as a string of base64url.
func appendBinary(dst, b []byte) []byte {
	dst = append(dst, '"')
	dst = textEncoding.AppendEncode(dst, b)
	return append(dst, '"')
}

// appendHash appends h as a string; the zero Hash is the empty one.
func appendHash(dst []byte, h syncengine.Hash) []byte {
	if h.IsZero() {
		return append(dst, '"', '"')
	}
	return appendBinary(dst, h[:])
}

// appendUUID appends the 36-character text of id as a string.
func appendUUID(dst []byte, id uuid.UUID) []byte {
	dst = append(dst, '"')
	for i, b := range id {
		if i == 4 || i == 6 || i == 8 || i == 10 {
			dst = append(dst, '-')
		}
		dst = append(dst, lowerHex[b>>4], lowerHex[b&15])
	}
	return append(dst, '"')
}

// appendMember appends the key of the next member of an object that dst ends in, and the comma before it. Keys of the protocol need
// no escape; callers add them in ascending order.
func appendMember(dst []byte, key string) []byte {
	if dst[len(dst)-1] != '{' {
		dst = append(dst, ',')
	}
	dst = append(dst, '"')
	dst = append(dst, key...)
	return append(dst, '"', ':')
}

// appendComma appends the comma before an element of an array that dst ends in, unless it is the first.
func appendComma(dst []byte) []byte {
	if dst[len(dst)-1] != '[' {
		dst = append(dst, ',')
	}
	return dst
}

// appendHead appends [sequence, chain].
func appendHead(dst []byte, h syncengine.Head) []byte {
	dst = append(dst, '[')
	dst = appendUint(dst, h.Seq)
	dst = append(dst, ',')
	dst = appendHash(dst, h.Chain)
	return append(dst, ']')
}

// appendAuthorityPoint appends [replica, sequence].
func appendAuthorityPoint(dst []byte, p syncengine.AuthorityPoint) []byte {
	dst = append(dst, '[')
	dst = appendHash(dst, p.Replica.Hash)
	dst = append(dst, ',')
	dst = appendUint(dst, p.Seq)
	return append(dst, ']')
}

// normal returns s as valid UTF-8 in normalisation form C; bytes that are no UTF-8 become U+FFFD.
func normal(s string) string {
	if !utf8.ValidString(s) {
		s = strings.ToValidUTF8(s, "\uFFFD")
	}
	return norm.NFC.String(s)
}
