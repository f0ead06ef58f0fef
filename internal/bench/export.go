package main

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"time"

	"github.com/arpenteur/arpenteur/internal/apiclient"
	"github.com/arpenteur/arpenteur/syncengine/store"
	"github.com/arpenteur/arpenteur/syncengine/store/boltstore"
)

// Sizes of what is exported and searched.
const (
	exportRecords = 100_000
	exportTries   = 3
	searchTries   = 9
)

// exporting measures what a program pays that reads a whole diagnostic, or looks for something in it, from a server in a process of its own.
func (b *bench) exporting(ctx context.Context) error {
	n := b.size(exportRecords)
	folder := filepath.Join(b.folder, "export")
	b.say("export: %d observations are made on the server", n)
	d, err := season(ctx, folder, n)
	if err != nil {
		return err
	}
	r, err := startRemote(ctx, folder)
	if err != nil {
		return err
	}
	token, err := coordinator(ctx, r.Local)
	if err != nil {
		return errors.Join(err, r.stop())
	}
	people := &apiclient.Client{HTTP: http.DefaultClient, Base: r.URL, Token: token}
	ledger := "/v1/ledgers/" + d.Ledger.String()
	e := &exported{ctx: ctx, people: people, server: r}
	err = e.read(ledger+"/export.csv?kind=observation", ledger+"/export.ndjson?kind=observation")
	var found *found
	if err == nil {
		b.say("export: searches")
		found, err = search(ctx, people, ledger+"/records")
	}
	if err = errors.Join(err, r.stop()); err != nil {
		return err
	}
	b.say("export: the limit")
	return errors.Join(b.reportExport(ctx, folder, d, e, n), found.report(b, n))
}

// season fills a diagnostic with observations of many days, each at a position, without waiting for the disk.
func season(ctx context.Context, folder string, n int) (d diagnostic, err error) {
	c, err := openCentral(ctx, folder, false)
	if err != nil {
		return d, err
	}
	defer func() { err = errors.Join(err, c.close()) }()
	if d, err = c.order(ctx, "Le Grand Verger"); err != nil {
		return d, err
	}
	c.season = true
	return d, c.fill(ctx, d, largeAuthors, n)
}

// exported is what was seen of exports.
type exported struct {
	ctx    context.Context //nolint:containedctx // of the one run that it is made for
	people *apiclient.Client
	server *remote

	table, lines []time.Duration
	bytes        int64   // of the table
	before, most float64 // RssAnon in MiB, of the server at rest and at most
}

// read reads an export as a table and as lines, some times each.
func (e *exported) read(table, lines string) (err error) {
	if e.before, err = e.server.memory(); err != nil {
		return err
	}
	for range exportTries {
		for path, times := range map[string]*[]time.Duration{table: &e.table, lines: &e.lines} {
			start := time.Now()
			answer, err := e.people.Ask(e.ctx, http.MethodGet, path, nil)
			if err != nil {
				return err
			}
			size, err := io.Copy(io.Discard, answer.Body)
			if err := errors.Join(err, answer.Body.Close()); err != nil {
				return err
			}
			*times = append(*times, time.Since(start))
			if path == table {
				e.bytes = size
			}
			memory, err := e.server.memory()
			if err != nil {
				return err
			}
			e.most = max(e.most, memory)
		}
	}
	return nil
}

func (b *bench) reportExport(ctx context.Context, folder string, d diagnostic, e *exported, n int) error {
	least, err := leastExport(ctx, folder, d)
	if err != nil {
		return err
	}
	return b.report(figure{"export", perSecond(n, median(e.table)), "rows/s", perSecond(n, least), []detail{
		{"rows", n},
		{"row_bytes", float64(e.bytes) / float64(n)},
		{"ndjson_per_second", perSecond(n, median(e.lines))},
		{"rss_anon_before_mib", e.before},
		{"rss_anon_most_mib", e.most},
	}})
}

