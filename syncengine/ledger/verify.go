package ledger

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"

	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/store"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// Fault is a place in a ledger where what is kept is not what was signed.
type Fault struct {
	Ledger  syncengine.LedgerID
	Replica syncengine.ReplicaID // zero where the fault is in no log
	Branch  int
	Seq     uint64               // the first bad line of the log, 0 where the log itself can't be read
	Record  syncengine.RecordKey // a merged record that its changes don't give
	Err     error
}

// Error names the place and what is wrong there.
func (f *Fault) Error() string {
	if f.Record.Kind != "" {
		return fmt.Sprintf("ledger %s: %s %s: %v", f.Ledger, f.Record.Kind, f.Record.ID, f.Err)
	}
	if f.Replica.IsZero() && f.Seq == 0 {
		return fmt.Sprintf("ledger %s: %v", f.Ledger, f.Err)
	}
	return fmt.Sprintf("ledger %s: log %s branch %d line %d: %v", f.Ledger, f.Replica, f.Branch, f.Seq, f.Err)
}

// Unwrap returns what is wrong.
func (f *Fault) Unwrap() error { return f.Err }

// Checked counts what Verify looked at.
type Checked struct {
	Ledgers, Lines, Heads, Records int
}

// VerifyStore is Verify for every ledger that r holds, each by itself: damage in one hides nothing of another (law L6). A ledger that can't be
// read at all is a fault without a replica. Counts go on from ledger to ledger.
func VerifyStore(ctx context.Context, r store.Reader, k *Keeper, fault func(*Fault), progress func(Checked)) (Checked, error) {
	var done Checked
	err := r.Ledgers(func(id syncengine.LedgerID) (bool, error) {
		if err := ctx.Err(); err != nil {
			return false, err
		}
		l, err := k.View(r, id)
		if errors.Is(err, ErrUnknownLedger) {
			return true, nil // something is kept beside a ledger that is not held
		}
		before := done
		before.Ledgers++
		done = before
		if err == nil {
			var more Checked
			more, err = l.Verify(fault, func(c Checked) { progress(before.plus(c)) })
			done = before.plus(more)
		}
		if err != nil {
			fault(&Fault{Ledger: id, Err: err})
		}
		return true, nil
	})
	return done, err
}

func (c Checked) plus(d Checked) Checked {
	return Checked{c.Ledgers + d.Ledgers, c.Lines + d.Lines, c.Heads + d.Heads, c.Records + d.Records}
}

// Verify recomputes every hash, chain and head of the ledger and merges every record anew. fault is called for the first bad line of each
// log and for each record that differs from what is kept; progress after each log and each thousand records. A fault in one log
// holds back nothing else (law L6).
func (l *Ledger) Verify(fault func(*Fault), progress func(Checked)) (Checked, error) {
	var done Checked
	err := l.eachLog(func(g *log) error {
		if seq, err := l.verifyLog(g, &done); err != nil {
			fault(&Fault{Ledger: l.id, Replica: g.Replica, Branch: int(g.Branch), Seq: seq, Err: err})
		}
		progress(done)
		return nil
	})
	if err != nil {
		return done, err
	}
	err = l.r.Scan(spaceRecords, l.id, nil, nil, func(key, raw []byte) (bool, error) {
		k, err := readRecordKey(key)
		if err == nil {
			err = l.verifyRecord(k, raw)
		}
		if err != nil {
			fault(&Fault{Ledger: l.id, Record: k, Err: err})
		}
		if done.Records++; done.Records%1000 == 0 {
			progress(done)
		}
		return true, nil
	})
	progress(done)
	return done, err
}

