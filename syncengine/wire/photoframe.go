package wire

import (
	"strconv"
	"strings"

	"github.com/arpenteur/arpenteur/syncengine"
)

// MaxPhotoPiece is the limit of a photo's bytes in one frame.
const MaxPhotoPiece = 256 << 10

// PhotoPiece is a piece of a photo (protocol, section 5.6). Photos travel in frames only between tablets and in files.
type PhotoPiece struct {
	Ledger syncengine.LedgerID
	Hash   syncengine.Hash // of the whole photo
	Size   uint64          // of the whole photo, 1 to MaxPhotoBytes
	Offset uint64          // of Data in it
	Data   []byte          // 1 to MaxPhotoPiece bytes, within Size
}

// Type returns "photo".
func (*PhotoPiece) Type() string { return typePhoto }

func (f *PhotoPiece) append(dst []byte) []byte {
	dst = append(appendMember(append(dst, '{'), "data"), '"')
	dst = append(textEncoding.AppendEncode(dst, f.Data), '"')
	dst = appendHash(appendMember(dst, "hash"), f.Hash)
	dst = appendHash(appendMember(dst, "ledger"), f.Ledger.Hash)
	dst = appendUint(appendMember(dst, "offset"), f.Offset)
	dst = appendUint(appendMember(dst, "size"), f.Size)
	return appendType(dst, typePhoto)
}

func (s *frameScanner) photo() Frame {
	f := new(PhotoPiece)
	m := s.members()
	m.required("data")
	f.Data = s.bytes(MaxPhotoPiece)
	m.required("hash")
	f.Hash = s.hash()
	m.required("ledger")
	f.Ledger.Hash = s.hash()
	m.required("offset")
	f.Offset = s.integer()
	m.required("size")
	f.Size = s.integer()
	s.end(&m, typePhoto)
	switch {
	case s.err != nil:
	case f.Size > MaxPhotoBytes:
		s.fail(CodeTooLarge, "a photo is over "+strconv.Itoa(MaxPhotoBytes)+" bytes")
	case f.Offset > f.Size || uint64(len(f.Data)) > f.Size-f.Offset:
		s.malformed("a piece lies outside its photo")
	}
	return f
}

// bytes takes a string of base64url that is 1 to limit bytes.
func (s *scanner) bytes(limit int) []byte {
	text := s.str()
	if s.err != nil {
		return nil
	}
	if textEncoding.DecodedLen(len(text)) > limit {
		s.fail(CodeTooLarge, "a string is over "+strconv.Itoa(limit)+" bytes")
		return nil
	}
	out, err := textEncoding.DecodeString(text)
	if err != nil || len(out) == 0 || strings.ContainsAny(text, "\r\n") { // which the standard library passes over
		s.malformed("expected base64url")
		return nil
	}
	return out
}
