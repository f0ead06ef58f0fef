package schemas

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/arpenteur/arpenteur/syncengine"
)

// Form is what a screen needs to draw a version in one language. It is plain data with stable JSON names, and is not to be changed:
// it shares values with the version.
type Form struct {
	Version    string          `json:"version"` // text form of the version id
	Lineage    string          `json:"lineage"`
	Kind       syncengine.Kind `json:"kind"`
	Domain     string          `json:"domain,omitempty"`
	Restricted bool            `json:"restricted,omitempty"`
	Lang       string          `json:"lang"`
	Label      string          `json:"label"`
	Hint       string          `json:"hint,omitempty"`
	Sections   []Section       `json:"sections"`
	Rules      []FormRule      `json:"rules,omitempty"` // in the order of what they are about
}

// Section is a heading and the fields below it, in order.
type Section struct {
	Code   string      `json:"code"`
	Label  string      `json:"label"`
	Hint   string      `json:"hint,omitempty"`
	Fields []FormField `json:"fields"`
}

// FormField is one field of a form: a leaf, a set, an author map, or a group or list with fields of its own.
type FormField struct {
	Name   string `json:"name"`           // the property
	Path   string `json:"path"`           // the register's path, "*" standing for an element id or account id
	Node   string `json:"node"`           // "leaf", "group", "set", "list" or "authors"
	Type   string `json:"type,omitempty"` // of a leaf, and of an author map's: "string", "integer", "number", "boolean" or "atomic"
	Widget Widget `json:"widget,omitempty"`
	Label  string `json:"label"`
	Hint   string `json:"hint,omitempty"`
	Unit   string `json:"unit,omitempty"`

	Scale   string   `json:"scale,omitempty"` // names the scale that the answers are of; ratings of one scale compare
	Answers []Answer `json:"answers,omitempty"`
	Format  string   `json:"format,omitempty"`
	Pattern string   `json:"pattern,omitempty"` // reads alike in Go and in a browser's pattern attribute

	Minimum   *json.Number `json:"minimum,omitempty"`
	Maximum   *json.Number `json:"maximum,omitempty"`
	MaxLength *int         `json:"maxLength,omitempty"` // in characters

	Policy      syncengine.Policy `json:"policy,omitempty"`
	PolicyLabel string            `json:"policyLabel,omitempty"` // the sentence beside differing values
	Personal    bool              `json:"personal,omitempty"`    // people may have written personal data here; the hint warns of it
	Fixed       bool              `json:"fixed,omitempty"`       // set at creation, not edited afterwards
	Required    bool              `json:"required,omitempty"`    // part of what identifies the record; set by the program
	Refers      syncengine.Kind   `json:"refers,omitempty"`      // the kind of the record whose id this is
	Places      []string          `json:"places,omitempty"`      // the types of place that the field is asked at; none means all
	Rated       bool              `json:"rated,omitempty"`       // a group with a rating: one point of the checklist

	Conditions []Condition `json:"conditions,omitempty"`
	Fields     []FormField `json:"fields,omitempty"` // of a group, and of each element of a list
}

// Answer is one of the answers of a field.
type Answer struct {
	Code  string `json:"code"`
	Label string `json:"label"`
	Hint  string `json:"hint,omitempty"`
	Sign  string `json:"sign,omitempty"` // the digit or mark that is printed with it: "1", "–", "?"
	Rank  *int   `json:"rank,omitempty"` // its place in the order of the answers; none for what is no answer, as "not observed"
}

// Condition says what happens to a field when all tests hold, or, with Unless, when not all do.
type Condition struct {
	Rule   string `json:"rule"`
	Object string `json:"object"` // the pattern of the object that the tests' paths start from, "" for the record
	When   []Test `json:"when"`
	Unless bool   `json:"unless,omitempty"`
	Effect Effect `json:"effect"`

	Allowed []any        `json:"allowed,omitempty"` // of a limit, and of what is hidden: the answers that break no rule
	Minimum *json.Number `json:"minimum,omitempty"`
	Maximum *json.Number `json:"maximum,omitempty"`
	Pattern string       `json:"pattern,omitempty"`
}

