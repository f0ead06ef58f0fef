package server

import (
	"github.com/arpenteur/arpenteur/server/photos"
	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/ledger"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// photoView says of one photo of a record whether it is there, so that a screen can say "3 photos sur 4 reçues".
type photoView struct {
	Element syncengine.Path `json:"element"`        // the presence of the element that the photo is: "/photos/<id>/"
	Hash    string          `json:"hash,omitempty"` // its name; none before its author has looked it over, and once it is erased
	State   wire.PhotoState `json:"state"`
	Size    int64           `json:"size,omitempty"` // bytes; of one that is held
}

// photoTaken is the state of a photo that was taken and that its author has not looked over yet: it has no name.
const photoTaken wire.PhotoState = "taken"

// photosOf returns the photos that a record shows, in the order of its fields.
func photosOf(l *reached, m *ledger.Merged, words *words) ([]photoView, error) {
	var out []photoView
	if words.version == nil {
		return nil, nil
	}
	for i := range m.Fields {
		element := &m.Fields[i]
		leaf := words.version.PhotoIn(element.Path)
		if leaf == "" || element.Shown != syncengine.True {
			continue
		}
		v := photoView{Element: element.Path, State: photoTaken}
		f := m.Field(leaf)
		if f != nil && f.Erased {
			v.State = wire.PhotoBarred
		}
		if f != nil && !f.Erased {
			if hash, ok := wire.HashIn(f.Shown); ok {
				state, err := photos.Find(l.r, wire.PhotoName{Ledger: l.ID(), Hash: hash})
				if err != nil {
					return nil, err
				}
				v.Hash, v.State, v.Size = hash.String(), state.Wire(), state.Size
			}
		}
		out = append(out, v)
	}
	return out, nil
}
