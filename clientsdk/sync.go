package clientsdk

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/ledger"
	"github.com/arpenteur/arpenteur/syncengine/store"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// Report says what a Sync did. The counts are of this call.
type Report struct {
	RoundTrips int
	Sent       int   // lines sent, those that an earlier exchange may have delivered included
	Received   int   // lines that were new here
	BytesUp    int64 // of bodies, as sent
	BytesDown  int64
	Remarks    []wire.Remark // what the server said of single runs and changes

	PhotosArrived int            // photos that another tablet or a file brought whole
	PhotosSent    int            // photos that the server took
	PhotosResumed int            // of these, sent on from where an earlier exchange was cut
	PhotoBytes    int64          // of photos, those that were sent twice included
	PhotoProblems []PhotoProblem // photos that were set aside; the others went on

	begun uint64 // bytes of photos that are there in part on either side of a meeting: another number than before is progress
}

// maxRounds bounds the exchanges of one Sync; each but the last few moves something.
const maxRounds = 1000

// Sync exchanges all ledgers with the server: usually one round trip, more where there is more than fits. An exchange that is cut
// keeps every complete run on both sides, and the next call goes on from there. Changes that the server refuses are reported and hold back
// nothing. Then photos are sent, for which no record waits. One Sync runs at a time; others wait.
func (c *Client) Sync(ctx context.Context) (*Report, error) {
	report := &Report{}
	if err := c.syncRecords(ctx, report); err != nil {
		return report, err
	}
	return report, c.syncPhotos(ctx, report)
}

// syncRecords exchanges the ledgers, all but the photos.
func (c *Client) syncRecords(ctx context.Context, report *Report) error {
	release, err := c.exchanging(ctx)
	if err != nil {
		return err
	}
	defer release()
	s := &syncer{c: c, report: report}
	for range maxRounds {
		more, err := s.round(ctx)
		lost := errors.Is(err, wire.CodeUnknownReplica)
		if err == nil && !more {
			if lost, err = s.lost(ctx); err != nil {
				return err
			}
		}
		if lost {
			helped, back := s.remind(ctx, err != nil)
			if back != nil {
				return fmt.Errorf("bring back what the server lost: %w", back)
			}
			if helped {
				s.full = true
				continue
			}
		}
		if err != nil {
			return err
		}
		if !more {
			c.watchers.send(Event{Type: Synced})
			return nil
		}
	}
	return errors.New("the exchange does not come to an end; report this with the tablet's log")
}

// syncer is one Sync in progress.
type syncer struct {
	c      *Client
	report *Report
	full   bool // ask for everything: the base did not match, or something was seen that we do not hold
	alone  bool // no other replica may continue this one: it was revoked
	again  bool // the successions were repeated
	told   bool // the server has said all that it holds, and something of it could not be kept: it is asked no more, and sent what it lacks
}

// remind brings the server what it lost, and reports whether that helped. One that does not know this tablet for all that is told once more
// which replicas it took.
func (s *syncer) remind(ctx context.Context, unknown bool) (helped bool, err error) {
	helped, err = s.giveBack(ctx)
	if helped || err != nil || !unknown || s.again {
		return helped, err
	}
	s.again = true
	id, _, err := s.identity(ctx)
	if err != nil {
		return false, err
	}
	return s.c.succeedAgain(ctx, id)
}

// round does one exchange and reports whether another should follow.
func (s *syncer) round(ctx context.Context) (bool, error) {
	id, key, err := s.identity(ctx)
	if err != nil {
		return false, err
	}
	p, err := s.plan(ctx, id)
	if err != nil {
		return false, err
	}
	a := &answer{full: p.full}
	err = s.exchange(ctx, id, key, p, a)
	s.c.learn(err)
	if err != nil {
		return false, err
	}
	if err := s.pushed(ctx, p, a); err != nil {
		return false, err
	}
	lost := a.lost && !s.alone
	s.full = a.resend || lost || a.broken || a.lacks && !a.more
	switch {
	case s.full && a.lacks && !p.humble:
		return true, nil
	case lost && p.full: // we hold now what the other copy wrote: go on under a new id
		s.full = false
		err := s.c.succeed(ctx, id)
		if s.alone = errors.Is(err, wire.CodeForbidden); s.alone {
			err = nil
		}
		return true, err
	case p.full && s.told:
		s.full = false
		return p.more, nil
	case s.full && p.full: // asking for everything once more would not tell more
		s.full, s.told = false, true
		return p.held, nil
	}
	return s.full || a.more || p.more || p.full && p.held, nil
}

