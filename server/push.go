package server

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/ledger"
	"github.com/arpenteur/arpenteur/syncengine/store"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// Limits of what is taken at once: runs are committed together up to this many bytes of lines.
const batchBytes = 1 << 20

// maxWants is how many changes a request may ask the values of; the client asks for the others next time.
const maxWants = 1024

// clockTolerance is how far ahead of the server's clock an author time may lie and still be believed.
const clockTolerance = time.Hour

// take reads the frames of a request and commits the runs in batches. Of a body that is cut it keeps every complete run; each refused
// frame or run is remarked and holds back nothing else (law L6).
func (x *exchange) take(ctx context.Context, body io.Reader, limits wire.Limits) error {
	frames := wire.NewReader(body, limits)
	defer frames.Close()
	var batch []*wire.Run
	size := 0
	flush := func() error {
		err := x.commit(ctx, batch)
		batch, size = batch[:0], 0
		return err
	}
	for {
		f, err := frames.Next()
		var bad *wire.FrameError
		switch {
		case errors.Is(err, io.EOF):
			return errors.Join(x.complete(), flush())
		case errors.As(err, &bad) && x.hello != nil:
			x.remark(&wire.Remark{Code: bad.Problem.Code, Detail: bad.Problem.Detail})
			continue
		case errors.Is(err, wire.CodeTruncated):
			x.s.metrics.truncated.Inc()
			x.cut = err
			if err := flush(); err != nil {
				return err
			}
			if err := x.complete(); err != nil {
				return err
			}
			x.remark(&wire.Remark{Code: wire.CodeTruncated, Detail: "the body ended early; every complete run was taken"})
			return nil
		case err != nil:
			return errors.Join(flush(), err)
		}
		if err := x.frame(f, &batch, &size); err != nil {
			return errors.Join(flush(), err)
		}
		if size >= batchBytes {
			if err := flush(); err != nil {
				return err
			}
		}
		if err := x.photo(ctx, f, flush); err != nil {
			return err
		}
	}
}

// photo takes a piece of a photo out of a file, once the lines before it are committed. A tablet sends its photos apart.
func (x *exchange) photo(ctx context.Context, f wire.Frame, flush func() error) error {
	piece, ok := f.(*wire.PhotoPiece)
	if !ok || x.photos == nil {
		return nil
	}
	if err := flush(); err != nil {
		return err
	}
	return x.photos.take(ctx, piece)
}

// complete checks that a request that ended had begun.
func (x *exchange) complete() error {
	if x.hello == nil {
		return wire.Problemf(wire.CodeMalformed, "the first frame must be hello")
	}
	return nil
}

// frame takes one frame.
func (x *exchange) frame(f wire.Frame, batch *[]*wire.Run, size *int) error {
	if hello, ok := f.(*wire.Hello); ok && x.hello == nil {
		x.hello = hello
		return nil
	}
	if err := x.complete(); err != nil {
		return err
	}
	switch f := f.(type) {
	case *wire.Hello:
		return wire.Problemf(wire.CodeMalformed, "hello came twice")
	case *wire.Have:
		if _, granted := x.ledgers[f.Ledger]; !granted { // perhaps this store lost it; the tablet can bring it back
			x.remark(&wire.Remark{Code: wire.CodeUnknownLedger, Ledger: f.Ledger})
			return nil
		}
		x.have[f.Ledger] = f.Logs
	case *wire.Want:
		x.wants = append(x.wants, f)
	case *wire.Announced:
		if len(x.announced) < maxAnnounced {
			x.announced = append(x.announced, f)
		}
	case *wire.Run:
		if _, granted := x.ledgers[f.Ledger]; !granted {
			x.remark(&wire.Remark{Code: wire.CodeUnknownLedger, Ledger: f.Ledger, Replica: f.Replica, First: f.First})
			return nil
		}
		*batch = append(*batch, f)
		for _, line := range f.Lines {
			*size += len(line)
		}
	}
	return nil
}

// maxRemarks bounds what is said of one request; more of the same would say nothing new.
const maxRemarks = 1000

func (x *exchange) remark(r *wire.Remark) {
	if len(x.remarks) < maxRemarks {
		x.remarks = append(x.remarks, r)
	}
	x.s.metrics.remarks.WithLabelValues(string(r.Code)).Inc()
}

// commit decodes runs off every lock and takes them, ledger by ledger, each ledger in one transaction.
func (x *exchange) commit(ctx context.Context, batch []*wire.Run) error {
	if len(batch) == 0 {
		return nil
	}
	end, err := x.s.turns.begin(ctx)
	if err != nil {
		return err
	}
	defer end()
	var order []syncengine.LedgerID
	byLedger := map[syncengine.LedgerID][]*ledger.Incoming{}
	for _, run := range batch {
		in, err := ledger.Decode(run)
		if err != nil {
			x.remark(remarkOn(run, err))
			continue
		}
		if byLedger[run.Ledger] == nil {
			order = append(order, run.Ledger)
		}
		byLedger[run.Ledger] = append(byLedger[run.Ledger], in)
	}
	for _, id := range order {
		if err := x.commitLedger(ctx, id, byLedger[id], end); err != nil {
			return err
		}
	}
	return nil
}

