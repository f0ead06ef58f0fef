package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/arpenteur/arpenteur/schemas"
	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/ledger"
	"github.com/arpenteur/arpenteur/syncengine/store"
	"github.com/arpenteur/arpenteur/syncengine/store/boltstore"
)

// verifyOptions are the flags of `arpenteur verify`.
type verifyOptions struct {
	data, file, backup string
	tablet             tabletOptions
}

// verdict is what a verification found.
type verdict struct {
	Store   string        `json:"store"`
	Ledgers int           `json:"ledgers"`
	Lines   int           `json:"lines"`
	Heads   int           `json:"heads"`
	Records int           `json:"records"`
	Photos  *photoVerdict `json:"photos,omitempty"` // of a server's data folder
	Faults  []fault       `json:"faults"`
}

// fault is one place where what is kept is not what was signed. Of a log it is the first bad line.
type fault struct {
	Ledger  string `json:"ledger,omitempty"`
	Replica string `json:"replica,omitempty"`
	Branch  int    `json:"branch,omitempty"`
	Line    uint64 `json:"line,omitempty"`
	Kind    string `json:"kind,omitempty"`
	Record  string `json:"record,omitempty"`
	Photo   string `json:"photo,omitempty"`
	Error   string `json:"error"`
}

// verifyCommand is `arpenteur verify`.
func (p *program) verifyCommand() *cobra.Command {
	var o verifyOptions
	c := p.command("verify", 0, func(ctx context.Context, _ []string) error { return p.verify(ctx, o) })
	f := c.Flags()
	f.StringVar(&o.data, "data", "", p.say.Say("flag.data"))
	f.StringVar(&o.file, "file", "", p.say.Say("verify.flag.file"))
	f.StringVar(&o.backup, "backup", "", p.say.Say("verify.flag.backup"))
	p.tabletFlags(f, &o.tablet)
	return c
}

// verify checks every page, chain, head and merged record of a store.
func (p *program) verify(ctx context.Context, o verifyOptions) (err error) {
	if o.backup != "" {
		return p.verifyBackup(ctx, o.backup)
	}
	path := o.file
	switch {
	case o.tablet.dir != "":
		path = filepath.Join(o.tablet.dir, "store.db")
	case path == "":
		if o.data = p.setting(o.data, "ARPENTEUR_DATA"); o.data == "" {
			return failed(classUsage, "verify.what")
		}
		path = filepath.Join(o.data, storeFile)
	}
	if _, err := os.Stat(path); err != nil {
		return failed(classUnknown, "serve.no_store", "path", path).because(err)
	}
	file, err := boltstore.Open(path, boltstore.Options{})
	if errors.Is(err, store.ErrLocked) {
		return failed(classStore, "verify.locked", "path", path).because(err)
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	v := &verifier{program: p, progress: p.progress(), verdict: verdict{Store: path, Faults: []fault{}}}
	defer v.progress.end()
	if err := v.pages(ctx, file); err != nil {
		return err
	}
	opened, err := p.unseal(ctx, file, o.tablet)
	if err != nil {
		return err
	}
	if err := v.ledgers(ctx, opened); err != nil {
		return err
	}
	if o.file == "" && o.tablet.dir == "" {
		if err := v.photos(ctx, opened, filepath.Join(o.data, photoFolder)); err != nil {
			return err
		}
	}
	v.progress.end()
	return v.conclude()
}

// verifier is one verification on its way.
type verifier struct {
	*program
	*progress
	verdict verdict
}

// pages checks the file itself: pages that were overwritten, swapped or lost.
func (v *verifier) pages(ctx context.Context, file *boltstore.Store) error {
	err := file.Check(ctx)
	if errors.Is(err, store.ErrCorrupt) {
		v.verdict.Faults = append(v.verdict.Faults, fault{Error: err.Error()})
		return nil
	}
	return err
}

// ledgers verifies each ledger by itself: damage in one hides nothing of another (law L6).
func (v *verifier) ledgers(ctx context.Context, s store.Store) error {
	registry, err := schemas.NewRegistry()
	if err != nil {
		return err
	}
	keeper := ledger.NewKeeper(func(id syncengine.VersionID, content []byte) (*syncengine.Checklist, error) {
		version, err := registry.Compile(id, content)
		if err != nil {
			return nil, err
		}
		return version.Checklist, nil
	})
	return s.View(ctx, func(r store.Reader) error {
		done, err := ledger.VerifyStore(ctx, r, keeper, v.fault, func(c ledger.Checked) {
			v.at(v.say.Say("verify.progress", "lines", c.Lines, "records", c.Records))
		})
		d := &v.verdict
		d.Ledgers, d.Lines, d.Heads, d.Records = done.Ledgers, done.Lines, done.Heads, done.Records
		return err
	})
}

func (v *verifier) fault(f *ledger.Fault) {
	out := fault{Ledger: f.Ledger.String(), Branch: f.Branch, Line: f.Seq, Error: f.Err.Error()}
	if !f.Replica.IsZero() {
		out.Replica = f.Replica.String()
	}
	if f.Record.Kind != "" {
		out.Kind, out.Record = string(f.Record.Kind), f.Record.ID.String()
	}
	v.verdict.Faults = append(v.verdict.Faults, out)
}

// conclude reports what was found. Faults make the command fail.
func (v *verifier) conclude() error {
	d := v.verdict
	var b strings.Builder
	for _, f := range d.Faults {
		switch {
		case f.Photo != "":
			fmt.Fprintln(&b, v.say.Say("verify.bad_photo", "ledger", f.Ledger, "photo", f.Photo, "error", f.Error))
		case f.Replica != "":
			fmt.Fprintln(&b, v.say.Say("verify.bad_line", "ledger", f.Ledger, "log", f.Replica, "branch", f.Branch, "line", int(f.Line), "error", f.Error)) //nolint:gosec // a count
		case f.Record != "":
			fmt.Fprintln(&b, v.say.Say("verify.bad_record", "ledger", f.Ledger, "kind", f.Kind, "record", f.Record, "error", f.Error))
		case f.Ledger != "":
			fmt.Fprintln(&b, v.say.Say("verify.bad_ledger", "ledger", f.Ledger, "error", f.Error))
		default:
			fmt.Fprintln(&b, v.say.Say("verify.bad_file", "error", f.Error))
		}
	}
	fmt.Fprintln(&b, v.say.Say("verify.counts", "ledgers", d.Ledgers, "lines", d.Lines, "heads", d.Heads, "records", d.Records))
	if d.Photos != nil {
		fmt.Fprintln(&b, v.say.Say("verify.photos", "photos", d.Photos.Checked, "unreferred", d.Photos.Unreferred, "strays", d.Photos.Strays))
	}
	if err := v.show(d, b.String()); err != nil {
		return err
	}
	if len(d.Faults) > 0 {
		return failed(classVerified, "verify.failed", "n", len(d.Faults), "path", d.Store)
	}
	v.tell("verify.sound")
	return nil
}
