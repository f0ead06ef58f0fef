package main

import (
	"context"
	"errors"
	"io"
	"os"

	"github.com/arpenteur/arpenteur/internal/apiclient"
)

// withFile sends a file to the server, "-" is the standard input, lets do work with it there, and drops it. An empty file is no file.
func (p *program) withFile(ctx context.Context, a *api, path string, do func(u *apiclient.Upload) error) error {
	f, done, err := p.openFile(path)
	if err != nil {
		return err
	}
	defer done()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if info.Size() == 0 {
		return failed(classUsage, "admin.file.empty", "path", path)
	}
	line := p.progress()
	u, err := a.Upload(ctx, f, info.Size(), func(at int64) { line.at(p.say.Say("admin.file.progress", "percent", int(100*at/info.Size()))) })
	line.end()
	if err != nil {
		return err
	}
	defer u.Drop(context.WithoutCancel(ctx)) //nolint:errcheck // the server forgets it by itself
	return do(u)
}

// openFile opens a file that can be read from anywhere.
func (p *program) openFile(path string) (f *os.File, done func(), err error) {
	if path != "-" {
		if f, err = os.Open(path); err != nil { //nolint:gosec // the path is the user's
			return nil, nil, failed(classUnknown, "admin.file", "path", path).because(err)
		}
		return f, func() { _ = f.Close() }, nil
	}
	if f, err = os.CreateTemp("", "arpenteur-stdin-*"); err != nil {
		return nil, nil, err
	}
	done = func() { _ = errors.Join(f.Close(), os.Remove(f.Name())) }
	if _, err = io.Copy(f, p.in); err != nil {
		done()
	}
	return f, done, err
}
