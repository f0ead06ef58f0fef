package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/arpenteur/arpenteur/internal/apiclient"
)

// maxExportLine bounds a line of an export, in bytes.
const maxExportLine = 16 << 20

// exportLines reads an export of JSON by lines over as many connections as it takes: where one is cut, the next goes on behind the last line
// that says where. What is read is the same bytes as over one connection.
type exportLines struct {
	ctx   context.Context //nolint:containedctx // of the reading, which io.Reader has no place for
	api   *api
	path  string
	query url.Values

	body  io.ReadCloser // nil: not connected
	lines *bufio.Scanner
	open  bytes.Buffer // lines that wait for one with a cursor: of a record's history, all are passed on or none
	ready bytes.Buffer
	tries apiclient.Patience
	done  bool
}

// Read implements io.Reader.
func (r *exportLines) Read(b []byte) (int, error) {
	for r.ready.Len() == 0 {
		if r.done {
			return 0, io.EOF
		}
		if err := r.next(); err != nil {
			r.disconnect()
			if !r.tries.Again(r.ctx, err) {
				return 0, err
			}
		}
	}
	return r.ready.Read(b)
}

// next reads one line.
func (r *exportLines) next() error {
	if r.body == nil {
		if err := r.connect(); err != nil {
			return err
		}
	}
	if !r.lines.Scan() {
		if err := r.lines.Err(); err != nil {
			return fmt.Errorf("%w: %w", apiclient.ErrCut, err)
		}
		r.done = true
		r.pass()
		r.disconnect()
		return nil
	}
	var at struct {
		Cursor string `json:"cursor"`
	}
	if err := json.Unmarshal(r.lines.Bytes(), &at); err != nil {
		return fmt.Errorf("%w: %w", apiclient.ErrNotOurs, err)
	}
	r.open.Write(r.lines.Bytes())
	if at.Cursor != "" {
		r.query.Set("cursor", at.Cursor)
		r.tries.Progress()
		r.pass()
	}
	return nil
}

// pass makes the lines that wait ready to be read.
func (r *exportLines) pass() {
	r.ready.Write(r.open.Bytes())
	r.open.Reset()
}

func (r *exportLines) connect() error {
	answer, err := r.api.Ask(r.ctx, http.MethodGet, r.path+"?"+r.query.Encode(), nil) //nolint:bodyclose // disconnect closes it
	if err != nil {
		return err
	}
	r.body = answer.Body
	r.lines = bufio.NewScanner(r.body)
	r.lines.Buffer(nil, maxExportLine)
	r.lines.Split(wholeLines)
	return nil
}

// Close implements io.Closer.
func (r *exportLines) Close() error {
	r.disconnect()
	return nil
}

func (r *exportLines) disconnect() {
	r.open.Reset()
	if r.body != nil {
		_ = r.body.Close() // it was only read
		r.body = nil
	}
}

// wholeLines splits into lines with their ends. What is left without an end was cut.
func wholeLines(data []byte, atEOF bool) (advance int, token []byte, err error) {
	if i := bytes.IndexByte(data, '\n'); i >= 0 {
		return i + 1, data[:i+1], nil
	}
	if atEOF && len(data) > 0 {
		return 0, nil, io.ErrUnexpectedEOF
	}
	return 0, nil, nil
}
