package schemas_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/arpenteur/arpenteur/schemas"
	"github.com/arpenteur/arpenteur/syncengine"
)

func TestATextAndAQuestionAboutItAreSplitAlike(t *testing.T) {
	for text, want := range map[string]string{
		"Cages d'escalier, n° 4":            "cage d escalier n 4",
		"Hôtel-Dieu: ASCENSEURS EN PANNE !": "hotel dieu ascenseur en panne",
		"cœur d’îlot":                       "coeur d ilot",
		"œuvre Œuvre":                       "oeuvre oeuvre",
		"bus":                               "bus",
		"":                                  "",
		" …!?":                              "",
		"S-12":                              "s 12",
		"e\u0301te\u0301":                   "ete",
		"Ἀθῆναι":                            "αθηναι",
	} {
		if got := strings.Join(schemas.Words(text), " "); got != want {
			t.Errorf("%q is split into %q, want %q", text, got, want)
		}
	}
}

func TestWordsAreBoundedAndStayWhatTheyAreWhenSplitAgain(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		for _, word := range schemas.Words(rapid.String().Draw(t, "text")) {
			if len(word) > 72 || word == "" {
				t.Fatalf("a word of %d bytes", len(word))
			}
			if again := schemas.Words(word); len(again) != 1 || !strings.HasPrefix(word, again[0]) {
				t.Fatalf("%q is split into %q", word, again)
			}
		}
	})
}

// merged shows a record of the program's own place checklist with values.
func merged(t *testing.T, r *schemas.Registry, values map[syncengine.Path]syncengine.Value) *syncengine.Record {
	t.Helper()
	sources, err := schemas.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(sources, func(s schemas.Source) bool { return s.Lineage == "place" })
	v, err := r.Compile(schemas.Identify(sources[i].Content), sources[i].Content)
	if err != nil {
		t.Fatal(err)
	}
	state := syncengine.NewState()
	state.Version = v.ID
	for path, value := range values {
		state.Registers[path] = &syncengine.Register{Survivors: []syncengine.Survivor{{Change: syncengine.ChangeID{Hash: syncengine.Hash{1}}, Value: value}}}
	}
	return state.Record(syncengine.RecordKey{Kind: "place", ID: uuid.UUID{1}}, v.Checklist)
}

func TestARecordIsFoundByItsTextsAndTheFrenchLabelsOfItsCodes(t *testing.T) {
	r, err := schemas.NewRegistry()
	if err != nil {
		t.Fatal(err)
	}
	f := schemas.NewFinder(r)
	rec := merged(t, r, map[syncengine.Path]syncengine.Value{
		"/": syncengine.True, "/name": `"Résidence \"Les Mûriers\""`, "/type": `"car_park"`, "/parent": `"01a1e8bc-0a80-7000-a5e4-c81e42a582db"`,
		"/position": `{"lat":42.7,"lon":2.89}`,
	})
	words := f.Words(rec)
	slices.Sort(words)
	if got := fmt.Sprint(words); got != "[les murier parking residence]" {
		t.Errorf("found by %s", got)
	}
	if lat, lon, ok := f.Position(rec); !ok || lat != 42.7 || lon != 2.89 {
		t.Errorf("at %v, %v: %v", lat, lon, ok)
	}
	for _, wrong := range []syncengine.Value{"", "null", `{"lat":42.7}`, `{"lat":420,"lon":2}`, `{"lat":"x","lon":2}`} {
		if _, _, ok := f.Position(merged(t, r, map[syncengine.Path]syncengine.Value{"/position": wrong})); ok {
			t.Errorf("%q is a position", wrong)
		}
	}
	if words := f.Words(&syncengine.Record{}); len(words) > 0 {
		t.Errorf("a record without a checklist has words %v", words)
	}
}
