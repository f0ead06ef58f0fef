package main

import (
	"context"
	"errors"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/arpenteur/arpenteur/clientsdk"
	"github.com/arpenteur/arpenteur/syncengine"
)

// captureOptions are the flags of `arpenteur device capture` and `arpenteur device edit`.
type captureOptions struct {
	checklist, ledger, place, visit, file string
	unfold                                []string
	entries                               []entry
	keep                                  bool // leave it as a draft
}

// savedView says what became of a capture.
type savedView struct {
	Ledger     string                 `json:"ledger"`
	Kind       string                 `json:"kind"`
	ID         string                 `json:"id"`
	Change     string                 `json:"change,omitempty"`
	Draft      string                 `json:"draft,omitempty"` // where it was left as one
	Status     string                 `json:"status,omitempty"`
	Reason     string                 `json:"reason,omitempty"`
	Violations []syncengine.Violation `json:"violations,omitempty"`
	Unfolded   []differing            `json:"unfolded,omitempty"`
}

// deviceCapture is `arpenteur device capture`.
func (p *program) deviceCapture(o *tabletOptions) *cobra.Command {
	var q captureOptions
	c := p.onTablet(o, "device.capture", 0, func(ctx context.Context, t *tablet, _ []string) error {
		if q.checklist == "" {
			return failed(classUsage, "device.capture.which")
		}
		id, err := t.ledgerWith(ctx, q.checklist, q.ledger)
		if err != nil {
			return err
		}
		d, err := t.c.NewRecord(ctx, id, q.checklist)
		if err != nil {
			return err
		}
		return t.fill(ctx, d, &q, true)
	})
	f := c.Flags()
	f.StringVar(&q.checklist, "checklist", "", p.say.Say("device.capture.flag.checklist"))
	f.StringVar(&q.ledger, "ledger", "", p.say.Say("device.flag.ledger"))
	f.StringVar(&q.place, "place", "", p.say.Say("device.capture.flag.place"))
	f.StringVar(&q.visit, "visit", "", p.say.Say("device.capture.flag.visit"))
	p.entryFlags(f, &q)
	return c
}

// deviceEdit is `arpenteur device edit`.
func (p *program) deviceEdit(o *tabletOptions) *cobra.Command {
	var q captureOptions
	c := p.onTablet(o, "device.edit", 1, func(ctx context.Context, t *tablet, args []string) error {
		ref, err := t.find(ctx, args[0])
		if err != nil {
			return err
		}
		d, err := t.c.Edit(ctx, ref)
		if err != nil {
			return err
		}
		return t.fill(ctx, d, &q, false)
	})
	c.Flags().StringArrayVar(&q.unfold, "unfold", nil, p.say.Say("device.edit.flag.unfold"))
	p.entryFlags(c.Flags(), &q)
	return c
}

// entryFlags are the flags that enter answers. Their order on the command line is kept.
func (p *program) entryFlags(f *pflag.FlagSet, q *captureOptions) {
	f.Var(&entryFlag{opSet, &q.entries}, "set", p.say.Say("device.flag.set"))
	f.Var(&entryFlag{opAdd, &q.entries}, "add", p.say.Say("device.flag.add"))
	f.Var(&entryFlag{opRemove, &q.entries}, "remove", p.say.Say("device.flag.remove"))
	f.Var(&entryFlag{opClear, &q.entries}, "clear", p.say.Say("device.flag.clear"))
	f.StringVar(&q.file, "file", "", p.say.Say("device.flag.file"))
	f.BoolVar(&q.keep, "draft", false, p.say.Say("device.flag.draft"))
}

// fill enters answers into a draft and saves it. A draft that can't be filled as asked is forgotten, so that a slip leaves nothing
// behind.
func (t *tablet) fill(ctx context.Context, d *clientsdk.Draft, q *captureOptions, fresh bool) error {
	view := savedView{Ledger: d.Ref().Ledger.String(), Kind: string(d.Ref().Record.Kind), ID: d.Ref().Record.ID.String()}
	err := t.enter(ctx, d, q, fresh, &view)
	if err != nil {
		return errors.Join(err, d.Discard())
	}
	if q.keep {
		view.Draft = d.ID().String()
		return t.show(view, t.say.Say("device.draft.kept", "id", view.Draft))
	}
	return t.save(ctx, d, view)
}