// Test is a test of one answer. It holds if there is an answer and everything that is said of it is so.
type Test struct {
	Path     string       `json:"path"` // names joined by slashes, from the condition's object
	In       []any        `json:"in,omitempty"`
	Minimum  *json.Number `json:"minimum,omitempty"`
	Maximum  *json.Number `json:"maximum,omitempty"`
	MinItems *int         `json:"minItems,omitempty"`
	MaxItems *int         `json:"maxItems,omitempty"`
	Pattern  string       `json:"pattern,omitempty"`
}

// FormRule is a rule across fields, for lists of what a record breaks and for marking the fields that contradict each other.
type FormRule struct {
	Name     string   `json:"name"` // the code of its violations
	Label    string   `json:"label"`
	Object   string   `json:"object"`             // the pattern of the object that it is about, "" for the record
	Paths    []string `json:"paths"`              // the patterns of the fields that it is about, in their order
	Relation string   `json:"relation,omitempty"` // "le", "ne" or "prefix", between the first path and the second
}

// FormModel returns the form of a version in lang, French unless it is English. Every register of the version is in it once.
func FormModel(v *Version, lang string) *Form {
	if lang != English {
		lang = French
	}
	c := v.Checklist
	b := formBuilder{lang: lang, conditions: map[*field][]Condition{}}
	form := &Form{
		Version: v.ID.String(), Lineage: c.Lineage, Kind: c.Kind, Domain: c.Domain, Restricted: v.Restricted, Lang: lang,
		Label: v.Label.In(lang), Hint: v.Hint.In(lang),
	}
	v.record.walk(func(f *field) {
		for _, r := range f.rules {
			form.Rules = append(form.Rules, b.rule(r))
		}
	})
	for _, s := range v.sections {
		section := Section{Code: s.Code, Label: s.Label.In(lang), Hint: s.Hint.In(lang)}
		for _, name := range s.Items {
			section.Fields = append(section.Fields, b.field(v.record, v.record.child(name)))
		}
		form.Sections = append(form.Sections, section)
	}
	return form
}

// Field returns the field that a register's path belongs to, or nil: of a set member the set, of an element's presence the list.
func (f *Form) Field(path syncengine.Path) *FormField {
	segments := path.Segments()
	if len(segments) == 0 {
		return nil
	}
	for i := range f.Sections {
		if found := fieldAt(f.Sections[i].Fields, segments); found != nil {
			return found
		}
	}
	return nil
}

func fieldAt(fields []FormField, segments []string) *FormField {
	i := slices.IndexFunc(fields, func(f FormField) bool { return f.Name == segments[0] })
	if i < 0 {
		return nil
	}
	f, rest := &fields[i], segments[1:]
	switch {
	case len(rest) == 0:
		return f
	case f.Node == "group":
		return fieldAt(f.Fields, rest)
	case f.Node == "list" && len(rest) > 1:
		return fieldAt(f.Fields, rest[1:])
	case f.Node != "leaf" && len(rest) == 1:
		return f
	}
	return nil
}

// Points returns the rated groups that are asked at a type of place, in order; all of them where the type is empty.
func (f *Form) Points(placeType string) []*FormField {
	var out []*FormField
	for i := range f.Sections {
		for j := range f.Sections[i].Fields {
			field := &f.Sections[i].Fields[j]
			asked := placeType == "" || len(field.Places) == 0 || slices.Contains(field.Places, placeType)
			if field.Rated && asked {
				out = append(out, field)
			}
		}
	}
	return out
}

// PlaceTypes returns the types of place that a checklist asks something at, ascending; none where it may ask at any.
func (v *Version) PlaceTypes() []string {
	var out []string
	for _, f := range v.record.children {
		if !f.rated() {
			continue
		}
		if len(f.schema.Words.Places) == 0 {
			return nil
		}
		out = append(out, f.schema.Words.Places...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// References returns the leaves that hold the id of another record: pattern to the kind of that record.
func (v *Version) References() map[string]syncengine.Kind {
	out := map[string]syncengine.Kind{}
	v.record.walk(func(f *field) {
		if kind := f.schema.Words.Refers; kind != "" {
			out[f.pattern] = kind
		}
	})
	return out
}

// rated reports whether f is a group with a rating.
func (f *field) rated() bool {
	return f.node.Type == syncengine.GroupNode && slices.ContainsFunc(f.children, func(c *field) bool {
		return Widget(c.schema.Words.Widget) == WidgetRating
	})
}

// join returns the pattern of names below an object.
func join(object string, names []string) string {
	if len(names) == 0 {
		return object
	}
	return object + "/" + strings.Join(names, "/")
}
