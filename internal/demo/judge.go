package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/arpenteur/arpenteur/clientsdk"
	"github.com/arpenteur/arpenteur/schemas"
	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/ledger"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// record is a merged record as the server shows it.
type record struct {
	Kind       string               `json:"kind"`
	ID         string               `json:"id"`
	Checklist  string               `json:"checklist"`
	States     []ledger.RecordState `json:"states"`
	Conflicts  []syncengine.Path    `json:"conflicts"`
	Document   json.RawMessage      `json:"document"`
	Seen       string               `json:"seen"`
	Violations []struct {
		Path  syncengine.Path `json:"path"`
		Label string          `json:"label"`
	} `json:"violations"`
	Fields []field `json:"fields"`
}

// field is one field of it, with every value that stands there.
type field struct {
	Path      syncengine.Path `json:"path"`
	Raw       json.RawMessage `json:"shown"`
	Conflict  bool            `json:"conflict"`
	Survivors []struct {
		Change syncengine.ChangeID `json:"change"`
		Value  json.RawMessage     `json:"value"`
		Author string              `json:"author"`
		Tablet string              `json:"tablet"`
	} `json:"survivors"`
}

func (r *record) field(path syncengine.Path) *field {
	for i := range r.Fields {
		if r.Fields[i].Path == path {
			return &r.Fields[i]
		}
	}
	return nil
}

// has reports whether the record is in a state.
func (r *record) has(s ledger.RecordState) bool { return slices.Contains(r.States, s) }

func recordPath(ref clientsdk.Ref) string {
	return fmt.Sprintf("/v1/ledgers/%s/records/%s/%s", ref.Ledger, ref.Record.Kind, ref.Record.ID)
}

// read reads a record as the coordinator sees it.
func (d *Demo) read(ctx context.Context, ref clientsdk.Ref) (*record, error) {
	r := new(record)
	return r, d.people.Call(ctx, http.MethodGet, recordPath(ref), nil, r)
}

// judge reads what became of each case, tells it, and holds it against what had to become of it.
func (d *Demo) judge(ctx context.Context) error {
	d.tell("merged")
	for _, o := range d.cases {
		r, err := d.read(ctx, o.ref)
		if err != nil {
			return err
		}
		form, err := d.form(ctx, o.ref, r.Checklist)
		if err != nil {
			return err
		}
		d.tellCase(o, r, form)
		if got := o.became(r); got != o.want {
			return fmt.Errorf("%w: L3 or L4, the case %s became %s, not %s", ErrBroken, o.name, got, o.want)
		}
	}
	return d.tellSecondRatings(ctx)
}

// became says what a record shows of the case.
func (o *overlap) became(r *record) outcome {
	f := r.field(o.fields[len(o.fields)-1])
	switch {
	case f == nil:
		return ""
	case f.Conflict && len(f.Survivors) == 2:
		return conflict
	case r.has(ledger.StateViolation):
		return invalid
	case len(f.Survivors) == 2:
		return joined
	case r.has(ledger.StateClean) && o.allShown(r):
		return apart
	}
	return ""
}

// allShown reports whether every value of both edits is shown.
func (o *overlap) allShown(r *record) bool {
	for _, said := range o.says {
		for path, v := range said {
			want, err := wire.EncodeValue(v)
			if f := r.field(path); err != nil || f == nil || string(f.Raw) != string(want) {
				return false
			}
		}
	}
	return true
}

// form returns the form of a record's checklist, for its words.
func (d *Demo) form(ctx context.Context, ref clientsdk.Ref, lineage string) (*schemas.Form, error) {
	v, err := d.tablets[0].c.Checklist(ctx, ref.Ledger, lineage)
	if err != nil {
		return nil, err
	}
	return schemas.FormModel(v, string(d.say.Language())), nil
}

// tellCase tells one case: where, which values stand there and whose they are, and why.
func (d *Demo) tellCase(o *overlap, r *record, form *schemas.Form) {
	where := o.place
	if where == "" {
		where = d.say.Say("case.finding")
	}
	var said []string
	for _, path := range o.fields {
		f := r.field(path)
		if f == nil {
			continue
		}
		for _, s := range f.Survivors {
			said = append(said, d.say.Say("case.value", "tablet", s.Tablet, "value", d.answer(form, path, string(s.Value))))
		}
	}
	rule := ""
	if len(r.Violations) > 0 {
		rule = r.Violations[0].Label
	}
	shown := ""
	if f := r.field(o.fields[0]); f != nil {
		shown = d.answer(form, o.fields[0], string(f.Raw))
	}
	d.line(where, topic(form, o.fields))
	d.line("", strings.Join(said, " · "))
	d.line("", "→ "+d.say.Say("case."+o.name, "rule", rule, "shown", shown))
}

// topic names the points that fields are about.
func topic(form *schemas.Form, fields []syncengine.Path) string {
	var out []string
	for _, path := range fields {
		segments := path.Segments()
		if f := form.Field(syncengine.Path("/" + segments[0])); f != nil && !slices.Contains(out, f.Label) {
			out = append(out, f.Label)
		}
	}
	return strings.Join(out, ", ")
}

// answer writes a value as the form does.
func (d *Demo) answer(form *schemas.Form, path syncengine.Path, raw string) string {
	f := form.Field(path)
	switch {
	case f == nil:
		return raw
	case raw == "true":
		return f.Label
	}
	for _, a := range f.Answers {
		if `"`+a.Code+`"` == raw {
			return strings.TrimSpace(a.Sign + " " + a.Label)
		}
	}
	return raw
}
