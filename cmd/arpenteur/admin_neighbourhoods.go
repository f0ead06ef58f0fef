package main

import (
	"context"
	"net/url"
	"strings"

	"github.com/spf13/cobra"
)

// neighbourhoodInfo is a neighbourhood as the server lists it.
type neighbourhoodInfo struct {
	Code     string   `json:"code"`
	Name     string   `json:"name"`
	Communes []string `json:"communes"`
}

// adminNeighbourhoods is `arpenteur admin neighbourhoods`.
func (p *program) adminNeighbourhoods(o *apiOptions) *cobra.Command {
	var box, commune, text string
	list := p.onAPI(o, "admin.neighbourhoods.list", 0, func(ctx context.Context, a *api, _ []string) error {
		query := url.Values{}
		for name, v := range map[string]string{"bbox": box, "commune": commune, "q": text} {
			if v != "" {
				query.Set(name, v)
			}
		}
		t := p.table("admin.neighbourhoods.headings", "admin.neighbourhoods.none")
		return listed(ctx, t, a, "/v1/neighbourhoods?"+query.Encode(), "neighbourhoods", func(n neighbourhoodInfo) []string {
			return []string{n.Code, n.Name, strings.Join(n.Communes, ", ")}
		})
	})
	f := list.Flags()
	f.StringVar(&box, "bbox", "", p.say.Say("admin.neighbourhoods.flag.bbox"))
	f.StringVar(&commune, "commune", "", p.say.Say("admin.neighbourhoods.flag.commune"))
	f.StringVar(&text, "text", "", p.say.Say("admin.neighbourhoods.flag.text"))
	return p.group("admin.neighbourhoods", list)
}
