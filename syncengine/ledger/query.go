package ledger

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/store"
)

// Merged is a merged record as it is read.
type Merged struct {
	*syncengine.Record
	Violations []syncengine.Violation
	States     []RecordState
	Changes    int // how many changes it has, those without effect included
}

// Record returns a merged record, or nil where nothing of it is held. An entry that was made by other merge rules or under an older
// version of its checklist is merged anew for the reading.
func (l *Ledger) Record(key syncengine.RecordKey) (*Merged, error) {
	e, err := l.entry(key)
	if err != nil || e == nil {
		return nil, err
	}
	return l.merged(e)
}

func (l *Ledger) merged(e *Entry) (*Merged, error) {
	stale := l.stale(e)
	if stale {
		if _, err := l.rebuildEntry(e); err != nil {
			return nil, err
		}
	}
	rec := l.show(e)
	if stale {
		e.Violations = rec.Validate()
	}
	return &Merged{Record: rec, Violations: e.Violations, States: states(rec, e.Violations), Changes: e.Changes()}, nil
}

// Refresh merges stale records anew and keeps them with their index, from a record key on, at most limit of them looked at. It
// returns the key to go on from, nil when all are done. It serves after a checklist was published.
func (l *Ledger) Refresh(from []byte, limit int) (next []byte, refreshed int, err error) {
	var stale []syncengine.RecordKey
	err = l.r.Scan(spaceRecords, l.id, from, nil, func(key, raw []byte) (bool, error) {
		if limit == 0 {
			next = bytes.Clone(key)
			return false, nil
		}
		limit--
		k, err := readRecordKey(key)
		if err != nil {
			return false, err
		}
		e, err := decodeEntry(k, raw)
		if err != nil {
			return false, err
		}
		if l.stale(e) {
			stale = append(stale, k)
		}
		return true, nil
	})
	if err != nil {
		return nil, 0, err
	}
	for _, k := range stale {
		l.rebuild(k)
	}
	return next, len(stale), l.Settle()
}

// Filter says which records are wanted: those that have everything that is asked for. Empty fields ask for nothing.
type Filter struct {
	Kind  syncengine.Kind
	Where map[string]string // attribute -> value: "place", "visit", "rater", "domain", "state"

	// Words and Begins ask for words as the keeper's Finder gives them: each of Words, and one that begins with Begins. A beginning of less than
	// three letters is taken as a word.
	Words  []string
	Begins string

	// Box asks for what lies in it: by its own position, or where it has none, at one of Places.
	Box    *Box
	Places []syncengine.RecordID
}

// List calls fn with each record that a filter wants, ascending by kind, then id, after the given key (nil: from the first), until
// fn returns false. The order and so the paging are stable: records that appear later have later ids, except imported ones. It goes on
// past records that are damaged here, and returns the fault of the first of them in the end (law L6).
func (l *Ledger) List(f Filter, after *syncengine.RecordKey, fn func(m *Merged) (bool, error)) error {
	var damaged error
	visit := func(key syncengine.RecordKey) (bool, error) {
		m, err := l.Record(key)
		switch {
		case errors.Is(err, store.ErrCorrupt):
			if damaged == nil {
				damaged = fmt.Errorf("%s %s: %w", key.Kind, key.ID, err)
			}
			return true, nil
		case err != nil:
			return false, err
		case m == nil || !l.hasAttributes(m, f) || !f.matchesBox(l.k.finder, m.Record):
			return true, nil
		}
		return fn(m)
	}
	if err := l.find(&f, after, visit); err != nil {
		return err
	}
	return damaged
}

// find calls visit with the key of each record that may be wanted, as far as the index tells.
func (l *Ledger) find(f *Filter, after *syncengine.RecordKey, visit func(syncengine.RecordKey) (bool, error)) error {
	criteria, words := f.criteria(), f.search()
	if len(criteria) == 0 && words == nil {
		return l.scanRecords(f.Kind, after, visit)
	}
	var last []byte
	if after != nil {
		last = recordKey(*after)
	}
	limit := probed
	if words != nil {
		limit = probedBeside
	}
	first, few, err := l.scarcest(criteria, f.Kind, limit)
	if err != nil {
		return err
	}
	byWords := words != nil && !few
	rest := criteria
	if !byWords {
		rest = slices.Delete(slices.Clone(criteria), first, first+1)
	}
	rest = slices.DeleteFunc(slices.Clone(rest), func(c criterion) bool { return len(c.prefixes) > 1 }) // seen when the record is read
	look := func(suffix []byte) (bool, error) {
		if found, err := l.holdsAll(rest, words, suffix); err != nil || !found {
			return true, err
		}
		key, err := readRecordKey(suffix)
		if err != nil {
			return false, err
		}
		return visit(key)
	}
	if byWords {
		return l.withWords(words, f.Kind, last, look)
	}
	return l.candidates(&criteria[first], f.Kind, last, look)
}

// Matches reports whether a record is one that a filter wants.
func (l *Ledger) Matches(m *Merged, f Filter) bool {
	return (f.Kind == "" || f.Kind == m.Key.Kind) && l.hasAttributes(m, f) && l.matchesWords(m, f.search()) && f.matchesBox(l.k.finder, m.Record)
}

// matchesWords reports whether the words of a record are all that is looked for.
func (l *Ledger) matchesWords(m *Merged, s *search) bool {
	return s == nil || l.k.finder != nil && m.Present && s.in(l.k.finder.Words(m.Record))
}

// hasAttributes reports whether a record has every attribute that the filter names; it settles what the index only suggests.
func (l *Ledger) hasAttributes(m *Merged, f Filter) bool {
	if len(f.Where) == 0 {
		return true
	}
	has := attributes(m.Record, m.Violations)
	suffix := recordKey(m.Key)
	for a, v := range f.Where {
		if _, found := slices.BinarySearchFunc(has, indexKey(a, v, suffix), bytes.Compare); !found {
			return false
		}
	}
	return true
}

