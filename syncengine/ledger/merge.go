package ledger

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/store"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// Note is a remark on a change that was taken: that it waits, takes no part, or left its record breaking a rule.
type Note struct {
	Change     syncengine.ChangeID
	Record     syncengine.RecordKey // zero where the change is of an unknown format
	Code       wire.Code            // pending, ineffective, violation, values_missing
	Verdict    syncengine.Verdict
	Violations []syncengine.Violation
}

// Detail says the note in a few words, for a problem frame.
func (n *Note) Detail() string {
	switch n.Code {
	case wire.CodePending, wire.CodeIneffective:
		if n.Verdict.Path != "" {
			return string(n.Verdict.Reason) + " at " + string(n.Verdict.Path)
		}
		return string(n.Verdict.Reason)
	case wire.CodeViolation:
		var parts []string
		for _, v := range n.Violations {
			parts = append(parts, v.Rule+" at "+string(v.Path))
		}
		return strings.Join(parts, "; ")
	default:
		return "no ruling withholds the values"
	}
}

// Notes returns the remarks on what was taken since the ledger was opened.
func (l *Ledger) Notes() []Note { return l.notes }

func (l *Ledger) note(n Note) { l.notes = append(l.notes, n) }

// work is what Settle has to do for one record.
type work struct {
	fresh   []arrival
	rebuild bool // a verdict or a value of an older change is not what it was
}

// arrival is a change that was kept in this transaction and is not merged yet: in its only envelope, and with the rulings about it
// that were held then. Whatever comes after it, another envelope or ruling, makes its record be merged anew.
type arrival struct {
	*syncengine.Change
	at       position
	decision syncengine.Decision
}

func (l *Ledger) workOn(key syncengine.RecordKey) *work {
	w := l.work[key]
	if w == nil {
		w = &work{}
		l.work[key] = w
	}
	return w
}

// fresh notes a change to be merged. Rulings and the genesis are no record's, and of which record a change of unknown format is
// can't be told.
func (l *Ledger) fresh(c *syncengine.Change, at position, d syncengine.Decision) {
	switch {
	case c.Format != syncengine.FormatVersion:
		v := syncengine.Verdict{Status: syncengine.Pending, Reason: syncengine.NeedsFormat}
		l.note(Note{Change: c.ID, Code: wire.CodePending, Verdict: v})
	case c.Ruling == nil && c.Genesis == nil:
		w := l.workOn(c.Key())
		w.fresh = append(w.fresh, arrival{c, at, d})
	}
}

// Fresh returns the changes of records that were kept since the ledger was opened and are not settled yet.
func (l *Ledger) Fresh() []*syncengine.Change {
	var out []*syncengine.Change
	for _, w := range l.work {
		for _, c := range w.fresh {
			out = append(out, c.Change)
		}
	}
	slices.SortFunc(out, func(a, b *syncengine.Change) int { return a.ID.Compare(b.ID.Hash) })
	return out
}

// rebuild notes that a record must be merged anew.
func (l *Ledger) rebuild(key syncengine.RecordKey) {
	if key.Kind != "" && key.Kind != syncengine.KindRuling && key.Kind != syncengine.KindGenesis {
		l.workOn(key).rebuild = true
	}
}

// Settle merges what was taken into its records, validates each of them once, keeps them with their index, and tells the watcher.
func (l *Ledger) Settle() error {
	if err := l.tellErasures(); err != nil {
		return err
	}
	keys := make([]syncengine.RecordKey, 0, len(l.work))
	for k := range l.work {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, compareRecordKeys)
	for _, k := range keys {
		if err := l.settleRecord(k, l.work[k]); err != nil {
			return err
		}
	}
	clear(l.work)
	return nil
}

func compareRecordKeys(a, b syncengine.RecordKey) int {
	if a.Kind != b.Kind {
		return strings.Compare(string(a.Kind), string(b.Kind))
	}
	return slices.Compare(a.ID[:], b.ID[:])
}

