package main

import (
	"bufio"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/arpenteur/arpenteur/internal/apiclient"
	"github.com/arpenteur/arpenteur/syncengine/store/boltstore"
)

// importRows is how many places an import brings.
const importRows = 100_000

// importing measures an import of a tree of places, as a server in a process of its own takes it: checked row by row, merged, indexed and synced
// batch by batch. The limit is a bare reading of the file with encoding/csv, then the same entries put bare in as many synced commits.
func (b *bench) importing(ctx context.Context) error {
	n := b.size(importRows)
	folder := filepath.Join(b.folder, "import")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	file := filepath.Join(folder, "places.csv")
	if err := writePlaces(file, n); err != nil {
		return err
	}
	b.say("import: %d places", n)
	server := filepath.Join(folder, "server")
	i, err := importInto(ctx, server, file, n)
	if err != nil {
		return err
	}
	b.say("import: the limit")
	least, l, err := leastImport(ctx, folder, file, i)
	if err != nil {
		return err
	}
	return b.report(figure{"import", perSecond(n, i.took), "rows/s", perSecond(n, least), append([]detail{
		{"rows", n},
		{"batches", i.batches},
		{"again_per_second", perSecond(n, i.again)},
		{"rss_anon_before_mib", i.before},
		{"rss_anon_tenth_mib", i.tenth},
		{"rss_anon_most_mib", i.most},
	}, l.details(n)[3:]...)})
}

// writePlaces writes a tree of places: estates of buildings of halls.
func writePlaces(path string, n int) error {
	out := []byte("code;parent;type;name;latitude;longitude;planned\n")
	for i := range n {
		switch {
		case i%100 == 0:
			out = fmt.Appendf(out, "E%d;;estate;Résidence %d;;;\n", i, i)
		case i%100 < 10:
			out = fmt.Appendf(out, "G%d;E%d;grounds;Abords %d;;;oui\n", i, i/100*100, i)
		case i%10 == 0:
			out = fmt.Appendf(out, "B%d;E%d;building;Bâtiment %d;43,%06d;1,%06d;\n", i, i/100*100, i, i%1000, i%997)
		default:
			out = fmt.Appendf(out, "H%d;B%d;hall;Hall %d;;;oui\n", i, i/10*10, i)
		}
	}
	return os.WriteFile(path, out, 0o600)
}

// imported is what was seen of an import.
type imported struct {
	diagnostic          diagnostic
	took, again         time.Duration
	batches             int
	before, tenth, most float64 // RssAnon in MiB: of the server at rest, after a tenth of the rows, and at most
	server              string
}

// importInto imports a file into a new server, and once more.
func importInto(ctx context.Context, folder, file string, n int) (i *imported, err error) {
	r, err := startRemote(ctx, folder)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.stop()) }()
	token, err := coordinator(ctx, r.Local)
	if err != nil {
		return nil, err
	}
	people := &apiclient.Client{HTTP: http.DefaultClient, Base: r.URL, Token: token}
	i = &imported{server: folder}
	order := map[string]any{"name": "Le Grand Verger", "neighbourhood": "QP066007"}
	if err := people.Call(ctx, http.MethodPost, "/v1/diagnostics", order, &i.diagnostic); err != nil {
		return nil, err
	}
	if i.before, err = r.memory(); err != nil {
		return nil, err
	}
	start := time.Now()
	if err := i.send(ctx, people, file, n, n, r); err != nil {
		return nil, err
	}
	i.took = time.Since(start)
	start = time.Now()
	err = i.send(ctx, people, file, n, 0, nil)
	i.again = time.Since(start)
	return i, err
}

// send imports a file of n rows, of which fresh are new, and watches the memory of the server where one is given.
func (i *imported) send(ctx context.Context, people *apiclient.Client, file string, n, fresh int, r *remote) error {
	f, err := os.Open(file) //nolint:gosec // in the run's own folder
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // it was only read
	answer, err := people.Send(ctx, http.MethodPost, "/v1/imports/places?diagnostic="+i.diagnostic.ID.String(), "text/csv", f)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	lines := json.NewDecoder(answer.Body)
	for {
		var l struct {
			Event  string                   `json:"event"`
			Done   int                      `json:"done"`
			Totals *struct{ Rows, New int } `json:"totals"`
		}
		if err := lines.Decode(&l); err != nil {
			return err
		}
		switch {
		case l.Totals != nil && (l.Totals.Rows != n || l.Totals.New != fresh):
			return fmt.Errorf("%d rows were imported, %d of them new", l.Totals.Rows, l.Totals.New)
		case l.Totals != nil:
			return nil
		case l.Event != "progress" || r == nil:
			continue
		}
		i.batches++
		if i.batches%5 == 0 || l.Done >= n {
			memory, err := r.memory()
			if err != nil {
				return err
			}
			if l.Done <= n/10 {
				i.tenth = max(i.tenth, memory)
			}
			i.most = max(i.most, memory)
		}
	}
}

// leastImport measures the limit of an import.
func leastImport(ctx context.Context, folder, file string, i *imported) (time.Duration, *load, error) {
	store, err := boltstore.Open(filepath.Join(i.server, storeName), boltstore.Options{})
	if err != nil {
		return 0, nil, err
	}
	held, err := contentOf(ctx, store, i.diagnostic.Ledger)
	if err := errors.Join(err, store.Close()); err != nil {
		return 0, nil, err
	}
	l := &load{entries: held.since(nil), commits: i.batches}
	put, err := l.least(folder)
	if err != nil {
		return 0, nil, err
	}
	read, err := readBare(file)
	return put.took + read, l, err
}

// readBare reads a file as what it is, and nothing more.
func readBare(file string) (time.Duration, error) {
	start := time.Now()
	f, err := os.Open(file) //nolint:gosec // in the run's own folder
	if err != nil {
		return 0, err
	}
	defer f.Close() //nolint:errcheck // it was only read
	in := csv.NewReader(bufio.NewReader(f))
	in.Comma, in.ReuseRecord = ';', true
	for {
		if _, err := in.Read(); errors.Is(err, io.EOF) {
			return time.Since(start), nil
		} else if err != nil {
			return 0, err
		}
	}
}