// remarkOn says why a run was not taken.
func remarkOn(run *wire.Run, err error) *wire.Remark {
	m := &wire.Remark{Code: wire.CodeOf(err), Ledger: run.Ledger, Replica: run.Replica, First: run.First}
	var p *wire.Problem
	if errors.As(err, &p) {
		m.Detail = p.Detail
	}
	return m
}

// commitLedger takes the runs of one ledger in one transaction. What is refused is remarked; what is taken is durable when it returns. end is
// called when the runs are prepared.
func (x *exchange) commitLedger(ctx context.Context, id syncengine.LedgerID, runs []*ledger.Incoming, end func()) error {
	var remarks []*wire.Remark
	var got received
	err := x.s.edit(ctx, id, func(l *ledger.Ledger, w store.Writer) (err error) {
		if got, err = x.receive(w, l, runs); err != nil {
			return err
		}
		remarks = got.remarks
		if err := dropAnnounced(w, l, got.taken); err != nil {
			return err
		}
		untimed, err := x.s.untimed(l)
		if err != nil {
			return err
		}
		if err := x.s.merge(w, l, got.returned); err != nil {
			return err
		}
		end() // what is left waits for the disk
		for _, n := range l.Notes() {
			remarks = append(remarks, &wire.Remark{Code: n.Code, Detail: n.Detail(), Ledger: id, Change: n.Change})
		}
		for _, c := range untimed {
			remarks = append(remarks, &wire.Remark{Code: wire.CodeUntimed, Detail: "the author time is ahead of the server's clock", Ledger: id, Change: c})
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := x.s.outgrow(ctx, got.above); err != nil {
		return err
	}
	for _, m := range remarks {
		x.remark(m)
	}
	for _, in := range got.taken {
		x.pushed[logName{id, in.Replica}] = syncengine.Head{Seq: in.Last()}
	}
	x.fresh[id] += got.lines
	x.s.metrics.lines.Add(float64(got.lines))
	return nil
}

// received is what became of the runs of one ledger.
type received struct {
	remarks []*wire.Remark // on those that are refused
	taken   []*ledger.Incoming
	lines   int    // that are new
	above   uint64 // a new incarnation of the authority is needed above this one; 0: none is
	// returned says that lines of the authority are among them: this store lost them.
	returned bool
}

// receive takes runs into a ledger, each by itself, and brings the directory up to what came back with them.
func (x *exchange) receive(w store.Writer, l *ledger.Ledger, runs []*ledger.Incoming) (out received, err error) {
	for _, in := range runs {
		got, err := l.Receive(in)
		var p *wire.Problem
		switch {
		case errors.As(err, &p):
			if p.Code == wire.CodeBadHead && !x.replica.IsZero() {
				p = x.s.explainHead(w, x.ledgers, in, p)
			}
			out.remarks = append(out.remarks, remarkOn(in.Run, p))
			continue
		case err != nil:
			return out, err
		}
		out.taken = append(out.taken, in)
		out.lines += got.Fresh
		out.above = max(out.above, x.s.outgrown(l, in, got.Fresh))
		out.returned = out.returned || got.Fresh > 0 && l.Authority().IsAuthority(in.Replica)
		if err := x.s.relearn(w, l, in, got.Fresh); err != nil {
			return out, err
		}
	}
	return out, nil
}

// explainHead tells a run that was signed for another of the replica's ledgers from one that is damaged or forged.
func (s *Server) explainHead(w store.Writer, ledgers map[syncengine.LedgerID]held, in *ledger.Incoming, p *wire.Problem) *wire.Problem {
	for id := range ledgers {
		if id == in.Ledger {
			continue
		}
		other := *in.Run
		other.Ledger = id
		again, err := ledger.Decode(&other)
		if err != nil {
			continue
		}
		l, err := s.keeper.View(w, id)
		if err != nil {
			continue
		}
		if l.Verifies(again) {
			return wire.Problemf(wire.CodeWrongLedger, "the run was signed for another ledger")
		}
	}
	return p
}

// untimed rules that author times ahead of the server's clock are not to be believed, in the transaction that accepts the changes.
func (s *Server) untimed(l *ledger.Ledger) ([]syncengine.ChangeID, error) {
	latest := s.Now().Add(clockTolerance).UnixMilli()
	var edits []ledger.Edit
	var ids []syncengine.ChangeID
	for _, c := range l.Fresh() {
		if c.Time <= latest {
			continue
		}
		e, err := ledger.Rule(s.newID, serverAccount, s.millis(), syncengine.Ruling{Type: syncengine.Untimed, Target: c.ID}, "")
		if err != nil {
			return nil, err
		}
		edits, ids = append(edits, e), append(ids, c.ID)
	}
	if len(edits) == 0 {
		return nil, nil
	}
	_, err := s.write(l, edits...)
	return ids, err
}

// serverAccount is the author of what the server decides by itself.
const serverAccount syncengine.AccountID = "server"
