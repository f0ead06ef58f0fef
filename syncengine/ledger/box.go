package ledger

import (
	"encoding/binary"
	"math"
)

// Box is a bounding box in degrees of WGS 84, as RFC 7946, section 5, has it: where West is over East it crosses the antimeridian.
type Box struct{ West, South, East, North float64 }

// Contains reports whether a position lies in the box, its edges included.
func (b *Box) Contains(lat, lon float64) bool {
	if lat < b.South || lat > b.North {
		return false
	}
	if b.West > b.East {
		return lon >= b.West || lon <= b.East
	}
	return lon >= b.West && lon <= b.East
}

// Positions are indexed by the cells that they lie in, on grids that halve the degrees so many times: the coarsest is the whole
// world, the finest some 40 m wide. A box is looked for on the finest grid on which it takes no more than maxCells.
const maxCells = 64

func gridLevels() [3]uint8 { return [3]uint8{19, 16, 0} }

// cell is one field of a grid.
type cell struct {
	level uint8
	x, y  uint32
}

// name is what the index knows a cell by.
func (c cell) name() string {
	var b [9]byte
	b[0] = c.level
	binary.BigEndian.PutUint32(b[1:], c.x)
	binary.BigEndian.PutUint32(b[5:], c.y)
	return string(b[:])
}

// cellAt returns the cell of a grid that a position lies in.
func cellAt(level uint8, lat, lon float64) cell {
	count := math.Exp2(float64(level))
	along := func(share float64) uint32 { return uint32(min(max(math.Floor(share*count), 0), count-1)) }
	return cell{level, along((lon + 180) / 360), along((lat + 90) / 180)}
}

// cellsAt returns the cells of all grids that a position lies in.
func cellsAt(lat, lon float64) []cell {
	var out []cell
	for _, level := range gridLevels() {
		out = append(out, cellAt(level, lat, lon))
	}
	return out
}

// cells covers the box.
func (b *Box) cells() []cell {
	parts := []Box{*b}
	if b.West > b.East {
		parts = []Box{{b.West, b.South, 180, b.North}, {-180, b.South, b.East, b.North}}
	}
	for _, level := range gridLevels() {
		var out []cell
		fits := true
		for i := range parts {
			low, high := cellAt(level, parts[i].South, parts[i].West), cellAt(level, parts[i].North, parts[i].East)
			if fits = fits && uint64(high.x-low.x+1)*uint64(high.y-low.y+1)+uint64(len(out)) <= maxCells; !fits {
				break
			}
			for x := low.x; x <= high.x; x++ {
				for y := low.y; y <= high.y; y++ {
					out = append(out, cell{level, x, y})
				}
			}
		}
		if fits {
			return out
		}
	}
	return []cell{{}}
}

// positionValue keeps a position beside its cells: latitude and longitude as whole ten-millionths of a degree, about a centimetre.
func positionValue(lat, lon float64) []byte {
	b := binary.BigEndian.AppendUint32(make([]byte, 0, 8), uint32(int32(math.Round(lat*1e7)))) //nolint:gosec // at most 9e8
	return binary.BigEndian.AppendUint32(b, uint32(int32(math.Round(lon*1e7))))                //nolint:gosec // at most 1.8e9
}

// readPositionValue reads what positionValue wrote.
func readPositionValue(b []byte) (lat, lon float64, ok bool) {
	if len(b) != 8 {
		return 0, 0, false
	}
	degrees := func(n uint32) float64 { return float64(int32(n)) / 1e7 } //nolint:gosec // the inverse of positionValue
	return degrees(binary.BigEndian.Uint32(b)), degrees(binary.BigEndian.Uint32(b[4:])), true
}
