package schemas

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// ErrNotPortable is returned for a regular expression that Go and browsers do not both accept and read alike.
var ErrNotPortable = errors.New("pattern is outside the part of regular expressions that Go and browsers share")

// checkPattern reports whether a regular expression means the same to Go (RE2) and to browsers, under their u and v flags and in
// the pattern attribute of an input. Allowed are: ^ at the start and $ at the end, both obligatory, with no bare | between them;
// literals; the escapes \d \D \w \W \t \n \r \f \v \xHH and of punctuation; \p{L} and other general categories; classes of these
// with ranges; (?:...), (...) and |; the quantifiers * + ? {n} {n,} {n,m} and their lazy forms. The dot and \s are left out: Go
// and browsers take them for different sets.
func checkPattern(pattern string) error {
	inner, ok := strings.CutPrefix(pattern, "^")
	if !ok || !strings.HasSuffix(inner, "$") {
		return fmt.Errorf("%w: it must start with ^ and end with $", ErrNotPortable)
	}
	s := patternScanner{rest: strings.TrimSuffix(inner, "$")}
	if err := s.scan(); err != nil {
		return fmt.Errorf("%w: %w", ErrNotPortable, err)
	}
	if _, err := regexp.Compile(pattern); err != nil {
		return fmt.Errorf("%w: %w", ErrNotPortable, err)
	}
	return nil
}

// patternScanner reads a pattern from left to right.
type patternScanner struct {
	rest  string
	depth int  // of open groups
	atom  bool // a quantifier may follow
}

func (s *patternScanner) scan() error {
	for s.rest != "" {
		if err := s.step(); err != nil {
			return err
		}
	}
	if s.depth != 0 {
		return errors.New("a group is not closed")
	}
	return nil
}

// step reads one token.
func (s *patternScanner) step() error {
	c := s.rest[0]
	switch c {
	case '\\':
		return s.escape()
	case '[':
		return s.class()
	case '(':
		return s.open()
	case ')':
		if s.depth--; s.depth < 0 {
			return errors.New("a group is closed that was not opened")
		}
		s.rest, s.atom = s.rest[1:], true
		return nil
	case '|':
		if s.depth == 0 {
			return errors.New("alternatives must stand in a group")
		}
		s.rest, s.atom = s.rest[1:], false
		return nil
	case '*', '+', '?', '{':
		return s.quantifier()
	case '.', '^', '$', ']', '}':
		return fmt.Errorf("%q must be escaped here", c)
	}
	r, size := utf8.DecodeRuneInString(s.rest)
	if r == utf8.RuneError {
		return errors.New("it is not UTF-8")
	}
	s.rest, s.atom = s.rest[size:], true
	return nil
}

func (s *patternScanner) open() error {
	body, ok := strings.CutPrefix(s.rest[1:], "?:")
	if !ok && strings.HasPrefix(body, "?") {
		return errors.New("only groups (...) and (?:...) are shared")
	}
	s.rest, s.atom = body, false
	s.depth++
	return nil
}

var counted = regexp.MustCompile(`^\{[0-9]{1,4}(?:,(?:[0-9]{1,4})?)?\}`)

func (s *patternScanner) quantifier() error {
	if !s.atom {
		return fmt.Errorf("there is nothing to repeat before %q", s.rest[0])
	}
	size := 1
	if s.rest[0] == '{' {
		if size = len(counted.FindString(s.rest)); size == 0 {
			return errors.New("a count is written {n}, {n,} or {n,m}")
		}
	}
	s.rest = strings.TrimPrefix(s.rest[size:], "?")
	s.atom = false
	return nil
}

// The escapes that both read alike. Letters are the exception: Go knows \a, \A, \C, \Q, \z, browsers \b in a class, \c, \k, \u.
const (
	sharedEscapes   = `dDwWtnrfv`
	sharedSyntax    = `^$\.*+?()[]{}|/`
	sharedClassOnly = `-`
)

var (
	categories = []string{
		"L", "Lu", "Ll", "Lt", "Lm", "Lo", "M", "Mn", "Mc", "Me", "N", "Nd", "Nl", "No",
		"P", "Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po", "S", "Sm", "Sc", "Sk", "So", "Z", "Zs", "Zl", "Zp",
	}
	property = regexp.MustCompile(`^\\[pP]\{([A-Za-z]+)\}`)
	hexByte  = regexp.MustCompile(`^\\x[0-9A-Fa-f]{2}`)
)

// escape reads one escape outside a class.
func (s *patternScanner) escape() error {
	size, _, err := escapeSize(s.rest, sharedSyntax)
	if err != nil {
		return err
	}
	s.rest, s.atom = s.rest[size:], true
	return nil
}

// escapeSize returns the length of the escape that text starts with, and whether it stands for a set of characters.
func escapeSize(text, syntax string) (size int, set bool, err error) {
	if len(text) < 2 {
		return 0, false, errors.New("it ends in a backslash")
	}
	if m := property.FindStringSubmatch(text); m != nil {
		if !slices.Contains(categories, m[1]) {
			return 0, false, fmt.Errorf("%s is not a general category that both know", m[1])
		}
		return len(m[0]), true, nil
	}
	if m := hexByte.FindString(text); m != "" {
		return len(m), false, nil
	}
	switch c := text[1]; {
	case strings.IndexByte(sharedEscapes, c) >= 0:
		return 2, strings.IndexByte("dDwW", c) >= 0, nil
	case strings.IndexByte(syntax, c) >= 0:
		return 2, false, nil
	default:
		return 0, false, fmt.Errorf("the escape \\%c is not shared", c)
	}
}

// class reads a bracketed class.
func (s *patternScanner) class() error {
	body := strings.TrimPrefix(s.rest[1:], "^")
	if strings.HasPrefix(body, "]") {
		return errors.New("a class is not empty, and ] in it is escaped")
	}
	for !strings.HasPrefix(body, "]") {
		size, set, err := classMember(body)
		if err != nil {
			return err
		}
		body = body[size:]
		if !strings.HasPrefix(body, "-") {
			continue
		}
		end, endSet, err := classMember(body[1:])
		if err != nil {
			return err
		}
		if set || endSet {
			return errors.New("a range goes from one character to another")
		}
		body = body[1+end:]
	}
	s.rest, s.atom = body[1:], true
	return nil
}

// classMember returns the length of the next member of a class, and whether it is a set of characters.
func classMember(text string) (size int, set bool, err error) {
	if text == "" {
		return 0, false, errors.New("a class is not closed")
	}
	c := text[0]
	if c == '\\' {
		return escapeSize(text, sharedSyntax+sharedClassOnly)
	}
	if strings.IndexByte(`()[]{}/-|`, c) >= 0 {
		return 0, false, fmt.Errorf("%q must be escaped in a class", c)
	}
	if len(text) > 1 && text[1] == c && strings.IndexByte("&!#$%*+,.:;<=>?@^`~", c) >= 0 {
		return 0, false, fmt.Errorf("%q may not stand twice in a row in a class", c)
	}
	r, size := utf8.DecodeRuneInString(text)
	if r == utf8.RuneError {
		return 0, false, errors.New("it is not UTF-8")
	}
	return size, false, nil
}