// lost reports whether a ledger is held here that the server has not said anything of, though an exchange came to its end.
func (s *syncer) lost(ctx context.Context) (lost bool, err error) {
	err = s.c.store.View(ctx, func(r store.Reader) error {
		lost = false
		return r.Ledgers(func(lid syncengine.LedgerID) (bool, error) {
			if _, err := s.c.keeper.View(r, lid); errors.Is(err, ledger.ErrUnknownLedger) {
				return true, nil
			}
			sd, err := readSide(r, lid)
			lost = sd.Access == ""
			return !lost, err
		})
	})
	return lost, err
}

// learn remembers whether the link let the exchange through.
func (c *Client) learn(err error) {
	var p *wire.Problem
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case err == nil:
		c.link.through()
	case errors.Is(err, wire.CodeTruncated), !errors.As(err, &p):
		c.link.cut()
	}
}

// identity returns who syncs, and the signing key of their newest replica.
func (s *syncer) identity(ctx context.Context) (id *identity, key ledger.Pen, err error) {
	err = s.c.store.View(ctx, func(r store.Reader) error {
		id, err = enrolled(r)
		return err
	})
	if err != nil {
		return nil, key, err
	}
	return id, s.c.pens(id)[0], nil
}

// plan is what one exchange sends.
type plan struct {
	frames []wire.Frame
	full   bool
	humble bool // of logs of which the server has more branches, it names only the heads that both hold
	held   bool // some ledger is held, so that after a full exchange there may be something to push
	more   bool // not everything fitted, or the link must be tried first
	lines  int
	// announced is what the server is told of others' logs, arrived what it need not be told any more.
	announced, arrived []*wire.Announced
	// complete are the ledgers of which everything up to a version is in frames.
	complete map[syncengine.LedgerID]uint64
}

// plan gathers what the server is not known to hold, within what the link lets through.
func (s *syncer) plan(ctx context.Context, id *identity) (*plan, error) {
	s.c.mu.Lock()
	link := s.c.link
	s.c.mu.Unlock()
	var p *plan
	err := s.c.store.View(ctx, func(r store.Reader) error {
		p = &plan{complete: map[syncengine.LedgerID]uint64{}}
		b, err := readBase(r)
		if err != nil {
			return err
		}
		p.full = s.full || b.Token == ""
		p.frames = append(p.frames, &wire.Hello{Base: b.Token, Digest: b.Digest})
		if p.full {
			p.frames[0] = &wire.Hello{Full: true}
		}
		left := link.limit
		return r.Ledgers(func(lid syncengine.LedgerID) (bool, error) {
			l, err := s.c.keeper.View(r, lid)
			if errors.Is(err, ledger.ErrUnknownLedger) {
				return true, nil
			}
			if err != nil {
				return false, err
			}
			p.held = true
			return true, s.planLedger(r, l, p, id, &left, link.probe)
		})
	})
	return p, err
}

// planLedger adds what one ledger has to say. After a cut, and with everything asked for, it sends no runs until it was told what the server holds.
func (s *syncer) planLedger(r store.Reader, l *ledger.Ledger, p *plan, id *identity, left *int, probe bool) error {
	wants, err := l.Wanted(maxWants)
	if err != nil {
		return err
	}
	if len(wants) > 0 {
		p.frames = append(p.frames, &wire.Want{Ledger: l.ID(), Changes: wants})
	}
	if err := p.planAnnounced(r, l); err != nil {
		return err
	}
	if p.full {
		v, err := l.Vector()
		if err != nil {
			return err
		}
		if err := p.humbly(r, l, v); err != nil {
			return err
		}
		if len(v) > 0 {
			p.frames = append(p.frames, &wire.Have{Ledger: l.ID(), Logs: v})
		}
		if !s.told {
			return nil
		}
	}
	sd, err := readSide(r, l.ID())
	if err != nil {
		return err
	}
	progress, err := ledger.ReadProgress(r, l.ID())
	if err != nil || progress.Version == sd.Pushed {
		return err
	}
	if probe {
		p.more = true
		return nil
	}
	whole, err := s.planRuns(r, l, p, sd.Pushed, left)
	if whole {
		p.complete[l.ID()] = progress.Version
	} else {
		p.more = true
	}
	return err
}

// humbly leaves out of a vector the heads that may hide a branch: of a log of which the server is known to hold one that is not held here, it
// leaves those that the server holds as well. A server takes a head beyond its own for a longer copy of what it has, and sends nothing of it.
func (p *plan) humbly(r store.Reader, l *ledger.Ledger, v syncengine.VersionVector) error {
	remote, err := remoteVector(r, l.ID())
	if err != nil {
		return err
	}
	for replica, heads := range remote {
		both, err := heldOf(l, replica, heads)
		if err != nil {
			return err
		}
		if len(both) == len(heads) {
			continue
		}
		p.humble = true
		if v[replica] = both; len(both) == 0 {
			delete(v, replica)
		}
	}
	return nil
}

