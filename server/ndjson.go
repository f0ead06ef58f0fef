package server

import (
	"encoding/json"

	"github.com/arpenteur/arpenteur/syncengine/ledger"
)

// lineShape is the version of what a line of an export holds. Members are added without a new one; where one goes, or changes its
// meaning, this does.
const lineShape = 1

// recordLine is one line of an export for programs.
type recordLine struct {
	Shape  int    `json:"shape" doc:"1; another number where a member went or changed its meaning"`
	Cursor string `json:"cursor" doc:"where an export that was cut behind this line goes on"`
	*recordRow
}

// lineFormat writes records as JSON, one on each line.
type lineFormat struct{ lines }

// lines are documents of JSON, one on each line.
type lines struct{ sheet }

func (f *lines) media() string                { return linesMedia }
func (f *lines) extension() string            { return "ndjson" }
func (f *lines) begin(*reached, *query) error { return nil }
func (f *lines) end()                         {}

func (f *lines) line(v any) error {
	encoder := json.NewEncoder(&f.sheet)
	encoder.SetEscapeHTML(false)
	return encoder.Encode(v)
}

// exportLines is GET /v1/ledgers/{ledger}/export.ndjson, filtered like a list of records. It goes on behind a cursor.
func (s *Server) exportLines(c *call) error {
	q, err := exportQuery(c, true)
	if err != nil {
		return err
	}
	return s.export(c, &lineFormat{}, q)
}

func (f *lineFormat) record(_ *reached, m *ledger.Merged, at *cursor) error {
	return f.line(recordLine{lineShape, at.String(), rowOf(m)})
}
