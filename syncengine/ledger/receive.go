package ledger

import (
	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// Incoming is a run whose lines are decoded, which can be done off every lock. It is not verified yet.
type Incoming struct {
	*wire.Run
	Decoded []*wire.Line
}

// Decode reads the lines of a run.
func Decode(run *wire.Run) (*Incoming, error) {
	lines, err := run.Decode()
	if err != nil {
		return nil, err
	}
	return &Incoming{run, lines}, nil
}

// Taken says what became of a run.
type Taken struct {
	Fresh  int  // lines that were not held before
	Forked bool // the run made or continued a second branch of its log
}

// advance is that a log is held further than it was. Whoever follows arrivals was sent its lines up to sent, which is less than from
// where that lies within a run.
type advance struct {
	log      *log
	from, to syncengine.Head
	sent     uint64
}

// Receive verifies a run and keeps its lines, whoever carried it (law L8). What it refuses it refuses whole, as a *wire.Problem, and
// nothing of the run is kept; other runs are not touched by that (law L6). The caller ends with Settle.
func (l *Ledger) Receive(in *Incoming) (Taken, error) {
	if len(in.Lines) == 0 || in.First == 0 {
		return Taken{}, wire.Problemf(wire.CodeMalformed, "a run must have lines, and a first sequence from 1")
	}
	if in.Ledger != l.id {
		return Taken{}, wire.Problemf(wire.CodeWrongLedger, "the run is of ledger %s", in.Ledger)
	}
	key := l.keyOf(in.Replica)
	if key == nil {
		key = l.keyOfIncarnation(in)
	}
	if key == nil {
		return Taken{}, wire.Problemf(wire.CodeUnknownReplica, "no grant held here names replica %s", in.Replica)
	}
	at, err := l.attach(in, key)
	if unreadable(err) {
		return Taken{}, wire.Problemf(wire.CodeInternal, "what is held of the log of replica %s is damaged: verify the store", in.Replica)
	}
	if err != nil {
		return Taken{}, err
	}
	taken := Taken{Forked: at.log.Branch > 0}
	if at.skip > 0 {
		if err := l.healRun(at.log, in, at.skip); err != nil {
			return Taken{}, err
		}
		if err := l.fillRun(in, at.skip); err != nil {
			return Taken{}, err
		}
	}
	if at.skip == len(in.Lines) {
		return taken, nil
	}
	taken.Fresh = len(in.Lines) - at.skip
	return taken, l.appendRun(at.log, in.Lines[at.skip:], in.Decoded[at.skip:], in.Head)
}

// keyOf returns the public key that a replica's heads verify with, or nil where no grant names it.
func (l *Ledger) keyOf(replica syncengine.ReplicaID) []byte {
	if replica == wire.ReplicaOf(l.genesis.Authority.Ed25519()) {
		return l.genesis.Authority[:]
	}
	return l.authority.Key(replica)
}

// attachment is where a verified run belongs: behind or over the tip of a log.
type attachment struct {
	log  *log
	skip int // lines of the run that the log holds already
}

// attach finds the branch that a run continues or repeats, verifying its head there; where it verifies but differs from
// what is held, it makes a new branch.
func (l *Ledger) attach(in *Incoming, key []byte) (attachment, error) {
	logs, err := l.logsOf(in.Replica)
	if err != nil {
		return attachment{}, err
	}
	var fork *attachment
	linked := false
	heads := headChecks{in: in, key: key, ledger: l.id}
	for _, g := range logs {
		if in.First > g.Tip.Seq+1 {
			continue
		}
		linked = true
		chain, err := l.chainAt(g, in.First-1)
		if err != nil {
			return attachment{}, err
		}
		if !heads.verify(chain) {
			continue
		}
		same, err := l.common(g, in)
		held := int(min(g.Tip.Seq, in.Last()) - in.First + 1) //nolint:gosec // within the run
		switch {
		case err != nil:
			return attachment{}, err
		case same == held:
			return attachment{g, held}, nil
		case fork == nil || same > fork.skip:
			fork = &attachment{g, same}
		}
	}
	switch {
	case fork != nil && len(logs) >= MaxBranches:
		return attachment{}, wire.Problemf(wire.CodeForked, "the log of replica %s has %d branches already: no more are kept", in.Replica, len(logs))
	case fork != nil:
		g, err := l.newLog(in.Replica, byte(len(logs)), fork.log, in.First+uint64(fork.skip)-1) //nolint:gosec // up to 64
		return attachment{g, fork.skip}, err
	case len(logs) == 0 && in.First == 1:
		return l.attachFirst(in, &heads)
	case !linked || in.First > 1:
		return attachment{}, wire.Problemf(wire.CodeBrokenChain, "lines %d and after of replica %s do not continue what is held: send the log from line 1", in.First, in.Replica)
	}
	return attachment{}, badHead(in)
}

func badHead(in *Incoming) error {
	return wire.Problemf(wire.CodeBadHead, "the head of replica %s at %d does not verify", in.Replica, in.Last())
}

// attachFirst begins a log with a run from line 1.
func (l *Ledger) attachFirst(in *Incoming, heads *headChecks) (attachment, error) {
	if !heads.verify(wire.ChainStart(l.id, in.Replica)) {
		return attachment{}, badHead(in)
	}
	g, err := l.newLog(in.Replica, 0, nil, 0)
	return attachment{g, 0}, err
}

// headChecks verifies the head of one run behind different chains, behind each of them once.
type headChecks struct {
	in     *Incoming
	key    []byte
	ledger syncengine.LedgerID
	done   []headCheck
}

type headCheck struct {
	before syncengine.Hash
	ok     bool
}

func (c *headChecks) verify(before syncengine.Hash) bool {
	for _, d := range c.done {
		if d.before == before {
			return d.ok
		}
	}
	chain := before
	for _, line := range c.in.Decoded {
		chain = wire.ChainNext(chain, line.Change.ID)
	}
	ok := wire.VerifyHead(c.key, c.ledger, syncengine.Head{Seq: c.in.Last(), Chain: chain}, c.in.Head)
	c.done = append(c.done, headCheck{before, ok})
	return ok
}

// Verifies reports whether the run's head verifies in this ledger, behind what is held or from line 1. It keeps nothing.
func (l *Ledger) Verifies(in *Incoming) bool {
	key := l.keyOf(in.Replica)
	if key == nil {
		key = l.keyOfIncarnation(in)
	}
	logs, err := l.logsOf(in.Replica)
	if key == nil || err != nil {
		return false
	}
	heads := headChecks{in: in, key: key, ledger: l.id}
	for _, g := range logs {
		if in.First <= g.Tip.Seq+1 {
			if chain, err := l.chainAt(g, in.First-1); err == nil && heads.verify(chain) {
				return true
			}
		}
	}
	return in.First == 1 && heads.verify(wire.ChainStart(l.id, in.Replica))
}

// appendRun keeps verified lines behind the tip of a log.
func (l *Ledger) appendRun(g *log, raw [][]byte, lines []*wire.Line, signature wire.Signature) error {
	before, size := g.Tip.Seq, 0
	for i, line := range lines {
		g.Tip = syncengine.Head{Seq: g.Tip.Seq + 1, Chain: wire.ChainNext(g.Tip.Chain, line.Change.ID)}
		size += len(raw[i])
		if err := l.keepLine(position{g.Number, g.Tip.Seq}, raw[i], line); err != nil {
			return err
		}
		if line.Change.Ruling != nil {
			if err := l.takeRuling(g, position{g.Number, g.Tip.Seq}, line.Change); err != nil {
				return err
			}
		}
	}
	from, err := l.hold(g)
	if err != nil {
		return err
	}
	if err := l.keepHead(g, before, size, signature); err != nil {
		return err
	}
	if err := l.noteArrival(g, from); err != nil {
		return err
	}
	if l.authority.IsAuthority(g.Replica) {
		if err := l.wakeAuthority(g, before); err != nil {
			return err
		}
	}
	if err := l.recut(g, before); err != nil {
		return err
	}
	return l.advanceFilled()
}

// keepLine keeps one line at a new position, or only its id where another envelope holds the change already.
func (l *Ledger) keepLine(p position, raw []byte, line *wire.Line) error {
	id := line.Change.ID
	known, err := l.r.Get(spaceChanges, l.id, id.Hash[:])
	if err != nil {
		return err
	}
	if err := l.w.Put(spaceChanges, l.id, id.Hash[:], append(append(make([]byte, 0, len(known)+positionBytes), known...), p.key()...)); err != nil {
		return err
	}
	if known != nil {
		if err := l.w.Put(spaceLines, l.id, p.key(), append([]byte{markElse}, id.Hash[:]...)); err != nil {
			return err
		}
		if err := l.fillChange(line); err != nil {
			return err
		}
		l.rebuild(line.Change.Key()) // another envelope may be what authorises it
		return nil
	}
	decision, err := l.decisionOn(line.Change)
	if err != nil {
		return err
	}
	if len(decision.Erased) > 0 {
		line = l.erase(line, decision)
		raw = wire.AppendLine(nil, line)
	}
	if !decision.Complete(line.Change) {
		if err := l.want(id); err != nil {
			return err
		}
		l.note(Note{Change: id, Record: line.Change.Key(), Code: wire.CodeValuesMissing})
	}
	value := append(make([]byte, 0, 1+len(raw)), markOf(decision))
	if err := l.w.Put(spaceLines, l.id, p.key(), append(value, raw...)); err != nil {
		return err
	}
	l.fresh(line.Change, p, decision)
	return nil
}