func (l *Ledger) settleRecord(key syncengine.RecordKey, w *work) error {
	e, err := l.entry(key)
	if err != nil {
		return err
	}
	var before []indexed
	if e == nil {
		e = newEntry(key)
		l.created++
	} else {
		before = l.indexedBy(e.State.Record(key, l.Checklist(e.State.Version)), e.Violations)
	}
	var judged []syncengine.Judged
	if w.rebuild || l.stale(e) {
		for _, c := range w.fresh {
			e.positions = append(e.positions, c.at)
		}
		judged, err = l.rebuildEntry(e)
	} else {
		judged, err = l.takeFresh(e, w.fresh)
	}
	if err != nil {
		return err
	}
	rec := l.show(e)
	e.Violations = rec.Validate()
	l.remark(e, w)
	if err := l.keepEntry(e, rec, before); err != nil || l.k.watcher == nil {
		return err
	}
	return l.k.watcher.Judged(l.w, l, judged)
}

// stale reports whether an entry was made by other merge rules, or under other versions of the checklists of its changes than those that
// are current now.
func (l *Ledger) stale(e *Entry) bool {
	if e.engine != engineVersion {
		return true
	}
	for lineage, version := range e.read {
		if l.current(lineage) != version {
			return true
		}
	}
	return false
}

// current returns the version of a lineage that records are read with; zero where none is readable.
func (l *Ledger) current(lineage string) syncengine.VersionID {
	if list := l.Reading(lineage).Current(); list != nil {
		return list.Version
	}
	return syncengine.VersionID{}
}

// takeFresh merges changes that came after all that the entry holds, and returns them with their verdicts.
func (l *Ledger) takeFresh(e *Entry, fresh []arrival) ([]syncengine.Judged, error) {
	out := make([]syncengine.Judged, 0, len(fresh))
	waiting := make(map[syncengine.ChangeID]bool, len(fresh))
	for _, c := range fresh {
		waiting[c.ID] = true
	}
	var failed error
	arrived := func(id syncengine.ChangeID) bool {
		if waiting[id] {
			return false
		}
		raw, err := l.r.Get(spaceChanges, l.id, id.Hash[:])
		if err != nil {
			failed = err
		}
		return raw != nil
	}
	for _, c := range fresh {
		envelope, err := l.envelope(c.at)
		if err != nil {
			return nil, err
		}
		judged := l.judge(e, c.Change, []syncengine.Envelope{envelope}, c.decision)
		e.State.Take(&judged, arrived)
		if failed != nil {
			return nil, failed
		}
		delete(waiting, c.ID)
		e.positions = append(e.positions, c.at)
		out = append(out, judged)
	}
	return out, nil
}

// rebuildEntry merges a record from all of its changes that can be read, and returns them with their verdicts.
func (l *Ledger) rebuildEntry(e *Entry) ([]syncengine.Judged, error) {
	clear(e.read)
	changes, err := l.readable(e)
	if err != nil {
		return nil, err
	}
	e.State, e.engine = syncengine.Rebuild(changes), engineVersion
	return changes, nil
}

// judgeKept reaches the verdict on a change that is kept, by all that is held.
func (l *Ledger) judgeKept(e *Entry, c *syncengine.Change) (syncengine.Judged, error) {
	envelopes, err := l.envelopes(c.ID)
	if err != nil {
		return syncengine.Judged{}, err
	}
	decision, err := l.decisionOn(c)
	if err != nil {
		return syncengine.Judged{}, err
	}
	return l.judge(e, c, envelopes, decision), nil
}

// judge reaches the verdict on a change and notes in its record's entry what it was read with.
func (l *Ledger) judge(e *Entry, c *syncengine.Change, envelopes []syncengine.Envelope, d syncengine.Decision) syncengine.Judged {
	j := syncengine.Judged{Change: c, Decision: d, Verdict: l.authority.Judge(c, envelopes, d, l)}
	if list := l.Checklist(c.Checklist); list != nil {
		j.Reading = l.Reading(list.Lineage)
		e.read[list.Lineage] = l.current(list.Lineage)
	}
	return j
}

