package wire

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Check returns nil if data is one canonical JSON value nested at most depth deep, which MaxDepth bounds (protocol, section 2).
func Check(data []byte, depth int) error {
	return check(string(data), depth)
}

func check(text string, depth int) error {
	s := scanner{text: text, limit: min(depth, MaxDepth)}
	s.skip()
	return s.finish()
}

// Canonical returns the canonical encoding of any JSON text, as people and other programs write it: white space goes, members are
// sorted, strings are brought to normalisation form C, numbers lose their exponent and needless zeros. It refuses what has no
// canonical encoding: a key twice (also if only normalisation makes it so), invalid UTF-8, unpaired surrogates, a number of more than
// 15 digits.
func Canonical(data []byte) ([]byte, error) {
	s := looseScanner{scanner{text: string(data), limit: MaxDepth}}
	out := s.value(make([]byte, 0, len(data)))
	s.space()
	if err := s.finish(); err != nil {
		return nil, err
	}
	return out, nil
}

// looseScanner reads any JSON and appends its canonical encoding.
type looseScanner struct{ scanner }

func (s *looseScanner) space() {
	for s.pos < len(s.text) && strings.IndexByte(" \t\r\n", s.text[s.pos]) >= 0 {
		s.pos++
	}
}

// value takes a value and the space before it.
func (s *looseScanner) value(dst []byte) []byte {
	s.space()
	switch c := s.peek(); {
	case c == '"':
		return AppendString(dst, s.str())
	case c == '{':
		return s.object(dst)
	case c == '[':
		return s.array(dst)
	case c == '-' || c >= '0' && c <= '9':
		return append(dst, s.number()...)
	default:
		start := s.pos
		s.skip() // true, false, null, or a refusal
		return append(dst, s.text[start:s.pos]...)
	}
}

func (s *looseScanner) array(dst []byte) []byte {
	dst = append(dst, '[')
	s.enter('[')
	for started := false; s.more(']', started); started = true {
		dst = s.value(appendComma(dst))
	}
	return append(dst, ']')
}

// more is separate with space around it.
func (s *looseScanner) more(bracket byte, started bool) bool {
	s.space()
	return s.separate(bracket, started)
}

func (s *looseScanner) object(dst []byte) []byte {
	type member struct {
		key   string
		value []byte
	}
	var list []member
	s.enter('{')
	for started := false; s.more('}', started); started = true {
		s.space()
		key := s.str()
		s.space()
		s.literal(":")
		list = append(list, member{key, s.value(nil)})
	}
	slices.SortFunc(list, func(a, b member) int { return strings.Compare(a.key, b.key) })
	dst = append(dst, '{')
	for i, m := range list {
		if i > 0 {
			dst = append(dst, ',')
			if m.key == list[i-1].key {
				s.malformed("a key is there twice: " + strconv.Quote(m.key))
			}
		}
		dst = append(append(AppendString(dst, m.key), ':'), m.value...)
	}
	return append(dst, '}')
}

// str takes a string with any escapes and returns what it says, in normalisation form C.
func (s *looseScanner) str() string {
	if s.peek() != '"' {
		s.malformed("expected a string")
		return ""
	}
	var out strings.Builder
	i := s.pos + 1
	for {
		switch c := byteAt(s.text, i); {
		case c == '"':
			return s.said(out.String(), i+1)
		case c < 0x20: // also the end of the text
			s.malformed("a string does not end, or holds a control character unescaped")
			return ""
		case c != '\\':
			out.WriteByte(c)
			i++
		default:
			r, length := looseEscape(s.text[i+1:])
			if length == 0 {
				s.malformed("a string holds an unknown escape or an unpaired surrogate")
				return ""
			}
			out.WriteRune(r)
			i += 1 + length
		}
	}
}

// said checks and normalises the content of a string that ends before position end.
func (s *looseScanner) said(content string, end int) string {
	if !utf8.ValidString(content) {
		s.malformed("a string is not UTF-8")
		return ""
	}
	if content = norm.NFC.String(content); len(content) > MaxStringBytes {
		s.fail(CodeTooLarge, "a string is over "+strconv.Itoa(MaxStringBytes)+" bytes")
		return ""
	}
	s.pos = end
	return content
}

