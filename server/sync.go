package server

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"strconv"

	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/store"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// Limits of an answer to a sync request, in bytes of its body.
const (
	answerLimit    = 4 << 20
	minAnswerLimit = 4 << 10
)

// exchange is one sync request in progress.
type exchange struct {
	s       *Server
	replica syncengine.ReplicaID
	hello   *wire.Hello
	ledgers map[syncengine.LedgerID]held
	have    map[syncengine.LedgerID]syncengine.VersionVector
	wants   []*wire.Want
	pushed  map[logName]syncengine.Head // the last head of what the client sent of each log
	fresh   map[syncengine.LedgerID]int // lines that were new
	remarks []*wire.Remark
	limit   int

	announced []*wire.Announced
	photos    *filePhotos // of a file; nil where a tablet speaks, which sends photos apart
	cut       error       // with which the body ended before its time
}

// logName is a log of a ledger.
type logName struct {
	ledger  syncengine.LedgerID
	replica syncengine.ReplicaID
}

// authenticate verifies the signature of a replica's request before anything of its body is read. The header of its answer gets a
// challenge where the replica needs one.
func (s *Server) authenticate(w http.ResponseWriter, r *http.Request) (*Device, error) {
	now := s.Now()
	header := r.Header.Get("Authorization")
	auth, err := wire.ParseAuthorization(header)
	if err != nil {
		w.Header().Set(wire.ChallengeHeader, s.challenges.make(now))
		if header == "" {
			err = wire.Problemf(wire.CodeChallenge, "sign the request with the challenge of this answer")
		}
		return nil, err
	}
	age, fresh := s.challenges.age(auth.Challenge, now)
	if !fresh || age > challengeEarly {
		w.Header().Set(wire.ChallengeHeader, s.challenges.make(now))
	}
	if !fresh {
		return nil, wire.Problemf(wire.CodeChallenge, "the challenge has expired; sign with the one of this answer")
	}
	var d *Device
	err = s.Store.View(r.Context(), func(r store.Reader) (err error) {
		d, err = device(r, auth.Replica)
		return err
	})
	switch {
	case err != nil:
		return nil, err
	case d == nil:
		return nil, wire.Problemf(wire.CodeUnknownReplica, "this tablet is not enrolled here")
	case !auth.Verify(d.Key.Ed25519(), r.Method, r.URL.RequestURI()):
		return nil, wire.Problemf(wire.CodeUnauthenticated, "the signature of the request does not verify")
	}
	return d, nil
}

// handleSync is POST /v1/sync: it takes what the replica brings, run by run, and answers with what it lacks.
func (s *Server) handleSync(c *call) error {
	x, err := s.newExchange(c)
	if err != nil {
		return err
	}
	if err := x.take(c.Context(), c.Body, wire.Limits{}); err != nil {
		return err
	}
	if err := x.keepAnnounced(c.Context()); err != nil {
		return err
	}
	var body bytes.Buffer
	out := wire.NewWriter(&body)
	err = x.answer(c.Context(), out)
	if err = errors.Join(err, out.Close()); err != nil {
		return err
	}
	headers := c.w.Header()
	headers.Set("Content-Type", wire.MediaType)
	headers.Set("Content-Length", strconv.Itoa(body.Len()))
	for _, name := range []string{"Content-Security-Policy", "Referrer-Policy"} {
		headers.Del(name) // no browser shows this answer, and where nothing is new its headers are most of it (law L11)
	}
	if _, err := c.w.Write(body.Bytes()); err != nil {
		s.Log.Debug().Err(err).Msg("answer to a sync was cut")
	}
	s.contacted(context.WithoutCancel(c.Context()), c.device.Replica) // once it is answered: nobody waits for it
	return nil
}

func (s *Server) newExchange(c *call) (*exchange, error) {
	x := &exchange{
		s: s, replica: c.device.Replica, limit: answerLimit,
		have:   map[syncengine.LedgerID]syncengine.VersionVector{},
		pushed: map[logName]syncengine.Head{}, fresh: map[syncengine.LedgerID]int{},
	}
	if text := c.Header.Get("Arpenteur-Answer-Limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 {
			return nil, wire.Problemf(wire.CodeInvalid, "the answer limit is not a number of bytes")
		}
		x.limit = min(max(n, minAnswerLimit), answerLimit)
	}
	return x, x.loadLedgers(c.Context())
}

// loadLedgers reads which ledgers the replica may exchange.
func (x *exchange) loadLedgers(ctx context.Context) error {
	return x.s.Store.View(ctx, func(r store.Reader) error {
		list, err := ledgersOf(r, x.replica)
		if err != nil {
			return err
		}
		x.ledgers = make(map[syncengine.LedgerID]held, len(list))
		for _, h := range list {
			x.ledgers[h.id] = h
		}
		return nil
	})
}
