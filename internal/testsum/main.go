package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"slices"
)

func main() {
	if failed := testAll(os.Args[1:]); failed > 0 {
		os.Exit(1)
	}
}

// testAll runs go test with each of the argument lists in args and returns how many tests failed.
func testAll(args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	t := newTally(os.Stdout)
	for _, run := range runs(args) {
		if err := t.run(ctx, run); err != nil {
			fmt.Fprintln(os.Stderr, "testsum:", err)
			t.failed++
		}
	}
	return t.summarise(os.Getenv("REQUIRE_ALL") == "1")
}

// runs splits args at "--" into the arguments of one run each. No arguments are one run of the current package.
func runs(args []string) [][]string {
	out := [][]string{nil}
	for _, arg := range args {
		if arg == "--" {
			out = append(out, nil)
			continue
		}
		out[len(out)-1] = append(out[len(out)-1], arg)
	}
	return out
}

// run runs go test with args and counts what it reports. It returns an error where go test could not be run, its report could
// not be read, or it failed without saying which package did.
func (t *tally) run(ctx context.Context, args []string) error {
	command := exec.CommandContext(ctx, "go", append([]string{"test", "-json"}, args...)...)
	command.Stderr = os.Stderr
	report, err := command.StdoutPipe()
	if err != nil {
		return err
	}
	if err := command.Start(); err != nil {
		return err
	}
	t.short = slices.Contains(args, "-short")
	before := t.failed
	readErr := t.read(report)
	if err := command.Wait(); err != nil && t.failed == before {
		return fmt.Errorf("go test %q: %w", args, err)
	}
	return readErr
}

// read counts the events of a report of go test -json. A line that is no event is printed as it is.
func (t *tally) read(report io.Reader) error {
	lines := bufio.NewReader(report)
	for {
		line, err := lines.ReadBytes('\n')
		if len(line) > 0 {
			var e event
			if json.Unmarshal(line, &e) != nil || e.Action == "" {
				t.printf("%s", line)
			} else {
				t.add(e)
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
