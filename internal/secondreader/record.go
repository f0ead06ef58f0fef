package secondreader

import (
	"slices"

	"github.com/arpenteur/arpenteur/syncengine"
)

// Record is a merged record as the reader tells it, for comparison: values and the document as canonical JSON, and only what is there.
type Record struct {
	Kind        syncengine.Kind       `json:"kind"`
	Record      syncengine.RecordID   `json:"record"`
	Checklist   *syncengine.VersionID `json:"checklist,omitempty"` // that it is read with; nil where no change is effective
	Mixed       bool                  `json:"mixed,omitempty"`
	Document    string                `json:"document"`
	Fields      []Field               `json:"fields"`
	Pending     []syncengine.ChangeID `json:"pending,omitempty"`
	Ineffective []syncengine.ChangeID `json:"ineffective,omitempty"`
}

// Field is one register of a Record.
type Field struct {
	Path      syncengine.Path       `json:"path"`
	Shown     syncengine.Value      `json:"shown,omitempty"`
	Erased    bool                  `json:"erased,omitempty"`
	Differs   bool                  `json:"differs,omitempty"`
	Conflict  bool                  `json:"conflict,omitempty"`  // a person is asked
	Survivors []syncengine.ChangeID `json:"survivors,omitempty"` // as they are ordered for display
}

// Tell says what our engine makes of a record.
func Tell(r *syncengine.Record) Record {
	out := Record{
		Kind: r.Key.Kind, Record: r.Key.ID, Mixed: r.Mixed, Document: string(r.AppendDocument(nil)), Fields: []Field{},
		Pending: r.Pending(), Ineffective: r.Ineffective(),
	}
	if r.Checklist != nil {
		out.Checklist = &r.Checklist.Version
	}
	conflicts := r.Conflicts()
	for i := range r.Fields {
		f := &r.Fields[i]
		told := Field{Path: f.Path, Shown: f.Shown, Erased: f.Erased, Differs: f.Differs, Conflict: slices.Contains(conflicts, f.Path)}
		for _, s := range f.Survivors {
			told.Survivors = append(told.Survivors, s.Change)
		}
		out.Fields = append(out.Fields, told)
	}
	return out
}
