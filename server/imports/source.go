package imports

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/google/uuid"

	"github.com/arpenteur/arpenteur/schemas"
	"github.com/arpenteur/arpenteur/syncengine"
)

// Options are what a file is read with.
type Options struct {
	Kind Kind
	// Identify gives a record of a kind its id by the key that the file knows it by, the same one each time.
	Identify func(kind syncengine.Kind, key string) uuid.UUID
	// Version returns the version in force of a checklist, nil where there is none.
	Version func(lineage string) *schemas.Version
	// Find returns records of a kind with an attribute, such as "siren", that are there already: some of them where they are many.
	Find func(ctx context.Context, kind syncengine.Kind, attribute, value string) ([]uuid.UUID, error)
	// Has reports whether a record is there already.
	Has     func(ctx context.Context, key syncengine.RecordKey) (bool, error)
	Mapping []byte    // of Inspections: CSV or JSON
	Today   time.Time // after which nothing can have been inspected
}

// Source is a file that is being read.
type Source struct {
	begin  Begin
	reader rowReader
	seen   map[uuid.UUID]int32 // by the id of its first record, the line of each row; nil where the reader looks for those itself
}

// rowReader reads one kind of file. next returns io.EOF at the end, and a *stop where the rest can't be read.
type rowReader interface {
	next(ctx context.Context) (*Row, error)
	// offset is how much of the file was read, in bytes.
	offset() int64
}

// Begin tells how a file is read.
type Begin struct {
	Kind      Kind
	Size      int64
	Encoding  Encoding
	Separator string   // of a CSV
	Remarks   []Remark // columns that are left out
}

// Open looks at a whole file and prepares to read its rows. A file that can't be taken at all gives a *Refusal.
func Open(ctx context.Context, f File, o Options) (*Source, error) {
	if f.Size > MaxFileBytes {
		return nil, fmt.Errorf("a file of %d bytes is over the limit of %d", f.Size, MaxFileBytes)
	}
	s := &Source{begin: Begin{Kind: o.Kind, Size: f.Size}, seen: map[uuid.UUID]int32{}}
	var err error
	switch o.Kind {
	case Outlines:
		err = s.openOutlines(f, o)
	case Places:
		err = s.openPlaces(ctx, f, o)
	case Actors:
		err = s.openActors(f, o)
	case Inspections:
		err = s.openInspections(f, o)
	default:
		err = fmt.Errorf("there is no import of %q", o.Kind)
	}
	if err != nil {
		return nil, err
	}
	return s, nil
}

// Begin returns how the file is read.
func (s *Source) Begin() Begin { return s.begin }

// describe notes how a table is written.
func (s *Source) describe(t *table) {
	s.begin.Encoding, s.begin.Separator, s.begin.Remarks = t.rows.encoding, string(rune(t.rows.separator)), t.unread()
}

// next returns the next row, refused where its record was given by a row before it.
func (s *Source) next(ctx context.Context) (*Row, error) {
	row, err := s.reader.next(ctx)
	if err != nil {
		var end *stop
		if errors.As(err, &end) {
			return &Row{Line: end.Line, Remarks: []Remark{end.Remark}}, err
		}
		return nil, err
	}
	if s.seen != nil && len(row.Records) > 0 && !row.refused() {
		r := &row.Records[0] // it names the row
		if line, twice := s.seen[r.Key.ID]; twice {
			row.Remarks = append(row.Remarks, Remark{Line: row.Line, Value: shortened(r.Name), Outcome: Refused, Code: CodeDuplicate, With: fmt.Sprint(line)})
		} else {
			s.seen[r.Key.ID] = int32(row.Line) //nolint:gosec // a file of MaxFileBytes has no more lines
		}
	}
	if row.refused() {
		row.Records = nil
	}
	return row, nil
}

func (t *table) offset() int64 {
	at, _ := t.rows.section.Seek(0, io.SeekCurrent) // where a section is never fails to be told
	return t.rows.skip + at - int64(t.rows.in.Buffered())
}
