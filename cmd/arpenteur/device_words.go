package main

import (
	"context"
	"errors"
	"strings"

	"github.com/arpenteur/arpenteur/clientsdk"
	"github.com/arpenteur/arpenteur/schemas"
	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// words says the fields and answers of a record as its checklist does. Without a checklist it says paths and codes.
type words struct {
	p       *program
	version *schemas.Version
	form    *schemas.Form
	names   map[string]string // of records that others refer to, by id
}

func (t *tablet) wordsOf(ctx context.Context, r *clientsdk.Record) (*words, error) {
	if r.Checklist == nil {
		return &words{p: t.program}, nil
	}
	v, err := t.c.Checklist(ctx, r.Ref.Ledger, r.Checklist.Lineage)
	if errors.Is(err, clientsdk.ErrNoLedger) {
		return &words{p: t.program}, nil
	}
	if err != nil {
		return nil, err
	}
	return t.wordsIn(v), nil
}

// wordsIn says fields as a version of a checklist does; v may be nil.
func (t *tablet) wordsIn(v *schemas.Version) *words {
	if v == nil {
		return &words{p: t.program}
	}
	return &words{p: t.program, version: v, form: schemas.FormModel(v, string(t.say.Language()))}
}

// label names a field, with the group that it lies in.
func (w *words) label(path syncengine.Path) string {
	if w.form == nil {
		return ""
	}
	var out []string
	segments := path.Segments()
	for i := range segments {
		at := syncengine.Path("/" + strings.Join(segments[:i+1], "/"))
		f := w.form.Field(at)
		if f == nil || len(out) > 0 && out[len(out)-1] == f.Label {
			continue
		}
		out = append(out, f.Label)
	}
	return strings.Join(out, " · ")
}

// value writes a value as its answer's label, with the sign that is printed with it.
func (w *words) value(path syncengine.Path, v syncengine.Value, erased bool) string {
	switch {
	case erased:
		return w.p.say.Say("value.erased")
	case v == "" || v == syncengine.Null:
		return "–"
	case v == syncengine.True:
		return w.p.say.Say("value.yes")
	case v == syncengine.False:
		return w.p.say.Say("value.no")
	}
	text, ok := textOf(v)
	if name := w.names[text]; ok && name != "" {
		return name
	}
	if !ok || w.form == nil {
		return text
	}
	if f := w.form.Field(path); f != nil {
		for _, a := range f.Answers {
			if a.Code == text {
				return strings.TrimSpace(a.Sign + " " + a.Label)
			}
		}
	}
	return text
}

// textOf returns a string as it is, anything else as JSON.
func textOf(v syncengine.Value) (text string, isText bool) {
	decoded, err := wire.DecodeValue(v)
	if text, ok := decoded.(string); err == nil && ok {
		return text, true
	}
	return string(v), false
}

// rule says which rule is broken, in the checklist's own words.
func (w *words) rule(v syncengine.Violation) string {
	if w.version != nil {
		if label := w.version.RuleLabel(v.Rule, string(w.p.say.Language())); label != "" {
			return label
		}
	}
	return v.Message
}
