package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	se "github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/ledger"
	"github.com/arpenteur/arpenteur/syncengine/store"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// surveyed is a world whose server holds so many records: every third place, some absent, in conflict, in violation or waiting.
func surveyed(t rapid.TB, count int) (w *world, keys []se.RecordKey) {
	t.Helper()
	w = newWorld(t)
	w.publish("lighting", 1)
	for from := 0; from < count; from += 1000 {
		var edits []ledger.Edit
		for i := from; i < min(count, from+1000); i++ {
			key := w.observation()
			keys = append(keys, key)
			edits = append(edits, surveyedForm(key, i))
		}
		w.server.commit(edits...)
	}
	slices.SortFunc(keys, func(a, b se.RecordKey) int { return slices.Compare(a.ID[:], b.ID[:]) })
	return w, keys
}

func surveyedForm(key se.RecordKey, i int) ledger.Edit {
	e := ledger.Edit{
		Record: key, Author: "boss", Time: 10, Checklist: versionOf("cleanliness", 1),
		Writes: []se.Write{set("/place", wire.StringValue(fmt.Sprint("place ", i%3))), set("/litter", "1"), set("/", se.True)},
	}
	switch i % 7 {
	case 0:
		e.Writes[1].Value = "9" // against a rule
	case 1:
		e.Writes[2].Value = se.False
	case 2:
		e.Checklist, e.Writes[1].Path = versionOf("lighting", 1), "/lamp"
	case 3:
		e.Checklist = versionOf("cleanliness", 3) // not in force
	case 4:
		e.Writes = append(e.Writes, set("/nowhere", "1"))
	}
	return e
}

// wanted says what a filter means, without an index.
func wanted(m *ledger.Merged, f ledger.Filter) bool {
	if f.Kind != "" && m.Key.Kind != f.Kind {
		return false
	}
	for attribute, value := range f.Where {
		found := false
		switch attribute {
		case "state":
			found = slices.Contains(m.States, ledger.RecordState(value))
		case "domain":
			found = m.Checklist != nil && m.Checklist.Domain == value
		case "place":
			if place := m.Field("/place"); m.Checklist != nil && place != nil {
				found = slices.ContainsFunc(place.Survivors, func(s se.Survivor) bool { return s.Value == wire.StringValue(value) })
			}
		}
		if !found {
			return false
		}
	}
	return true
}

func TestAListHoldsTheRecordsThatAFilterWantsInTheOrderOfTheirKeys(t *testing.T) {
	w, keys := surveyed(t, 60)
	t1, t2 := w.tablet("t1", "c1"), w.tablet("t2", "c2")
	t1.edit(keys[5], set("/place", `"cellar"`)) // two values of one field: found under both
	t2.edit(keys[5], set("/place", `"place \"1\""`))
	w.converge()
	var all []*ledger.Merged
	for _, key := range keys {
		all = append(all, w.server.record(key))
	}
	for _, f := range []ledger.Filter{
		{},
		{Kind: "observation"},
		{Kind: "place"},
		{Kind: "obs"},
		{Where: map[string]string{"place": "place 1"}},
		{Where: map[string]string{"place": "cellar"}},
		{Where: map[string]string{"place": `place "1"`}},
		{Where: map[string]string{"place": "no such"}},
		{Where: map[string]string{"no such": "place 1"}},
		{Where: map[string]string{"domain": "lighting"}},
		{Where: map[string]string{"domain": "lighting", "place": "place 2"}, Kind: "observation"},
		{Where: map[string]string{"state": "clean"}},
		{Where: map[string]string{"state": "conflict"}},
		{Where: map[string]string{"state": "violation"}},
		{Where: map[string]string{"state": "pending"}},
		{Where: map[string]string{"state": "ineffective"}},
		{Where: map[string]string{"state": "absent"}},
		{Where: map[string]string{"state": "clean", "domain": "cleanliness", "place": "place 0"}},
	} {
		var want []se.RecordKey
		for _, m := range all {
			if wanted(m, f) {
				want = append(want, m.Key)
			}
		}
		if got := w.server.find(f); !slices.Equal(got, want) {
			t.Errorf("filter %v gives %d records, wanted are %d", f, len(got), len(want))
		}
	}
}

func TestPagesFollowOnWhateverIsInsertedMeanwhile(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w, keys := surveyed(t, 12)
		f := ledger.Filter{Where: rapid.SampledFrom([]map[string]string{nil, {"place": "place 1"}, {"state": "clean"}}).Draw(t, "where")}
		before := w.server.find(f)
		var got []se.RecordKey
		var last *se.RecordKey
		for page := 0; page < 50; page++ {
			size := rapid.IntRange(1, 3).Draw(t, "size")
			n := 0
			w.server.view(func(l *ledger.Ledger) error {
				return l.List(f, last, func(m *ledger.Merged) (bool, error) {
					got, last = append(got, m.Key), &m.Key
					n++
					return n < size, nil
				})
			})
			if n == 0 {
				break
			}
			key := w.observation()
			w.server.commit(surveyedForm(key, rapid.IntRange(0, 20).Draw(t, "inserted")))
		}
		if !slices.IsSortedFunc(got, func(a, b se.RecordKey) int { return slices.Compare(a.ID[:], b.ID[:]) }) {
			t.Fatal("the pages are not in order")
		}
		for _, key := range keys {
			if slices.Contains(got, key) != slices.Contains(before, key) {
				t.Fatalf("record %v was there before: %v; it is in the pages: %v", key, slices.Contains(before, key), slices.Contains(got, key))
			}
		}
		if len(slices.Compact(got)) != len(got) {
			t.Fatal("a record is on two pages")
		}
	})
}

