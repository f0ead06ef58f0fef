package main

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/arpenteur/arpenteur/internal/badlink"
)

// cutOff is a server that is reached over a link which drops every connection after 20 KB.
type cutOff struct {
	t                 *testing.T
	dir, data, ledger string
	link              *badlink.Link
	token             string
}

func newCutOff(t *testing.T) *cutOff {
	t.Helper()
	link, err := badlink.Open(t.Context(), rand.New(rand.NewPCG(rand.Uint64(), 1)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(link.Close)
	c := &cutOff{t: t, dir: t.TempDir(), link: link}
	c.data = filepath.Join(c.dir, "d")
	s := startServer(t, c.data, "--listen", "127.0.0.1:0", "--address", "http://"+link.Address())
	link.Lead(s.ready.Listen)
	var d diagnosticInfo
	decode(t, mustRun(t, "admin", "--data", c.data, "diagnostics", "create", "--name", "Verger", "--code", "QP066007", "--json"), &d)
	c.ledger = d.Ledger
	var token tokenInfo
	decode(t, mustRun(t, "admin", "--data", c.data, "tokens", "create", "--account", "coord-1", "--role", "coordinator", "--json"), &token)
	c.token = token.Token
	return c
}

// admin returns the arguments of a command over the link.
func (c *cutOff) admin(args ...string) []string {
	return append([]string{"admin", "--server", "http://" + c.link.Address(), "--token", c.token, "--json"}, args...)
}

// cutOffTablet is a tablet whose every command is a process of its own.
type cutOffTablet struct {
	*cutOff
	name string
}

// tablet enrols a tablet over the link, and brings it what it needs.
func (c *cutOff) tablet(name string) *cutOffTablet {
	c.t.Helper()
	p := &cutOffTablet{c, name}
	var ticket ticketInfo
	decode(c.t, mustRun(c.t, "admin", "--data", c.data, "tablets", "ticket", "--name", name, "--account", "consultant-1", "--diagnostic", "Verger", "--json"), &ticket)
	p.run("enrol", "--name", name, ticket.Ticket)
	p.sync()
	return p
}

func (p *cutOffTablet) args(args ...string) []string {
	return append([]string{"device", "--dir", filepath.Join(p.dir, p.name), "--json"}, args...)
}

func (p *cutOffTablet) run(args ...string) []byte {
	p.t.Helper()
	return mustRun(p.t, p.args(args...)...)
}

// sync syncs until an exchange went through. A command that was cut says nothing of what it sent.
func (p *cutOffTablet) sync() {
	p.t.Helper()
	var err error
	for range 60 {
		if _, err = arpenteur(p.t, p.args("sync")...); err == nil {
			return
		}
	}
	p.t.Fatalf("sixty exchanges were not enough: %v", err)
}

// partlyRun runs the program, which must say that some rows were refused.
func partlyRun(t *testing.T, args ...string) []byte {
	t.Helper()
	out, err := arpenteur(t, args...)
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != classPartly.exit() {
		t.Fatalf("%v: %s", err, out[max(0, len(out)-300):])
	}
	return out
}

func TestAFileIsImportedOverALinkThatCutsEvery20KB(t *testing.T) {
	t.Parallel()
	c := newCutOff(t)
	const rows, crooked = 3000, 10
	var b strings.Builder
	b.WriteString("code;nom;type\n")
	for i := range rows {
		kind := "bailleur"
		if i%crooked == 0 {
			kind = "n’importe quoi de bien trop long pour être un type d’acteur"
		}
		fmt.Fprintf(&b, "C%d;Acteur %d;%s\n", i, i, kind)
	}
	file := filepath.Join(c.dir, "actors.csv")
	if err := os.WriteFile(file, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	out := partlyRun(t, c.admin("imports", "actors", file)...)
	if passed := c.link.Traffic(); passed.Cuts < int64(b.Len())/24_000 || len(out) < 24_000 {
		t.Errorf("%d bytes up and %d down were cut %d times", passed.Up, passed.Down, passed.Cuts)
	}
	refused := map[int]bool{}
	for raw := range bytes.Lines(out) {
		var l importLine
		decode(t, raw, &l)
		if l.Event == "line" {
			if refused[l.Line] {
				t.Errorf("line %d is told twice", l.Line)
			}
			refused[l.Line] = true
		}
	}
	if got := importTotalsOf(t, out); len(refused) != rows/crooked || got.Rows != rows || got.Refused != rows/crooked || got.New+got.Unchanged != rows-rows/crooked {
		t.Errorf("%d lines are told as refused, %+v", len(refused), got)
	}
	if again := importTotalsOf(t, partlyRun(t, "admin", "--data", c.data, "--json", "imports", "actors", file)); again.Unchanged != rows-rows/crooked {
		t.Errorf("once more: %+v", again)
	}
}

func TestAStickIsTakenInOverALinkThatCutsEvery20KB(t *testing.T) {
	t.Parallel()
	c := newCutOff(t)
	p := c.tablet("T-01")
	const n = 3
	for i := range n {
		p.run("capture", "--checklist", "cleanliness", "--set", fmt.Sprintf("/litter/rating=%d", i))
	}
	stick := filepath.Join(c.dir, "stick.arp")
	p.run("export", "--everything", stick)
	before := c.link.Traffic()
	var got struct {
		Complete bool
		Ledgers  []struct{ Lines int }
	}
	decode(t, mustRun(t, c.admin("take", stick)...), &got)
	info, err := os.Stat(stick)
	if err != nil {
		t.Fatal(err)
	}
	if cuts := c.link.Traffic().Cuts - before.Cuts; cuts < info.Size()/24_000 {
		t.Errorf("a file of %d bytes went through with %d cuts", info.Size(), cuts)
	}
	if !got.Complete || len(got.Ledgers) != 1 || got.Ledgers[0].Lines != n {
		t.Errorf("%+v", got)
	}
}

func TestPhotosAreSentOverALinkThatCutsEvery20KB(t *testing.T) {
	t.Parallel()
	c := newCutOff(t)
	p := c.tablet("T-01")
	camera := filepath.Join(c.dir, "camera.jpg")
	var records [2]struct{ ID string }
	for i := range records {
		if err := os.WriteFile(camera, noisyPicture(t), 0o600); err != nil {
			t.Fatal(err)
		}
		decode(t, p.run("capture", "--checklist", "cleanliness", "--set", "/litter/rating=2"), &records[i])
		var taken struct{ Photo string }
		decode(t, p.run("photo", "take", camera, "--record", records[i].ID), &taken)
		p.run("photo", "review", taken.Photo, "--nothing-to-blur")
	}
	before := c.link.Traffic().Cuts
	p.sync() // neither photo fits through one connection: they arrive only if each exchange goes on where the last one was cut
	if cuts := c.link.Traffic().Cuts - before; cuts < 10 {
		t.Errorf("%d cuts", cuts)
	}
	for _, r := range records {
		if list := p.run("photo", "list", "--record", r.ID); !bytes.Contains(list, []byte(`"state":"received"`)) {
			t.Errorf("%s", list)
		}
	}
}

// noisyPicture is a JPEG of some 150 KB.
func noisyPicture(t *testing.T) []byte {
	t.Helper()
	m := image.NewRGBA(image.Rect(0, 0, 640, 480))
	for y := range 480 {
		for x := range 640 {
			m.SetRGBA(x, y, color.RGBA{R: uint8(rand.Uint32()), G: uint8(x), B: uint8(y), A: 255})
		}
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
