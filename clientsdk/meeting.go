package clientsdk

import (
	"context"
	"errors"
	"io"
	"syscall"

	"github.com/arpenteur/arpenteur/clientsdk/peer"
	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/store"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// meeting is an exchange with another tablet in progress.
type meeting struct {
	c       *Client
	s       *peer.Session
	id      *identity
	report  *Report
	ledgers map[syncengine.LedgerID]*meetingLedger // those that both hold
}

// meetingLedger is what a meeting knows of one ledger.
type meetingLedger struct {
	theirs  syncengine.VersionVector // what the other holds, as far as it said, and was sent
	heard   bool                     // it said so
	told    syncengine.VersionVector // what it was told that is held here
	wanted  []syncengine.ChangeID    // what it asks the values of
	asked   map[syncengine.ChangeID]bool
	receipt map[syncengine.ReplicaID]syncengine.Head // about which it was given receipts
	hearsay map[syncengine.ReplicaID]uint64          // how far it was told that others' logs reach
	photos  meetingPhotos
}

// meet exchanges with the other side of a session, and closes it.
func (c *Client) meet(ctx context.Context, s *peer.Session, report *Report) error {
	m := &meeting{c: c, s: s, report: report, ledgers: map[syncengine.LedgerID]*meetingLedger{}}
	err := m.run(ctx)
	report.BytesDown += s.Heard()
	report.begun = 0
	for _, k := range m.ledgers {
		report.begun += k.photos.begun
	}
	if err == nil {
		c.watchers.send(Event{Type: Met})
		err = m.part()
	}
	return errors.Join(err, ctx.Err(), ignoreClosed(s.Close()))
}

// errUnheard is how a meeting ends for a host that does not know whether its last message arrived.
var errUnheard = errors.New("the other tablet did not say that it has heard the end")

// part waits, on the host, until the guest has closed the channel as it does after the last message: a link that breaks says less.
func (m *meeting) part() error {
	if m.s.Side() == wire.PeerGuest || m.s.Ended(afterwards) == nil {
		return nil
	}
	return errUnheard
}

// ignoreClosed leaves out that the other side was quicker to close.
func ignoreClosed(err error) error {
	if broke(err) {
		return nil
	}
	return err
}

// brokenPipe reports whether the other side is gone.
func brokenPipe(err error) bool {
	return errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}

func (m *meeting) run(ctx context.Context) error {
	release, err := m.c.exchanging(ctx)
	if err != nil {
		return err
	}
	defer release()
	if err := m.begin(ctx); err != nil {
		return err
	}
	for range maxRounds {
		m.report.RoundTrips++
		more, err := m.round(ctx)
		if err != nil || !more {
			return err
		}
	}
	return errors.New("the exchange does not come to an end; report this with both tablets' logs")
}

// begin finds the ledgers that both hold.
func (m *meeting) begin(ctx context.Context) error {
	return m.c.store.View(ctx, func(r store.Reader) (err error) {
		if m.id, err = enrolled(r); err != nil {
			return err
		}
		list, err := m.c.heldLedgers(r)
		for _, id := range list {
			if m.s.Common(id) {
				m.ledgers[id] = &meetingLedger{
					theirs: syncengine.VersionVector{}, told: syncengine.VersionVector{},
					asked: map[syncengine.ChangeID]bool{}, receipt: map[syncengine.ReplicaID]syncengine.Head{}, hearsay: map[syncengine.ReplicaID]uint64{},
					photos: meetingPhotos{told: map[syncengine.Hash]bool{}},
				}
			}
		}
		return err
	})
}

// round lets each side speak once, the guest first, and reports whether another should follow: it ends with one in which neither said anything.
func (m *meeting) round(ctx context.Context) (bool, error) {
	if m.s.Side() == wire.PeerHost {
		theirs, err := m.hear(ctx)
		if err != nil {
			return false, err
		}
		ours, err := m.say(ctx)
		return ours || theirs, err
	}
	ours, err := m.say(ctx)
	if err != nil {
		return false, err
	}
	theirs, err := m.hear(ctx)
	return ours || theirs, err
}

// hear keeps what the other says, and reports whether that was anything.
func (m *meeting) hear(ctx context.Context) (more bool, err error) {
	a := &applier{
		c: m.c, id: m.id, report: m.report, relayed: true,
		accepts: func(id syncengine.LedgerID) bool { return m.ledgers[id] != nil },
		begin:   func(t *applying) taker { return &hearing{applying: t, meeting: m, more: &more} },
	}
	err = m.s.Hear(func(body io.Reader) error { return a.read(ctx, body, wire.Limits{}) })
	return more, err
}

// hearing is one transaction of a message.
type hearing struct {
	*applying
	meeting *meeting
	more    *bool // what the message's end says
	haves   []*wire.Have
	wants   []*wire.Want
	photos  []*wire.PeerPhotos
	end     *wire.End
}

func (t *hearing) take(f wire.Frame) error {
	switch f := f.(type) {
	case *wire.Have:
		t.haves = append(t.haves, f)
		return t.learn(f)
	case *wire.Announced:
		return t.hear(f)
	case *wire.Want:
		t.wants = append(t.wants, f)
	case *wire.PeerPhotos:
		t.photos = append(t.photos, f)
	case *wire.End:
		t.end = f
	}
	return nil
}

func (t *hearing) finish() error { return nil }

func (t *hearing) kept() {
	for _, f := range t.haves {
		if k := t.meeting.ledgers[f.Ledger]; k != nil {
			k.heard = true
			for replica, heads := range f.Logs {
				if len(k.theirs) < maxReplicas || k.theirs[replica] != nil {
					k.theirs[replica] = heads
				}
			}
		}
	}
	for _, f := range t.wants {
		if k := t.meeting.ledgers[f.Ledger]; k != nil && len(k.wanted)+len(f.Changes) <= maxWants {
			k.wanted = append(k.wanted, f.Changes...)
		}
	}
	for _, f := range t.photos {
		if k := t.meeting.ledgers[f.Ledger]; k != nil {
			k.photos.hear(f)
		}
	}
	*t.more = *t.more || t.end != nil && t.end.More
}

// maxReplicas is how many logs of a ledger the other side may name.
const maxReplicas = 10_000