// byteAt returns text[i], or 0 behind its end.
func byteAt(text string, i int) byte {
	if i < len(text) {
		return text[i]
	}
	return 0
}

// looseEscape reads what follows a backslash: the character, and the length of the escape, 0 if it is none.
func looseEscape(raw string) (r rune, length int) {
	const short, says = `"\/btnfr`, "\"\\/\b\t\n\f\r"
	if raw == "" {
		return 0, 0
	}
	if i := strings.IndexByte(short, raw[0]); i >= 0 {
		return rune(says[i]), 1
	}
	r, ok := unicodeEscape(raw)
	switch {
	case !ok || r >= 0xDC00 && r <= 0xDFFF:
		return 0, 0
	case r < 0xD800 || r > 0xDBFF:
		return r, 5
	}
	if len(raw) < 11 || raw[5] != '\\' {
		return 0, 0
	}
	low, ok := unicodeEscape(raw[6:])
	if !ok || low < 0xDC00 || low > 0xDFFF {
		return 0, 0
	}
	return 0x10000 + ((r-0xD800)<<10 | (low - 0xDC00)), 11
}

// unicodeEscape reads the u and four digits of an escape.
func unicodeEscape(raw string) (rune, bool) {
	if len(raw) < 5 || raw[0] != 'u' {
		return 0, false
	}
	n, err := strconv.ParseUint(raw[1:5], 16, 16)
	return rune(n), err == nil //nolint:gosec // 16 bits
}

// number takes any JSON number and returns its canonical text.
func (s *looseScanner) number() string {
	start := s.pos
	i := start
	if s.peek() == '-' {
		i++
	}
	whole := digitsAt(s.text, i)
	if whole == 0 || whole > 1 && s.text[i] == '0' {
		s.malformed("a number does not begin with one digit, or begins with 0")
		return ""
	}
	digits := s.text[i : i+whole]
	i += whole
	if byteAt(s.text, i) == '.' {
		fraction := digitsAt(s.text, i+1)
		if fraction == 0 {
			s.malformed("a number has no digit after its point")
			return ""
		}
		digits += s.text[i+1 : i+1+fraction]
		i += 1 + fraction
	}
	exponent, end, ok := exponentAt(s.text, i)
	if !ok {
		s.malformed("an exponent has no digit")
		return ""
	}
	out, ok := plainNumber(s.text[start] == '-', digits, whole+exponent)
	if !ok {
		s.fail(CodeInvalid, "the number "+shorten(s.text[start:end])+" has more than 15 digits; round it")
		return ""
	}
	s.pos = end
	return out
}

// exponentAt reads an exponent, if there is one at i. One beyond any number of 15 digits is cut to what still is.
func exponentAt(text string, i int) (exponent, end int, ok bool) {
	if c := byteAt(text, i); c != 'e' && c != 'E' {
		return 0, i, true
	}
	i++
	negative := byteAt(text, i) == '-'
	if negative || byteAt(text, i) == '+' {
		i++
	}
	n := digitsAt(text, i)
	for _, c := range []byte(text[i : i+n]) {
		exponent = min(exponent*10+int(c-'0'), 1<<30)
	}
	if negative {
		exponent = -exponent
	}
	return exponent, i + n, n > 0
}

// plainNumber returns the canonical text of the number 0.digits × 10^point, or false if it takes more than 15 digits.
func plainNumber(negative bool, digits string, point int) (string, bool) {
	trimmed := strings.TrimLeft(digits, "0")
	point -= len(digits) - len(trimmed)
	trimmed = strings.TrimRight(trimmed, "0")
	if trimmed == "" {
		return "0", true
	}
	if point > maxDigits || len(trimmed)-min(point, 0) > maxDigits {
		return "", false
	}
	sign := ""
	if negative {
		sign = "-"
	}
	switch {
	case point <= 0:
		return sign + "0." + strings.Repeat("0", -point) + trimmed, true
	case point >= len(trimmed):
		return sign + trimmed + strings.Repeat("0", point-len(trimmed)), true
	default:
		return sign + trimmed[:point] + "." + trimmed[point:], true
	}
}

// shorten cuts text that is quoted in a message.
func shorten(text string) string {
	if len(text) > 40 {
		return text[:40] + "…"
	}
	return text
}
