package syncengine_test

import (
	"crypto/sha256"
	"maps"
	"slices"

	se "github.com/arpenteur/arpenteur/syncengine"
)

var authority = replicaID("authority")

// node is a tablet or the server: what it holds, and the log that it writes.
type node struct {
	script  *script
	name    string
	account se.AccountID
	replica se.ReplicaID
	head    se.Head // of its own log
	changes map[se.ChangeID]*se.Change
	lines   []line // in the order in which they came
	lacks   map[se.VersionID]bool
}

// line is one line of a log: an envelope, the chain before it, and the change in it.
type line struct {
	se.Envelope
	before se.Hash
	id     se.ChangeID
}

func newNode(s *script, name string, replica se.ReplicaID) *node {
	return &node{script: s, name: name, replica: replica, changes: map[se.ChangeID]*se.Change{}, lacks: map[se.VersionID]bool{}}
}

func (n *node) copy() *node {
	out := *n
	out.changes, out.lacks, out.lines = maps.Clone(n.changes), maps.Clone(n.lacks), slices.Clone(n.lines)
	return &out
}

// append writes a change that is held into the node's own log.
func (n *node) append(id se.ChangeID) {
	before := n.head.Chain
	n.head = se.Head{Seq: n.head.Seq + 1, Chain: sha256.Sum256(append(before[:], id.Hash[:]...))}
	n.lines = append(n.lines, line{
		Envelope: se.Envelope{Position: se.Position{Replica: n.replica, Seq: n.head.Seq}, Chain: n.head.Chain}, before: before, id: id,
	})
}

// sync takes from another node what this one lacks: lines, and values that no ruling withholds.
func (n *node) sync(from *node) {
	for _, l := range from.lines {
		n.take(l, from.changes[l.id])
	}
	for id, theirs := range from.changes {
		n.fill(id, theirs, nil)
	}
	n.erase()
}

// hear takes the rulings alone, as from an exchange that was cut after the authority's log.
func (n *node) hear(from *node) {
	for _, l := range from.lines {
		if l.Replica == authority {
			n.take(l, from.changes[l.id])
		}
	}
	n.erase()
}

// takeOne takes one change and its envelopes, perhaps stripped of some values.
func (n *node) takeOne(from *node, id se.ChangeID, stripped []string) {
	for _, l := range from.lines {
		if l.id == id {
			n.take(l, from.changes[id])
		}
	}
	var paths []se.Path
	for _, p := range stripped {
		paths = append(paths, n.script.path(p))
	}
	n.fill(id, from.changes[id], paths)
}

// take keeps a line that is not held, bare of values.
func (n *node) take(l line, c *se.Change) {
	if !slices.Contains(n.lines, l) {
		n.lines = append(n.lines, l)
	}
	if n.changes[l.id] == nil {
		bare := *c
		bare.Writes = slices.Clone(c.Writes)
		for i := range bare.Writes {
			bare.Writes[i].Value = ""
		}
		n.changes[l.id] = &bare
	}
}

// fill completes a change by the values that another node holds, less those that are stripped or withheld.
func (n *node) fill(id se.ChangeID, theirs *se.Change, stripped []se.Path) {
	d := n.decision(n.authority(false), id)
	mine := n.changes[id]
	out := *theirs
	out.Writes = slices.Clone(theirs.Writes)
	for i := range out.Writes {
		w := &out.Writes[i]
		if d.Withheld(w.Path) || slices.Contains(stripped, w.Path) {
			w.Value = ""
		}
		if mine.Writes[i].Value != "" {
			w.Value = mine.Writes[i].Value
		}
	}
	n.changes[id] = &out
}

// erase forgets the values that were redacted.
func (n *node) erase() {
	a := n.authority(false)
	for id, c := range n.changes {
		d := n.decision(a, id)
		out := *c
		out.Writes = slices.Clone(c.Writes)
		for i := range out.Writes {
			if d.Erases(out.Writes[i].Path) {
				out.Writes[i].Value = ""
			}
		}
		n.changes[id] = &out
	}
}

// rulings returns the rulings that the node holds, as they came or backwards.
func (n *node) rulings(backwards bool) []se.PlacedRuling {
	var out []se.PlacedRuling
	for _, l := range n.lines {
		if c := n.changes[l.id]; c.Ruling != nil {
			out = append(out, se.PlacedRuling{ID: c.ID, At: se.AuthorityPoint(l.Position), Ruling: c.Ruling})
		}
	}
	if backwards {
		slices.Reverse(out)
	}
	return out
}

