package main

import (
	"math/rand/v2"
	"strings"

	"github.com/google/uuid"

	"github.com/arpenteur/arpenteur/syncengine"
)

// points are items of the checklist that a hall, a landing or a yard are rated on. Each observation answers eight of them.
var points = []string{
	"litter", "glass", "cigarette_butts", "dog_fouling", "urine", "dumping", "rubbish_bags", "stains", "tags", "overflowing_bins",
	"windows_door", "pests", "common_areas", "thrown_items",
}

// ratings holds each answer as often as it is given: most points are good, few are bad.
var ratings = []string{
	"4", "4", "4", "4", "4", "4", "3", "3", "3", "3", "3", "2", "2", "2", "1", "not_applicable", "not_observed",
}

// words is what notes are made of.
var words = strings.Fields(`porte vitrée fêlée près du local vélos odeur persistante au sous-sol depuis lundi gardien prévenu sacs déposés
	devant la colonne gauche sol collant sous les boîtes aux lettres mégots autour banc verre brisé contre le mur nord cage deux éclairage
	faible palier sept canapé abandonné derrière escalier traces noires sur rampe encombrants signalés bailleur passage prévu demain
	poubelle pleine couvercle cassé tags récents façade côté rue nettoyés hier matin flaque fuite radiateur entrée principale papiers
	publicitaires par terre ascenseur propre mais miroir rayé fourmis plinthe droite cafards vus pied vide-ordures bouché troisième étage
	grille ouverte cave humide ampoule manquante parking souterrain caddie renversé trottoir feuilles mortes jeux enfants canettes vides
	pelouse habitants signalent passages quotidiens nuit bruit groupe hall chaque soir clé perdue digicode forcé encore`)

// writer makes observations that are as long and as various as a consultant's, from a fixed seed.
type writer struct {
	r      *rand.Rand
	author syncengine.AccountID
	visit  string
	places []string
	season bool // ids are of sixty days, not of one minute; records have positions; one note in a thousand has rareWord
}

// rareWord is in few notes of a season.
const rareWord = "chaufferie"

// seasonDays is how many days a season has.
const seasonDays = 60

func newWriter(seed uint64, author syncengine.AccountID) *writer {
	w := &writer{r: rand.New(rand.NewPCG(seed, 10)), author: author} //nolint:gosec // captures to be measured, not secrets
	w.visit = w.uuid().String()
	for range 60 {
		w.places = append(w.places, w.uuid().String())
	}
	return w
}

// uuid draws a version 7 id of a fixed day.
func (w *writer) uuid() uuid.UUID {
	id := uuid.UUID{0x01, 0x9a, 0x5d, 0x2c, byte(w.r.Uint32()), byte(w.r.Uint32())}
	if w.season {
		at := 0x019a5d2c0000 + w.r.Int64N(seasonDays*24*3600*1000)
		id[2], id[3], id[4], id[5] = byte(at>>24), byte(at>>16), byte(at>>8), byte(at)
		id[1] = byte(at >> 32)
	}
	for i := 6; i < len(id); i++ {
		id[i] = byte(w.r.Uint32())
	}
	id[6], id[8] = id[6]&0x0f|0x70, id[8]&0x3f|0x80
	return id
}

// observation returns the answers of one observation: a place, eight ratings and a note of some twenty words. Its change is
// about six hundred bytes of values and paths.
func (w *writer) observation() map[syncengine.Path]any {
	values := map[syncengine.Path]any{
		"/place": w.places[w.r.IntN(len(w.places))], "/visit": w.visit, "/rater": string(w.author),
	}
	for _, i := range w.r.Perm(len(points))[:8] {
		values[syncengine.Path("/"+points[i]+"/rating")] = ratings[w.r.IntN(len(ratings))]
	}
	note := w.note()
	if w.season {
		values["/position"] = map[string]any{"lat": 42.6 + float64(w.r.IntN(20_000))/1e5, "lon": 2.8 + float64(w.r.IntN(20_000))/1e5}
		if w.r.IntN(1000) == 0 {
			note += " " + rareWord
		}
	}
	values[syncengine.Path("/remarks/"+string(w.author))] = note
	return values
}

func (w *writer) note() string {
	var b strings.Builder
	for i := range 17 + w.r.IntN(7) {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(words[w.r.IntN(len(words))])
	}
	return b.String()
}

// Read draws bytes, so that a writer is also where fabricated changes have their salts from.
func (w *writer) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(w.r.Uint32())
	}
	return len(p), nil
}
