package imports

import (
	"errors"
	"io"
	"strconv"
	"strings"
)

// table is a CSV file: its headings, and its rows by their columns.
type table struct {
	rows *rows
	head []string // as the file names them
	read int      // rows so far
	used []bool   // columns that somebody asked for
}

// openTable finds out how a file is written and reads its headings.
func openTable(f File) (*table, error) {
	e, skip, err := detect(f)
	if err != nil {
		return nil, err
	}
	r := newRows(f, e, skip)
	first, err := r.in.Peek(min(maxRowBytes, r.in.Size()))
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	r.separator = separatorOf(first)
	row, err := r.next()
	switch {
	case errors.Is(err, io.EOF):
		return nil, refusal(CodeEmpty, 1, "", "")
	case err != nil:
		return nil, err
	case row.fault != "":
		return nil, refusal(row.fault, row.line, "", row.with)
	case len(row.cells) > maxColumns:
		return nil, refusal(CodeColumns, row.line, "", strconv.Itoa(maxColumns))
	}
	t := &table{rows: r, head: row.cells, used: make([]bool, len(row.cells))}
	known := map[string]bool{}
	for _, name := range t.head {
		if key := Fold(name); key != "" {
			if known[key] {
				return nil, refusal(CodeColumnTwice, row.line, name, "")
			}
			known[key] = true
		}
	}
	return t, nil
}

// column finds a column by any of its names; -1 where there is none.
func (t *table) column(names ...string) int {
	for _, name := range names {
		for i, head := range t.head {
			if Fold(head) == Fold(name) && name != "" {
				t.used[i] = true
				return i
			}
		}
	}
	return -1
}

// unread returns a remark for each column that nobody asked for.
func (t *table) unread() []Remark {
	var out []Remark
	for i, name := range t.head {
		if !t.used[i] && name != "" {
			out = append(out, Remark{Line: 1, Column: name, Outcome: Noted, Code: CodeColumnUnread})
		}
	}
	return out
}

// next returns the next row; one that is broken says so in its remarks and has no cells.
func (t *table) next() (*record, error) {
	row, err := t.rows.next()
	if err != nil {
		return nil, err
	}
	if t.read++; t.read > MaxRows {
		return nil, &stop{Remark{Line: row.line, Outcome: Refused, Code: CodeTooManyRows, With: strconv.Itoa(MaxRows)}}
	}
	r := &record{Row: Row{Line: row.line}, table: t, cells: row.cells}
	for len(r.cells) > len(t.head) && r.cells[len(r.cells)-1] == "" {
		r.cells = r.cells[:len(r.cells)-1]
	}
	switch {
	case row.fault != "":
		r.refuse(row.cell, row.fault, row.with)
	case len(r.cells) != len(t.head):
		r.refuse(-1, CodeCells, strconv.Itoa(len(r.cells))+"/"+strconv.Itoa(len(t.head)))
	}
	return r, nil
}

// stop ends an import where it is: what was read before stands.
type stop struct{ Remark }

func (s *stop) Error() string {
	return "the import ends at line " + strconv.Itoa(s.Line) + ": " + string(s.Code)
}

// record is a row under way.
type record struct {
	Row
	table *table
	cells []string
}

// cell returns the text of a column, empty where the file doesn't have the column.
func (r *record) cell(column int) string {
	if column < 0 || column >= len(r.cells) {
		return ""
	}
	return r.cells[column]
}

// refuse says why the row can't be taken; column is -1 where it is the row itself.
func (r *record) refuse(column int, code Code, with string) { r.remark(column, Refused, code, with) }

func (r *record) remark(column int, o Outcome, code Code, with string) {
	m := Remark{Line: r.Line, Outcome: o, Code: code, With: with}
	if column >= 0 && column < len(r.table.head) {
		m.Column = r.table.head[column]
	}
	m.Value = shortened(r.cell(column))
	r.Remarks = append(r.Remarks, m)
}

// name returns a text of bounded length.
func (r *record) name(column, limit int) string {
	text := r.cell(column)
	if len([]rune(text)) > limit {
		r.refuse(column, CodeTooLong, strconv.Itoa(limit))
	}
	return text
}

// number reads a number within bounds, with a decimal point or comma; false where the cell is empty or refused.
func (r *record) number(column int, least, most float64) (float64, bool) {
	text := r.cell(column)
	if text == "" {
		return 0, false
	}
	n, err := strconv.ParseFloat(strings.Replace(strings.ReplaceAll(text, "\u00a0", ""), ",", ".", 1), 64)
	if err != nil || !(n >= least && n <= most) || strings.ContainsAny(text, "xXpPnN_") {
		r.refuse(column, CodeNumber, plain(least)+" – "+plain(most))
		return 0, false
	}
	return n, true
}

func plain(n float64) string { return strconv.FormatFloat(n, 'f', -1, 64) }

// boolean reads yes or no; false where the cell is empty or refused.
func (r *record) boolean(column int) (value, given bool) {
	switch text := Fold(r.cell(column)); text {
	case "":
		return false, false
	case "oui", "o", "yes", "y", "vrai", "true", "1", "x":
		return true, true
	case "non", "n", "no", "faux", "false", "0":
		return false, true
	}
	r.refuse(column, CodeBoolean, "")
	return false, false
}

// position reads a position in degrees of WGS 84; false where neither cell has anything, or what they have is refused.
func (r *record) position(latitude, longitude int) (lat, lon float64, given bool) {
	if r.cell(latitude) == "" && r.cell(longitude) == "" {
		return 0, 0, false
	}
	before := len(r.Remarks)
	lat, north := r.number(latitude, -90, 90)
	lon, east := r.number(longitude, -180, 180)
	if !north || !east {
		r.Remarks = r.Remarks[:before]
		r.refuse(latitude, CodeCoordinates, "")
		return 0, 0, false
	}
	return lat, lon, lat != 0 || lon != 0
}
