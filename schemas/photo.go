package schemas

import (
	"github.com/arpenteur/arpenteur/syncengine"
)

// NamesPhoto reports whether the leaf at path holds the name of a photo: one of format hash, with the widget photo.
func (v *Version) NamesPhoto(path syncengine.Path) bool {
	if path.IsPresence() {
		return false
	}
	f := v.record.at(path.Segments())
	return f != nil && f.photo()
}

// PhotoIn returns the leaf that names the photo of an element, which is given by the path of its presence ("/photos/<id>/"). It returns
// the empty path where the elements are no photos.
func (v *Version) PhotoIn(element syncengine.Path) syncengine.Path {
	if !element.IsPresence() || element == syncengine.RecordPresence {
		return ""
	}
	list := v.record.at(element.Segments())
	if list == nil || list.node.Type != syncengine.ListNode {
		return ""
	}
	for _, c := range list.children {
		if c.photo() {
			return element + syncengine.Path(c.name)
		}
	}
	return ""
}

func (f *field) photo() bool {
	return Widget(f.schema.Words.Widget) == WidgetPhoto && f.schema.Format == "hash"
}

// at returns the field that segments of a path lead to, the id of an element leading to its list; nil where there is none.
func (f *field) at(segments []string) *field {
	for i := 0; i < len(segments); i++ {
		if f = f.child(segments[i]); f == nil {
			return nil
		}
		if f.node.Type == syncengine.ListNode && i+1 < len(segments) {
			i++
		}
	}
	return f
}
