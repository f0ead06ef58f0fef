// Command replay takes real inspections of buildings and lets them happen again on several tablets, with everything that a field adds:
// captures without a network, colleagues who correct each other's records without knowing, links that cut. In the end it checks that
// every tablet and the server show the same bytes for every record, and that nothing that was saved is missing anywhere.
//
//	go run ./examples/replay                                             # made-up inspections, from the project's root
//	go run ./examples/replay -csv path/to/rentsafeto_evaluations.csv
//	go run ./examples/replay -csv … -tablets 8 -rows 400 -seed 7
//
// The inspections are a CSV of RentSafeTO, the programme by which Toronto inspects rental buildings (Open Government Licence – Toronto), one
// row for each inspection, one column for each of 49 items. rentsafeto.csv is the mapping that says what becomes of an item and of its
// mark; an import on a server takes the same mapping, and both read with package imports. The same seed and file give the same day.
//
// inspections.go reads the file, field.go is the day on the tablets, link.go cuts, check.go compares.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
)

// options are the flags.
type options struct {
	csv     string
	tablets int
	rows    int // at most; 0 for all
	seed    uint64
}

func main() {
	var o options
	flag.StringVar(&o.csv, "csv", "examples/replay/testdata/inspections.csv", "inspections in the format of RentSafeTO")
	flag.IntVar(&o.tablets, "tablets", 5, "how many tablets share the work")
	flag.IntVar(&o.rows, "rows", 100, "how many inspections to take; 0 for all")
	flag.Uint64Var(&o.seed, "seed", 1, "of everything that chance decides")
	flag.Parse()
	if _, err := run(context.Background(), os.Stdout, o); err != nil {
		fmt.Fprintln(os.Stderr, "replay:", err)
		os.Exit(1)
	}
}

// run replays inspections and tells out how it went. It returns an error where a law was broken.
func run(ctx context.Context, out io.Writer, o options) (r *result, err error) {
	inspections, err := readInspections(ctx, o.csv, o.rows)
	if err != nil {
		return nil, err
	}
	f, err := newField(ctx, o)
	if err != nil {
		return nil, err
	}
	defer f.end()
	tell := func(format string, args ...any) { _, _ = fmt.Fprintf(out, format+"\n", args...) }
	if err := f.capture(ctx, inspections); err != nil {
		return nil, err
	}
	tell("%d inspections of %d buildings became %d observations on %d tablets", len(inspections.rows), len(f.places), len(f.saved), o.tablets)
	tell("  %d rows were refused, %d have no position", inspections.refused, inspections.noPosition)
	if err := f.exchange(ctx); err != nil {
		return nil, err
	}
	for round := range editRounds {
		if err := f.edit(ctx); err != nil {
			return nil, err
		}
		f.exchangeBadly(ctx)
		tell("round %d: %d changes so far, %d exchanges were cut", round+1, len(f.saved), f.cuts())
	}
	if err := f.exchange(ctx); err != nil {
		return nil, err
	}
	if r, err = f.check(ctx); err != nil {
		return nil, err
	}
	tell("%d records, %d changes: the same bytes on the server and on all %d tablets, and nothing missing", r.records, len(f.saved), o.tablets)
	tell("  %d records wait for a person's decision, %d break a rule, %d were deleted", r.conflicts, r.violations, r.absent)
	r.cuts = f.cuts()
	return r, nil
}
