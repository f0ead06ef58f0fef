package ledger_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	se "github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/ledger"
	"github.com/arpenteur/arpenteur/syncengine/store"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// plain is a Finder: the words of a note are those between its spaces, and one like "@43.5,2.5" is a position.
type plain struct{}

func (plain) Words(rec *se.Record) []string {
	var out []string
	if f := rec.Field("/note"); f != nil {
		for _, s := range f.Survivors {
			out = append(out, strings.Fields(strings.Trim(string(s.Value), `"`))...)
		}
	}
	return out
}

func (plain) Position(rec *se.Record) (lat, lon float64, ok bool) {
	f := rec.Field("/note")
	if f == nil {
		return 0, 0, false
	}
	_, text, found := strings.Cut(string(f.Shown), "@")
	if !found {
		return 0, 0, false
	}
	_, err := fmt.Sscanf(text, "%f,%f", &lat, &lon)
	return lat, lon, err == nil
}

// means says what a filter means, without an index.
func means(m *ledger.Merged, f ledger.Filter) bool {
	words := plain{}.Words(m.Record)
	for _, w := range f.Words {
		if !slices.Contains(words, w) {
			return false
		}
	}
	begins := func(w string) bool { return w == f.Begins || len(f.Begins) >= 3 && strings.HasPrefix(w, f.Begins) }
	if f.Begins != "" && !slices.ContainsFunc(words, begins) {
		return false
	}
	if f.Box != nil {
		lat, lon, own := plain{}.Position(m.Record)
		place := m.Field("/place")
		at := place != nil && slices.ContainsFunc(f.Places, func(id uuid.UUID) bool { return place.Shown == wire.StringValue(id.String()) })
		if own && !f.Box.Contains(lat, lon) || !own && !at {
			return false
		}
	}
	return m.Present && wanted(m, f)
}

// drawnNote draws a note of few words, some of which begin alike, with a position or without.
func drawnNote(t *rapid.T) se.Value {
	words := rapid.SliceOfN(rapid.SampledFrom([]string{"cave", "cavalier", "ca", "hall", "halle", "ascenseur", "été"}), 0, 4).Draw(t, "words")
	if rapid.Bool().Draw(t, "positioned") {
		lat := rapid.SampledFrom([]float64{43.5, 43.5001, 43.6, -12, 0, 90}).Draw(t, "lat")
		lon := rapid.SampledFrom([]float64{2.5, 2.5004, 3, 179.9, -179.9, 180, -180}).Draw(t, "lon")
		words = append(words, fmt.Sprintf("@%v,%v", lat, lon))
	}
	return wire.StringValue(strings.Join(words, " "))
}

func drawnFilter(t *rapid.T, places []uuid.UUID) ledger.Filter {
	f := ledger.Filter{
		Words:  rapid.SliceOfN(rapid.SampledFrom([]string{"cave", "hall", "ca", "été", "none"}), 0, 2).Draw(t, "words"),
		Begins: rapid.SampledFrom([]string{"", "", "cav", "ca", "hall", "é", "ascenseurs"}).Draw(t, "begins"),
		Kind:   rapid.SampledFrom([]se.Kind{"", "observation", "place"}).Draw(t, "kind"),
		Where:  map[string]string{},
	}
	if rapid.Bool().Draw(t, "boxed") {
		f.Box = rapid.SampledFrom([]*ledger.Box{
			{West: 2.4, South: 43, East: 2.6, North: 43.55},
			{West: 2.5, South: 43.5, East: 2.5, North: 43.5},
			{West: -180, South: -90, East: 180, North: 90},
			{West: 179.8, South: -12.5, East: -179.8, North: -11.5},
			{West: 10, South: 10, East: 11, North: 11},
		}).Draw(t, "box")
		f.Places = rapid.SliceOfNDistinct(rapid.SampledFrom(places), 0, 2, rapid.ID).Draw(t, "places")
	}
	if rapid.Bool().Draw(t, "at a place") {
		f.Where["place"] = rapid.SampledFrom(places).Draw(t, "place").String()
	}
	return f
}

