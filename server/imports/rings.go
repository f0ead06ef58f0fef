package imports

import (
	"encoding/json"
	"math"
	"slices"
	"strconv"

	"github.com/arpenteur/arpenteur/syncengine"
)

// point is longitude and latitude, in degrees of WGS 84.
type point [2]float64

type (
	ring    []point
	polygon []ring // the outer ring, then holes
)

// Box is the least Box around points, in degrees: west, south, east, north.
type Box [4]float64

// Meets reports whether two boxes have a point in common.
func (b Box) Meets(other Box) bool {
	return b[0] <= other[2] && other[0] <= b[2] && b[1] <= other[3] && other[1] <= b[3]
}

// BoxOf returns the box around an outline, canonical GeoJSON as Outlines gives it.
func BoxOf(outline syncengine.Value) (Box, error) {
	var g struct {
		Type        string          `json:"type"`
		Coordinates json.RawMessage `json:"coordinates"`
	}
	if err := json.Unmarshal([]byte(outline), &g); err != nil {
		return Box{}, err
	}
	list := make([]polygon, 1)
	into := any(&list[0])
	if g.Type == "MultiPolygon" {
		into = &list
	}
	if err := json.Unmarshal(g.Coordinates, into); err != nil {
		return Box{}, err
	}
	b := emptyBox()
	for _, p := range list {
		for _, r := range p {
			for _, c := range r {
				b.add(c)
			}
		}
	}
	return b, nil
}

func emptyBox() Box { return Box{math.Inf(1), math.Inf(1), math.Inf(-1), math.Inf(-1)} }

func (b *Box) add(p point) {
	b[0], b[1], b[2], b[3] = min(b[0], p[0]), min(b[1], p[1]), max(b[2], p[0]), max(b[3], p[1])
}

// within reports whether b lies in outer.
func (b *Box) within(outer *Box) bool {
	return b[0] >= outer[0] && b[1] >= outer[1] && b[2] <= outer[2] && b[3] <= outer[3]
}

// swapped returns the box with longitude and latitude in each other's place.
func (b *Box) swapped() Box { return Box{b[1], b[0], b[3], b[2]} }

func (r ring) box() Box {
	b := emptyBox()
	for _, p := range r {
		b.add(p)
	}
	return b
}

// area returns twice the area that a closed ring surrounds, in square degrees: above zero where it runs counterclockwise.
func (r ring) area() float64 {
	sum := 0.0
	for i := 1; i < len(r); i++ { // from the first point, so that small rings far from zero keep their digits
		sum += (r[i-1][0]-r[0][0])*(r[i][1]-r[0][1]) - (r[i][0]-r[0][0])*(r[i-1][1]-r[0][1])
	}
	return sum
}

// readPolygon checks the rings of one polygon and brings them into the orientation of RFC 7946, section 3.1.6: the outer one counterclockwise, holes
// clockwise. Coordinates are rounded to the centimetre; heights are left out.
func readPolygon(coordinates [][][]float64) (polygon, Code) {
	if len(coordinates) == 0 {
		return nil, CodeRingShort
	}
	out := make(polygon, 0, len(coordinates))
	var around Box
	for i, given := range coordinates {
		r, code := readRing(given)
		if code != "" {
			return nil, code
		}
		b := r.box()
		switch {
		case i == 0:
			around = b
		case !b.within(&around):
			return nil, CodeHoleOutside
		}
		if (r.area() > 0) != (i == 0) {
			slices.Reverse(r)
		}
		out = append(out, r)
	}
	return out, ""
}

// centimetre is how many parts of a degree of latitude are told apart.
const centimetre = 1e7

func readRing(given [][]float64) (ring, Code) {
	r := make(ring, 0, len(given))
	for _, c := range given {
		if len(c) < 2 || len(c) > 3 {
			return nil, CodeGeometry
		}
		if math.Abs(c[0]) > 180 || math.Abs(c[1]) > 180 {
			return nil, CodeDegrees
		}
		r = append(r, point{math.Round(c[0]*centimetre) / centimetre, math.Round(c[1]*centimetre) / centimetre})
	}
	switch {
	case len(r) < 4:
		return nil, CodeRingShort
	case r[0] != r[len(r)-1]:
		return nil, CodeRingOpen
	case r.area() == 0:
		return nil, CodeRingFlat
	}
	return r, ""
}

// territories are boxes around the parts of France: metropolitan with Corsica, Guadeloupe with Martinique and the northern islands, French Guiana,
// Réunion with Mayotte, Saint-Pierre-et-Miquelon, New Caledonia, Wallis and Futuna, French Polynesia.
func territories() []Box {
	return []Box{
		{-5.5, 41.2, 9.8, 51.3},
		{-63.3, 14.2, -60.7, 18.3},
		{-54.8, 1.9, -51.4, 6},
		{44.8, -21.6, 56, -12.4},
		{-56.6, 46.6, -56, 47.3},
		{163, -23, 168.6, -19},
		{-178.6, -14.5, -176, -13},
		{-155, -28, -134, -7.5},
	}
}

// lies says what is wrong with where a box lies: nothing, or longitude and latitude are swapped, or it is nowhere in France.
func (b *Box) lies() Code {
	in := func(b *Box) bool { return slices.ContainsFunc(territories(), func(t Box) bool { return b.within(&t) }) }
	turned := b.swapped()
	switch {
	case in(b):
		return ""
	case in(&turned):
		return CodeSwapped
	}
	return CodeOutside
}

// appendPolygons appends the coordinates of polygons as canonical JSON.
func appendPolygons(dst []byte, list []polygon) []byte {
	dst = append(dst, '[')
	for i, p := range list {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = p.append(dst)
	}
	return append(dst, ']')
}

func (p polygon) append(dst []byte) []byte {
	dst = append(dst, '[')
	for i, r := range p {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, '[')
		for j, c := range r {
			if j > 0 {
				dst = append(dst, ',')
			}
			dst = strconv.AppendFloat(append(dst, '['), c[0]+0, 'f', -1, 64)
			dst = append(strconv.AppendFloat(append(dst, ','), c[1]+0, 'f', -1, 64), ']')
		}
		dst = append(dst, ']')
	}
	return append(dst, ']')
}