// heldOf returns those of the heads of a log that are held here.
func heldOf(l *ledger.Ledger, replica syncengine.ReplicaID, heads []syncengine.Head) (both []syncengine.Head, err error) {
	for _, h := range heads {
		holds, err := l.HoldsHead(replica, h)
		if err != nil {
			return nil, err
		}
		if holds {
			both = append(both, h)
		}
	}
	return both, nil
}

const maxWants = 256

// planRuns adds the runs that arrived here after a version and that the server is not known to hold, until left bytes are used up.
func (s *syncer) planRuns(r store.Reader, l *ledger.Ledger, p *plan, version uint64, left *int) (whole bool, err error) {
	return unsent(r, l, version, func(o ledger.Outgoing) (bool, error) {
		if *left <= 0 {
			return false, nil
		}
		run := o.Run
		run.Lines = make([][]byte, len(o.Lines)) // the body is sent after the transaction has ended
		for i, line := range o.Lines {
			run.Lines[i] = bytes.Clone(line)
			*left -= len(line)
		}
		p.frames = append(p.frames, &run)
		p.lines += len(run.Lines)
		return true, nil
	})
}

// unsent calls emit for the runs that arrived here after a version and that the server is not known to hold, until emit returns false, which
// unsent then does too, or an error.
func unsent(r store.Reader, l *ledger.Ledger, version uint64, emit func(ledger.Outgoing) (bool, error)) (whole bool, err error) {
	for {
		advances, progress, err := l.Since(version, 1024)
		if err != nil || progress.Version == version {
			return err == nil, err
		}
		for _, adv := range advances {
			adv, lacks, err := beyondServer(r, l, adv)
			if err != nil {
				return false, err
			}
			if !lacks {
				continue
			}
			if whole, err := everyRun(l, adv, emit); err != nil || !whole {
				return false, err
			}
		}
		version = progress.Version
	}
}

// beyondServer returns what of a stretch the server is not known to hold. A head of its that is not held here may be the end of another branch,
// and says nothing of this one.
func beyondServer(r store.Reader, l *ledger.Ledger, adv ledger.Advance) (ledger.Advance, bool, error) {
	heads, err := readRemote(r, l.ID(), adv.Replica)
	if err == nil {
		heads, err = heldOf(l, adv.Replica, heads)
	}
	if err != nil {
		return adv, false, err
	}
	return l.Beyond(adv, heads)
}

// everyRun calls emit for each run of a stretch, and reports whether emit took all of them.
func everyRun(l *ledger.Ledger, adv ledger.Advance, emit func(ledger.Outgoing) (bool, error)) (whole bool, err error) {
	whole = true
	err = l.Runs(adv, false, func(o ledger.Outgoing) (bool, error) {
		whole, err = emit(o)
		return whole, err
	})
	return whole, err
}

// exchange sends a plan and gives the frames of the answer to a, keeping what came before a cut.
func (s *syncer) exchange(ctx context.Context, id *identity, pen ledger.Pen, p *plan, a *answer) error {
	var body bytes.Buffer
	out := wire.NewWriter(&body)
	var err error
	for _, f := range p.announced {
		p.frames = append(p.frames, f)
	}
	for _, f := range append(p.frames, &wire.End{}) {
		if err = out.WriteFrame(f); err != nil {
			break
		}
	}
	if err = errors.Join(err, out.Close()); err != nil {
		return err
	}
	s.report.Sent += p.lines
	s.report.BytesUp += int64(body.Len())
	s.c.mu.Lock()
	limit := s.c.link.limit
	s.c.mu.Unlock()
	if limit == maxPush {
		limit = 0
	}
	response, err := s.c.do(ctx, id, pen.Key, request{
		method: http.MethodPost, path: "/v1/sync", contentType: wire.MediaType, body: body.Bytes(), limit: limit, tries: &s.report.RoundTrips,
	})
	if err != nil {
		return fmt.Errorf("exchange with the server: %w", err)
	}
	defer response.Body.Close()
	counted := &countingReader{r: response.Body}
	err = s.applier(id, a).read(ctx, counted, wire.Limits{})
	s.report.BytesDown += counted.n
	return err
}

// pushed notes the ledgers of which the server has seen everything, after an exchange that went through.
func (s *syncer) pushed(ctx context.Context, p *plan, a *answer) error {
	if a.resend || len(p.announced)+len(p.arrived)+len(p.complete) == 0 {
		return nil
	}
	return s.c.store.Update(ctx, func(w store.Writer) error {
		if err := p.told(w); err != nil || p.full || a.broken {
			return err
		}
		for id, version := range p.complete {
			sd, err := readSide(w, id)
			if err != nil {
				return err
			}
			if sd.Pushed >= version {
				continue
			}
			sd.Pushed = version
			if err := writeSide(w, id, sd); err != nil {
				return err
			}
		}
		return nil
	})
}

// countingReader counts what is read.
type countingReader struct {
	r interface{ Read(p []byte) (int, error) }
	n int64
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}
