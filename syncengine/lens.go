package syncengine

import (
	"slices"
	"strings"
)

// Reading is how a ledger reads the changes of one lineage: the versions in force, oldest first. The last one is current.
type Reading []*Checklist

// Current returns the version that merged records follow, or nil where none is held.
func (r Reading) Current() *Checklist {
	if len(r) == 0 {
		return nil
	}
	return r[len(r)-1]
}

// Translate reads a register that was written under version from as a register of the current version: through the lenses of the later
// versions that the current one descends from. Others are in r only where publications returned after the server had been restored and
// something else was published meanwhile. It reports false where a lens retired the register, or where from is not a version of this
// reading. Presence of the record is never translated.
func (r Reading) Translate(from VersionID, path Path, value Value) (Path, Value, bool) {
	if path == RecordPresence {
		return path, value, true
	}
	start := slices.IndexFunc(r, func(c *Checklist) bool { return c.Version == from })
	if start < 0 {
		return "", "", false
	}
	for i, c := range r[start+1:] {
		if c.Lens.IsIdentity() || !r.descends(start+1+i) {
			continue
		}
		var ok bool
		if path, value, ok = c.Lens.apply(path, value); !ok {
			return "", "", false
		}
	}
	return path, value, true
}

// descends reports whether the current version is the i-th or descends from it. A version that names no other follows the one before it.
func (r Reading) descends(i int) bool {
	at := len(r) - 1
	for at > i {
		if r[at].Previous.IsZero() {
			at--
			continue
		}
		previous := r[at].Previous
		at = slices.IndexFunc(r[:at], func(c *Checklist) bool { return c.Version == previous })
	}
	return at == i
}

// apply reads one register of the previous version as one of this version.
func (l *Lens) apply(path Path, value Value) (Path, Value, bool) {
	segments := path.Segments()
	for _, pattern := range l.Retire {
		if _, ok := match(Path(pattern).Segments(), segments); ok {
			return "", "", false
		}
	}
	segments = l.rename(segments)
	if codes := l.codesFor(segments); codes != nil {
		if to, ok := codes[value]; ok {
			value = to
		}
	}
	if n := len(segments) - 1; path.IsPresence() && n > 0 {
		if codes := l.codesFor(segments[:n]); codes != nil { // a member of a set: its code is the last segment
			if to, ok := codes[Value(`"`+segments[n]+`"`)]; ok {
				segments[n] = strings.Trim(string(to), `"`)
			}
		}
	}
	moved := Path("/" + strings.Join(segments, "/"))
	if path.IsPresence() {
		moved = moved.Node()
	}
	return moved, value, true
}

// rename moves segments by the longest pattern that matches their beginning. The result shares nothing with its argument.
func (l *Lens) rename(segments []string) []string {
	best, n := "", 0
	for from := range l.Rename {
		pattern := Path(from).Segments()
		if _, ok := match(pattern, segments); ok && (len(pattern) > n || len(pattern) == n && saysMore(from, best)) {
			best, n = from, len(pattern)
		}
	}
	out := make([]string, 0, len(segments)+2)
	if n == 0 {
		return append(out, segments...)
	}
	stars, _ := match(Path(best).Segments(), segments)
	for _, s := range Path(l.Rename[best]).Segments() {
		if s == "*" && len(stars) > 0 {
			s, stars = stars[0], stars[1:]
		}
		out = append(out, s)
	}
	return append(out, segments[n:]...)
}

// codesFor returns the value map of the leaf or set at segments, or nil.
func (l *Lens) codesFor(segments []string) map[Value]Value {
	best := ""
	for pattern := range l.Codes {
		p := Path(pattern).Segments()
		if _, ok := match(p, segments); ok && len(p) == len(segments) && saysMore(pattern, best) {
			best = pattern
		}
	}
	return l.Codes[best]
}

// saysMore reports whether pattern a is to be taken rather than b where both fit and are equally long: the greater one by bytes, which
// says a name where the other says a star, since a star sorts before all that a segment may hold.
func saysMore(a, b string) bool { return a > b }

// match reports whether a pattern matches the beginning of segments, and what its stars stand for.
func match(pattern, segments []string) (stars []string, ok bool) {
	if len(pattern) > len(segments) {
		return nil, false
	}
	for i, p := range pattern {
		switch {
		case p == "*":
			stars = append(stars, segments[i])
		case p != segments[i]:
			return nil, false
		}
	}
	return stars, true
}
