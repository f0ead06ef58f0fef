package server

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"github.com/arpenteur/arpenteur/server/backup"
	"github.com/arpenteur/arpenteur/server/photos"
	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/ledger"
	"github.com/arpenteur/arpenteur/syncengine/store"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// Arrivals that are sent before a mark: many on a good link, few where the client asked for a small answer because its link cuts.
const (
	markEvery      = 64
	markEverySmall = 2
	smallAnswer    = 256 << 10
)

// answer writes what the client lacks, from one consistent state of the store.
func (x *exchange) answer(ctx context.Context, out *wire.Writer) error {
	return x.s.Store.View(ctx, func(r store.Reader) error {
		newest, err := backup.Newest(r)
		if err != nil {
			return err
		}
		a := &answer{exchange: x, out: out, r: r, next: baseToken{store: x.s.storeID, backup: newest.Number}}
		return a.write()
	})
}

// answer is the answer to one exchange.
type answer struct {
	*exchange
	out  *wire.Writer
	r    store.Reader
	base *baseToken // what the client was served; nil where it asked for everything
	next baseToken  // what it will have been served after this answer
	more bool       // the limit was reached
}

func (a *answer) write() error {
	if err := a.out.WriteFrame(&wire.Hello{}); err != nil {
		return err
	}
	if !a.hello.Full {
		match, err := a.match()
		if err != nil {
			return err
		}
		if !match {
			return a.resend()
		}
	}
	for _, m := range a.remarks {
		if err := a.out.WriteFrame(m); err != nil {
			return err
		}
	}
	if err := a.everyLedger(); err != nil {
		return err
	}
	if err := a.values(); err != nil {
		return err
	}
	if err := a.mark(); err != nil {
		return err
	}
	return a.out.WriteFrame(&wire.End{More: a.more})
}

// everyLedger writes the receipts that the client can check, then the ledgers in the order of their numbers. Receipts come before everything
// else: they are what a consultant waits for, and an answer may be cut, or long. Of a ledger that is new to the client it comes behind it.
func (a *answer) everyLedger() error {
	list := slices.SortedFunc(maps.Values(a.ledgers), func(x, y held) int { return cmp.Compare(x.number, y.number) })
	late := make([]held, 0, len(list))
	for _, h := range list {
		left, err := a.receipt(h, true)
		if err != nil {
			return err
		}
		if left {
			late = append(late, h)
		}
	}
	for _, h := range list {
		if err := a.ledger(h); err != nil {
			return err
		}
		if !slices.Contains(late, h) {
			continue
		}
		if _, err := a.receipt(h, false); err != nil {
			return err
		}
	}
	return nil
}

func (a *answer) resend() error {
	for _, f := range []wire.Frame{&wire.Resend{}, &wire.End{}} {
		if err := a.out.WriteFrame(f); err != nil {
			return err
		}
	}
	a.s.metrics.resends.Inc()
	return nil
}

// match reports whether the client's base means to the server what it means to the client.
func (a *answer) match() (bool, error) {
	base, ok := parseToken(a.hello.Base, a.s.storeID)
	if !ok {
		return false, nil
	}
	var digest wire.Digest
	for _, p := range base.ledgers {
		if p.revoked {
			continue
		}
		id, known := a.byNumber(p.number)
		if !known {
			return false, nil
		}
		d, known, err := ledger.DigestAt(a.r, id, p.version)
		if err != nil || !known {
			return false, err
		}
		for i := range digest {
			digest[i] ^= d[i]
		}
	}
	a.base = base
	return digest == a.hello.Digest, nil
}

func (a *answer) byNumber(number uint64) (syncengine.LedgerID, bool) {
	for id, h := range a.ledgers {
		if h.number == number {
			return id, true
		}
	}
	return syncengine.LedgerID{}, false
}

