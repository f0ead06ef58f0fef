package main

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
)

// ticketOrder asks the server for an enrolment ticket.
type ticketOrder struct {
	Account     string   `json:"account,omitempty"`
	Role        string   `json:"role"`
	Name        string   `json:"name,omitempty"`
	Diagnostics []string `json:"diagnostics"`
	Restricted  bool     `json:"restricted"`
}

// ticketInfo is a ticket that was made.
type ticketInfo struct {
	Account string `json:"account"`
	Code    string `json:"code"`
	Ticket  string `json:"ticket"`
	Expires int64  `json:"expires"`
}

// deviceInfo is a tablet as the server lists it.
type deviceInfo struct {
	Replica string `json:"replica"`
	Account string `json:"account"`
	Name    string `json:"name"`
	Role    string `json:"role"`
	Contact int64  `json:"contact"`
	Ledgers []struct {
		Ledger string `json:"ledger"`
		Access string `json:"access"`
		Held   uint64 `json:"held"`
	} `json:"ledgers"`
}

// adminTablets is `arpenteur admin tablets`.
func (p *program) adminTablets(o *apiOptions) *cobra.Command {
	return p.group("admin.tablets", p.tabletsTicket(o), p.tabletsList(o), p.tabletsGrant(o), p.tabletsRevoke(o))
}

func (p *program) tabletsTicket(o *apiOptions) *cobra.Command {
	var q ticketOrder
	var diagnostics []string
	var qr bool
	c := p.onAPI(o, "admin.tablets.ticket", 0, func(ctx context.Context, a *api, _ []string) (err error) {
		if q.Diagnostics, err = a.diagnostics(ctx, diagnostics); err != nil {
			return err
		}
		return post(ctx, p, a, "/v1/tickets", q, func(v ticketInfo) string {
			return p.say.Say("admin.tablets.ticket_made", "account", v.Account, "code", v.Code, "expires", localTime(v.Expires), "ticket", withCode(v.Ticket, qr))
		})
	})
	f := c.Flags()
	f.StringVar(&q.Role, "role", "consultant", p.say.Say("admin.tablets.flag.role"))
	f.StringVar(&q.Name, "name", "", p.say.Say("admin.tablets.flag.name"))
	f.StringVar(&q.Account, "account", "", p.say.Say("admin.tablets.flag.account"))
	f.StringArrayVar(&diagnostics, "diagnostic", nil, p.say.Say("admin.flag.diagnostics"))
	f.BoolVar(&q.Restricted, "restricted", false, p.say.Say("admin.flag.restricted"))
	p.codeFlag(f, &qr)
	return c
}

func (p *program) tabletsList(o *apiOptions) *cobra.Command {
	return p.onAPI(o, "admin.tablets.list", 0, func(ctx context.Context, a *api, _ []string) error {
		t := p.table("admin.tablets.headings", "admin.tablets.none")
		return listed(ctx, t, a, "/v1/devices", "devices", func(d deviceInfo) []string {
			var held uint64
			var access []string
			for _, l := range d.Ledgers {
				held += l.Held
				access = append(access, short(l.Ledger)+" "+p.say.Say("access."+l.Access))
			}
			return []string{d.Name, d.Account, d.Role, short(d.Replica), stamp(d.Contact), strconv.FormatUint(held, 10), strings.Join(access, ", ")}
		})
	})
}

// device finds the tablet that a person means: by its name, or by the beginning of its replica id.
func (a *api) device(ctx context.Context, name string) (*deviceInfo, error) {
	var found []deviceInfo
	err := a.List(ctx, "/v1/devices", "devices", func(raw json.RawMessage) error {
		var d deviceInfo
		if err := json.Unmarshal(raw, &d); err != nil {
			return err
		}
		if d.Name == name || len(name) >= minNamePart && strings.HasPrefix(d.Replica, name) {
			found = append(found, d)
		}
		return nil
	})
	switch {
	case err != nil:
		return nil, err
	case len(found) == 0:
		return nil, failed(classUnknown, "admin.no_tablet", "given", name)
	case len(found) > 1:
		return nil, failed(classUsage, "admin.which_tablet", "given", name, "n", len(found))
	}
	return &found[0], nil
}

func (p *program) tabletsGrant(o *apiOptions) *cobra.Command {
	var diagnostics []string
	var restricted bool
	c := p.onAPI(o, "admin.tablets.grant", 1, func(ctx context.Context, a *api, args []string) error {
		d, err := a.device(ctx, args[0])
		if err != nil {
			return err
		}
		ids, err := a.diagnostics(ctx, diagnostics)
		if err != nil {
			return err
		}
		body := map[string]any{"diagnostics": ids, "restricted": restricted}
		return post(ctx, p, a, "/v1/devices/"+d.Replica+"/grants", body, func(v deviceInfo) string {
			return p.say.Say("admin.tablets.granted", "name", orDash(v.Name), "n", len(v.Ledgers))
		})
	})
	c.Flags().StringArrayVar(&diagnostics, "diagnostic", nil, p.say.Say("admin.flag.diagnostics"))
	c.Flags().BoolVar(&restricted, "restricted", false, p.say.Say("admin.flag.restricted"))
	return c
}

func (p *program) tabletsRevoke(o *apiOptions) *cobra.Command {
	var reason, ledger string
	c := p.onAPI(o, "admin.tablets.revoke", 1, func(ctx context.Context, a *api, args []string) error {
		d, err := a.device(ctx, args[0])
		if err != nil {
			return err
		}
		body := map[string]any{"reason": reason}
		if ledger != "" {
			body["ledger"] = ledger
		}
		return post(ctx, p, a, "/v1/devices/"+d.Replica+"/revoke", body, func(v deviceInfo) string {
			return p.say.Say("admin.tablets.revoked", "name", orDash(v.Name))
		})
	})
	c.Flags().StringVar(&reason, "reason", "", p.say.Say("admin.flag.reason"))
	c.Flags().StringVar(&ledger, "ledger", "", p.say.Say("admin.tablets.flag.ledger"))
	return c
}
