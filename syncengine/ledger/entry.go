package ledger

import (
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/store"
)

// engineVersion names the merge rules that entries were made by. An entry of another version is rebuilt when it is next needed.
const engineVersion = 1

// Entry is what a store keeps of one merged record: where its changes are, and what they add up to so far.
type Entry struct {
	Key        syncengine.RecordKey
	State      *syncengine.State
	Violations []syncengine.Violation
	positions  []position // of every change of the record, in order of arrival
	// read says under which version of each of its changes' checklists the entry was made, changes without effect included, since a
	// lens moves what they name in over. The zero version stands for a checklist of which no version could be read.
	read   map[string]syncengine.VersionID
	engine uint64
}

func newEntry(key syncengine.RecordKey) *Entry {
	return &Entry{Key: key, State: syncengine.NewState(), read: map[string]syncengine.VersionID{}, engine: engineVersion}
}

// Changes returns how many changes the record has, those without effect included.
func (e *Entry) Changes() int { return len(e.positions) }

// An entry is a string of unsigned varints, byte strings led by their length, and hashes. Fields that are empty take one byte. Lists
// are led by their length, and those whose order says nothing are ascending, so that an entry has one encoding.
type entryWriter struct{ b []byte }

func (w *entryWriter) uint(n uint64)          { w.b = binary.AppendUvarint(w.b, n) }
func (w *entryWriter) int(n int64)            { w.b = binary.AppendVarint(w.b, n) }
func (w *entryWriter) hash(h syncengine.Hash) { w.b = append(w.b, h[:]...) }
func (w *entryWriter) text(s string)          { w.uint(uint64(len(s))); w.b = append(w.b, s...) }
func (w *entryWriter) ids(ids []syncengine.ChangeID) {
	w.uint(uint64(len(ids)))
	for _, id := range ids {
		w.hash(id.Hash)
	}
}

func (w *entryWriter) flag(b bool) {
	n := byte(0)
	if b {
		n = 1
	}
	w.b = append(w.b, n)
}

// encode writes the entry.
func (e *Entry) encode() []byte {
	w := &entryWriter{b: make([]byte, 0, 512)}
	w.uint(engineVersion)
	w.uint(uint64(len(e.positions)))
	for _, p := range e.positions {
		w.uint(uint64(p.log))
		w.uint(p.seq)
	}
	w.uint(uint64(len(e.read)))
	for _, lineage := range slices.Sorted(maps.Keys(e.read)) {
		w.text(lineage)
		w.hash(e.read[lineage].Hash)
		w.flag(slices.Contains(e.State.Lineages, lineage))
	}
	e.encodeRegisters(w)
	e.encodeIdle(w)
	w.uint(uint64(len(e.Violations)))
	for _, v := range e.Violations {
		w.text(string(v.Path))
		w.text(v.Rule)
		w.text(v.Message)
	}
	return w.b
}

// encodeRegisters writes the registers. Survivors name their change by its place in a table, since one change usually wrote most of them.
func (e *Entry) encodeRegisters(w *entryWriter) {
	paths := make([]syncengine.Path, 0, len(e.State.Registers))
	for p, r := range e.State.Registers {
		if len(r.Survivors) > 0 || len(r.Absent) > 0 {
			paths = append(paths, p)
		}
	}
	slices.Sort(paths)
	var writers []*syncengine.Survivor
	table := map[syncengine.ChangeID]uint64{}
	for _, p := range paths {
		for i := range e.State.Registers[p].Survivors {
			s := &e.State.Registers[p].Survivors[i]
			if _, known := table[s.Change]; !known {
				table[s.Change] = uint64(len(writers))
				writers = append(writers, s)
			}
		}
	}
	w.uint(uint64(len(writers)))
	for _, s := range writers {
		w.hash(s.Change.Hash)
		w.text(string(s.Author))
		w.int(s.Time)
		w.flag(s.Untimed)
	}
	w.uint(uint64(len(paths)))
	for _, p := range paths {
		r := e.State.Registers[p]
		w.text(string(p))
		w.uint(uint64(len(r.Survivors)))
		for i := range r.Survivors {
			w.uint(table[r.Survivors[i].Change])
			w.text(string(r.Survivors[i].Value)) // empty when erased
		}
		w.ids(r.Absent)
	}
}

func (e *Entry) encodeIdle(w *entryWriter) {
	w.uint(uint64(len(e.State.Idle)))
	if len(e.State.Idle) == 0 {
		return
	}
	ids := slices.SortedFunc(maps.Keys(e.State.Idle), func(a, b syncengine.ChangeID) int { return a.Compare(b.Hash) })
	for _, id := range ids {
		x := e.State.Idle[id]
		w.hash(id.Hash)
		w.b = append(w.b, byte(x.Verdict.Status))
		w.text(string(x.Verdict.Reason))
		w.text(string(x.Verdict.Path))
		w.hash(x.Verdict.Missing.Authority.Replica.Hash)
		w.uint(x.Verdict.Missing.Authority.Seq)
		w.hash(x.Verdict.Missing.Version.Hash)
		w.flag(x.Verdict.Untimed)
		w.uint(uint64(len(x.Over)))
		for i := range x.Over {
			w.text(string(x.Over[i].Path))
			w.ids(x.Over[i].Over)
		}
	}
}

// entryReader reads what entryWriter wrote, and nothing else. After the first fault every read gives zero values, and err says that the
// entry is damaged.
type entryReader struct {
	b   []byte
	err error
}

func (r *entryReader) fail() {
	if r.err == nil {
		r.err = fmt.Errorf("record entry: %w", store.ErrCorrupt)
	}
	r.b = nil
}

