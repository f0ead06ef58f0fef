package wire

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Limits of JSON and of lines. They are constants of the protocol.
const (
	MaxDepth       = 32               // of a frame or HTTP body; the outermost object is depth 1
	MaxLineDepth   = MaxDepth - 2     // of a line, so that it fits in the array of a run
	MaxValueDepth  = MaxLineDepth - 2 // of a value, so that it fits in the values of a line
	MaxStringBytes = 512 << 10        // of the UTF-8 of a string
	MaxInteger     = 1e15 - 1         // of an integer field: 15 digits
	maxDigits      = 15               // of any number, a single zero before the point not counted
)

// scanner is a pull parser that accepts canonical JSON only. A decoder asks for what the protocol puts next, in the order of the
// canonical encoding; whatever else stands there is refused. So bytes that a decoder accepts are canonical by construction, and no
// decoder encodes again to compare.
//
// The first refusal sticks: it moves the scanner to the end, and every later call returns a zero result. A decoder therefore looks at
// the outcome once, through finish. Strings that it returns are parts of text wherever they hold no escape.
type scanner struct {
	text  string
	pos   int
	depth int
	limit int // of depth
	err   *Problem
}

// fail refuses the text at the present position.
func (s *scanner) fail(code Code, what string) {
	if s.err == nil {
		s.err = &Problem{Code: code, Detail: "byte " + strconv.Itoa(s.pos) + ": " + what}
	}
	s.pos = len(s.text)
}

func (s *scanner) malformed(what string) { s.fail(CodeMalformed, what) }

// finish returns the refusal, which may also be that text goes on.
func (s *scanner) finish() error {
	if s.err == nil && s.pos != len(s.text) {
		s.malformed("there is more after the end")
	}
	if s.err != nil {
		return s.err
	}
	return nil
}

// peek returns the next byte, or 0 at the end.
func (s *scanner) peek() byte {
	if s.pos < len(s.text) {
		return s.text[s.pos]
	}
	return 0
}

// literal takes exactly word.
func (s *scanner) literal(word string) {
	if !strings.HasPrefix(s.text[s.pos:], word) {
		s.malformed("expected " + word)
		return
	}
	s.pos += len(word)
}

// enter takes an opening bracket.
func (s *scanner) enter(bracket byte) {
	if s.peek() != bracket {
		s.malformed("expected " + string(rune(bracket)))
		return
	}
	if s.depth++; s.depth > s.limit {
		s.fail(CodeTooDeep, "nested deeper than "+strconv.Itoa(s.limit))
		return
	}
	s.pos++
}

// leave takes a closing bracket.
func (s *scanner) leave(bracket byte) {
	if s.peek() != bracket {
		s.malformed("expected " + string(rune(bracket)))
		return
	}
	s.depth--
	s.pos++
}

// members reads an object whose keys the protocol names. The decoder asks for them in ascending order, each once; that makes any
// other key, order or repetition a refusal.
type members struct {
	s       *scanner
	started bool
}

func (s *scanner) members() members {
	s.enter('{')
	return members{s: s}
}

// optional takes the key and its colon if they come next.
func (m *members) optional(key string) bool {
	s, at := m.s, m.s.pos
	if m.started {
		if s.peek() != ',' {
			return false
		}
		at++
	}
	end := at + len(key) + 3
	if end > len(s.text) || s.text[at] != '"' || s.text[at+1:end-2] != key || s.text[end-2:end] != `":` {
		return false
	}
	s.pos, m.started = end, true
	return true
}

// required takes the key and its colon.
func (m *members) required(key string) {
	if !m.optional(key) {
		m.s.malformed("expected member " + key)
	}
}

// end takes the end of the object.
func (m *members) end() { m.s.leave('}') }

// entries reads an object whose keys are data. Keys must ascend by bytes, so that none is there twice.
type entries struct {
	s       *scanner
	last    string
	started bool
}

func (s *scanner) entries() entries {
	s.enter('{')
	return entries{s: s}
}

// next takes a key and its colon, or the end of the object.
func (e *entries) next() (key string, ok bool) {
	s := e.s
	if !s.separate('}', e.started) {
		return "", false
	}
	key = s.str()
	if e.started && key <= e.last && s.err == nil {
		s.malformed("keys are not ascending, or one is there twice")
	}
	e.last, e.started = key, true
	s.literal(":")
	return key, s.err == nil
}

// elements reads an array.
type elements struct {
	s       *scanner
	started bool
}

func (s *scanner) elements() elements {
	s.enter('[')
	return elements{s: s}
}

// next takes what stands before an element, or the end of the array.
func (e *elements) next() bool {
	ok := e.s.separate(']', e.started)
	e.started = true
	return ok
}

