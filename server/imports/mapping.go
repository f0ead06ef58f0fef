package imports

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/arpenteur/arpenteur/schemas"
	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// A mapping says what the columns of an inspections file are. It is a table of its own, as CSV with the headings below, or as a JSON array of
// objects with the same members:
//
//	role        column   value        to            checklist  field  least
//	place       column                                                        the name of the place; needed
//	place_code  column                                                        names the place; its name where there is none
//	place_type           code                                                 of places that are made: "building"
//	date        column                                                        needed
//	not_before           date                                                 earlier dates are slips of the pen
//	rater       column   or account                                           needed: who inspected, never a person's name
//	latitude    column
//	longitude   column
//	key         column                                                        names the row, with other keys; else place, date and rater do
//	year        column   first year                                           noted where it can't be
//	item        column                              checklist  field          a point: "weeds"
//	mark                 mark         code                                    what a mark means on our scale: 0, not_observed
//	mark        column   mark         code                             least  the same, in rows with at least so much in a column
//	skip        column                                                        left out, knowingly
//
// Of several marks that fit, the first counts; of several items that lead to one point, the worst answer.
type mapping struct {
	columns   map[string]string // role -> column, of roles that have one
	constants map[string]string // role -> value
	keys      []string
	years     []mappingRow
	items     []mappingRow
	marks     []mappingRow
	skip      []string
}

// mappingRow is one row of a mapping.
type mappingRow struct {
	Role, Column, Value, To, Checklist, Field, Least string

	line int
}

// mappingHeadings are the headings of a mapping, in the order of a mappingRow's members.
func mappingHeadings() []string {
	return []string{"role", "column", "value", "to", "checklist", "field", "least"}
}

// readMapping reads a mapping in either form. What is wrong with it comes as a *Refusal.
func readMapping(raw []byte) (*mapping, error) {
	var list []mappingRow
	var err error
	switch start := bytes.TrimSpace(raw); {
	case len(start) == 0:
		return nil, refusal(CodeMappingNeeds, 0, "", "place, date, rater, item, mark")
	case start[0] == '[':
		list, err = mappingOfJSON(raw)
	default:
		list, err = mappingOfCSV(raw)
	}
	if err != nil {
		return nil, err
	}
	m := &mapping{columns: map[string]string{}, constants: map[string]string{}}
	for _, row := range list {
		if what := m.add(row); what != "" {
			return nil, refusal(CodeMapping, row.line, "", what)
		}
	}
	return m, m.complete()
}

func mappingOfJSON(raw []byte) ([]mappingRow, error) {
	canonical, err := wire.Canonical(raw)
	if err != nil {
		return nil, refusal(CodeMapping, 1, "", "JSON")
	}
	d := json.NewDecoder(bytes.NewReader(canonical))
	d.DisallowUnknownFields()
	var list []mappingRow
	if err := d.Decode(&list); err != nil {
		return nil, refusal(CodeMapping, 1, "", "JSON: "+strings.Join(mappingHeadings(), ", "))
	}
	for i := range list {
		list[i].line = i + 1
	}
	return list, nil
}

func mappingOfCSV(raw []byte) ([]mappingRow, error) {
	t, err := openTable(File{bytes.NewReader(raw), int64(len(raw))})
	if err != nil {
		return nil, err
	}
	columns := make([]int, 0, len(mappingHeadings()))
	for _, name := range mappingHeadings() {
		columns = append(columns, t.column(name))
	}
	if columns[0] < 0 || columns[1] < 0 {
		return nil, refusal(CodeColumnMissing, 1, "", "role, column")
	}
	var list []mappingRow
	for {
		r, err := t.next()
		switch {
		case errors.Is(err, io.EOF):
			return list, nil
		case err != nil:
			return nil, err
		case r.refused():
			return nil, &Refusal{r.Remarks}
		}
		cell := func(i int) string { return r.cell(columns[i]) }
		list = append(list, mappingRow{cell(0), cell(1), cell(2), cell(3), cell(4), cell(5), cell(6), r.Line})
	}
}

// add takes a row, and returns what can't be understood of it.
func (m *mapping) add(row mappingRow) string {
	if row.Column == "" && slices.Contains([]string{"place", "place_code", "date", "latitude", "longitude", "key", "year", "item", "skip"}, row.Role) {
		return row.Role + ": column?"
	}
	switch row.Role {
	case "place", "place_code", "date", "latitude", "longitude":
		m.columns[row.Role] = row.Column
	case "rater":
		if row.Column == "" {
			m.constants[row.Role] = row.Value
			break
		}
		m.columns[row.Role] = row.Column
	case "place_type", "not_before":
		m.constants[row.Role] = row.Value
	case "key":
		m.keys = append(m.keys, row.Column)
	case "year":
		m.years = append(m.years, row)
	case "skip":
		m.skip = append(m.skip, row.Column)
	case "item":
		m.items = append(m.items, row)
	case "mark":
		if row.Column != "" {
			if _, err := strconv.ParseFloat(row.Least, 64); err != nil {
				return "least?"
			}
		}
		m.marks = append(m.marks, row)
	default:
		return shortened(row.Role)
	}
	return ""
}

