package imports

import (
	"strings"
	"unicode/utf8"

	"github.com/arpenteur/arpenteur/schemas"
)

// Remark is what is to be said of a row, or of the file as a whole where Line is 0.
type Remark struct {
	Line    int
	Column  string // as the file names it
	Value   string // as the file has it, shortened
	Outcome Outcome
	Code    Code
	With    string       // what the text needs beside column and value: another line, a limit
	Rule    schemas.Text // of CodeRule: the rule in words
}

// Message says the remark in a language, "fr" or "en".
func (r *Remark) Message(lang string) string {
	text := r.Code.text().In(lang)
	if r.Code == CodeRule {
		text = r.Rule.In(lang)
	}
	return strings.ReplaceAll(text, "{with}", r.With)
}

// maxShown is how much of a value a remark repeats, in characters.
const maxShown = 60

// shortened returns the beginning of a value, fit to be shown on one line.
func shortened(value string) string {
	value = strings.ToValidUTF8(value, "\ufffd")
	if utf8.RuneCountInString(value) > maxShown {
		value = string([]rune(value[:min(len(value), 4*maxShown)])[:maxShown]) + "…"
	}
	return strings.Map(func(r rune) rune {
		if isControl(r) {
			return ' '
		}
		return r
	}, value)
}

// isControl reports whether a rune is one that no text holds: controls other than tab and line ends are slips of a program, and a NUL
// ends texts elsewhere.
func isControl(r rune) bool { return r < ' ' || r >= 0x7f && r < 0xa0 || r == utf8.RuneError }

// Refusal is the error for a file that can't be taken at all, with all that is wrong with it.
type Refusal struct{ Remarks []Remark }

// Error returns the codes.
func (r *Refusal) Error() string {
	var parts []string
	for i := range r.Remarks {
		parts = append(parts, r.Remarks[i].Message(schemas.English))
	}
	return "the file can't be imported: " + strings.Join(parts, "; ")
}

// refusal returns the error for a file with one fault.
func refusal(code Code, line int, column, with string) *Refusal {
	return &Refusal{[]Remark{{Line: line, Column: column, Outcome: Refused, Code: code, With: with}}}
}
