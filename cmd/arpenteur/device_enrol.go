package main

import (
	"context"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// deviceEnrol is `arpenteur device enrol`.
func (p *program) deviceEnrol(o *tabletOptions) *cobra.Command {
	var name string
	c := p.command("device.enrol", 1, func(ctx context.Context, args []string) error {
		ticket := args[0]
		if ticket == "-" {
			raw, err := io.ReadAll(io.LimitReader(p.in, wire.MaxJSONBytes))
			if err != nil {
				return err
			}
			ticket = strings.TrimSpace(string(raw))
		}
		if _, err := wire.ParseTicket(ticket); err != nil {
			return failed(classUsage, "device.bad_ticket").because(err)
		}
		if name == "" {
			if name, _ = os.Hostname(); name == "" {
				name = "arpenteur" // the server wants a name
			}
		}
		return p.withTablet(ctx, *o, true, func(t *tablet) error {
			if err := t.c.Enrol(ctx, ticket, name); err != nil {
				return err
			}
			status, err := t.status(ctx)
			if err != nil {
				return err
			}
			return t.show(status, t.say.Say("device.enrol.done", "account", status.Account, "server", status.Server))
		})
	})
	c.Flags().StringVar(&name, "name", "", p.say.Say("device.enrol.flag.name"))
	return c
}
