package schemas

import (
	"errors"
	"regexp"
	"strings"
	"testing"
)

func TestOnlyPortablePatternsAreTaken(t *testing.T) {
	shared := []string{
		`^$`, `^a$`, `^(?:a|b)$`, `^(a)(b)$`, `^[0-9]{5}$`, `^[a-z]{1,3}?$`, `^\d+\.\d*$`, `^[^\n]*$`, `^\p{L}+$`, `^[\p{Lu}\p{Ll}'\- ]{1,40}$`,
		`^(?:[0-9]{2}|2[AB])[0-9]{3}$`, `^\+?[0-9][0-9 ]{5,19}$`, `^\x41\t$`, `^[à-ÿ]+$`, `^\/a\|b$`, `^(?:[a-z]+(?:-[a-z]+)*)?$`, `^é😀$`, `^a\\$`,
		`^[\^\]\-]$`, `^\P{Nd}$`,
	}
	for _, p := range shared {
		if err := checkPattern(p); err != nil {
			t.Errorf("%s: %v", p, err)
		}
	}
	for p, why := range map[string]string{
		`a`: "no anchors", `^a`: "no end", `a$`: "no start", `^a\$`: "its end is escaped", `^a|b$`: "anchors bind tighter than |",
		`^(?=a)$`: "look-ahead", `^(?!a)$`: "look-ahead", `^(?<=a)b$`: "look-behind", `^(?i)a$`: "flags", `^(?i:a)$`: "flags",
		`^(?P<x>a)$`: "a name as Go writes it", `^(?<x>a)$`: "a name", `^(a)\1$`: "back-reference", `^\k<x>$`: "back-reference",
		`^\Aa$`: `\A`, `^a\z$`: `\z`, `^a\Z$`: `\Z`, `^\Qa\E$`: `\Q`, `^\a$`: `\a`, `^\C$`: `\C`, `^\ca$`: `\c`, `^\0$`: "octal",
		`^\x{41}$`: "hexadecimal as Go writes it", `^\u0041$`: "hexadecimal as browsers write it", `^\pL$`: `\pL without braces`,
		`^\p{Greek}$`: "a script as Go writes it", `^\p{Script=Greek}$`: "a script as browsers write it", `^\p{Letter}$`: "a long name",
		`^.$`: "the dot", `^\s$`: `\s`, `^\S$`: `\S`, `^\b$`: `\b`, `^[\b]$`: `\b`, `^[\s]$`: `\s`,
		`^a*+$`: "possessive", `^a**$`: "nested", `^a{,3}$`: "no lower bound", `^a{3$`: "brace", `^a}$`: "brace", `^{$`: "brace", `^*$`: "nothing to repeat",
		`^(?:*)$`: "nothing to repeat", `^(|*)$`: "nothing to repeat", `^a{2000}$`: "more than Go repeats",
		`^[]a]$`: "] first", `^[^]$`: "empty", `^[$`: "open", `^[a$`: "open", `^[[:alpha:]]$`: "POSIX class", `^[a-]$`: "- at the end", `^[-a]$`: "- at the start",
		`^[a-\d]$`: "a range to a set", `^[\d-z]$`: "a range from a set", `^[z-a]$`: "a range backwards", `^[a(b]$`: "( in a class", `^[a&&b]$`: "&& in a class",
		`^[a--b]$`: "-- in a class", `^[a/b]$`: "/ in a class", `^(a$`: "open group", `^a)$`: "closed group", `^a]$`: "] alone", `^\-$`: `\- outside a class`,
		`^a^b$`: "an anchor within", `^a$b$`: "an anchor within", `^\_$`: "a needless escape", "^\xff$": "not UTF-8", "^[\xff]$": "not UTF-8", `^\$`: "escaped end",
		`^a??+$`: "possessive", `^a{1}{2}$`: "nested",
	} {
		if err := checkPattern(p); !errors.Is(err, ErrNotPortable) {
			t.Errorf("%s (%s) is taken: %v", p, why, err)
		}
	}
}

func FuzzPattern(f *testing.F) {
	for _, p := range []string{`^[a-z]{1,3}$`, `^(?:a|\p{L})*$`, `^[^\-]+?$`, `^\x41$`} {
		f.Add(p)
	}
	f.Fuzz(func(t *testing.T, p string) {
		if checkPattern(p) != nil {
			return
		}
		if _, err := regexp.Compile(p); err != nil {
			t.Errorf("%q is taken, and Go refuses it: %v", p, err)
		}
		if strings.Contains(p, "(?") && strings.Count(p, "(?") != strings.Count(p, "(?:")+strings.Count(p, `\(?`) {
			t.Errorf("%q is taken with a group that is not shared", p)
		}
	})
}
