package main

import (
	"slices"
	"strings"
	"testing"
)

// report is what go test -json says of two packages: one test passes, one is skipped, one fails; the other package doesn't build.
const report = `{"Action":"start","Package":"a"}
{"Action":"run","Package":"a","Test":"TestGood"}
{"Action":"output","Package":"a","Test":"TestGood","Output":"=== RUN   TestGood\n"}
{"Action":"output","Package":"a","Test":"TestGood","Output":"    a_test.go:1: chatter\n"}
{"Action":"pass","Package":"a","Test":"TestGood","Elapsed":0}
{"Action":"output","Package":"a","Test":"TestAbsent","Output":"=== RUN   TestAbsent\n"}
{"Action":"output","Package":"a","Test":"TestAbsent","Output":"    a_test.go:2: no browser\n"}
{"Action":"output","Package":"a","Test":"TestAbsent","Output":"--- SKIP: TestAbsent (0.00s)\n"}
{"Action":"skip","Package":"a","Test":"TestAbsent","Elapsed":0}
{"Action":"output","Package":"a","Test":"TestBad","Output":"    a_test.go:3: got 1, want 2\n"}
{"Action":"fail","Package":"a","Test":"TestBad","Elapsed":0}
{"Action":"output","Package":"a","Output":"FAIL\ta\t0.01s\n"}
{"Action":"fail","Package":"a","Elapsed":0.01}
{"ImportPath":"b","Action":"build-output","Output":"b.go:1:1: syntax error\n"}
{"ImportPath":"b","Action":"build-fail"}
{"Action":"output","Package":"b","Output":"FAIL\tb [build failed]\n"}
{"Action":"fail","Package":"b","Elapsed":0,"FailedBuild":"b"}
`

// told returns what testsum prints about the report, and the number of failures that it returns.
func told(t *testing.T, short, requireAll bool) (string, int) {
	t.Helper()
	var out strings.Builder
	sum := newTally(&out)
	sum.short = short
	if err := sum.read(strings.NewReader(report)); err != nil {
		t.Fatal(err)
	}
	failed := sum.summarise(requireAll)
	return out.String(), failed
}

func TestTheLastLineIsTheTotalAlone(t *testing.T) {
	for _, c := range []struct {
		name              string
		short, requireAll bool
		last              string
		failed            int
	}{
		{"a skipped test is named", false, false, "1 passed, 2 failed", 2},
		{"a skipped test fails where all are required", false, true, "1 passed, 3 failed", 3},
		{"a short run may skip", true, true, "1 passed, 2 failed", 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			out, failed := told(t, c.short, c.requireAll)
			lines := strings.Split(strings.TrimSuffix(out, "\n"), "\n")
			if last := lines[len(lines)-1]; last != c.last || failed != c.failed {
				t.Errorf("ends with %q and %d failures, want %q and %d", last, failed, c.last, c.failed)
			}
			if named := strings.Contains(out, "SKIPPED a TestAbsent: a_test.go:2: no browser\n"); named == c.short {
				t.Errorf("skipped test named: %v, in\n%s", named, out)
			}
		})
	}
}

func TestOnlyWhatFailedIsPrinted(t *testing.T) {
	out, _ := told(t, false, false)
	for _, want := range []string{"got 1, want 2", "FAIL\ta\t", "b.go:1:1: syntax error", "FAIL\tb [build failed]"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is missing from\n%s", want, out)
		}
	}
	if strings.Contains(out, "chatter") {
		t.Errorf("a passing test was printed:\n%s", out)
	}
}

func TestAPackageThatEndsEarlyIsOneFailureWithWhatItPrinted(t *testing.T) {
	var out strings.Builder
	sum := newTally(&out)
	sum.add(event{Action: "output", Package: "a", Test: "TestExits", Output: "about to exit\n"})
	sum.add(event{Action: "fail", Package: "a"})
	if failed := sum.summarise(false); failed != 1 || !strings.Contains(out.String(), "TestExits did not end:\nabout to exit\n") {
		t.Errorf("%d failures, in\n%s", failed, out.String())
	}
}

func TestAFailureOfGoTestItselfIsAnError(t *testing.T) {
	var out strings.Builder
	if err := newTally(&out).run(t.Context(), []string{"-mod=nonsense", "./..."}); err == nil {
		t.Errorf("no error, and\n%s", out.String())
	}
}

func TestRunsAreSeparatedByTwoHyphens(t *testing.T) {
	got := runs(strings.Fields("-count=1 ./... -- -race ./a"))
	want := [][]string{{"-count=1", "./..."}, {"-race", "./a"}}
	if !slices.EqualFunc(got, want, slices.Equal[[]string]) {
		t.Errorf("got %q, want %q", got, want)
	}
}
