package ledger

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/store"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// MaxBranches is how many branches of one log are kept. A copied store makes one or two; only its own key's holder can make more.
const MaxBranches = 32

// log is what is kept of one branch of what a replica wrote. Branch 0 is the one that came first here.
type log struct {
	Replica syncengine.ReplicaID
	Branch  byte

	Number uint32          // of the log in this store: the short name in keys
	Tip    syncengine.Head // of the lines that are kept
	Held   syncengine.Head // of those that are complete: what version vectors say; below Fork while the parent is not held to there
	Parent uint32          // the branch that this one shares its lines up to Fork with
	Fork   uint64

	// Full is the sequence up to which heads are kept for good, and Since the bytes of the lines after it. Within them only the
	// last head is kept, so that short runs grow together until they are full.
	Full  uint64
	Since uint32

	// Sent is the last line that whoever follows arrivals was sent: the end of a run, at or before Held.
	Sent uint64
}

// logBytes is the size of a kept log: number, tip, held, parent, fork, full, since and sent.
const logBytes = 4 + 40 + 40 + 4 + 8 + 8 + 4 + 8

func (g *log) encode() []byte {
	b := binary.BigEndian.AppendUint32(make([]byte, 0, logBytes), g.Number)
	for _, h := range []syncengine.Head{g.Tip, g.Held} {
		b = append(binary.BigEndian.AppendUint64(b, h.Seq), h.Chain[:]...)
	}
	b = binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint32(b, g.Parent), g.Fork)
	b = binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint64(b, g.Full), g.Since)
	return binary.BigEndian.AppendUint64(b, g.Sent)
}

// decodeLog reads what encode wrote under a log's key.
func decodeLog(key, b []byte) (*log, error) {
	if len(key) != logKeyBytes || len(b) != logBytes {
		return nil, fmt.Errorf("log of %d bytes: %w", len(b), store.ErrCorrupt)
	}
	u32 := func() (n uint32) { n, b = binary.BigEndian.Uint32(b), b[4:]; return n }
	u64 := func() (n uint64) { n, b = binary.BigEndian.Uint64(b), b[8:]; return n }
	head := func() (h syncengine.Head) { h.Seq = u64(); b = b[copy(h.Chain[:], b):]; return h }
	g := &log{Branch: key[logKeyBytes-1], Number: u32(), Tip: head(), Held: head(), Parent: u32(), Fork: u64(), Full: u64(), Since: u32(), Sent: u64()}
	copy(g.Replica.Hash[:], key)
	if g.Held.Seq > g.Tip.Seq || g.Fork > g.Tip.Seq || (g.Branch == 0) != (g.Parent == 0) {
		return nil, fmt.Errorf("log %s: %w", g.Replica, store.ErrCorrupt)
	}
	return g, nil
}

const logKeyBytes = 33

func logKey(replica syncengine.ReplicaID, branch byte) []byte {
	return append(append(make([]byte, 0, logKeyBytes), replica.Hash[:]...), branch)
}

// logsOf returns the branches of a replica's log, the first one first; none where nothing of it is held. The result must not be changed.
func (l *Ledger) logsOf(replica syncengine.ReplicaID) ([]*log, error) {
	if known, ok := l.branches[replica]; ok {
		return known, nil
	}
	var out []*log
	from := logKey(replica, 0)
	for branch := range MaxBranches {
		from[logKeyBytes-1] = byte(branch)
		raw, err := l.r.Get(spaceLogs, l.id, from)
		if err != nil {
			return nil, err
		}
		if raw == nil {
			break
		}
		g, err := l.readLog(from, raw)
		if err != nil {
			return nil, err
		}
		out = append(out, g)
	}
	l.branches[replica] = out
	return out, nil
}

