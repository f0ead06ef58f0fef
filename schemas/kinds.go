package schemas

import "github.com/arpenteur/arpenteur/syncengine"

// The kinds of records.
const (
	Neighbourhood syncengine.Kind = "neighbourhood"
	Diagnostic    syncengine.Kind = "diagnostic"
	Consultation  syncengine.Kind = "consultation"
	Place         syncengine.Kind = syncengine.PlaceKind
	Actor         syncengine.Kind = "actor"
	Duty          syncengine.Kind = "duty"
	Visit         syncengine.Kind = "visit"
	Observation   syncengine.Kind = "observation"
	Finding       syncengine.Kind = "finding"
	ResidentVoice syncengine.Kind = "resident_voice"
	Action        syncengine.Kind = "action"
	Review        syncengine.Kind = "review"
	Task          syncengine.Kind = "task"
	Link          syncengine.Kind = "link"
	Report        syncengine.Kind = "report"
)

// The lineages of the checklists; their records are observations. The lineage of every other kind is the kind's own name.
const (
	Cleanliness    = "cleanliness"
	Maintenance    = "maintenance"
	Lighting       = "lighting"
	PublicSecurity = "public_security"
)

// Kinds returns every kind of record, in the order in which people meet them.
func Kinds() []syncengine.Kind {
	return []syncengine.Kind{
		Neighbourhood, Diagnostic, Consultation, Place, Actor, Duty, Visit, Observation, Finding, ResidentVoice, Action, Review, Task,
		Link, Report,
	}
}

// Checklists returns the lineages of the embedded checklists, in the order of the tabs on a tablet.
func Checklists() []string { return []string{Cleanliness, Maintenance, Lighting, PublicSecurity} }
