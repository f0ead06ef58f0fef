package server_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

func TestRecordsAreFoundByWordsAndByWhereTheyLie(t *testing.T) {
	onStores(t, func(t *testing.T, w *world) {
		estate, hallA, _, hallB, _ := w.estate() // hall B lies at 42.7, 2.89
		p := w.newTablet("c-1", "consultant", false)
		noted := p.observe(hallA, map[syncengine.Path]any{litter: "2", "/litter/notes/c-1": "Vélos cassés près de l'Œuvre, boîtes aux lettres forcées"})
		inB := p.observe(hallB, map[syncengine.Path]any{litter: "4"})
		far := p.observe(hallB, map[syncengine.Path]any{"/position": map[string]any{"lat": 48.85, "lon": 2.35}, "/litter/notes/c-1": "vélo"})
		fiji := p.observe(hallA, map[syncengine.Path]any{"/position": map[string]any{"lat": -17, "lon": 179.9}})
		p.sync()
		sorted := func(ids ...uuid.UUID) []uuid.UUID {
			slices.SortFunc(ids, func(x, y uuid.UUID) int { return slices.Compare(x[:], y[:]) })
			return ids
		}
		for query, want := range map[string][]uuid.UUID{
			"q=velos":                             sorted(noted, far),
			"q=VÉLO cas":                          sorted(noted),
			"q=oeuvre":                            sorted(noted),
			"q=boite lettre":                      sorted(noted),
			"q=cas":                               sorted(noted),
			"q=ca":                                nil, // too short for a beginning
			"q=dégradé":                           sorted(noted),
			"q=velo&rater=c-1&bbox=2,48,3,49":     sorted(far),
			"q=nothing":                           nil,
			"kind=observation&bbox=2.8,42,2.9,43": sorted(inB),
			"bbox=2.8,42,2.9,43":                  sorted(inB, hallB),
			"kind=place&bbox=2.8,42,2.9,43":       sorted(hallB),
			"bbox=179,-18,-179,-16":               sorted(fiji),
			"bbox=-180,-90,180,90&under=" + estate.String(): sorted(inB, far, fiji),
			"q=hall&kind=place&under=" + estate.String():    sorted(hallA, hallB),
		} {
			values, err := url.ParseQuery(query)
			if err != nil {
				t.Fatal(err)
			}
			values.Set("limit", "1")
			if got := sorted(w.all(values, nil)...); !slices.Equal(got, want) {
				t.Errorf("%s: %v, want %v", query, got, want)
			}
			for _, format := range []string{"csv", "geojson"} {
				values.Del("limit")
				values.Del("cursor")
				r := w.ask(w.coordinator, "GET", "/v1/ledgers/"+w.ledger+"/export."+format+"?"+values.Encode(), nil)
				r.ok(nil)
				for _, id := range []uuid.UUID{noted, inB, far, fiji} {
					if strings.Contains(string(r.body), id.String()) != slices.Contains(want, id) {
						t.Errorf("%s as %s: %s is in it: %v", query, format, id, !slices.Contains(want, id))
					}
				}
			}
		}
	})
}

func TestASearchFindsNothingThatIsErasedOrNotOpenToTheAsker(t *testing.T) {
	w := newWorld(t)
	p := w.newTablet("sec-1", "consultant", true)
	id := newUUID(t)
	p.write(note{ledger: w.restricted, kind: "observation", lineage: "public_security", id: id, values: map[syncengine.Path]any{
		"/place": newUUID(t).String(), "/visit": newUUID(t).String(), "/rater": "sec-1", "/position": map[string]any{"lat": 42.7, "lon": 2.89},
	}})
	public := p.observe(newUUID(t), map[syncengine.Path]any{"/litter/notes/sec-1": "Monsieur Durand crie"})
	p.sync()
	inLedger := func(token, ledger, query string) *reply {
		return w.ask(token, "GET", "/v1/ledgers/"+ledger+"/records?"+query, nil)
	}
	var found page
	inLedger(w.coordinator, w.restricted, "bbox=2,42,3,43").ok(&found)
	if len(found.Records) != 1 {
		t.Fatalf("%+v", found)
	}
	inLedger(w.unrestricted, w.restricted, "bbox=2,42,3,43").refused(wire.CodeUnknownLedger)
	inLedger(w.unrestricted, w.ledger, "bbox=2,42,3,43").ok(&found)
	if len(found.Records) != 0 {
		t.Fatalf("%+v", found)
	}
	inLedger(w.unrestricted, w.ledger, "q=durand").ok(&found)
	if len(found.Records) != 1 {
		t.Fatalf("%+v", found)
	}
	change := w.read("observation", public).field(t, "/litter/notes/sec-1").Survivors[0].Change
	w.ask(w.coordinator, "POST", "/v1/ledgers/"+w.ledger+"/rulings", map[string]any{
		"type": "redact", "target": change, "paths": []string{"/litter/notes/sec-1"}, "reason": "nom d'un habitant",
	}).created(nil)
	inLedger(w.unrestricted, w.ledger, "q=durand").ok(&found)
	if len(found.Records) != 0 {
		t.Fatalf("%+v", found)
	}
	for key := range dump(t, w.store) {
		if strings.Contains(strings.ToLower(key), "durand") {
			t.Fatalf("what was erased is still kept: %q", key)
		}
	}
}
