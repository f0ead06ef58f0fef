package imports

import (
	"context"

	"github.com/google/uuid"

	"github.com/arpenteur/arpenteur/schemas"
	"github.com/arpenteur/arpenteur/syncengine"
)

// placeIndex is what is kept of every row of a tree: where it stands. It is laid out to be small.
type placeIndex struct {
	at   map[uuid.UUID]int32 // in list
	list []indexedPlace
}

// indexedPlace is one place of the file.
type indexedPlace struct {
	parent uuid.UUID
	line   int32
	state  placeState
}

// of returns a place of the file, nil where the file doesn't have it.
func (x *placeIndex) of(id uuid.UUID) *indexedPlace {
	if i, known := x.at[id]; known {
		return &x.list[i]
	}
	return nil
}

type placeState uint8

const (
	unsettled    placeState = iota
	walking                 // on the way up from a place that is being settled
	standing                // its ancestors are all there
	unreadable              // the row itself is refused
	isOrphan                // the place around it is nowhere
	inCycle                 // it lies within itself
	belowRefused            // some place around it is not taken
)

// add notes a row. Of two with one id the first counts.
func (x *placeIndex) add(r *record, at placed) {
	if at.id == uuid.Nil || x.of(at.id) != nil {
		return
	}
	p := indexedPlace{parent: at.parent, line: int32(r.Line)} //nolint:gosec // a file of MaxFileBytes has no more lines
	if r.refused() {
		p.state = unreadable
	}
	x.at[at.id] = int32(len(x.list)) //nolint:gosec // at most MaxRows
	x.list = append(x.list, p)
}

// has reports whether a record is in the diagnostic already.
type has func(ctx context.Context, key syncengine.RecordKey) (bool, error)

// settle finds out of each place whether it can be hung up. Places around it that the file doesn't have may be there already.
func (x *placeIndex) settle(ctx context.Context, there has) error {
	var way []*indexedPlace
	for i := range x.list {
		way = way[:0]
		for at := &x.list[i]; at != nil && at.state == unsettled; at = x.of(at.parent) {
			at.state = walking
			way = append(way, at)
		}
		if len(way) == 0 {
			continue
		}
		end, err := x.end(ctx, way, there)
		if err != nil {
			return err
		}
		for _, at := range way {
			if at.state == walking {
				at.state = end
			}
		}
	}
	return nil
}

// end finds out what the places on a way up are, from where it ends.
func (x *placeIndex) end(ctx context.Context, way []*indexedPlace, there has) (placeState, error) {
	last := way[len(way)-1]
	above := x.of(last.parent)
	switch {
	case last.parent == uuid.Nil:
		return standing, nil
	case above == nil:
		held, err := there(ctx, syncengine.RecordKey{Kind: schemas.Place, ID: last.parent})
		if err == nil && held {
			return standing, nil
		}
		last.state = isOrphan
		return belowRefused, err
	case above.state == walking: // the way leads back into itself
		for i := len(way) - 1; ; i-- {
			way[i].state = inCycle
			if way[i] == above {
				return belowRefused, nil
			}
		}
	case above.state == standing:
		return standing, nil
	}
	return belowRefused, nil
}
