package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/arpenteur/arpenteur/internal/apiclient"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// importOptions are the flags of `arpenteur admin imports`.
type importOptions struct {
	diagnostic, source, mapping string
	dry                         bool
}

// importLine is one line of the server's answer to an import.
type importLine struct {
	Event    string        `json:"event"`
	Encoding string        `json:"encoding"`
	Line     int           `json:"line"`
	Column   string        `json:"column"`
	Value    string        `json:"value"`
	Outcome  string        `json:"outcome"`
	Code     string        `json:"code"`
	Message  string        `json:"message"`
	Done     int           `json:"done"`
	Bytes    int64         `json:"bytes"`
	Size     int64         `json:"size"`
	Totals   *importTotals `json:"totals"`
}

// importTotals is what became of the rows of a file.
type importTotals struct {
	Rows       int  `json:"rows"`
	New        int  `json:"new"`
	Changed    int  `json:"changed"`
	Unchanged  int  `json:"unchanged"`
	Kept       int  `json:"kept"`
	Refused    int  `json:"refused"`
	Incomplete bool `json:"incomplete"`
}

// adminImports is `arpenteur admin imports`.
func (p *program) adminImports(o *apiOptions) *cobra.Command {
	return p.group("admin.imports",
		p.importCommand(o, "admin.imports.outlines", "outlines"), p.importCommand(o, "admin.imports.places", "places"),
		p.importCommand(o, "admin.imports.actors", "actors"), p.importCommand(o, "admin.imports.inspections", "inspections"),
	)
}

// importCommand makes the command that imports files of a kind.
func (p *program) importCommand(o *apiOptions, key, kind string) *cobra.Command {
	var i importOptions
	c := p.onAPI(o, key, 1, func(ctx context.Context, a *api, args []string) error {
		query := url.Values{}
		if kind != "outlines" {
			d, err := a.diagnostic(ctx, i.diagnostic)
			if err != nil {
				return err
			}
			query.Set("diagnostic", d.ID)
		}
		if i.dry {
			query.Set("dry_run", "true")
		}
		if i.source != "" {
			query.Set("source", i.source)
		}
		return p.importFile(ctx, a, "/v1/imports/"+kind+"?"+query.Encode(), args[0], i.mapping)
	})
	f := c.Flags()
	f.BoolVar(&i.dry, "dry-run", false, p.say.Say("admin.imports.flag.dry_run"))
	if kind != "outlines" {
		f.StringVar(&i.diagnostic, "diagnostic", "", p.say.Say("admin.flag.diagnostic"))
		f.StringVar(&i.source, "source", "", p.say.Say("admin.imports.flag.source"))
	}
	if kind == "inspections" {
		f.StringVar(&i.mapping, "mapping", "", p.say.Say("admin.imports.flag.mapping"))
	}
	return c
}

// importFile sends a file, lets the server import it, and shows what the server says of it. Where the answer is cut it asks again for the rest.
func (p *program) importFile(ctx context.Context, a *api, path, file, mapping string) error {
	var columns []byte
	if mapping != "" {
		var err error
		if columns, err = p.readFile(mapping); err != nil {
			return failed(classUnknown, "admin.file", "path", mapping).because(err)
		}
	}
	return p.withFile(ctx, a, file, func(u *apiclient.Upload) error {
		report := &importReport{p: p, line: p.progress()}
		defer report.line.end()
		var tries apiclient.Patience
		for {
			before := report.told
			err := report.ask(ctx, a, path+"&upload="+u.ID, columns)
			if err == nil {
				return p.endImport(report.totals)
			}
			if report.told > before {
				tries.Progress()
			}
			if !tries.Again(ctx, err) {
				return err
			}
		}
	})
}

// importReport shows an import while it goes on: what is to be said of rows, how far it is, and what became of all. A script gets the lines as
// they come, each once.
type importReport struct {
	p      *program
	line   *progress
	began  bool
	told   int      // what concerns the lines up to this one was shown
	held   [][]byte // what concerns the line after it, as far as it came
	totals *importTotals
}

// ask asks for the import and shows what was not shown before.
func (r *importReport) ask(ctx context.Context, a *api, path string, mapping []byte) error {
	answer, err := a.Send(ctx, http.MethodPost, path+"&after="+strconv.Itoa(r.told), "application/json", bytes.NewReader(mapping))
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	r.held = nil
	at := 0 // the line that held is about
	lines := bufio.NewReaderSize(answer.Body, 1<<20)
	for {
		raw, err := lines.ReadSlice('\n')
		if errors.Is(err, io.EOF) && len(raw) == 0 && r.totals != nil {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%w: %w", apiclient.ErrCut, err)
		}
		var l importLine
		if err := json.Unmarshal(raw, &l); err != nil {
			return fmt.Errorf("%w: %w", apiclient.ErrNotOurs, err)
		}
		if l.Event != "line" || l.Line != at {
			if err := r.release(at); err != nil {
				return err
			}
		}
		if l.Event == "line" {
			at, r.held = l.Line, append(r.held, bytes.Clone(raw))
			continue
		}
		if err := r.show(&l, raw); err != nil {
			return err
		}
	}
}

// release shows all that was said of a line, now that all of it is there.
func (r *importReport) release(at int) error {
	for _, raw := range r.held {
		var l importLine
		if err := json.Unmarshal(raw, &l); err != nil {
			return err
		}
		r.line.end()
		if err := r.script(raw); err != nil {
			return err
		}
		r.p.tell("admin.imports.line", "where", r.p.whereOf(&l), "message", l.Message)
	}
	r.told, r.held = max(r.told, at), nil
	return nil
}

// show shows what is not about a line.
func (r *importReport) show(l *importLine, raw []byte) error {
	switch l.Event {
	case "begin":
		if r.began {
			return nil
		}
		r.began = true
	case "progress":
		r.told = max(r.told, l.Done) // a row's number is never above its line's
		r.line.at(r.p.say.Say("admin.imports.progress", "n", l.Done, "percent", 100*l.Bytes/max(l.Size, 1)))
	case "error":
		if err := r.script(raw); err != nil {
			return err
		}
		return &wire.Problem{Code: wire.Code(l.Code), Detail: l.Message}
	case "end":
		r.totals = l.Totals
	}
	return r.script(raw)
}

func (r *importReport) script(raw []byte) error {
	if !r.p.json {
		return nil
	}
	_, err := r.p.out.Write(raw)
	return err
}

// whereOf says which row, column and value a remark is about, and what became of the row.
func (p *program) whereOf(l *importLine) string {
	parts := []string{p.say.Say("admin.imports.outcome." + l.Outcome)}
	if l.Line > 0 {
		parts = append(parts, p.say.Say("admin.imports.row")+" "+strconv.Itoa(l.Line))
	}
	if l.Column != "" {
		parts = append(parts, l.Column)
	}
	if l.Value != "" {
		parts = append(parts, p.say.Say("admin.imports.value", "value", l.Value))
	}
	return strings.Join(parts, ", ")
}

// endImport says what became of all rows. That some were refused is an outcome of its own, for scripts.
func (p *program) endImport(t *importTotals) error {
	if t == nil {
		return apiclient.ErrCut
	}
	p.tell("admin.imports.totals",
		"n", t.Rows, "new", t.New, "changed", t.Changed, "unchanged", t.Unchanged, "kept", t.Kept, "refused", t.Refused)
	switch {
	case t.Incomplete:
		return failed(classPartly, "admin.imports.incomplete")
	case t.Refused > 0:
		return failed(classPartly, "admin.imports.partly", "n", t.Refused)
	}
	return nil
}
