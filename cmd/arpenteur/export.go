package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/arpenteur/arpenteur/internal/apiclient"
	"github.com/arpenteur/arpenteur/internal/phrases"
)

// exportOptions are the flags of `arpenteur export`.
type exportOptions struct {
	api                      apiOptions
	choice                   ledgerChoice
	format, out, kind, state string
	search, box              string
	history                  bool
}

// exported is what a script is told of an export.
type exported struct {
	File   string `json:"file"`
	Format string `json:"format"`
	Ledger string `json:"ledger"`
	Bytes  int64  `json:"bytes"`
}

// exportCommand is `arpenteur export`.
func (p *program) exportCommand() *cobra.Command {
	var o exportOptions
	c := p.command("export", 0, func(ctx context.Context, _ []string) error {
		if !slices.Contains([]string{"csv", "geojson", "ndjson"}, o.format) {
			return failed(classUsage, "usage.flag_invalid", "flag", "format", "value", o.format)
		}
		return p.withAPI(ctx, o.api, func(a *api) error { return p.export(ctx, a, o) })
	})
	f := c.Flags()
	p.apiFlags(f, &o.api)
	p.ledgerFlags(f, &o.choice)
	f.StringVar(&o.format, "format", "csv", p.say.Say("export.flag.format"))
	f.StringVarP(&o.out, "out", "o", "", p.say.Say("export.flag.out"))
	f.StringVar(&o.kind, "kind", "", p.say.Say("device.list.flag.kind"))
	f.StringVar(&o.search, "search", "", p.say.Say("export.flag.search"))
	f.StringVar(&o.box, "bbox", "", p.say.Say("export.flag.bbox"))
	f.BoolVar(&o.history, "history", false, p.say.Say("export.flag.history"))
	f.StringVar(&o.state, "state", "", p.say.Say("device.list.flag.state"))
	return c
}

// export writes one ledger out. A file appears under its name when it is whole, not before.
func (p *program) export(ctx context.Context, a *api, o exportOptions) (err error) {
	id, err := a.ledger(ctx, o.choice)
	if err != nil {
		return err
	}
	query := url.Values{}
	for name, v := range map[string]string{"kind": o.kind, "state": o.state, "q": o.search, "bbox": o.box} {
		if v != "" {
			query.Set(name, v)
		}
	}
	what := "export."
	if o.history {
		what = "history."
	}
	source, err := a.exportOf(ctx, "/v1/ledgers/"+id+"/"+what+o.format, query, o.format == "ndjson")
	if err != nil {
		return err
	}
	defer source.Close()
	line := p.progress()
	defer line.end()
	counted := &progressReader{r: source, at: func(n int64) { line.at(p.say.Say("export.progress", "bytes", phrases.Bytes(n))) }}
	if o.out == "" || o.out == "-" {
		if _, err := io.Copy(p.out, counted); err != nil {
			return fmt.Errorf("%w: %w", apiclient.ErrCut, err)
		}
		return nil
	}
	if err := writeWhole(o.out, counted); err != nil {
		return err
	}
	line.end()
	return p.show(exported{o.out, o.format, id, counted.n}, p.say.Say("export.done", "file", o.out, "bytes", phrases.Bytes(counted.n)))
}

// exportOf opens an export. One whose lines say where to go on is read over cuts; others are whole or fail.
func (a *api) exportOf(ctx context.Context, path string, query url.Values, resumes bool) (io.ReadCloser, error) {
	if resumes {
		lines := &exportLines{ctx: ctx, api: a, path: path, query: query}
		return lines, lines.connect()
	}
	answer, err := a.Ask(ctx, http.MethodGet, path+"?"+query.Encode(), nil)
	if err != nil {
		return nil, err
	}
	return answer.Body, nil
}

// writeWhole writes what is read to a file, by way of one beside it, so that a file that was there stays until the new one is whole.
func writeWhole(path string, from io.Reader) (err error) {
	part, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".part-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = part.Close() // closed already where closing failed
			err = errors.Join(err, os.Remove(part.Name()))
		}
	}()
	if _, err := io.Copy(part, from); err != nil {
		return fmt.Errorf("%w: %w", apiclient.ErrCut, err)
	}
	if err := errors.Join(part.Sync(), part.Close()); err != nil {
		return err
	}
	return os.Rename(part.Name(), path)
}

// progressReader tells how much was read.
type progressReader struct {
	r  io.Reader
	n  int64
	at func(n int64)
}

func (g *progressReader) Read(b []byte) (int, error) {
	n, err := g.r.Read(b)
	g.n += int64(n)
	g.at(g.n)
	return n, err
}
