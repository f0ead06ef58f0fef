package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/arpenteur/arpenteur/clientsdk"
	"github.com/arpenteur/arpenteur/schemas"
	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/ledger"
)

// explain tells what became of one observation, field by field, in the words of its checklist.
func (d *day) explain(ctx context.Context, ref clientsdk.Ref) error {
	r, err := d.chloe.Record(ctx, ref)
	if err != nil {
		return err
	}
	v, err := d.chloe.Checklist(ctx, ref.Ledger, r.Checklist.Lineage)
	if err != nil {
		return err
	}
	form := schemas.FormModel(v, d.lang)
	d.say("\nLe relevé « %s » du hall, après %d modifications :", "\nThe observation “%s” of the hall, after %d changes:", form.Label, r.Changes)
	for i := range r.Fields {
		if f := &r.Fields[i]; !hidden(f.Path) {
			d.explainField(form, f)
		}
	}
	for _, v := range r.Violations {
		rule := v.Message
		for _, known := range form.Rules {
			if known.Name == v.Rule {
				rule = known.Label
			}
		}
		d.say("  ! %s : chaque modification était permise, ensemble elles ne vont pas (« %s »). À revoir ; rien n'est publié comme sûr.",
			"  ! %s: each change was allowed, together they are not (“%s”). To be reviewed; nothing of it is published as clean.", label(form, v.Path), rule)
	}
	return nil
}

// hidden reports whether a field is the program's business, not the reader's.
func hidden(path syncengine.Path) bool {
	return path == syncengine.RecordPresence || path == "/place" || path == "/visit" || path == "/rater"
}

// explainField tells one field: what is shown, what else is there, and why.
func (d *day) explainField(form *schemas.Form, f *syncengine.Field) {
	field := form.Field(f.Path)
	last := f.Survivors[len(f.Survivors)-1]
	switch {
	case f.Policy == syncengine.Union:
		d.say("  %s : %s, ajouté par %s. Les ajouts de chacun restent.", "  %s: %s, added by %s. Everybody's additions stay.",
			label(form, f.Path), answer(field, memberOf(f.Path)), names[last.Author])
	case f.Conflict:
		d.say("  %s : deux valeurs, une personne doit décider", "  %s: two values, a person has to decide", label(form, f.Path))
		for _, s := range f.Survivors {
			d.say("      %s — %s, %s", "      %s — %s, %s", answer(field, s.Value), names[s.Author], d.hour(s.Time))
		}
	case f.Differs:
		var others []string
		for _, s := range f.Survivors {
			others = append(others, fmt.Sprintf("%s (%s)", answer(field, s.Value), names[s.Author]))
		}
		d.say("  %s : %s. Deux valeurs, %s ; %s", "  %s: %s. Two values, %s; %s",
			label(form, f.Path), answer(field, f.Shown), strings.Join(others, ", "), field.PolicyLabel)
	default:
		d.say("  %s : %s — %s, %s", "  %s: %s — %s, %s", label(form, f.Path), answer(field, f.Shown), names[last.Author], d.hour(last.Time))
	}
}

// label names a field: the point of the checklist, and which part of it unless that is the rating.
func label(form *schemas.Form, path syncengine.Path) string {
	segments := path.Segments()
	if len(segments) == 0 {
		return form.Label
	}
	text := segments[0]
	if point := form.Field(syncengine.Path("/" + segments[0])); point != nil {
		text = point.Label
	}
	if part := form.Field(path); part != nil && len(segments) > 1 && segments[1] != "rating" && part.Label != text {
		text += " · " + part.Label
	}
	return text
}

// memberOf returns the code of a set member, as a value.
func memberOf(path syncengine.Path) syncengine.Value {
	segments := path.Segments()
	return syncengine.Value(`"` + segments[len(segments)-1] + `"`)
}

// answer says a value in the words of its field: "1 mauvais".
func answer(field *schemas.FormField, v syncengine.Value) string {
	var text string
	if json.Unmarshal([]byte(v), &text) != nil {
		return string(v) // a number or truth value
	}
	for _, a := range field.Answers {
		if a.Code == text {
			return strings.TrimSpace(a.Sign + " " + a.Label)
		}
	}
	return text
}

// hour says the author's time.
func (d *day) hour(millis int64) string {
	if d.lang == "en" {
		return time.UnixMilli(millis).UTC().Format("15:04")
	}
	return time.UnixMilli(millis).UTC().Format("15 h 04")
}

// compare checks that every tablet and the server show the same bytes of every observation.
func (d *day) compare(ctx context.Context) error {
	want, err := d.served(ctx)
	if err != nil {
		return err
	}
	for _, t := range d.tablets {
		got, err := t.shown(ctx)
		if err != nil {
			return err
		}
		if len(got) != len(want) {
			return fmt.Errorf("%s shows %d observations, the server %d", t.account, len(got), len(want))
		}
		for key, document := range want {
			if !bytes.Equal(got[key], document) {
				return fmt.Errorf("%s shows %s of %s, the server %s", t.account, got[key], key.ID, document)
			}
		}
	}
	d.say("\nLes trois tablettes et le service central montrent les mêmes %d relevés, octet pour octet. Rien n'est perdu.",
		"\nThe three tablets and the server show the same %d observations, byte for byte. Nothing is lost.", len(want))
	return nil
}

// documents are merged records as they are shown, by key.
type documents map[syncengine.RecordKey][]byte

// shown returns the observations that a tablet shows.
func (t *tablet) shown(ctx context.Context) (documents, error) {
	out := documents{}
	filter := ledger.Filter{Kind: schemas.Observation}
	err := t.Records(ctx, t.day.diagnostic.Ledger, filter, nil, func(r *clientsdk.Record) (bool, error) {
		out[r.Key] = r.Document()
		return true, nil
	})
	return out, err
}

// served returns the observations that the server shows, through its API.
func (d *day) served(ctx context.Context) (documents, error) {
	out := documents{}
	path := "/v1/ledgers/" + d.diagnostic.Ledger.String() + "/records?kind=observation"
	err := d.central.People().List(ctx, path, "records", func(raw json.RawMessage) error {
		var row struct {
			ID       syncengine.RecordID `json:"id"`
			Document json.RawMessage     `json:"document"`
		}
		err := json.Unmarshal(raw, &row)
		out[syncengine.RecordKey{Kind: schemas.Observation, ID: row.ID}] = row.Document
		return err
	})
	return out, err
}
