package demo

import (
	"context"
	"net/http"

	"github.com/google/uuid"

	"github.com/arpenteur/arpenteur/syncengine"
)

// diagnostic is what the server answers to the order.
type diagnostic struct {
	ID         uuid.UUID           `json:"id"`
	Ledger     syncengine.LedgerID `json:"ledger"`
	Restricted syncengine.LedgerID `json:"restricted"`
}

// place is one place of the estate.
type place struct {
	id, kind, name string
	building       string // its building's name; empty outdoors
	lat, lon       float64
	children       []*place
}

// estate returns the place tree of the Grand Verger. It is fictional, and so is where it lies.
func estate() *place {
	indoors := func(name string, kinds ...string) *place {
		b := &place{kind: "building", name: name, building: name}
		e := &place{kind: "entrance", name: name + ", entrée", building: name}
		b.children = []*place{e}
		for _, kind := range kinds {
			e.children = append(e.children, &place{kind: kind, name: name + ", " + inFrench(kind), building: name})
		}
		return b
	}
	root := &place{kind: "estate", name: "Le Grand Verger", children: []*place{
		indoors("Les Pommiers", "hall", "lift", "landing", "cellar", "garbage_room"),
		indoors("Les Cerisiers", "hall", "landing", "cellar"),
		indoors("Les Noyers", "hall", "lift", "garbage_room"),
		{kind: "car_park", name: "Parking nord"},
		{kind: "path", name: "Allée des Vergers"},
		{kind: "playground", name: "Aire de jeux"},
		{kind: "bin_area", name: "Bornes de tri"},
	}}
	n := 0
	root.walk(func(p *place) {
		p.lat, p.lon = degrees(426990+4*(n%5)), degrees(29010+5*(n/5))
		n++
	})
	return root
}

// degrees turns ten-thousandths of a degree into degrees.
func degrees(n int) float64 { return float64(n) / 10_000 }

// inFrench names a kind of place as the estate's plan does.
func inFrench(kind string) string {
	switch kind {
	case "hall":
		return "hall"
	case "lift":
		return "ascenseur"
	case "landing":
		return "palier 3"
	case "cellar":
		return "caves"
	case "garbage_room":
		return "local à ordures"
	}
	return kind
}

// walk calls fn for a place and all below it.
func (p *place) walk(fn func(p *place)) {
	fn(p)
	for _, c := range p.children {
		c.walk(fn)
	}
}

// order is the place as the API takes it.
func (p *place) order() map[string]any {
	o := map[string]any{
		"type": p.kind, "name": p.name, "planned": true,
		"position": map[string]float64{"lat": p.lat, "lon": p.lon},
	}
	if len(p.children) > 0 {
		var below []any
		for _, c := range p.children {
			below = append(below, c.order())
		}
		o["children"] = below
	}
	return o
}

// made is a place that the server made.
type made struct {
	ID       string `json:"id"`
	Children []made `json:"children"`
}

// take notes the ids that the server gave.
func (p *place) take(m made) {
	p.id = m.ID
	for i, c := range p.children {
		c.take(m.Children[i])
	}
}

// makePlaces has the server make the estate.
func (d *Demo) makePlaces(ctx context.Context) error {
	root := estate()
	var answer struct {
		Places []made `json:"places"`
	}
	err := d.people.Call(ctx, http.MethodPost, "/v1/diagnostics/"+d.order.ID.String()+"/places", root.order(), &answer)
	if err != nil {
		return err
	}
	root.take(answer.Places[0])
	root.walk(func(p *place) { d.places = append(d.places, p) })
	return nil
}

// named returns the place called name.
func (d *Demo) named(name string) *place {
	for _, p := range d.places {
		if p.name == name {
			return p
		}
	}
	return nil
}
