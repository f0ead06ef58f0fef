package main

import (
	"context"
	"errors"
	"strings"

	"github.com/spf13/cobra"

	"github.com/arpenteur/arpenteur/clientsdk"
	"github.com/arpenteur/arpenteur/schemas"
)

// checklistView is one checklist or record kind that is in force in a ledger.
type checklistView struct {
	Ledger  string `json:"ledger"`
	Lineage string `json:"checklist"`
	Kind    string `json:"kind"`
	Version string `json:"version"`
	Label   string `json:"label"`
}

// deviceChecklists is `arpenteur device checklists`.
func (p *program) deviceChecklists(o *tabletOptions) *cobra.Command {
	var ledgerPart string
	c := p.onTablet(o, "device.checklists", anyArgs, func(ctx context.Context, t *tablet, args []string) error {
		switch len(args) {
		case 0:
			return t.listChecklists(ctx, ledgerPart)
		case 1:
			return t.showChecklist(ctx, args[0], ledgerPart)
		}
		return failed(classUsage, "usage.arguments", "command", "arpenteur device checklists", "n", 1, "given", len(args))
	})
	c.Flags().StringVar(&ledgerPart, "ledger", "", p.say.Say("device.flag.ledger"))
	return c
}

func (t *tablet) listChecklists(ctx context.Context, part string) error {
	ids, err := t.ledgers(ctx, part)
	if err != nil {
		return err
	}
	lineages := schemas.Checklists()
	for _, kind := range schemas.Kinds() {
		if kind != schemas.Observation {
			lineages = append(lineages, string(kind))
		}
	}
	lang := string(t.say.Language())
	rows := t.table("device.checklists.headings", "device.checklists.none")
	for _, id := range ids {
		for _, lineage := range lineages {
			v, err := t.c.Checklist(ctx, id, lineage)
			if errors.Is(err, clientsdk.ErrNoLedger) {
				continue
			}
			if err != nil {
				return err
			}
			view := checklistView{id.String(), lineage, string(v.Checklist.Kind), v.ID.String(), v.Label.In(lang)}
			if err := rows.row(view, short(view.Ledger), lineage, view.Kind, view.Label, short(view.Version)); err != nil {
				return err
			}
		}
	}
	return rows.end()
}

// showChecklist writes the form of a checklist: each field with its path, and what it takes.
func (t *tablet) showChecklist(ctx context.Context, lineage, part string) error {
	id, err := t.ledgerWith(ctx, lineage, part)
	if err != nil {
		return err
	}
	v, err := t.c.Checklist(ctx, id, lineage)
	if err != nil {
		return err
	}
	form := schemas.FormModel(v, string(t.say.Language()))
	if t.json {
		return writeJSON(t.out, form)
	}
	rows := t.table("device.checklists.form_headings", "device.checklists.none")
	for _, s := range form.Sections {
		if err := t.showFields(rows, s.Fields, ""); err != nil {
			return err
		}
	}
	if err := rows.end(); err != nil {
		return err
	}
	for _, r := range form.Rules {
		t.tell("device.checklists.rule", "rule", r.Label)
	}
	return nil
}

func (t *tablet) showFields(rows *table, fields []schemas.FormField, group string) error {
	for _, f := range fields {
		label := strings.TrimPrefix(group+" · "+f.Label, " · ")
		if len(f.Fields) == 0 {
			if err := rows.row(nil, f.Path, label, takes(f), string(f.Policy)); err != nil {
				return err
			}
			continue
		}
		if err := t.showFields(rows, f.Fields, label); err != nil {
			return err
		}
	}
	return nil
}

// takes says what a field takes: its answers, or its type.
func takes(f schemas.FormField) string {
	if len(f.Answers) == 0 {
		if f.Format != "" {
			return f.Format
		}
		return f.Type
	}
	var out []string
	for _, a := range f.Answers {
		out = append(out, a.Code+"="+a.Label)
	}
	return strings.Join(out, ", ")
}
