package demo

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"github.com/arpenteur/arpenteur/internal/apiclient"
	"github.com/arpenteur/arpenteur/internal/badlink"
	"github.com/arpenteur/arpenteur/internal/phrases"
)

//go:embed catalogue
var catalogueFiles embed.FS

// ErrBroken is returned where what was counted contradicts a law.
var ErrBroken = errors.New("a law does not hold")

// Options are what a demonstration is made of. Command and Folder are required.
type Options struct {
	// Command returns the command `arpenteur args…` of this program, which is not started yet.
	Command func(ctx context.Context, args ...string) *exec.Cmd
	// Folder holds the server's data and the tablets'; it must be empty or not there.
	Folder string
	// Seed makes the answers of the walk, and where the link is cut. Ids and keys are drawn anew each time.
	Seed uint64
	// Language is the story's; Story gets it, nil tells none.
	Language phrases.Language
	Story    io.Writer
	// Pause is how long to stop after each part of the story, so that it can be followed.
	Pause time.Duration
}

// Result is what was counted at the end.
type Result struct {
	Tablets       int     `json:"tablets"`
	Places        int     `json:"places"`
	Captured      int     `json:"captured"`       // changes that the tablets acknowledged, and hold
	Observations  int     `json:"observations"`   // records on the server
	Findings      int     `json:"findings"`       //
	Merged        int     `json:"merged"`         // records that join changes of several people
	Conflicts     int     `json:"conflicts"`      // fields that a person had to decide
	InvalidMerges int     `json:"invalid_merges"` // records of valid edits that break a rule together
	Settled       int     `json:"settled"`        // conflicts that the coordinator decided
	OpenConflicts int     `json:"open_conflicts"` // that are left
	SecondRatings int     `json:"second_ratings"` // observations of the same place, checklist and visit by somebody else
	Photos        int     `json:"photos"`         // that were taken and looked over
	PhotosSent    int     `json:"photos_sent"`    // of these, that the server serves byte for byte
	PhotosResumed int     `json:"photos_resumed"` // photos that were sent on from where the link had cut them
	PeerChanges   int     `json:"peer_changes"`   // that two tablets gave each other without the server
	USBChanges    int     `json:"usb_changes"`    // that the server took from a tablet's file
	Lost          int     `json:"lost"`           // acknowledged changes and photos that the server does not hold
	Differing     int     `json:"differing"`      // records whose merged bytes differ between the server and a tablet
	Compared      int     `json:"compared"`       // records compared
	Cuts          int64   `json:"cuts"`           // connections that the link dropped
	Kills         int     `json:"kills"`          // of the server, with SIGKILL
	BytesUp       int64   `json:"bytes_up"`       // through the link, headers included
	BytesDown     int64   `json:"bytes_down"`
	RoundTrips    int     `json:"round_trips"`
	Faults        int     `json:"faults"` // that the verification of the server's store found
	Verified      int     `json:"verified_lines"`
	Seconds       float64 `json:"seconds"`
}

// Demo is a demonstration that was shown: its server runs on.
type Demo struct {
	Result Result
	// Address is where the server answers, Token a coordinator's, Ledger the public one.
	Address, Token, Ledger string

	o       Options
	say     *phrases.Catalogue
	rand    *rand.Rand
	server  *process
	link    *badlink.Link
	local   *apiclient.Client // as the machine's own command line
	people  *apiclient.Client // as the coordinator
	order   diagnostic
	places  []*place
	visit   string
	tablets []*tablet
	cases   []*overlap
	heading string // of the story's last line that had one
}

// Show runs a demonstration to its end and leaves its server running. The caller closes it, also where Show fails with ErrBroken: then
// the Demo is returned too.
func Show(ctx context.Context, o Options) (d *Demo, err error) {
	begun := time.Now()
	d = &Demo{o: o, rand: rand.New(rand.NewPCG(o.Seed, 1))} //nolint:gosec // answers of a walk, not secrets
	if d.say, err = catalogue(o.Language); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil && !errors.Is(err, ErrBroken) {
			err = errors.Join(err, d.Close())
			d = nil
		}
	}()
	for _, part := range []func(ctx context.Context) error{
		d.prepare, d.enrol, d.walk, d.exchangeUnderFire, d.overlap, d.exchangeCalmly, d.judge, d.settle,
		d.meet, d.stick, d.exchangeCalmly, d.tally,
	} {
		if err := part(ctx); err != nil {
			return d, err
		}
		if err := sleep(ctx, o.Pause); err != nil {
			return d, err
		}
	}
	d.Result.Seconds = time.Since(begun).Round(time.Millisecond).Seconds()
	d.conclude()
	return d, d.Result.broken()
}

