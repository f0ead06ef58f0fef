package ledger

import (
	"bytes"
	"slices"
	"strings"

	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// attributes returns the index keys that a record is found by: what its checklist names, its domain, and its states.
func attributes(rec *syncengine.Record, violations []syncengine.Violation) [][]byte {
	suffix := recordKey(rec.Key)
	out := make([][]byte, 0, 8)
	add := func(attribute, value string) { out = append(out, indexKey(attribute, value, suffix)) }
	if list := rec.Checklist; list != nil {
		for attribute, path := range list.Index {
			f := rec.Field(path)
			if f == nil {
				continue
			}
			for i := range f.Survivors { // every survivor, so that a contested value is found under both
				if v := f.Survivors[i].Value; v != "" && v != syncengine.Null {
					add(attribute, text(v))
				}
			}
		}
		if list.Domain != "" {
			add("domain", list.Domain)
		}
	}
	for _, s := range states(rec, violations) {
		add("state", string(s))
	}
	slices.SortFunc(out, bytes.Compare)
	return slices.CompactFunc(out, bytes.Equal)
}

// text returns the string that a value is, or the value as it stands where it is none.
func text(v syncengine.Value) string {
	if !strings.HasPrefix(string(v), `"`) {
		return string(v)
	}
	if !strings.Contains(string(v), `\`) {
		return strings.Trim(string(v), `"`)
	}
	decoded, err := wire.DecodeValue(v)
	if s, ok := decoded.(string); ok && err == nil {
		return s
	}
	return string(v)
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
