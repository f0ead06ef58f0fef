package server

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/arpenteur/arpenteur/syncengine/ledger"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// byteOrderMark makes spreadsheets read a file as UTF-8.
const byteOrderMark = "\ufeff"

// csvFormat writes records as comma-separated values (RFC 4180), one row each, with a row of names before them.
type csvFormat struct {
	*csvSheet
	s       *Server
	columns []column
}

// csvSheet is a table as spreadsheets read it.
type csvSheet struct {
	sheet
	mark bool // with a byte order mark
	out  *csv.Writer
}

// newCSVSheet reads whether a table is to begin with a byte order mark.
func newCSVSheet(c *call) (*csvSheet, error) {
	s := &csvSheet{}
	switch c.URL.Query().Get("bom") {
	case "1":
		s.mark = true
	case "", "0":
	default:
		return nil, wire.Problemf(wire.CodeInvalid, "bom must be 0 or 1")
	}
	s.out = csv.NewWriter(&s.sheet)
	s.out.UseCRLF = true
	return s, nil
}

func (s *csvSheet) media() string     { return "text/csv; charset=utf-8" }
func (s *csvSheet) extension() string { return "csv" }
func (s *csvSheet) end()              {}

func (s *csvSheet) bytes() []byte {
	s.out.Flush()
	return s.sheet.bytes()
}

// names writes the row of names.
func (s *csvSheet) names(list []string) error {
	if s.mark {
		s.WriteString(byteOrderMark)
	}
	return s.out.Write(list)
}

// exportCSV is GET /v1/ledgers/{ledger}/export.csv, filtered like a list of records; bom=1 puts a byte order mark before it.
func (s *Server) exportCSV(c *call) error {
	q, err := exportQuery(c, false, "bom")
	if err != nil {
		return err
	}
	out, err := newCSVSheet(c)
	if err != nil {
		return err
	}
	return s.export(c, &csvFormat{out, s, nil}, q)
}

func (f *csvFormat) begin(l *reached, q *query) error {
	f.columns = f.s.columns(l.Ledger, q.Kind)
	names := []string{"kind", "id", "checklist", "states", "deux_valeurs", "conflict", "violations"}
	for i := range f.columns {
		names = append(names, f.columns[i].name)
	}
	return f.names(names)
}

func (f *csvFormat) record(_ *reached, m *ledger.Merged, _ *cursor) error {
	doc, err := documentOf(m)
	if err != nil {
		return err
	}
	row := make([]string, 0, 7+len(f.columns))
	lineage := ""
	if m.Checklist != nil {
		lineage = m.Checklist.Lineage
	}
	states := make([]string, len(m.States))
	for i, s := range m.States {
		states[i] = string(s)
	}
	row = append(
		row, string(m.Key.Kind), m.Key.ID.String(), lineage, strings.Join(states, " "), pathList(differing(m)), pathList(m.Conflicts()),
		strings.Join(brokenRules(m), " "),
	)
	for i := range f.columns {
		text, err := f.columns[i].text(doc)
		if err != nil {
			return err
		}
		row = append(row, text)
	}
	return f.out.Write(row)
}

// text returns a cell: words and numbers as they are, codes of a set joined by bars, everything else as JSON.
func (k *column) text(doc map[string]any) (string, error) {
	switch v := k.at(doc).(type) {
	case nil:
		return "", nil
	case string:
		return harmless(v), nil
	case json.Number:
		return v.String(), nil
	case bool:
		return fmt.Sprint(v), nil
	case []any:
		if !k.set {
			return jsonText(v)
		}
		codes := make([]string, len(v))
		for i, code := range v {
			codes[i], _ = code.(string)
		}
		return strings.Join(codes, "|"), nil
	default:
		return jsonText(v)
	}
}

func jsonText(v any) (string, error) {
	value, err := wire.EncodeValue(v)
	return string(value), err
}

// harmless keeps a spreadsheet from taking somebody's words for a formula.
func harmless(text string) string {
	if text != "" && strings.ContainsRune("=+-@\t\r", rune(text[0])) {
		return "'" + text
	}
	return text
}

// brokenRules returns the rules that a record breaks, each once.
func brokenRules(m *ledger.Merged) []string {
	var out []string
	for _, v := range m.Violations {
		out = append(out, v.Rule)
	}
	slices.Sort(out)
	return slices.Compact(out)
}