// readLog decodes a log, or returns the one that this transaction already works on.
func (l *Ledger) readLog(key, raw []byte) (*log, error) {
	g, err := decodeLog(key, raw)
	if err != nil {
		return nil, err
	}
	if known := l.logs[g.Number]; known != nil {
		return known, nil
	}
	l.logs[g.Number] = g
	return g, nil
}

// log returns the log with a number of this store.
func (l *Ledger) log(number uint32) (*log, error) {
	if g := l.logs[number]; g != nil {
		return g, nil
	}
	key, err := l.r.Get(spaceLedger, l.id, logNumberKey(number))
	if err != nil {
		return nil, err
	}
	if len(key) != logKeyBytes {
		return nil, fmt.Errorf("log number %d of ledger %s: %w", number, l.id, store.ErrCorrupt)
	}
	raw, err := l.r.Get(spaceLogs, l.id, key)
	if err != nil {
		return nil, err
	}
	return l.readLog(key, raw)
}

// parentOf returns the branch that g forked from: an older one of the same log.
func (l *Ledger) parentOf(g *log) (*log, error) {
	parent, err := l.log(g.Parent)
	if err != nil {
		return nil, err
	}
	if parent.Replica != g.Replica || parent.Branch >= g.Branch {
		return nil, fmt.Errorf("branch %d of log %s: %w", g.Branch, g.Replica, store.ErrCorrupt)
	}
	return parent, nil
}

// place returns where line seq of a branch is kept: below the fork, with the branch that it forked from.
func (l *Ledger) place(g *log, seq uint64) (position, error) {
	for seq <= g.Fork && g.Branch > 0 {
		var err error
		if g, err = l.parentOf(g); err != nil {
			return position{}, err
		}
	}
	return position{g.Number, seq}, nil
}

func logNumberKey(number uint32) []byte {
	return binary.BigEndian.AppendUint32([]byte("log "), number)
}

// freeNumber returns a number for a new log of a replica: 28 bits of the replica's id, or the next that is free. It is not counted, since
// a counter would make the first pushes of many tablets wait for each other (see store.Prepare).
func (l *Ledger) freeNumber(replica syncengine.ReplicaID) (uint32, error) {
	const last = 1<<28 - 1
	for n := binary.BigEndian.Uint32(replica.Hash[:]) >> 4; ; n++ {
		if n == 0 || n > last { // 0 stands for no log
			n = 1
		}
		taken, err := l.r.Get(spaceLedger, l.id, logNumberKey(n))
		if err != nil || taken == nil {
			return n, err
		}
	}
}

// newLog adds a log, or a branch of one that forks after sequence fork of parent.
func (l *Ledger) newLog(replica syncengine.ReplicaID, branch byte, parent *log, fork uint64) (*log, error) {
	number, err := l.freeNumber(replica)
	if err != nil {
		return nil, err
	}
	g := &log{Replica: replica, Branch: branch, Number: number}
	g.Tip = syncengine.Head{Chain: wire.ChainStart(l.id, replica)}
	g.Held = g.Tip
	if parent != nil {
		chain, err := l.chainAt(parent, fork)
		if err != nil {
			return nil, err
		}
		g.Parent, g.Fork, g.Full, g.Sent = parent.Number, fork, fork, fork
		g.Tip = syncengine.Head{Seq: fork, Chain: chain}
		if g.Held = g.Tip; parent.Held.Seq < fork {
			g.Held = parent.Held
		}
	}
	before, err := l.logsOf(replica)
	if err != nil {
		return nil, err
	}
	l.branches[replica] = append(before[:len(before):len(before)], g)
	l.logs[g.Number] = g
	if err := l.w.Put(spaceLedger, l.id, logNumberKey(g.Number), logKey(replica, branch)); err != nil {
		return nil, err
	}
	return g, l.saveLog(g)
}

func (l *Ledger) saveLog(g *log) error {
	return l.w.Put(spaceLogs, l.id, logKey(g.Replica, g.Branch), g.encode())
}

