package imports

import (
	"context"
	"errors"
	"io"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"github.com/arpenteur/arpenteur/schemas"
	"github.com/arpenteur/arpenteur/syncengine"
)

// placeReader reads a tree of places. A row is named by its code, and lies in the place whose code its parent column has; or it is named by
// its path, "Le Grand Verger / Bâtiment 3 / Hall B", and lies in the place whose path is one segment shorter. Parents may come
// after their children, which is why the file is read twice: first for the shape of the tree, then for the rows.
type placeReader struct {
	*table
	o       Options
	version *schemas.Version
	types   answers
	tree    *placeIndex // nil while it is being made

	code, parent, path, kind, name, latitude, longitude, rank, floor, dwellings, planned int // columns
}

func (s *Source) openPlaces(ctx context.Context, f File, o Options) error {
	index := &placeIndex{at: map[uuid.UUID]int32{}}
	first, err := newPlaceReader(f, o)
	if err != nil {
		return err
	}
	for {
		r, p, err := first.read()
		if errors.Is(err, io.EOF) {
			break
		}
		var end *stop
		if errors.As(err, &end) {
			break // the second reading says so
		}
		if err != nil {
			return err
		}
		index.add(r, p)
	}
	if err := index.settle(ctx, o.Has); err != nil {
		return err
	}
	second, err := newPlaceReader(f, o)
	if err != nil {
		return err
	}
	second.tree = index
	s.describe(second.table)
	s.reader, s.seen = second, nil // the index tells what is there twice
	return nil
}

func newPlaceReader(f File, o Options) (*placeReader, error) {
	t, err := openTable(f)
	if err != nil {
		return nil, err
	}
	p := &placeReader{
		table: t, o: o, version: o.Version(string(schemas.Place)),
		code: t.column("code"), parent: t.column("parent", "code parent", "dans"), path: t.column("path", "chemin"),
		kind: t.column("type", "type de lieu"), name: t.column("name", "nom"),
		latitude: t.column("latitude", "lat"), longitude: t.column("longitude", "lon", "lng"),
		rank: t.column("rank", "ordre"), floor: t.column("floor", "étage"), dwellings: t.column("dwellings", "logements"),
		planned: t.column("planned", "à visiter"),
	}
	switch {
	case p.kind < 0:
		return nil, refusal(CodeColumnMissing, 1, "", "type")
	case p.path < 0 && p.code < 0:
		return nil, refusal(CodeColumnMissing, 1, "", "path (chemin) / code")
	case p.path >= 0 && p.parent >= 0:
		return nil, refusal(CodeColumnTwice, 1, t.head[p.parent], "")
	}
	p.types = answersOf(p.version, "/type")
	return p, nil
}

// placed is where a row stands in the tree.
type placed struct {
	id, parent uuid.UUID // parent is zero for an outermost place
}

// read reads one row and where it stands.
func (p *placeReader) read() (*record, placed, error) {
	r, err := p.table.next()
	if err != nil || r.refused() {
		return r, placed{}, err
	}
	at, name := p.where(r)
	v := newValues()
	kind := r.answer(p.kind, p.types)
	if kind == "" && !r.refused() {
		r.refuse(p.kind, CodeMissing, "")
	}
	v.text("/type", kind)
	v.text("/name", name)
	if at.parent != uuid.Nil {
		v.text("/parent", at.parent.String())
	}
	lat, lon, positioned := r.position(p.latitude, p.longitude)
	v.location("/position", lat, lon, positioned)
	rank, ranked := r.number(p.rank, 0, 1e6)
	v.number("/rank", rank, ranked)
	floor, given := r.number(p.floor, -20, 200)
	v.number("/floor", floor, given)
	dwellings, counted := r.number(p.dwellings, 0, 10_000)
	v.number("/dwellings", dwellings, counted)
	planned, said := r.boolean(p.planned)
	v.boolean("/planned", planned, said)
	if err := r.hold(p.version, v); err != nil {
		return nil, at, err
	}
	key := syncengine.RecordKey{Kind: schemas.Place, ID: at.id}
	r.Records = []Record{{Key: key, Lineage: string(schemas.Place), Name: name, Values: v.by}}
	return r, at, nil
}

// where reads which place a row is, in which, and its name.
func (p *placeReader) where(r *record) (placed, string) {
	name := r.name(p.name, maxNameRunes)
	if p.path < 0 {
		code, parent := r.cell(p.code), r.cell(p.parent)
		if code == "" {
			r.refuse(p.code, CodeMissing, "")
		}
		at := placed{id: p.o.Identify(schemas.Place, "code "+code)}
		if parent != "" {
			at.parent = p.o.Identify(schemas.Place, "code "+parent)
		}
		return at, name
	}
	segments := pathSegments(r.cell(p.path))
	if len(segments) == 0 {
		r.refuse(p.path, CodeMissing, "")
		return placed{}, name
	}
	if name == "" {
		name = segments[len(segments)-1]
	}
	key := func(n int) uuid.UUID {
		return p.o.Identify(schemas.Place, "path "+Fold(strings.Join(segments[:n], "\n")))
	}
	at := placed{id: key(len(segments))}
	if code := r.cell(p.code); code != "" {
		r.remark(p.code, Noted, CodeColumnUnread, "")
	}
	if len(segments) > 1 {
		at.parent = key(len(segments) - 1)
	}
	return at, name
}

// pathSegments takes a path apart at its slashes.
func pathSegments(path string) []string {
	var out []string
	for segment := range strings.SplitSeq(path, "/") {
		if segment = strings.TrimSpace(segment); segment != "" {
			out = append(out, segment)
		}
	}
	return out
}

func (p *placeReader) next(context.Context) (*Row, error) {
	r, at, err := p.read()
	if err != nil || r.refused() {
		return rowOf(r), err
	}
	column := p.parent
	if column < 0 {
		column = p.path
	}
	switch found := p.tree.of(at.id); {
	case int(found.line) != r.Line:
		r.refuse(column, CodeDuplicate, strconv.Itoa(int(found.line)))
	case found.state == inCycle:
		r.refuse(column, CodeCycle, "")
	case found.state == isOrphan:
		r.refuse(column, CodeOrphan, "")
	case found.state == belowRefused:
		r.refuse(column, CodeParentRefused, "")
	}
	return &r.Row, nil
}
