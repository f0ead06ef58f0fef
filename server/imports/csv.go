package imports

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"
)

// rows reads comma-separated values (RFC 4180) with any separator. Unlike encoding/csv it is bounded, and it goes on after a row that is
// broken: a quote that is never closed costs its line, not all that follows.
type rows struct {
	section   *io.SectionReader
	skip      int64 // where it begins in the file
	in        *bufio.Reader
	encoding  Encoding
	separator byte
	line      int // of the next byte, from 1
}

// cellRow is one row, or what is wrong with it.
type cellRow struct {
	line  int
	cells []string
	fault Code
	cell  int    // of the fault, from 0; -1 where it is of the row
	with  string // of the fault
}

func newRows(f File, e Encoding, skip int64) *rows {
	section := io.NewSectionReader(f, skip, f.Size-skip)
	return &rows{section: section, skip: skip, in: bufio.NewReaderSize(section, 2*maxRowBytes), encoding: e, line: 1}
}

// next returns the next row that is not blank, or io.EOF.
func (r *rows) next() (*cellRow, error) {
	for {
		b, p, err := r.look()
		if err != nil {
			return nil, err
		}
		row := &cellRow{line: r.line, cell: -1}
		if !p.whole {
			row.fault = CodeQuotes
			if !p.quoted {
				row.fault, row.with = CodeRowTooLarge, strconv.Itoa(maxRowBytes)
			}
			return row, r.skipLine()
		}
		r.line += bytes.Count(b[:p.used], []byte("\n"))
		r.take(row, p.cells)
		if _, err := r.in.Discard(p.used); err != nil {
			return nil, err
		}
		if row.fault != "" || strings.Join(row.cells, "") != "" {
			return row, nil
		}
	}
}

// look takes the next row apart where it lies: in what is buffered, or in as much as one row may have.
func (r *rows) look() ([]byte, parted, error) {
	for want := 1; ; {
		_, err := r.in.Peek(want)
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, parted{}, err
		}
		final := err != nil
		b, _ := r.in.Peek(min(r.in.Buffered(), maxRowBytes)) // what is buffered is there
		if len(b) == 0 {
			return nil, parted{}, io.EOF
		}
		p := split(b, r.separator, final)
		if final || p.whole || p.broken || len(b) == maxRowBytes {
			return b, p, nil
		}
		want = min(2*len(b), maxRowBytes)
	}
}

// skipLine passes over the rest of a physical line, however long it is.
func (r *rows) skipLine() error {
	for {
		_, err := r.in.ReadSlice('\n')
		switch {
		case err == nil:
			r.line++
			return nil
		case errors.Is(err, io.EOF):
			return nil
		case !errors.Is(err, bufio.ErrBufferFull):
			return err
		}
	}
}

// take decodes the cells of a row, and notes the first that is not text.
func (r *rows) take(row *cellRow, cells [][]byte) {
	row.cells = make([]string, len(cells))
	for i, raw := range cells {
		fault, with := Code(""), ""
		switch {
		case len(raw) > maxCellBytes:
			fault, with = CodeCellTooLong, strconv.Itoa(maxCellBytes)
		case r.encoding == UTF8 && !utf8.Valid(raw):
			fault = CodeEncoding
		default:
			row.cells[i] = r.encoding.decode(raw)
			if strings.ContainsFunc(row.cells[i], func(c rune) bool { return isControl(c) && c != '\n' && c != '\r' && c != '\t' }) {
				fault = CodeControl
			}
		}
		if fault != "" && row.fault == "" {
			row.fault, row.cell, row.with = fault, i, with
		}
	}
}

// parted is a row taken apart.
type parted struct {
	cells  [][]byte // quoted ones without their quotes
	used   int      // bytes, the line end included
	whole  bool     // the end of the row was found
	quoted bool     // what was found last is within quotes, or follows them
	broken bool     // something follows a closing quote
}

// split takes the first row of b apart. final says that nothing follows b.
func split(b []byte, separator byte, final bool) (p parted) {
	for at := 0; ; {
		var cell []byte
		var n int
		if at < len(b) && b[at] == '"' {
			cell, n = p.unquote(b[at:], separator, final)
			if n < 0 {
				return p
			}
		} else {
			for at+n < len(b) && b[at+n] != separator && b[at+n] != '\n' {
				n++
			}
			cell = b[at : at+n]
		}
		p.cells = append(p.cells, cell)
		at += n
		switch {
		case at == len(b):
			p.whole, p.used = final, at
			p.trim()
			return p
		case b[at] == '\n':
			p.whole, p.used = true, at+1
			p.trim()
			return p
		}
		at++ // the separator
	}
}

// unquote reads a cell in quotes, and returns it and how far it goes: -1 where it has no good end in b.
func (p *parted) unquote(b []byte, separator byte, final bool) ([]byte, int) {
	p.quoted = true
	var cell []byte
	at := 1
	for {
		n := bytes.IndexByte(b[at:], '"')
		if n < 0 {
			return nil, -1
		}
		cell = append(cell, b[at:at+n]...)
		at += n + 1
		if at < len(b) && b[at] == '"' {
			cell = append(cell, '"')
			at++
			continue
		}
		break
	}
	end := at
	for end < len(b) && (b[end] == ' ' || b[end] == '\r') && b[end] != separator {
		end++
	}
	switch {
	case end < len(b) && b[end] != separator && b[end] != '\n':
		p.broken = true
		return nil, -1
	case end == len(b) && !final:
		return nil, -1
	}
	p.quoted = false
	return cell, end
}

// trim takes the carriage return off the last cell.
func (p *parted) trim() {
	last := &p.cells[len(p.cells)-1]
	*last = bytes.TrimSuffix(*last, []byte("\r"))
}

// separatorOf finds the separator of the headings: the one that stands there most often, outside of quotes.
func separatorOf(b []byte) byte {
	var semicolons, commas, tabs int
	quoted := false
	for _, c := range b {
		switch {
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '\n':
			return mostOf(semicolons, commas, tabs)
		case c == ';':
			semicolons++
		case c == ',':
			commas++
		case c == '\t':
			tabs++
		}
	}
	return mostOf(semicolons, commas, tabs)
}

func mostOf(semicolons, commas, tabs int) byte {
	switch {
	case semicolons >= commas && semicolons >= tabs:
		return ';'
	case commas >= tabs:
		return ','
	default:
		return '\t'
	}
}
