package wire

import (
	"bytes"
	"strconv"

	"github.com/arpenteur/arpenteur/syncengine"
)

// MaxPeerPhotos is how many photos one frame tells of.
const MaxPeerPhotos = 1000

// PeerPhotos tells the other tablet how much of photos is held here (protocol, section 9.5): of one that is whole, so that it may be asked for;
// of one that is not, so that the rest be sent.
type PeerPhotos struct {
	Ledger syncengine.LedgerID
	Photos []PeerPhoto // 1 to MaxPeerPhotos, ascending by hash
}

// PeerPhoto is how much is held of one photo.
type PeerPhoto struct {
	Hash syncengine.Hash
	Held uint64 // bytes, from the first on
	Size uint64 // bytes of the whole photo, 1 to MaxPhotoBytes
}

// Type returns "photos".
func (*PeerPhotos) Type() string { return typePhotos }

func (f *PeerPhotos) append(dst []byte) []byte {
	dst = appendHash(appendMember(append(dst, '{'), "ledger"), f.Ledger.Hash)
	dst = append(appendMember(dst, "photos"), '[')
	for _, p := range f.Photos {
		dst = appendHash(appendMember(append(appendComma(dst), '{'), "hash"), p.Hash)
		dst = appendUint(appendMember(dst, "held"), p.Held)
		dst = append(appendUint(appendMember(dst, "size"), p.Size), '}')
	}
	return appendType(append(dst, ']'), typePhotos)
}

func (s *frameScanner) photos() Frame {
	f := new(PeerPhotos)
	m := s.members()
	m.required("ledger")
	f.Ledger.Hash = s.hash()
	m.required("photos")
	for e := s.elements(); e.next(); {
		f.Photos = append(f.Photos, s.peerPhoto())
		if last := len(f.Photos) - 1; last > 0 && bytes.Compare(f.Photos[last-1].Hash[:], f.Photos[last].Hash[:]) >= 0 {
			s.malformed("photos are not ascending, or one is there twice")
		}
		if len(f.Photos) > MaxPeerPhotos {
			s.fail(CodeTooLarge, "over "+strconv.Itoa(MaxPeerPhotos)+" photos")
		}
	}
	if len(f.Photos) == 0 {
		s.malformed("no photo")
	}
	s.end(&m, typePhotos)
	return f
}

func (s *frameScanner) peerPhoto() (p PeerPhoto) {
	m := s.members()
	m.required("hash")
	p.Hash = s.hash()
	m.required("held")
	p.Held = s.integer()
	m.required("size")
	p.Size = s.integer()
	m.end()
	switch {
	case s.err != nil:
	case p.Size > MaxPhotoBytes:
		s.fail(CodeTooLarge, "a photo is over "+strconv.Itoa(MaxPhotoBytes)+" bytes")
	case p.Size == 0 || p.Held > p.Size:
		s.malformed("more is held of a photo than there is")
	}
	return p
}
