package main

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// adminCommand is `arpenteur admin`.
func (p *program) adminCommand() *cobra.Command {
	o := new(apiOptions)
	c := p.group("admin",
		p.adminDiagnostics(o), p.adminNeighbourhoods(o), p.adminImports(o), p.adminPlaces(o), p.adminTablets(o), p.adminTokens(o), p.adminChecklists(o), p.adminRulings(o), p.adminNotices(o),
		p.adminTake(o), p.adminWebhooks(o), p.adminBackup(o), p.adminCompact(o),
	)
	p.apiFlags(c.PersistentFlags(), o)
	return c
}

// onAPI makes a command that asks the server.
func (p *program) onAPI(o *apiOptions, key string, args int, do func(ctx context.Context, a *api, args []string) error) *cobra.Command {
	return p.command(key, args, func(ctx context.Context, args []string) error {
		return p.withAPI(ctx, *o, func(a *api) error { return do(ctx, a, args) })
	})
}

// post sends something and shows the answer: as it came for a script, as text for people.
func post[T any](ctx context.Context, p *program, a *api, path string, in any, text func(v T) string) error {
	var raw json.RawMessage
	if err := a.Call(ctx, http.MethodPost, path, in, &raw); err != nil {
		return err
	}
	var v T
	if err := json.Unmarshal(raw, &v); err != nil {
		return err
	}
	return p.show(raw, text(v))
}

// listed shows a list: each element as it came for a script, as cells for people.
func listed[T any](ctx context.Context, t *table, a *api, path, name string, cells func(v T) []string) error {
	err := a.List(ctx, path, name, func(raw json.RawMessage) error {
		var v T
		if err := json.Unmarshal(raw, &v); err != nil {
			return err
		}
		return t.row(raw, cells(v)...)
	})
	if err != nil {
		return err
	}
	return t.end()
}

// diagnosticInfo is a diagnostic as the server lists it.
type diagnosticInfo struct {
	ID            string `json:"id"`
	Name          string `json:"name"`
	Neighbourhood string `json:"neighbourhood"`
	Ledger        string `json:"ledger"`
	Restricted    string `json:"restricted"`
	Created       int64  `json:"created"`
}

// diagnostic finds the diagnostic that a person means, by its id or its name. Where there is only one it need not be named.
func (a *api) diagnostic(ctx context.Context, name string) (*diagnosticInfo, error) {
	var found []diagnosticInfo
	err := a.List(ctx, "/v1/diagnostics", "diagnostics", func(raw json.RawMessage) error {
		var d diagnosticInfo
		if err := json.Unmarshal(raw, &d); err != nil {
			return err
		}
		if name == "" || d.ID == name || strings.EqualFold(d.Name, name) {
			found = append(found, d)
		}
		return nil
	})
	switch {
	case err != nil:
		return nil, err
	case len(found) == 0 && name == "":
		return nil, failed(classUnknown, "admin.no_diagnostic_yet")
	case len(found) == 0:
		return nil, failed(classUnknown, "admin.no_diagnostic", "given", name)
	case len(found) > 1:
		return nil, failed(classUsage, "admin.which_diagnostic", "n", len(found))
	}
	return &found[0], nil
}

// diagnostics finds several.
func (a *api) diagnostics(ctx context.Context, names []string) ([]string, error) {
	out := []string{}
	for _, name := range names {
		d, err := a.diagnostic(ctx, name)
		if err != nil {
			return nil, err
		}
		out = append(out, d.ID)
	}
	return out, nil
}

// ledgerChoice is how a ledger is named on the command line.
type ledgerChoice struct {
	diagnostic, ledger string
	restricted         bool
}

func (p *program) ledgerFlags(f *pflag.FlagSet, c *ledgerChoice) {
	f.StringVar(&c.diagnostic, "diagnostic", "", p.say.Say("admin.flag.diagnostic"))
	f.BoolVar(&c.restricted, "restricted", false, p.say.Say("admin.flag.restricted_ledger"))
	f.StringVar(&c.ledger, "ledger", "", p.say.Say("admin.flag.ledger"))
}

// ledger returns the ledger that was chosen: by its id, or as one of a diagnostic's two.
func (a *api) ledger(ctx context.Context, c ledgerChoice) (string, error) {
	if c.ledger != "" {
		return c.ledger, nil
	}
	d, err := a.diagnostic(ctx, c.diagnostic)
	if err != nil {
		return "", err
	}
	if !c.restricted {
		return d.Ledger, nil
	}
	if d.Restricted == "" {
		return "", failed(classUnknown, "admin.no_restricted", "name", d.Name)
	}
	return d.Restricted, nil
}
