package qrcode_test

import (
	"strings"
	"testing"

	"github.com/arpenteur/arpenteur/internal/qrcode"
)

// modules reads the modules back from what a terminal shows: true where one is dark. The surroundings are left out.
func modules(t *testing.T, shown string) [][]bool {
	t.Helper()
	var rows [][]bool
	for line := range strings.Lines(shown) {
		line, found := strings.CutPrefix(line, "\x1b[97;40m")
		line, ended := strings.CutSuffix(line, "\x1b[0m\n")
		if !found || !ended {
			t.Fatalf("a line has no colours of its own: %q", line)
		}
		var above, below []bool
		for _, r := range line {
			above, below = append(above, r != '█' && r != '▀'), append(below, r != '█' && r != '▄')
		}
		rows = append(rows, above, below)
	}
	size := len(rows[0]) - 8
	for y, row := range rows {
		for x, dark := range row {
			if dark && (x < 4 || y < 4 || x >= 4+size || y >= 4+size) {
				t.Fatalf("a dark module in the surroundings, at %d, %d", x, y)
			}
		}
	}
	var out [][]bool
	for _, row := range rows[4 : 4+size] {
		out = append(out, row[4:4+size])
	}
	return out
}

// TestACodeHasThePatternsOfItsStandard looks for what ISO/IEC 18004 puts into every code, at its place: three finders, and the timing between.
func TestACodeHasThePatternsOfItsStandard(t *testing.T) {
	for _, text := range []string{"arpenteur", strings.Repeat("arpenteur:peer:1:", 12), strings.Repeat("x", 1500)} {
		shown, err := qrcode.Terminal(text)
		if err != nil {
			t.Fatal(err)
		}
		m := modules(t, shown)
		size := len(m)
		if (size-17)%4 != 0 {
			t.Errorf("%d modules wide", size)
		}
		for _, at := range [][2]int{{0, 0}, {size - 7, 0}, {0, size - 7}} {
			for y := range 7 {
				for x := range 7 {
					ring := max(max(x, 6-x), max(y, 6-y)) // 6 at the rim, 3 in the middle
					if got := m[at[1]+y][at[0]+x]; got != (ring != 5) {
						t.Fatalf("the finder at %v has another module at %d, %d", at, x, y)
					}
				}
			}
		}
		for i := 8; i < size-8; i++ {
			if m[6][i] != (i%2 == 0) || m[i][6] != (i%2 == 0) {
				t.Fatalf("the timing is wrong at %d", i)
			}
		}
	}
}

func TestATextThatIsTooLongForAnyCodeIsAnError(t *testing.T) {
	if _, err := qrcode.Terminal(strings.Repeat("x", 3000)); err == nil {
		t.Error("it was shown")
	}
}
