package syncengine

import (
	"cmp"
	"math"
	"slices"
)

// Authority is what the rulings of one ledger add up to, apart from those that are about single changes: who may write what, since
// when and until where, and which checklist versions are in force. It is built by Take, in any order of rulings, and is then read
// only; Clone before taking more while others read.
type Authority struct {
	incarnations []incarnation // oldest first
	grants       map[ReplicaID][]*grant
	byID         map[ChangeID]*grant
	cuts         map[ChangeID][]cut // by grant, also when the grant has not come yet
	lineages     map[string][]published
}

type grant struct {
	id ChangeID
	at place
	*Ruling
}

type cut struct {
	at   place
	head Head
}

type published struct {
	at      place
	version VersionID
}

// incarnation is one replica of the authority. The first is the genesis's, number 1; each later one was opened by a Succeed ruling after
// the server was restored from an older copy of its store. Two that were opened from the same copy may have one number.
type incarnation struct {
	number  uint64
	replica ReplicaID
	key     []byte // nil for the first, whose key is in the genesis
}

func (i incarnation) compare(j incarnation) int {
	return cmp.Or(cmp.Compare(i.number, j.number), i.replica.Compare(j.replica.Hash))
}

// place orders the lines of the authority: by incarnation, then sequence. It stays the same whatever other incarnations become known.
type place struct {
	incarnation uint64
	replica     ReplicaID
	seq         uint64
}

func (p place) compare(q place) int {
	return cmp.Or(cmp.Compare(p.incarnation, q.incarnation), p.replica.Compare(q.replica.Hash), cmp.Compare(p.seq, q.seq))
}

// NewAuthority returns the state of a ledger whose genesis names the given first incarnation.
func NewAuthority(first ReplicaID) *Authority {
	return &Authority{
		incarnations: []incarnation{{number: 1, replica: first}},
		grants:       map[ReplicaID][]*grant{},
		byID:         map[ChangeID]*grant{},
		cuts:         map[ChangeID][]cut{},
		lineages:     map[string][]published{},
	}
}

// IsAuthority reports whether a replica is an incarnation of the authority.
func (a *Authority) IsAuthority(r ReplicaID) bool { return a.incarnation(r) != nil }

// Current returns the newest incarnation.
func (a *Authority) Current() ReplicaID { return a.incarnations[len(a.incarnations)-1].replica }

// Incarnations returns the authority's replicas, oldest first.
func (a *Authority) Incarnations() []ReplicaID {
	out := make([]ReplicaID, len(a.incarnations))
	for i := range a.incarnations {
		out[i] = a.incarnations[i].replica
	}
	return out
}

// Number returns the number of the newest incarnation: 1 for the genesis's.
func (a *Authority) Number() uint64 { return a.incarnations[len(a.incarnations)-1].number }

func (a *Authority) incarnation(r ReplicaID) *incarnation {
	for i := range a.incarnations {
		if a.incarnations[i].replica == r {
			return &a.incarnations[i]
		}
	}
	return nil
}

// Compare orders two points of the authority's log; points of unknown incarnations come after all others.
func (a *Authority) Compare(p, q AuthorityPoint) int { return a.place(p).compare(a.place(q)) }

func (a *Authority) place(p AuthorityPoint) place {
	if i := a.incarnation(p.Replica); i != nil {
		return place{i.number, i.replica, p.Seq}
	}
	return place{math.MaxUint64, p.Replica, p.Seq}
}

// Take adds the ruling that change c holds at a position of the authority's log. Rulings about single changes are not its business
// and are ignored, as are types that this engine does not know. The caller has verified the certificate of a Succeed, and takes it before
// the lines that follow it.
func (a *Authority) Take(c *Change, at Position) {
	r, p := c.Ruling, a.place(AuthorityPoint(at))
	if r == nil {
		return
	}
	switch r.Type {
	case Succeed:
		if a.incarnation(at.Replica) != nil {
			return
		}
		a.incarnations = append(a.incarnations, incarnation{r.Incarnation, at.Replica, r.Key})
		slices.SortFunc(a.incarnations[1:], incarnation.compare)
	case Grant:
		if a.byID[c.ID] != nil {
			return
		}
		g := &grant{id: c.ID, at: p, Ruling: r}
		a.byID[c.ID] = g
		a.grants[r.Replica] = append(a.grants[r.Replica], g)
		slices.SortFunc(a.grants[r.Replica], func(x, y *grant) int { return x.at.compare(y.at) })
	case Revoke:
		if !slices.ContainsFunc(a.cuts[r.Target], func(k cut) bool { return k.at == p }) {
			a.cuts[r.Target] = append(a.cuts[r.Target], cut{p, r.Cut})
		}
	case Publish:
		list := append(a.lineages[r.Lineage], published{p, r.Version})
		slices.SortFunc(list, func(x, y published) int { return x.at.compare(y.at) })
		a.lineages[r.Lineage] = slices.CompactFunc(list, func(x, y published) bool { return x.at == y.at })
	}
}

