package wire

import (
	"bytes"
	"slices"
	"strings"

	"github.com/arpenteur/arpenteur/syncengine"
)

// NewLine makes the line of a new change. The author gives the header's parts, each write with its value and with what it replaces,
// in any order, and 16 random bytes; NewLine sorts, sets Format and Root, computes the id, and checks every limit of the protocol and
// every rule that a receiver checks, so that no author commits what others would refuse. A time before 1970 is set to 0 and one too
// large to the largest: a wrong clock keeps no one from saving (law L7).
//
// A change of a record must write the record's presence and that of each element that a path lies in. Values must be canonical, as
// EncodeValue makes them. What is wrong is said with CodeInvalid, CodeTooLarge or CodeTooDeep. The line shares no slice with header.
func NewLine(header syncengine.Header, salt Salt) (*Line, error) {
	h, err := sorted(header)
	if err != nil {
		return nil, err
	}
	if err := checkWrites(h); err != nil {
		return nil, err
	}
	l := &Line{Change: &syncengine.Change{Header: *h}, Form: Whole, Salt: salt}
	out, err := DecodeLine(AppendLine(nil, l), h.Ledger)
	switch code := CodeOf(err); code {
	case "":
		return out, nil
	case CodeMalformed, CodeWrongLedger:
		return nil, Problemf(CodeInvalid, "the change can't be encoded: %w", err)
	default:
		return nil, err
	}
}

// sorted returns a copy of header in the order of the protocol, with what NewLine sets.
func sorted(header syncengine.Header) (*syncengine.Header, error) {
	h := header
	h.Format, h.Root = syncengine.FormatVersion, syncengine.Hash{}
	h.Time = min(max(h.Time, 0), MaxInteger)
	h.Writes = slices.Clone(h.Writes)
	slices.SortFunc(h.Writes, func(a, b syncengine.Write) int { return comparePath(a, b.Path) })
	for i := range h.Writes {
		w := &h.Writes[i]
		if i > 0 && w.Path == h.Writes[i-1].Path {
			return nil, Problemf(CodeInvalid, "path %q is written twice", w.Path)
		}
		w.Over = slices.Clone(w.Over)
		slices.SortFunc(w.Over, func(a, b syncengine.ChangeID) int { return bytes.Compare(a.Hash[:], b.Hash[:]) })
		w.Over = slices.Compact(w.Over)
	}
	if h.Ruling != nil {
		r := *h.Ruling
		r.Paths, r.Kinds = slices.Clone(r.Paths), slices.Clone(r.Kinds)
		slices.Sort(r.Paths)
		slices.Sort(r.Kinds)
		r.Paths, r.Kinds = slices.Compact(r.Paths), slices.Compact(r.Kinds)
		h.Ruling = &r
		if !knownRuling(r.Type) {
			return nil, Problemf(CodeInvalid, "there is no ruling of type %q", r.Type)
		}
	}
	return &h, nil
}

// comparePath orders a write against a path.
func comparePath(w syncengine.Write, p syncengine.Path) int {
	return strings.Compare(string(w.Path), string(p))
}

// knownRuling reports whether this version of the protocol has the type.
func knownRuling(t syncengine.RulingType) bool { return new(scanner).rulingReader(t) != nil }

// checkWrites checks what DecodeLine doesn't, or would say less well.
func checkWrites(h *syncengine.Header) error {
	if len(h.Writes) > syncengine.MaxWrites {
		return Problemf(CodeTooLarge, "a change of %d values is over the limit of %d; save in parts", len(h.Writes), syncengine.MaxWrites)
	}
	record := h.Kind != syncengine.KindGenesis && h.Kind != syncengine.KindRuling
	size := 0
	for i := range h.Writes {
		w := &h.Writes[i]
		if !w.Path.Valid() {
			return Problemf(CodeInvalid, "%q is not a path", w.Path)
		}
		if err := check(string(w.Value), MaxValueDepth); err != nil {
			return Problemf(CodeOf(err), "the value at %s: %w", w.Path, err)
		}
		if w.Path.IsPresence() && w.Value != syncengine.True && w.Value != syncengine.False {
			return Problemf(CodeInvalid, "the presence at %s is neither true nor false", w.Path)
		}
		if size += len(w.Value); size > syncengine.MaxValueBytes {
			return Problemf(CodeTooLarge, "the values of a change are over %d bytes together; save in parts", syncengine.MaxValueBytes)
		}
		for _, p := range w.Path.Enclosing() {
			if _, there := slices.BinarySearchFunc(h.Writes, p, comparePath); record && !there {
				return Problemf(CodeInvalid, "%s is written without the presence %s", w.Path, p)
			}
		}
	}
	return nil
}
