package wire

import (
	"crypto/sha256"

	"github.com/arpenteur/arpenteur/syncengine"
)

// AppendHeader appends the canonical encoding of a header, which its change id is the hash of. The header must be well formed, as
// those of NewLine and DecodeLine are. Two headers can't be encoded from a Header alone: of an unknown format, and of a ruling of an
// unknown type. Line keeps what they need; Line.AppendHeader encodes any.
func AppendHeader(dst []byte, h *syncengine.Header) []byte {
	e := changeEncoder{header: h, layout: layoutHeader}
	return e.append(dst)
}

// ChangeIDOf returns the id of the change that h is the header of, with the exceptions that AppendHeader names.
func ChangeIDOf(h *syncengine.Header) syncengine.ChangeID {
	var short [1024]byte
	return syncengine.ChangeID{Hash: sha256.Sum256(AppendHeader(short[:0], h))}
}

// layout says which members a change is encoded with: those of the header, or those of a line in one of its forms.
type layout uint8

const (
	layoutHeader layout = iota
	layoutWhole
	layoutPartial
	layoutBare
)

// changeEncoder encodes a change of FormatVersion, as header or as line. The members of all layouts ascend in one order, so one
// function writes them all.
type changeEncoder struct {
	header *syncengine.Header
	layout layout
	ruling string // the ruling as received, where its type is unknown
	line   *Line  // nil for layoutHeader
}

func (e *changeEncoder) append(dst []byte) []byte {
	h := e.header
	dst = append(dst, '{')
	if !h.At.IsZero() {
		dst = appendAuthorityPoint(appendMember(dst, "at"), h.At)
	}
	dst = AppendString(appendMember(dst, "author"), string(h.Author))
	if !h.Checklist.IsZero() {
		dst = appendHash(appendMember(dst, "checklist"), h.Checklist.Hash)
	}
	dst = AppendInt(appendMember(dst, "format"), int64(h.Format))
	if h.Genesis != nil {
		dst = appendGenesis(appendMember(dst, "genesis"), h.Genesis)
	}
	dst = AppendString(appendMember(dst, "kind"), string(h.Kind))
	switch e.layout {
	case layoutHeader:
		dst = appendHash(appendMember(dst, "ledger"), h.Ledger.Hash)
	case layoutPartial:
		dst = appendHashes(appendMember(dst, "leaves"), h.Writes, e.line.Leaves)
	case layoutWhole, layoutBare:
	}
	dst = appendOver(dst, h.Writes)
	if e.layout == layoutHeader || e.layout == layoutBare {
		dst = appendPaths(appendMember(dst, "paths"), h.Writes)
	}
	dst = appendUUID(appendMember(dst, "record"), h.Record)
	if e.layout == layoutHeader || e.layout == layoutBare {
		dst = appendHash(appendMember(dst, "root"), h.Root)
	}
	if h.Ruling != nil {
		dst = appendRuling(appendMember(dst, "ruling"), h.Ruling, e.ruling)
	}
	switch e.layout {
	case layoutWhole:
		dst = appendBinary(appendMember(dst, "salt"), e.line.Salt[:])
	case layoutPartial:
		dst = appendHashes(appendMember(dst, "salts"), h.Writes, e.line.LeafSalts)
	case layoutHeader, layoutBare:
	}
	dst = AppendInt(appendMember(dst, "time"), h.Time)
	if e.layout == layoutWhole || e.layout == layoutPartial {
		dst = appendValues(appendMember(dst, "values"), h.Writes)
	}
	return append(dst, '}')
}

// appendOver appends the member `over`, unless no write replaces anything.
func appendOver(dst []byte, writes []syncengine.Write) []byte {
	some := false
	for i := range writes {
		w := &writes[i]
		if len(w.Over) == 0 {
			continue
		}
		if !some {
			dst, some = append(appendMember(dst, "over"), '{'), true
		}
		dst = append(appendMember(dst, string(w.Path)), '[')
		for j := range w.Over {
			dst = appendHash(appendComma(dst), w.Over[j].Hash)
		}
		dst = append(dst, ']')
	}
	if some {
		dst = append(dst, '}')
	}
	return dst
}

func appendPaths(dst []byte, writes []syncengine.Write) []byte {
	dst = append(dst, '[')
	for i := range writes {
		dst = AppendString(appendComma(dst), string(writes[i].Path))
	}
	return append(dst, ']')
}

// appendValues appends the values that are held.
func appendValues(dst []byte, writes []syncengine.Write) []byte {
	dst = append(dst, '{')
	for i := range writes {
		if w := &writes[i]; w.Value != "" {
			dst = append(appendMember(dst, string(w.Path)), w.Value...)
		}
	}
	return append(dst, '}')
}

// appendHashes appends the hashes that are not zero, under their paths.
func appendHashes(dst []byte, writes []syncengine.Write, hashes []syncengine.Hash) []byte {
	dst = append(dst, '{')
	for i := range writes {
		if !hashes[i].IsZero() {
			dst = appendHash(appendMember(dst, string(writes[i].Path)), hashes[i])
		}
	}
	return append(dst, '}')
}
