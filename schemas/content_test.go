package schemas_test

import (
	"bytes"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/arpenteur/arpenteur/schemas"
	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/wire"
	"golang.org/x/text/unicode/norm"
)

func TestEveryBuiltinMayBePublishedFirst(t *testing.T) {
	sources, err := schemas.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	if want := len(schemas.Kinds()) - 1 + len(schemas.Checklists()); len(sources) != want {
		t.Fatalf("%d contents, want %d", len(sources), want)
	}
	c := compiler(t)
	for _, s := range sources {
		v, err := c.CheckPublish(nil, s.Content)
		if err != nil {
			t.Errorf("%s: %v", s.Lineage, err)
			continue
		}
		if v.Checklist.Lineage != s.Lineage || v.Checklist.Kind != s.Kind || v.Restricted != s.Restricted {
			t.Errorf("%s: content says lineage %s, kind %s, restricted %v", s.Lineage, v.Checklist.Lineage, v.Checklist.Kind, v.Restricted)
		}
		if s.Restricted != (s.Lineage == schemas.PublicSecurity) {
			t.Errorf("%s: restricted %v", s.Lineage, s.Restricted)
		}
	}
}

func TestBuiltinContentIsCanonical(t *testing.T) {
	sources, err := schemas.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range sources {
		canonical, err := wire.Canonical(s.Content)
		if err != nil || !bytes.Equal(canonical, s.Content) {
			t.Errorf("%s is not in the wire's canonical form: %v", s.Lineage, err)
		}
		if !norm.NFC.IsNormal(s.Content) {
			t.Errorf("%s is not NFC", s.Lineage)
		}
	}
}

// items of the field, by the words that professionals use; section "Checklists" of the domain's description.
var items = map[string][]string{
	schemas.Cleanliness: {
		"Papiers et emballages", "Verre, débris", "Mégots", "Déjections canines", "Traces et odeurs d'urine", "Dépôts sauvages et encombrants",
		"Sacs d'ordures ménagères", "Taches, salissures", "Feuilles mortes", "Tags, affiches", "Corbeilles débordantes", "Local à ordures",
		"Cabine d'ascenseur", "Parties communes", "Nuisibles", "Épaves de véhicules", "Jets par les fenêtres",
	},
	schemas.Maintenance: {
		"Portes d'entrée", "Interphone, contrôle d'accès", "Boîtes aux lettres", "Murs, plafonds, sols du hall", "Marches, rambardes, mains courantes",
		"Ascenseur", "Portes coupe-feu des caves", "Infiltrations", "Évacuation des eaux", "Façades", "Toiture, balcons", "Odeur de gaz", "Ventilation",
		"Clôtures", "Cheminements", "Parkings", "Herbes", "Mobilier urbain", "Nid-de-poule", "Aire de jeux", "Affichage des contacts d'urgence",
	},
	schemas.Lighting: {
		"Éteint la nuit", "Allumé le jour", "Lampadaire en mauvais état", "Fils apparents, coffret ouvert", "Abords et entrée non éclairés",
		"Hall, paliers, escalier", "Ampoule non remplacée", "Zone d'ombre", "Minuterie", "Parking", "Éblouissement",
	},
	schemas.PublicSecurity: {
		"Occupation de hall", "Attroupement", "Musique forte, tapage nocturne", "Dégradations", "Véhicules dégradés ou brûlés", "Stationnement gênant",
		"Vols", "Bagarres", "Agressions verbales, physiques", "Trafics", "Animaux divagants", "Rodéos", "Entraves", "Sentiment d'insécurité",
	},
}

func TestEveryItemOfTheFieldIsAPointOfItsChecklist(t *testing.T) {
	for lineage, labels := range items {
		form := schemas.FormModel(builtin(t, lineage), schemas.French)
		var have []string
		for _, p := range form.Points("") {
			have = append(have, p.Label)
		}
		for _, label := range labels {
			if !slices.Contains(have, label) {
				t.Errorf("%s does not ask for %q", lineage, label)
			}
		}
	}
}

func TestAHallIsAskedThePointsOfTheMockup(t *testing.T) {
	want := []string{
		"Papiers et emballages", "Verre, débris", "Mégots", "Déjections canines", "Traces et odeurs d'urine", "Dépôts sauvages et encombrants",
		"Sacs d'ordures ménagères", "Taches, salissures", "Tags, affiches", "Corbeilles débordantes", "Vitres et porte, propreté", "Nuisibles",
		"Passage du ménage affiché",
	}
	var have []string
	for _, p := range schemas.FormModel(builtin(t, schemas.Cleanliness), schemas.French).Points("hall") {
		have = append(have, p.Label)
	}
	if !slices.Equal(have, want) {
		t.Errorf("points of a hall:\n%q, want\n%q", have, want)
	}
	for lineage, n := range map[string]int{schemas.Maintenance: 12, schemas.Lighting: 6} {
		if have := len(schemas.FormModel(builtin(t, lineage), schemas.French).Points("hall")); have != n {
			t.Errorf("%s asks %d points of a hall, want %d", lineage, have, n)
		}
	}
}

// texts calls fn for each French and English text of a content.
func texts(v any, fn func(lang, text string)) {
	switch v := v.(type) {
	case map[string]any:
		for key, value := range v {
			if text, ok := value.(string); ok && (key == schemas.French || key == schemas.English) {
				fn(key, text)
			}
			texts(value, fn)
		}
	case []any:
		for _, value := range v {
			texts(value, fn)
		}
	}
}

