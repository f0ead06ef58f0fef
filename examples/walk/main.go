// Command walk tells one day on one estate: three consultants with a tablet each, a server, and everything that goes wrong on such
// a day. The tablets are real clients with sealed stores on disk, the server is a real one on a bbolt file, and they speak real HTTP; only the
// clock is made up, so that the day is the same each time.
//
//	go run ./examples/walk             in French
//	go run ./examples/walk -lang en    in English
//
// What happens: two people observe the same hall without a network; a tablet dies in the middle of a draft; two people correct the same
// observation apart; a tablet is restored from an old copy of itself; the server stops for an hour. In the evening the program shows
// what was merged and why, the values side by side where a person has to decide, and that all stores show the same bytes.
//
// day.go is the day, tablet.go what a program does with a tablet, show.go how a merged record is explained to a person.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
)

func main() {
	lang := flag.String("lang", "fr", "language of the story: fr or en")
	flag.Parse()
	if err := run(context.Background(), os.Stdout, *lang); err != nil {
		fmt.Fprintln(os.Stderr, "walk:", err)
		os.Exit(1)
	}
}

// run tells the day to out.
func run(ctx context.Context, out io.Writer, lang string) error {
	folder, err := os.MkdirTemp("", "arpenteur-walk-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder) //nolint:errcheck // the system empties its temporary folder
	d := &day{out: out, lang: lang, folder: folder}
	defer d.end()
	for _, scene := range []func(context.Context) error{
		d.departure, d.morning, d.crash, d.noon, d.afternoon, d.restored, d.outage, d.evening,
	} {
		if err := scene(ctx); err != nil {
			return err
		}
	}
	return nil
}
