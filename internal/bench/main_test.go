package main

import (
	"bytes"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
)

// TestMain does a child's task where the program under test runs itself again, or runs the tests.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && strings.HasPrefix(os.Args[1], childPrefix) {
		os.Exit(runChild(os.Args[1], os.Args[2:]))
	}
	os.Exit(m.Run())
}

func TestAQuickRunPrintsEveryFigure(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes some ten seconds")
	}
	var out, progress bytes.Buffer
	if err := run(t.Context(), []string{"-quick"}, &out, &progress); err != nil {
		t.Fatalf("%v, after:\n%s", err, progress.Bytes())
	}
	var printed []string
	for line := range strings.Lines(out.String()) {
		var f struct {
			Figure string
			Value  float64
			Unit   string
		}
		if err := json.Unmarshal([]byte(line), &f); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		if f.Value <= 0 || f.Unit == "" {
			t.Errorf("a figure without a value or unit: %s", line)
		}
		if strings.HasPrefix(f.Figure, "idle_") && f.Value >= 1024 {
			t.Errorf("an exchange with nothing new takes 1 KB or more (law L11): %s", line)
		}
		printed = append(printed, f.Figure)
	}
	want := figureNames()
	slices.Sort(want)
	slices.Sort(printed)
	if !slices.Equal(printed, want) {
		t.Errorf("printed were %v, not %v", printed, want)
	}
}

func TestAFigureThatThereIsNotIsRefused(t *testing.T) {
	var out, progress bytes.Buffer
	if err := run(t.Context(), []string{"-only", "speed"}, &out, &progress); err == nil || out.Len() > 0 {
		t.Errorf("error %v, printed %s", err, out.Bytes())
	}
}

func TestFiguresHaveFourDigits(t *testing.T) {
	for value, want := range map[float64]float64{123456: 123500, 0.00123456: 0.001235, 99.999: 100, 0: 0, 805: 805} {
		if got := rounded(value); got != want {
			t.Errorf("%v is printed as %v, not %v", value, got, want)
		}
	}
}
