package server

import (
	"bytes"
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
	s       *Server
	mark    bool // with a byte order mark
	columns []column
	buffer  bytes.Buffer
	out     *csv.Writer
}

// exportCSV is GET /v1/ledgers/{ledger}/export.csv, filtered like a list of records; bom=1 puts a byte order mark before it.
func (s *Server) exportCSV(c *call) error {
	f := &csvFormat{s: s}
	switch c.URL.Query().Get("bom") {
	case "1":
		f.mark = true
	case "", "0":
	default:
		return wire.Problemf(wire.CodeInvalid, "bom must be 0 or 1")
	}
	f.out = csv.NewWriter(&f.buffer)
	f.out.UseCRLF = true
	return s.export(c, f, "bom")
}

func (f *csvFormat) media() string     { return "text/csv; charset=utf-8" }
func (f *csvFormat) extension() string { return "csv" }

func (f *csvFormat) begin(l *reached, q *query) error {
	if f.mark {
		f.buffer.WriteString(byteOrderMark)
	}
	f.columns = f.s.columns(l.Ledger, q.Kind)
	names := []string{"kind", "id", "checklist", "states", "deux_valeurs", "conflict", "violations"}
	for i := range f.columns {
		names = append(names, f.columns[i].name)
	}
	return f.out.Write(names)
}

func (f *csvFormat) record(_ *reached, m *ledger.Merged) error {
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

func (f *csvFormat) end() {}

func (f *csvFormat) bytes() []byte {
	f.out.Flush()
	b := bytes.Clone(f.buffer.Bytes())
	f.buffer.Reset()
	return b
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
