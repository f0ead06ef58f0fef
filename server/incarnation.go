package server

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/ledger"
	"github.com/arpenteur/arpenteur/syncengine/store"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// incarnationsKey is where the incarnations after the first are kept, oldest first.
const incarnationsKey = "incarnations"

// incarnation is one key that the authority writes with. Its nonce makes the key one that was never used, also where two servers go on from
// the same backup.
type incarnation struct {
	Number uint64 `json:"number"`
	Nonce  []byte `json:"nonce"`
	At     int64  `json:"at"` // when the store was found to be an older copy, milliseconds since 1970 UTC
	pen    ledger.Pen
}

// Begin finds out whether the store is an older copy of what this server last wrote: because it says so itself, or because the heads that are
// kept outside say more. If it is, the authority goes on as a new incarnation in every ledger, and tablets bring back what was lost. It is
// called before anything is served or written, and goes on where an earlier call was cut.
func (s *Server) Begin(ctx context.Context) error {
	list, restored, err := s.loadIncarnations(ctx)
	if err != nil {
		return err
	}
	s.incarnations.Store(&list)
	behind, err := s.behindHeads(ctx)
	if err != nil {
		return err
	}
	if restored || behind {
		s.Log.Warn().Bool("restored", restored).Bool("behind", behind).Msg("the store is an older copy: the authority goes on as a new incarnation")
		return s.reincarnate(ctx, 0)
	}
	if len(list) > 1 {
		return s.succeedEverywhere(ctx)
	}
	return s.keepAllHeads(ctx)
}

// loadIncarnations reads with which keys the authority writes, oldest first, and whether the store says that it was restored.
func (s *Server) loadIncarnations(ctx context.Context) (list []incarnation, restored bool, err error) {
	err = s.Store.View(ctx, func(r store.Reader) error {
		list = []incarnation{{Number: 1, pen: s.pen}}
		raw, err := r.Get(spaceServer, syncengine.LedgerID{}, []byte(restoredKey))
		if err != nil {
			return err
		}
		restored = raw != nil
		var later []incarnation
		if _, err := get(r, spaceServer, []byte(incarnationsKey), &later); err != nil {
			return err
		}
		for _, i := range later {
			i.pen = s.Secret.pen(i.Number, i.Nonce)
			list = append(list, i)
		}
		return nil
	})
	return list, restored, err
}

// reincarnate gives the authority a key that was never used, of a number above all that is known, and opens it in every ledger.
func (s *Server) reincarnate(ctx context.Context, above uint64) error {
	next := incarnation{Nonce: make([]byte, 16), At: s.millis()}
	if _, err := io.ReadFull(s.Secret.rand, next.Nonce); err != nil {
		return err
	}
	var list []incarnation
	err := s.Store.Update(ctx, func(w store.Writer) error {
		var later []incarnation
		if _, err := get(w, spaceServer, []byte(incarnationsKey), &later); err != nil {
			return err
		}
		next.Number = max(above, s.Heads.number(), 1)
		for _, i := range later {
			next.Number = max(next.Number, i.Number)
		}
		next.Number++
		later = append(later, next)
		list = append(slices.Clone(*s.incarnations.Load()), next)
		return errors.Join(
			put(w, spaceServer, []byte(incarnationsKey), later),
			w.Delete(spaceServer, syncengine.LedgerID{}, []byte(restoredKey)),
			s.audit(w, serverAccount, auditIncarnation, fmt.Sprint(next.Number)),
		)
	})
	if err != nil {
		return err
	}
	list[len(list)-1].pen = s.Secret.pen(next.Number, next.Nonce)
	s.incarnations.Store(&list)
	return s.succeedEverywhere(ctx)
}

// succeedEverywhere opens the newest incarnation in every ledger where that was not done yet, each in a transaction of its own.
func (s *Server) succeedEverywhere(ctx context.Context) error {
	ids, err := s.allLedgers(ctx)
	if err != nil {
		return err
	}
	for _, id := range ids {
		err := s.edit(ctx, id, func(l *ledger.Ledger, _ store.Writer) error {
			_, err := s.penFor(l)
			return err
		})
		if err != nil {
			return fmt.Errorf("open incarnation in ledger %s: %w", id, err)
		}
	}
	return s.keepAllHeads(ctx)
}

// allLedgers returns the ids of all ledgers.
func (s *Server) allLedgers(ctx context.Context) ([]syncengine.LedgerID, error) {
	var ids []syncengine.LedgerID
	err := s.Store.View(ctx, func(r store.Reader) error {
		ids = ids[:0]
		return each(r, spaceLedgers, nil, func(key []byte, _ *ledgerEntry) (bool, error) {
			ids = append(ids, syncengine.LedgerID{Hash: syncengine.Hash(key)})
			return true, nil
		})
	})
	return ids, err
}

// authorityKeys returns the keys of all incarnations, the newest first.
func (s *Server) authorityKeys() []ed25519.PrivateKey {
	var out []ed25519.PrivateKey
	for _, i := range slices.Backward(*s.incarnations.Load()) {
		out = append(out, i.pen.Key)
	}
	return out
}

// newest returns the incarnation that new ledgers begin with.
func (s *Server) newest() incarnation {
	list := *s.incarnations.Load()
	return list[len(list)-1]
}

// restored returns when the store was last found to be an older copy of what was written with it, the zero time where it never was.
func (s *Server) restored() time.Time {
	if now := s.newest(); now.At > 0 {
		return time.UnixMilli(now.At)
	}
	return time.Time{}
}

// penFor returns what the authority writes with in a ledger that is being edited, opening the newest incarnation there first where that was
// not done yet.
func (s *Server) penFor(l *ledger.Ledger) (ledger.Pen, error) {
	now := s.newest()
	a := l.Authority()
	switch {
	case a.Current() == now.pen.Replica():
		return now.pen, nil
	case now.Number <= a.Number(): // lines of an incarnation that this store lost came back: Begin or the next push opens one above it
		return ledger.Pen{}, wire.Problemf(wire.CodeBusy, "the server is taking up what it lost; try again")
	}
	id, err := s.newID()
	if err != nil {
		return ledger.Pen{}, err
	}
	return now.pen, l.Succeed(now.pen, s.Secret.root(), now.Number, id, serverAccount, s.millis())
}

// write appends edits to the authority's log of a ledger.
func (s *Server) write(l *ledger.Ledger, edits ...ledger.Edit) ([]*wire.Line, error) {
	pen, err := s.penFor(l)
	if err != nil {
		return nil, err
	}
	return l.Commit(pen, edits...)
}

// signer returns what the authority signs receipts with in a ledger, and the point of its log that they name: that of the newest of its
// incarnations that the ledger knows.
func (s *Server) signer(l *ledger.Ledger) (ledger.Pen, syncengine.AuthorityPoint, error) {
	list := *s.incarnations.Load()
	for _, i := range slices.Backward(list) {
		replica := i.pen.Replica()
		if !l.Authority().IsAuthority(replica) {
			continue
		}
		heads, err := l.Heads(replica)
		if err != nil || len(heads) == 0 {
			return i.pen, syncengine.AuthorityPoint{}, err
		}
		return i.pen, syncengine.AuthorityPoint{Replica: replica, Seq: heads[0].Seq}, nil
	}
	return ledger.Pen{}, syncengine.AuthorityPoint{}, fmt.Errorf("ledger %s: no key of this server is an authority's: %w", l.ID(), ErrSecret)
}
