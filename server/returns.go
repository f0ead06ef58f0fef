package server

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"

	"github.com/arpenteur/arpenteur/schemas"
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
	Taken int `json:"taken" doc:"lines that were not held before"`
}

// takeReturns is POST /v1/returns: lines of the authority's own logs, brought back by a tablet that a restored server does not know any
// more, or of a ledger that it lost. They need no account: each run is signed by the authority, or begins a ledger that names this server's root
// key, and nothing else is taken.
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
		in, err := ledger.Decode(run)
		if err != nil {
			return err
		}
		fresh, err := s.takeBack(c.Context(), in)
		if err != nil {
			return err
		}
		answer.Taken += fresh
	}
}

// takeBack keeps one run of the authority's log, in a ledger that is begun with it where it is not held.
func (s *Server) takeBack(ctx context.Context, in *ledger.Incoming) (fresh int, err error) {
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
		if err := enterLedger(w, l.ID(), ledgerEntry{Diagnostic: in.Decoded[0].Change.Record}); err != nil {
			return 0, 0, err
		}
	}
	if err := s.relearn(w, l, in, got.Fresh); err != nil {
		return 0, 0, err
	}
	if err := l.Settle(); err != nil {
		return 0, 0, err
	}
	if err := s.relearnDiagnostic(w, l); err != nil {
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

// relearn brings the directory up to grants and revocations that came back, and notes redactions among them.
func (s *Server) relearn(w store.Writer, l *ledger.Ledger, in *ledger.Incoming, fresh int) error {
	if !l.Authority().IsAuthority(in.Replica) {
		return nil
	}
	for _, line := range in.Decoded[len(in.Decoded)-fresh:] {
		r := line.Change.Ruling
		if r == nil {
			continue
		}
		if r.Type == syncengine.Redact {
			if err := noteErasure(w, s.millis()); err != nil {
				return err
			}
		}
		grant := r
		if r.Type == syncengine.Revoke {
			grant = l.Authority().Ruling(r.Target)
		}
		if grant == nil || grant.Type != syncengine.Grant {
			continue
		}
		if err := s.relearnDevice(w, l, grant, line.Change.Time); err != nil {
			return err
		}
	}
	return nil
}

// relearnDevice enters the replica of a grant, and what it may have of the ledger by all that is held.
func (s *Server) relearnDevice(w store.Writer, l *ledger.Ledger, grant *syncengine.Ruling, granted int64) error {
	known, err := device(w, grant.Replica)
	if err != nil {
		return err
	}
	if known == nil {
		d := &Device{
			Key: wire.PublicKeyOf(grant.Key), Replica: grant.Replica, Account: grant.Account, Name: grant.Replica.String()[:8], Role: grant.Role,
			Enrolled: granted, Predecessor: grant.Predecessor,
		}
		if err := put(w, spaceDevices, d.Replica.Hash[:], d); err != nil {
			return err
		}
	}
	a := access{Access: wire.AccessRevoked, Grants: l.Authority().Grants(grant.Replica)}
	if len(a.Grants) > 0 {
		a.Access = wire.AccessFull
	}
	return put(w, spaceAccess, accessKey(grant.Replica, l.ID()), a)
}

// relearnDiagnostic enters a diagnostic whose ledgers came back, as far as they say by now.
func (s *Server) relearnDiagnostic(w store.Writer, l *ledger.Ledger) error {
	var e ledgerEntry
	d, id := new(Diagnostic), l.ID()
	if found, err := get(w, spaceLedgers, id.Hash[:], &e); err != nil || !found {
		return err
	}
	found, err := get(w, spaceDiagnostics, e.Diagnostic[:], d)
	if err != nil || found && d.Name != "" && slices.Contains(d.ledgers(), id) {
		return err
	}
	if !found {
		*d = Diagnostic{ID: e.Diagnostic, Created: s.millis()}
	}
	if len(l.Authority().Versions(string(schemas.Diagnostic))) == 0 {
		if len(l.Authority().Lineages()) == 0 {
			return nil // which of the two it is will be seen by what is published in it
		}
		d.Restricted, e.Restricted = id, true
		return errors.Join(put(w, spaceLedgers, id.Hash[:], e), put(w, spaceDiagnostics, d.ID[:], d))
	}
	d.Ledger = id
	about, err := l.Record(syncengine.RecordKey{Kind: schemas.Diagnostic, ID: d.ID})
	if err != nil {
		return err
	}
	if about != nil {
		if f := about.Field("/title"); f != nil {
			d.Name = textOf(f.Shown)
		}
	}
	return put(w, spaceDiagnostics, d.ID[:], d)
}
