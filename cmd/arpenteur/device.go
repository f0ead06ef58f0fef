package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"

	"github.com/arpenteur/arpenteur/clientsdk"
	"github.com/arpenteur/arpenteur/syncengine/store"
	"github.com/arpenteur/arpenteur/syncengine/store/boltstore"
	"github.com/arpenteur/arpenteur/syncengine/store/seal"
)

// tabletOptions say where a tablet's data lies and how its passphrase is had.
type tabletOptions struct{ dir, passphraseFile string }

// tablet is an open tablet, for one command.
type tablet struct {
	*program
	c *clientsdk.Client
}

// deviceCommand is `arpenteur device`: a tablet for scripts.
func (p *program) deviceCommand() *cobra.Command {
	o := new(tabletOptions)
	c := p.group("device",
		p.deviceEnrol(o), p.deviceShow(o), p.deviceChecklists(o), p.deviceCapture(o), p.deviceEdit(o), p.deviceDrafts(o), p.devicePhoto(o),
		p.deviceList(o), p.deviceGet(o), p.deviceHistory(o), p.deviceSync(o),
		p.deviceExport(o), p.deviceImport(o), p.deviceHost(o), p.deviceJoin(o),
	)
	p.tabletFlags(c.PersistentFlags(), o)
	return c
}

func (p *program) tabletFlags(f *pflag.FlagSet, o *tabletOptions) {
	f.StringVar(&o.dir, "dir", "", p.say.Say("device.flag.dir"))
	f.StringVar(&o.passphraseFile, "passphrase-file", "", p.say.Say("device.flag.passphrase_file"))
}

// onTablet makes a command that runs on an open tablet.
func (p *program) onTablet(o *tabletOptions, key string, args int, do func(ctx context.Context, t *tablet, args []string) error) *cobra.Command {
	return p.command(key, args, func(ctx context.Context, args []string) error {
		return p.withTablet(ctx, *o, false, func(t *tablet) error { return do(ctx, t, args) })
	})
}

// withTablet opens a tablet for as long as do runs. Only enrolling makes one that is not there.
func (p *program) withTablet(ctx context.Context, o tabletOptions, create bool, do func(t *tablet) error) (err error) {
	o.dir = p.setting(o.dir, "ARPENTEUR_DIR")
	if err := need(o.dir, "dir", "ARPENTEUR_DIR"); err != nil {
		return err
	}
	_, err = os.Stat(tabletStore(o.dir))
	fresh := errors.Is(err, os.ErrNotExist)
	if fresh && !create {
		return failed(classUnknown, "device.no_tablet", "dir", o.dir)
	}
	passphrase, err := p.passphrase(o, fresh)
	if err != nil {
		return err
	}
	c, err := clientsdk.Open(ctx, o.dir, clientsdk.Options{Passphrase: passphrase})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	return do(&tablet{p, c})
}

// tabletStore is the file that a tablet's ledgers lie in.
func tabletStore(dir string) string { return filepath.Join(dir, "store.db") }

// passphrase finds the passphrase: in the environment, in a file, or by asking. It is never a flag, which other users of the machine
// can see. A new one is asked for twice.
func (p *program) passphrase(o tabletOptions, fresh bool) ([]byte, error) {
	if v := p.env("ARPENTEUR_PASSPHRASE"); v != "" {
		return []byte(v), nil
	}
	if o.passphraseFile != "" {
		raw, err := os.ReadFile(o.passphraseFile)
		if err != nil {
			return nil, failed(classUnknown, "device.passphrase_file", "path", o.passphraseFile).because(err)
		}
		return bytes.TrimRight(raw, "\r\n"), nil
	}
	if !terminal(p.in) {
		return nil, failed(classUsage, "device.no_passphrase")
	}
	first, err := p.ask("device.ask_passphrase")
	if err != nil || !fresh {
		return first, err
	}
	again, err := p.ask("device.ask_again")
	if err == nil && !bytes.Equal(first, again) {
		err = failed(classUsage, "device.passphrases_differ")
	}
	return first, err
}

// ask reads a line from the screen without showing it.
func (p *program) ask(phrase string) ([]byte, error) {
	f, ok := p.in.(*os.File)
	if !ok {
		return nil, io.ErrUnexpectedEOF
	}
	_, _ = io.WriteString(p.err, p.say.Say(phrase)+" ")
	line, err := term.ReadPassword(int(f.Fd())) //nolint:gosec // a file descriptor
	_, _ = io.WriteString(p.err, "\n")
	return line, err
}

// unseal returns the store behind the seal of a tablet's file, or a server's file as it is.
func (p *program) unseal(ctx context.Context, file *boltstore.Store, o tabletOptions) (store.Store, error) {
	if file.SealHeader() == nil {
		return file, nil
	}
	passphrase, err := p.passphrase(o, false)
	if err != nil {
		return nil, err
	}
	opened, _, err := seal.Open(ctx, file, passphrase, seal.Params{}, nil)
	return opened, err
}