// scanRecords calls visit for the key of every record of one kind, or of all, behind last.
func (l *Ledger) scanRecords(kind syncengine.Kind, last *syncengine.RecordKey, visit func(syncengine.RecordKey) (bool, error)) error {
	from := ofKind(nil, kind)
	to := store.After(from)
	if last != nil {
		if next := append(recordKey(*last), 0); bytes.Compare(next, from) > 0 { // a key of a kind before the wanted one leaves all of it
			from = next
		}
	}
	return l.r.Scan(spaceRecords, l.id, from, to, func(key, _ []byte) (bool, error) {
		k, err := readRecordKey(key)
		if err != nil {
			return false, err
		}
		return visit(k)
	})
}

// Step is one change in the history of a record.
type Step struct {
	*syncengine.Change
	Envelopes []syncengine.Envelope
	Decision  syncengine.Decision
	Verdict   syncengine.Verdict
	Reason    string // of the ruling that the verdict comes from
}

// History returns the changes of a record in order of author time, then id, each once, apart from those that can't be read any more;
// nil where nothing of it is held.
func (l *Ledger) History(key syncengine.RecordKey) ([]Step, error) {
	e, err := l.entry(key)
	if err != nil || e == nil {
		return nil, err
	}
	judged, err := l.readable(e)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(judged, func(a, b syncengine.Judged) int {
		switch {
		case a.Time < b.Time:
			return -1
		case a.Time > b.Time:
			return 1
		}
		return a.ID.Compare(b.ID.Hash)
	})
	out := make([]Step, 0, len(judged))
	for _, j := range judged {
		s := Step{Change: j.Change, Decision: j.Decision, Verdict: j.Verdict}
		if s.Envelopes, err = l.envelopes(j.ID); err != nil {
			return nil, err
		}
		if s.Reason, err = l.reasonOf(j.Decision.By); err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, nil
}

// Change returns one change with its verdict, or nil where it is not held. A ruling or genesis has the verdict of its rank: effective.
func (l *Ledger) Change(id syncengine.ChangeID) (*Step, error) {
	at, err := l.positionsOf(id)
	if err != nil || len(at) == 0 {
		return nil, err
	}
	line, err := l.line(at[0])
	if err != nil {
		return nil, err
	}
	s := &Step{Change: line.Change}
	if s.Envelopes, err = l.envelopes(id); err != nil {
		return nil, err
	}
	if line.Change.Ruling != nil || line.Change.Genesis != nil {
		return s, nil
	}
	j, err := l.judgeKept(newEntry(line.Change.Key()), line.Change)
	if err != nil {
		return nil, err
	}
	s.Decision, s.Verdict = j.Decision, j.Verdict
	s.Reason, err = l.reasonOf(j.Decision.By)
	return s, err
}

// reasonOf returns the reason that a ruling gives, empty where it gives none or it was erased.
func (l *Ledger) reasonOf(ruling syncengine.ChangeID) (string, error) {
	if ruling.IsZero() {
		return "", nil
	}
	at, err := l.positionsOf(ruling)
	if err != nil || len(at) == 0 {
		return "", err
	}
	line, err := l.line(at[0])
	if err != nil {
		return "", err
	}
	w := line.Change.Write(syncengine.ReasonPath)
	if w == nil || w.Value == "" {
		return "", nil
	}
	return text(w.Value), nil
}

// Author returns which replica first held a change here; the zero id where the change is not held.
func (l *Ledger) Author(id syncengine.ChangeID) (syncengine.ReplicaID, error) {
	at, err := l.positionsOf(id)
	if err != nil || len(at) == 0 {
		return syncengine.ReplicaID{}, err
	}
	g, err := l.log(at[0].log)
	if err != nil {
		return syncengine.ReplicaID{}, err
	}
	return g.Replica, nil
}

// Own returns the ids of the changes that a replica's log holds after a sequence and up to another one, in order.
func (l *Ledger) Own(replica syncengine.ReplicaID, after, to uint64) ([]syncengine.ChangeID, error) {
	logs, err := l.logsOf(replica)
	if err != nil || len(logs) == 0 {
		return nil, err
	}
	var out []syncengine.ChangeID
	for n := after + 1; n <= min(to, logs[0].Tip.Seq); n++ {
		id, err := l.idAt(position{logs[0].Number, n})
		if err != nil {
			return nil, err
		}
		out = append(out, id)
	}
	return out, nil
}

// Sequence returns the sequence at which a change lies in a replica's own log, 0 where it does not.
func (l *Ledger) Sequence(id syncengine.ChangeID, replica syncengine.ReplicaID) (uint64, error) {
	at, err := l.positionsOf(id)
	if err != nil {
		return 0, err
	}
	for _, p := range at {
		g, err := l.log(p.log)
		if err != nil {
			return 0, err
		}
		if g.Replica == replica && g.Branch == 0 {
			return p.seq, nil
		}
	}
	return 0, nil
}

// Count returns how many records the ledger holds entries of, as of its last Advances.
func (l *Ledger) Count() (int, error) {
	return readCount(l.r, l.id)
}

// Reader returns the reader of the ledger's transaction, for what lies beside the ledger.
func (l *Ledger) Reader() store.Reader { return l.r }

// HoldsHead reports whether a branch of a replica's log held here passes through head.
func (l *Ledger) HoldsHead(replica syncengine.ReplicaID, head syncengine.Head) (bool, error) {
	logs, err := l.logsOf(replica)
	if err != nil {
		return false, err
	}
	return branchOf(l, logs, head) != nil, nil
}
