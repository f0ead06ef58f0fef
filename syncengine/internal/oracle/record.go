package oracle

import (
	"bytes"
	"slices"
	"strconv"

	"github.com/arpenteur/arpenteur/syncengine"
)

// Record is what the definition makes of the changes of one record.
type Record struct {
	Fields      []syncengine.Field // ascending by path
	Present     bool
	Mixed       bool
	Conflicts   []syncengine.Path // ascending
	Pending     []syncengine.ChangeID
	Ineffective []syncengine.ChangeID
	Document    string
	Version     syncengine.VersionID // that the record is read with; zero where no change is effective
}

// Merge returns the record that changes make, each of them given once and in any order.
func Merge(changes []syncengine.Judged) Record {
	var out Record
	list, lineages := checklistOf(changes)
	if list != nil {
		out.Version = list.Version
	}
	out.Mixed = lineages > 1
	writes := writesOf(changes)
	for _, path := range pathsOf(writes) {
		values := survivors(writes, path)
		if len(values) == 0 || path != "/" && Lookup(list, path) == nil {
			continue
		}
		out.Fields = append(out.Fields, field(list, path, values))
	}
	if f := fieldAt(out.Fields, "/"); f != nil {
		out.Present = f.Shown == "true"
	}
	out.Conflicts = conflicts(list, out.Fields)
	out.Pending = withStatus(changes, syncengine.Pending)
	out.Ineffective = withStatus(changes, syncengine.Ineffective)
	out.Document = document(list, out)
	return out
}

// checklistOf returns the current version of the checklist that the effective changes name, the first by name where they name
// several, and how many they name.
func checklistOf(changes []syncengine.Judged) (*syncengine.Checklist, int) {
	var first *syncengine.Checklist
	names := map[string]bool{}
	for _, c := range changes {
		if c.Verdict.Status != syncengine.Effective {
			continue
		}
		current := c.Reading[len(c.Reading)-1]
		names[current.Lineage] = true
		if first == nil || current.Lineage < first.Lineage {
			first = current
		}
	}
	return first, len(names)
}

func pathsOf(writes []write) []syncengine.Path {
	var out []syncengine.Path
	for _, w := range writes {
		if !slices.Contains(out, w.path) {
			out = append(out, w.path)
		}
	}
	slices.Sort(out)
	return out
}

// field joins the survivors of one register (§6.4) and says whether they conflict (§6.5).
func field(list *syncengine.Checklist, path syncengine.Path, values []syncengine.Survivor) syncengine.Field {
	f := syncengine.Field{Path: path, Survivors: ordered(values, later), Differs: len(distinct(values)) > 1}
	if isPresence(path) {
		yes, no := holds(values, "true"), holds(values, "false")
		f.Shown = "false"
		if yes {
			f.Shown = "true"
		}
		if path != "/" && Lookup(list, path).Type == syncengine.SetNode {
			f.Policy = syncengine.Union
		} else {
			f.Conflict = yes && no
		}
		return f
	}
	node := Lookup(list, path)
	f.Policy = node.Policy
	wins := later
	if node.Policy == syncengine.Highest || node.Policy == syncengine.Lowest {
		wins = func(a, b syncengine.Survivor) bool { return higher(node, a, b) }
	}
	byPolicy := ordered(values, wins)
	shown := byPolicy[len(byPolicy)-1]
	f.Shown, f.Erased = shown.Value, shown.Erased
	f.Conflict = node.Policy == syncengine.Review && len(distinct(legible(values))) > 1
	return f
}

// legible returns the values that were not erased.
func legible(values []syncengine.Survivor) []syncengine.Survivor {
	var out []syncengine.Survivor
	for _, v := range values {
		if !v.Erased {
			out = append(out, v)
		}
	}
	return out
}

// ordered sorts values so that each wins over all before it.
func ordered(values []syncengine.Survivor, wins func(a, b syncengine.Survivor) bool) []syncengine.Survivor {
	out := make([]syncengine.Survivor, len(values))
	for _, a := range values {
		beaten := 0
		for _, b := range values {
			if a.Change != b.Change && wins(a, b) {
				beaten++
			}
		}
		out[beaten] = a
	}
	return out
}

// later is the display order: erased before all, untimed before timed, then by author time, then by id.
func later(a, b syncengine.Survivor) bool {
	switch {
	case a.Erased != b.Erased:
		return b.Erased
	case a.Untimed != b.Untimed:
		return b.Untimed
	case a.Time != b.Time:
		return a.Time > b.Time
	}
	return bytes.Compare(a.Change.Hash[:], b.Change.Hash[:]) > 0
}

// higher is the order under highest and lowest: erased before all, then values without a rank, then by rank, then by the bytes of
// the value, then as displayed.
func higher(n *syncengine.Node, a, b syncengine.Survivor) bool {
	rankA, answerA := rank(n, a.Value)
	rankB, answerB := rank(n, b.Value)
	switch {
	case a.Erased != b.Erased:
		return b.Erased
	case answerA != answerB:
		return answerA
	case rankA != rankB && n.Policy == syncengine.Lowest:
		return rankA < rankB
	case rankA != rankB:
		return rankA > rankB
	case a.Value != b.Value:
		return a.Value > b.Value
	}
	return later(a, b)
}

// rank returns the rank of an answer, and false for what is not an answer.
func rank(n *syncengine.Node, v syncengine.Value) (float64, bool) {
	if n.Ranks != nil {
		r, ok := n.Ranks[v]
		return float64(r), ok
	}
	r, err := strconv.ParseFloat(string(v), 64)
	return r, err == nil
}

// conflicts returns the registers that ask for a person, except in what is absent.
func conflicts(list *syncengine.Checklist, fields []syncengine.Field) []syncengine.Path {
	var out []syncengine.Path
	for _, f := range fields {
		reachable := true
		for _, p := range nodes(list, f.Path) {
			if node := fieldAt(fields, p); node == nil || node.Shown != "true" {
				reachable = false
			}
		}
		if f.Conflict && reachable {
			out = append(out, f.Path)
		}
	}
	return out
}

func withStatus(changes []syncengine.Judged, status syncengine.Status) []syncengine.ChangeID {
	var out []syncengine.ChangeID
	for _, c := range changes {
		if c.Verdict.Status == status {
			out = append(out, c.ID)
		}
	}
	slices.SortFunc(out, func(a, b syncengine.ChangeID) int { return bytes.Compare(a.Hash[:], b.Hash[:]) })
	return out
}

// distinct returns the different values; erased ones are one.
func distinct(values []syncengine.Survivor) map[syncengine.Value]bool {
	out := map[syncengine.Value]bool{}
	for _, v := range values {
		out[v.Value] = true
	}
	return out
}

func holds(values []syncengine.Survivor, v syncengine.Value) bool { return distinct(values)[v] }

func fieldAt(fields []syncengine.Field, path syncengine.Path) *syncengine.Field {
	for i := range fields {
		if fields[i].Path == path {
			return &fields[i]
		}
	}
	return nil
}
