package oracle

import (
	"slices"
	"strings"

	"github.com/arpenteur/arpenteur/syncengine"
)

// Ledger is what verdicts are read from: the held lines of the authority's logs that are rulings, and whose logs those are, the oldest
// incarnation first.
type Ledger struct {
	Incarnations []syncengine.ReplicaID
	Rulings      []syncengine.PlacedRuling
}

// before reports whether one point of the authority comes before another. An unknown incarnation comes after all that is known.
func (l Ledger) before(p, q syncengine.AuthorityPoint) bool {
	if p.Replica == q.Replica {
		return p.Seq < q.Seq
	}
	for _, r := range l.Incarnations {
		if r == p.Replica {
			return true
		}
		if r == q.Replica {
			return false
		}
	}
	return false
}

// Decide adds up the rulings about one change.
func (l Ledger) Decide(id syncengine.ChangeID) syncengine.Decision {
	var d syncengine.Decision
	var last syncengine.AuthorityPoint
	for _, r := range l.Rulings {
		if r.Ruling.Target != id {
			continue
		}
		switch r.Ruling.Type {
		case syncengine.Refuse, syncengine.Void, syncengine.Release:
			if last.Seq == 0 || l.before(last, r.At) {
				last, d.Last, d.By = r.At, r.Ruling.Type, r.ID
			}
		case syncengine.Untimed:
			d.Untimed = true
		case syncengine.Redact:
			for _, p := range r.Ruling.Paths {
				if !slices.Contains(d.Erased, p) {
					d.Erased = append(d.Erased, p)
				}
			}
		}
	}
	slices.Sort(d.Erased)
	return d
}

// Status judges a change (§6.2), by the first condition that applies.
func (l Ledger) Status(c *syncengine.Change, envelopes []syncengine.Envelope, k syncengine.Knowledge) syncengine.Status {
	d := l.Decide(c.ID)
	vouched := slices.ContainsFunc(envelopes, func(e syncengine.Envelope) bool { return slices.Contains(l.Incarnations, e.Replica) })
	released := d.Last == syncengine.Release
	switch {
	case d.Last == syncengine.Refuse || d.Last == syncengine.Void:
		return syncengine.Ineffective
	case c.Format != syncengine.FormatVersion:
		return syncengine.Pending
	case !released && !vouched && !k.Held(c.At):
		return syncengine.Pending
	case !released && !vouched && !slices.ContainsFunc(envelopes, func(e syncengine.Envelope) bool { return l.allows(c, e, k) }):
		return syncengine.Ineffective
	}
	list := k.Checklist(c.Checklist)
	switch {
	case list == nil:
		return syncengine.Pending
	case list.Kind != c.Kind || !fitsShape(c, d, list):
		return syncengine.Ineffective
	case slices.ContainsFunc(c.Writes, func(w syncengine.Write) bool { return w.Value == "" && !slices.Contains(d.Erased, w.Path) }):
		return syncengine.Pending
	}
	return syncengine.Effective
}

// allows reports whether the envelope's replica has a grant for the author and kind that stood, and that no revocation cuts before.
func (l Ledger) allows(c *syncengine.Change, e syncengine.Envelope, k syncengine.Knowledge) bool {
	for _, g := range l.Rulings {
		r := g.Ruling
		if r.Type != syncengine.Grant || r.Replica != e.Replica || r.Account != c.Author || !slices.Contains(r.Kinds, c.Kind) {
			continue
		}
		cut := false
		for _, x := range l.Rulings {
			if x.Ruling.Type == syncengine.Revoke && x.Ruling.Target == g.ID {
				cut = cut || e.Seq > x.Ruling.Cut.Seq || !k.SameBranch(e, x.Ruling.Cut)
			}
		}
		if !cut && l.stood(g, c.At, nil) {
			return true
		}
	}
	return false
}

// stood reports whether a grant was given at a point, or a grant of its predecessor to the same account stood there.
func (l Ledger) stood(g syncengine.PlacedRuling, point syncengine.AuthorityPoint, asked []syncengine.ChangeID) bool {
	if slices.Contains(asked, g.ID) {
		return false
	}
	if !l.before(point, g.At) {
		return true
	}
	for _, p := range l.Rulings {
		if p.Ruling.Type == syncengine.Grant && !g.Ruling.Predecessor.IsZero() && p.Ruling.Replica == g.Ruling.Predecessor &&
			p.Ruling.Account == g.Ruling.Account && l.stood(p, point, append(asked[:len(asked):len(asked)], g.ID)) {
			return true
		}
	}
	return false
}

// fitsShape reports whether every write is one of a register of list, of its type, and writes the presence of what it lies in.
func fitsShape(c *syncengine.Change, d syncengine.Decision, list *syncengine.Checklist) bool {
	for _, w := range c.Writes {
		n := Lookup(list, w.Path)
		if n == nil && w.Path != "/" {
			return false
		}
		if w.Value != "" && !slices.Contains(d.Erased, w.Path) && !fits(n, w.Value) {
			return false
		}
		for _, p := range nodes(list, w.Path) {
			if !slices.ContainsFunc(c.Writes, func(o syncengine.Write) bool { return o.Path == p }) {
				return false
			}
		}
	}
	return true
}

// fits reports whether a canonical value is of the type of a register.
func fits(n *syncengine.Node, v syncengine.Value) bool {
	boolean := v == "true" || v == "false"
	number := strings.ContainsAny(string(v[:1]), "-0123456789")
	switch {
	case n == nil || n.Type != syncengine.LeafNode:
		return boolean
	case v == "null":
		return true
	case n.Leaf == syncengine.StringLeaf:
		return v[0] == '"'
	case n.Leaf == syncengine.BooleanLeaf:
		return boolean
	case n.Leaf == syncengine.IntegerLeaf:
		return number && !strings.Contains(string(v), ".")
	case n.Leaf == syncengine.NumberLeaf:
		return number
	}
	return v[0] == '{' || v[0] == '['
}