// verifyLog recomputes one log and returns the first line that is wrong.
func (l *Ledger) verifyLog(g *log, done *Checked) (uint64, error) {
	key := l.keyOf(g.Replica)
	if key == nil {
		return 0, fmt.Errorf("no grant names the replica: %w", wire.CodeUnknownReplica)
	}
	at := syncengine.Head{Seq: g.Fork, Chain: wire.ChainStart(l.id, g.Replica)}
	if g.Branch > 0 {
		parent, err := l.parentOf(g)
		if err != nil {
			return g.Fork, err
		}
		if at.Chain, err = l.chainAt(parent, g.Fork); err != nil {
			return g.Fork, err
		}
	}
	signed := at
	for at.Seq < g.Tip.Seq {
		p := position{g.Number, at.Seq + 1}
		id, err := l.verifyLine(p)
		if err != nil {
			return p.seq, err
		}
		at = syncengine.Head{Seq: p.seq, Chain: wire.ChainNext(at.Chain, id)}
		done.Lines++
		there, err := l.verifyHead(key, p, at)
		if err != nil {
			return p.seq, err
		}
		if there {
			done.Heads++
			signed = at
		}
	}
	if signed != g.Tip {
		return g.Tip.Seq, errors.New("the log does not end in a signed head")
	}
	return 0, nil
}

// verifyHead checks the head that is kept after the line at p, if one is.
func (l *Ledger) verifyHead(key []byte, p position, head syncengine.Head) (bool, error) {
	kept, err := l.r.Get(spaceHeads, l.id, p.key())
	if err != nil || kept == nil {
		return false, err
	}
	if len(kept) != headBytes || syncengine.Hash(kept[:32]) != head.Chain {
		return false, errors.New("the chain is not that of the kept head")
	}
	if !wire.VerifyHead(key, l.id, head, wire.Signature(kept[32:])) {
		return false, fmt.Errorf("the head's signature does not verify: %w", wire.CodeBadHead)
	}
	return true, nil
}

// verifyLine decodes the line at p, which computes its hashes, and checks that the change is found under its id.
func (l *Ledger) verifyLine(p position) (syncengine.ChangeID, error) {
	line, err := l.line(p)
	if err != nil {
		return syncengine.ChangeID{}, err
	}
	at, err := l.positionsOf(line.Change.ID)
	if err != nil {
		return syncengine.ChangeID{}, err
	}
	if at[0] == p {
		return line.Change.ID, l.verifyKept(p, line)
	}
	id, err := l.idAt(p)
	if err == nil && id != line.Change.ID {
		err = errors.New("the envelope names another change than the one it leads to")
	}
	return id, err
}

// verifyKept checks that what is kept and sent of a change is what the rulings about it leave.
func (l *Ledger) verifyKept(p position, line *wire.Line) error {
	decision, err := l.decisionOn(line.Change)
	if err != nil {
		return err
	}
	_, mark, err := l.rawLine(p)
	if err != nil {
		return err
	}
	wanted, err := l.wanted(line.Change.ID)
	if err != nil {
		return err
	}
	switch {
	case mark != markOf(decision):
		return errors.New("the line is not kept as the rulings about it say")
	case line.Redact(decision.Erased) != line:
		return errors.New("values are kept that were redacted")
	case wanted == decision.Complete(line.Change):
		return errors.New("what is said to be missing of the change is not what is")
	}
	return nil
}

// verifyRecord merges a record anew and compares what both ways show: values, survivors and verdicts.
func (l *Ledger) verifyRecord(key syncengine.RecordKey, raw []byte) error {
	e, err := decodeEntry(key, raw)
	if err != nil {
		return err
	}
	if l.stale(e) {
		return nil // it is made again when it is next read
	}
	kept, violations := l.show(e), e.Violations
	if _, err := l.rebuildEntry(e); err != nil {
		return err
	}
	anew := l.show(e)
	if !reflect.DeepEqual(kept.Fields, anew.Fields) || !reflect.DeepEqual(verdicts(kept), verdicts(anew)) || !slices.Equal(violations, anew.Validate()) {
		return errors.New("the merged record is not what its changes give; it can be rebuilt from them")
	}
	return nil
}

func verdicts(r *syncengine.Record) map[syncengine.ChangeID]syncengine.Verdict {
	out := make(map[syncengine.ChangeID]syncengine.Verdict, len(r.Idle))
	for id, x := range r.Idle {
		out[id] = x.Verdict
	}
	return out
}
