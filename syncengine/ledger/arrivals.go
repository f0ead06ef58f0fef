package ledger

import (
	"encoding/binary"
	"fmt"

	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/store"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// arrived is what is kept of an advance of a log: from and to where it was held, up to where its lines had been sent before to whoever
// follows arrivals, and the digest of the version vector after it.
type arrived struct {
	log            uint32
	from, to, sent uint64
	digest         wire.Digest
}

const arrivedBytes = 4 + 3*8 + len(wire.Digest{})

func (a *arrived) encode() []byte {
	b := binary.BigEndian.AppendUint32(make([]byte, 0, arrivedBytes), a.log)
	for _, n := range []uint64{a.from, a.to, a.sent} {
		b = binary.BigEndian.AppendUint64(b, n)
	}
	return append(b, a.digest[:]...)
}

func readArrived(b []byte) (arrived, error) {
	if len(b) != arrivedBytes {
		return arrived{}, fmt.Errorf("arrival of %d bytes: %w", len(b), store.ErrCorrupt)
	}
	at := func(i int) uint64 { return binary.BigEndian.Uint64(b[i:]) }
	return arrived{binary.BigEndian.Uint32(b), at(4), at(12), at(20), wire.Digest(b[28:])}, nil
}

// Progress is how far a ledger is: Version counts the advances of its logs in this store, and Digest is that of its version vector.
type Progress struct {
	Version uint64
	Digest  wire.Digest
}

// ReadProgress returns the progress of a ledger; the zero Progress where nothing of it is held.
func ReadProgress(r store.Reader, id syncengine.LedgerID) (Progress, error) {
	raw, err := r.Get(spaceLedger, id, []byte("progress"))
	if err != nil || raw == nil {
		return Progress{}, err
	}
	if len(raw) != 8+len(wire.Digest{}) {
		return Progress{}, fmt.Errorf("progress of ledger %s: %w", id, store.ErrCorrupt)
	}
	return Progress{binary.BigEndian.Uint64(raw), wire.Digest(raw[8:])}, nil
}

// writeAdvances appends advances to a ledger's arrivals and returns its version after them.
func writeAdvances(w store.Writer, id syncengine.LedgerID, advances []advance) (uint64, error) {
	p, err := ReadProgress(w, id)
	if err != nil || len(advances) == 0 {
		return p.Version, err
	}
	for _, a := range advances {
		p.Version++
		if a.from.Seq > a.log.Fork { // before its first own line, a log has no entry in the vector
			p.Digest.Toggle(id, a.log.Replica, a.from)
		}
		p.Digest.Toggle(id, a.log.Replica, a.to)
		kept := arrived{a.log.Number, a.from.Seq, a.to.Seq, a.sent, p.Digest}
		if err := w.Put(spaceArrivals, id, versionKey(p.Version), kept.encode()); err != nil {
			return 0, err
		}
	}
	value := append(versionKey(p.Version), p.Digest[:]...)
	return p.Version, w.Put(spaceLedger, id, []byte("progress"), value)
}

// Advance is a stretch of one log that arrived here: lines From+1 to To, complete.
type Advance struct {
	Replica  syncengine.ReplicaID
	From, To uint64
	log      *log
}

// Since returns what arrived after a version, the stretches of one log joined, the authority's first and then in order of arrival,
// and the progress that they lead to. At most limit arrivals are looked at; more is left for the next call. Whoever was sent the runs of
// every stretch up to a version can be sent those after it.
func (l *Ledger) Since(version uint64, limit int) ([]Advance, Progress, error) {
	var out []Advance
	index := map[uint32]int{}
	progress := Progress{Version: version}
	var err error
	if progress.Digest, _, err = DigestAt(l.r, l.id, version); err != nil {
		return nil, progress, err
	}
	err = l.r.Scan(spaceArrivals, l.id, versionKey(version+1), nil, func(key, value []byte) (bool, error) {
		a, err := readArrived(value)
		if err != nil || len(key) != 8 {
			return false, err
		}
		progress = Progress{binary.BigEndian.Uint64(key), a.digest}
		if i, known := index[a.log]; known {
			out[i].From, out[i].To = min(out[i].From, a.sent), a.to
		} else {
			g, err := l.log(a.log)
			if err != nil {
				return false, err
			}
			index[a.log] = len(out)
			out = append(out, Advance{Replica: g.Replica, From: a.sent, To: a.to, log: g})
		}
		limit--
		return limit > 0, nil
	})
	return l.authorityFirst(out), progress, err
}

// Lacking returns what a holder of the given vector lacks of this ledger.
func (l *Ledger) Lacking(theirs syncengine.VersionVector) ([]Advance, error) {
	var out []Advance
	err := l.eachLog(func(g *log) error {
		if g.Held.Seq == 0 {
			return nil
		}
		from, err := l.coveredBy(g, theirs[g.Replica])
		if err != nil {
			return err
		}
		if from < g.Fork {
			from = g.Fork // the lines before it are the parent's to send
		}
		if from < g.Held.Seq {
			out = append(out, Advance{Replica: g.Replica, From: from, To: g.Held.Seq, log: g})
		}
		return nil
	})
	return l.authorityFirst(out), err
}

// coveredBy returns how far a holder of heads holds log g. A head beyond everything that is held here is taken for a longer copy of
// g, unless another of the heads lies on g; should it be another branch, its lines will tell once they come.
func (l *Ledger) coveredBy(g *log, heads []syncengine.Head) (uint64, error) {
	logs, err := l.logsOf(g.Replica)
	if err != nil {
		return 0, err
	}
	var covered uint64
	longer, placed := false, false
	for _, h := range heads {
		if other := branchOf(l, logs, h); other != nil {
			covered = max(covered, min(h.Seq, l.commonTo(g, other)))
			placed = placed || other == g
		} else if h.Seq > g.Tip.Seq { // at the tip's own sequence it would be the tip's chain, or another branch
			longer = true
		}
	}
	if longer && !placed {
		covered = g.Tip.Seq
	}
	return covered, nil
}

// commonTo returns the last sequence that two branches of one log share.
func (l *Ledger) commonTo(a, b *log) uint64 {
	limit := min(a.Tip.Seq, b.Tip.Seq)
	for a.Number != b.Number {
		if a.Branch < b.Branch { // a parent is older than its branches, so the younger of the two steps up
			a, b = b, a
		}
		limit = min(limit, a.Fork)
		parent, err := l.parentOf(a)
		if err != nil {
			return 0
		}
		a = parent
	}
	return limit
}

// authorityFirst moves the authority's stretches to the front, since grants and versions in them decide about the others.
func (l *Ledger) authorityFirst(list []Advance) []Advance {
	out := make([]Advance, 0, len(list))
	for _, first := range []bool{true, false} {
		for _, a := range list {
			if l.authority.IsAuthority(a.Replica) == first {
				out = append(out, a)
			}
		}
	}
	return out
}

// eachLog calls fn for every log and branch, ascending by replica.
func (l *Ledger) eachLog(fn func(g *log) error) error {
	return l.r.Scan(spaceLogs, l.id, nil, nil, func(key, raw []byte) (bool, error) {
		g, err := l.readLog(key, raw)
		if err != nil {
			return false, err
		}
		return true, fn(g)
	})
}

// Vector returns how far every log of the ledger is held.
func (l *Ledger) Vector() (syncengine.VersionVector, error) {
	v := syncengine.VersionVector{}
	err := l.eachLog(func(g *log) error {
		if g.Held.Seq > g.Fork {
			v.Advance(g.Replica, syncengine.Head{}, g.Held)
		}
		return nil
	})
	return v, err
}

// Heads returns how far the log of one replica is held, a head for each branch, the first branch's first.
func (l *Ledger) Heads(replica syncengine.ReplicaID) ([]syncengine.Head, error) {
	logs, err := l.logsOf(replica)
	if err != nil {
		return nil, err
	}
	var out []syncengine.Head
	for _, g := range logs {
		if g.Held.Seq > g.Fork {
			out = append(out, g.Held)
		}
	}
	return out, nil
}

// Outgoing is a run to be sent, and the head after it. Its lines are valid until the transaction ends.
type Outgoing struct {
	wire.Run
	After syncengine.Head
}

// Runs calls emit for each run that a stretch consists of, in order, until emit returns false or an error. bare says that nothing but
// rulings may be sent with its values. Where a stretch ends within a run, since the lines behind it have a head in common with it, the
// whole run is sent; where that run is not held to its end, it waits.
func (l *Ledger) Runs(a Advance, bare bool, emit func(Outgoing) (bool, error)) error {
	if a.From >= a.To {
		return nil
	}
	first := a.From + 1
	from, to := position{a.log.Number, first}, position{a.log.Number, a.log.Held.Seq + 1}
	return l.r.Scan(spaceHeads, l.id, from.key(), to.key(), func(key, value []byte) (bool, error) {
		p, err := readPosition(key)
		if err != nil {
			return false, err
		}
		if len(value) != headBytes {
			return false, fmt.Errorf("head of %d bytes: %w", len(value), store.ErrCorrupt)
		}
		run := Outgoing{
			Run:   wire.Run{Ledger: l.id, Replica: a.Replica, First: first, Head: wire.Signature(value[32:])},
			After: syncengine.Head{Seq: p.seq, Chain: syncengine.Hash(value[:32])},
		}
		for n := first; n <= p.seq; n++ {
			line, err := l.outgoing(position{a.log.Number, n}, bare)
			if err != nil {
				return false, err
			}
			run.Lines = append(run.Lines, line)
		}
		first = p.seq + 1
		more, err := emit(run)
		return more && p.seq < a.To, err
	})
}

// outgoing returns the bytes of a line as they may be sent. They are valid until the transaction ends.
func (l *Ledger) outgoing(p position, bare bool) ([]byte, error) {
	raw, mark, err := l.rawLine(p)
	if err != nil || mark == markLine && !bare {
		return raw, err
	}
	line, err := wire.DecodeLine(raw, l.id)
	if err != nil {
		return nil, fmt.Errorf("line %d of log number %d: %w: %w", p.seq, p.log, store.ErrCorrupt, err)
	}
	if bare && mark == markLine && (line.Change.Ruling != nil || line.Change.Genesis != nil) {
		return raw, nil
	}
	return wire.AppendLine(nil, line.Strip()), nil
}

// HeadsAt returns the heads of a replica's log as they were at a version of the ledger, in the order of version vectors.
func (l *Ledger) HeadsAt(replica syncengine.ReplicaID, version uint64) ([]syncengine.Head, error) {
	logs, err := l.logsOf(replica)
	if err != nil {
		return nil, err
	}
	held := make(map[uint32]uint64, len(logs))
	for _, g := range logs {
		held[g.Number] = g.Held.Seq
	}
	later := map[uint32]bool{}
	err = l.r.Scan(spaceArrivals, l.id, versionKey(version+1), nil, func(_, value []byte) (bool, error) {
		a, err := readArrived(value)
		if _, ours := held[a.log]; ours && !later[a.log] {
			later[a.log] = true
			held[a.log] = a.from
		}
		return len(later) < len(held), err
	})
	if err != nil {
		return nil, err
	}
	v := syncengine.VersionVector{}
	for _, g := range logs {
		seq := held[g.Number]
		if seq <= g.Fork {
			continue
		}
		chain, err := l.chainAt(g, seq)
		if err != nil {
			return nil, err
		}
		v.Advance(replica, syncengine.Head{}, syncengine.Head{Seq: seq, Chain: chain})
	}
	return v[replica], nil
}

// HeldAt returns how far the first branch of a replica's log was held at a version of the ledger; 0 where nothing of it was. What arrived in
// the ledger since is looked at until the log's first arrival among it.
func (l *Ledger) HeldAt(replica syncengine.ReplicaID, version uint64) (uint64, error) {
	logs, err := l.logsOf(replica)
	if err != nil || len(logs) == 0 || version == 0 {
		return 0, err
	}
	seq := logs[0].Held.Seq
	err = l.r.Scan(spaceArrivals, l.id, versionKey(version+1), nil, func(_, value []byte) (bool, error) {
		a, err := readArrived(value)
		if a.log == logs[0].Number {
			seq = a.from
			return false, err
		}
		return true, err
	})
	return seq, err
}

// Beyond returns what of a stretch a holder of heads lacks, reporting false where it lacks nothing.
func (l *Ledger) Beyond(a Advance, heads []syncengine.Head) (Advance, bool, error) {
	covered, err := l.coveredBy(a.log, heads)
	if err != nil {
		return a, false, err
	}
	a.From = max(a.From, covered)
	return a, a.From < a.To, nil
}

// First reports whether the stretch lies in the first branch of its log.
func (a *Advance) First() bool { return a.log.Branch == 0 }

// DigestAt returns the digest of the ledger's version vector as it was at a version, or reports false where that version is not known.
func DigestAt(r store.Reader, id syncengine.LedgerID, version uint64) (wire.Digest, bool, error) {
	if version == 0 {
		return wire.Digest{}, true, nil
	}
	raw, err := r.Get(spaceArrivals, id, versionKey(version))
	if err != nil || raw == nil {
		return wire.Digest{}, false, err
	}
	a, err := readArrived(raw)
	return a.digest, err == nil, err
}
