package imports

import (
	"slices"
	"strings"

	"github.com/arpenteur/arpenteur/schemas"
	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// values collects what a row says of a record. A value that can't be encoded is a defect of this package; err is the first.
type values struct {
	by  map[syncengine.Path]syncengine.Value
	err error
}

func newValues() *values { return &values{by: map[syncengine.Path]syncengine.Value{}} }

func (v *values) set(path syncengine.Path, what any) {
	value, err := wire.EncodeValue(what)
	if err != nil && v.err == nil {
		v.err = err
	}
	v.by[path] = value
}

// text sets a text, unless it is empty: an empty cell says nothing.
func (v *values) text(path syncengine.Path, text string) {
	if text != "" {
		v.set(path, text)
	}
}

// number sets a number where the cell gave one.
func (v *values) number(path syncengine.Path, n float64, given bool) {
	if given {
		v.set(path, n)
	}
}

func (v *values) boolean(path syncengine.Path, b, given bool) {
	if given {
		v.set(path, b)
	}
}

// location sets a position where the cells gave one.
func (v *values) location(path syncengine.Path, lat, lon float64, given bool) {
	if given {
		v.set(path, map[string]any{"lat": lat, "lon": lon})
	}
}

// document returns the values of a record whose fields are all leaves at its top, as a JSON document for validation.
func (v *values) document() (map[string]any, error) {
	out := make(map[string]any, len(v.by))
	for path, value := range v.by {
		decoded, err := wire.DecodeValue(value)
		if err != nil {
			return nil, err
		}
		out[strings.TrimPrefix(string(path), "/")] = decoded
	}
	return out, v.err
}

// answers are the answers of a field: by code and by label in either language, folded, to the code.
type answers struct {
	codes map[string]string
	list  string // for people
}

// answersOf reads the answers of a field of a version.
func answersOf(v *schemas.Version, path string) answers {
	a := answers{codes: map[string]string{}}
	var shown []string
	for _, lang := range []string{schemas.French, schemas.English} {
		f := schemas.FormModel(v, lang).Field(syncengine.Path(path))
		if f == nil {
			continue
		}
		for _, answer := range f.Answers {
			a.codes[Fold(answer.Code)], a.codes[Fold(answer.Label)] = answer.Code, answer.Code
			if !slices.Contains(shown, answer.Code) {
				shown = append(shown, answer.Code)
			}
		}
	}
	a.list = strings.Join(shown, ", ")
	return a
}

// answer reads an answer; empty where the cell is empty or refused.
func (r *record) answer(column int, among answers) string {
	text := r.cell(column)
	if text == "" {
		return ""
	}
	code := among.codes[Fold(text)]
	if code == "" {
		r.refuse(column, CodeUnknown, among.list)
	}
	return code
}

// hold checks a record of plain fields against its checklist, and refuses the row where it breaks a rule.
func (r *record) hold(version *schemas.Version, v *values) error {
	if r.refused() {
		return nil
	}
	doc, err := v.document()
	if err != nil {
		return err
	}
	for _, broken := range version.Checklist.Validate(doc) {
		r.Remarks = append(r.Remarks, Remark{
			Line: r.Line, Outcome: Refused, Code: CodeRule, Column: string(broken.Path), Rule: ruleText(version, broken.Rule),
		})
	}
	return nil
}

func ruleText(version *schemas.Version, rule string) schemas.Text {
	return schemas.Text{FR: version.RuleLabel(rule, schemas.French), EN: version.RuleLabel(rule, schemas.English)}
}
