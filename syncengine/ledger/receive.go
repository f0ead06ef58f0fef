package ledger

import (
	"fmt"

	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/store"
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

// advance is that a log is held further than it was.
type advance struct {
	log      *log
	from, to syncengine.Head
}

// Receive verifies a run and keeps its lines, whoever carried it (law L8). What it refuses it refuses whole, as a *wire.Problem, and
// nothing of the run is kept; other runs are not touched by that (law L6). The caller ends with Settle.
func (l *Ledger) Receive(in *Incoming) (Taken, error) {
	if len(in.Lines) == 0 || in.First == 0 {
		return Taken{}, wire.Problemf(wire.CodeMalformed, "a run must have lines, and a first sequence from 1")
	}
	key := l.keyOf(in.Replica)
	if key == nil {
		return Taken{}, wire.Problemf(wire.CodeUnknownReplica, "no grant held here names replica %s", in.Replica)
	}
	at, err := l.attach(in, key)
	if err != nil {
		return Taken{}, err
	}
	taken := Taken{Forked: at.log.Branch > 0}
	if at.skip > 0 {
		if err := l.fillRun(at.log, in, at.skip); err != nil {
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
	for _, g := range logs {
		if in.First > g.Tip.Seq+1 || in.First <= g.Fork && g.Branch > 0 {
			continue
		}
		linked = true
		same, err := l.follows(g, in, key)
		if err != nil {
			return attachment{}, err
		}
		held := int(min(g.Tip.Seq, in.Last()) - in.First + 1)
		switch {
		case same < 0: // the head does not verify on this branch
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
		g, err := l.newLog(in.Replica, byte(len(logs)), fork.log, in.First+uint64(fork.skip)-1)
		return attachment{g, fork.skip}, err
	case len(logs) == 0 && in.First == 1:
		return l.attachFirst(in, key)
	case !linked || in.First > 1:
		return attachment{}, wire.Problemf(wire.CodeBrokenChain, "lines %d and after of replica %s do not continue what is held: send the log from line 1", in.First, in.Replica)
	}
	return attachment{}, wire.Problemf(wire.CodeBadHead, "the head of replica %s at %d does not verify", in.Replica, in.Last())
}

// attachFirst begins a log with a run from line 1.
func (l *Ledger) attachFirst(in *Incoming, key []byte) (attachment, error) {
	chain := wire.ChainStart(l.id, in.Replica)
	for _, line := range in.Decoded {
		chain = wire.ChainNext(chain, line.Change.ID)
	}
	if !wire.VerifyHead(key, l.id, syncengine.Head{Seq: in.Last(), Chain: chain}, in.Head) {
		return attachment{}, wire.Problemf(wire.CodeBadHead, "the head of replica %s at %d does not verify", in.Replica, in.Last())
	}
	g, err := l.newLog(in.Replica, 0, nil, 0)
	return attachment{g, 0}, err
}

// follows verifies the run on a branch and returns how many of its lines the branch holds in the same places before the first that
// differs or is new; -1 where the head does not verify.
func (l *Ledger) follows(g *log, in *Incoming, key []byte) (int, error) {
	chain, err := l.chainAt(g, in.First-1)
	if err != nil {
		return 0, err
	}
	same, parted := 0, false
	for i, line := range in.Decoded {
		chain = wire.ChainNext(chain, line.Change.ID)
		seq := in.First + uint64(i)
		if parted || seq > g.Tip.Seq {
			continue
		}
		id, err := l.idAt(position{g.Number, seq})
		if err != nil {
			return 0, err
		}
		if parted = id != line.Change.ID; !parted {
			same++
		}
	}
	if !wire.VerifyHead(key, l.id, syncengine.Head{Seq: in.Last(), Chain: chain}, in.Head) {
		return -1, nil
	}
	return same, nil
}

// Verifies reports whether the run's head verifies in this ledger, behind what is held or from line 1. It keeps nothing.
func (l *Ledger) Verifies(in *Incoming) bool {
	key := l.keyOf(in.Replica)
	logs, err := l.logsOf(in.Replica)
	if key == nil || err != nil {
		return false
	}
	for _, g := range logs {
		if in.First <= g.Tip.Seq+1 {
			if same, err := l.follows(g, in, key); err == nil && same >= 0 {
				return true
			}
		}
	}
	if in.First != 1 {
		return false
	}
	_, err = in.Verify(wire.ChainStart(l.id, in.Replica), key, in.Decoded)
	return err == nil
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
	if err := l.keepHead(g, before, size, signature); err != nil {
		return err
	}
	if l.authority.IsAuthority(g.Replica) {
		if err := l.wakeAuthority(g, before); err != nil {
			return err
		}
	}
	return l.advanceHeld(g)
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
		if err := l.fillChange(id, line); err != nil {
			return err
		}
		l.rebuild(line.Change.Key()) // another envelope may be what authorises it
		return nil
	}
	decision, err := l.decision(id)
	if err != nil {
		return err
	}
	mark := byte(markLine)
	if decision.Last == syncengine.Refuse {
		mark = markWithheld
	}
	if len(decision.Erased) > 0 {
		line = line.Redact(decision.Erased)
		raw = wire.AppendLine(nil, line)
	}
	if !decision.Complete(line.Change) {
		if err := l.w.Put(spaceWants, l.id, id.Hash[:], present); err != nil {
			return err
		}
		l.note(Note{Change: id, Record: line.Change.Key(), Code: wire.CodeValuesMissing})
	}
	if err := l.w.Put(spaceLines, l.id, p.key(), append([]byte{mark}, raw...)); err != nil {
		return err
	}
	l.fresh(line.Change, p)
	return nil
}

// advanceHeld moves what version vectors say of a log over every line that is complete, and notes the arrival.
func (l *Ledger) advanceHeld(g *log) error {
	from := g.Held
	if g.Held.Seq < g.Tip.Seq {
		gap, err := l.anyWanted()
		if err != nil {
			return err
		}
		if !gap {
			g.Held = g.Tip
		}
	}
	for g.Held.Seq < g.Tip.Seq {
		id, err := l.idAt(position{g.Number, g.Held.Seq + 1})
		if err != nil {
			return err
		}
		wanted, err := l.r.Get(spaceWants, l.id, id.Hash[:])
		if err != nil {
			return err
		}
		if wanted != nil {
			break
		}
		g.Held = syncengine.Head{Seq: g.Held.Seq + 1, Chain: wire.ChainNext(g.Held.Chain, id)}
	}
	if g.Held != from {
		l.advances = append(l.advances, advance{g, from, g.Held})
	}
	return l.saveLog(g)
}

// anyWanted reports whether the values of any change are missing; usually none are.
func (l *Ledger) anyWanted() (bool, error) {
	found := false
	err := l.r.Scan(spaceWants, l.id, nil, nil, func(_, _ []byte) (bool, error) {
		found = true
		return false, nil
	})
	return found, err
}

// fillRun completes lines that are held without values by those of a run that repeats them.
func (l *Ledger) fillRun(g *log, in *Incoming, count int) error {
	gap, err := l.anyWanted()
	if err != nil || !gap {
		return err
	}
	for _, line := range in.Decoded[:count] {
		if err := l.fillChange(line.Change.ID, line); err != nil {
			return err
		}
	}
	return l.advanceHeld(g)
}

// Fill completes a change that is held without all of its values. It returns false where nothing was missing or the change is not
// held. Values are bound to the change's id, so it doesn't matter who sends them.
func (l *Ledger) Fill(line *wire.Line) (bool, error) {
	id := line.Change.ID
	wanted, err := l.r.Get(spaceWants, l.id, id.Hash[:])
	if err != nil || wanted == nil {
		return false, err
	}
	if err := l.fillChange(id, line); err != nil {
		return false, err
	}
	at, err := l.positionsOf(id)
	if err != nil {
		return false, err
	}
	for _, p := range at {
		g, err := l.log(p.log)
		if err != nil {
			return false, err
		}
		if err := l.advanceHeld(g); err != nil {
			return false, err
		}
	}
	return true, nil
}

// fillChange adds values to a held change, except those that a ruling erased.
func (l *Ledger) fillChange(id syncengine.ChangeID, other *wire.Line) error {
	at, err := l.positionsOf(id)
	if err != nil || len(at) == 0 {
		return err
	}
	held, err := l.line(at[0])
	if err != nil || held.Complete() {
		return err
	}
	filled, err := held.Fill(other)
	if err != nil {
		return err
	}
	decision, err := l.decision(id)
	if err != nil {
		return err
	}
	filled = filled.Redact(decision.Erased)
	if len(filled.Missing()) == len(held.Missing()) {
		return nil
	}
	l.rebuild(filled.Change.Key())
	return l.rewrite(at[0], filled, decision)
}

// rewrite replaces the kept line of a change after its values or the rulings about it changed.
func (l *Ledger) rewrite(p position, line *wire.Line, decision syncengine.Decision) error {
	mark := byte(markLine)
	if decision.Last == syncengine.Refuse {
		mark = markWithheld
	}
	id := line.Change.ID
	if decision.Complete(line.Change) {
		if err := l.w.Delete(spaceWants, l.id, id.Hash[:]); err != nil {
			return err
		}
	} else if err := l.w.Put(spaceWants, l.id, id.Hash[:], present); err != nil {
		return err
	}
	return l.w.Put(spaceLines, l.id, p.key(), wire.AppendLine([]byte{mark}, line))
}

// Adopt begins to hold a ledger from the first run of its authority's log. root is the key that this store's owner trusts.
func (k *Keeper) Adopt(w store.Writer, id syncengine.LedgerID, in *Incoming, root wire.PublicKey) (*Ledger, error) {
	if len(in.Lines) == 0 || in.First != 1 || in.Decoded[0].Change.Genesis == nil {
		return nil, wire.Problemf(wire.CodeBrokenChain, "a ledger begins with its genesis: send the authority's log from line 1")
	}
	first := in.Decoded[0].Change
	if first.ID.Hash != id.Hash {
		return nil, wire.Problemf(wire.CodeWrongLedger, "the genesis is that of ledger %s", first.ID)
	}
	var g Genesis
	copy(g.Root[:], first.Genesis.Root)
	copy(g.Authority[:], first.Genesis.Authority)
	if g.Root != root {
		return nil, wire.Problemf(wire.CodeUnauthenticated, "the ledger names another root key than the one this tablet was enrolled with")
	}
	l, err := k.begin(w, id, g)
	if err != nil {
		return nil, err
	}
	if in.Replica != wire.ReplicaOf(g.Authority.Ed25519()) {
		return nil, wire.Problemf(wire.CodeBadHead, "the first run of a ledger must be its authority's")
	}
	return l, nil
}

// begin writes what is kept of a genesis and opens the ledger.
func (k *Keeper) begin(w store.Writer, id syncengine.LedgerID, g Genesis) (*Ledger, error) {
	raw, err := marshal(g)
	if err != nil {
		return nil, err
	}
	if err := w.Put(spaceLedger, id, []byte("genesis"), raw); err != nil {
		return nil, fmt.Errorf("begin ledger %s: %w", id, err)
	}
	return k.open(w, w, id)
}
