package server_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

type placeView struct {
	ID         uuid.UUID
	Type, Name string
	Planned    bool
	Notices    []string
	Children   []placeView
}

func (w *world) places() []placeView {
	w.t.Helper()
	var tree struct{ Places []placeView }
	w.ask(w.coordinator, "GET", "/v1/diagnostics/"+w.diagnostic.String()+"/places", nil).ok(&tree)
	return tree.Places
}

func TestPlacesMakeATree(t *testing.T) {
	onStores(t, func(t *testing.T, w *world) {
		estate, hallA, landing, hallB, elsewhere := w.estate()
		tree := w.places()
		if len(tree) != 2 || tree[0].ID != estate || tree[1].ID != elsewhere || len(tree[0].Children) != 2 {
			t.Fatalf("%+v", tree)
		}
		a, b := tree[0].Children[0], tree[0].Children[1]
		if a.ID != hallA || !a.Planned || a.Name != "Hall A" || a.Children[0].ID != landing || b.ID != hallB || b.Type != "hall" {
			t.Fatalf("%+v", tree)
		}
		// A place that is there is left as it is.
		var made struct{ Places []placeView }
		w.ask(w.coordinator, "POST", "/v1/diagnostics/"+w.diagnostic.String()+"/places", map[string]any{
			"id": hallA, "type": "cellar", "children": []any{map[string]any{"type": "landing"}},
		}).created(&made)
		tree = w.places()
		if got := tree[0].Children[0]; got.Type != "hall" || len(got.Children) != 2 || made.Places[0].ID != hallA {
			t.Fatalf("%+v", tree)
		}
	})
}

func TestAPlaceOutsideTheTreeIsShownAtItsRoot(t *testing.T) {
	w := newWorld(t)
	_, hallA, landing, _, _ := w.estate()
	p := w.newTablet("c-1", "consultant", false)
	orphan := newUUID(t)
	p.write(note{kind: "place", id: orphan, values: map[syncengine.Path]any{"/type": "cellar", "/parent": newUUID(t).String()}})
	p.write(note{kind: "place", id: hallA, values: map[syncengine.Path]any{"/parent": landing.String()}})
	p.sync()
	found := 0
	for _, v := range w.places() {
		switch {
		case v.ID == orphan && has(v.Notices, "orphan_place"):
			found++
		case v.ID == hallA && has(v.Notices, "place_cycle") && v.Children[0].ID == landing:
			found++
		}
	}
	if found != 2 {
		t.Fatalf("%+v", w.places())
	}
}

func TestPlacesThatCannotBeAreRefused(t *testing.T) {
	w := newWorld(t)
	path := "/v1/diagnostics/" + w.diagnostic.String() + "/places"
	many := make([]any, 2001)
	for i := range many {
		many[i] = map[string]any{"type": "hall"}
	}
	for name, test := range map[string]struct {
		body any
		code wire.Code
	}{
		"no type":          {map[string]any{"name": "x"}, wire.CodeInvalid},
		"unknown type":     {map[string]any{"type": "castle"}, wire.CodeInvalid},
		"two parents":      {map[string]any{"type": "hall", "children": []any{map[string]any{"type": "landing", "parent": newUUID(t)}}}, wire.CodeInvalid},
		"bad position":     {map[string]any{"type": "hall", "position": map[string]any{"lat": 91, "lon": 0}}, wire.CodeInvalid},
		"position of text": {map[string]any{"type": "hall", "position": "here"}, wire.CodeInvalid},
		"none":             {[]any{}, wire.CodeInvalid},
		"too many":         {many, wire.CodeInvalid},
		"unknown member":   {map[string]any{"type": "hall", "colour": "red"}, wire.CodeMalformed},
		"wrong type":       {map[string]any{"type": 3}, wire.CodeMalformed},
		"not JSON":         {"hall", wire.CodeMalformed},
		"a key twice":      {`{"type":"hall","type":"lift"}`, wire.CodeMalformed},
		"one bad of two":   {[]any{map[string]any{"type": "hall"}, map[string]any{"type": "castle"}}, wire.CodeInvalid},
	} {
		t.Run(name, func(t *testing.T) { w.ask(w.coordinator, "POST", path, test.body).refused(test.code) })
	}
	if tree := w.places(); len(tree) != 0 {
		t.Fatalf("a refused request left places: %+v", tree)
	}
	w.ask(w.coordinator, "POST", "/v1/diagnostics/"+newUUID(t).String()+"/places", map[string]any{"type": "hall"}).refused(wire.CodeNotFound)
}

