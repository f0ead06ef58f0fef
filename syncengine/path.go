package syncengine

import (
	"strings"

	"github.com/google/uuid"
)

// Path names a register of a record. It is a sequence of segments, each led by a slash: "/litter/rating" names a leaf. A path that
// ends in a slash names the presence of a node: "/" of the record itself, "/signs/<uuid>/" of an element of a repeat group,
// "/source/police/" of a member of a set. Segments hold property names, enum codes, UUIDs and account ids, never free text.
type Path string

// Limits of a path. They are constants of the protocol.
const (
	MaxPathBytes    = 256
	MaxPathSegments = 8
	MaxSegmentBytes = 64
)

// RecordPresence is the path of the presence of the record itself.
const RecordPresence Path = "/"

// IsPresence reports whether p names the presence of a record, element or set member; its value is then true or false.
func (p Path) IsPresence() bool { return strings.HasSuffix(string(p), "/") }

// Segments returns the segments of p; none for the record's own presence.
func (p Path) Segments() []string {
	s := strings.TrimSuffix(strings.TrimPrefix(string(p), "/"), "/")
	if s == "" {
		return nil
	}
	return strings.Split(s, "/")
}

// Child returns the path of the leaf segment below the node that p names; p may be a presence path or the path of a group.
func (p Path) Child(segment string) Path {
	return Path(strings.TrimSuffix(string(p), "/") + "/" + segment)
}

// Node returns the presence path of the node that p names.
func (p Path) Node() Path {
	if p.IsPresence() {
		return p
	}
	return p + "/"
}

// Enclosing returns the presence paths of the record and of every element that p lies in, outermost first, p itself excluded.
// Elements are recognised by their UUID segment. The last segment is never one: there a UUID is the element that a presence is of,
// or the account of an author.
func (p Path) Enclosing() []Path {
	if p == RecordPresence {
		return nil
	}
	out := []Path{RecordPresence}
	segments := p.Segments()
	at := Path("")
	for _, s := range segments[:len(segments)-1] {
		if at = at.Child(s); isUUID(s) {
			out = append(out, at.Node())
		}
	}
	return out
}

// Valid reports whether p is well formed and within the limits.
func (p Path) Valid() bool {
	if len(p) == 0 || len(p) > MaxPathBytes || p[0] != '/' {
		return false
	}
	if p == RecordPresence {
		return true
	}
	n, size := 0, 0
	body := strings.TrimSuffix(string(p[1:]), "/")
	for i := range len(body) {
		c := body[i]
		switch {
		case c == '/':
			if size == 0 {
				return false
			}
			n++
			size = 0
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '_', c == '-', c == '.':
			size++
			if size > MaxSegmentBytes {
				return false
			}
		default:
			return false
		}
	}
	return size > 0 && n < MaxPathSegments
}

// isUUID reports whether s is a UUID in its 36-character lower-case form.
func isUUID(s string) bool {
	if len(s) != 36 || strings.ToLower(s) != s {
		return false
	}
	return uuid.Validate(s) == nil
}