// Clone returns a copy that can take more rulings while a is being read.
func (a *Authority) Clone() *Authority {
	out := NewAuthority(a.incarnations[0].replica)
	out.incarnations = slices.Clone(a.incarnations)
	for k, v := range a.grants {
		out.grants[k] = slices.Clone(v)
	}
	for k, v := range a.byID {
		out.byID[k] = v
	}
	for k, v := range a.cuts {
		out.cuts[k] = slices.Clone(v)
	}
	for k, v := range a.lineages {
		out.lineages[k] = slices.Clone(v)
	}
	return out
}

// Key returns the public key of a replica that holds, or held, a grant, or of a later incarnation of the authority; nil for any other.
func (a *Authority) Key(r ReplicaID) []byte {
	if i := a.incarnation(r); i != nil {
		return i.key
	}
	if list := a.grants[r]; len(list) > 0 {
		return list[0].Key
	}
	return nil
}

// Account returns the account that a replica was granted to; empty for a replica without a grant.
func (a *Authority) Account(r ReplicaID) AccountID {
	if list := a.grants[r]; len(list) > 0 {
		return list[0].Ruling.Account
	}
	return ""
}

// Grants returns the grants that a replica holds and that were not revoked, oldest first, by their change ids.
func (a *Authority) Grants(r ReplicaID) []ChangeID {
	var out []ChangeID
	for _, g := range a.grants[r] {
		if len(a.cuts[g.id]) == 0 {
			out = append(out, g.id)
		}
	}
	return out
}

// Ruling returns the grant named by id, or nil.
func (a *Authority) Ruling(id ChangeID) *Ruling {
	if g := a.byID[id]; g != nil {
		return g.Ruling
	}
	return nil
}

// Granted returns every replica that ever held a grant, ascending.
func (a *Authority) Granted() []ReplicaID {
	out := make([]ReplicaID, 0, len(a.grants))
	for r := range a.grants {
		out = append(out, r)
	}
	slices.SortFunc(out, func(x, y ReplicaID) int { return x.Compare(y.Hash) })
	return out
}

// Versions returns the published versions of a lineage, oldest first; the last one is current.
func (a *Authority) Versions(lineage string) []VersionID {
	out := make([]VersionID, 0, len(a.lineages[lineage]))
	for _, p := range a.lineages[lineage] {
		out = append(out, p.version)
	}
	return out
}

// Lineages returns the names of the published checklists, ascending.
func (a *Authority) Lineages() []string {
	out := make([]string, 0, len(a.lineages))
	for name := range a.lineages {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

// authorises reports whether one envelope of a change shows that its author was allowed to write its kind.
func (a *Authority) authorises(h *Header, e Envelope, k Knowledge) bool {
	if a.IsAuthority(e.Replica) {
		return true
	}
	point := a.place(h.At)
	for _, g := range a.grants[e.Replica] {
		if g.Ruling.Account == h.Author && slices.Contains(g.Kinds, h.Kind) && a.stands(g, point) && a.withinCuts(g, e, k) {
			return true
		}
	}
	return false
}

// stands reports whether a grant was given at a point of the authority's log, or continues one of the same account that was.
func (a *Authority) stands(g *grant, point place) bool {
	seen := map[ReplicaID]bool{}
	list := []*grant{g}
	for len(list) > 0 {
		x := list[0]
		list = list[1:]
		if x.Ruling.Account != g.Ruling.Account {
			continue
		}
		if x.at.compare(point) <= 0 {
			return true
		}
		if p := x.Predecessor; !p.IsZero() && !seen[p] {
			seen[p] = true
			list = append(list, a.grants[p]...)
		}
	}
	return false
}

// withinCuts reports whether an envelope lies before every cut of a grant.
func (a *Authority) withinCuts(g *grant, e Envelope, k Knowledge) bool {
	for _, c := range a.cuts[g.id] {
		if e.Seq > c.head.Seq || !k.SameBranch(e, c.head) {
			return false
		}
	}
	return true
}
