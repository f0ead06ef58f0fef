package server

import (
	"context"
	"errors"
	"io"
	"net/http"

	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/ledger"
	"github.com/arpenteur/arpenteur/syncengine/store"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// Limits of what is returned at once by somebody who is not known here.
const (
	maxReturnBytes = 1 << 20 // of the body
	maxReturned    = 8 << 20 // decompressed
)

// returned is the answer to returned lines.
type returned struct {
	Taken   int            `json:"taken" doc:"lines that were not held before"`
	Refused []refusedLines `json:"refused,omitempty" doc:"runs that were not taken; the others were"`
}

// refusedLines says why one run was not taken.
type refusedLines struct {
	Ledger syncengine.LedgerID `json:"ledger"`
	Code   wire.Code           `json:"code"`
	Detail string              `json:"detail"`
}

// takeReturns is POST /v1/returns: lines of the authority's own logs, brought back by a tablet that a restored server does not know any
// more, or of a ledger that it lost. They need no account: each run is signed by an authority that this server's root key certified, and nothing
// else is taken. A run that is refused holds back no other (law L6).
func (s *Server) takeReturns(c *call) error {
	body := http.MaxBytesReader(c.w, c.Body, maxReturnBytes)
	frames := wire.NewReader(body, wire.Limits{Decoded: maxReturned})
	defer frames.Close()
	end, err := s.turns.begin(c.Context())
	if err != nil {
		return err
	}
	defer end()
	var answer returned
	for {
		f, err := frames.Next()
		var large *http.MaxBytesError
		if errors.As(err, &large) {
			return wire.Problemf(wire.CodeTooLarge, "the body is over %d bytes: what came before that is kept; send less at once", large.Limit)
		}
		if errors.Is(err, io.EOF) || errors.Is(err, wire.CodeTruncated) {
			return c.answer(http.StatusOK, answer)
		}
		if err != nil {
			return err
		}
		run, ok := f.(*wire.Run)
		if !ok {
			continue
		}
		fresh, err := s.takeBack(c.Context(), run)
		answer.Taken += fresh
		var p *wire.Problem
		switch {
		case errors.As(err, &p) && p.Code != wire.CodeBusy:
			answer.Refused = append(answer.Refused, refusedLines{run.Ledger, p.Code, p.Detail})
		case err != nil:
			return err
		}
	}
}

// takeBack keeps one run of the authority's log, in a ledger that is begun with it where it is not held.
func (s *Server) takeBack(ctx context.Context, run *wire.Run) (fresh int, err error) {
	in, err := ledger.Decode(run)
	if err != nil {
		return 0, err
	}
	var above uint64
	err = s.Store.Update(ctx, func(w store.Writer) (err error) {
		fresh, above, err = s.keepReturned(w, in)
		return err
	})
	if err != nil || fresh == 0 {
		return 0, err
	}
	s.events.moved(in.Ledger, 0)
	s.keepHeads(ctx, in.Ledger)
	s.Log.Warn().Stringer("ledger", in.Ledger).Int("lines", fresh).Msg("lines of the authority that this store lacked came back")
	return fresh, s.outgrow(ctx, above)
}

// keepReturned is takeBack within a transaction. above is the incarnation that a new one must exceed, 0 where none is needed.
func (s *Server) keepReturned(w store.Writer, in *ledger.Incoming) (fresh int, above uint64, err error) {
	l, err := s.keeper.Edit(w, in.Ledger)
	lost := errors.Is(err, ledger.ErrUnknownLedger)
	if lost {
		l, err = s.keeper.Adopt(w, in.Ledger, in, s.Secret.RootKey())
	}
	if err != nil {
		return 0, 0, err
	}
	got, err := l.Receive(in)
	if err != nil {
		return 0, 0, err
	}
	if !l.Authority().IsAuthority(in.Replica) {
		return 0, 0, wire.Problemf(wire.CodeUnauthenticated, "only lines of the authority can be returned")
	}
	if lost {
		// Which of a diagnostic's two ledgers it is will be seen by what is published in it. Until then it is closed to whom the restricted one is.
		if err := enterLedger(w, l.ID(), ledgerEntry{Diagnostic: in.Decoded[0].Change.Record, Restricted: true}); err != nil {
			return 0, 0, err
		}
	}
	if err := s.relearn(w, l, in, got.Fresh); err != nil {
		return 0, 0, err
	}
	if err := s.merge(w, l, true); err != nil {
		return 0, 0, err
	}
	_, err = l.Advances(w)
	return got.Fresh, s.outgrown(l, in, got.Fresh), err
}

// outgrow opens an incarnation above another one, 0 where none is needed.
func (s *Server) outgrow(ctx context.Context, above uint64) error {
	if above == 0 {
		return nil
	}
	s.Log.Warn().Msg("lines of the authority came back that this store lacks: it was restored from an older copy")
	return s.reincarnate(ctx, above)
}

// outgrown returns the number above which a new incarnation is needed, because a run brought lines of the one that this server writes as, or of
// one above it: the store is older than what was written with it. It returns 0 where none is.
func (s *Server) outgrown(l *ledger.Ledger, in *ledger.Incoming, fresh int) uint64 {
	now := s.newest()
	if fresh == 0 || !l.Authority().IsAuthority(in.Replica) {
		return 0
	}
	current := l.Authority().Current()
	if in.Replica == now.pen.Replica() || current != now.pen.Replica() && now.Number <= l.Authority().Number() {
		return max(now.Number, l.Authority().Number())
	}
	return 0
}
