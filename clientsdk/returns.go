package clientsdk

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/ledger"
	"github.com/arpenteur/arpenteur/syncengine/store"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

const (
	// returnBytes is how much of the authority's log goes back in one request, before compression.
	returnBytes = 512 << 10
	// returnAgain is how long a tablet waits before it brings the same back again.
	returnAgain = time.Hour
)

// giveBack brings the server the authority's own logs, when it does not know this tablet or one of its ledgers any more: it was restored from
// a copy that is older than their grants. It reports whether that helped, so that the exchange is worth another try.
func (s *syncer) giveBack(ctx context.Context) (bool, error) {
	now := s.c.o.Now()
	s.c.mu.Lock()
	wait := now.Sub(s.c.gaveBack) < returnAgain
	s.c.gaveBack = now
	s.c.mu.Unlock()
	if wait {
		return false, nil
	}
	id, pen, err := s.identity(ctx)
	if err != nil {
		return false, err
	}
	bodies, err := s.authorityLogs(ctx)
	if err != nil {
		return false, err
	}
	taken := 0
	for _, body := range bodies {
		n, err := s.sendBack(ctx, id, pen, body)
		var p *wire.Problem
		if errors.As(err, &p) {
			continue // this one is not wanted; others may be
		}
		if err != nil {
			return false, err
		}
		taken += n
	}
	return taken > 0, nil
}

// authorityLogs encodes all lines of the authority that are held, in the order in which they link up.
func (s *syncer) authorityLogs(ctx context.Context) (bodies [][]byte, err error) {
	err = s.c.store.View(ctx, func(r store.Reader) error {
		bodies = nil
		return r.Ledgers(func(lid syncengine.LedgerID) (bool, error) {
			l, err := s.c.keeper.View(r, lid)
			if errors.Is(err, ledger.ErrUnknownLedger) {
				return true, nil
			}
			if err != nil {
				return false, err
			}
			list, err := authorityLog(l)
			bodies = append(bodies, list...)
			return true, err
		})
	})
	return bodies, err
}

// authorityLog encodes what is held of one ledger's authority.
func authorityLog(l *ledger.Ledger) ([][]byte, error) {
	advances, err := l.Lacking(nil)
	if err != nil {
		return nil, err
	}
	b := &returnBodies{}
	b.begin()
	for _, adv := range advances {
		if !l.Authority().IsAuthority(adv.Replica) {
			continue
		}
		if err := l.Runs(adv, false, func(o ledger.Outgoing) (bool, error) { return true, b.add(&o.Run) }); err != nil {
			return nil, err
		}
	}
	return b.list, b.end()
}

// returnBodies cuts runs into bodies.
type returnBodies struct {
	list [][]byte
	body *bytes.Buffer
	out  *wire.Writer
	size int
}

func (b *returnBodies) begin() {
	b.body, b.size = new(bytes.Buffer), 0
	b.out = wire.NewWriter(b.body)
}

func (b *returnBodies) add(run *wire.Run) error {
	if err := b.out.WriteFrame(run); err != nil {
		return err
	}
	for _, line := range run.Lines {
		b.size += len(line)
	}
	if b.size < returnBytes {
		return nil
	}
	if err := b.end(); err != nil {
		return err
	}
	b.begin()
	return nil
}

func (b *returnBodies) end() error {
	err := errors.Join(b.out.WriteFrame(&wire.End{}), b.out.Close())
	if b.size > 0 {
		b.list = append(b.list, b.body.Bytes())
	}
	return err
}

// sendBack sends one body and returns how many of its lines the server lacked.
func (s *syncer) sendBack(ctx context.Context, id *identity, pen ledger.Pen, body []byte) (int, error) {
	s.report.BytesUp += int64(len(body))
	answer, err := s.c.do(ctx, id, pen.Key, request{
		method: http.MethodPost, path: "/v1/returns", contentType: wire.MediaType, body: body, tries: &s.report.RoundTrips,
	})
	if err != nil {
		return 0, err
	}
	raw, err := readAll(answer)
	if err != nil {
		return 0, err
	}
	s.report.BytesDown += int64(len(raw))
	var said struct{ Taken int }
	if err := json.Unmarshal(raw, &said); err != nil {
		return 0, fmt.Errorf("answer to returned lines: %w", err)
	}
	return said.Taken, nil
}