// moved returns what the client was served of a ledger, nil where nothing, and whether anything arrived there since.
func (a *answer) moved(h held) (known *basePoint, moved bool, err error) {
	if a.base != nil {
		known = a.base.find(h.number)
	}
	if known == nil {
		return nil, true, nil
	}
	progress, err := ledger.ReadProgress(a.r, h.id)
	return known, progress.Version != known.version, err
}

// ledger writes what the client lacks of one ledger.
func (a *answer) ledger(h held) error {
	revoked := h.access == wire.AccessRevoked
	point := basePoint{number: h.number, revoked: revoked}
	known, moved, err := a.moved(h)
	if err == nil {
		point.told, err = photos.CountsOf(a.r, h.id, a.replica)
	}
	if err != nil {
		return err
	}
	if a.more { // over the limit already: the client stays where it is with this ledger
		if known != nil {
			a.next.ledgers = append(a.next.ledgers, *known)
		}
		return nil
	}
	if known == nil || known.revoked != revoked {
		if err := a.out.WriteFrame(&wire.LedgerAccess{Ledger: h.id, Access: h.access}); err != nil {
			return err
		}
	}
	if known != nil && known.revoked == revoked {
		if point.version = known.version; !moved {
			a.next.ledgers = append(a.next.ledgers, point)
			return nil
		}
	}
	l, err := a.s.keeper.View(a.r, h.id)
	if err != nil {
		return err
	}
	if a.base != nil { // from what the client has, or from the beginning where the ledger is new to it
		return a.since(l, point, revoked)
	}
	return a.lacking(l, point, revoked)
}

// since writes what arrived after the client's base, marking now and then.
func (a *answer) since(l *ledger.Ledger, point basePoint, revoked bool) error {
	every := markEvery
	if a.limit <= smallAnswer {
		every = markEverySmall
	}
	at := len(a.next.ledgers)
	a.next.ledgers = append(a.next.ledgers, point)
	for {
		advances, progress, err := l.Since(point.version, every)
		if err != nil || progress.Version == point.version {
			return err
		}
		if err := a.arrived(l, advances, progress.Version, revoked); err != nil {
			return err
		}
		point.version = progress.Version
		a.next.ledgers[at] = point
		if a.out.Written() > int64(a.limit) {
			a.more = true
			return nil
		}
		if err := a.partialMark(); err != nil {
			return err
		}
	}
}

// arrived writes one stretch of arrivals and the heads that they led to.
func (a *answer) arrived(l *ledger.Ledger, advances []ledger.Advance, version uint64, revoked bool) error {
	for _, adv := range advances {
		if a.withholds(l, adv.Replica, revoked) || adv.Replica == a.replica {
			continue
		}
		if _, err := a.runs(l, a.behindPush(l, adv), revoked); err != nil {
			return err
		}
	}
	return a.haveMoved(l, advances, version, revoked)
}

// partialMark marks in the middle of an answer: the ledgers that are not reached yet stay where the client has them.
func (a *answer) partialMark() error {
	// Receipts may still follow, so the backup that the client was told of is the old one.
	t := baseToken{store: a.next.store, backup: a.base.backup, ledgers: slices.Clone(a.next.ledgers)}
	for _, p := range a.base.ledgers {
		if t.find(p.number) == nil {
			t.ledgers = append(t.ledgers, p)
		}
	}
	if err := a.out.WriteFrame(&wire.Mark{Base: t.String()}); err != nil {
		return err
	}
	return a.out.Flush()
}

// lacking writes what the client's vector lacks, and all heads, for a client that asks for everything.
func (a *answer) lacking(l *ledger.Ledger, point basePoint, revoked bool) error {
	progress, err := ledger.ReadProgress(a.r, l.ID())
	if err != nil {
		return err
	}
	advances, err := l.Lacking(a.exchange.have[l.ID()])
	if err != nil {
		return err
	}
	for _, adv := range advances {
		if a.withholds(l, adv.Replica, revoked) {
			continue
		}
		whole, err := a.runs(l, a.behindPush(l, adv), revoked)
		if err != nil {
			return err
		}
		if !whole {
			a.more = true
			return nil
		}
	}
	if err := a.haveAll(l, revoked); err != nil {
		return err
	}
	point.version = progress.Version
	a.next.ledgers = append(a.next.ledgers, point)
	return nil
}