// take returns the next n bytes, or nil.
func (r *entryReader) take(n int) []byte {
	if r.err != nil || len(r.b) < n {
		r.fail()
		return nil
	}
	out := r.b[:n]
	r.b = r.b[n:]
	return out
}

func (r *entryReader) uint() uint64 {
	n, size := binary.Uvarint(r.b)
	if size <= 0 || size > 1 && r.b[size-1] == 0 { // a number has one encoding
		r.fail()
		return 0
	}
	r.b = r.b[size:]
	return n
}

func (r *entryReader) int() int64 {
	u := r.uint()
	if n := int64(u >> 1); u&1 == 0 { //nolint:gosec // zigzag: the inverse of binary.AppendVarint
		return n
	} else {
		return ^n
	}
}

// count reads the length of a list whose items take at least size bytes each, so that no length asks for more memory than what
// follows can fill.
func (r *entryReader) count(size int) int {
	n := r.uint()
	if n > uint64(len(r.b)/size) {
		r.fail()
		return 0
	}
	return int(n) //nolint:gosec // at most the length of a slice
}

func (r *entryReader) hash() (h syncengine.Hash) {
	copy(h[:], r.take(len(h)))
	return h
}

// upTo reads a byte of at most limit.
func (r *entryReader) upTo(limit byte) byte {
	b := r.take(1)
	if b == nil || b[0] > limit {
		r.fail()
		return 0
	}
	return b[0]
}

func (r *entryReader) flag() bool { return r.upTo(1) == 1 }

func (r *entryReader) text() string { return string(r.take(r.count(1))) }

const hashBytes = len(syncengine.Hash{})

func (r *entryReader) ids() []syncengine.ChangeID {
	n := r.count(hashBytes)
	if n == 0 {
		return nil
	}
	out := make([]syncengine.ChangeID, n)
	for i := range out {
		out[i].Hash = r.hash()
	}
	return out
}

// decodeEntry reads an entry. One of another engine version has its positions only, and must be rebuilt.
func decodeEntry(key syncengine.RecordKey, b []byte) (*Entry, error) {
	r := &entryReader{b: b}
	e := newEntry(key)
	e.engine = r.uint()
	n := r.count(2)
	e.positions = make([]position, n)
	for i := range e.positions {
		number := r.uint()
		if number > math.MaxUint32 {
			r.fail()
		}
		e.positions[i] = position{uint32(number), r.uint()} //nolint:gosec // checked just before
	}
	if e.engine != engineVersion || r.err != nil {
		return e, r.err
	}
	r.lineages(e)
	r.registers(e.State)
	r.idle(e.State)
	for range r.count(3) {
		v := syncengine.Violation{Path: syncengine.Path(r.text()), Rule: r.text(), Message: r.text()}
		if r.err != nil {
			return e, r.err
		}
		e.Violations = append(e.Violations, v)
	}
	if len(r.b) > 0 {
		r.fail()
	}
	return e, r.err
}

// lineages reads under which versions the entry was made; the state's version is that of its first lineage.
func (r *entryReader) lineages(e *Entry) {
	before := ""
	for i := range r.count(2 + hashBytes) {
		lineage, version := r.text(), syncengine.VersionID{Hash: r.hash()}
		effective := r.flag()
		if i > 0 && lineage <= before {
			r.fail()
		}
		if r.err != nil {
			return
		}
		before = lineage
		e.read[lineage] = version
		if effective {
			if len(e.State.Lineages) == 0 {
				e.State.Version = version
			}
			e.State.Lineages = append(e.State.Lineages, lineage)
		}
	}
}

func (r *entryReader) registers(s *syncengine.State) {
	writers := make([]syncengine.Survivor, r.count(hashBytes+3))
	for i := range writers {
		writers[i].Change.Hash = r.hash()
		writers[i].Author = syncengine.AccountID(r.text())
		writers[i].Time = r.int()
		writers[i].Untimed = r.flag()
	}
	for range r.count(3) {
		path := syncengine.Path(r.text())
		register := &syncengine.Register{}
		if n := r.count(2); n > 0 { // at once, since to grow towards a false length would cost twice as much
			register.Survivors = make([]syncengine.Survivor, n)
		}
		for i := range register.Survivors {
			at := r.uint()
			if at >= uint64(len(writers)) {
				r.fail()
				return
			}
			v := writers[at]
			v.Value = syncengine.Value(r.text())
			v.Erased = v.Value == ""
			register.Survivors[i] = v
		}
		register.Absent = r.ids()
		if r.err != nil {
			return
		}
		s.Registers[path] = register
	}
}

func (r *entryReader) idle(s *syncengine.State) {
	for range r.count(3*hashBytes + 6) {
		id := syncengine.ChangeID{Hash: r.hash()}
		x := &syncengine.Idle{}
		x.Verdict.Status = syncengine.Status(r.upTo(byte(syncengine.Ineffective)))
		x.Verdict.Reason = syncengine.Reason(r.text())
		x.Verdict.Path = syncengine.Path(r.text())
		x.Verdict.Missing.Authority.Replica.Hash = r.hash()
		x.Verdict.Missing.Authority.Seq = r.uint()
		x.Verdict.Missing.Version.Hash = r.hash()
		x.Verdict.Untimed = r.flag()
		if n := r.count(2); n > 0 {
			x.Over = make([]syncengine.Write, n)
		}
		for i := range x.Over {
			x.Over[i] = syncengine.Write{Path: syncengine.Path(r.text()), Over: r.ids()}
		}
		if r.err != nil {
			return
		}
		s.Idle[id] = x
	}
}
