package main

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// tokenOrder asks the server for a token.
type tokenOrder struct {
	Account     string   `json:"account"`
	Role        string   `json:"role"`
	Name        string   `json:"name,omitempty"`
	Restricted  bool     `json:"restricted"`
	Diagnostics []string `json:"diagnostics"`
	Expires     int64    `json:"expires,omitempty"`
}

// tokenInfo is a token as the server lists it. The token itself is told once, when it is made.
type tokenInfo struct {
	ID          string   `json:"id"`
	Account     string   `json:"account"`
	Role        string   `json:"role"`
	Name        string   `json:"name"`
	Restricted  bool     `json:"restricted"`
	Diagnostics []string `json:"diagnostics"`
	Expires     int64    `json:"expires"`
	Token       string   `json:"token"`
}

// adminTokens is `arpenteur admin tokens`.
func (p *program) adminTokens(o *apiOptions) *cobra.Command {
	list := p.onAPI(o, "admin.tokens.list", 0, func(ctx context.Context, a *api, _ []string) error {
		t := p.table("admin.tokens.headings", "admin.tokens.none")
		return listed(ctx, t, a, "/v1/tokens", "tokens", func(v tokenInfo) []string {
			restricted := p.say.Say("value.no")
			if v.Restricted {
				restricted = p.say.Say("value.yes")
			}
			return []string{v.ID, v.Account, v.Role, v.Name, restricted, strings.Join(v.Diagnostics, ", "), stamp(v.Expires)}
		})
	})
	revoke := p.onAPI(o, "admin.tokens.revoke", 1, func(ctx context.Context, a *api, args []string) error {
		if err := a.Call(ctx, http.MethodDelete, "/v1/tokens/"+args[0], nil, nil); err != nil {
			return err
		}
		return p.show(map[string]string{"revoked": args[0]}, p.say.Say("admin.tokens.revoked", "id", args[0]))
	})
	return p.group("admin.tokens", p.tokensCreate(o), list, revoke)
}

func (p *program) tokensCreate(o *apiOptions) *cobra.Command {
	var q tokenOrder
	var diagnostics []string
	var life time.Duration
	c := p.onAPI(o, "admin.tokens.create", 0, func(ctx context.Context, a *api, _ []string) (err error) {
		if q.Diagnostics, err = a.diagnostics(ctx, diagnostics); err != nil {
			return err
		}
		if life != 0 {
			q.Expires = time.Now().Add(life).UnixMilli()
		}
		return post(ctx, p, a, "/v1/tokens", q, func(v tokenInfo) string {
			return p.say.Say("admin.tokens.created", "account", v.Account, "role", v.Role, "id", v.ID) + "\n" + v.Token
		})
	})
	f := c.Flags()
	f.StringVar(&q.Account, "account", "", p.say.Say("admin.tokens.flag.account"))
	f.StringVar(&q.Role, "role", "", p.say.Say("admin.tokens.flag.role"))
	f.StringVar(&q.Name, "name", "", p.say.Say("admin.tokens.flag.name"))
	f.BoolVar(&q.Restricted, "restricted", false, p.say.Say("admin.flag.restricted"))
	f.StringArrayVar(&diagnostics, "diagnostic", nil, p.say.Say("admin.flag.diagnostics"))
	f.DurationVar(&life, "for", 0, p.say.Say("admin.tokens.flag.for"))
	return c
}
