package main

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/arpenteur/arpenteur/clientsdk"
	"github.com/arpenteur/arpenteur/schemas"
	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/ledger"
)

// recordView is a merged record.
type recordView struct {
	Ledger     string                 `json:"ledger"`
	Kind       string                 `json:"kind"`
	ID         string                 `json:"id"`
	Checklist  string                 `json:"checklist,omitempty"`
	Present    bool                   `json:"present"`
	States     []ledger.RecordState   `json:"states"`
	Safety     clientsdk.Safety       `json:"safety,omitempty"`
	Conflicts  []syncengine.Path      `json:"conflicts,omitempty"`
	Violations []syncengine.Violation `json:"violations,omitempty"`
	Differing  []differing            `json:"differing,omitempty"`
	Changes    int                    `json:"changes"`
	Document   json.RawMessage        `json:"document,omitempty"`
}

// differing is a field at which several values stand beside each other.
type differing struct {
	Path     syncengine.Path   `json:"path"`
	Policy   syncengine.Policy `json:"policy,omitempty"`
	Conflict bool              `json:"conflict"` // a person must decide
	Values   []valueView       `json:"values"`   // the shown one last
}

// valueView is one value and where it comes from.
type valueView struct {
	Change string          `json:"change"`
	Author string          `json:"author"`
	Time   int64           `json:"time"` // milliseconds since 1970 UTC, by the author's clock
	Value  json.RawMessage `json:"value,omitempty"`
	Erased bool            `json:"erased,omitempty"`
}

// stepView is one change of a record's history.
type stepView struct {
	Change  string                              `json:"change"`
	Author  string                              `json:"author"`
	Time    int64                               `json:"time"`
	Values  map[syncengine.Path]json.RawMessage `json:"values"`
	Over    map[syncengine.Path][]string        `json:"over,omitempty"`
	Status  string                              `json:"status"`
	Reason  string                              `json:"reason,omitempty"`  // stable code
	Because string                              `json:"because,omitempty"` // the reason that a ruling gives
}

func viewOf(r *clientsdk.Record) recordView {
	v := recordView{
		Ledger: r.Ref.Ledger.String(), Kind: string(r.Ref.Record.Kind), ID: r.Ref.Record.ID.String(), Present: r.Present,
		States: append([]ledger.RecordState{}, r.States...), Safety: r.Safety, Violations: r.Violations, Changes: r.Changes,
	}
	if r.Checklist == nil {
		return v
	}
	v.Checklist, v.Conflicts, v.Document = r.Checklist.Lineage, r.Conflicts(), r.Document()
	for i := range r.Fields {
		f := &r.Fields[i]
		if !f.Differs {
			continue
		}
		d := differing{Path: f.Path, Policy: f.Policy, Conflict: slices.Contains(v.Conflicts, f.Path)}
		for _, s := range f.Survivors {
			d.Values = append(d.Values, valueOf(s))
		}
		v.Differing = append(v.Differing, d)
	}
	return v
}

func valueOf(s syncengine.Survivor) valueView {
	return valueView{Change: s.Change.String(), Author: string(s.Author), Time: s.Time, Value: json.RawMessage(s.Value), Erased: s.Erased}
}

// deviceList is `arpenteur device list`.
func (p *program) deviceList(o *tabletOptions) *cobra.Command {
	var ledgerPart, kind, checklist, place, visit, state, rater string
	c := p.onTablet(o, "device.list", 0, func(ctx context.Context, t *tablet, _ []string) error {
		f := ledger.Filter{Kind: syncengine.Kind(kind), Where: map[string]string{}}
		for name, ref := range map[string]struct {
			kind  syncengine.Kind
			value string
		}{"place": {schemas.Place, place}, "visit": {schemas.Visit, visit}} {
			if ref.value == "" {
				continue
			}
			id, err := t.refer(ctx, ref.kind, ref.value)
			if err != nil {
				return err
			}
			f.Where[name] = id
		}
		for name, value := range map[string]string{"state": state, "rater": rater} {
			if value != "" {
				f.Where[name] = value
			}
		}
		return t.list(ctx, ledgerPart, checklist, f)
	})
	flags := c.Flags()
	flags.StringVar(&ledgerPart, "ledger", "", p.say.Say("device.flag.ledger"))
	flags.StringVar(&kind, "kind", "", p.say.Say("device.list.flag.kind"))
	flags.StringVar(&checklist, "checklist", "", p.say.Say("device.list.flag.checklist"))
	flags.StringVar(&place, "place", "", p.say.Say("device.list.flag.place"))
	flags.StringVar(&visit, "visit", "", p.say.Say("device.list.flag.visit"))
	flags.StringVar(&state, "state", "", p.say.Say("device.list.flag.state"))
	flags.StringVar(&rater, "rater", "", p.say.Say("device.list.flag.rater"))
	return c
}

