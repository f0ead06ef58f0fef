package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"time"
)

func main() {
	if len(os.Args) > 1 && strings.HasPrefix(os.Args[1], childPrefix) {
		os.Exit(runChild(os.Args[1], os.Args[2:]))
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// run runs the suites that the flags ask for.
func run(ctx context.Context, args []string, out, progress io.Writer) (err error) {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(progress)
	only := flags.String("only", "", "measure this figure alone: "+strings.Join(figureNames(), ", "))
	quick := flags.Bool("quick", false, "use small sizes: a smoke test, whose figures say nothing")
	profile := flags.String("profile", "", "write a processor profile of what is timed in the push to this file")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *only != "" && !slices.Contains(figureNames(), *only) {
		return fmt.Errorf("there is no figure %q; there are %s", *only, strings.Join(figureNames(), ", "))
	}
	folder, err := os.MkdirTemp("", "arpenteur-bench-")
	if err != nil {
		return err
	}
	defer func() {
		if gone := os.RemoveAll(folder); err == nil {
			err = gone
		}
	}()
	b := &bench{folder: folder, only: *only, quick: *quick, profile: *profile, out: out, progress: progress, begun: time.Now()}
	for _, s := range b.suites() {
		if *only != "" && !slices.Contains(s.figures, *only) {
			continue
		}
		if err := s.run(ctx); err != nil {
			return fmt.Errorf("%s: %w", strings.Join(s.figures, ", "), err)
		}
	}
	b.say("done")
	return nil
}

// suite is figures that share what they are measured on.
type suite struct {
	figures []string
	run     func(ctx context.Context) error
}

func (b *bench) suites() []suite {
	return []suite{
		{[]string{"push", "pull", "bytes_up", "bytes_down", "idle_10000"}, b.exchange},
		{[]string{"idle_50_ledgers"}, b.fiftyLedgers},
		{[]string{"merge"}, b.merge},
		{[]string{"tap", "commit"}, b.capture},
		{[]string{"idle_100000", "ten_changes", "open_tablet"}, b.large},
		{[]string{"photos"}, b.photos},
		{[]string{"backup"}, b.backup},
		{[]string{"import"}, b.importing},
		{[]string{"export", "search"}, b.exporting},
		{[]string{"start_server"}, b.start},
	}
}

func figureNames() []string {
	var names []string
	for _, s := range new(bench).suites() {
		names = append(names, s.figures...)
	}
	return names
}

// bench is one run of this program.
type bench struct {
	folder   string // temporary
	only     string // one figure, or empty for all
	quick    bool
	profile  string
	out      io.Writer
	progress io.Writer
	begun    time.Time
}

// size returns n, or a small share of it in a quick run.
func (b *bench) size(n int) int {
	if b.quick {
		return max(n/50, 2)
	}
	return n
}

// say tells whoever waits how far the run is.
func (b *bench) say(format string, args ...any) {
	_, _ = fmt.Fprintf(b.progress, "%6.1fs  %s\n", time.Since(b.begun).Seconds(), fmt.Sprintf(format, args...)) // nobody may be there
}
