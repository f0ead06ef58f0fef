package server

import (
	"slices"

	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/ledger"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// workable refuses to decide about a record that is not there, or that this program can't read.
func workable(m *ledger.Merged) error {
	switch {
	case m == nil:
		return errNoRecord()
	case m.Checklist == nil:
		return wire.Problemf(wire.CodeInvalid, "no version of the record's checklist can be read here yet")
	}
	return nil
}

// moved returns the first of the paths at which something stands that the person was not shown, ascending.
func moved(m *ledger.Merged, seen *sight, paths []syncengine.Path) (syncengine.Path, bool) {
	for _, path := range paths {
		shown := seen.shown(path)
		for _, id := range survivorsOf(m, path) {
			if !slices.Contains(shown, id) {
				return path, true
			}
		}
	}
	return "", false
}

// refuseStale answers that a record has moved on, together with what there is now.
func (s *Server) refuseStale(c *call, l *reached, key syncengine.RecordKey, path syncengine.Path) error {
	now, err := s.viewRecord(c, l, key)
	if err != nil {
		return err
	}
	return &extended{
		wire.Problemf(wire.CodeStale, "another value came in at %s since you read the record", path),
		map[string]any{"path": path, "record": now},
	}
}

// sortedPaths returns the keys of a map by path, ascending.
func sortedPaths[T any](m map[syncengine.Path]T) []syncengine.Path {
	out := make([]syncengine.Path, 0, len(m))
	for path := range m {
		out = append(out, path)
	}
	slices.Sort(out)
	return out
}
