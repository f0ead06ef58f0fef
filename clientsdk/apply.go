package clientsdk

import (
	"context"
	"errors"
	"io"

	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/ledger"
	"github.com/arpenteur/arpenteur/syncengine/store"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// batchBytes is how much of an answer is kept in one transaction.
const batchBytes = 1 << 20

// applier keeps what an answer brings, in the order in which it comes.
type applier struct {
	*syncer
	id     *identity
	full   bool
	frames []wire.Frame // read and not kept yet
	size   int

	more, resend bool
	lost         bool // a head of our own log that we do not hold, or a branch of it
	broken       bool // a run did not link: what the server holds is not what we thought
	spoiled      bool // something before the next mark could not be kept, so the mark does not count
	touched      map[syncengine.LedgerID]bool
}

// read takes every frame of an answer. Of one that is cut it keeps the complete frames and returns the cut.
func (a *applier) read(ctx context.Context, body io.Reader) error {
	a.touched = map[syncengine.LedgerID]bool{}
	frames := wire.NewReader(body, wire.Limits{})
	defer frames.Close()
	for {
		f, err := frames.Next()
		var bad *wire.FrameError
		switch {
		case errors.Is(err, io.EOF):
			err := a.keep(ctx)
			a.tell()
			return err
		case errors.As(err, &bad):
			a.spoiled = true
			continue
		case err != nil:
			err = errors.Join(a.keep(ctx), err)
			a.tell()
			return err
		}
		a.frames = append(a.frames, f)
		if run, ok := f.(*wire.Run); ok {
			for _, line := range run.Lines {
				a.size += len(line)
			}
		}
		if a.size > batchBytes {
			if err := a.keep(ctx); err != nil {
				return err
			}
		}
	}
}

// tell lets watchers know which ledgers moved.
func (a *applier) tell() {
	for id := range a.touched {
		a.c.watchers.send(Event{Type: Moved, Ledger: id})
	}
}

// keep applies the frames read so far in one transaction.
func (a *applier) keep(ctx context.Context) error {
	frames := a.frames
	a.frames, a.size = nil, 0
	if len(frames) == 0 {
		return nil
	}
	var t *applying
	err := a.c.store.Update(ctx, func(w store.Writer) error {
		t = &applying{applier: a, w: w, ledgers: map[syncengine.LedgerID]*ledger.Ledger{}, spoiled: a.spoiled}
		var err error
		if t.base, err = readBase(w); err != nil {
			return err
		}
		t.known = t.base
		for _, f := range frames {
			if err := t.take(f); err != nil {
				return err
			}
		}
		return t.finish()
	})
	if err != nil {
		return err
	}
	a.spoiled = t.spoiled
	a.more, a.resend = a.more || t.more, a.resend || t.resend
	a.lost, a.broken = a.lost || t.lost, a.broken || t.broken
	a.report.Received += t.received
	a.report.Remarks = append(a.report.Remarks, t.remarks...)
	for id := range t.ledgers {
		a.touched[id] = true
	}
	return nil
}

// applying is one transaction of an applier. It may be made twice, so its results are its own until it is committed.
type applying struct {
	*applier
	w       store.Writer
	ledgers map[syncengine.LedgerID]*ledger.Ledger
	base    base
	known   base // as it was when the transaction began

	received     int
	remarks      []wire.Remark
	more, resend bool
	lost, broken bool
	spoiled      bool
}

func (t *applying) take(f wire.Frame) error {
	switch f := f.(type) {
	case *wire.LedgerAccess:
		return t.access(f)
	case *wire.Run:
		return t.run(f)
	case *wire.Have:
		return t.have(f)
	case *wire.Values:
		return t.values(f)
	case *wire.Receipt:
		return t.receipt(f)
	case *wire.Remark:
		t.remark(f)
	case *wire.Resend:
		t.resend = true
		t.base.Token = ""
	case *wire.Mark:
		if t.base.Token = f.Base; t.spoiled {
			t.base.Token = ""
		}
	case *wire.End:
		t.more = f.More
	}
	return nil
}

// ledger opens a ledger once in the transaction; nil where it is not held.
func (t *applying) ledger(id syncengine.LedgerID) (*ledger.Ledger, error) {
	if l := t.ledgers[id]; l != nil {
		return l, nil
	}
	l, err := t.c.keeper.Edit(t.w, id)
	if errors.Is(err, ledger.ErrUnknownLedger) {
		return nil, nil //nolint:nilnil // absence is not an error here
	}
	if err == nil {
		t.ledgers[id] = l
	}
	return l, err
}

func (t *applying) run(f *wire.Run) error {
	in, err := ledger.Decode(f)
	if err != nil {
		t.refused(f, err)
		return nil
	}
	l, err := t.ledger(f.Ledger)
	if err != nil {
		return err
	}
	if l == nil {
		if l, err = t.c.keeper.Adopt(t.w, f.Ledger, in, t.id.Root); err == nil {
			t.ledgers[f.Ledger] = l
		}
	}
	var taken ledger.Taken
	if err == nil {
		taken, err = l.Receive(in)
	}
	var p *wire.Problem
	if errors.As(err, &p) {
		t.refused(f, err)
		return nil
	}
	t.received += taken.Fresh
	return err
}

// refused notes that a run could not be kept here: the marks of this answer then do not count, and the next exchange asks for everything.
func (t *applying) refused(f *wire.Run, err error) {
	t.spoiled = true
	m := wire.Remark{Code: wire.CodeOf(err), Ledger: f.Ledger, Replica: f.Replica, First: f.First}
	var p *wire.Problem
	if errors.As(err, &p) {
		m.Detail = p.Detail
	}
	t.remarks = append(t.remarks, m)
}

// remark reads what the server says of what was sent.
func (t *applying) remark(f *wire.Remark) {
	switch f.Code {
	case wire.CodeForked:
		t.lost = t.lost || f.Replica == t.c.pens(t.id)[0].Replica()
	case wire.CodeBrokenChain:
		t.broken = true
	case wire.CodeUnknownLedger:
		t.unknown = true
	}
	t.remarks = append(t.remarks, *f)
}

func (t *applying) values(f *wire.Values) error {
	l, err := t.ledger(f.Ledger)
	if err != nil || l == nil {
		return err
	}
	line, err := wire.DecodeLine(f.Line, f.Ledger)
	if err != nil || line.Change.ID != f.Change {
		t.spoiled = true
		return nil
	}
	_, err = l.Fill(line)
	return err
}

// receipt keeps a receipt that verifies. One that goes back is that of a restored server, and counts: it says what is safe now.
func (t *applying) receipt(f *wire.Receipt) error {
	l, err := t.ledger(f.Ledger)
	if err != nil || l == nil {
		return err
	}
	if !l.VerifiesReceipt(f) {
		t.spoiled = true
		return nil
	}
	s, err := readSide(t.w, f.Ledger)
	if err != nil {
		return err
	}
	if s.Receipts == nil {
		s.Receipts = map[string][]byte{}
	}
	s.Receipts[f.Replica.String()] = wire.AppendFrame(nil, f)
	return writeSide(t.w, f.Ledger, s)
}

// finish merges what came and keeps where the next exchange starts from.
func (t *applying) finish() error {
	for _, l := range t.ledgers {
		if err := l.Settle(); err != nil {
			return err
		}
		if _, err := l.Advances(t.w); err != nil {
			return err
		}
	}
	t.base.Challenge = t.c.lastChallenge()
	if t.base == t.known {
		return nil
	}
	return writeBase(t.w, t.base)
}