// withholds reports whether lines of a replica are not for this client: a revoked one gets the authority's only.
func (a *answer) withholds(l *ledger.Ledger, replica syncengine.ReplicaID, revoked bool) bool {
	return revoked && !l.Authority().IsAuthority(replica)
}

// behindPush leaves out the lines that the client brought itself in this exchange.
func (a *answer) behindPush(l *ledger.Ledger, adv ledger.Advance) ledger.Advance {
	if head, ok := a.pushed[logName{l.ID(), adv.Replica}]; ok && head.Seq > adv.From && adv.First() {
		adv.From = min(head.Seq, adv.To)
	}
	return adv
}

// runs writes the runs of a stretch, reporting false where the limit was reached before its end.
func (a *answer) runs(l *ledger.Ledger, adv ledger.Advance, revoked bool) (bool, error) {
	whole := true
	err := l.Runs(adv, revoked, func(o ledger.Outgoing) (bool, error) {
		if a.base == nil && a.out.Written() > int64(a.limit) {
			whole = false
			return false, nil
		}
		return true, a.out.WriteFrame(&o.Run)
	})
	return whole, err
}

// haveAll writes the heads of every log.
func (a *answer) haveAll(l *ledger.Ledger, revoked bool) error {
	logs, err := l.Vector()
	if err != nil {
		return err
	}
	for replica := range logs {
		if a.withholds(l, replica, revoked) && replica != a.replica {
			delete(logs, replica)
		}
	}
	return a.have(l, logs)
}

// haveMoved writes the heads that the logs which moved had at a version: what the mark behind it means.
func (a *answer) haveMoved(l *ledger.Ledger, advances []ledger.Advance, version uint64, revoked bool) error {
	logs := map[syncengine.ReplicaID][]syncengine.Head{}
	for _, adv := range advances {
		if logs[adv.Replica] != nil || a.withholds(l, adv.Replica, revoked) && adv.Replica != a.replica {
			continue
		}
		heads, err := l.HeadsAt(adv.Replica, version)
		if err != nil {
			return err
		}
		if len(heads) > 0 {
			logs[adv.Replica] = heads
		}
	}
	return a.have(l, logs)
}

func (a *answer) have(l *ledger.Ledger, logs map[syncengine.ReplicaID][]syncengine.Head) error {
	if len(logs) == 0 {
		return nil
	}
	return a.out.WriteFrame(&wire.Have{Ledger: l.ID(), Logs: logs})
}

// values answers what the client wants, where it is held and nothing withholds it.
func (a *answer) values() error {
	left := maxWants
	for _, want := range a.wants {
		h, granted := a.ledgers[want.Ledger]
		if !granted || h.access != wire.AccessFull {
			continue
		}
		l, err := a.s.keeper.View(a.r, want.Ledger)
		if err != nil {
			return err
		}
		for _, id := range want.Changes {
			if left--; left < 0 || a.out.Written() > int64(a.limit) {
				a.more = true
				return nil
			}
			if err := a.value(l, id); err != nil {
				return err
			}
		}
	}
	return nil
}

// value writes the line of one change, where it is held and nothing withholds it.
func (a *answer) value(l *ledger.Ledger, id syncengine.ChangeID) error {
	line, err := l.Line(id)
	if err != nil || line == nil || line.Form == wire.Bare {
		return err
	}
	return a.out.WriteFrame(&wire.Values{Ledger: l.ID(), Change: id, Line: wire.AppendLine(nil, line)})
}

// mark ends the answer with the token that names all of it, where there is a new one.
func (a *answer) mark() error {
	if a.more && a.base == nil {
		return nil // the client asks for everything again, with what it holds by then
	}
	token := a.next.String()
	if token == a.hello.Base {
		return nil
	}
	return a.out.WriteFrame(&wire.Mark{Base: token})
}