func TestFrenchLabelsAreSetAsFrenchIs(t *testing.T) {
	wrong := regexp.MustCompile(` [:;!?»]|« |\x{2019}|^ | $`)
	sources, err := schemas.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range sources {
		texts(decode(t, string(s.Content)), func(lang, text string) {
			if lang == schemas.French && wrong.MatchString(text) {
				t.Errorf("%s: %q lacks a no-break space or has a curly apostrophe", s.Lineage, text)
			}
			if lang == schemas.English && strings.ContainsAny(text, "«»éèàç") && !strings.Contains(text, "département") {
				t.Errorf("%s: %q is not English", s.Lineage, text)
			}
		})
	}
}

func TestChecklistsAreForTypesOfPlaceThatExist(t *testing.T) {
	types := builtin(t, string(schemas.Place)).Checklist.Lookup("/type").Codes
	for _, lineage := range schemas.Checklists() {
		v := builtin(t, lineage)
		for _, p := range schemas.FormModel(v, schemas.French).Points("") {
			for _, place := range p.Places {
				if !slices.Contains(types, place) {
					t.Errorf("%s %s is for places of type %q", lineage, p.Path, place)
				}
			}
		}
		for _, place := range v.PlaceTypes() {
			if !slices.Contains(types, place) {
				t.Errorf("%s is for places of type %q", lineage, place)
			}
		}
	}
	if got := builtin(t, schemas.PublicSecurity).PlaceTypes(); got != nil {
		t.Errorf("public security asks anywhere, but names %q", got)
	}
}

func TestAllChecklistsShareTheirCommonBlocks(t *testing.T) {
	blocks := func(lineage string) map[string]json.RawMessage {
		var doc struct {
			Defs       map[string]json.RawMessage `json:"$defs"`
			Properties map[string]json.RawMessage `json:"properties"`
		}
		if err := json.Unmarshal(source(t, lineage).Content, &doc); err != nil {
			t.Fatal(err)
		}
		out := map[string]json.RawMessage{}
		for _, name := range []string{"rating", "element_id", "element_position", "location", "urgent_needs_a_defect"} {
			out["$defs/"+name] = doc.Defs[name]
		}
		for _, name := range []string{"place", "visit", "rater", "observed_at", "position", "photos", "opinions"} {
			out[name] = doc.Properties[name]
		}
		return out
	}
	want := blocks(schemas.Cleanliness)
	for _, lineage := range schemas.Checklists() {
		for name, raw := range blocks(lineage) {
			if raw == nil || !bytes.Equal(raw, want[name]) {
				t.Errorf("%s: %s differs from that of %s", lineage, name, schemas.Cleanliness)
			}
		}
	}
}

func TestAChecklistRequiresOnlyWhatIdentifiesAnObservation(t *testing.T) {
	for _, lineage := range schemas.Checklists() {
		v := builtin(t, lineage)
		bare := `{"place": "0190a5f0-0000-7000-8000-000000000001", "visit": "0190a5f0-0000-7000-8000-000000000002", "rater": "consultant-1"}`
		if found := v.Checklist.Validate(decode(t, bare)); len(found) > 0 {
			t.Errorf("%s: a fresh observation breaks %v", lineage, found)
		}
		for attribute, path := range map[string]syncengine.Path{"place": "/place", "visit": "/visit", "rater": "/rater"} {
			if v.Checklist.Index[attribute] != path {
				t.Errorf("%s: %s is not indexed", lineage, attribute)
			}
			form := schemas.FormModel(v, schemas.French).Field(path)
			if form == nil || !form.Required || form.Fixed != (attribute == "rater") {
				t.Errorf("%s: %s is %+v", lineage, attribute, form)
			}
		}
	}
}

func TestDangerMergesToTheSafeSide(t *testing.T) {
	for path, want := range map[syncengine.Path]syncengine.Policy{
		"/lift/rating": syncengine.Lowest, "/lift/danger": syncengine.Highest, "/lift/out_of_order": syncengine.Highest, "/lift/since": syncengine.Review,
		"/gas_smell/smelt": syncengine.Highest, "/roof_balconies/urgent": syncengine.Highest, "/entrance_doors/urgent": syncengine.Review,
		"/entrance_doors/rating": syncengine.Review, "/entrance_doors/notes/consultant-1": syncengine.Latest,
	} {
		if node := builtin(t, schemas.Maintenance).Checklist.Lookup(path); node == nil || node.Policy != want {
			t.Errorf("%s: %+v, want policy %s", path, node, want)
		}
	}
	ranks := builtin(t, schemas.Maintenance).Checklist.Lookup("/lift/rating").Ranks
	if len(ranks) != 4 || ranks[`"1"`] != 1 || ranks[`"4"`] != 4 {
		t.Errorf("ranks of a rating: %v; what is no answer has none", ranks)
	}
}

func TestFreeTextWarnsOfPersonalData(t *testing.T) {
	for _, lineage := range schemas.Checklists() {
		form := schemas.FormModel(builtin(t, lineage), schemas.French)
		for _, p := range form.Points("") {
			notes := form.Field(syncengine.Path(p.Path + "/notes"))
			if notes == nil || !notes.Personal || !strings.Contains(notes.Hint, "ni numéro d'appartement, ni plaque") {
				t.Errorf("%s %s: the note does not warn: %+v", lineage, p.Path, notes)
			}
		}
	}
}
