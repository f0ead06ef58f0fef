package imports

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/arpenteur/arpenteur/schemas"
	"github.com/arpenteur/arpenteur/syncengine"
)

// inspectionReader reads earlier inspections as a mapping says. A row becomes one observation for each checklist that its marks lead to, and
// needs the place to be there and a visit on the day: they are made where they are not.
type inspectionReader struct {
	*table
	o       Options
	items   []item
	marks   []mark
	keys    []int
	years   []yearColumn
	rater   string // where no column says it
	made    string // the type of places that are made
	earlier time.Time

	place, code, date, raters, latitude, longitude int // columns
}

// yearColumn holds years that are looked at, and not kept.
type yearColumn struct {
	column int
	first  int
}

// longAgo is before anything that a file can hold.
var longAgo = time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC)

func (s *Source) openInspections(f File, o Options) error {
	m, err := readMapping(o.Mapping)
	if err != nil {
		return err
	}
	t, err := openTable(f)
	if err != nil {
		return err
	}
	x := &inspectionReader{table: t, o: o, rater: m.constants["rater"], made: m.constants["place_type"], earlier: longAgo}
	if x.items, err = m.itemsOf(t, o.Version); err != nil {
		return err
	}
	if x.marks, err = m.marksOf(t); err != nil {
		return err
	}
	if err := x.columns(m); err != nil {
		return err
	}
	if err := x.constants(m); err != nil {
		return err
	}
	s.describe(t)
	s.begin.Remarks = append(s.begin.Remarks, m.absent(t)...)
	s.reader = x
	return nil
}

// columns finds the columns of a mapping.
func (x *inspectionReader) columns(m *mapping) (err error) {
	for role, into := range map[string]*int{
		"place": &x.place, "place_code": &x.code, "date": &x.date, "rater": &x.raters, "latitude": &x.latitude, "longitude": &x.longitude,
	} {
		if *into, err = m.columnOf(x.table, role); err != nil {
			return err
		}
	}
	for _, name := range m.keys {
		column := x.table.column(name)
		if column < 0 {
			return refusal(CodeColumnMissing, 0, "", name)
		}
		x.keys = append(x.keys, column)
	}
	for _, row := range m.years {
		y := yearColumn{x.table.column(row.Column), longAgo.Year()}
		if n, err := strconv.Atoi(row.Value); err == nil {
			y.first = n
		}
		x.years = append(x.years, y)
	}
	for _, name := range m.skip {
		x.table.column(name) // known, whether it is there or not
	}
	return nil
}

// constants reads what a mapping says for all rows.
func (x *inspectionReader) constants(m *mapping) error {
	if x.made == "" {
		x.made = "building"
	}
	types := answersOf(x.o.Version(string(schemas.Place)), "/type")
	if x.made = types.codes[Fold(x.made)]; x.made == "" {
		return refusal(CodeUnknown, 0, "place_type", types.list)
	}
	if x.raters < 0 && !syncengine.AccountID(x.rater).Valid() {
		return refusal(CodeRater, 0, "rater", "")
	}
	if text := m.constants["not_before"]; text != "" {
		var ok bool
		if x.earlier, ok = day(text); !ok {
			return refusal(CodeDate, 0, "not_before", "")
		}
	}
	return nil
}

