package main

import (
	"fmt"
	"io"
	"strings"
)

// event is a line of the report of go test -json, as described by go doc test2json.
type event struct {
	Action  string
	Package string
	Test    string // empty: the event is about the package
	Output  string
}

// tally counts the tests of any number of runs and prints what a person must see of them.
type tally struct {
	out   io.Writer
	short bool // the present run leaves tests out on purpose

	passed, failed, skipped, leftOut int

	held   map[string]map[string]*strings.Builder // package to test to what it printed, until it ends
	broken map[string]bool                        // packages of the present run with a failed test
}

func newTally(out io.Writer) *tally {
	return &tally{out: out, held: map[string]map[string]*strings.Builder{}, broken: map[string]bool{}}
}

// add counts an event. Output is held until its test or package ends, and printed only if it failed.
func (t *tally) add(e event) {
	switch e.Action {
	case "output":
		t.hold(e)
	case "build-output":
		t.printf("%s", e.Output)
	case "pass", "fail", "skip":
		if e.Test == "" {
			t.endPackage(e)
		} else {
			t.endTest(e)
		}
	}
}

func (t *tally) hold(e event) {
	tests := t.held[e.Package]
	if tests == nil {
		tests = map[string]*strings.Builder{}
		t.held[e.Package] = tests
	}
	if tests[e.Test] == nil {
		tests[e.Test] = &strings.Builder{}
	}
	tests[e.Test].WriteString(e.Output)
}

// release returns what a test printed, without the lines that only say that it started, and forgets it.
func (t *tally) release(pkg, test string) []string {
	held := t.held[pkg][test]
	if held == nil {
		return nil
	}
	delete(t.held[pkg], test)
	var out []string
	for line := range strings.Lines(held.String()) {
		if !strings.HasPrefix(line, "=== ") && line != "PASS\n" {
			out = append(out, line)
		}
	}
	return out
}

func (t *tally) endTest(e event) {
	lines := t.release(e.Package, e.Test)
	switch {
	case e.Action == "pass":
		t.passed++
	case e.Action == "fail":
		t.failed++
		t.broken[e.Package] = true
		t.printf("%s", strings.Join(lines, ""))
	case t.short:
		t.leftOut++
	default:
		t.skipped++
		t.printf("SKIPPED %s %s: %s\n", e.Package, e.Test, reason(lines))
	}
}

// reason is what a skipped test said, in one line.
func reason(lines []string) string {
	var said []string
	for _, line := range lines {
		if line = strings.TrimSpace(line); !strings.HasPrefix(line, "--- ") {
			said = append(said, line)
		}
	}
	return strings.Join(said, "; ")
}

func (t *tally) endPackage(e event) {
	lines := t.release(e.Package, "")
	if e.Action == "fail" && !t.broken[e.Package] {
		t.failed++
		for test := range t.held[e.Package] {
			t.printf("%s did not end:\n%s", test, strings.Join(t.release(e.Package, test), ""))
		}
	}
	for _, line := range lines {
		if e.Action == "fail" || strings.HasPrefix(line, "ok ") {
			t.printf("%s", line)
		}
	}
	delete(t.held, e.Package)
	delete(t.broken, e.Package)
}

// summarise prints the totals, the line of passed and failed last, and returns how many failed. Where all tests are required, a
// skipped test has failed.
func (t *tally) summarise(requireAll bool) int {
	if t.leftOut > 0 {
		t.printf("%d left out of the short run\n", t.leftOut)
	}
	failed := t.failed
	if t.skipped > 0 {
		t.printf("%d SKIPPED, named above\n", t.skipped)
		if requireAll {
			t.printf("REQUIRE_ALL=1: what was skipped has failed\n")
			failed += t.skipped
		}
	}
	t.printf("%d passed, %d failed\n", t.passed, failed)
	return failed
}

// printf writes to the terminal or the build's log; there is nowhere to report that this failed.
func (t *tally) printf(format string, args ...any) {
	_, _ = fmt.Fprintf(t.out, format, args...)
}
