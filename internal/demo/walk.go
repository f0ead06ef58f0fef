package demo

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/arpenteur/arpenteur/clientsdk"
	"github.com/arpenteur/arpenteur/schemas"
	"github.com/arpenteur/arpenteur/syncengine"
)

// Who walks where, and the hall that two of them rate.
const (
	firstHall  = "Les Pommiers, hall"
	secondHall = "Les Cerisiers, hall"
	thirdHall  = "Les Noyers, hall"
	carPark    = "Parking nord"
	liftAt     = "Les Pommiers, ascenseur"
)

// maxFindings is how many findings a tablet makes of what it rated bad.
const maxFindings = 5

// route returns the places that a tablet visits.
func (d *Demo) route(tablet int) []*place {
	var out []*place
	for _, p := range d.places {
		mine := [][]string{
			{"Les Pommiers", carPark}, {"Les Cerisiers", "Aire de jeux"}, {"Les Noyers", "Allée des Vergers", "Bornes de tri"},
		}[tablet]
		for _, name := range mine {
			if p.building == name || p.name == name {
				out = append(out, p)
			}
		}
		if tablet == 1 && p.name == firstHall { // rated a second time, by somebody else
			out = append(out, p)
		}
	}
	return out
}

// walk lets every tablet capture its places, without a network.
func (d *Demo) walk(ctx context.Context) error {
	for i, t := range d.tablets {
		w := &walker{Demo: d, tablet: t}
		for _, p := range d.route(i) {
			for _, lineage := range schemas.Checklists() {
				if err := w.observe(ctx, p, lineage); err != nil {
					return fmt.Errorf("%s, %s at %s: %w", t.name, lineage, p.name, err)
				}
			}
		}
		d.tell("walk", "tablet", t.name, "places", len(d.route(i)), "observations", w.observations, "findings", t.findings, "photos", len(t.photos))
	}
	return nil
}

// walker is one person on the walk.
type walker struct {
	*Demo
	*tablet
	observations int
}

// ledger returns where observations of a checklist lie.
func (d *Demo) ledger(lineage string) syncengine.LedgerID {
	if lineage == schemas.PublicSecurity {
		return d.order.Restricted
	}
	return d.order.Ledger
}

// observe fills in one checklist at one place, and makes a finding of the first thing that is bad; a tablet's first finding gets
// a photo.
func (w *walker) observe(ctx context.Context, p *place, lineage string) error {
	draft, err := w.c.NewRecord(ctx, w.ledger(lineage), lineage)
	if err != nil {
		return err
	}
	v := draft.Checklist()
	points := schemas.FormModel(v, schemas.French).Points(p.kind)
	if len(points) == 0 {
		return draft.Discard()
	}
	account, err := w.c.Account(ctx)
	if err != nil {
		return err
	}
	values := map[syncengine.Path]any{
		"/place": p.id, "/visit": w.visit, "/rater": string(account), "/observed_at": time.Now().UTC().Format(time.RFC3339),
		"/position": map[string]any{"lat": p.lat, "lon": p.lon, "accuracy_m": 4},
	}
	document := map[string]any{}
	if lineage == schemas.Lighting {
		values["/period"], document["period"] = "day", "day"
	}
	hidden := v.Hidden(document)
	bad := (*schemas.FormField)(nil)
	for _, point := range points {
		if isHidden(hidden, point.Path) {
			continue
		}
		rating := w.rating()
		values[syncengine.Path(point.Path+"/rating")] = rating
		if rating == "1" && bad == nil {
			bad = point
			values[syncengine.Path(point.Path+"/notes/"+string(account))] = "Vu pendant la visite, à reprendre."
		}
	}
	saved, err := w.fill(ctx, draft, values)
	if err != nil {
		return err
	}
	if len(saved.Violations) > 0 {
		return fmt.Errorf("an observation breaks a rule by itself: %v", saved.Violations)
	}
	w.observations++
	if bad == nil || w.findings == maxFindings {
		return nil
	}
	return w.find(ctx, p, lineage, bad, saved.Ref)
}

func isHidden(hidden []schemas.Hidden, path string) bool {
	for _, h := range hidden {
		if at := string(h.Path); at == path || strings.HasPrefix(at, path+"/rating") {
			return true
		}
	}
	return false
}

// rating answers one point: mostly fair and good, sometimes bad, now and then not seen.
func (d *Demo) rating() string {
	return []string{"1", "2", "2", "3", "3", "3", "3", "4", "4", "4", "4", "not_observed"}[d.rand.IntN(12)]
}

// find makes a finding of a point that was rated bad.
func (w *walker) find(ctx context.Context, p *place, lineage string, point *schemas.FormField, observation clientsdk.Ref) error {
	draft, err := w.c.NewRecord(ctx, observation.Ledger, string(schemas.Finding))
	if err != nil {
		return err
	}
	if w.findings++; w.findings == 1 {
		if err := w.photograph(ctx, draft, point.Label); err != nil {
			return err
		}
	}
	saved, err := w.fill(ctx, draft, map[syncengine.Path]any{
		"/title": point.Label + " : " + p.name, "/place": p.id, "/visit": w.visit, "/domain": lineage, "/item": point.Name,
		"/observation": observation.Record.ID.String(), "/severity": []string{"low", "medium", "high"}[w.rand.IntN(3)],
		"/provisional_number": fmt.Sprintf("%s-%d", strings.TrimPrefix(w.name, "T-0"), w.findings),
		"/position":           map[string]any{"lat": p.lat, "lon": p.lon, "accuracy_m": 4},
	})
	if err == nil && len(saved.Violations) > 0 {
		err = fmt.Errorf("a finding breaks a rule by itself: %v", saved.Violations)
	}
	return err
}

// killAfter is how much of the second tablet's first push gets through before the server is killed.
const killAfter = 2_000

// downTime is how long the killed server stays away.
const downTime = 300 * time.Millisecond

// exchangeUnderFire lets all tablets send what they captured. While the second one does, the server is killed and started again.
func (d *Demo) exchangeUnderFire(ctx context.Context) error {
	if err := d.tablets[0].exchange(ctx); err != nil {
		return err
	}
	fails := d.fails()
	pid := d.server.pid()
	again := make(chan error, 1)
	d.link.At(killAfter, func() {
		killed := d.server.kill() // the rest of the push is still in the link
		go func() { again <- errors.Join(killed, sleep(ctx, downTime), d.server.start(ctx)) }()
	})
	if err := d.tablets[1].exchange(ctx); err != nil {
		return err
	}
	select {
	case err := <-again:
		if err != nil {
			return err
		}
	case <-time.After(startTime):
		return errors.New("the exchange went through before the server was killed")
	}
	if err := d.exchangeAll(ctx); err != nil {
		return err
	}
	d.tell("fire", "old", strconv.Itoa(pid), "new", strconv.Itoa(d.server.pid()), "fails", d.fails()-fails, "cuts", d.link.Traffic().Cuts)
	return nil
}

func (d *Demo) fails() int {
	n := 0
	for _, t := range d.tablets {
		n += t.fails
	}
	return n
}
