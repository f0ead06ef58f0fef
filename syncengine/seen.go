package syncengine

import "slices"

// Seen is what a form has shown to its author: for each register, the changes whose values were on the screen. Only rendering makes
// one (Record.Render), drafts keep it, and a commit takes every `over` from it: that is how law L3 is kept. Its JSON form is
// for the draft journal and for the server's own signed tokens.
type Seen struct {
	Registers map[Path][]ChangeID `json:"registers"` // ascending
}

// Over returns the changes that a write at path may replace. The result is the caller's.
func (s Seen) Over(path Path) []ChangeID { return slices.Clone(s.Registers[path]) }

// Viewer is for whom a form is rendered.
type Viewer struct {
	Account AccountID
	// Settles says that the viewer may replace other people's values at a conflicted field: coordinators may. A consultant
	// replaces only their own there, and says what they think in an opinion. This is a rule of forms, not of merge.
	Settles bool
}

// Render shows a record in a form and says what its author thereby sees. At each leaf the shown value is on the screen, and every
// equal one with it; the others are announced without their value, except where unfolded says that the person opened them, and at
// fields that show the highest or lowest, where the form shows all of them. Of presences all survivors count as seen.
func (r *Record) Render(viewer Viewer, unfolded func(Path) bool) Seen {
	seen := Seen{Registers: make(map[Path][]ChangeID, len(r.Fields))}
	for i := range r.Fields {
		f := &r.Fields[i]
		all := f.Path.IsPresence() || f.Policy == Highest || f.Policy == Lowest || unfolded != nil && unfolded(f.Path)
		var ids []ChangeID
		for j := range f.Survivors {
			s := &f.Survivors[j]
			if !all && (s.Value != f.Shown || s.Erased != f.Erased) {
				continue
			}
			if f.Conflict && !viewer.Settles && s.Author != viewer.Account && !f.Path.IsPresence() {
				continue
			}
			ids = append(ids, s.Change)
		}
		if len(ids) > 0 {
			slices.SortFunc(ids, compareChangeIDs)
			seen.Registers[f.Path] = ids
		}
	}
	return seen
}
