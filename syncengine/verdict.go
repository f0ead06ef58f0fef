package syncengine

import (
	"slices"
	"strings"
)

// Status says what part a change takes in merge.
type Status uint8

// The statuses of a change.
const (
	Effective   Status = iota // its values count
	Pending                   // something it needs is not held yet: kept, shown, judged again when the thing arrives
	Ineffective               // kept and shown with its reason, but its values do not count
)

// Reason is the stable code of why a change is not effective.
type Reason string

// The reasons. Those up to NeedsFormat make a change pending, the others ineffective.
const (
	NeedsAuthority Reason = "needs_authority" // its authority point is not held
	NeedsVersion   Reason = "needs_version"   // its checklist version is not held
	NeedsValues    Reason = "needs_values"    // a value is not held, and no ruling withholds it
	NeedsFormat    Reason = "needs_format"    // it is of a format that this engine does not know
	Refused        Reason = "refused"         // by a ruling
	Voided         Reason = "voided"          // by a ruling
	Unauthorised   Reason = "unauthorised"    // no grant for its author and kind stood, or it lies beyond a cut
	WrongKind      Reason = "wrong_kind"      // its checklist describes another kind
	WrongPath      Reason = "wrong_path"      // a path is not a register of its checklist
	WrongType      Reason = "wrong_type"      // a value is not of its register's type
	NoPresence     Reason = "no_presence"     // it does not write the presence of its record, or of an element it lies in
)

// Missing names what a pending change waits for, so that it can be found again when that thing arrives. At most one field is set;
// none when it waits for its own values or for a newer program.
type Missing struct {
	Authority AuthorityPoint
	Version   VersionID
}

// Verdict is the engine's judgement on one change. The same rulings, versions and values give the same verdict on every node.
type Verdict struct {
	Status  Status
	Reason  Reason // empty when effective
	Path    Path   // where a path is the reason
	Missing Missing
	Untimed bool // the author time is not to be believed
}

// Decision is what the rulings about one change add up to.
type Decision struct {
	Last    RulingType // the last of refuse, void and release; empty where there is none
	By      ChangeID   // the ruling that Last came from
	Untimed bool
	Erased  []Path // redacted registers, ascending
}

// PlacedRuling is a ruling about one change and where it stands in the authority's log.
type PlacedRuling struct {
	ID     ChangeID
	At     AuthorityPoint
	Ruling *Ruling
}

// Decide adds up the rulings about one change, given in any order. It sorts its argument.
func (a *Authority) Decide(rulings []PlacedRuling) Decision {
	slices.SortFunc(rulings, func(x, y PlacedRuling) int { return a.Compare(x.At, y.At) })
	var d Decision
	for _, r := range rulings {
		switch r.Ruling.Type {
		case Refuse, Void, Release:
			d.Last, d.By = r.Ruling.Type, r.ID
		case Untimed:
			d.Untimed = true
		case Redact:
			d.Erased = append(d.Erased, r.Ruling.Paths...)
		}
	}
	slices.Sort(d.Erased)
	d.Erased = slices.Compact(d.Erased)
	return d
}

// Withheld reports whether the value at path may be absent from a change without the change being incomplete.
func (d *Decision) Withheld(path Path) bool {
	if d.Last == Refuse {
		return true
	}
	_, found := slices.BinarySearch(d.Erased, path)
	return found
}

// Erases reports whether the value at path was redacted.
func (d *Decision) Erases(path Path) bool {
	_, found := slices.BinarySearch(d.Erased, path)
	return found
}

// Complete reports whether every value of c is held or withheld by a ruling, so that its line counts as held.
func (d *Decision) Complete(c *Change) bool {
	if c.Format != FormatVersion {
		return true // kept whole as it came
	}
	for i := range c.Writes {
		if c.Writes[i].Value == "" && !d.Withheld(c.Writes[i].Path) {
			return false
		}
	}
	return true
}

// Knowledge is what a node knows beside the rulings; it answers from what is held and changes nothing.
type Knowledge interface {
	// Held reports whether the authority's log is held to p.
	Held(p AuthorityPoint) bool
	// Checklist returns a version that is published in the ledger and compiled, or nil.
	Checklist(v VersionID) *Checklist
	// SameBranch reports whether e lies on the branch of its log that head ends. Where the log is not held to head it says true.
	SameBranch(e Envelope, head Head) bool
}

