package ledger

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

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
	engine     uint64
}

// Changes returns how many changes the record has, those without effect included.
func (e *Entry) Changes() int { return len(e.positions) }

// An entry is a string of unsigned varints, byte strings led by their length, and hashes. Fields that are empty take one byte.
type entryWriter struct{ b []byte }

func (w *entryWriter) uint(n uint64)           { w.b = binary.AppendUvarint(w.b, n) }
func (w *entryWriter) int(n int64)             { w.b = binary.AppendVarint(w.b, n) }
func (w *entryWriter) hash(h syncengine.Hash)  { w.b = append(w.b, h[:]...) }
func (w *entryWriter) text(s string)           { w.uint(uint64(len(s))); w.b = append(w.b, s...) }
func (w *entryWriter) ids(ids []syncengine.ChangeID) {
	w.uint(uint64(len(ids)))
	for _, id := range ids {
		w.hash(id.Hash)
	}
}

// encode writes the entry. Survivors name their change by its place in a table, since one change usually wrote most of them.
func (e *Entry) encode() []byte {
	w := &entryWriter{b: make([]byte, 0, 512)}
	w.uint(engineVersion)
	w.uint(uint64(len(e.positions)))
	for _, p := range e.positions {
		w.uint(uint64(p.log))
		w.uint(p.seq)
	}
	w.hash(e.State.Version.Hash)
	w.uint(uint64(len(e.State.Lineages)))
	for _, l := range e.State.Lineages {
		w.text(l)
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

func (e *Entry) encodeRegisters(w *entryWriter) {
	paths := make([]syncengine.Path, 0, len(e.State.Registers))
	table := map[syncengine.ChangeID]uint64{}
	var authors []*syncengine.Survivor
	for p, r := range e.State.Registers {
		if len(r.Survivors) > 0 || len(r.Absent) > 0 {
			paths = append(paths, p)
		}
	}
	slices.Sort(paths)
	for _, p := range paths {
		for i := range e.State.Registers[p].Survivors {
			s := &e.State.Registers[p].Survivors[i]
			if _, known := table[s.Change]; !known {
				table[s.Change] = uint64(len(authors))
				authors = append(authors, s)
			}
		}
	}
	w.uint(uint64(len(authors)))
	for _, s := range authors {
		w.hash(s.Change.Hash)
		w.text(string(s.Author))
		w.int(s.Time)
		w.uint(flag(s.Untimed))
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
	ids := make([]syncengine.ChangeID, 0, len(e.State.Idle))
	for id := range e.State.Idle {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, func(a, b syncengine.ChangeID) int { return a.Compare(b.Hash) })
	w.uint(uint64(len(ids)))
	for _, id := range ids {
		x := e.State.Idle[id]
		w.hash(id.Hash)
		w.uint(uint64(x.Verdict.Status))
		w.text(string(x.Verdict.Reason))
		w.text(string(x.Verdict.Path))
		w.hash(x.Verdict.Missing.Authority.Replica.Hash)
		w.uint(x.Verdict.Missing.Authority.Seq)
		w.hash(x.Verdict.Missing.Version.Hash)
		w.uint(flag(x.Verdict.Untimed))
		w.uint(uint64(len(x.Over)))
		for i := range x.Over {
			w.text(string(x.Over[i].Path))
			w.ids(x.Over[i].Over)
		}
	}
}

func flag(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}

// entryReader reads what entryWriter wrote. After the first fault every read gives zero values and err says what was wrong.
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

func (r *entryReader) uint() uint64 {
	n, size := binary.Uvarint(r.b)
	if size <= 0 {
		r.fail()
		return 0
	}
	r.b = r.b[size:]
	return n
}

func (r *entryReader) int() int64 {
	n, size := binary.Varint(r.b)
	if size <= 0 {
		r.fail()
		return 0
	}
	r.b = r.b[size:]
	return n
}

// count reads a length; each thing counted takes at least one byte.
func (r *entryReader) count() int {
	n := r.uint()
	if n > uint64(len(r.b)) {
		r.fail()
		return 0
	}
	return int(n)
}

func (r *entryReader) hash() (h syncengine.Hash) {
	if len(r.b) < len(h) {
		r.fail()
		return h
	}
	copy(h[:], r.b)
	r.b = r.b[len(h):]
	return h
}

func (r *entryReader) text() string {
	n := r.count()
	if r.err != nil {
		return ""
	}
	s := string(r.b[:n])
	r.b = r.b[n:]
	return s
}

func (r *entryReader) ids() []syncengine.ChangeID {
	n := r.count()
	var out []syncengine.ChangeID
	for range n {
		out = append(out, syncengine.ChangeID{Hash: r.hash()})
		if r.err != nil {
			return nil
		}
	}
	return out
}

// decodeEntry reads an entry. One of another engine version has its positions only, and must be rebuilt.
func decodeEntry(key syncengine.RecordKey, b []byte) (*Entry, error) {
	r := &entryReader{b: b}
	e := &Entry{Key: key, engine: r.uint(), State: syncengine.NewState()}
	for range r.count() {
		e.positions = append(e.positions, position{uint32(r.uint()), r.uint()})
	}
	if e.engine != engineVersion || r.err != nil {
		return e, r.err
	}
	e.State.Version = syncengine.VersionID{Hash: r.hash()}
	for range r.count() {
		e.State.Lineages = append(e.State.Lineages, r.text())
	}
	r.registers(e.State)
	r.idle(e.State)
	for range r.count() {
		e.Violations = append(e.Violations, syncengine.Violation{Path: syncengine.Path(r.text()), Rule: r.text(), Message: r.text()})
	}
	return e, r.err
}

func (r *entryReader) registers(s *syncengine.State) {
	authors := make([]syncengine.Survivor, r.count())
	for i := range authors {
		authors[i].Change.Hash = r.hash()
		authors[i].Author = syncengine.AccountID(r.text())
		authors[i].Time = r.int()
		authors[i].Untimed = r.uint() == 1
	}
	for range r.count() {
		path := syncengine.Path(r.text())
		register := &syncengine.Register{}
		for range r.count() {
			at := r.uint()
			if at >= uint64(len(authors)) {
				r.fail()
				return
			}
			v := authors[at]
			v.Value = syncengine.Value(r.text())
			v.Erased = v.Value == ""
			register.Survivors = append(register.Survivors, v)
		}
		register.Absent = r.ids()
		if r.err != nil {
			return
		}
		s.Registers[path] = register
	}
}

func (r *entryReader) idle(s *syncengine.State) {
	for range r.count() {
		id := syncengine.ChangeID{Hash: r.hash()}
		x := &syncengine.Idle{}
		x.Verdict.Status = syncengine.Status(r.uint())
		x.Verdict.Reason = syncengine.Reason(r.text())
		x.Verdict.Path = syncengine.Path(r.text())
		x.Verdict.Missing.Authority.Replica.Hash = r.hash()
		x.Verdict.Missing.Authority.Seq = r.uint()
		x.Verdict.Missing.Version.Hash = r.hash()
		x.Verdict.Untimed = r.uint() == 1
		for range r.count() {
			x.Over = append(x.Over, syncengine.Write{Path: syncengine.Path(r.text()), Over: r.ids()})
		}
		if r.err != nil {
			return
		}
		s.Idle[id] = x
	}
}

// attributes returns the index keys that a record is found by: what its checklist names, its domain, and its states.
func attributes(rec *syncengine.Record, violations []syncengine.Violation) [][]byte {
	suffix := recordKey(rec.Key)
	add := func(out [][]byte, attribute, value string) [][]byte {
		return append(out, append(indexPrefix(attribute, value), suffix...))
	}
	var out [][]byte
	if list := rec.Checklist; list != nil {
		for attribute, path := range list.Index {
			f := rec.Field(path)
			if f == nil {
				continue
			}
			for i := range f.Survivors { // every survivor, so that a contested value is found under both
				if v := f.Survivors[i].Value; v != "" && v != syncengine.Null {
					out = add(out, attribute, strings.Trim(string(v), `"`))
				}
			}
		}
		if list.Domain != "" {
			out = add(out, "domain", list.Domain)
		}
	}
	for _, s := range states(rec, violations) {
		out = add(out, "state", string(s))
	}
	slices.SortFunc(out, slices.Compare)
	return slices.CompactFunc(out, slices.Equal)
}

// RecordState is a condition that records are filtered by.
type RecordState string

// The states of a record. One that is in none of them is clean.
const (
	StateConflict    RecordState = "conflict"    // a person must decide between values
	StateViolation   RecordState = "violation"   // the merged record breaks a rule
	StatePending     RecordState = "pending"     // a change of it waits for something
	StateIneffective RecordState = "ineffective" // a change of it takes no part
	StateAbsent      RecordState = "absent"      // it was deleted, or only refused changes made it
	StateClean       RecordState = "clean"       // present, and none of the others but absent
)

func states(rec *syncengine.Record, violations []syncengine.Violation) []RecordState {
	var out []RecordState
	if len(rec.Conflicts()) > 0 {
		out = append(out, StateConflict)
	}
	if len(violations) > 0 {
		out = append(out, StateViolation)
	}
	if len(rec.Pending()) > 0 {
		out = append(out, StatePending)
	}
	if len(rec.Ineffective()) > 0 {
		out = append(out, StateIneffective)
	}
	if !rec.Present {
		return append(out, StateAbsent)
	}
	if len(out) == 0 {
		out = append(out, StateClean)
	}
	return out
}
