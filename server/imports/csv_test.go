package imports

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func fileOf(text string) File { return File{strings.NewReader(text), int64(len(text))} }

// read reads all rows of a CSV, faults as "line fault".
func read(t interface{ Fatal(...any) }, text string, separator byte) []string {
	r := newRows(fileOf(text), UTF8, 0)
	r.separator = separator
	var out []string
	for {
		row, err := r.next()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		if row.fault != "" {
			out = append(out, fmt.Sprintf("%d %s", row.line, row.fault))
			continue
		}
		out = append(out, fmt.Sprintf("%d %q", row.line, row.cells))
	}
}

func TestRowsAreReadAndABrokenOneCostsItsLineAlone(t *testing.T) {
	long := strings.Repeat("x", maxRowBytes)
	for name, test := range map[string]struct {
		text string
		want []string
	}{
		"plain":                   {"a;b\nc;d", []string{`1 ["a" "b"]`, `2 ["c" "d"]`}},
		"CRLF":                    {"a;b\r\nc;d\r\n", []string{`1 ["a" "b"]`, `2 ["c" "d"]`}},
		"blank lines":             {"a;b\n\n;\n  \nc;d\n", []string{`1 ["a" "b"]`, `5 ["c" "d"]`}},
		"quotes":                  {"\"a;\"\"b\"\"\";\"c\nd\"\ne;f\n", []string{`1 ["a;\"b\"" "c\nd"]`, `3 ["e" "f"]`}},
		"quotes within":           {"5\" x;b\n", []string{`1 ["5\" x" "b"]`}},
		"an empty quoted cell":    {"\"\";b\n", []string{`1 ["" "b"]`}},
		"a quote never closed":    {"a;b\n\"c;d\ne;f\n", []string{`1 ["a" "b"]`, `2 quotes`, `3 ["e" "f"]`}},
		"closed by the next row":  {"\"a;b\n\"c\";d\ne;f\n", []string{`1 quotes`, `2 ["c" "d"]`, `3 ["e" "f"]`}},
		"text behind a quote":     {"\"a\"x;b\nc;d\n", []string{`1 quotes`, `2 ["c" "d"]`}},
		"a NUL":                   {"a\x00;b\nc;d\n", []string{`1 control_character`, `2 ["c" "d"]`}},
		"a long line":             {"a;" + long + "\nc;d\n", []string{`1 row_too_large`, `2 ["c" "d"]`}},
		"a long quoted row":       {"\"" + strings.Repeat("x\n", maxRowBytes) + "\";b\nc;d\n", nil},
		"a long cell":             {"a;" + long[:maxCellBytes+1] + "\nc;d\n", []string{`1 cell_too_long`, `2 ["c" "d"]`}},
		"ends within a quote":     {"a;\"b", []string{`1 quotes`}},
		"ends after a quote":      {"a;\"b\"", []string{`1 ["a" "b"]`}},
		"ends after a separator":  {"a;", []string{`1 ["a" ""]`}},
		"quotes at a piece's end": {strings.Repeat("y;z\n", maxRowBytes/4) + "\"a\"\"\";b\n", nil},
	} {
		t.Run(name, func(t *testing.T) {
			got := read(t, test.text, ';')
			switch name {
			case "a long quoted row":
				if len(got) != maxRowBytes+2 || got[0] != "1 quotes" || got[len(got)-1] != fmt.Sprintf(`%d ["c" "d"]`, maxRowBytes+2) {
					t.Errorf("%d rows, the first %s, the last %s", len(got), got[0], got[len(got)-1])
				}
			case "quotes at a piece's end":
				if last := got[len(got)-1]; last != fmt.Sprintf(`%d ["a\"" "b"]`, maxRowBytes/4+1) {
					t.Errorf("%s", last)
				}
			default:
				if !slices.Equal(got, test.want) {
					t.Errorf("%v, not %v", got, test.want)
				}
			}
		})
	}
}

// TestRowsAreThoseOfAnotherReader compares with encoding/csv on what a writer of CSV makes.
func TestRowsAreThoseOfAnotherReader(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cell := rapid.StringMatching(`[a-z";,\n ]{0,8}`)
		var b bytes.Buffer
		w := csv.NewWriter(&b)
		w.Comma = ';'
		w.UseCRLF = rapid.Bool().Draw(t, "crlf")
		var want []string
		line := 1
		for range rapid.IntRange(0, 60).Draw(t, "rows") {
			cells := []string{"k" + cell.Draw(t, "a"), cell.Draw(t, "b"), cell.Draw(t, "c")}
			if err := w.Write(cells); err != nil {
				t.Fatal(err)
			}
			ends := strings.Count(strings.Join(cells, ""), "\n")
			for i := range cells {
				if w.UseCRLF {
					cells[i] = strings.ReplaceAll(cells[i], "\n", "\r\n")
				}
				cells[i] = strings.TrimSpace(cells[i])
			}
			want = append(want, fmt.Sprintf("%d %q", line, cells))
			line += 1 + ends
		}
		w.Flush()
		if got := read(t, b.String(), ';'); !slices.Equal(got, want) {
			t.Fatalf("%q gave\n%v\nnot\n%v", b.String(), got, want)
		}
	})
}

func FuzzRowsEndAndKeepToTheirBounds(f *testing.F) {
	f.Add("a;b\n\"c\";d\n", byte(';'))
	f.Add("\"a\"\"\n\"b\",\xff\x00\r\n", byte(','))
	f.Fuzz(func(t *testing.T, text string, separator byte) {
		if separator == '"' || separator == '\n' || separator == '\r' || separator == ' ' {
			separator = ';'
		}
		r := newRows(fileOf(text), UTF8, 0)
		r.separator = separator
		last := 0
		for {
			row, err := r.next()
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil || row.line <= last {
				t.Fatalf("line %d after %d: %v", row.line, last, err)
			}
			last = row.line
		}
	})
}

func TestWhatIsFoldedIsFound(t *testing.T) {
	for given, want := range map[string]string{
		"Étage": "etage", "  Nom  court ": "nom court", "SITE_ADDRESS": "site address", "Bas-Vernet\u00a0Nouveau": "bas vernet nouveau", "d’acteur": "d'acteur", "": "",
	} {
		if got := Fold(given); got != want {
			t.Errorf("%q: %q, not %q", given, got, want)
		}
	}
}

func TestEveryCodeHasItsWordsInBothLanguages(t *testing.T) {
	seen := map[Code]bool{}
	for _, e := range texts() {
		if seen[e.code] || e.text.FR == "" || e.text.EN == "" || e.text.FR == e.text.EN {
			t.Errorf("%s: %+v", e.code, e.text)
		}
		seen[e.code] = true
		if strings.Contains(e.text.FR, "{with}") != strings.Contains(e.text.EN, "{with}") {
			t.Errorf("%s names something in one language alone", e.code)
		}
		for _, mark := range []string{" :", " ;", "« ", " »"} {
			if strings.Contains(e.text.FR, mark) {
				t.Errorf("%s: %q breaks before %q", e.code, e.text.FR, mark)
			}
		}
	}
}
