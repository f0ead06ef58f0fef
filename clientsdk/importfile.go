package clientsdk

import (
	"context"
	"crypto/ed25519"
	"errors"
	"io"
	"os"
	"slices"

	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/ledger"
	"github.com/arpenteur/arpenteur/syncengine/store"
	"github.com/arpenteur/arpenteur/syncengine/wire"
	"github.com/arpenteur/arpenteur/syncengine/wire/file"
)

// ImportFile takes in what another tablet exported, and keeps what it lacks, each line verified as if it had come from the server. What can't
// be kept is remarked and holds back nothing else. Of a file that is cut or damaged everything complete is kept, and the error says so
// (CodeTruncated, CodeDamaged); one in which nothing is for this tablet is CodeUnknownLedger. Taking it in again brings nothing new. One
// exchange runs at a time; others wait. progress is called now and then, where it is not nil.
func (c *Client) ImportFile(ctx context.Context, path string, progress func(FileProgress)) (*Report, error) {
	release, err := c.exchanging(ctx)
	if err != nil {
		return nil, err
	}
	defer release()
	f, err := os.Open(path) //nolint:gosec // the path is the user's
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // it was only read
	m := &importer{c: c, report: &Report{}, progress: progress}
	if m.id, err = c.whoami(ctx); err != nil {
		return nil, err
	}
	if err := m.read(ctx, f); err != nil {
		return m.report, err
	}
	return m.report, nil
}

// exchanging waits until no other exchange runs. release ends this one.
func (c *Client) exchanging(ctx context.Context) (release func(), err error) {
	select {
	case c.syncing <- struct{}{}:
		return func() { <-c.syncing }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// whoami returns who the tablet's user is.
func (c *Client) whoami(ctx context.Context) (id *identity, err error) {
	err = c.store.View(ctx, func(r store.Reader) error {
		id, err = enrolled(r)
		return err
	})
	return id, err
}

// importer is one ImportFile.
type importer struct {
	c        *Client
	id       *identity
	report   *Report
	progress func(FileProgress)
}

// Read counts what is read of the file.
type importReader struct {
	m *importer
	r io.Reader
}

func (r importReader) Read(p []byte) (int, error) {
	n, err := r.r.Read(p)
	r.m.report.BytesDown += int64(n)
	if r.m.progress != nil {
		r.m.progress(FileProgress{Bytes: r.m.report.BytesDown, Lines: r.m.report.Received})
	}
	return n, err
}

// read takes in section after section. The first thing that is wrong with the file is its error; what follows is taken all the same.
func (m *importer) read(ctx context.Context, in io.Reader) error {
	var keys []ed25519.PrivateKey
	for _, p := range m.c.pens(m.id) {
		keys = append(keys, p.Key)
	}
	sections := file.NewReader(importReader{m, in})
	opened := 0
	var wrong error
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		s, err := sections.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return firstOf(wrong, err)
		}
		body, err := s.Open(keys...)
		switch {
		case errors.Is(err, file.ErrNotForUs):
			continue
		case err == nil:
			opened++
			err = m.section(ctx, body)
		}
		var p *wire.Problem
		if err != nil && !errors.As(err, &p) {
			return err
		}
		wrong = firstOf(wrong, err)
	}
	if wrong == nil && opened == 0 {
		return wire.Problemf(wire.CodeUnknownLedger, "nothing in the file is for this tablet: ask for a new one from somebody on the same diagnostic")
	}
	return wrong
}

// firstOf returns the first error of two.
func firstOf(a, b error) error {
	if a != nil {
		return a
	}
	return b
}

// section keeps the frames of one section, all of which must be of one ledger.
func (m *importer) section(ctx context.Context, body io.Reader) error {
	var of syncengine.LedgerID
	a := &applier{
		c: m.c, id: m.id, report: m.report, adopts: true, relayed: true,
		begin: func(t *applying) taker { return &importing{t} },
		accepts: func(id syncengine.LedgerID) bool {
			if of.IsZero() {
				of = id
			}
			return id == of
		},
	}
	err := a.read(ctx, body, file.Limits())
	if code := file.CodeOf(err); code == wire.CodeDamaged {
		err = wire.Problemf(code, "a section of the file is damaged; what came before was taken")
	}
	return errors.Join(err, m.c.forgetUngranted(context.WithoutCancel(ctx), m.id, of))
}

// forgetUngranted drops a ledger that began with a file though no grant in it names a replica of the user (law L10).
func (c *Client) forgetUngranted(ctx context.Context, id *identity, of syncengine.LedgerID) error {
	if of.IsZero() {
		return nil
	}
	spaces := append(ledger.Spaces(), spaceTablet, spaceRemote, spaceReceipts, spaceAnnounced,
		spacePhotos, spacePhotoRefs, spacePhotoChanges)
	for done := false; !done; {
		err := c.store.Update(ctx, func(w store.Writer) error {
			l, err := c.keeper.View(w, of)
			switch {
			case errors.Is(err, ledger.ErrUnknownLedger): // its genesis went first, or was never there
			case err != nil:
				return err
			case slices.ContainsFunc(c.pens(id), func(p ledger.Pen) bool { return l.Authority().Key(p.Replica()) != nil }):
				done = true
				return nil
			}
			done, err = ledger.Forget(w, of, spaces, 1000)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// importing is one transaction of an import.
type importing struct{ *applying }

func (t *importing) take(f wire.Frame) error {
	switch f := f.(type) {
	case *wire.Have:
		return t.learn(f)
	case *wire.Announced:
		return t.hear(f)
	}
	return nil
}

func (t *importing) finish() error {
	b, err := readBase(t.w)
	if err != nil || b.Token == "" || !t.adopted {
		return err
	}
	b.Token = "" // what the server was asked for last does not cover a ledger that begins here: the next exchange says all that is held
	return writeBase(t.w, b)
}

func (t *importing) kept() {}