// complete checks that a mapping says what an inspection needs.
func (m *mapping) complete() error {
	var lacks []string
	for _, role := range []string{"place", "date"} {
		if m.columns[role] == "" {
			lacks = append(lacks, role)
		}
	}
	if m.columns["rater"] == "" && m.constants["rater"] == "" {
		lacks = append(lacks, "rater")
	}
	if len(m.items) == 0 {
		lacks = append(lacks, "item")
	}
	if len(m.marks) == 0 {
		lacks = append(lacks, "mark")
	}
	if len(lacks) > 0 {
		return refusal(CodeMappingNeeds, 0, "", strings.Join(lacks, ", "))
	}
	return nil
}

// item is a column of marks and the point that they are of.
type item struct {
	column  int
	lineage string
	path    syncengine.Path
	worst   map[string]int // the answers, the worst one lowest
}

// mark is what a mark means.
type mark struct {
	text   string
	to     string
	column int // -1: always
	least  float64
}

// itemsOf finds the points of a mapping in the checklists in force. Those whose column the file lacks are left out (absent).
func (m *mapping) itemsOf(t *table, version func(lineage string) *schemas.Version) ([]item, error) {
	var out []item
	for _, row := range m.items {
		it := item{column: t.column(row.Column), lineage: row.Checklist, path: syncengine.Path(row.Field)}
		if !strings.HasPrefix(row.Field, "/") {
			it.path = syncengine.Path("/" + row.Field + "/rating")
		}
		v := version(row.Checklist)
		if v == nil || v.Checklist.Kind != schemas.Observation || !it.path.Valid() {
			return nil, refusal(CodeMappingField, row.line, row.Column, row.Checklist+" "+row.Field)
		}
		field := schemas.FormModel(v, schemas.French).Field(it.path)
		if field == nil || field.Node != "leaf" || len(field.Answers) == 0 {
			return nil, refusal(CodeMappingField, row.line, row.Column, row.Checklist+" "+row.Field)
		}
		it.worst = worstFirst(field.Answers)
		for _, mark := range m.marks {
			if _, known := it.worst[mark.To]; !known {
				return nil, refusal(CodeMappingAnswer, mark.line, row.Column, mark.To+" ("+strings.Join(slices.Sorted(maps.Keys(it.worst)), ", ")+")")
			}
		}
		if it.column >= 0 {
			out = append(out, it)
		}
	}
	if len(out) == 0 {
		return nil, refusal(CodeColumnMissing, 0, "", m.items[0].Column)
	}
	return out, nil
}

// worstFirst orders answers: by their rank, then those that are none, of which the last one says most: not observed more than not
// applicable.
func worstFirst(answers []schemas.Answer) map[string]int {
	out := make(map[string]int, len(answers))
	for i, a := range answers {
		if a.Rank != nil {
			out[a.Code] = *a.Rank
		} else {
			out[a.Code] = math.MaxInt - i
		}
	}
	return out
}

// absent returns a remark for each item and year whose column the file lacks: a mapping serves files of several years.
func (m *mapping) absent(t *table) []Remark {
	var out []Remark
	for _, row := range slices.Concat(m.items, m.years) {
		if t.column(row.Column) < 0 {
			out = append(out, Remark{Outcome: Noted, Code: CodeColumnMissing, With: row.Column})
		}
	}
	return out
}

// marksOf reads what marks mean.
func (m *mapping) marksOf(t *table) ([]mark, error) {
	var out []mark
	for _, row := range m.marks {
		k := mark{text: row.Value, to: row.To, column: -1}
		if row.Column != "" {
			if k.column = t.column(row.Column); k.column < 0 {
				return nil, refusal(CodeColumnMissing, row.line, "", row.Column)
			}
			k.least, _ = strconv.ParseFloat(row.Least, 64) // it was one when the mapping was read
		}
		out = append(out, k)
	}
	return out, nil
}

// columnOf finds the column of a role; -1 where the mapping has none.
func (m *mapping) columnOf(t *table, role string) (int, error) {
	name := m.columns[role]
	if name == "" {
		return -1, nil
	}
	column := t.column(name)
	if column < 0 {
		return -1, refusal(CodeColumnMissing, 0, "", name)
	}
	return column, nil
}

// day reads a date as people write it, "2026-11-23" or "23/11/2026"; an instant is the day that it names.
func day(text string) (time.Time, bool) {
	for _, form := range []string{time.DateOnly, "02/01/2006", time.RFC3339} {
		if t, err := time.Parse(form, text); err == nil {
			return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC), true
		}
	}
	return time.Time{}, false
}