// leastExport measures the limit of an export as a table: a scan of what the store holds of the merged records, which is not looked into,
// and the same cells written with encoding/csv. Nothing is decoded, nothing is sent.
func leastExport(ctx context.Context, folder string, d diagnostic) (took time.Duration, err error) {
	c, err := openCentral(ctx, folder, false)
	if err != nil {
		return 0, err
	}
	token, err := coordinator(ctx, c.local)
	if err != nil {
		return 0, errors.Join(err, c.close())
	}
	people := &apiclient.Client{HTTP: http.DefaultClient, Base: c.url, Token: token}
	written, err := writeBare(ctx, people, "/v1/ledgers/"+d.Ledger.String()+"/export.csv?kind=observation")
	if err := errors.Join(err, c.close()); err != nil {
		return 0, err
	}
	scanned, err := scanBare(ctx, filepath.Join(folder, storeName), d)
	return written + scanned, err
}

// scanBare reads every merged record's entry.
func scanBare(ctx context.Context, path string, d diagnostic) (took time.Duration, err error) {
	file, err := boltstore.Open(path, boltstore.Options{})
	if err != nil {
		return 0, err
	}
	size := 0
	start := time.Now()
	err = file.View(ctx, func(r store.Reader) error {
		return r.Scan("records", d.Ledger, nil, nil, func(key, value []byte) (bool, error) {
			size += len(key) + len(value)
			return true, nil
		})
	})
	took = time.Since(start)
	if err == nil && size == 0 {
		err = errors.New("the store holds no merged records where they are looked for")
	}
	return took, errors.Join(err, file.Close())
}

// writeBare writes the cells of a table again, and times that alone.
func writeBare(ctx context.Context, people *apiclient.Client, path string) (took time.Duration, err error) {
	answer, err := people.Ask(ctx, http.MethodGet, path, nil)
	if err != nil {
		return 0, err
	}
	defer answer.Body.Close()
	in, out := csv.NewReader(answer.Body), csv.NewWriter(io.Discard)
	for rows := [][]string{}; ; rows = rows[:0] {
		for len(rows) < 1000 {
			row, err := in.Read()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return 0, err
			}
			rows = append(rows, row)
		}
		if len(rows) == 0 {
			return took, nil
		}
		start := time.Now()
		if err := out.WriteAll(rows); err != nil {
			return 0, err
		}
		took += time.Since(start)
	}
}

// found is how long searches took, by what was looked for.
type found struct {
	names []string
	times map[string]time.Duration
	hits  map[string]int // on the first page
}

// search asks for the first page of a hundred records, by words and by where they lie.
func search(ctx context.Context, people *apiclient.Client, path string) (*found, error) {
	f := &found{times: map[string]time.Duration{}, hits: map[string]int{}}
	for _, q := range []struct {
		name  string
		query url.Values
	}{
		{"all", url.Values{}},
		{"rare_word", url.Values{"q": {rareWord}}},
		{"common_word", url.Values{"q": {"ascenseur"}}},
		{"two_words", url.Values{"q": {"miroir ascenseur"}}},
		{"beginning", url.Values{"q": {"asc"}}},
		{"no_such_word", url.Values{"q": {"ascenseurs-inconnus"}}},
		{"box", url.Values{"bbox": {"2.85,42.65,2.855,42.655"}}},
		{"box_and_word", url.Values{"bbox": {"2.85,42.65,2.87,42.67"}, "q": {"ascenseur"}}},
	} {
		q.query.Set("limit", "100")
		var times []time.Duration
		for range searchTries {
			var page struct{ Records []struct{} }
			start := time.Now()
			if err := people.Call(ctx, http.MethodGet, path+"?"+q.query.Encode(), nil, &page); err != nil {
				return nil, fmt.Errorf("%s: %w", q.name, err)
			}
			times = append(times, time.Since(start))
			f.hits[q.name] = len(page.Records)
		}
		f.names = append(f.names, q.name)
		f.times[q.name] = median(times)
	}
	return f, nil
}

// report prints the search for two words, with the others beside it.
func (f *found) report(b *bench, n int) error {
	details := []detail{{"records", n}}
	for _, name := range f.names {
		details = append(details, detail{name + "_ms", milliseconds(f.times[name])}, detail{name + "_hits", f.hits[name]})
	}
	return b.report(figure{"search", milliseconds(f.times["two_words"]), "ms", 0, details})
}