// show gives the merged record of an entry, read with the checklist version that its state names.
func (l *Ledger) show(e *Entry) *syncengine.Record {
	return e.State.Record(e.Key, l.Checklist(e.State.Version))
}

// remark notes what an author should be told of the changes that were just taken.
func (l *Ledger) remark(e *Entry, w *work) {
	for _, c := range w.fresh {
		idle := e.State.Idle[c.ID]
		switch {
		case idle == nil && len(e.Violations) > 0:
			l.note(Note{Change: c.ID, Record: e.Key, Code: wire.CodeViolation, Violations: e.Violations})
		case idle == nil:
		case idle.Verdict.Status == syncengine.Pending:
			l.note(Note{Change: c.ID, Record: e.Key, Code: wire.CodePending, Verdict: idle.Verdict})
		default:
			l.note(Note{Change: c.ID, Record: e.Key, Code: wire.CodeIneffective, Verdict: idle.Verdict})
		}
	}
}

// keepEntry writes an entry, what it waits for, and the difference to how it was indexed before.
func (l *Ledger) keepEntry(e *Entry, rec *syncengine.Record, before []indexed) error {
	suffix := recordKey(e.Key)
	if err := errors.Join(l.keepIndex(before, l.indexedBy(rec, e.Violations)), l.keepWords(rec)); err != nil {
		return err
	}
	for _, idle := range e.State.Idle {
		m := idle.Verdict.Missing
		var key []byte
		switch {
		case !m.Version.IsZero():
			key = waitsForVersion(m.Version)
		case !m.Authority.IsZero():
			key = waitsForAuthority(m.Authority)
		default:
			continue
		}
		if err := l.w.Put(spaceWaiting, l.id, append(key, suffix...), present); err != nil {
			return err
		}
	}
	return l.w.Put(spaceRecords, l.id, suffix, e.encode())
}

// entry reads the entry of a record, or nil where nothing of it is held.
func (l *Ledger) entry(key syncengine.RecordKey) (*Entry, error) {
	raw, err := l.r.Get(spaceRecords, l.id, recordKey(key))
	if err != nil || raw == nil {
		return nil, err
	}
	return decodeEntry(key, raw)
}

// Advances writes how far the logs moved since the ledger was opened. It touches the keys that every transaction of the ledger
// touches, so it runs last, in the update itself (see store.Prepare). It returns the ledger's version after it.
func (l *Ledger) Advances(w store.Writer) (uint64, error) {
	version, err := writeAdvances(w, l.id, l.advances)
	if err != nil {
		return 0, err
	}
	if err := writeCount(w, l.id, l.created); err != nil {
		return 0, err
	}
	l.created = 0
	return version, l.rememberAuthority()
}

// countKey is where the number of a ledger's records is kept.
var countKey = []byte("records")

// readCount returns how many records a ledger has entries of.
func readCount(r store.Reader, id syncengine.LedgerID) (int, error) {
	raw, err := r.Get(spaceLedger, id, countKey)
	if err != nil || raw == nil {
		return 0, err
	}
	if len(raw) != 8 {
		return 0, fmt.Errorf("count of records of ledger %s: %w", id, store.ErrCorrupt)
	}
	return int(binary.BigEndian.Uint64(raw)), nil //nolint:gosec // as many as fit into a store
}

// writeCount adds new records to the number that is kept.
func writeCount(w store.Writer, id syncengine.LedgerID, created int) error {
	if created == 0 {
		return nil
	}
	n, err := readCount(w, id)
	if err != nil {
		return err
	}
	return w.Put(spaceLedger, id, countKey, binary.BigEndian.AppendUint64(nil, uint64(n+created))) //nolint:gosec // not negative
}
