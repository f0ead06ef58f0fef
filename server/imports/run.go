package imports

import (
	"context"
	"errors"
	"io"
)

// Keeper keeps rows: all records of a row or none, and none that somebody else has edited since the last import.
type Keeper interface {
	// Keep takes a batch of rows that nothing speaks against, in one transaction, and returns what became of each. It may add remarks to
	// them. After an error none of the batch is kept.
	Keep(ctx context.Context, batch []*Row) ([]Outcome, error)
}

// Event is one thing that an import tells: exactly one member is set.
type Event struct {
	Begin    *Begin
	Remark   *Remark
	Progress *Progress
	Totals   *Totals
}

// Progress is how far an import is.
type Progress struct {
	Rows  int   // done
	Bytes int64 // of the file, read
	Size  int64 // of the file
}

// Totals is what became of the rows of a file. The outcomes add up to Rows.
type Totals struct {
	Rows      int `json:"rows"`
	New       int `json:"new"`
	Changed   int `json:"changed"`
	Unchanged int `json:"unchanged"`
	Kept      int `json:"kept"`
	Refused   int `json:"refused"`
	Noted     int `json:"noted"` // remarks on rows that were taken
	// Incomplete says that the rest of the file could not be read; the last remark says why.
	Incomplete bool `json:"incomplete"`
}

func (t *Totals) count(o Outcome) {
	t.Rows++
	switch o {
	case New:
		t.New++
	case Changed:
		t.Changed++
	case Unchanged:
		t.Unchanged++
	case Kept:
		t.Kept++
	default:
		t.Refused++
	}
}

// run is an import under way.
type run struct {
	s      *Source
	keeper Keeper
	tell   func(Event) error
	totals Totals
	batch  []*Row // in the order of the file, refused ones among them
	bytes  int
}

// Run takes all rows of a source: it hands them to keeper in batches and tells, in the order of the file, what there is to say of each. It
// ends with the first error of keeper or tell, and when ctx is done; what was kept before stands, and the same file again goes on from there.
func Run(ctx context.Context, s *Source, keeper Keeper, tell func(Event) error) (*Totals, error) {
	r := &run{s: s, keeper: keeper, tell: tell}
	if err := tell(Event{Begin: &s.begin}); err != nil {
		return nil, err
	}
	for {
		row, err := s.next(ctx)
		if row != nil {
			r.batch = append(r.batch, row)
			r.bytes += row.size()
		}
		var end *stop
		ended := errors.Is(err, io.EOF) || errors.As(err, &end)
		if err != nil && !ended {
			return nil, err
		}
		if ended || len(r.batch) == batchRows || r.bytes >= batchBytes {
			if err := r.flush(ctx, end != nil); err != nil {
				return nil, err
			}
		}
		if ended {
			return &r.totals, tell(Event{Totals: &r.totals})
		}
	}
}

// flush hands the batch over. cut says that its last row only tells that the file can't be read further.
func (r *run) flush(ctx context.Context, cut bool) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	good := make([]*Row, 0, len(r.batch))
	for _, row := range r.batch {
		if len(row.Records) > 0 {
			good = append(good, row)
		}
	}
	var outcomes []Outcome
	if len(good) > 0 {
		var err error
		if outcomes, err = r.keeper.Keep(ctx, good); err != nil {
			return err
		}
	}
	for i, row := range r.batch {
		outcome := Refused
		if len(row.Records) > 0 {
			outcome, outcomes = outcomes[0], outcomes[1:]
		}
		if cut && i == len(r.batch)-1 {
			r.totals.Incomplete = true
		} else {
			r.totals.count(outcome)
		}
		if err := r.tellRow(row); err != nil {
			return err
		}
	}
	r.batch, r.bytes = r.batch[:0], 0
	return r.tell(Event{Progress: &Progress{r.totals.Rows, r.s.reader.offset(), r.s.begin.Size}})
}

// tellRow tells what is to be said of a row.
func (r *run) tellRow(row *Row) error {
	for i := range row.Remarks {
		if row.Remarks[i].Outcome == Noted {
			r.totals.Noted++
		}
		if err := r.tell(Event{Remark: &row.Remarks[i]}); err != nil {
			return err
		}
	}
	return nil
}