// separate takes the closing bracket and returns false, or takes the comma that a started list needs and returns true.
func (s *scanner) separate(bracket byte, started bool) bool {
	switch c := s.peek(); {
	case s.err != nil:
		return false
	case c == bracket:
		s.leave(bracket)
		return false
	case !started:
		return true
	case c == ',':
		s.pos++
		return true
	default:
		s.malformed("expected , or " + string(rune(bracket)))
		return false
	}
}

// value takes any value and returns its bytes.
func (s *scanner) value() string {
	start := s.pos
	s.skip()
	if s.err != nil {
		return ""
	}
	return s.text[start:s.pos]
}

// skip takes any value. The depth limit bounds its recursion.
func (s *scanner) skip() {
	switch c := s.peek(); {
	case c == '"':
		s.str()
	case c == '{':
		for e := s.entries(); ; {
			if _, ok := e.next(); !ok {
				return
			}
			s.skip()
		}
	case c == '[':
		for e := s.elements(); e.next(); {
			s.skip()
		}
	case c == '-' || c >= '0' && c <= '9':
		s.number()
	case c == 't':
		s.literal("true")
	case c == 'f':
		s.literal("false")
	default:
		s.literal("null")
	}
}

// str takes a string and returns what it says.
func (s *scanner) str() string {
	if s.peek() != '"' {
		s.malformed("expected a string")
		return ""
	}
	start, ascii, escaped := s.pos+1, true, false
	i := start
scan:
	for ; i < len(s.text); i++ {
		switch c := s.text[i]; {
		case c == '"':
			break scan
		case c == '\\':
			escaped = true
			i++
		case c < 0x20:
			s.pos = i
			s.malformed("a control character stands unescaped")
			return ""
		case c >= utf8.RuneSelf:
			ascii = false
		}
	}
	if i >= len(s.text) {
		s.malformed("the string does not end")
		return ""
	}
	said := s.text[start:i]
	if escaped {
		said = s.unescape(said)
	}
	switch {
	case len(said) > MaxStringBytes:
		s.fail(CodeTooLarge, "a string is over "+strconv.Itoa(MaxStringBytes)+" bytes")
	case ascii:
	case !utf8.ValidString(said):
		s.malformed("a string is not UTF-8")
	case !norm.NFC.IsNormalString(said):
		s.malformed("a string is not in normalisation form C")
	}
	if s.err != nil {
		return ""
	}
	s.pos = i + 1
	return said
}

// unescape returns what raw says; only the escapes of the canonical encoding are accepted.
func (s *scanner) unescape(raw string) string {
	var out strings.Builder
	out.Grow(len(raw))
	for i := 0; i < len(raw); i++ {
		if raw[i] != '\\' {
			out.WriteByte(raw[i])
			continue
		}
		i++
		c, length := canonicalEscape(raw[i:])
		if length == 0 {
			s.malformed("a string holds an escape that is not canonical")
			return ""
		}
		out.WriteByte(c)
		i += length - 1
	}
	return out.String()
}

// canonicalEscape reads what follows a backslash: the byte that it stands for, and its length, 0 if it isn't canonical.
func canonicalEscape(raw string) (c byte, length int) {
	const short, says = `"\btnfr`, "\"\\\b\t\n\f\r"
	if raw == "" {
		return 0, 0
	}
	if i := strings.IndexByte(short, raw[0]); i >= 0 {
		return says[i], 1
	}
	if len(raw) < 5 || raw[:3] != "u00" || raw[3] > '1' || raw[3] < '0' {
		return 0, 0
	}
	low := strings.IndexByte(lowerHex, raw[4])
	if low < 0 {
		return 0, 0
	}
	c = (raw[3]-'0')<<4 | byte(low)
	if shortEscape(c) != 0 {
		return 0, 0
	}
	return c, 5
}

// number takes a number and returns its text.
func (s *scanner) number() string {
	start := s.pos
	i := start
	if s.peek() == '-' {
		i++
	}
	whole := digitsAt(s.text, i)
	zero := whole > 0 && s.text[i] == '0'
	count := whole
	if whole == 0 || zero && whole > 1 {
		s.malformed("a number does not begin with one digit, or begins with 0")
		return ""
	}
	i += whole
	if i < len(s.text) && s.text[i] == '.' {
		fraction := digitsAt(s.text, i+1)
		i += 1 + fraction
		if fraction == 0 || s.text[i-1] == '0' {
			s.malformed("a fraction is empty or ends in 0")
			return ""
		}
		if zero {
			count = 0
		}
		count += fraction
	} else if zero && s.text[start] == '-' {
		s.malformed("-0 is written 0")
		return ""
	}
	if count > maxDigits {
		s.malformed("a number has more than 15 digits")
		return ""
	}
	s.pos = i
	return s.text[start:i]
}

// digitsAt counts the digits of text from i.
func digitsAt(text string, i int) int {
	n := 0
	for i+n < len(text) && text[i+n] >= '0' && text[i+n] <= '9' {
		n++
	}
	return n
}
