package oracle

import (
	"maps"
	"slices"
	"strings"

	"github.com/arpenteur/arpenteur/syncengine"
)

// Translate reads a register through the lenses of every version that came after from and that the newest one descends from (§6.1). It
// reports false where one of them retires the register, or where from is not among the versions.
func Translate(versions []*syncengine.Checklist, from syncengine.VersionID, path syncengine.Path, value syncengine.Value) (syncengine.Path, syncengine.Value, bool) {
	if path == "/" {
		return path, value, true
	}
	line := ancestry(versions)
	known := false
	for i, list := range versions {
		if known && slices.Contains(line, i) {
			var kept bool
			if path, value, kept = through(list.Lens, path, value); !kept {
				return "", "", false
			}
		}
		if list.Version == from {
			known = true
		}
	}
	return path, value, known
}

// ancestry returns the newest version, the one that it succeeds, and so on.
func ancestry(versions []*syncengine.Checklist) []int {
	if len(versions) == 0 {
		return nil
	}
	last := len(versions) - 1
	for i, list := range versions[:last] {
		if list.Version == versions[last].Previous {
			return append(ancestry(versions[:i+1]), last)
		}
	}
	if versions[last].Previous.IsZero() {
		return append(ancestry(versions[:last]), last)
	}
	return []int{last}
}

func through(lens syncengine.Lens, path syncengine.Path, value syncengine.Value) (syncengine.Path, syncengine.Value, bool) {
	for _, pattern := range lens.Retire {
		if isBelow(split(path), pattern) {
			return "", "", false
		}
	}
	parts := move(lens.Rename, split(path))
	if isPresence(path) {
		set, code := parts[:len(parts)-1], parts[len(parts)-1]
		if to, ok := codesAt(lens, set)[syncengine.Value(`"`+code+`"`)]; ok {
			code = strings.ReplaceAll(string(to), `"`, "")
		}
		return join(append(slices.Clone(set), code)) + "/", value, true
	}
	if to, ok := codesAt(lens, parts)[value]; ok {
		value = to
	}
	return join(parts), value, true
}

// move renames the longest beginning of parts that a pattern names.
func move(rename map[string]string, parts []string) []string {
	for n := len(parts); n > 0; n-- {
		from, ok := choose(slices.Collect(maps.Keys(rename)), parts[:n])
		if !ok {
			continue
		}
		var moved, stars []string
		for i, name := range split(syncengine.Path(from)) {
			if name == "*" {
				stars = append(stars, parts[i])
			}
		}
		for _, name := range split(syncengine.Path(rename[from])) {
			if name == "*" {
				name, stars = stars[0], stars[1:]
			}
			moved = append(moved, name)
		}
		return append(moved, parts[n:]...)
	}
	return parts
}

// codesAt returns the mapped values of the leaf or set at parts.
func codesAt(lens syncengine.Lens, parts []string) map[syncengine.Value]syncengine.Value {
	pattern, _ := choose(slices.Collect(maps.Keys(lens.Codes)), parts)
	return lens.Codes[pattern]
}

// choose returns the pattern that names parts, the greatest by bytes where several do.
func choose(patterns []string, parts []string) (string, bool) {
	slices.Sort(patterns)
	for _, p := range slices.Backward(patterns) {
		if isAt(parts, p) {
			return p, true
		}
	}
	return "", false
}

// isAt reports whether parts are named by a pattern, and isBelow whether the node that parts begin with is.
func isAt(parts []string, pattern string) bool {
	names := split(syncengine.Path(pattern))
	return len(names) == len(parts) && isBelow(parts, pattern)
}

func isBelow(parts []string, pattern string) bool {
	names := split(syncengine.Path(pattern))
	if len(names) > len(parts) {
		return false
	}
	for i, name := range names {
		if name != "*" && name != parts[i] {
			return false
		}
	}
	return true
}

func isPresence(path syncengine.Path) bool { return path[len(path)-1] == '/' }

func split(path syncengine.Path) []string {
	return strings.FieldsFunc(string(path), func(r rune) bool { return r == '/' })
}

func join(parts []string) syncengine.Path { return syncengine.Path("/" + strings.Join(parts, "/")) }