// enter shows what was asked to be shown, then enters the answers.
func (t *tablet) enter(ctx context.Context, d *clientsdk.Draft, q *captureOptions, fresh bool, view *savedView) error {
	for _, path := range q.unfold {
		survivors, err := d.Unfold(ctx, syncengine.Path(path))
		if err != nil {
			return err
		}
		shown := differing{Path: syncengine.Path(path)}
		for _, s := range survivors {
			shown.Values = append(shown.Values, valueOf(s))
		}
		view.Unfolded = append(view.Unfolded, shown)
		if !t.json {
			t.tellDiffering(t.wordsIn(d.Checklist()), shown)
		}
	}
	entries, err := t.answers(ctx, d, q, fresh)
	if err != nil {
		return err
	}
	return t.apply(ctx, d, entries)
}

// save commits a draft, and says where that is safe now.
func (t *tablet) save(ctx context.Context, d *clientsdk.Draft, view savedView) error {
	words := t.wordsIn(d.Checklist())
	saved, err := d.Commit(ctx)
	if err != nil {
		return err
	}
	view.Change, view.Violations, view.Reason = saved.Change.String(), saved.Violations, string(saved.Verdict.Reason)
	view.Status = statusName(saved.Verdict.Status)
	if t.json {
		return writeJSON(t.out, view)
	}
	t.tell("device.saved.record", "kind", view.Kind, "id", view.ID)
	for _, v := range view.Violations {
		t.tell("device.get.violation", "rule", words.rule(v), "path", string(v.Path))
	}
	if view.Status != statusName(syncengine.Effective) {
		t.tell("device.saved.idle", "status", t.say.Say("status."+view.Status), "reason", view.Reason)
	}
	return t.tellSaved(ctx)
}

func statusName(s syncengine.Status) string {
	return [...]string{syncengine.Effective: "effective", syncengine.Pending: "pending", syncengine.Ineffective: "ineffective"}[s]
}

// draftView is a draft that is open.
type draftView struct {
	Draft   string                     `json:"draft"`
	Ledger  string                     `json:"ledger"`
	Kind    string                     `json:"kind"`
	ID      string                     `json:"id"`
	Entered map[syncengine.Path]string `json:"entered"` // canonical JSON of each value
}

// deviceDrafts is `arpenteur device drafts`.
func (p *program) deviceDrafts(o *tabletOptions) *cobra.Command {
	c := p.onTablet(o, "device.drafts", 0, func(_ context.Context, t *tablet, _ []string) error {
		rows := t.table("device.drafts.headings", "device.drafts.none")
		for _, d := range t.c.Drafts() {
			v := draftView{d.ID().String(), d.Ref().Ledger.String(), string(d.Ref().Record.Kind), d.Ref().Record.ID.String(), map[syncengine.Path]string{}}
			var line []string
			for path, value := range d.Entered() {
				v.Entered[path] = string(value)
				line = append(line, string(path)+"="+string(value))
			}
			if err := rows.row(v, v.Draft, v.Kind, v.ID, strings.Join(line, " ")); err != nil {
				return err
			}
		}
		return rows.end()
	})
	c.AddCommand(
		p.onTablet(o, "device.drafts.commit", 1, func(ctx context.Context, t *tablet, args []string) error {
			d, err := t.draft(args[0])
			if err != nil {
				return err
			}
			ref := d.Ref()
			return t.save(ctx, d, savedView{Ledger: ref.Ledger.String(), Kind: string(ref.Record.Kind), ID: ref.Record.ID.String()})
		}),
		p.onTablet(o, "device.drafts.discard", 1, func(_ context.Context, t *tablet, args []string) error {
			d, err := t.draft(args[0])
			if err != nil {
				return err
			}
			if err := d.Discard(); err != nil {
				return err
			}
			return t.show(map[string]string{"discarded": d.ID().String()}, t.say.Say("device.draft.discarded"))
		}),
	)
	return c
}

// draft returns the open draft whose id ends as given.
func (t *tablet) draft(name string) (*clientsdk.Draft, error) {
	var found *clientsdk.Draft
	for _, d := range t.c.Drafts() {
		if strings.HasSuffix(d.ID().String(), strings.ToLower(name)) && len(name) >= minNamePart {
			if found != nil {
				return nil, failed(classUsage, "device.which_record", "given", name, "n", 2)
			}
			found = d
		}
	}
	if found == nil {
		return nil, failed(classUnknown, "device.no_draft", "given", name)
	}
	return found, nil
}
