package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"strings"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// place is a place that is to be made, with those in it.
type place struct {
	ID       string   `json:"id,omitempty"`
	Type     string   `json:"type"`
	Name     string   `json:"name,omitempty"`
	Parent   string   `json:"parent,omitempty"`
	Children []*place `json:"children,omitempty"`
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
	load := p.onAPI(o, "admin.places.import", 1, func(ctx context.Context, a *api, args []string) error {
		d, err := a.diagnostic(ctx, diagnostic)
		if err != nil {
			return err
		}
		places, err := p.readPlaces(args[0], d.ID)
		if err != nil {
			return err
		}
		return post(ctx, p, a, placesOf(d), places, made)
	})
	list := p.onAPI(o, "admin.places.list", 0, func(ctx context.Context, a *api, _ []string) error {
		d, err := a.diagnostic(ctx, diagnostic)
		if err != nil {
			return err
		}
		return p.listPlaces(ctx, a, d)
	})
	for _, c := range []*cobra.Command{add, load, list} {
		c.Flags().StringVar(&diagnostic, "diagnostic", "", p.say.Say("admin.flag.diagnostic"))
	}
	return p.group("admin.places", add, load, list)
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

// readPlaces reads a tree of places: JSON as the API takes it, or lines of a type and a name, those within a place further in.
func (p *program) readPlaces(path, diagnostic string) (any, error) {
	raw, err := p.readFile(path)
	if err != nil {
		return nil, failed(classUnknown, "admin.file", "path", path).because(err)
	}
	if b := bytes.TrimSpace(raw); len(b) > 0 && (b[0] == '[' || b[0] == '{') {
		if !json.Valid(b) {
			return nil, failed(classUsage, "admin.file_form", "path", path)
		}
		return json.RawMessage(b), nil
	}
	return parsePlaces(string(raw), diagnostic)
}

// readFile reads a file of at most the size that the API takes; "-" is the standard input.
func (p *program) readFile(path string) ([]byte, error) {
	if path == "-" {
		return io.ReadAll(io.LimitReader(p.in, wire.MaxJSONBytes))
	}
	return os.ReadFile(path) //nolint:gosec // the path is the user's
}

// parsePlaces reads lines of a type and a name. A line that stands further in than the one above lies in that place; empty lines and
// those that begin with # are passed over.
func parsePlaces(text, diagnostic string) ([]*place, error) {
	type level struct {
		indent int
		place  *place
		path   string
	}
	var roots []*place
	var open []level
	number := 0
	for line := range strings.Lines(text) {
		number++
		line = strings.TrimRight(line, " \t\r\n")
		body := strings.TrimLeft(line, " \t")
		if body == "" || body[0] == '#' {
			continue
		}
		indent := len(line) - len(body)
		for len(open) > 0 && open[len(open)-1].indent >= indent {
			open = open[:len(open)-1]
		}
		kind, name, _ := strings.Cut(body, " ")
		n := &place{Type: kind, Name: strings.TrimSpace(name)}
		path := diagnostic
		if len(open) > 0 {
			above := open[len(open)-1]
			path = above.path
			above.place.Children = append(above.place.Children, n)
		} else {
			if indent > 0 && len(roots) > 0 {
				return nil, failed(classUsage, "admin.places.indent", "line", number)
			}
			roots = append(roots, n)
		}
		path += "\n" + kind + " " + n.Name
		n.ID = importedID(path)
		open = append(open, level{indent, n, path})
	}
	return roots, nil
}

// importedID derives the id of an imported place from where it stands, so that an import that is repeated makes nothing twice.
func importedID(path string) string {
	sum := sha256.Sum256([]byte("arpenteur places\n" + path))
	id := uuid.UUID(sum[:16])
	id[6] = id[6]&0x0f | 0x80
	id[8] = id[8]&0x3f | 0x80
	return id.String()
}
