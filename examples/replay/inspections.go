package main

import (
	"context"
	_ "embed"
	"errors"
	"os"

	"github.com/google/uuid"

	"github.com/arpenteur/arpenteur/schemas"
	"github.com/arpenteur/arpenteur/server/imports"
	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// rentSafeTO says what the columns of the inspections are; an import on a server takes the same file.
//
//go:embed rentsafeto.csv
var rentSafeTO []byte

// inspections are the rows that were read.
type inspections struct {
	rows       []inspection
	limit      int // 0 for none
	refused    int // rows, for their date mostly
	noPosition int // rows that are taken without one
}

// inspection is one row.
type inspection struct {
	building uuid.UUID
	address  string             // its name on the tablets
	answers  map[string]answers // by checklist
}

// answers are what a tablet enters, by path.
type answers map[syncengine.Path]any

// readInspections reads at most limit inspections of a file, all where limit is 0.
func readInspections(ctx context.Context, path string, limit int) (*inspections, error) {
	file, err := os.Open(path) //nolint:gosec // named by who runs the program
	if err != nil {
		return nil, err
	}
	defer file.Close() //nolint:errcheck // it was only read
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	versions, err := builtin()
	if err != nil {
		return nil, err
	}
	source, err := imports.Open(ctx, imports.File{ReaderAt: file, Size: info.Size()}, imports.Options{
		Kind: imports.Inspections, Mapping: rentSafeTO, Today: start,
		Identify: func(kind syncengine.Kind, key string) uuid.UUID {
			return uuid.NewSHA1(uuid.Nil, []byte(string(kind)+key))
		},
		Version: func(lineage string) *schemas.Version { return versions[lineage] },
	})
	if err != nil {
		return nil, err
	}
	out := &inspections{limit: limit}
	if _, err := imports.Run(ctx, source, out, out.hear); err != nil && !errors.Is(err, errEnough) {
		return nil, err
	}
	return out, nil
}

// builtin compiles the checklists that come with the program.
func builtin() (map[string]*schemas.Version, error) {
	sources, err := schemas.Builtin()
	if err != nil {
		return nil, err
	}
	registry, err := schemas.NewRegistry()
	if err != nil {
		return nil, err
	}
	out := map[string]*schemas.Version{}
	for _, s := range sources {
		if out[s.Lineage], err = registry.Compile(schemas.Identify(s.Content), s.Content); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// errEnough ends the reading when there are as many rows as were asked for.
var errEnough = errors.New("enough rows were read")

// Keep is imports.Keeper: it keeps rows in memory, for the tablets.
func (all *inspections) Keep(_ context.Context, batch []*imports.Row) ([]imports.Outcome, error) {
	outcomes := make([]imports.Outcome, len(batch))
	for i, row := range batch {
		outcomes[i] = imports.New
		in := inspection{answers: map[string]answers{}}
		for j := range row.Records {
			r := &row.Records[j]
			switch r.Key.Kind {
			case schemas.Place:
				in.building = r.Key.ID
			case schemas.Observation:
				in.address = r.Name
				values := answers{}
				for path, v := range r.Values {
					value, err := wire.DecodeValue(v)
					if err != nil {
						return nil, err
					}
					values[path] = value
				}
				in.answers[r.Lineage] = values
			}
		}
		all.rows = append(all.rows, in)
		if len(all.rows) == all.limit {
			return nil, errEnough
		}
	}
	return outcomes, nil
}

// hear counts what is said of rows.
func (all *inspections) hear(e imports.Event) error {
	switch {
	case e.Remark == nil:
	case e.Remark.Outcome == imports.Refused:
		all.refused++
	case e.Remark.Code == imports.CodeNoPosition:
		all.noPosition++
	}
	return nil
}