func TestRecordsAreFoundByWordsAndBoxesAsIfEachWereRead(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t)
		w.server.keep.Find(plain{})
		places := []uuid.UUID{{1}, {2}, {3}}
		var keys []se.RecordKey
		for range rapid.IntRange(1, 30).Draw(t, "records") {
			key := w.observation()
			keys = append(keys, key)
			w.server.edit(key, set("/note", drawnNote(t)), set("/place", wire.StringValue(rapid.SampledFrom(places).Draw(t, "place").String())))
		}
		for range rapid.IntRange(0, 10).Draw(t, "edits") {
			key := rapid.SampledFrom(keys).Draw(t, "edited")
			switch rapid.IntRange(0, 3).Draw(t, "how") {
			case 0:
				w.server.edit(key, set("/", se.False))
			case 1:
				c := w.server.record(key).Field("/note").Survivors[0].Change
				w.rule(se.Ruling{Type: se.Redact, Target: c, Paths: []se.Path{"/note"}})
			default:
				w.server.edit(key, set("/note", drawnNote(t)))
			}
		}
		slices.SortFunc(keys, func(a, b se.RecordKey) int { return slices.Compare(a.ID[:], b.ID[:]) })
		for range 8 {
			f := drawnFilter(t, places)
			var want []se.RecordKey
			for _, key := range keys {
				if m := w.server.record(key); means(m, f) || len(f.Words) == 0 && f.Begins == "" && f.Box == nil && wanted(m, f) {
					want = append(want, key)
				}
			}
			if got := w.server.find(f); !slices.Equal(got, want) {
				t.Fatalf("filter %+v (box %+v) gives %d records, wanted are %d", f, f.Box, len(got), len(want))
			}
			for _, key := range keys {
				w.server.view(func(l *ledger.Ledger) error {
					m, err := l.Record(key)
					if err == nil && l.Matches(m, f) != slices.Contains(want, key) {
						t.Errorf("%v matches filter %+v: %v", key, f, !slices.Contains(want, key))
					}
					return err
				})
			}
		}
	})
}

func TestWhatWasErasedIsInNoEntryOfTheIndex(t *testing.T) {
	w := newWorld(t)
	w.server.keep.Find(plain{})
	key := w.observation()
	line := w.server.edit(key, set("/note", `"Dupont @43.5,2.5"`))
	says := func() (found bool) {
		w.server.each(func(space store.Space, _, value []byte) {
			found = found || (space == "index" || space == "words") && strings.Contains(string(value), "Dupont")
		})
		return found
	}
	if !says() {
		t.Fatal("the word was not indexed")
	}
	w.rule(se.Ruling{Type: se.Redact, Target: line.Change.ID, Paths: []se.Path{"/note"}})
	if says() {
		t.Error("the index still has the word")
	}
	for _, f := range []ledger.Filter{{Words: []string{"Dupont"}}, {Box: &ledger.Box{West: 2, South: 43, East: 3, North: 44}}} {
		if got := w.server.find(f); len(got) > 0 {
			t.Errorf("%+v finds %v", f, got)
		}
	}
}

func TestPagesOfManyCellsAndPlacesFollowOn(t *testing.T) {
	w := newWorld(t)
	w.server.keep.Find(plain{})
	var want []se.RecordKey
	var places []uuid.UUID
	var edits []ledger.Edit
	for i := range 3000 {
		key := w.observation()
		e := ledger.Edit{Record: key, Author: "boss", Time: 10, Checklist: versionOf("cleanliness", 1), Writes: []se.Write{set("/", se.True)}}
		if place := (uuid.UUID{byte(i % 40), 1}); i%2 == 0 {
			e.Writes = append(e.Writes, set("/place", wire.StringValue(place.String())))
			places = append(places, place)
		} else {
			e.Writes = append(e.Writes, set("/note", wire.StringValue(fmt.Sprintf("@%v,%v", 43+float64(i)/1e5, 2+float64(i%50)/1e4))))
		}
		edits, want = append(edits, e), append(want, key)
	}
	w.server.commit(edits...)
	slices.SortFunc(places, func(a, b uuid.UUID) int { return slices.Compare(a[:], b[:]) })
	slices.SortFunc(want, func(a, b se.RecordKey) int { return slices.Compare(a.ID[:], b.ID[:]) })
	f := ledger.Filter{Kind: "observation", Box: &ledger.Box{West: 2, South: 43, East: 2.01, North: 43.1}, Places: slices.Compact(places)}
	var got []se.RecordKey
	for last := (*se.RecordKey)(nil); ; last = &got[len(got)-1] {
		before := len(got)
		w.server.view(func(l *ledger.Ledger) error {
			return l.List(f, last, func(m *ledger.Merged) (bool, error) {
				got = append(got, m.Key)
				return len(got) < before+97, nil
			})
		})
		if len(got) == before {
			break
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("%d records are found page by page, %d are there", len(got), len(want))
	}
}

func TestABoxHoldsItsEdgesAndMayCrossTheAntimeridian(t *testing.T) {
	europe, pacific := &ledger.Box{West: -10, South: 35, East: 30, North: 70}, &ledger.Box{West: 170, South: -30, East: -170, North: 0}
	for at, want := range map[[2]float64][2]bool{
		{42.7, 2.9}: {true, false}, {35, -10}: {true, false}, {70, 30}: {true, false}, {34.999, 2}: {}, {50, 30.001}: {},
		{-17, 179.9}: {false, true}, {-17, -179.9}: {false, true}, {-17, 180}: {false, true}, {-17, 169.9}: {}, {-17, 0}: {}, {1, 180}: {},
	} {
		if got := [2]bool{europe.Contains(at[0], at[1]), pacific.Contains(at[0], at[1])}; got != want {
			t.Errorf("%v lies in them: %v", at, got)
		}
	}
}