// authority adds up the rulings that the node holds.
func (n *node) authority(backwards bool) *se.Authority {
	a := se.NewAuthority(authority)
	for _, r := range n.rulings(backwards) {
		a.Take(&se.Change{ID: r.ID, Header: se.Header{Ruling: r.Ruling}}, se.Position(r.At))
	}
	return a
}

func (n *node) decision(a *se.Authority, id se.ChangeID) se.Decision {
	return a.Decide(slices.DeleteFunc(n.rulings(false), func(r se.PlacedRuling) bool { return r.Ruling.Target != id }))
}

// headAt returns the head of a log after the line that holds a change.
func (n *node) headAt(r se.ReplicaID, id se.ChangeID) se.Head {
	for _, l := range n.lines {
		if l.Replica == r && l.id == id {
			return se.Head{Seq: l.Seq, Chain: l.Chain}
		}
	}
	n.script.fail("%s holds no line of that change", n.name)
	return se.Head{}
}

// heldTo returns how far the authority's log is held without a gap.
func (n *node) heldTo() uint64 {
	seq := uint64(0)
	for slices.ContainsFunc(n.lines, func(l line) bool { return l.Replica == authority && l.Seq == seq+1 }) {
		seq++
	}
	return seq
}

// Held implements syncengine.Knowledge.
func (n *node) Held(p se.AuthorityPoint) bool { return p.Replica == authority && p.Seq <= n.heldTo() }

// Checklist implements syncengine.Knowledge.
func (n *node) Checklist(v se.VersionID) *se.Checklist {
	for _, l := range n.script.lists {
		if l.Version == v && !n.lacks[v] && slices.Contains(n.authority(false).Versions(l.Lineage), v) {
			return l
		}
	}
	return nil
}

// SameBranch implements syncengine.Knowledge: it walks back from the head.
func (n *node) SameBranch(e se.Envelope, head se.Head) bool {
	at := head
	for at.Seq > e.Seq {
		i := slices.IndexFunc(n.lines, func(l line) bool { return l.Replica == e.Replica && l.Seq == at.Seq && l.Chain == at.Chain })
		if i < 0 {
			return true
		}
		at = se.Head{Seq: at.Seq - 1, Chain: n.lines[i].before}
	}
	return at == se.Head{Seq: e.Seq, Chain: e.Chain}
}

// reading returns the versions of a change's checklist that are in force on this node.
func (n *node) reading(a *se.Authority, v se.VersionID) se.Reading {
	list := n.Checklist(v)
	if list == nil {
		return nil
	}
	var out se.Reading
	for _, id := range a.Versions(list.Lineage) {
		if l := n.Checklist(id); l != nil {
			out = append(out, l)
		}
	}
	return out
}

// judged returns the changes of a record in the order in which they came, each once and judged.
func (n *node) judged(record se.RecordID, backwards bool) []se.Judged {
	a := n.authority(backwards)
	var out []se.Judged
	done := map[se.ChangeID]bool{}
	for _, l := range n.lines {
		c := n.changes[l.id]
		if done[l.id] || c.Ruling != nil || c.Record != record {
			continue
		}
		done[l.id] = true
		j := se.Judged{Change: c, Decision: n.decision(a, c.ID), Reading: n.reading(a, c.Checklist)}
		j.Verdict = a.Judge(c, n.envelopes(c.ID, backwards), j.Decision, n)
		out = append(out, j)
	}
	return out
}

func (n *node) envelopes(id se.ChangeID, backwards bool) []se.Envelope {
	var out []se.Envelope
	for _, l := range n.lines {
		if l.id == id {
			out = append(out, l.Envelope)
		}
	}
	if backwards {
		slices.Reverse(out)
	}
	return out
}

// merged returns the record that the node makes of given changes.
func (n *node) merged(record se.RecordID, changes []se.Judged, s *se.State) *se.Record {
	key := se.RecordKey{ID: record}
	if len(changes) > 0 {
		key = changes[0].Key()
	}
	for _, c := range changes {
		if l := c.Reading.Current(); l != nil && l.Version == s.Version {
			return s.Record(key, l)
		}
	}
	return s.Record(key, nil)
}

// record returns the record as the node holds it.
func (n *node) record(id se.RecordID) *se.Record {
	changes := n.judged(id, false)
	return n.merged(id, changes, take(changes))
}
