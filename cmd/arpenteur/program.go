package main

import (
	"context"
	"embed"
	"errors"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/term"

	"github.com/arpenteur/arpenteur/internal/phrases"
)

//go:embed catalogue
var catalogueFiles embed.FS

// streams are where a program reads and writes.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

// program is one run of the command line.
type program struct {
	streams
	env  func(string) string
	say  *phrases.Catalogue
	json bool // the output is for a script
}

// run runs one command line and returns the exit code.
func run(ctx context.Context, args []string, s streams, env func(string) string) int {
	lang := phrases.Choose(langOf(args), env("ARPENTEUR_LANG"), env("LC_ALL"), env("LC_MESSAGES"), env("LANG"))
	say, err := readCatalogue(lang)
	if err != nil {
		writeLine(s.err, "arpenteur: "+err.Error())
		return classOther.exit()
	}
	p := &program{streams: s, env: env, say: say}
	root := p.root() //nolint:contextcheck // commands get theirs when they run
	root.SetArgs(args)
	err = root.ExecuteContext(ctx)
	return p.end(ctx, err)
}

// readCatalogue reads what is said in a language.
func readCatalogue(lang phrases.Language) (*phrases.Catalogue, error) {
	source, err := catalogueFiles.ReadFile("catalogue/" + string(lang) + ".txt")
	if err != nil {
		return nil, err
	}
	return phrases.Parse(lang, string(source))
}

// langOf finds the value of --lang before anything else is read, so that help and errors are in it too.
func langOf(args []string) string {
	for i, a := range args {
		switch {
		case a == "--":
			return ""
		case a == "--lang" && i+1 < len(args):
			return args[i+1]
		}
		if v, ok := strings.CutPrefix(a, "--lang="); ok {
			return v
		}
	}
	return ""
}

// end reports how the command ended, and returns the exit code.
func (p *program) end(ctx context.Context, err error) int {
	switch {
	case err == nil:
		return classDone.exit()
	case ctx.Err() != nil && errors.Is(err, context.Canceled):
		return p.report(failed(classOther, "error.interrupted"))
	}
	return p.report(err)
}

// setting returns the value of a flag, or of the environment where the flag was not given.
func (p *program) setting(flag, variable string) string {
	if flag != "" {
		return flag
	}
	return p.env(variable)
}

// terminal reports whether a stream is a person's screen.
func terminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd())) //nolint:gosec // a file descriptor
}

// localTime returns a time of records, in milliseconds since 1970 UTC, as people here read it.
func localTime(ms int64) time.Time { return time.UnixMilli(ms).Local() }

// stamp writes a time for a table: "23/11/2026 14:05".
func stamp(ms int64) string {
	if ms == 0 {
		return "–"
	}
	return localTime(ms).Format("02/01/2006 15:04")
}
