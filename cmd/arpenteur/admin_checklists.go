package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// publishedInfo is a checklist as the server lists it.
type publishedInfo struct {
	Lineage  string            `json:"lineage"`
	Kind     string            `json:"kind"`
	Version  string            `json:"version"`
	Label    map[string]string `json:"label"`
	Versions []string          `json:"versions"`
}

// adminChecklists is `arpenteur admin checklists`.
func (p *program) adminChecklists(o *apiOptions) *cobra.Command {
	var choice ledgerChoice
	list := p.onAPI(o, "admin.checklists.list", 0, func(ctx context.Context, a *api, _ []string) error {
		id, err := a.ledger(ctx, choice)
		if err != nil {
			return err
		}
		t := p.table("admin.checklists.headings", "admin.checklists.none")
		return listed(ctx, t, a, "/v1/ledgers/"+id+"/checklists", "checklists", func(v publishedInfo) []string {
			return []string{v.Lineage, v.Kind, v.Label[string(p.say.Language())], v.Version, strconv.Itoa(len(v.Versions))}
		})
	})
	publish := p.onAPI(o, "admin.checklists.publish", 1, func(ctx context.Context, a *api, args []string) error {
		raw, err := p.readFile(args[0])
		if err != nil {
			return failed(classUnknown, "admin.file", "path", args[0]).because(err)
		}
		var content bytes.Buffer
		if err := json.Compact(&content, raw); err != nil {
			return failed(classUsage, "admin.file_form", "path", args[0]).because(err)
		}
		id, err := a.ledger(ctx, choice)
		if err != nil {
			return err
		}
		body := map[string]any{"content": json.RawMessage(content.Bytes())}
		return post(ctx, p, a, "/v1/ledgers/"+id+"/checklists", body, func(v publishedInfo) string {
			return p.say.Say("admin.checklists.published", "lineage", v.Lineage, "version", v.Version)
		})
	})
	for _, c := range []*cobra.Command{list, publish} {
		p.ledgerFlags(c.Flags(), &choice)
	}
	return p.group("admin.checklists", list, publish)
}

// readFile reads a file of at most the size that the API takes; "-" is the standard input.
func (p *program) readFile(path string) ([]byte, error) {
	if path == "-" {
		return io.ReadAll(io.LimitReader(p.in, wire.MaxJSONBytes))
	}
	return os.ReadFile(path) //nolint:gosec // the path is the user's
}
