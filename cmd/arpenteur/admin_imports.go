package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
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

// importFile sends a file and shows what the server says of it.
func (p *program) importFile(ctx context.Context, a *api, path, file, mapping string) error {
	in := p.in
	if file != "-" {
		f, err := os.Open(file) //nolint:gosec // the path is the user's
		if err != nil {
			return failed(classUnknown, "admin.file", "path", file).because(err)
		}
		defer f.Close() //nolint:errcheck // it was only read
		in = f
	}
	media := "application/octet-stream"
	if mapping != "" {
		raw, err := p.readFile(mapping)
		if err != nil {
			return failed(classUnknown, "admin.file", "path", mapping).because(err)
		}
		if in, media, err = formOf(raw, filepath.Base(file), in); err != nil {
			return err
		}
	}
	answer, err := a.Send(ctx, http.MethodPost, path, media, in)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	return p.showImport(answer.Body)
}

// formOf puts a mapping before a file, as the parts of a form, without holding the file in memory.
func formOf(mapping []byte, name string, file io.Reader) (io.Reader, string, error) {
	var before bytes.Buffer
	form := multipart.NewWriter(&before)
	part, err := form.CreateFormField("mapping")
	if err != nil {
		return nil, "", err
	}
	_, err = part.Write(mapping)
	if err == nil {
		_, err = form.CreateFormFile("file", name)
	}
	end := strings.NewReader("\r\n--" + form.Boundary() + "--\r\n")
	return io.MultiReader(&before, file, end), form.FormDataContentType(), err
}

// showImport shows an import while it goes on: what is to be said of rows, how far it is, and what became of all. A script gets the
// lines as they come.
func (p *program) showImport(body io.Reader) error {
	line := p.progress()
	defer line.end()
	var totals *importTotals
	lines := bufio.NewReaderSize(body, 1<<20)
	for {
		raw, err := lines.ReadSlice('\n')
		if errors.Is(err, io.EOF) && len(raw) == 0 {
			break
		}
		if err != nil {
			return fmt.Errorf("%w: %w", apiclient.ErrCut, err)
		}
		if p.json {
			if _, err := p.out.Write(raw); err != nil {
				return err
			}
		}
		var l importLine
		if err := json.Unmarshal(raw, &l); err != nil {
			return fmt.Errorf("%w: %w", apiclient.ErrNotOurs, err)
		}
		switch l.Event {
		case "line":
			line.end()
			p.tell("admin.imports.line", "where", p.whereOf(&l), "message", l.Message)
		case "progress":
			line.at(p.say.Say("admin.imports.progress", "n", l.Done, "percent", 100*l.Bytes/max(l.Size, 1)))
		case "error":
			return &wire.Problem{Code: wire.Code(l.Code), Detail: l.Message}
		case "end":
			totals = l.Totals
		}
	}
	line.end()
	return p.endImport(totals)
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
