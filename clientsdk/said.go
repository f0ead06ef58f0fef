package clientsdk

import (
	"bytes"
	"context"
	"slices"

	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/ledger"
	"github.com/arpenteur/arpenteur/syncengine/store"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// maxSaid is how many bytes of lines one message holds, about.
const maxSaid = 1 << 20

// standing is what the other side may have of a ledger, by the authority's log as it is held here.
type standing int

// The standings.
const (
	noStanding standing = iota
	revoked
	granted
)

// say sends what the other is known to lack and may have, and reports whether that was anything.
func (m *meeting) say(ctx context.Context) (more bool, err error) {
	p := &said{meeting: m}
	err = m.c.store.View(ctx, func(r store.Reader) error {
		*p = said{meeting: m, r: r, left: maxSaid, room: maxPhotosSaid, frames: []wire.Frame{&wire.Hello{}}}
		for _, id := range sortedLedgers(m.ledgers) {
			if err := p.ledger(id, m.ledgers[id]); err != nil {
				return err
			}
		}
		return p.allPieces()
	})
	if err != nil {
		return false, err
	}
	more = len(p.frames) > 1
	n, err := m.s.Say(func(out *wire.Writer) error {
		for _, f := range append(p.frames, &wire.End{More: more}) {
			if err := out.WriteFrame(f); err != nil {
				return err
			}
		}
		return nil
	})
	m.report.BytesUp += n
	if err == nil {
		m.report.Sent += p.lines
	}
	return more, err
}

func sortedLedgers(m map[syncengine.LedgerID]*meetingLedger) []syncengine.LedgerID {
	out := make([]syncengine.LedgerID, 0, len(m))
	for id := range m {
		out = append(out, id)
	}
	slices.SortFunc(out, func(a, b syncengine.LedgerID) int { return a.Compare(b.Hash) })
	return out
}

// said is one message that is being put together.
type said struct {
	*meeting
	r      store.Reader
	frames []wire.Frame
	lines  int
	left   int // bytes of lines that it takes still, about
	room   int // bytes of photos that it takes still, about
}

// ledger adds what is to be said of one ledger.
func (p *said) ledger(id syncengine.LedgerID, k *meetingLedger) error {
	l, err := p.c.keeper.View(p.r, id)
	if err != nil {
		return err
	}
	stands := p.standing(l)
	if err := p.have(l, k, stands); err != nil || stands == noStanding {
		return err
	}
	if err := p.ask(l, k); err != nil {
		return err
	}
	if k.heard {
		if err := p.runs(l, k, stands); err != nil {
			return err
		}
	}
	if err := p.values(l, k, stands); err != nil {
		return err
	}
	if err := p.receipts(l, k, stands); err != nil {
		return err
	}
	if err := p.hearsay(l, k, stands); err != nil {
		return err
	}
	return p.photos(l, &k.photos, stands)
}

// hearsay adds what is announced of logs that are not held so far here.
func (p *said) hearsay(l *ledger.Ledger, k *meetingLedger, stands standing) error {
	if stands != granted {
		return nil
	}
	known, err := announcements(p.r, l)
	for i := range known {
		if a := &known[i]; a.beyond && k.hearsay[a.replica] < a.Seq {
			k.hearsay[a.replica] = a.Seq
			p.frames = append(p.frames, a.frame(l.ID()))
		}
	}
	return err
}

// allPieces adds pieces of the photos that the other wants, where it is granted their ledger.
func (p *said) allPieces() error {
	for _, id := range sortedLedgers(p.ledgers) {
		l, err := p.c.keeper.View(p.r, id)
		if err != nil {
			return err
		}
		if p.standing(l) == granted {
			err = p.pieces(id, &p.ledgers[id].photos)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// standing looks at what the other's replicas are granted.
func (p *said) standing(l *ledger.Ledger) standing {
	out := noStanding
	for _, r := range p.s.Replicas() {
		switch {
		case len(l.Authority().Grants(r)) > 0:
			return granted
		case l.Authority().Key(r) != nil:
			out = revoked
		}
	}
	return out
}

// open reports whether lines and heads of a replica are for the other.
func (p *said) open(l *ledger.Ledger, replica syncengine.ReplicaID, stands standing) bool {
	return stands == granted || l.Authority().IsAuthority(replica)
}

// have adds how far the logs are held that moved since the other was told.
func (p *said) have(l *ledger.Ledger, k *meetingLedger, stands standing) error {
	vector, err := l.Vector()
	if err != nil {
		return err
	}
	f := &wire.Have{Ledger: l.ID(), Logs: map[syncengine.ReplicaID][]syncengine.Head{}}
	for replica, heads := range vector {
		theirOwn := stands == revoked && slices.Contains(p.s.Replicas(), replica)
		if (p.open(l, replica, stands) || theirOwn) && !slices.Equal(k.told[replica], heads) {
			f.Logs[replica] = heads
			k.told[replica] = heads
		}
	}
	if len(f.Logs) > 0 {
		p.frames = append(p.frames, f)
	}
	return nil
}

// ask adds what values are missing here, each once in a meeting; one who is revoked asks for none.
func (p *said) ask(l *ledger.Ledger, k *meetingLedger) error {
	if !p.c.granted(p.id, l) {
		return nil
	}
	wanted, err := l.Wanted(maxWants)
	if err != nil {
		return err
	}
	f := &wire.Want{Ledger: l.ID()}
	for _, id := range wanted {
		if !k.asked[id] {
			k.asked[id] = true
			f.Changes = append(f.Changes, id)
		}
	}
	if len(f.Changes) > 0 {
		p.frames = append(p.frames, f)
	}
	return nil
}

// runs adds what the other lacks. What was sent counts as held by it until it says otherwise, so that nothing is sent again and again to
// one who does not take it.
func (p *said) runs(l *ledger.Ledger, k *meetingLedger, stands standing) error {
	advances, err := l.Lacking(k.theirs)
	if err != nil {
		return err
	}
	// The authority's log goes alone where it lacks some of it: it may tell the other that this side was granted, and so lead to a have.
	first := len(advances) > 0 && l.Authority().IsAuthority(advances[0].Replica)
	for _, adv := range advances {
		if !p.open(l, adv.Replica, stands) {
			continue
		}
		if first && !l.Authority().IsAuthority(adv.Replica) {
			return nil
		}
		err := l.Runs(adv, stands != granted, func(o ledger.Outgoing) (bool, error) {
			if p.left <= 0 {
				return false, nil
			}
			run := o.Run
			run.Lines = make([][]byte, len(o.Lines)) // the message is sent after the transaction has ended
			for i, line := range o.Lines {
				run.Lines[i] = bytes.Clone(line)
				p.left -= len(line)
			}
			p.frames = append(p.frames, &run)
			p.lines += len(run.Lines)
			k.theirs[adv.Replica] = reached(k.theirs[adv.Replica], o.After)
			return true, nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// reached adds a head to those of a log, ascending by sequence.
func reached(heads []syncengine.Head, h syncengine.Head) []syncengine.Head {
	out := slices.DeleteFunc(slices.Clone(heads), func(x syncengine.Head) bool { return x == h })
	at, _ := slices.BinarySearchFunc(out, h, func(a, b syncengine.Head) int {
		if a.Seq != b.Seq {
			return int(min(max(int64(a.Seq)-int64(b.Seq), -1), 1)) //nolint:gosec // at most 15 digits
		}
		return bytes.Compare(a.Chain[:], b.Chain[:])
	})
	out = slices.Insert(out, at, h)
	if len(out) > 2*ledger.MaxBranches { // the lowest say least
		out = out[len(out)-2*ledger.MaxBranches:]
	}
	return out
}

// values answers what the other asked for, where it is held and nothing withholds it.
func (p *said) values(l *ledger.Ledger, k *meetingLedger, stands standing) error {
	if stands != granted {
		k.wanted = nil
		return nil
	}
	for len(k.wanted) > 0 && p.left > 0 {
		id := k.wanted[0]
		k.wanted = k.wanted[1:]
		line, err := l.Line(id)
		if err != nil {
			return err
		}
		if line == nil || line.Form == wire.Bare {
			continue
		}
		f := &wire.Values{Ledger: l.ID(), Change: id, Line: wire.AppendLine(nil, line)}
		p.left -= len(f.Line)
		p.frames = append(p.frames, f)
	}
	return nil
}

// receipts adds those that are held and were not given yet: to one who is revoked, about its own replicas alone.
func (p *said) receipts(l *ledger.Ledger, k *meetingLedger, stands standing) error {
	list, err := receipts(p.r, l.ID(), func(replica syncengine.ReplicaID) bool {
		return stands == granted || slices.Contains(p.s.Replicas(), replica)
	})
	for _, f := range list {
		if k.receipt[f.Replica] != f.Head {
			k.receipt[f.Replica] = f.Head
			p.frames = append(p.frames, f)
		}
	}
	return err
}
