package syncengine

import (
	"maps"
	"slices"
	"strings"
)

// Field is one register of a merged record as it is shown.
type Field struct {
	Path      Path
	Policy    Policy // empty for a presence that is not of a set member
	Shown     Value  // empty when nothing is shown: no survivor, or an erased one
	Erased    bool   // the shown value was redacted
	Differs   bool   // the survivors hold more than one distinct value: "deux valeurs"
	Conflict  bool   // they differ, and a person must decide
	Survivors []Survivor
}

// Record is a merged record: a pure function of its changes, their verdicts and the checklist (law L2).
type Record struct {
	Key       RecordKey
	Checklist *Checklist // the version that it is read with; nil while no version of it is held
	Present   bool       // some surviving value says that the record exists
	Fields    []Field    // ascending by path, presences included
	Mixed     bool       // effective changes name more than one checklist, which is a violation
	Idle      map[ChangeID]*Idle
}

// Record shows a state. list is the current version of the checklist that the state names, or nil while none is held. The record
// shares nothing with the state that a later Take changes.
func (s *State) Record(key RecordKey, list *Checklist) *Record {
	r := &Record{Key: key, Checklist: list, Mixed: len(s.Lineages) > 1, Idle: maps.Clone(s.Idle)}
	r.Fields = make([]Field, 0, len(s.Registers))
	survivors := make([]Survivor, 0, s.survivors())
	for path, register := range s.Registers {
		if len(register.Survivors) == 0 {
			continue
		}
		first := len(survivors)
		survivors = append(survivors, register.Survivors...)
		f := Field{Path: path, Survivors: slices.Clip(survivors[first:])}
		var node *Node
		if list != nil && path != RecordPresence {
			if node = list.Lookup(path); node == nil {
				continue // of another checklist than the record's
			}
		}
		f.join(node)
		r.Fields = append(r.Fields, f)
	}
	slices.SortFunc(r.Fields, func(a, b Field) int { return strings.Compare(string(a.Path), string(b.Path)) })
	if f := r.Field(RecordPresence); f != nil {
		r.Present = f.Shown == True
	}
	return r
}

// survivors counts the survivors of all registers.
func (s *State) survivors() int {
	n := 0
	for _, register := range s.Registers {
		n += len(register.Survivors)
	}
	return n
}

// Field returns the field at path, or nil.
func (r *Record) Field(path Path) *Field {
	i, found := slices.BinarySearchFunc(r.Fields, path, func(f Field, p Path) int { return strings.Compare(string(f.Path), string(p)) })
	if !found {
		return nil
	}
	return &r.Fields[i]
}

// Conflicts returns the paths at which a person must decide, ascending. What lies in an absent record or element asks for nothing.
func (r *Record) Conflicts() []Path {
	var out []Path
	for i := range r.Fields {
		if r.Fields[i].Conflict && r.reachable(r.Fields[i].Path) {
			out = append(out, r.Fields[i].Path)
		}
	}
	return out
}

// reachable reports whether the record and every element that path lies in are present.
func (r *Record) reachable(path Path) bool {
	for _, p := range enclosing(path) {
		if f := r.Field(p); f == nil || f.Shown != True {
			return false
		}
	}
	return true
}

// Pending returns the changes of the record that wait for something, ascending by id.
func (r *Record) Pending() []ChangeID { return r.idle(Pending) }

// Ineffective returns the changes of the record that take no part, ascending by id.
func (r *Record) Ineffective() []ChangeID { return r.idle(Ineffective) }

func (r *Record) idle(status Status) []ChangeID {
	var out []ChangeID
	for id, x := range r.Idle {
		if x.Verdict.Status == status {
			out = append(out, id)
		}
	}
	slices.SortFunc(out, compareChangeIDs)
	return out
}

// join chooses what is shown of the survivors, which are in display order. node is nil for the presence of the record.
func (f *Field) join(node *Node) {
	f.Differs = f.differs()
	if node == nil || node.Type != LeafNode {
		f.joinPresence(node)
		return
	}
	f.Policy = node.Policy
	best := len(f.Survivors) - 1
	if node.Policy == Highest || node.Policy == Lowest {
		for i := range f.Survivors {
			if node.outranks(&f.Survivors[i], &f.Survivors[best]) {
				best = i
			}
		}
	}
	f.Shown, f.Erased = f.Survivors[best].Value, f.Survivors[best].Erased
	f.Conflict = node.Policy == Review && f.choices()
}

// joinPresence lets presence win over a concurrent absence. Of a set member nothing is asked; of a record or element a person is.
// An erased presence says neither.
func (f *Field) joinPresence(node *Node) {
	present := slices.ContainsFunc(f.Survivors, func(s Survivor) bool { return s.Value == True })
	absent := slices.ContainsFunc(f.Survivors, func(s Survivor) bool { return s.Value == False })
	f.Shown = False
	if present {
		f.Shown = True
	}
	if node != nil && node.Type == SetNode {
		f.Policy = Union
		return
	}
	f.Conflict = present && absent
}

// differs reports whether the survivors hold more than one distinct canonical value; erased ones count as one value.
func (f *Field) differs() bool {
	first := f.Survivors[0].Value
	return slices.ContainsFunc(f.Survivors[1:], func(s Survivor) bool { return s.Value != first })
}

// choices reports whether there is more than one value to choose from: what was erased is none, so that a redaction leaves nobody a
// decision about what they can't see.
func (f *Field) choices() bool {
	rest := f.Survivors
	for len(rest) > 0 && rest[0].Erased { // erased ones come first in display order
		rest = rest[1:]
	}
	return slices.ContainsFunc(rest, func(s Survivor) bool { return s.Value != rest[0].Value })
}

// outranks reports whether a is shown rather than b under the highest or lowest policy of n: answers before non-answers, then by
// rank, then by the bytes of the value, then in display order. An erased value is empty, and so comes after all others.
func (n *Node) outranks(a, b *Survivor) bool {
	ra, isA := n.rank(a.Value)
	rb, isB := n.rank(b.Value)
	if isA != isB {
		return isA
	}
	if isA && ra != rb {
		if n.Policy == Highest {
			return ra > rb
		}
		return ra < rb
	}
	if a.Value != b.Value {
		return a.Value > b.Value
	}
	return a.compare(b) > 0
}

// rank returns the rank of an answer: by the node's table, else as a number. Non-answers have none.
func (n *Node) rank(v Value) (float64, bool) {
	if n.Ranks != nil {
		r, ok := n.Ranks[v]
		return float64(r), ok
	}
	if v == "" || !isNumber(v) {
		return 0, false
	}
	return parseNumber(v), true
}
