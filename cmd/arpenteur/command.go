package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// root returns the whole tree of commands.
func (p *program) root() *cobra.Command {
	root := p.group("arpenteur",
		p.demoCommand(),
		p.serveCommand(),
		p.deviceCommand(),
		p.adminCommand(),
		p.exportCommand(),
		p.verifyCommand(),
		p.restoreCommand(),
		p.versionCommand(),
	)
	flags := root.PersistentFlags()
	lang := flags.String("lang", "", p.say.Say("flag.lang"))
	flags.BoolVar(&p.json, "json", false, p.say.Say("flag.json"))
	root.PersistentPreRunE = func(*cobra.Command, []string) error {
		if !slices.Contains([]string{"", "fr", "en"}, *lang) {
			return failed(classUsage, "usage.lang", "value", *lang)
		}
		return nil
	}
	root.CompletionOptions.HiddenDefaultCmd = true
	root.SetHelpCommand(p.helpCommand(root))
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error { return flagProblem(c, err) })
	root.SetHelpFunc(p.help)
	root.SetOut(p.out)
	root.SetErr(p.err)
	root.SetIn(p.in)
	p.helpFlags(root)
	return root
}

// command makes a command whose texts are those of its key: "device.get" is what `arpenteur device get` says.
func (p *program) command(key string, args int, do func(ctx context.Context, args []string) error) *cobra.Command {
	c := p.texts(key)
	c.Args = func(_ *cobra.Command, given []string) error {
		if args >= 0 && len(given) != args {
			return failed(classUsage, "usage.arguments", "command", c.CommandPath(), "n", args, "given", len(given))
		}
		return nil
	}
	c.RunE = func(c *cobra.Command, args []string) error { return do(c.Context(), args) }
	return c
}

// anyArgs lets a command look at its arguments itself.
const anyArgs = -1

// group makes a command that only has others below it.
func (p *program) group(key string, commands ...*cobra.Command) *cobra.Command {
	c := p.texts(key)
	c.AddCommand(commands...)
	c.Args = cobra.ArbitraryArgs
	c.RunE = func(c *cobra.Command, args []string) error {
		if len(args) == 0 {
			return c.Help()
		}
		return failed(classUsage, "usage.command", "given", args[0], "command", c.CommandPath(), "others", names(c))
	}
	return c
}

// names lists the commands of a group.
func names(c *cobra.Command) string {
	var out []string
	for _, sub := range c.Commands() {
		if sub.IsAvailableCommand() {
			out = append(out, sub.Name())
		}
	}
	return strings.Join(out, ", ")
}

func (p *program) texts(key string) *cobra.Command {
	c := &cobra.Command{
		Use: p.say.Say(key + ".use"), Short: p.say.Say(key + ".short"),
		SilenceErrors: true, SilenceUsage: true, DisableFlagsInUseLine: true,
	}
	if p.say.Has(key + ".long") {
		c.Long = p.say.Say(key + ".long")
	}
	if p.say.Has(key + ".examples") {
		c.Example = p.say.Say(key + ".examples")
	}
	return c
}

// flagProblem says in the person's language what pflag has to say about a flag.
func flagProblem(c *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	var missing *pflag.ValueRequiredError
	var invalid *pflag.InvalidValueError
	switch {
	case errors.As(err, &unknown):
		return failed(classUsage, "usage.flag", "flag", unknown.GetSpecifiedName(), "command", c.CommandPath())
	case errors.As(err, &missing):
		return failed(classUsage, "usage.flag_value", "flag", missing.GetSpecifiedName())
	case errors.As(err, &invalid):
		var own *problem
		if errors.As(err, &own) {
			return own
		}
		return failed(classUsage, "usage.flag_invalid", "flag", invalid.GetFlag().Name, "value", invalid.GetValue())
	}
	return failed(classUsage, "error.usage").because(err)
}

// need returns a usage problem where a value is empty that a flag or a variable must give.
func need(value, flag, variable string) error {
	if value == "" {
		return failed(classUsage, "usage.needed", "flag", "--"+flag, "variable", variable)
	}
	return nil
}

// helpFlags gives every command a --help in the person's language.
func (p *program) helpFlags(c *cobra.Command) {
	c.Flags().BoolP("help", "h", false, p.say.Say("flag.help"))
	for _, sub := range c.Commands() {
		p.helpFlags(sub)
	}
}

func (p *program) helpCommand(root *cobra.Command) *cobra.Command {
	return p.command("help", anyArgs, func(_ context.Context, args []string) error {
		c, rest, err := root.Find(args)
		if err != nil || len(rest) > 0 {
			return failed(classUsage, "usage.command", "given", strings.Join(args, " "), "command", root.Name(), "others", names(root))
		}
		return c.Help()
	})
}

// help writes the help of a command: what it does, how it is called, examples, what lies below it, its flags.
func (p *program) help(c *cobra.Command, _ []string) {
	var b strings.Builder
	text := c.Long
	if text == "" {
		text = c.Short
	}
	fmt.Fprintf(&b, "%s\n", text)
	section := func(heading, body string) {
		if body != "" {
			fmt.Fprintf(&b, "\n%s\n%s\n", p.say.Say(heading), strings.TrimRight(body, "\n"))
		}
	}
	usage := c.UseLine()
	if c.HasAvailableSubCommands() {
		usage = c.CommandPath() + " " + p.say.Say("help.subcommand")
	}
	section("help.usage", "  "+usage)
	section("help.examples", c.Example)
	var below strings.Builder
	for _, sub := range c.Commands() {
		if sub.IsAvailableCommand() {
			fmt.Fprintf(&below, "  %-*s  %s\n", c.NamePadding(), sub.Name(), sub.Short)
		}
	}
	section("help.commands", below.String())
	section("help.flags", p.flagUsages(c.LocalNonPersistentFlags()))
	shared := pflag.NewFlagSet("", pflag.ContinueOnError)
	shared.AddFlagSet(c.InheritedFlags())
	c.PersistentFlags().VisitAll(func(f *pflag.Flag) { shared.AddFlag(f) })
	section("help.shared", p.flagUsages(shared))
	_, _ = fmt.Fprint(c.OutOrStdout(), b.String())
}

// helpWidth is how wide the lines of flags get.
const helpWidth = 120

func (p *program) flagUsages(flags *pflag.FlagSet) string {
	return strings.ReplaceAll(flags.FlagUsagesWrapped(helpWidth), "(default ", "("+p.say.Say("help.default")+" ")
}