// Marks of a kept line: the first byte of its value.
const (
	markLine     = 'L' // a line, sent as it is
	markWithheld = 'W' // a line whose values a ruling withholds: sent bare
	markElse     = 'E' // the change lies in another envelope; its id follows
)

// markOf returns the mark of a line about which rulings decided.
func markOf(decision syncengine.Decision) byte {
	if decision.Last == syncengine.Refuse {
		return markWithheld
	}
	return markLine
}

// rawLine returns the bytes of the line at p, following it to the envelope that holds it, and its mark.
func (l *Ledger) rawLine(p position) ([]byte, byte, error) {
	raw, err := l.r.Get(spaceLines, l.id, p.key())
	if err != nil {
		return nil, 0, err
	}
	if len(raw) > 0 && raw[0] == markElse && len(raw) == 33 {
		at, err := l.positionsOf(syncengine.ChangeID{Hash: syncengine.Hash(raw[1:])})
		if err != nil {
			return nil, 0, err
		}
		if len(at) > 0 && at[0] != p {
			raw, err = l.r.Get(spaceLines, l.id, at[0].key())
			if err != nil {
				return nil, 0, err
			}
		}
	}
	if len(raw) < 2 || raw[0] != markLine && raw[0] != markWithheld {
		return nil, 0, fmt.Errorf("line %d of log number %d in ledger %s: %w", p.seq, p.log, l.id, store.ErrCorrupt)
	}
	return raw[1:], raw[0], nil
}

// line decodes the line at p, and makes sure that it is the one that was kept there: one flipped bit gives another change, which is found
// under its id nowhere.
func (l *Ledger) line(p position) (*wire.Line, error) {
	raw, _, err := l.rawLine(p)
	if err != nil {
		return nil, err
	}
	line, err := wire.DecodeLine(raw, l.id)
	if err != nil {
		return nil, fmt.Errorf("line %d of log number %d in ledger %s: %w: %w", p.seq, p.log, l.id, store.ErrCorrupt, err)
	}
	at, err := l.positionsOf(line.Change.ID)
	if err != nil {
		return nil, err
	}
	if !slices.Contains(at, p) {
		return nil, fmt.Errorf("line %d of log number %d in ledger %s is not the change that was kept: %w", p.seq, p.log, l.id, store.ErrCorrupt)
	}
	return line, nil
}

// positionsOf returns where a change is kept, the envelope that holds its line first; none where it is not held.
func (l *Ledger) positionsOf(id syncengine.ChangeID) ([]position, error) {
	raw, err := l.r.Get(spaceChanges, l.id, id.Hash[:])
	if err != nil {
		return nil, err
	}
	return readPositions(raw)
}

// envelopes returns every envelope that holds a change.
func (l *Ledger) envelopes(id syncengine.ChangeID) ([]syncengine.Envelope, error) {
	at, err := l.positionsOf(id)
	if err != nil {
		return nil, err
	}
	out := make([]syncengine.Envelope, 0, len(at))
	for _, p := range at {
		e, err := l.envelope(p)
		if err != nil {
			return nil, err
		}
		out = append(out, e)
	}
	return out, nil
}

// envelope returns the envelope at p. Only branches need their chain told apart; of the first branch SameBranch is asked by its absence.
func (l *Ledger) envelope(p position) (syncengine.Envelope, error) {
	g, err := l.log(p.log)
	if err != nil {
		return syncengine.Envelope{}, err
	}
	e := syncengine.Envelope{Position: syncengine.Position{Replica: g.Replica, Seq: p.seq}}
	if g.Branch > 0 {
		e.Chain, err = l.chainAt(g, p.seq)
	}
	return e, err
}