func (t *tablet) list(ctx context.Context, ledgerPart, checklist string, f ledger.Filter) error {
	names, err := t.names(ctx)
	if err != nil {
		return err
	}
	rows := t.table("device.list.headings", "device.list.none")
	err = t.eachRecord(ctx, ledgerPart, f, func(r *clientsdk.Record) error {
		v := viewOf(r)
		if checklist != "" && v.Checklist != checklist {
			return nil
		}
		what := v.Checklist
		if what == "" {
			what = v.Kind
		}
		where := names[shownText(r, "/place")]
		return rows.row(v, v.ID, what, nameOf(r), where, t.states(v.States))
	})
	if err != nil {
		return err
	}
	return rows.end()
}

// states writes the states of a record as words.
func (t *tablet) states(list []ledger.RecordState) string {
	var out []string
	for _, s := range list {
		out = append(out, t.say.Say("state."+string(s)))
	}
	return strings.Join(out, ", ")
}

// deviceGet is `arpenteur device get`.
func (p *program) deviceGet(o *tabletOptions) *cobra.Command {
	return p.onTablet(o, "device.get", 1, func(ctx context.Context, t *tablet, args []string) error {
		ref, err := t.find(ctx, args[0])
		if err != nil {
			return err
		}
		r, err := t.c.Record(ctx, ref)
		if err != nil {
			return err
		}
		if t.json {
			return writeJSON(t.out, viewOf(r))
		}
		return t.showRecord(ctx, r)
	})
}

// showRecord writes a record field by field, with what stands beside the shown values and where all of it is safe.
func (t *tablet) showRecord(ctx context.Context, r *clientsdk.Record) error {
	v := viewOf(r)
	t.tell("device.get.head", "kind", v.Kind, "id", v.ID, "states", t.states(v.States), "n", v.Changes)
	t.tell("device.get.safety." + string(r.Safety))
	words, err := t.wordsOf(ctx, r)
	if err != nil {
		return err
	}
	if words.names, err = t.names(ctx); err != nil {
		return err
	}
	rows := t.table("device.get.headings", "device.get.none")
	for i := range r.Fields {
		f := &r.Fields[i]
		if f.Path == syncengine.RecordPresence || f.Path.IsPresence() && f.Shown == syncengine.False {
			continue
		}
		text := words.value(f.Path, f.Shown, f.Erased)
		if f.Differs {
			text += " " + t.say.Say("device.get.differs", "n", len(f.Survivors))
		}
		if err := rows.row(nil, string(f.Path), words.label(f.Path), text); err != nil {
			return err
		}
	}
	if err := rows.end(); err != nil {
		return err
	}
	for _, d := range v.Differing {
		t.tellDiffering(words, d)
	}
	for _, broken := range v.Violations {
		t.tell("device.get.violation", "rule", words.rule(broken), "path", string(broken.Path))
	}
	return nil
}

// tellDiffering names all values that stand at a field.
func (t *tablet) tellDiffering(words *words, d differing) {
	phrase := "device.get.values"
	if d.Conflict {
		phrase = "device.get.conflict"
	}
	var list []string
	for _, v := range d.Values {
		list = append(list, t.say.Say("device.get.one_value",
			"value", words.value(d.Path, syncengine.Value(v.Value), v.Erased), "author", v.Author, "at", stamp(v.Time)))
	}
	t.tell(phrase, "path", string(d.Path), "values", strings.Join(list, " ; "))
}

// deviceHistory is `arpenteur device history`.
func (p *program) deviceHistory(o *tabletOptions) *cobra.Command {
	return p.onTablet(o, "device.history", 1, func(ctx context.Context, t *tablet, args []string) error {
		ref, err := t.find(ctx, args[0])
		if err != nil {
			return err
		}
		steps, err := t.c.History(ctx, ref)
		if err != nil {
			return err
		}
		rows := t.table("device.history.headings", "device.history.none")
		for i := range steps {
			v := stepOf(&steps[i])
			status := t.say.Say("status." + v.Status)
			if v.Reason != "" {
				status += " (" + orDash(v.Because+" "+v.Reason) + ")"
			}
			if err := rows.row(v, stamp(v.Time), v.Author, short(v.Change), status, valuesLine(v.Values)); err != nil {
				return err
			}
		}
		return rows.end()
	})
}

func stepOf(s *ledger.Step) stepView {
	v := stepView{
		Change: s.ID.String(), Author: string(s.Author), Time: s.Time, Values: map[syncengine.Path]json.RawMessage{},
		Over: map[syncengine.Path][]string{}, Reason: string(s.Verdict.Reason), Because: s.Reason,
		Status: statusName(s.Verdict.Status),
	}
	for _, w := range s.Writes {
		if w.Value != "" {
			v.Values[w.Path] = json.RawMessage(w.Value)
		}
		for _, id := range w.Over {
			v.Over[w.Path] = append(v.Over[w.Path], id.String())
		}
	}
	return v
}

// valuesLine writes what a change says, on one line, without the presences that every change writes.
func valuesLine(values map[syncengine.Path]json.RawMessage) string {
	var out []string
	for path, v := range values {
		if path != syncengine.RecordPresence {
			out = append(out, string(path)+"="+string(v))
		}
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}
