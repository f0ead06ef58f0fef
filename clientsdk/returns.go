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
	// returnBytes is how much of the authority's log goes back in one request at most, before compression.
	returnBytes = 512 << 10
	// returnAgain is how long a tablet waits before it brings the same back again.
	returnAgain = time.Hour
)

// giveBack brings the server the authority's own logs, when it does not know this tablet or one of its ledgers any more: it was restored from
// a copy that is older than their grants. It reports whether that helped, so that the exchange is worth another try. Where the link cuts it,
// the next exchange begins anew with smaller requests; once all was answered, it is not done again for returnAgain.
func (s *syncer) giveBack(ctx context.Context) (bool, error) {
	s.c.mu.Lock()
	wait := s.c.o.Now().Sub(s.c.gaveBack) < returnAgain
	most := min(s.c.link.limit, returnBytes)
	s.c.mu.Unlock()
	if wait {
		return false, nil
	}
	id, pen, err := s.identity(ctx)
	if err != nil {
		return false, err
	}
	bodies, err := s.authorityLogs(ctx, most)
	if err != nil {
		return false, err
	}
	taken := 0
	for _, body := range bodies {
		n, err := s.sendBack(ctx, id, pen, body)
		var p *wire.Problem
		for stalls := 1; err != nil && !errors.As(err, &p) && stalls < maxStalls && ctx.Err() == nil; stalls++ {
			n, err = s.sendBack(ctx, id, pen, body)
		}
		if errors.As(err, &p) && p.Code != wire.CodeBusy {
			continue // this one is not wanted; others may be
		}
		if err != nil {
			s.c.learn(err)
			return false, err
		}
		taken += n
	}
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	s.c.gaveBack = s.c.o.Now()
	return taken > 0, nil
}

// authorityLogs encodes all lines of the authority that are held, in the order in which they link up, in bodies of about most bytes.
func (s *syncer) authorityLogs(ctx context.Context, most int) (bodies [][]byte, err error) {
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
			list, err := authorityLog(l, most)
			bodies = append(bodies, list...)
			return true, err
		})
	})
	return bodies, err
}

// authorityLog encodes what is held of one ledger's authority.
func authorityLog(l *ledger.Ledger, most int) ([][]byte, error) {
	advances, err := l.Lacking(nil)
	if err != nil {
		return nil, err
	}
	b := &returnBodies{most: most}
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
	most int // bytes of a body before compression; one run may be more
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
	if b.size < b.most {
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
