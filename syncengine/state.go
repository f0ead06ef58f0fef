package syncengine

import (
	"cmp"
	"slices"
)

// Survivor is a value of one register that no effective change has replaced.
type Survivor struct {
	Change  ChangeID
	Value   Value // empty when erased
	Erased  bool  // redacted: it still covers, ranks last, and validates as absent
	Author  AccountID
	Time    int64 // author time, milliseconds since 1970 UTC
	Untimed bool
}

// compare orders survivors for display: erased ones, then untimed ones, then by author time, then by change id.
func (s *Survivor) compare(t *Survivor) int {
	return cmp.Or(
		compareBool(!s.Erased, !t.Erased),
		compareBool(!s.Untimed, !t.Untimed),
		cmp.Compare(s.Time, t.Time),
		s.Change.Compare(t.Change.Hash),
	)
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	default:
		return 1
	}
}

// Register is what the incremental merge keeps of one register.
type Register struct {
	Survivors []Survivor // ascending by display order
	Absent    []ChangeID // covered, but not arrived yet; ascending. One that comes without having written this register stays
}

// Idle is what the incremental merge keeps of a change that takes no part: what it names in over, so that covering it reaches
// through to what it covers itself (law L3).
type Idle struct {
	Verdict Verdict
	Over    []Write // path and over of each write that has any, after lenses; no values
}

// State is one record, merged change by change. It holds what is needed to take the next change and to show the record, and
// nothing that can be read from the changes themselves. It names the checklist version that it was read with: a State of another
// version is stale and must be rebuilt.
type State struct {
	Registers map[Path]*Register
	Idle      map[ChangeID]*Idle
	Lineages  []string // of the effective changes, ascending; more than one is a violation
	Version   VersionID
}

// NewState returns the state of a record of which nothing is held.
func NewState() *State {
	return &State{Registers: map[Path]*Register{}, Idle: map[ChangeID]*Idle{}}
}

// Judged is a change with its verdict and what is erased of it, ready to merge.
type Judged struct {
	*Change
	Verdict  Verdict
	Decision Decision
	Reading  Reading // the versions of the change's own lineage; empty while its version is not held
}

// Rebuild merges a record from all of its changes, each given once.
func Rebuild(changes []Judged) *State {
	s := NewState()
	arrived := make(map[ChangeID]bool, len(changes))
	for i := range changes {
		s.Take(&changes[i], func(id ChangeID) bool { return arrived[id] })
		arrived[changes[i].ID] = true
	}
	return s
}

// Take merges one more change. arrived reports whether a change of this record was taken before; c itself must not have been.
// When the verdict on a change that was taken changes, or a lens comes into force, the record must be rebuilt instead.
func (s *State) Take(c *Judged, arrived func(ChangeID) bool) {
	effective := c.Verdict.Status == Effective
	if effective {
		s.name(c.Reading.Current())
	} else {
		s.Idle[c.ID] = &Idle{Verdict: c.Verdict}
	}
	for i := range c.Writes {
		w := c.translated(i)
		if w.Path == "" {
			continue
		}
		if effective {
			s.takeValue(c, w, arrived)
		} else {
			s.takeIdle(c.ID, w, arrived)
		}
	}
}

// translated returns write i as the current version reads it, with an empty path where a lens retired it. While the version is not
// held there is no reading: the write keeps its path, and is translated when the record is rebuilt.
func (c *Judged) translated(i int) Write {
	w := c.Writes[i]
	if c.Decision.Erases(w.Path) {
		w.Value = ""
	}
	if len(c.Reading) < 2 {
		return w
	}
	path, value, ok := c.Reading.Translate(c.Checklist, w.Path, w.Value)
	if !ok {
		return Write{}
	}
	w.Path, w.Value = path, value
	return w
}

// name notes the checklist of an effective change.
func (s *State) name(list *Checklist) {
	if list == nil {
		return
	}
	i, found := slices.BinarySearch(s.Lineages, list.Lineage)
	if !found {
		s.Lineages = slices.Insert(s.Lineages, i, list.Lineage)
	}
	if s.Lineages[0] == list.Lineage {
		s.Version = list.Version
	}
}

// takeValue covers what an effective write names and keeps its value, unless that was covered before it came.
func (s *State) takeValue(c *Judged, w Write, arrived func(ChangeID) bool) {
	r := s.register(w.Path)
	covered := r.forget(c.ID)
	s.cover(r, w.Path, w.Over, arrived)
	if covered {
		return
	}
	v := Survivor{
		Change: c.ID, Value: w.Value, Erased: w.Value == "", // an effective change lacks only what was redacted
		Author: c.Author, Time: c.Time, Untimed: c.Verdict.Untimed,
	}
	i, _ := slices.BinarySearchFunc(r.Survivors, v, func(a, b Survivor) int { return a.compare(&b) })
	r.Survivors = slices.Insert(r.Survivors, i, v)
}

// takeIdle remembers what a change without effect names, and covers it where the change itself is covered already.
func (s *State) takeIdle(id ChangeID, w Write, arrived func(ChangeID) bool) {
	if len(w.Over) > 0 {
		idle := s.Idle[id]
		idle.Over = append(idle.Over, Write{Path: w.Path, Over: w.Over})
	}
	if r := s.Registers[w.Path]; r != nil && r.forget(id) {
		s.cover(r, w.Path, w.Over, arrived)
	}
}

// cover drops what ids name at one register: survivors go, changes without effect pass it on to what they name, and what has not
// arrived is remembered.
func (s *State) cover(r *Register, path Path, ids []ChangeID, arrived func(ChangeID) bool) {
	var passed map[ChangeID]bool
	queue := ids
	for len(queue) > 0 {
		id := queue[0]
		queue = queue[1:]
		if r.drop(id) {
			continue
		}
		idle := s.Idle[id]
		switch {
		case idle == nil && !arrived(id):
			r.await(id)
		case idle != nil && !passed[id]:
			if passed == nil {
				passed = map[ChangeID]bool{}
			}
			passed[id] = true
			queue = append(queue[:len(queue):len(queue)], idle.over(path)...)
		}
	}
}

func (i *Idle) over(path Path) []ChangeID {
	for k := range i.Over {
		if i.Over[k].Path == path {
			return i.Over[k].Over
		}
	}
	return nil
}

func (s *State) register(path Path) *Register {
	r := s.Registers[path]
	if r == nil {
		r = &Register{}
		s.Registers[path] = r
	}
	return r
}

// drop removes the survivor that a change wrote and reports whether there was one.
func (r *Register) drop(id ChangeID) bool {
	i := slices.IndexFunc(r.Survivors, func(v Survivor) bool { return v.Change == id })
	if i < 0 {
		return false
	}
	r.Survivors = slices.Delete(r.Survivors, i, i+1)
	return true
}

// await remembers that a change which has not arrived is covered.
func (r *Register) await(id ChangeID) {
	i, found := slices.BinarySearchFunc(r.Absent, id, compareChangeIDs)
	if !found {
		r.Absent = slices.Insert(r.Absent, i, id)
	}
}

// forget removes a change that arrives from those that were covered before they came, and reports whether it was among them.
func (r *Register) forget(id ChangeID) bool {
	i, found := slices.BinarySearchFunc(r.Absent, id, compareChangeIDs)
	if found {
		r.Absent = slices.Delete(r.Absent, i, i+1)
	}
	return found
}

func compareChangeIDs(a, b ChangeID) int { return a.Compare(b.Hash) }