// chainAt returns the chain hash after line seq of a log, from the nearest head before it.
func (l *Ledger) chainAt(g *log, seq uint64) (syncengine.Hash, error) {
	switch {
	case seq == g.Tip.Seq:
		return g.Tip.Chain, nil
	case seq == 0:
		return wire.ChainStart(l.id, g.Replica), nil
	case seq == g.Held.Seq:
		return g.Held.Chain, nil
	case seq > g.Tip.Seq:
		return syncengine.Hash{}, fmt.Errorf("line %d of a log held to %d: %w", seq, g.Tip.Seq, store.ErrCorrupt)
	case seq <= g.Fork:
		parent, err := l.parentOf(g)
		if err != nil {
			return syncengine.Hash{}, err
		}
		return l.chainAt(parent, seq)
	}
	at, err := l.lastHead(g, seq)
	if err != nil {
		return syncengine.Hash{}, err
	}
	for n := at.Seq + 1; n <= seq; n++ {
		id, err := l.idAt(position{g.Number, n})
		if err != nil {
			return syncengine.Hash{}, err
		}
		at.Chain = wire.ChainNext(at.Chain, id)
	}
	return at.Chain, nil
}

// lastHead returns the last head of a branch that is kept at or before line seq: where it has none of its own, that at its fork.
func (l *Ledger) lastHead(g *log, seq uint64) (syncengine.Head, error) {
	at := syncengine.Head{Seq: g.Fork}
	from, to := position{g.Number, 0}, position{g.Number, seq + 1}
	err := l.r.ScanBack(spaceHeads, l.id, from.key(), to.key(), func(key, value []byte) (bool, error) {
		p, err := readPosition(key)
		if err != nil {
			return false, err
		}
		if len(value) != headBytes {
			return false, fmt.Errorf("head of %d bytes: %w", len(value), store.ErrCorrupt)
		}
		at = syncengine.Head{Seq: p.seq, Chain: syncengine.Hash(value[:32])}
		return false, nil
	})
	if err != nil || !at.Chain.IsZero() {
		return at, err
	}
	if g.Branch == 0 {
		return syncengine.Head{Chain: wire.ChainStart(l.id, g.Replica)}, nil
	}
	parent, err := l.parentOf(g)
	if err != nil {
		return at, err
	}
	at.Chain, err = l.chainAt(parent, g.Fork)
	return at, err
}

// idAt returns the id of the change whose envelope is at p.
func (l *Ledger) idAt(p position) (syncengine.ChangeID, error) {
	raw, err := l.r.Get(spaceLines, l.id, p.key())
	if err != nil {
		return syncengine.ChangeID{}, err
	}
	if len(raw) == 33 && raw[0] == markElse {
		return syncengine.ChangeID{Hash: syncengine.Hash(raw[1:])}, nil
	}
	line, err := l.line(p)
	if err != nil {
		return syncengine.ChangeID{}, err
	}
	return line.Change.ID, nil
}

// headBytes is the size of a kept head: chain and signature.
const headBytes = 32 + len(wire.Signature{})

// keepHead keeps the head after lines of size bytes that were just appended behind line before. Unless the run that they would form with the
// lines since the last full run is too long, the head before it is dropped: one signature then serves for all of them. It also stays
// where the new lines are not all complete, so that those before them can still be sent.
func (l *Ledger) keepHead(g *log, before uint64, size int, signature wire.Signature) error {
	if before > g.Full && g.Held == g.Tip && g.Tip.Seq-g.Full <= wire.MaxRunLines && int(g.Since)+size <= wire.MaxRunBytes {
		if err := l.w.Delete(spaceHeads, l.id, position{g.Number, before}.key()); err != nil {
			return err
		}
		g.Since += uint32(size) //nolint:gosec // it fits into a run
	} else {
		g.Full, g.Since = before, uint32(size) //nolint:gosec // a run, or one line, is below 2 MiB
	}
	value := append(append(make([]byte, 0, headBytes), g.Tip.Chain[:]...), signature[:]...)
	return l.w.Put(spaceHeads, l.id, position{g.Number, g.Tip.Seq}.key(), value)
}