// catalogue reads the words of the story.
func catalogue(lang phrases.Language) (*phrases.Catalogue, error) {
	if lang == "" {
		lang = phrases.French
	}
	source, err := catalogueFiles.ReadFile("catalogue/" + string(lang) + ".txt")
	if err != nil {
		return nil, err
	}
	return phrases.Parse(lang, string(source))
}

// Close stops the server and closes the tablets. The folder is left as it is.
func (d *Demo) Close() error {
	var errs []error
	for _, t := range d.tablets {
		errs = append(errs, t.c.Close())
	}
	if d.link != nil {
		d.link.Close()
	}
	if d.server != nil {
		errs = append(errs, d.server.stop())
	}
	return errors.Join(errs...)
}

// Wait returns when the server has ended, or ctx.
func (d *Demo) Wait(ctx context.Context) error {
	select {
	case <-d.server.end.done:
		return d.server.end.err
	case <-ctx.Done():
		return nil
	}
}

// broken returns which laws the counts contradict.
func (r *Result) broken() error {
	var errs []error
	law := func(holds bool, name string, figure int) {
		if !holds {
			errs = append(errs, fmt.Errorf("%w: %s: %d", ErrBroken, name, figure))
		}
	}
	law(r.Lost == 0, "L1, acknowledged changes that are lost", r.Lost)
	law(r.Differing == 0, "L2, records that differ between server and tablets", r.Differing)
	law(r.Conflicts > 0, "L3, conflicts found", r.Conflicts)
	law(r.InvalidMerges > 0, "L4, invalid merges found", r.InvalidMerges)
	law(r.Settled > 0 && r.Conflicts == r.Settled+r.OpenConflicts, "conflicts settled", r.Settled)
	law(r.Photos > 0 && r.PhotosSent == r.Photos, "L1, photos on the server", r.PhotosSent)
	law(r.PhotosResumed > 0, "photos sent on after a cut", r.PhotosResumed)
	law(r.PeerChanges > 0, "changes between two tablets", r.PeerChanges)
	law(r.USBChanges > 0, "changes by a stick", r.USBChanges)
	law(r.Faults == 0, "L8, faults of the server's store", r.Faults)
	return errors.Join(errs...)
}

// prepare starts a server behind the bad link, and orders a diagnostic with its places and a visit.
func (d *Demo) prepare(ctx context.Context) (err error) {
	if err := os.MkdirAll(d.o.Folder, 0o700); err != nil {
		return err
	}
	if d.link, err = badlink.Open(ctx, d.rand); err != nil {
		return err
	}
	d.server = &process{command: d.o.Command, data: filepath.Join(d.o.Folder, "server"), address: "http://" + d.link.Address()}
	if err := d.server.start(ctx); err != nil {
		return err
	}
	d.link.Lead(d.server.listen)
	d.Address = "http://" + d.server.listen
	lang := string(d.say.Language())
	d.local = &apiclient.Client{HTTP: apiclient.Socket(d.server.socket), Base: "http://localhost", Language: lang}
	var made struct{ Token string }
	coordinator := map[string]any{"account": "coord-1", "role": "coordinator", "name": "Coordination 1", "restricted": true}
	if err := d.local.Call(ctx, http.MethodPost, "/v1/tokens", coordinator, &made); err != nil {
		return err
	}
	d.Token = made.Token
	d.people = &apiclient.Client{HTTP: apiclient.Network(), Base: d.Address, Token: d.Token, Language: lang}
	order := map[string]any{
		"name": "Le Grand Verger", "neighbourhood": "QP066007", "neighbourhood_version": "qp_2015",
		"neighbourhood_name": "Le Grand Verger", "commune": "66136", "public_security": true,
	}
	if err := d.people.Call(ctx, http.MethodPost, "/v1/diagnostics", order, &d.order); err != nil {
		return err
	}
	d.Ledger = d.order.Ledger.String()
	if err := d.makePlaces(ctx); err != nil {
		return err
	}
	if err := d.planVisit(ctx); err != nil {
		return err
	}
	d.title(d.o.Folder)
	d.tell("prepare", "places", len(d.places), "pid", strconv.Itoa(d.server.pid()))
	return nil
}

// planVisit plans the walk, as the coordinator does.
func (d *Demo) planVisit(ctx context.Context) error {
	var made struct{ ID string }
	visit := map[string]any{"kind": "visit", "values": map[string]any{
		"/date": "2026-11-23", "/start": "09:00", "/day_or_night": "day", "/weather": "dry", "/status": "under_way",
	}}
	err := d.people.Call(ctx, http.MethodPost, "/v1/ledgers/"+d.Ledger+"/records", visit, &made)
	d.visit = made.ID
	return err
}

func sleep(ctx context.Context, t time.Duration) error {
	if t <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(t)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
