package main

import (
	"context"
	"strings"

	"github.com/spf13/cobra"
)

// rulingOrder asks the server to decide about a change.
type rulingOrder struct {
	Type   string   `json:"type"`
	Target string   `json:"target"`
	Paths  []string `json:"paths,omitempty"`
	Reason string   `json:"reason,omitempty"`
}

// rulingInfo is a ruling as the server tells it.
type rulingInfo struct {
	Change string            `json:"change"`
	Author string            `json:"author"`
	Time   int64             `json:"time"`
	Values map[string]string `json:"values"`
	Ruling struct {
		Type    string   `json:"type"`
		Target  string   `json:"target"`
		Paths   []string `json:"paths"`
		Account string   `json:"account"`
		Role    string   `json:"role"`
		Lineage string   `json:"lineage"`
	} `json:"ruling"`
}

// about says what a ruling is about, in one cell.
func (r rulingInfo) about() string {
	switch r.Ruling.Type {
	case "grant":
		return r.Ruling.Account + " " + r.Ruling.Role
	case "publish":
		return r.Ruling.Lineage
	}
	return strings.TrimSpace(r.Ruling.Target + " " + strings.Join(r.Ruling.Paths, " "))
}

// adminRulings is `arpenteur admin rulings`.
func (p *program) adminRulings(o *apiOptions) *cobra.Command {
	var choice ledgerChoice
	list := p.onAPI(o, "admin.rulings.list", 0, func(ctx context.Context, a *api, _ []string) error {
		id, err := a.ledger(ctx, choice)
		if err != nil {
			return err
		}
		t := p.table("admin.rulings.headings", "admin.rulings.none")
		return listed(ctx, t, a, "/v1/ledgers/"+id+"/rulings", "rulings", func(r rulingInfo) []string {
			return []string{stamp(r.Time), r.Author, r.Ruling.Type, r.about(), r.Values["/reason"]}
		})
	})
	commands := []*cobra.Command{list}
	for _, kind := range []string{"refuse", "void", "release", "redact", "untimed"} {
		q := rulingOrder{Type: kind}
		c := p.onAPI(o, "admin.rulings."+kind, 1, func(ctx context.Context, a *api, args []string) error {
			id, err := a.ledger(ctx, choice)
			if err != nil {
				return err
			}
			q.Target = args[0]
			return post(ctx, p, a, "/v1/ledgers/"+id+"/rulings", q, func(r rulingInfo) string {
				return p.say.Say("admin.rulings.made", "type", r.Ruling.Type, "change", r.Change)
			})
		})
		if kind != "untimed" {
			c.Flags().StringVar(&q.Reason, "reason", "", p.say.Say("admin.flag.reason"))
		}
		if kind == "redact" {
			c.Flags().StringArrayVar(&q.Paths, "path", nil, p.say.Say("admin.rulings.flag.path"))
		}
		commands = append(commands, c)
	}
	for _, c := range commands {
		p.ledgerFlags(c.Flags(), &choice)
	}
	return p.group("admin.rulings", commands...)
}

// noticeInfo is a notice as the server lists it.
type noticeInfo struct {
	Code   string `json:"code"`
	Kind   string `json:"kind"`
	Record string `json:"record"`
	Place  string `json:"place"`
}

// adminNotices is `arpenteur admin notices`.
func (p *program) adminNotices(o *apiOptions) *cobra.Command {
	var choice ledgerChoice
	c := p.onAPI(o, "admin.notices", 0, func(ctx context.Context, a *api, _ []string) error {
		id, err := a.ledger(ctx, choice)
		if err != nil {
			return err
		}
		t := p.table("admin.notices.headings", "admin.notices.none")
		return listed(ctx, t, a, "/v1/ledgers/"+id+"/notices", "notices", func(n noticeInfo) []string {
			return []string{p.say.Say("notice." + n.Code), n.Kind, n.Record, n.Place}
		})
	})
	p.ledgerFlags(c.Flags(), &choice)
	return c
}
