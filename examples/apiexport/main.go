// Command apiexport prints a table of everything that waits for a person's decision: each field on which people differ, with every value, who
// wrote it, when and on which tablet. It asks the API of a server with the standard library alone, so that it can be written the same way
// in any language; /openapi.json describes what is asked.
//
//	ARPENTEUR_TOKEN=arp_… go run ./examples/apiexport -server https://arpenteur.example > conflicts.csv
//
// The list comes as JSON by lines (export.ndjson). Where the link is cut, the next request goes on behind the last whole line.
package main

import (
	"bufio"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
)

// api is a server and the token of who asks.
type api struct{ server, token string }

// maxCuts is how many cuts in a row, without a line between them, are taken for the end of the link.
const maxCuts = 5

func main() {
	server := flag.String("server", "http://127.0.0.1:8080", "address of the server")
	flag.Parse()
	if err := run(context.Background(), os.Stdout, api{*server, os.Getenv("ARPENTEUR_TOKEN")}); err != nil {
		fmt.Fprintln(os.Stderr, "apiexport:", err)
		os.Exit(1)
	}
}

// run writes the table of every ledger that is open to the token.
func run(ctx context.Context, out io.Writer, a api) error {
	var list struct {
		Ledgers []struct{ Ledger, Name string }
	}
	if err := a.get(ctx, "/v1/ledgers", &list); err != nil {
		return err
	}
	table := csv.NewWriter(out)
	if err := table.Write([]string{"diagnostic", "kind", "record", "field", "value", "author", "time", "tablet"}); err != nil {
		return err
	}
	for _, l := range list.Ledgers {
		err := a.lines(ctx, "/v1/ledgers/"+l.Ledger+"/export.ndjson?state=conflict", func(line []byte) error {
			var row struct{ Kind, ID string }
			if err := json.Unmarshal(line, &row); err != nil {
				return err
			}
			return a.writeRecord(ctx, table, l.Name, "/v1/ledgers/"+l.Ledger+"/records/"+row.Kind+"/"+row.ID)
		})
		if err != nil {
			return err
		}
	}
	table.Flush()
	return table.Error()
}

// writeRecord writes the values of each contested field of a record.
func (a api) writeRecord(ctx context.Context, table *csv.Writer, diagnostic, path string) error {
	var r struct {
		Kind, ID string
		Fields   []struct {
			Path      string
			Conflict  bool
			Survivors []struct {
				Value          json.RawMessage
				Author, Tablet string
				Time           int64 // milliseconds since 1970, by the author's clock
			}
		}
	}
	if err := a.get(ctx, path, &r); err != nil {
		return err
	}
	for _, f := range r.Fields {
		if !f.Conflict {
			continue
		}
		for _, s := range f.Survivors {
			at := time.UnixMilli(s.Time).UTC().Format(time.RFC3339)
			if err := table.Write([]string{cell(diagnostic), r.Kind, r.ID, f.Path, cell(text(s.Value)), s.Author, at, cell(s.Tablet)}); err != nil {
				return err
			}
		}
	}
	return nil
}

// text returns a value as words where it is text, else as JSON.
func text(value json.RawMessage) string {
	var words string
	if json.Unmarshal(value, &words) != nil {
		return string(value)
	}
	return words
}

// cell keeps spreadsheets from taking words for a formula.
func cell(words string) string {
	if strings.IndexAny(words, "=+-@\t\r") == 0 {
		return "'" + words
	}
	return words
}

// open asks for something. The caller closes the body.
func (a api) open(ctx context.Context, path string) (io.ReadCloser, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, a.server+path, nil)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Authorization", "Bearer "+a.token)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	if answer.StatusCode == http.StatusOK {
		return answer.Body, nil
	}
	defer answer.Body.Close()
	var problem struct{ Title, Detail, Action string } // RFC 9457
	if err := json.NewDecoder(answer.Body).Decode(&problem); err != nil {
		return nil, fmt.Errorf("%s answers %s", a.server, answer.Status)
	}
	return nil, refusal(problem.Title + ": " + problem.Detail + ". " + problem.Action)
}

// refusal is an answer of the server that asking again does not change.
type refusal string

func (r refusal) Error() string { return string(r) }

func (a api) get(ctx context.Context, path string, into any) error {
	body, err := a.open(ctx, path)
	if err != nil {
		return err
	}
	defer body.Close()
	return json.NewDecoder(body).Decode(into)
}

// lines calls fn with each line of an export, once, over as many requests as it takes.
func (a api) lines(ctx context.Context, path string, fn func(line []byte) error) error {
	cursor, cuts := "", 0
	for {
		before := cursor
		err := a.linesBehind(ctx, path, &cursor, fn)
		if err == nil {
			return nil
		}
		if cuts++; cursor != before {
			cuts = 0
		}
		var refused refusal
		if errors.As(err, &refused) || cuts == maxCuts || ctx.Err() != nil {
			return err
		}
	}
}

// linesBehind calls fn with the lines behind a cursor, which it moves on, until there are no more or the link is cut.
func (a api) linesBehind(ctx context.Context, path string, cursor *string, fn func(line []byte) error) error {
	if *cursor != "" {
		path += "&cursor=" + url.QueryEscape(*cursor)
	}
	body, err := a.open(ctx, path)
	if err != nil {
		return err
	}
	defer body.Close()
	in := bufio.NewReader(body)
	for {
		line, err := in.ReadBytes('\n')
		if errors.Is(err, io.EOF) && len(line) == 0 {
			return nil
		}
		if err != nil {
			return err // what was read of a line is not one
		}
		var at struct{ Cursor string }
		if err := json.Unmarshal(line, &at); err != nil {
			return err
		}
		if err := fn(line); err != nil {
			return err
		}
		*cursor = at.Cursor
	}
}
