package main

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/spf13/cobra"
)

// place is a place that is to be made.
type place struct {
	Type   string `json:"type"`
	Name   string `json:"name,omitempty"`
	Parent string `json:"parent,omitempty"`
}

// madePlaces is what the server answers.
type madePlaces struct {
	Places []placeNode `json:"places"`
}

// placeNode is a place of the tree.
type placeNode struct {
	ID       string      `json:"id"`
	Type     string      `json:"type"`
	Name     string      `json:"name"`
	Notices  []string    `json:"notices"`
	Conflict bool        `json:"conflict"`
	Children []placeNode `json:"children"`
}

func countNodes(nodes []placeNode) int {
	n := len(nodes)
	for _, p := range nodes {
		n += countNodes(p.Children)
	}
	return n
}

// adminPlaces is `arpenteur admin places`.
func (p *program) adminPlaces(o *apiOptions) *cobra.Command {
	var diagnostic string
	var one place
	made := func(v madePlaces) string { return p.say.Say("admin.places.made", "n", countNodes(v.Places)) }
	add := p.onAPI(o, "admin.places.add", 0, func(ctx context.Context, a *api, _ []string) error {
		d, err := a.diagnostic(ctx, diagnostic)
		if err != nil {
			return err
		}
		return post(ctx, p, a, placesOf(d), one, made)
	})
	f := add.Flags()
	f.StringVar(&one.Type, "type", "", p.say.Say("admin.places.flag.type"))
	f.StringVar(&one.Name, "name", "", p.say.Say("admin.places.flag.name"))
	f.StringVar(&one.Parent, "parent", "", p.say.Say("admin.places.flag.parent"))
	list := p.onAPI(o, "admin.places.list", 0, func(ctx context.Context, a *api, _ []string) error {
		d, err := a.diagnostic(ctx, diagnostic)
		if err != nil {
			return err
		}
		return p.listPlaces(ctx, a, d)
	})
	for _, c := range []*cobra.Command{add, list} {
		c.Flags().StringVar(&diagnostic, "diagnostic", "", p.say.Say("admin.flag.diagnostic"))
	}
	return p.group("admin.places", add, list)
}

func placesOf(d *diagnosticInfo) string { return "/v1/diagnostics/" + d.ID + "/places" }

// listPlaces shows the place tree of a diagnostic.
func (p *program) listPlaces(ctx context.Context, a *api, d *diagnosticInfo) error {
	var tree madePlaces
	var raw json.RawMessage
	if err := a.Call(ctx, http.MethodGet, placesOf(d), nil, &raw); err != nil {
		return err
	}
	if p.json {
		return writeJSON(p.out, raw)
	}
	if err := json.Unmarshal(raw, &tree); err != nil {
		return err
	}
	t := p.table("admin.places.headings", "admin.places.none")
	var walk func(nodes []placeNode, depth int) error
	walk = func(nodes []placeNode, depth int) error {
		for _, n := range nodes {
			if err := t.row(nil, strings.Repeat("  ", depth)+orDash(n.Name), n.Type, n.ID, strings.Join(n.Notices, ", ")); err != nil {
				return err
			}
			if err := walk(n.Children, depth+1); err != nil {
				return err
			}
		}
		return nil
	}
	if err := walk(tree.Places, 0); err != nil {
		return err
	}
	return t.end()
}
