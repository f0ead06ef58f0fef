package main

import (
	"encoding/json"
	"io"
	"strings"
	"text/tabwriter"
)

// show writes one result: v as a JSON document for a script, else the text.
func (p *program) show(v any, text string) error {
	if p.json {
		return writeJSON(p.out, v)
	}
	_, err := io.WriteString(p.out, strings.TrimRight(text, "\n")+"\n")
	return err
}

// tell writes a phrase for people; scripts are not told.
func (p *program) tell(phrase string, values ...any) {
	if !p.json {
		writeLine(p.out, p.say.Say(phrase, values...))
	}
}

// writeLine writes a line for people. Where nobody can read it there is nobody to tell.
func writeLine(w io.Writer, text string) { _, _ = io.WriteString(w, text+"\n") }

// writeJSON writes v on one line.
func writeJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// table writes a list: rows under headings for people, a JSON document on each line for scripts.
type table struct {
	p    *program
	rows *tabwriter.Writer
	n    int
	none string // phrase for an empty list
}

// table begins a list. headings is a phrase with the headings separated by bars; none is said where the list is empty.
func (p *program) table(headings, none string) *table {
	t := &table{p: p, none: none, rows: tabwriter.NewWriter(p.out, 0, 8, 2, ' ', 0)}
	if !p.json {
		t.cells(strings.Split(p.say.Say(headings), "|"))
	}
	return t
}

// row adds v, for people as cells.
func (t *table) row(v any, cells ...string) error {
	t.n++
	if t.p.json {
		return writeJSON(t.p.out, v)
	}
	t.cells(cells)
	return nil
}

// cells writes one line. Tabs and line ends in a cell would break the table.
func (t *table) cells(cells []string) {
	clean := strings.NewReplacer("\t", " ", "\n", " ", "\r", " ")
	for i, c := range cells {
		if c == "" {
			c = "–"
		}
		if i > 0 {
			_, _ = io.WriteString(t.rows, "\t")
		}
		_, _ = io.WriteString(t.rows, clean.Replace(c))
	}
	_, _ = io.WriteString(t.rows, "\n")
}

// end writes what was gathered.
func (t *table) end() error {
	switch {
	case t.p.json:
		return nil
	case t.n == 0:
		t.p.tell(t.none)
		return nil
	}
	return t.rows.Flush()
}
