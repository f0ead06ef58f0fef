package main

import (
	"context"

	"github.com/spf13/cobra"
)

// diagnosticOrder asks the server for a diagnostic.
type diagnosticOrder struct {
	ID                   string `json:"id,omitempty"`
	Name                 string `json:"name"`
	Neighbourhood        string `json:"neighbourhood"`
	NeighbourhoodVersion string `json:"neighbourhood_version,omitempty"`
	NeighbourhoodName    string `json:"neighbourhood_name,omitempty"`
	Commune              string `json:"commune,omitempty"`
	PublicSecurity       bool   `json:"public_security"`
}

// adminDiagnostics is `arpenteur admin diagnostics`.
func (p *program) adminDiagnostics(o *apiOptions) *cobra.Command {
	var d diagnosticOrder
	create := p.onAPI(o, "admin.diagnostics.create", 0, func(ctx context.Context, a *api, _ []string) error {
		return post(ctx, p, a, "/v1/diagnostics", d, func(v diagnosticInfo) string {
			return p.say.Say("admin.diagnostics.created", "name", v.Name, "id", v.ID, "ledger", v.Ledger, "restricted", orDash(v.Restricted))
		})
	})
	f := create.Flags()
	f.StringVar(&d.Name, "name", "", p.say.Say("admin.diagnostics.flag.name"))
	f.StringVar(&d.Neighbourhood, "code", "", p.say.Say("admin.diagnostics.flag.code"))
	f.StringVar(&d.NeighbourhoodVersion, "code-version", "", p.say.Say("admin.diagnostics.flag.code_version"))
	f.StringVar(&d.NeighbourhoodName, "neighbourhood", "", p.say.Say("admin.diagnostics.flag.neighbourhood"))
	f.StringVar(&d.Commune, "commune", "", p.say.Say("admin.diagnostics.flag.commune"))
	f.BoolVar(&d.PublicSecurity, "public-security", false, p.say.Say("admin.diagnostics.flag.public_security"))
	f.StringVar(&d.ID, "id", "", p.say.Say("admin.diagnostics.flag.id"))
	list := p.onAPI(o, "admin.diagnostics.list", 0, func(ctx context.Context, a *api, _ []string) error {
		t := p.table("admin.diagnostics.headings", "admin.diagnostics.none")
		return listed(ctx, t, a, "/v1/diagnostics", "diagnostics", func(d diagnosticInfo) []string {
			return []string{d.ID, d.Name, d.Neighbourhood, stamp(d.Created), d.Ledger, d.Restricted}
		})
	})
	return p.group("admin.diagnostics", create, list)
}
