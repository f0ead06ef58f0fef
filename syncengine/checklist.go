package syncengine

import "slices"

// Policy says how the differing survivors of one register are joined for display. A policy never destroys a value (law L3).
type Policy string

// The policies.
const (
	Review  Policy = "review"  // a person decides; the latest is shown meanwhile, marked. The default.
	Latest  Policy = "latest"  // the latest by author time, then by change id; untimed below all
	Highest Policy = "highest" // the highest of ordered answers or numbers; non-answers rank below every answer
	Lowest  Policy = "lowest"  // the lowest of ordered answers or numbers; non-answers rank below every answer
	Union   Policy = "union"   // the presence of set members: add wins
)

// NodeType is the form of a node of a checklist's shape.
type NodeType uint8

// The node types.
const (
	LeafNode      NodeType = iota // one register, a scalar or one atomic value
	GroupNode                     // an object with named properties; it has no register of its own
	SetNode                       // a set of codes: one presence register per member
	ListNode                      // a repeat group: elements named by UUID, each with a presence register and children
	AuthorMapNode                 // a map from account id to a leaf: free notes, opinions
)

// LeafType is the JSON type of the value of a leaf.
type LeafType uint8

// The leaf types.
const (
	StringLeaf LeafType = iota
	IntegerLeaf
	NumberLeaf
	BooleanLeaf
	AtomicLeaf // any JSON object or array, replaced as a whole: a location, an outline
)

// Node is one node of the shape of a checklist version: which registers exist, of which type, joined by which policy.
type Node struct {
	Type     NodeType
	Policy   Policy           // of a leaf (also of an author map's leaf)
	Leaf     LeafType         // of a leaf
	Children map[string]*Node // of a group, and of a list's element
	Value    *Node            // the leaf of an author map
	Codes    []string         // the members of a set, in display order; the enum of a string leaf, if it has one

	// Ranks orders the answers of a highest or lowest leaf that is not a plain number: canonical value to rank. Values that are not
	// listed (sans objet, non observé) rank below every answer, both ways.
	Ranks map[Value]int
}

// Checklist is the engine's view of one version of a checklist or of a record kind's schema. It is immutable.
type Checklist struct {
	Version  VersionID
	Previous VersionID // the version that this one succeeds, or zero
	Lineage  string    // the checklist that this is a version of: "cleanliness", "place"
	Kind     Kind      // the kind of the records that it describes
	Shape    *Node     // a group

	// Lens reads a register of the previous version as one of this version. Registers that it doesn't name keep their path and value.
	Lens Lens

	// Validate checks the merged document of a record (as decoded by encoding/json with UseNumber) and returns the rules it
	// breaks, ordered by path, then rule. It is pure and safe for concurrent use.
	Validate func(document any) []Violation

	// Index says under which attribute the value at a leaf path is indexed by stores ("place", "visit", "rater").
	Index map[string]Path
	// Domain is the domain of a checklist ("cleanliness"), empty for other kinds.
	Domain string
}

// Violation is a rule of the checklist that a merged record breaks (law L4).
type Violation struct {
	Path    Path   `json:"path"`    // of the offending register, or of the closest node
	Rule    string `json:"rule"`    // stable code: the schema keyword, or the name the checklist gives to its rule
	Message string `json:"message"` // English, for logs; screens use the rule's label from the checklist
}

// Lens maps registers of one version to registers of the next: injective, leaf to leaf.
type Lens struct {
	// Rename maps a path pattern of the previous version to its pattern in this one. A pattern is a path in which "*" stands for
	// an element id or an account id. It also moves all registers below the named node. Of several that fit, the longest counts, then
	// the one that says a name where the other says a star.
	Rename map[string]string
	// Codes maps values of the leaf or set at a pattern of this version: old canonical value to new (for a set, codes as JSON strings).
	Codes map[string]map[Value]Value
	// Retire lists patterns of the previous version whose registers are kept in history only.
	Retire []string
}

// IsIdentity reports whether the lens changes nothing.
func (l *Lens) IsIdentity() bool {
	return len(l.Rename) == 0 && len(l.Codes) == 0 && len(l.Retire) == 0
}

// Lookup finds the node whose register path names: a leaf for a leaf path; a list or set for the presence of its element or member.
// It returns nil where the shape has no such register, and for the record's own presence, which every shape has.
func (c *Checklist) Lookup(path Path) *Node {
	node, inElement := c.Shape, false
	for rest := path.Segments(); len(rest) > 0; rest = rest[1:] {
		segment, last := rest[0], len(rest) == 1
		switch {
		case node.Type == GroupNode, node.Type == ListNode && inElement:
			if node, inElement = node.Children[segment], false; node == nil {
				return nil
			}
			continue
		case node.Type == ListNode && isUUID(segment):
			if !last {
				inElement = true
				continue
			}
		case node.Type == SetNode && last && slices.Contains(node.Codes, segment):
		case node.Type == AuthorMapNode && last && !path.IsPresence() && AccountID(segment).Valid():
			return node.Value
		default:
			return nil
		}
		if !path.IsPresence() {
			return nil
		}
		return node
	}
	if node.Type != LeafNode || path.IsPresence() {
		return nil
	}
	return node
}

// Accepts reports whether a canonical value has the type of the register: null always has, since it clears a leaf; a presence, which a nil
// node or one that is not a leaf stands for, is true or false. Whether an answer is among those that the checklist offers is a matter of
// validation, not of type.
func (n *Node) Accepts(v Value) bool { return fits(v, n) }
