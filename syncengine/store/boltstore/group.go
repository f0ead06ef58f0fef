package boltstore

import (
	"context"
	"errors"
	"runtime"
	"slices"

	"github.com/arpenteur/arpenteur/syncengine/store"
)

// Group commit. A commit costs two syncs of the file, whatever it holds, so updates that wait for one share the next.
//
// There is one baton. Whoever has an update to run queues it and asks for the baton; who gets it leads: it begins a transaction, runs
// its own fn, then those that are queued, also those that come while it runs, and commits them together. No goroutine is kept for
// that, and a lone writer waits for nobody. Each fn runs in the goroutine that called Update, one after the other: the leader hands
// the transaction round. So a panic or runtime.Goexit of an fn ends the goroutine that it should, with its own stack.
//
// An fn that fails after others wrote is run again alone, in a transaction of its own, since its error may be about their writes, of
// which nothing is sure yet. If it wrote something itself the others have to run again too, as bbolt can't take part of a
// transaction back.
const (
	maxGroup      = 64      // updates in one commit
	maxGroupBytes = 8 << 20 // of keys and values after which no further update joins
)

// errAgain ends a transaction whose updates, but one, must run again.
var errAgain = errors.New("run again")

// update is one call of Update.
type update struct {
	ctx context.Context
	fn  func(w store.Writer) error

	turn chan turn     // from the leader: run fn now
	ran  chan outcome  // to the leader
	done chan struct{} // closed when err is set
	err  error

	started  bool // guarded by the queue's mutex
	answered bool // of the leader
}

// turn is one run of an fn.
type turn struct {
	t     *txn
	alone bool // nothing else was written in t, so a failure stands
}

// outcome is how a run ended.
type outcome struct {
	err    error
	failed bool // fn returned err, or panicked among others
	exited bool // fn ended its goroutine, or panicked alone: there is nobody to answer
}

func newUpdate(ctx context.Context, fn func(w store.Writer) error) *update {
	return &update{ctx: ctx, fn: fn, turn: make(chan turn), ran: make(chan outcome), done: make(chan struct{})}
}

// answer ends the update.
func (u *update) answer(err error) {
	if !u.answered {
		u.answered, u.err = true, err
		close(u.done)
	}
}

// run runs fn.
func (u *update) run(now turn) (out outcome) {
	w := &handle{now.t}
	defer w.end()
	defer func() {
		switch panicked := recover(); {
		case panicked == nil:
		case isFault(panicked):
			now.t.damage = damaged("%v", panicked)
			out = outcome{err: now.t.damage, failed: true}
		case now.alone:
			panic(panicked)
		default:
			out = outcome{failed: true}
		}
	}()
	err := u.fn(w)
	if err == nil {
		err = now.t.damage // fn overlooked it
	}
	return outcome{err: err, failed: err != nil}
}

// serve runs fn for the leader, and tells it even where fn does not return.
func (u *update) serve(now turn) {
	defer panicOnFault()()
	out := outcome{exited: true}
	defer func() { u.ran <- out }()
	out = u.run(now)
}

// Update runs fn in a transaction that it may share with other updates, and returns when its writes are durable.
func (s *Store) Update(ctx context.Context, fn func(w store.Writer) error) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.leave()
	u := newUpdate(ctx, fn)
	s.queue.push(u)
	canceled := ctx.Done()
	for {
		select {
		case <-u.done:
			return u.err
		case now := <-u.turn:
			u.serve(now)
		case <-s.baton:
			s.lead(u)
		case <-canceled:
			if s.queue.withdraw(u) {
				return ctx.Err()
			}
			canceled = nil // it is started, so it completes
		}
	}
}

// group is what one leader commits.
type group struct {
	store   *Store
	own     *update
	members []*update // to commit together, in order
	alone   []*update // to commit one by one afterwards
	joined  int
}

// lead runs u, if nobody has, and others with it. The caller took the baton.
func (s *Store) lead(u *update) {
	g := &group{store: s, own: u}
	defer g.release()
	if !s.queue.take(u) {
		return // answered, or withdrawn, meanwhile
	}
	g.members, g.joined = []*update{u}, 1
	for len(g.members) > 0 {
		g.commit()
	}
	for len(g.alone) > 0 {
		next := g.alone[0]
		g.alone = g.alone[1:]
		g.commitAlone(next)
	}
}

// release hands the baton on. Where the leader's own fn has ended its goroutine, the others go back to the queue.
func (g *group) release() {
	left := slices.DeleteFunc(slices.Concat(g.members, g.alone), func(u *update) bool { return u == g.own || u.answered })
	g.store.queue.putBack(left)
	if g.joined > 0 {
		g.store.crowded = g.joined > 1
	}
	g.store.baton <- struct{}{}
}

// run runs one update of the group, in its own goroutine.
func (g *group) run(u *update, now turn) outcome {
	if u == g.own {
		return u.run(now)
	}
	u.turn <- now
	return <-u.ran
}

// commit runs the members in one transaction. When it returns, either none is left, or it has to be called again.
func (g *group) commit() {
	err := g.store.write(g.runMembers)
	switch {
	case errors.Is(err, errAgain):
		return
	case err == nil:
		g.store.updates.Add(uint64(len(g.members)))
	case len(g.members) > 1 && g.store.brokenError() == nil:
		// One of them may have asked for too much: let that one fail alone.
		g.alone = append(g.alone, g.members...)
		g.members = nil
		return
	}
	for _, u := range g.members {
		u.answer(err)
	}
	g.members = nil
}

// runMembers runs the members, and those who join, in t.
func (g *group) runMembers(t *txn) error {
	for i := 0; i < len(g.members) || g.join(t); i++ {
		u, before := g.members[i], t.writes
		out := g.run(u, turn{t: t, alone: before == 0})
		if !out.failed && !out.exited {
			continue
		}
		g.members = slices.Delete(g.members, i, i+1)
		i--
		switch {
		case out.exited:
			u.answered = true
		case before == 0:
			u.answer(out.err)
		default:
			g.alone = append(g.alone, u)
		}
		if t.writes != before || t.damage != nil {
			return errAgain
		}
	}
	return nil
}

// join takes one more update from the queue, if there is one and the group has room for it.
func (g *group) join(t *txn) bool {
	if g.joined >= maxGroup || t.bytes >= maxGroupBytes {
		return false
	}
	u := g.store.queue.pop()
	if u == nil && (g.joined > 1 || g.store.crowded) {
		// Those whom the commit before has answered are about to come with their next update. A lone writer doesn't yield.
		runtime.Gosched()
		u = g.store.queue.pop()
	}
	if u == nil {
		return false
	}
	g.members = append(g.members, u)
	g.joined++
	return true
}

// commitAlone runs u in a transaction of its own, and answers it.
func (g *group) commitAlone(u *update) {
	exited := false
	err := g.store.write(func(t *txn) error {
		out := g.run(u, turn{t: t, alone: true})
		if exited = out.exited; exited {
			return errAgain
		}
		return out.err
	})
	if exited {
		u.answered = true
		return
	}
	if err == nil {
		g.store.updates.Add(1)
	}
	u.answer(err)
}