func (x *inspectionReader) next(context.Context) (*Row, error) {
	r, err := x.table.next()
	if err != nil || r.refused() {
		return rowOf(r), err
	}
	name, code := r.name(x.place, maxNameRunes), r.cell(x.code)
	if name == "" {
		r.refuse(x.place, CodeMissing, "")
	}
	if code == "" {
		code = name
	}
	on, rater := x.when(r), x.who(r)
	lat, lon, located := r.position(x.latitude, x.longitude)
	x.remarkYears(r, on)
	by := x.answers(r)
	if r.refused() {
		return &r.Row, nil
	}
	if !located && x.latitude >= 0 {
		r.remark(x.latitude, Noted, CodeNoPosition, "")
	}
	dated := on.Format(time.DateOnly)
	place := syncengine.RecordKey{Kind: schemas.Place, ID: x.o.Identify(schemas.Place, "code "+code)}
	visit := syncengine.RecordKey{Kind: schemas.Visit, ID: x.o.Identify(schemas.Visit, "day "+dated+" "+rater)}
	key := strings.Join([]string{code, dated, rater}, "\n")
	if len(x.keys) > 0 {
		parts := make([]string, len(x.keys))
		for i, column := range x.keys {
			parts[i] = r.cell(column)
		}
		key = strings.Join(parts, "\n")
	}
	for _, lineage := range schemas.Checklists() {
		v := by[lineage]
		if v == nil {
			continue
		}
		v.text("/place", place.ID.String())
		v.text("/visit", visit.ID.String())
		v.text("/rater", rater)
		v.text("/observed_at", on.Format(time.RFC3339))
		v.location("/position", lat, lon, located)
		id := x.o.Identify(schemas.Observation, lineage+"\n"+key)
		r.Records = append(r.Records, Record{
			Key: syncengine.RecordKey{Kind: schemas.Observation, ID: id}, Name: name, Lineage: lineage, Values: v.by,
		})
	}
	r.Records = append(r.Records, x.around(place, visit, name, dated, lat, lon, located)...)
	return &r.Row, nil
}

// around returns the place and the visit that an inspection needs.
func (x *inspectionReader) around(place, visit syncengine.RecordKey, name, dated string, lat, lon float64, located bool) []Record {
	where, when := newValues(), newValues()
	where.text("/type", x.made)
	where.text("/name", name)
	where.location("/position", lat, lon, located)
	when.text("/date", dated)
	when.text("/status", "done")
	return []Record{
		{Key: place, Lineage: string(schemas.Place), Values: where.by, Ensure: true},
		{Key: visit, Lineage: string(schemas.Visit), Values: when.by, Ensure: true},
	}
}

// when reads the day of an inspection.
func (x *inspectionReader) when(r *record) time.Time {
	on, ok := day(r.cell(x.date))
	switch {
	case r.cell(x.date) == "":
		r.refuse(x.date, CodeMissing, "")
	case !ok:
		r.refuse(x.date, CodeDate, "")
	case on.Before(x.earlier) || on.After(x.o.Today):
		r.refuse(x.date, CodeImplausible, x.earlier.Format(time.DateOnly)+" – "+x.o.Today.Format(time.DateOnly))
	}
	return on
}

// who reads the account of the rater.
func (x *inspectionReader) who(r *record) string {
	if x.raters < 0 {
		return x.rater
	}
	rater := strings.ToLower(r.cell(x.raters))
	if !syncengine.AccountID(rater).Valid() {
		r.refuse(x.raters, CodeRater, "")
	}
	return rater
}

// remarkYears looks at years that can't be.
func (x *inspectionReader) remarkYears(r *record, on time.Time) {
	for _, y := range x.years {
		text := r.cell(y.column) // empty where the file lacks the column
		if n, err := strconv.Atoi(text); text != "" && (err != nil || n < y.first || n > on.Year()) {
			r.remark(y.column, Noted, CodeYear, strconv.Itoa(y.first))
		}
	}
}

// answers turns the marks of a row into answers, by checklist.
func (x *inspectionReader) answers(r *record) map[string]*values {
	out := map[string]*values{}
	chosen := map[string]string{} // by checklist and point
	marked := false
	for i := range x.items {
		it := &x.items[i]
		text := r.cell(it.column)
		if text == "" {
			continue
		}
		marked = true
		answer := x.answer(r, text)
		if answer == "" {
			r.refuse(it.column, CodeMark, "")
			continue
		}
		v, point := out[it.lineage], it.lineage+string(it.path)
		if v == nil {
			v = newValues()
			out[it.lineage] = v
		}
		if before, twice := chosen[point]; !twice || it.worst[answer] < it.worst[before] {
			chosen[point] = answer
			v.text(it.path, answer)
		}
	}
	if !marked {
		r.refuse(-1, CodeMissing, "")
	}
	return out
}

// answer returns what a mark means in a row, empty where the mapping says nothing of it.
func (x *inspectionReader) answer(r *record, text string) string {
	for i := range x.marks {
		k := &x.marks[i]
		if k.text != text {
			continue
		}
		if k.column < 0 {
			return k.to
		}
		if n, err := strconv.ParseFloat(strings.Replace(r.cell(k.column), ",", ".", 1), 64); err == nil && n >= k.least {
			return k.to
		}
	}
	return ""
}
