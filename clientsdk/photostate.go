package clientsdk

import (
	"context"

	"github.com/google/uuid"

	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/ledger"
	"github.com/arpenteur/arpenteur/syncengine/store"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// PhotoState says where a photo is, in the order of its life.
type PhotoState string

// The states. Received and backed up rest on a receipt of the server that was verified.
const (
	PhotoAwaited   PhotoState = "awaited"   // taken on another tablet, where nobody has looked it over yet
	PhotoToReview  PhotoState = "to_review" // taken on this one: ReviewPhoto or DiscardPhoto
	PhotoElsewhere PhotoState = "elsewhere" // another tablet or the server has it: FetchPhoto
	PhotoToSend    PhotoState = "to_send"
	PhotoRefused   PhotoState = "refused" // set aside: Refused says why
	PhotoReceived  PhotoState = "received"
	PhotoBackedUp  PhotoState = "backed_up"
	PhotoErased    PhotoState = "erased" // by a ruling, for ever
)

// Photo is one photo of a record.
type Photo struct {
	ID      syncengine.RecordID // of its element
	Element syncengine.Path     // what its fields lie under
	Name    wire.PhotoName      // its Hash is zero until it was looked over
	State   PhotoState
	Here    bool      // its bytes are on this tablet, to be shown
	Refused wire.Code // with PhotoRefused
}

// PhotoCounts counts photos by where they are.
type PhotoCounts struct {
	Total    int
	ToReview int // on this tablet
	ToSend   int
	Refused  int
	Received int // BackedUp included
	BackedUp int
}

func (n *PhotoCounts) add(s PhotoState) {
	n.Total++
	switch s {
	case PhotoToReview:
		n.ToReview++
	case PhotoToSend:
		n.ToSend++
	case PhotoRefused:
		n.Refused++
	case PhotoReceived:
		n.Received++
	case PhotoBackedUp:
		n.Received++
		n.BackedUp++
	}
}

// include adds other counts.
func (n *PhotoCounts) include(m PhotoCounts) {
	n.Total, n.ToReview, n.ToSend, n.Refused = n.Total+m.Total, n.ToReview+m.ToReview, n.ToSend+m.ToSend, n.Refused+m.Refused
	n.Received, n.BackedUp = n.Received+m.Received, n.BackedUp+m.BackedUp
}

// Photos returns the photos of a record as it is shown, in the order of their ids.
func (c *Client) Photos(ctx context.Context, ref Ref) (out []Photo, err error) {
	err = c.view(ctx, ref.Ledger, func(l *ledger.Ledger) error {
		m, err := l.Record(ref.Record)
		if err == nil && m == nil {
			err = ErrNoRecord
		}
		if err != nil {
			return err
		}
		out, err = c.photosOf(l, m)
		return err
	})
	return out, err
}

// photosOf returns the photos of a merged record.
func (c *Client) photosOf(l *ledger.Ledger, m *ledger.Merged) ([]Photo, error) {
	if m.Checklist == nil {
		return nil, nil
	}
	form := c.compiler.Version(m.Checklist.Version)
	if form == nil {
		return nil, nil
	}
	var out []Photo
	for i := range m.Fields {
		leaf := form.PhotoIn(m.Fields[i].Path)
		if leaf == "" || m.Fields[i].Shown != syncengine.True {
			continue
		}
		segments := m.Fields[i].Path.Segments()
		id, err := uuid.Parse(segments[len(segments)-1])
		if err != nil {
			continue
		}
		p := Photo{ID: id, Element: leaf[:len(m.Fields[i].Path)-1], Name: wire.PhotoName{Ledger: l.ID()}}
		if err := c.placePhoto(l.Reader(), &p, m.Field(leaf)); err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	return out, nil
}

// placePhoto says where a photo is whose name is in a field.
func (c *Client) placePhoto(r store.Reader, p *Photo, f *syncengine.Field) error {
	waits := c.photos.original(p.ID) != nil
	hash, named := syncengine.Hash{}, false
	if f != nil {
		hash, named = wire.HashIn(f.Shown)
	}
	switch {
	case named:
		p.Name.Hash = hash
	case f != nil && f.Erased:
		p.State = PhotoErased
		return nil
	case waits:
		p.State, p.Here = PhotoToReview, true
		return nil
	default:
		p.State = PhotoAwaited
		return nil
	}
	e, found, err := readPhoto(r, p.Name)
	if err != nil {
		return err
	}
	if p.State = PhotoElsewhere; found {
		p.State, p.Refused = e.state(), e.Refused
	}
	p.Here = p.State != PhotoErased && c.photos.holds(p.Name) > 0
	return nil
}

// photoCounts counts this user's photos in one ledger, those that wait to be looked over apart.
func photoCounts(r store.Reader, id syncengine.LedgerID) (n PhotoCounts, err error) {
	err = eachPhoto(r, id, func(_ wire.PhotoName, e photoEntry) error {
		if e.Own {
			n.add(e.state())
		}
		return nil
	})
	return n, err
}