func TestAKeyOfAnotherKindBeginsOrEndsAListOfOneKind(t *testing.T) {
	w, keys := surveyed(t, 5)
	for _, kind := range []se.Kind{"action", "place", "visit"} { // they are not the checklist's, but they are there
		key := w.observation()
		key.Kind = kind
		w.server.commit(surveyedForm(key, 5))
	}
	for after, want := range map[se.Kind]int{"action": len(keys), "visit": 0} {
		n := 0
		w.server.view(func(l *ledger.Ledger) error {
			return l.List(ledger.Filter{Kind: "observation"}, &se.RecordKey{Kind: after, ID: keys[2].ID}, func(m *ledger.Merged) (bool, error) {
				n++
				return true, nil
			})
		})
		if n != want {
			t.Errorf("after one of kind %s come %d records", after, n)
		}
	}
	for kind, want := range map[se.Kind]int{"place": 1, "observation": len(keys), "": len(keys) + 3, "pla": 0} {
		var last se.RecordKey
		n := 0
		w.server.view(func(l *ledger.Ledger) error {
			return l.List(ledger.Filter{Kind: kind}, &last, func(m *ledger.Merged) (bool, error) {
				if kind != "" && m.Key.Kind != kind {
					t.Errorf("one of kind %s is listed among those of kind %s", m.Key.Kind, kind)
				}
				n++
				return true, nil
			})
		})
		if n != want {
			t.Errorf("of kind %q there are %d", kind, n)
		}
	}
}

func TestTenThousandRecordsAreListedAndFoundByTheirPlace(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	w, keys := surveyed(t, 10_000)
	if got := w.server.find(ledger.Filter{}); !slices.Equal(got, keys) {
		t.Errorf("%d records are listed", len(got))
	}
	if got := w.server.find(ledger.Filter{Where: map[string]string{"place": "place 2", "state": "violation"}}); len(got) != 476 {
		t.Errorf("%d are found", len(got))
	}
}

// plant writes into a node's store behind the ledger's back.
func (n *node) plant(space store.Space, key, value []byte) {
	n.w.t.Helper()
	n.w.must(n.store.Update(context.Background(), func(tx store.Writer) error { return tx.Put(space, n.w.id, key, value) }))
}

func TestARecordThatTheIndexOnlySeemsToNameIsNotFound(t *testing.T) {
	w, keys := surveyed(t, 7)
	place := map[string]string{"place": "place 1"}
	want := w.server.find(ledger.Filter{Where: place})
	for _, key := range keys { // as if all their places had the same hash
		w.server.plant("index", ledger.IndexKey("place", "place 1", key), []byte{1})
	}
	w.server.plant("index", ledger.IndexKey("place", "place 1", w.observation()), []byte{1}) // and a record that is not there
	if got := w.server.find(ledger.Filter{Where: place}); !slices.Equal(got, want) {
		t.Errorf("found are %d records, wanted %d", len(got), len(want))
	}
}

func TestADamagedRecordEndsNoListAndIsNamed(t *testing.T) {
	w, keys := surveyed(t, 9)
	w.server.plant("records", ledger.EntryKey(keys[3]), []byte("garbage"))
	for _, f := range []ledger.Filter{{}, {Where: map[string]string{"place": "place 0"}}, {Where: map[string]string{"place": "place 1"}}, {Where: map[string]string{"place": "place 2"}}} {
		n := 0
		w.must(w.server.store.View(context.Background(), func(r store.Reader) error {
			l, err := w.server.keep.View(r, w.id)
			w.must(err)
			err = l.List(f, nil, func(m *ledger.Merged) (bool, error) {
				n++
				return true, nil
			})
			if err != nil && (!errors.Is(err, store.ErrCorrupt) || !strings.Contains(err.Error(), keys[3].ID.String())) {
				t.Errorf("filter %v: %v", f, err)
			}
			if f.Where == nil && (err == nil || n != len(keys)-1) {
				t.Errorf("%d records are listed, %v", n, err)
			}
			return nil
		}))
	}
}

func TestAListEndsWithTheErrorOfItsReader(t *testing.T) {
	w, _ := surveyed(t, 3)
	enough := errors.New("enough")
	w.server.view(func(l *ledger.Ledger) error {
		n := 0
		err := l.List(ledger.Filter{}, nil, func(*ledger.Merged) (bool, error) {
			n++
			return true, enough
		})
		if !errors.Is(err, enough) || n != 1 {
			t.Errorf("after %d records: %v", n, err)
		}
		return nil
	})
}
