package main

import (
	"context"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/arpenteur/arpenteur/syncengine"
)

// build is what this program is.
type build struct {
	Version string `json:"version"`
	Go      string `json:"go"`
	System  string `json:"system"`
	Format  int    `json:"format"` // of changes that it writes
}

// versionCommand is `arpenteur version`.
func (p *program) versionCommand() *cobra.Command {
	return p.command("version", 0, func(context.Context, []string) error {
		b := build{versionText(), runtime.Version(), runtime.GOOS + "/" + runtime.GOARCH, syncengine.FormatVersion}
		return p.show(b, p.say.Say("version.text", "version", b.Version, "go", b.Go, "system", b.System, "format", b.Format))
	})
}

// versionText is what the build said, or else what the module's build information knows.
func versionText() string {
	if version != "unknown" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return version
}