// Judge says what part change c takes in merge, given every envelope that holds it and what the rulings about it add up to. The first
// that applies counts: refused or void; pending for its format, or for its authority point unless it was released or the authority
// vouches for it; not authorised; pending for its version; not fitting its checklist; pending for values. So a change that can't count
// whatever arrives is not kept waiting.
func (a *Authority) Judge(c *Change, envelopes []Envelope, d Decision, k Knowledge) Verdict {
	v := a.judge(c, envelopes, d, k)
	v.Untimed = d.Untimed
	return v
}

func (a *Authority) judge(c *Change, envelopes []Envelope, d Decision, k Knowledge) Verdict {
	switch d.Last {
	case Refuse:
		return Verdict{Status: Ineffective, Reason: Refused}
	case Void:
		return Verdict{Status: Ineffective, Reason: Voided}
	}
	if c.Format != FormatVersion {
		return Verdict{Status: Pending, Reason: NeedsFormat}
	}
	if d.Last != Release {
		byAuthority := slices.ContainsFunc(envelopes, func(e Envelope) bool { return a.IsAuthority(e.Replica) })
		if !byAuthority && !k.Held(c.At) {
			return Verdict{Status: Pending, Reason: NeedsAuthority, Missing: Missing{Authority: c.At}}
		}
		if !slices.ContainsFunc(envelopes, func(e Envelope) bool { return a.authorises(&c.Header, e, k) }) {
			return Verdict{Status: Ineffective, Reason: Unauthorised}
		}
	}
	list := k.Checklist(c.Checklist)
	if list == nil {
		return Verdict{Status: Pending, Reason: NeedsVersion, Missing: Missing{Version: c.Checklist}}
	}
	if list.Kind != c.Kind {
		return Verdict{Status: Ineffective, Reason: WrongKind}
	}
	return judgeWrites(c, d, list)
}

// judgeWrites checks every write of c against the shape of its checklist.
func judgeWrites(c *Change, d Decision, list *Checklist) Verdict {
	missing := false
	for i := range c.Writes {
		w := &c.Writes[i]
		var node *Node
		if w.Path != RecordPresence {
			if node = list.Lookup(w.Path); node == nil {
				return Verdict{Status: Ineffective, Reason: WrongPath, Path: w.Path}
			}
		}
		switch {
		case d.Erases(w.Path):
		case w.Value == "":
			missing = true
		case !fits(w.Value, node):
			return Verdict{Status: Ineffective, Reason: WrongType, Path: w.Path}
		}
	}
	for i := range c.Writes {
		for _, p := range enclosing(c.Writes[i].Path) {
			if c.Write(p) == nil {
				return Verdict{Status: Ineffective, Reason: NoPresence, Path: p}
			}
		}
	}
	if missing {
		return Verdict{Status: Pending, Reason: NeedsValues}
	}
	return Verdict{Status: Effective}
}

// enclosing is Path.Enclosing without an allocation for the usual path, which lies in no element.
func enclosing(p Path) []Path {
	if p == RecordPresence {
		return nil
	}
	if len(p) < 38 || strings.Count(string(p), "-") < 4 {
		return recordOnly
	}
	return p.Enclosing()
}

var recordOnly = []Path{RecordPresence}

// fits reports whether a canonical value has the type of a register; a nil node or one that is not a leaf stands for a presence.
func fits(v Value, n *Node) bool {
	if n == nil || n.Type != LeafNode {
		return v == True || v == False
	}
	if v == Null {
		return true // clearing
	}
	switch n.Leaf {
	case StringLeaf:
		return v[0] == '"'
	case BooleanLeaf:
		return v == True || v == False
	case IntegerLeaf:
		return isNumber(v) && !strings.Contains(string(v), ".")
	case NumberLeaf:
		return isNumber(v)
	default:
		return v[0] == '{' || v[0] == '['
	}
}

func isNumber(v Value) bool { return v[0] == '-' || v[0] >= '0' && v[0] <= '9' }
