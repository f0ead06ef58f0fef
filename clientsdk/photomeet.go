package clientsdk

import (
	"slices"

	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/ledger"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// Limits of photos in a meeting.
const (
	maxPhotosSaid = 2 << 20 // bytes of photos in one message, about
	maxPhotosTold = 10_000  // photos of a ledger that the other side may tell of
	peerPiece     = 8 << 10 // bytes of one piece: a link that cuts every 20 KB lets some of them through
)

// meetingPhotos is what a meeting knows of the photos of one ledger.
type meetingPhotos struct {
	told   map[syncengine.Hash]bool // that the other side was told of, as held here or as wanted
	theirs []wire.PeerPhoto         // that the other side holds whole
	wanted []wire.PeerPhoto         // that it wants, from Held on
	begun  uint64                   // bytes of photos that either side said to hold in part
}

// hear notes what the other side says that it holds or lacks.
func (k *meetingPhotos) hear(f *wire.PeerPhotos) {
	for _, p := range f.Photos {
		list := &k.wanted
		if p.Held == p.Size {
			list = &k.theirs
		} else {
			k.begun += p.Held
		}
		if len(*list) < maxPhotosTold {
			*list = append(*list, p)
		}
	}
}

// photos tells of the photos that are held here, and asks for those that the other side holds; each once in a meeting.
func (p *said) photos(l *ledger.Ledger, k *meetingPhotos, stands standing) error {
	var list []wire.PeerPhoto
	var err error
	if stands == granted {
		list, err = p.offered(l.ID(), k)
	}
	if err == nil && p.c.granted(p.id, l) {
		var missing []wire.PeerPhoto
		missing, err = p.missing(l.ID(), k)
		list = append(list, missing...)
	}
	if err != nil || len(list) == 0 {
		return err
	}
	list = list[:min(len(list), wire.MaxPeerPhotos)] // the others with the next message
	for _, one := range list {
		k.told[one.Hash] = true
		if one.Held < one.Size {
			k.begun += one.Held
		}
	}
	slices.SortFunc(list, func(a, b wire.PeerPhoto) int { return a.Hash.Compare(b.Hash) })
	p.frames = append(p.frames, &wire.PeerPhotos{Ledger: l.ID(), Photos: list})
	return nil
}

// offered returns the photos that are held here whole and not known to be on the server, as far as the other side was not told.
func (p *said) offered(id syncengine.LedgerID, k *meetingPhotos) (out []wire.PeerPhoto, err error) {
	held, err := p.c.carriedPhotos(p.r, id, func(name wire.PhotoName, s PhotoState) bool { return k.told[name.Hash] || onServer(name, s) })
	for _, h := range held {
		size := uint64(h.Size) //nolint:gosec // of a file
		out = append(out, wire.PeerPhoto{Hash: h.Hash, Held: size, Size: size})
	}
	return out, err
}

// missing returns, of the photos that the other side holds, those that changes held here refer to and that were not asked for, with how much
// of them came before a cut.
func (p *said) missing(id syncengine.LedgerID, k *meetingPhotos) (out []wire.PeerPhoto, err error) {
	for _, t := range k.theirs {
		if k.told[t.Hash] {
			continue
		}
		name := wire.PhotoName{Ledger: id, Hash: t.Hash}
		wanted, err := p.c.wantsPhoto(p.r, name)
		if err != nil {
			return nil, err
		}
		if wanted {
			t.Held = min(p.c.photos.begun(name), t.Size-1)
			out = append(out, t)
		}
	}
	return out, nil
}

// pieces adds the next pieces of photos that the other side wants and may have. They come behind everything else of the message, so that a
// cut costs no line.
func (p *said) pieces(id syncengine.LedgerID, k *meetingPhotos) error {
	for len(k.wanted) > 0 && p.room > 0 {
		want := &k.wanted[0]
		name := wire.PhotoName{Ledger: id, Hash: want.Hash}
		e, found, err := readPhoto(p.r, name)
		if err != nil {
			return err
		}
		if found && !e.Barred {
			if err := eachPiece(p.c, name, want, peerPiece, p.piece); err != nil {
				return err
			}
		}
		if !found || e.Barred || want.Held >= want.Size {
			k.wanted = k.wanted[1:]
		}
	}
	return nil
}

// piece adds one piece, and reports whether there is room for another.
func (p *said) piece(f *wire.PhotoPiece) (bool, error) {
	p.frames = append(p.frames, f)
	p.room -= len(f.Data)
	return p.room > 0, nil
}

// eachPiece calls emit with pieces of a photo of a size, from want.Held on, which it moves, until emit returns false. One that can't be read here, or is
// another than is wanted, has no pieces: want is then as if all had been sent.
func eachPiece(c *Client, name wire.PhotoName, want *wire.PeerPhoto, size uint64, emit func(*wire.PhotoPiece) (bool, error)) error {
	f, err := c.openPhoto(name)
	if err != nil {
		want.Held = want.Size
		return nil //nolint:nilerr // sending photos to the server tells of it; here it holds back no other (law L6)
	}
	defer f.Close()
	if uint64(f.size) != want.Size { //nolint:gosec // of a file
		want.Held = want.Size
	}
	for want.Held < want.Size {
		data := make([]byte, min(size, want.Size-want.Held))
		if _, err := f.ReadAt(data, int64(want.Held)); err != nil { //nolint:gosec // below MaxPhotoBytes
			want.Held = want.Size
			return nil //nolint:nilerr // likewise
		}
		piece := &wire.PhotoPiece{Ledger: name.Ledger, Hash: name.Hash, Size: want.Size, Offset: want.Held, Data: data}
		want.Held += uint64(len(data))
		if more, err := emit(piece); err != nil || !more {
			return err
		}
	}
	return nil
}
