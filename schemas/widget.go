package schemas

import "github.com/arpenteur/arpenteur/syncengine"

// Widget names the control that a field is drawn with.
type Widget string

// The widgets. Screens may draw them as they like; the name fixes what the person does, not how it looks.
const (
	WidgetRating    Widget = "rating"    // one of the answers of a rating scale, always in view
	WidgetChoice    Widget = "choice"    // one of the answers
	WidgetChoices   Widget = "choices"   // any of the answers
	WidgetToggle    Widget = "toggle"    // yes or no
	WidgetUrgent    Widget = "urgent"    // yes or no, standing out
	WidgetStepper   Widget = "stepper"   // a small count, by plus and minus
	WidgetNumber    Widget = "number"    // a number that is typed
	WidgetText      Widget = "text"      // one line
	WidgetParagraph Widget = "paragraph" // several lines
	WidgetDate      Widget = "date"      // a day
	WidgetTime      Widget = "time"      // a time of day, HH:MM
	WidgetDateTime  Widget = "datetime"  // an instant
	WidgetRecord    Widget = "record"    // another record, of the kind that Refers names
	WidgetAccount   Widget = "account"   // a person's account
	WidgetLocation  Widget = "location"  // a point on the plan
	WidgetOutline   Widget = "outline"   // an area on the plan
	WidgetPhoto     Widget = "photo"     // a photo, by its hash
	WidgetFile      Widget = "file"      // a file or photo, by its hash
	WidgetNotes     Widget = "notes"     // one's own note, with those of others beside it
	WidgetOpinions  Widget = "opinions"  // what the field says of a conflict
	WidgetList      Widget = "list"      // elements that are added and removed
	WidgetPhotos    Widget = "photos"    // a strip of photos
	WidgetHidden    Widget = "hidden"    // set by the program; not drawn
)

// fits reports whether w can be the control of f.
func (w Widget) fits(f *field) bool {
	n, s := f.node, f.schema
	leaf := n.Type == syncengine.LeafNode
	text := leaf && n.Leaf == syncengine.StringLeaf
	number := leaf && (n.Leaf == syncengine.IntegerLeaf || n.Leaf == syncengine.NumberLeaf)
	switch w {
	case WidgetRating, WidgetChoice:
		return text && len(n.Codes) > 0
	case WidgetChoices:
		return n.Type == syncengine.SetNode
	case WidgetToggle, WidgetUrgent:
		return leaf && n.Leaf == syncengine.BooleanLeaf
	case WidgetStepper:
		return leaf && n.Leaf == syncengine.IntegerLeaf
	case WidgetNumber:
		return number
	case WidgetText, WidgetParagraph:
		return text && len(n.Codes) == 0 && s.Format != "uuid" && s.Format != "hash"
	case WidgetDate:
		return s.Format == "date"
	case WidgetTime:
		return text && s.Pattern != ""
	case WidgetDateTime:
		return s.Format == "date-time"
	case WidgetRecord:
		return s.Format == "uuid" && s.Words.Refers.Valid()
	case WidgetAccount:
		return s.Format == "account"
	case WidgetPhoto, WidgetFile:
		return s.Format == "hash"
	case WidgetLocation, WidgetOutline:
		return leaf && n.Leaf == syncengine.AtomicLeaf
	case WidgetNotes:
		return n.Type == syncengine.AuthorMapNode && n.Value.Leaf == syncengine.StringLeaf
	case WidgetOpinions:
		return n.Type == syncengine.AuthorMapNode && n.Value.Leaf == syncengine.AtomicLeaf
	case WidgetList, WidgetPhotos:
		return n.Type == syncengine.ListNode
	}
	return w == WidgetHidden
}

// widget checks that a field has a widget and that it fits.
func (b *shaper) widget(f *field) {
	if w := f.schema.Words.Widget; !Widget(w).fits(f) {
		b.add(ProblemWidget, f.pattern, "le contrôle «\u00a0%s\u00a0» n'existe pas ou ne convient pas à ce champ", "the widget %q does not exist or does not fit this field", w)
	}
}
