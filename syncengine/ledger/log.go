package ledger

import (
	"encoding/binary"
	"encoding/json"
	"fmt"

	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/store"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// MaxBranches is how many branches of one log are kept. A copied store makes one or two; only its own key's holder can make more.
const MaxBranches = 32

// log is what is kept of one branch of what a replica wrote. Branch 0 is the one that came first here.
type log struct {
	Replica syncengine.ReplicaID `json:"-"`
	Branch  byte                 `json:"-"`

	Number uint32          `json:"number"`           // of the log in this store: the short name in keys
	Tip    syncengine.Head `json:"tip"`              // of the lines that are kept
	Held   syncengine.Head `json:"held"`             // of those that are complete: what version vectors say
	Parent uint32          `json:"parent,omitempty"` // the branch that this one shares its lines up to Fork with
	Fork   uint64          `json:"fork,omitempty"`

	// Full is the sequence up to which heads are kept for good, and Since the bytes of the lines after it. Within them only the
	// last head is kept, so that short runs grow together until they are full.
	Full  uint64 `json:"full"`
	Since int    `json:"since"`
}

func logKey(replica syncengine.ReplicaID, branch byte) []byte {
	return append(append(make([]byte, 0, 33), replica.Hash[:]...), branch)
}

// logsOf returns the branches of a replica's log, the first one first; none where nothing of it is held.
func (l *Ledger) logsOf(replica syncengine.ReplicaID) ([]*log, error) {
	var out []*log
	from := logKey(replica, 0)
	for branch := range MaxBranches {
		from[32] = byte(branch)
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
	return out, nil
}

// readLog decodes a log, or returns the one that this transaction already works on.
func (l *Ledger) readLog(key, raw []byte) (*log, error) {
	g := &log{Branch: key[32]}
	copy(g.Replica.Hash[:], key)
	if err := json.Unmarshal(raw, g); err != nil {
		return nil, fmt.Errorf("log %s: %w: %w", g.Replica, store.ErrCorrupt, err)
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
	if len(key) != 33 {
		return nil, fmt.Errorf("log number %d of ledger %s: %w", number, l.id, store.ErrCorrupt)
	}
	raw, err := l.r.Get(spaceLogs, l.id, key)
	if err != nil {
		return nil, err
	}
	return l.readLog(key, raw)
}

func logNumberKey(number uint32) []byte {
	return binary.BigEndian.AppendUint32([]byte("log "), number)
}

// newLog adds a log, or a branch of one that forks after sequence fork of parent.
func (l *Ledger) newLog(replica syncengine.ReplicaID, branch byte, parent *log, fork uint64) (*log, error) {
	raw, err := l.r.Get(spaceLedger, l.id, []byte("logs"))
	if err != nil {
		return nil, err
	}
	var number uint32
	if len(raw) == 4 {
		number = binary.BigEndian.Uint32(raw)
	}
	g := &log{Replica: replica, Branch: branch, Number: number + 1}
	start := syncengine.Head{Chain: wire.ChainStart(l.id, replica)}
	if parent != nil {
		g.Parent, g.Fork, g.Full = parent.Number, fork, fork
		chain, err := l.chainAt(parent, fork)
		if err != nil {
			return nil, err
		}
		start = syncengine.Head{Seq: fork, Chain: chain}
	}
	g.Tip, g.Held = start, start
	l.logs[g.Number] = g
	if err := l.w.Put(spaceLedger, l.id, []byte("logs"), binary.BigEndian.AppendUint32(nil, g.Number)); err != nil {
		return nil, err
	}
	if err := l.w.Put(spaceLedger, l.id, logNumberKey(g.Number), logKey(replica, branch)); err != nil {
		return nil, err
	}
	return g, l.saveLog(g)
}

func (l *Ledger) saveLog(g *log) error {
	raw, err := json.Marshal(g)
	if err != nil {
		return err
	}
	return l.w.Put(spaceLogs, l.id, logKey(g.Replica, g.Branch), raw)
}

// Marks of a kept line: the first byte of its value.
const (
	markLine     = 'L' // a line, sent as it is
	markWithheld = 'W' // a line whose values a ruling withholds: sent bare
	markElse     = 'E' // the change lies in another envelope; its id follows
)

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
	if len(raw) < 2 || raw[0] == markElse {
		return nil, 0, fmt.Errorf("line %d of log number %d in ledger %s: %w", p.seq, p.log, l.id, store.ErrCorrupt)
	}
	return raw[1:], raw[0], nil
}

// line decodes the line at p.
func (l *Ledger) line(p position) (*wire.Line, error) {
	raw, _, err := l.rawLine(p)
	if err != nil {
		return nil, err
	}
	line, err := wire.DecodeLine(raw, l.id)
	if err != nil {
		return nil, fmt.Errorf("line %d of log number %d in ledger %s: %w: %w", p.seq, p.log, l.id, store.ErrCorrupt, err)
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
		g, err := l.log(p.log)
		if err != nil {
			return nil, err
		}
		e := syncengine.Envelope{Position: syncengine.Position{Replica: g.Replica, Seq: p.seq}}
		if g.Branch > 0 { // only branches need their chain told apart; of the first branch SameBranch is asked by its absence
			if e.Chain, err = l.chainAt(g, p.seq); err != nil {
				return nil, err
			}
		}
		out = append(out, e)
	}
	return out, nil
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
		parent, err := l.log(g.Parent)
		if err != nil {
			return syncengine.Hash{}, err
		}
		return l.chainAt(parent, seq)
	}
	at := syncengine.Head{Seq: g.Fork, Chain: wire.ChainStart(l.id, g.Replica)}
	if g.Fork > 0 {
		parent, err := l.log(g.Parent)
		if err != nil {
			return syncengine.Hash{}, err
		}
		if at.Chain, err = l.chainAt(parent, g.Fork); err != nil {
			return syncengine.Hash{}, err
		}
	}
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
// lines since the last full run is too long, the head before it is dropped: one signature then serves for all of them.
func (l *Ledger) keepHead(g *log, before uint64, size int, signature wire.Signature) error {
	if before > g.Full && int(g.Tip.Seq-g.Full) <= wire.MaxRunLines && g.Since+size <= wire.MaxRunBytes {
		if err := l.w.Delete(spaceHeads, l.id, position{g.Number, before}.key()); err != nil {
			return err
		}
		g.Since += size
	} else {
		g.Full, g.Since = before, size
	}
	value := append(append(make([]byte, 0, headBytes), g.Tip.Chain[:]...), signature[:]...)
	return l.w.Put(spaceHeads, l.id, position{g.Number, g.Tip.Seq}.key(), value)
}
