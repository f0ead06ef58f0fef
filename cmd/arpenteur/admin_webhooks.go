package main

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/spf13/cobra"
)

// hookOrder asks the server for a webhook.
type hookOrder struct {
	URL         string   `json:"url"`
	Events      []string `json:"events"`
	Diagnostics []string `json:"diagnostics"`
	Restricted  bool     `json:"restricted"`
}

// hookInfo is a webhook as the server lists it. The secret is told once, when it is made.
type hookInfo struct {
	ID          string   `json:"id"`
	Account     string   `json:"account"`
	URL         string   `json:"url"`
	Events      []string `json:"events"`
	Queued      uint64   `json:"queued"`
	Delivered   uint64   `json:"delivered"`
	LastSuccess int64    `json:"last_success"`
	Next        int64    `json:"next"`
	Fault       string   `json:"fault"`
	Status      int      `json:"status"`
	Ended       string   `json:"ended"`
	Secret      string   `json:"secret"`
}

// adminWebhooks is `arpenteur admin webhooks`.
func (p *program) adminWebhooks(o *apiOptions) *cobra.Command {
	list := p.onAPI(o, "admin.webhooks.list", 0, func(ctx context.Context, a *api, _ []string) error {
		t := p.table("admin.webhooks.headings", "admin.webhooks.none")
		return listed(ctx, t, a, "/v1/webhooks", "webhooks", func(v hookInfo) []string {
			return []string{v.ID, v.Account, v.URL, strings.Join(v.Events, ", "), fmt.Sprintf("%d/%d", v.Delivered, v.Queued), stamp(v.LastSuccess), p.hookState(&v)}
		})
	})
	remove := p.onAPI(o, "admin.webhooks.delete", 1, func(ctx context.Context, a *api, args []string) error {
		if err := a.Call(ctx, http.MethodDelete, "/v1/webhooks/"+args[0], nil, nil); err != nil {
			return err
		}
		return p.show(map[string]string{"deleted": args[0]}, p.say.Say("admin.webhooks.deleted", "id", args[0]))
	})
	resume := p.onAPI(o, "admin.webhooks.resume", 1, func(ctx context.Context, a *api, args []string) error {
		return post(ctx, p, a, "/v1/webhooks/"+args[0]+"/resume", nil, func(v hookInfo) string {
			return p.say.Say("admin.webhooks.resumed", "id", v.ID)
		})
	})
	return p.group("admin.webhooks", p.webhooksCreate(o), list, resume, remove)
}

func (p *program) webhooksCreate(o *apiOptions) *cobra.Command {
	var q hookOrder
	var diagnostics []string
	c := p.onAPI(o, "admin.webhooks.create", 1, func(ctx context.Context, a *api, args []string) (err error) {
		if q.Diagnostics, err = a.diagnostics(ctx, diagnostics); err != nil {
			return err
		}
		q.URL = args[0]
		return post(ctx, p, a, "/v1/webhooks", q, func(v hookInfo) string {
			return p.say.Say("admin.webhooks.created", "id", v.ID) + "\n" + v.Secret
		})
	})
	f := c.Flags()
	f.StringSliceVar(&q.Events, "events", []string{}, p.say.Say("admin.webhooks.flag.events"))
	f.StringArrayVar(&diagnostics, "diagnostic", nil, p.say.Say("admin.flag.diagnostics"))
	f.BoolVar(&q.Restricted, "restricted", false, p.say.Say("admin.flag.restricted"))
	return c
}

// hookState says in words how deliveries go.
func (p *program) hookState(v *hookInfo) string {
	fault := ""
	if v.Fault != "" {
		fault = p.say.Say("webhook.fault."+v.Fault, "status", v.Status)
	}
	switch {
	case v.Ended != "":
		return p.say.Say("webhook.ended." + v.Ended)
	case fault != "":
		return p.say.Say("webhook.waits", "fault", fault, "next", stamp(v.Next))
	}
	return p.say.Say("webhook.ok")
}