func (w *world) notices(ledger string) []string {
	w.t.Helper()
	var list struct {
		Notices []struct {
			Code, Kind    string
			Record, Place uuid.UUID
		}
	}
	w.ask(w.coordinator, "GET", "/v1/ledgers/"+ledger+"/notices", nil).ok(&list)
	var out []string
	for _, n := range list.Notices {
		out = append(out, fmt.Sprintf("%s %s %s %s", n.Code, n.Kind, n.Record, n.Place))
	}
	return out
}

func TestNoticesTellWhatNoRecordAloneCanSay(t *testing.T) {
	w := newWorld(t)
	w.notices(w.ledger) // remembered from here on
	_, hallA, _, _, _ := w.estate()
	roof := w.place(map[string]any{"type": "neighbourhood"})
	nowhere := newUUID(t)
	p := w.newTablet("c-1", "consultant", true)
	fine, wrong, dangling := p.observe(hallA, nil), p.observe(roof, nil), p.observe(nowhere, nil)
	hidden := newUUID(t)
	p.write(note{ledger: w.restricted, kind: "observation", lineage: "public_security", id: hidden, values: map[syncengine.Path]any{
		"/place": nowhere.String(), "/visit": newUUID(t).String(), "/rater": "c-1",
	}})
	p.sync()
	got := strings.Join(w.notices(w.ledger), "\n")
	want := fmt.Sprintf("dangling_place observation %s %s\nwrong_place observation %s %s", dangling, nowhere, wrong, roof)
	if got != want {
		t.Fatalf("got\n%s\nwant\n%s\n(%s is fine)", got, want, fine)
	}
	if got := paths(w.notices(w.restricted)); got != fmt.Sprintf("dangling_place observation %s %s", hidden, nowhere) {
		t.Fatalf("of the restricted ledger: %s", got)
	}
}

// TestNoticesThatAreBroughtUpAreThoseOfAFreshServer does random things to a ledger and compares the notices of the server that followed
// them with those of one that reads everything anew.
func TestNoticesThatAreBroughtUpAreThoseOfAFreshServer(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	w := newWorld(t)
	p := w.newTablet("c-1", "consultant", false)
	var places, records []uuid.UUID
	var changes []syncengine.ChangeID
	pick := func() uuid.UUID {
		if len(places) == 0 || random.IntN(5) == 0 {
			return newUUID(t)
		}
		return places[random.IntN(len(places))]
	}
	for step := range 60 {
		switch random.IntN(8) {
		case 0, 1:
			id := newUUID(t)
			places = append(places, id)
			changes = append(changes, p.write(note{kind: "place", id: id, values: map[syncengine.Path]any{"/type": "hall", "/parent": pick().String()}}))
		case 2, 3:
			records = append(records, p.observe(pick(), nil))
		case 4:
			changes = append(changes, p.write(note{kind: "place", id: pick(), values: map[syncengine.Path]any{"/parent": pick().String()}}))
		case 5:
			if len(changes) > 0 {
				p.sync()
				kind := []string{"void", "release", "refuse"}[random.IntN(3)]
				w.rule(map[string]any{"type": kind, "target": changes[random.IntN(len(changes))], "reason": "x"}).created(nil)
			}
		case 6:
			if len(records) > 0 {
				p.write(note{kind: "observation", lineage: "cleanliness", id: records[random.IntN(len(records))], values: map[syncengine.Path]any{"/place": pick().String()}})
			}
		case 7: // a tablet is lost, and what it wrote after its first line does not stand
			p.sync()
			if log := p.logs[ledgerID(t, w.ledger)]; log != nil && log.first > 1 {
				w.ask(w.coordinator, "POST", "/v1/devices/"+p.replica.String()+"/revoke", map[string]any{
					"reason": "Lost.", "ledger": w.ledger, "cut": map[string]any{"seq": log.firstHead.Seq, "chain": log.firstHead.Chain},
				}).ok(nil)
				p = w.newTablet("c-"+newUUID(t).String()[24:], "consultant", false)
			}
		}
		p.sync()
		followed := w.notices(w.ledger)
		if step%20 == 19 {
			w.start()
			if fresh := w.notices(w.ledger); !slices.Equal(followed, fresh) {
				t.Fatalf("step %d:\nfollowed %v\nfresh    %v", step, followed, fresh)
			}
		}
	}
}
