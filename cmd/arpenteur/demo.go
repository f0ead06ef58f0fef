package main

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"time"

	"github.com/spf13/cobra"

	"github.com/arpenteur/arpenteur/internal/demo"
)

// demoOptions are the flags of `arpenteur demo`.
type demoOptions struct {
	once  bool
	dir   string
	seed  uint64
	pause time.Duration
}

// demoCommand is `arpenteur demo`.
func (p *program) demoCommand() *cobra.Command {
	var o demoOptions
	c := p.command("demo", 0, func(ctx context.Context, _ []string) error { return p.demo(ctx, o) })
	f := c.Flags()
	f.BoolVar(&o.once, "once", p.env("ONCE") == "1", p.say.Say("demo.flag.once"))
	f.StringVar(&o.dir, "dir", "", p.say.Say("demo.flag.dir"))
	f.Uint64Var(&o.seed, "seed", 1, p.say.Say("demo.flag.seed"))
	f.DurationVar(&o.pause, "pause", 0, p.say.Say("demo.flag.pause"))
	return c
}

// demo shows a walk. With once, or for a script, it ends when it has been shown; else the server goes on, for whoever wants to look.
func (p *program) demo(ctx context.Context, o demoOptions) (err error) {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	if o.dir == "" {
		if o.dir, err = os.MkdirTemp("", "arpenteur-demo-"); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(o.dir)) }()
	} else if entries, err := os.ReadDir(o.dir); err == nil && len(entries) > 0 {
		return failed(classUsage, "demo.not_empty", "dir", o.dir)
	}
	options := demo.Options{
		Command: func(ctx context.Context, args ...string) *exec.Cmd { return exec.CommandContext(ctx, self, args...) },
		Folder:  o.dir, Seed: o.seed, Language: p.say.Language(), Story: p.out, Pause: o.pause,
	}
	if p.json {
		options.Story = nil
	}
	d, err := demo.Show(ctx, options)
	if d != nil {
		defer func() { err = errors.Join(err, d.Close()) }()
	}
	if err != nil {
		if errors.Is(err, demo.ErrBroken) {
			err = failed(classVerified, "demo.broken").because(err)
		}
		return err
	}
	if o.once || p.json {
		return writeJSON(p.out, d.Result)
	}
	p.tell("demo.look", "address", d.Address, "token", d.Token, "ledger", d.Ledger)
	return d.Wait(ctx)
}
