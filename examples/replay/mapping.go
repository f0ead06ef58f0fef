package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/arpenteur/arpenteur/schemas"
	"github.com/arpenteur/arpenteur/syncengine"
)

// An inspection becomes two observations of its building: one of cleanliness, one of maintenance. The item's domain chooses the
// checklist, the table below the point of it. Items of other domains (lighting, the landlord's own registers) and items that
// our checklists don't ask about are left out, and counted. Where several items lead to one point the worst mark counts.
//
// The marks of RentSafeTO are 3, 2 and 1, best first; ours are 4 good, 3 fair, 2 poor, 1 bad:
//
//	3    4 good
//	2    3 fair in a building that scores 85 of 100 or more as a whole, else 2 poor: the mark lies between them
//	1    1 bad
//	0    not_observed: the officer left it undocumented, and what was not observed is not good
//	N/A  not_applicable
//
// The place of an item has no place of its own here: it goes, with its French label, into the note on a bad point.

// checklists are the checklists that domains lead to.
var checklists = map[string]string{"proprete": schemas.Cleanliness, "entretien": schemas.Maintenance}

// points are the points that items lead to.
var points = map[string]string{
	// Cleanliness.
	"EXT. RECEPTACLE STORAGE AREA":   "overflowing_bins",
	"INT. RECEPTACLE STORAGE AREA":   "rubbish_bags",
	"ABANDONED EQUIP./DERELICT VEH.": "wrecks",
	"GARBAGE/COMPACTOR ROOM":         "garbage_room",
	"ELEVATOR COSMETICS":             "lift_car",
	"GRAFFITI":                       "tags",
	"BUILDING CLEANLINESS":           "common_areas",
	"COMMON AREA PESTS":              "pests",
	// Maintenance.
	"EXTERIOR GROUNDS":               "weeds",
	"FENCING":                        "fences",
	"CATCH BASINS / STORM DRAINAGE":  "drainage",
	"BUILDING EXTERIOR":              "facades",
	"BALCONY GUARDS":                 "roof_balconies",
	"EXTERIOR WALKWAYS":              "paths",
	"INTERCOM":                       "intercom",
	"EMERGENCY CONTACT SIGN":         "emergency_contacts",
	"LOBBY - WALLS AND CEILING":      "hall_surfaces",
	"LOBBY FLOORS":                   "hall_surfaces",
	"MAIL RECEPTACLES":               "mailboxes",
	"EXTERIOR DOORS":                 "entrance_doors",
	"OTHER AMENITIES":                "street_furniture",
	"PARKING AREAS":                  "car_parks",
	"ELEVATOR MAINTENANCE":           "lift",
	"COMMON AREA VENTILATION":        "ventilation",
	"STAIRWELL - LANDING AND STEPS":  "steps_handrails",
	"INT. HANDRAIL / GUARD - SAFETY": "steps_handrails",
	"INT. HANDRAIL / GUARD - MAINT.": "steps_handrails",
}

// goodBuilding is the score from which a mark of 2 counts as fair.
const goodBuilding = 85

// worstFirst orders ratings: an answer says more than none.
var worstFirst = []string{"1", "2", "3", "4", "not_observed", "not_applicable"}

// rating turns a mark into a rating, or reports false where it is none.
func (in *inspection) rating(mark string) (string, bool) {
	switch mark {
	case "3":
		return "4", true
	case "2":
		if in.score >= goodBuilding {
			return "3", true
		}
		return "2", true
	case "1":
		return "1", true
	case "0":
		return "not_observed", true
	case "N/A":
		return "not_applicable", true
	default:
		return "", false
	}
}

// tally counts what became of marks.
type tally struct{ taken, unmapped, noDate, noPosition int }

// answers are what a tablet enters, by path.
type answers map[syncengine.Path]any

// observations turns an inspection into the answers of its observations, by checklist.
func (in *inspection) observations(items []item, author syncengine.AccountID, t *tally) map[string]answers {
	out := map[string]answers{}
	for _, it := range items {
		mark, marked := in.marks[it.name]
		if !marked {
			continue
		}
		lineage, point := checklists[it.domain], points[it.name]
		rating, known := in.rating(mark)
		if lineage == "" || point == "" || !known {
			t.unmapped++
			continue
		}
		t.taken++
		if out[lineage] == nil {
			out[lineage] = answers{}
		}
		path := syncengine.Path("/" + point + "/rating")
		before, rated := out[lineage][path].(string)
		if rated && slices.Index(worstFirst, before) <= slices.Index(worstFirst, rating) {
			continue
		}
		out[lineage][path] = rating
		if rating == "1" {
			place := strings.ReplaceAll(it.place, "_", " ")
			out[lineage][syncengine.Path("/"+point+"/notes/"+string(author))] = fmt.Sprintf("%s (%s) : noté mauvais par l'inspection", it.label, place)
		}
	}
	known := in.circumstances(t)
	for _, values := range out {
		maps.Copy(values, known)
	}
	return out
}

// circumstances are when and where, as far as that is believable.
func (in *inspection) circumstances(t *tally) answers {
	values := answers{}
	if in.day.IsZero() {
		t.noDate++
	} else {
		values["/observed_at"] = in.day.Format(time.RFC3339)
	}
	if in.lat == 0 && in.lon == 0 {
		t.noPosition++
	} else {
		values["/position"] = map[string]any{"lat": in.lat, "lon": in.lon}
	}
	return values
}
