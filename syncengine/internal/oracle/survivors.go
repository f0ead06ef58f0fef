package oracle

import (
	"slices"

	"github.com/arpenteur/arpenteur/syncengine"
)

// write is one write of a change, read through the lenses.
type write struct {
	change *syncengine.Judged
	path   syncengine.Path
	value  syncengine.Value
	erased bool
	over   []syncengine.ChangeID
}

func (w *write) effective() bool { return w.change.Verdict.Status == syncengine.Effective }

// writesOf reads every write of every change through the lenses of its checklist. A change whose version is not held has no later
// version, so that its paths stand as they are.
func writesOf(changes []syncengine.Judged) []write {
	var out []write
	for i := range changes {
		c := &changes[i]
		for _, w := range c.Writes {
			path, value, kept := w.Path, w.Value, true
			if len(c.Reading) > 0 {
				path, value, kept = Translate(c.Reading, c.Checklist, w.Path, w.Value)
			}
			if !kept {
				continue
			}
			erased := slices.Contains(c.Decision.Erased, w.Path)
			if erased {
				value = ""
			}
			out = append(out, write{c, path, value, erased, w.Over})
		}
	}
	return out
}

// at returns the write of a change at one register, or nil where it did not write it.
func at(writes []write, id syncengine.ChangeID, path syncengine.Path) *write {
	for i := range writes {
		if writes[i].change.ID == id && writes[i].path == path {
			return &writes[i]
		}
	}
	return nil
}

// cov is cov(c) = over(c) ∪ cov(x) for each x in over(c) that is not effective, at the register that w writes (§6.3).
func cov(writes []write, w *write) map[syncengine.ChangeID]bool {
	out := map[syncengine.ChangeID]bool{}
	for _, id := range w.over {
		x := at(writes, id, w.path)
		if x == nil {
			continue // not held, or it did not write this register
		}
		out[id] = true
		if !x.effective() {
			for covered := range cov(writes, x) {
				out[covered] = true
			}
		}
	}
	return out
}

// survivors returns the values written by effective changes at one register, less those that an effective change covers.
func survivors(writes []write, path syncengine.Path) []syncengine.Survivor {
	covered := map[syncengine.ChangeID]bool{}
	for i := range writes {
		if w := &writes[i]; w.path == path && w.effective() {
			for id := range cov(writes, w) {
				covered[id] = true
			}
		}
	}
	var out []syncengine.Survivor
	for _, w := range writes {
		if w.path == path && w.effective() && !covered[w.change.ID] {
			out = append(out, syncengine.Survivor{
				Change: w.change.ID, Value: w.value, Erased: w.erased,
				Author: w.change.Author, Time: w.change.Time, Untimed: w.change.Verdict.Untimed,
			})
		}
	}
	return out
}
