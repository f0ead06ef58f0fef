package wire

import (
	"crypto/sha256"
	"slices"

	"github.com/arpenteur/arpenteur/syncengine"
)

// MaxLineBytes is the limit of a line of any format. A line of FormatVersion stays below it by its own limits.
const MaxLineBytes = 1536 << 10

// Form says how much of a change a line holds.
type Form uint8

// The forms.
const (
	Whole         Form = iota // every value, and the salt
	Partial                   // some values with their leaf salts, and the leaf hashes of the others
	Bare                      // paths and root; no value
	UnknownFormat             // a header of another format: kept and relayed as it is
)

// Line is a change as it is stored and sent, with as many of its values as the holder has (protocol, section 3.4). Lines come from
// NewLine and DecodeLine, which guarantee that the change's id and root are those of the rest; they are immutable, and their methods
// return others.
type Line struct {
	// Change is the change. A write whose value is not held has the empty Value. In an UnknownFormat only ID, Format and Ledger are
	// set. In a ruling of an unknown type, Change.Ruling has only its type.
	Change *syncengine.Change
	Form   Form
	Salt   Salt // of a Whole line
	// LeafSalts of a Partial line hold, at the index of each write whose value is held, its leaf salt, and the zero Hash elsewhere.
	LeafSalts []syncengine.Hash
	// Leaves of a Partial line hold, at the index of each write whose value is not held, its leaf hash, and the zero Hash elsewhere.
	Leaves []syncengine.Hash

	opaque string // the line, of an UnknownFormat
	ruling string // the ruling as received, of an unknown type
}

// AppendLine appends the canonical encoding of l.
func AppendLine(dst []byte, l *Line) []byte {
	e := changeEncoder{header: &l.Change.Header, ruling: l.ruling, line: l}
	switch l.Form {
	case UnknownFormat:
		return append(dst, l.opaque...)
	case Whole:
		e.layout = layoutWhole
	case Partial:
		e.layout = layoutPartial
	case Bare:
		e.layout = layoutBare
	}
	return e.append(dst)
}

// AppendHeader appends the canonical header of the change that l holds: the bytes that the id is the hash of. The header of an
// UnknownFormat is part of its line.
func (l *Line) AppendHeader(dst []byte) []byte {
	if l.Form == UnknownFormat {
		return append(dst, unknownHeader(l.opaque)...)
	}
	e := changeEncoder{header: &l.Change.Header, ruling: l.ruling, layout: layoutHeader}
	return e.append(dst)
}

// Complete reports whether l holds the value of every write. What an UnknownFormat holds can't be told, and counts as complete.
func (l *Line) Complete() bool {
	for i := range l.Change.Writes {
		if l.Change.Writes[i].Value == "" {
			return false
		}
	}
	return true
}

// Missing returns the paths whose value l doesn't hold, ascending.
func (l *Line) Missing() []syncengine.Path {
	var missing []syncengine.Path
	for i := range l.Change.Writes {
		if w := &l.Change.Writes[i]; w.Value == "" {
			missing = append(missing, w.Path)
		}
	}
	return missing
}

// Redact returns l without the values at paths and without what could confirm a guess of them: a Whole line becomes Partial, and its
// salt is forgotten. The change keeps its id (law L9). Where l holds none of the values it is returned as it is. Of an UnknownFormat
// nothing can be told apart, so it is returned as it is too.
func (l *Line) Redact(paths []syncengine.Path) *Line {
	if l.Form == Bare || l.Form == UnknownFormat {
		return l
	}
	gone := func(w *syncengine.Write) bool { return w.Value != "" && slices.Contains(paths, w.Path) }
	if !slices.ContainsFunc(l.Change.Writes, func(w syncengine.Write) bool { return gone(&w) }) {
		return l
	}
	out := l.copy(Partial)
	out.LeafSalts = make([]syncengine.Hash, len(out.Change.Writes))
	out.Leaves = make([]syncengine.Hash, len(out.Change.Writes))
	key := newSaltKey(l.Salt)
	for i := range out.Change.Writes {
		w := &out.Change.Writes[i]
		switch {
		case w.Value == "":
			out.Leaves[i] = l.Leaves[i]
			continue
		case l.Form == Whole:
			out.LeafSalts[i] = key.leafSalt(w.Path)
		default:
			out.LeafSalts[i] = l.LeafSalts[i]
		}
		if gone(w) {
			out.Leaves[i] = LeafHash(out.LeafSalts[i], w.Value)
			out.LeafSalts[i], w.Value = syncengine.Hash{}, ""
		}
	}
	return out
}

// Strip returns l with no value at all: its Bare form.
func (l *Line) Strip() *Line {
	if l.Form == Bare || l.Form == UnknownFormat {
		return l
	}
	out := l.copy(Bare)
	for i := range out.Change.Writes {
		out.Change.Writes[i].Value = ""
	}
	return out
}

// Fill returns a line that holds every value that l or other holds. Both must be lines of one change; values are bound to its id, so
// other may come from anybody. What a ruling withholds is the caller's to take out again. If one of the two holds all, it is returned.
func (l *Line) Fill(other *Line) (*Line, error) {
	switch {
	case l.Change.ID != other.Change.ID:
		return nil, Problemf(CodeInvalid, "the line to fill from is of change %s, not of %s", other.Change.ID, l.Change.ID)
	case l.Form == UnknownFormat, l.Form == Whole, other.Form == Bare:
		return l, nil
	case other.Form == Whole, l.Form == Bare:
		return other, nil
	}
	out := l.copy(Partial)
	out.LeafSalts, out.Leaves = slices.Clone(l.LeafSalts), slices.Clone(l.Leaves)
	for i := range out.Change.Writes {
		if w := &out.Change.Writes[i]; w.Value == "" && other.Change.Writes[i].Value != "" {
			w.Value, out.LeafSalts[i], out.Leaves[i] = other.Change.Writes[i].Value, other.LeafSalts[i], syncengine.Hash{}
		}
	}
	return out, nil
}

// copy returns a line of another form, whose writes may be changed.
func (l *Line) copy(form Form) *Line {
	change := *l.Change
	change.Writes = slices.Clone(change.Writes)
	return &Line{Change: &change, Form: form, ruling: l.ruling}
}

// seal computes root and id from the rest of the line. The root of a Bare line is given. Leaves and header are built in buf, which
// is returned for reuse.
func (l *Line) seal(buf []byte) []byte {
	h := &l.Change.Header
	if l.Form != Bare {
		buf = append(buf[:0], rootPrefix...)
		key := newSaltKey(l.Salt)
		for i := range h.Writes {
			w := &h.Writes[i]
			var leaf syncengine.Hash
			switch {
			case l.Form == Whole:
				leaf = LeafHash(key.leafSalt(w.Path), w.Value)
			case w.Value != "":
				leaf = LeafHash(l.LeafSalts[i], w.Value)
			default:
				leaf = l.Leaves[i]
			}
			buf = append(buf, leaf[:]...)
		}
		h.Root = sha256.Sum256(buf)
	}
	buf = l.AppendHeader(buf[:0])
	l.Change.ID.Hash = sha256.Sum256(buf)
	return buf
}
