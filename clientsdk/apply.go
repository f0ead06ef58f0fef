package clientsdk

import (
	"context"
	"errors"
	"io"
	"slices"

	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/ledger"
	"github.com/arpenteur/arpenteur/syncengine/store"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// batchBytes is how much of what is read is kept in one transaction.
const batchBytes = 1 << 20

// maxRemarks bounds what is reported of one exchange; more of the same would say nothing new.
const maxRemarks = 1000

// applier keeps frames in the order in which they come, whoever sends them: the server in an answer, another tablet, or a file.
type applier struct {
	c      *Client
	id     *identity
	report *Report
	begin  func(t *applying) taker
	// accepts says of which ledgers frames are kept; all where it is nil. adopts says that one which is not held yet may begin.
	accepts func(syncengine.LedgerID) bool
	adopts  bool
	relayed bool // receipts come by others than the server, and may be old

	frames  []wire.Frame // read and not kept yet
	spoiled bool         // something before the next mark could not be kept, so the mark does not count
	touched map[syncengine.LedgerID]bool
}

// taker takes, within one transaction, the frames that mean something from one kind of sender only. The transaction may be made twice,
// with a taker for each, so what a taker finds is its own until kept.
type taker interface {
	take(f wire.Frame) error
	finish() error // before the transaction is committed
	kept()         // after it was
}

// read takes every frame of a body. Of one that is cut it keeps the complete frames and returns the cut.
func (a *applier) read(ctx context.Context, body io.Reader, limits wire.Limits) error {
	a.touched = map[syncengine.LedgerID]bool{}
	defer a.tell()
	frames := wire.NewReader(body, limits)
	defer frames.Close()
	photos := &photoTaker{a: a}
	kept := int64(0)
	for {
		f, err := frames.Next()
		var bad *wire.FrameError
		switch {
		case errors.Is(err, io.EOF):
			return errors.Join(a.keep(ctx), photos.pause())
		case errors.As(err, &bad):
			a.spoiled = true
			continue
		case err != nil:
			return errors.Join(a.keep(ctx), photos.pause(), err)
		}
		if piece, ok := f.(*wire.PhotoPiece); ok && a.relayed {
			if err = a.keep(ctx); err == nil { // the change that refers to it, perhaps
				err = photos.take(ctx, piece)
			}
			if err != nil {
				return err
			}
			continue
		}
		a.frames = append(a.frames, f)
		if frames.Decoded()-kept > batchBytes {
			if err := a.keep(ctx); err != nil {
				return err
			}
			kept = frames.Decoded()
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
	a.frames = nil
	if len(frames) == 0 {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	var t *applying
	err := a.c.store.Update(ctx, func(w store.Writer) error {
		t = &applying{applier: a, w: w, ledgers: map[syncengine.LedgerID]*ledger.Ledger{}, spoiled: a.spoiled}
		t.from = a.begin(t)
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
	if t.erased {
		if err := a.c.sweepPhotos(ctx); err != nil {
			return err
		}
	}
	a.spoiled = t.spoiled
	a.report.Received += t.received
	for _, m := range t.remarks {
		a.report.remark(m)
	}
	for id := range t.ledgers {
		a.touched[id] = true
	}
	t.from.kept()
	return nil
}

func (r *Report) remark(m wire.Remark) {
	if len(r.Remarks) < maxRemarks {
		r.Remarks = append(r.Remarks, m)
	}
}

// applying is one transaction of an applier. It may be made twice, so its results are its own until it is committed.
type applying struct {
	*applier
	from    taker
	w       store.Writer
	ledgers map[syncengine.LedgerID]*ledger.Ledger

	received int
	adopted  bool // a ledger began
	remarks  []wire.Remark
	spoiled  bool
	erased   bool // a ruling erased values, which may have named photos
}

func (t *applying) take(f wire.Frame) error {
	switch f := f.(type) {
	case *wire.Run:
		return t.run(f)
	case *wire.Values:
		return t.values(f)
	case *wire.Receipt:
		return t.receipt(f)
	case *wire.Remark:
		t.remarks = append(t.remarks, *f)
	}
	return t.from.take(f)
}

// ledger opens a ledger once in the transaction; nil where it is not held, or not to be touched.
func (t *applying) ledger(id syncengine.LedgerID) (*ledger.Ledger, error) {
	if t.accepts != nil && !t.accepts(id) {
		return nil, nil //nolint:nilnil // absence is not an error here
	}
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
	if l == nil && (!t.adopts || t.accepts != nil && !t.accepts(f.Ledger)) {
		return nil
	}
	if l == nil {
		if l, err = t.c.keeper.Adopt(t.w, f.Ledger, in, t.id.Root); err == nil {
			t.ledgers[f.Ledger], t.adopted = l, true
		}
	}
	var taken ledger.Taken
	if err == nil && t.relayed && !t.mayRead(l, f.Replica) {
		err = wire.Problemf(wire.CodeRevoked, "this tablet may not take lines of others in that diagnostic any more")
	}
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

// mayRead reports whether the user may be given lines of a replica by somebody else than the server: the authority's and one's own always,
// those of others while one is granted the ledger (law L10).
func (t *applying) mayRead(l *ledger.Ledger, replica syncengine.ReplicaID) bool {
	own := func(p ledger.Pen) bool { return p.Replica() == replica }
	return l.Authority().IsAuthority(replica) || slices.ContainsFunc(t.c.pens(t.id), own) || t.c.granted(t.id, l)
}

// granted reports whether the user has a grant in a ledger that was not revoked, as far as is known here.
func (c *Client) granted(id *identity, l *ledger.Ledger) bool {
	return slices.ContainsFunc(c.pens(id), func(p ledger.Pen) bool { return len(l.Authority().Grants(p.Replica())) > 0 })
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

func (t *applying) values(f *wire.Values) error {
	l, err := t.ledger(f.Ledger)
	if err != nil || l == nil || t.relayed && !t.c.granted(t.id, l) {
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

// finish merges what came.
func (t *applying) finish() error {
	for id, l := range t.ledgers {
		if err := l.Settle(); err != nil {
			return err
		}
		for _, n := range l.Notes() {
			if n.Code == wire.CodeValuesMissing {
				t.remarks = append(t.remarks, wire.Remark{Code: n.Code, Detail: n.Detail(), Ledger: id, Change: n.Change})
			}
		}
		if _, err := l.Advances(t.w); err != nil {
			return err
		}
		t.erased = t.erased || l.Erased()
	}
	if t.erased {
		if err := noteErased(t.w); err != nil {
			return err
		}
	}
	return t.from.finish()
}
