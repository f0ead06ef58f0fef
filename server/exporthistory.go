package server

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/ledger"
)

// The exports of history hold every change of the records that a filter wants, absent ones included: record by record in the order of a list,
// and of each record by author time.

// changeLine is one line of a history for programs.
type changeLine struct {
	Shape  int    `json:"shape" doc:"1; another number where a member went or changed its meaning"`
	Cursor string `json:"cursor,omitempty" doc:"with the last change of a record: where a history that was cut behind it goes on"`
	*changeView
}

// historyLines writes changes as JSON, one on each line.
type historyLines struct{ lines }

// historyTable writes changes as comma-separated values, one row for each value that a change wrote.
type historyTable struct{ *csvSheet }

// historyMap writes changes as features, where their record lies now.
type historyMap struct{ geoFormat }

// exportHistoryLines is GET /v1/ledgers/{ledger}/history.ndjson.
func (s *Server) exportHistoryLines(c *call) error {
	return s.exportHistory(c, &historyLines{}, true)
}

// exportHistoryCSV is GET /v1/ledgers/{ledger}/history.csv.
func (s *Server) exportHistoryCSV(c *call) error {
	out, err := newCSVSheet(c)
	if err != nil {
		return err
	}
	return s.exportHistory(c, &historyTable{out}, false, "bom")
}

// exportHistoryGeoJSON is GET /v1/ledgers/{ledger}/history.geojson.
func (s *Server) exportHistoryGeoJSON(c *call) error {
	return s.exportHistory(c, &historyMap{geoFormat{s: s, places: map[uuid.UUID]*point{}}}, false)
}

func (s *Server) exportHistory(c *call, f format, resumes bool, more ...string) error {
	q, err := exportQuery(c, resumes, more...)
	if err != nil {
		return err
	}
	q.gone = true
	return s.export(c, f, q)
}

// eachChange calls fn with the view of each change of a record.
func eachChange(l *reached, key syncengine.RecordKey, fn func(v *changeView, last bool) error) error {
	steps, err := l.History(key)
	if err != nil {
		return err
	}
	t := newTeller(l)
	for i := range steps {
		v, err := t.change(&steps[i])
		if err != nil {
			return err
		}
		if err := fn(v, i == len(steps)-1); err != nil {
			return err
		}
	}
	return nil
}

func (f *historyLines) record(l *reached, m *ledger.Merged, at *cursor) error {
	return eachChange(l, m.Key, func(v *changeView, last bool) error {
		line := changeLine{Shape: lineShape, changeView: v}
		if last {
			line.Cursor = at.String()
		}
		return f.line(line)
	})
}

func (f *historyTable) begin(*reached, *query) error {
	return f.names([]string{
		"kind", "record", "change", "author", "time", "untimed", "tablet", "replica", "seq", "version", "status", "reason", "decision", "decision_reason",
		"path", "value", "erased", "over",
	})
}

func (f *historyTable) record(l *reached, m *ledger.Merged, _ *cursor) error {
	return eachChange(l, m.Key, func(v *changeView, _ bool) error {
		row := rowBegin(v)
		for _, path := range writtenPaths(v) {
			over := make([]string, len(v.Over[path]))
			for i, id := range v.Over[path] {
				over[i] = id.String()
			}
			err := f.out.Write(append(
				slices.Clip(row), string(path), cellOf(v.Values[path]), strconv.FormatBool(slices.Contains(v.Erased, path)), harmless(strings.Join(over, " ")),
			))
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// rowBegin returns what every row of a change begins with.
func rowBegin(v *changeView) []string {
	var tablet, replica, seq string
	if len(v.Envelopes) > 0 {
		e := &v.Envelopes[0]
		tablet, replica, seq = e.Tablet, e.Replica.String(), strconv.FormatUint(e.Seq, 10)
		if e.Server {
			tablet = "server"
		}
	}
	var decision, reason string
	if v.Decision != nil {
		decision, reason = string(v.Decision.Type), v.Decision.Reason
	}
	return []string{
		string(v.Kind), v.Record.String(), harmless(v.Change.String()), harmless(string(v.Author)), timeText(v.Time), strconv.FormatBool(v.Untimed),
		harmless(tablet), harmless(replica), seq, harmless(v.Version.String()), v.Status, string(v.Reason), decision, harmless(reason),
	}
}

// writtenPaths returns the paths that a change wrote, ascending.
func writtenPaths(v *changeView) []syncengine.Path {
	paths := append(slices.Concat(v.Erased, v.Missing), slices.Collect(maps.Keys(v.Values))...)
	paths = append(paths, slices.Collect(maps.Keys(v.Over))...) // of what a ruling withholds
	slices.Sort(paths)
	return slices.Compact(paths)
}

// cellOf returns a value as a cell: words as they are, everything else as JSON.
func cellOf(raw json.RawMessage) string {
	var text string
	if len(raw) > 0 && raw[0] == '"' && json.Unmarshal(raw, &text) == nil {
		return harmless(text)
	}
	return string(raw)
}

// timeText is a time of a change in UTC (RFC 3339).
func timeText(millis int64) string {
	return time.UnixMilli(millis).UTC().Format("2006-01-02T15:04:05.000Z")
}

func (f *historyMap) record(l *reached, m *ledger.Merged, _ *cursor) error {
	where, err := f.where(l, m)
	if err != nil {
		return err
	}
	return eachChange(l, m.Key, func(v *changeView, _ bool) error {
		raw, err := json.Marshal(v)
		if err != nil {
			return err
		}
		properties := map[string]any{}
		if err := json.Unmarshal(raw, &properties); err != nil {
			return err
		}
		properties["time"] = timeText(v.Time)
		return f.feature(v.Change.String(), where, properties)
	})
}
