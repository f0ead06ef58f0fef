package syncengine_test

import (
	"fmt"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"

	se "github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/internal/oracle"
)

// incarnations are those of the authority, oldest first. The last two have one number: both were opened from the same copy of a store.
var incarnations = func() []se.ReplicaID {
	twins := []se.ReplicaID{replicaID("second"), replicaID("also second")}
	slices.SortFunc(twins, func(a, b se.ReplicaID) int { return a.Compare(b.Hash) })
	return append([]se.ReplicaID{replicaID("authority")}, twins...)
}()

// newAuthority knows the incarnations, told of in any order.
func newAuthority(backwards bool) *se.Authority {
	a := se.NewAuthority(incarnations[0])
	later := slices.Clone(incarnations[1:])
	if backwards {
		slices.Reverse(later)
	}
	for _, r := range later {
		opens := &se.Ruling{Type: se.Succeed, Incarnation: 2, Predecessor: incarnations[0]}
		a.Take(&se.Change{ID: changeID(r.String()), Header: se.Header{Ruling: opens}}, se.Position{Replica: r, Seq: 1})
	}
	return a
}

// knows is what a node holds, for verdicts: the authority's log to a point, some checklists, and on which branch lines lie. Chains
// stand for the name of their branch here.
type knows struct {
	heldTo uint64
	lists  map[se.VersionID]*se.Checklist
}

func (k knows) Held(p se.AuthorityPoint) bool {
	return slices.Contains(incarnations, p.Replica) && p.Seq <= k.heldTo
}
func (k knows) Checklist(v se.VersionID) *se.Checklist      { return k.lists[v] }
func (k knows) SameBranch(e se.Envelope, head se.Head) bool { return e.Chain == head.Chain }
func (k knows) with(lists ...*se.Checklist) knows           { return knows{k.heldTo, index(lists)} }

func index(lists []*se.Checklist) map[se.VersionID]*se.Checklist {
	out := map[se.VersionID]*se.Checklist{}
	for _, l := range lists {
		out[l.Version] = l
	}
	return out
}

// court is one change, its envelopes and all rulings of a ledger.
type court struct {
	change    *se.Change
	envelopes []se.Envelope
	rulings   []se.PlacedRuling
	knows     knows
}

func drawCourt(t *rapid.T) *court {
	x := &court{knows: knows{heldTo: 12}}
	if oneIn(t, 4, "behind") {
		x.knows.heldTo = rapid.Uint64Range(0, 12).Draw(t, "held to")
	}
	if !oneIn(t, 10, "no checklist") {
		x.knows = x.knows.with(cleanliness()...)
	}
	x.drawChange(t)
	x.drawEnvelopes(t)
	x.drawRulings(t, rapid.SampledFrom([]string{
		"grant", "grant", "grant", "grant", "grant", "grant", "grant", "grant", "revoke", "revoke", "revoke", "revoke",
		"refuse", "void", "release", "redact", "untimed", "other",
	}))
	return x
}

// drawLicence draws a case in which all turns on who may write.
func drawLicence(t *rapid.T) *court {
	x := &court{knows: knows{heldTo: 12}.with(cleanliness()...)}
	x.drawChange(t)
	x.change.Format, x.change.Writes = 1, []se.Write{{Path: "/", Value: se.True}}
	x.drawEnvelopes(t)
	x.drawRulings(t, rapid.SampledFrom([]string{"grant", "grant", "revoke"}))
	return x
}

func (x *court) drawEnvelopes(t *rapid.T) {
	replicas := rapid.SampledFrom([]string{"R1", "R1", "R1", "R1", "R2", "R2", "R3", "authority", "second"})
	for range rapid.IntRange(1, 2).Draw(t, "envelopes") {
		x.envelopes = append(x.envelopes, se.Envelope{
			Position: se.Position{Replica: replicaID(replicas.Draw(t, "replica")), Seq: rapid.Uint64Range(1, 5).Draw(t, "seq")},
			Chain:    hashOf(rapid.SampledFrom([]string{"branch 1", "branch 1", "branch 2"}).Draw(t, "branch")),
		})
	}
}

func (x *court) drawRulings(t *rapid.T, types *rapid.Generator[string]) {
	for i := range rapid.IntRange(0, 10).Draw(t, "rulings") {
		x.rulings = append(x.rulings, se.PlacedRuling{
			ID:     changeID(fmt.Sprint("ruling ", i)),
			At:     se.AuthorityPoint{Replica: drawIncarnation(t), Seq: uint64(i + 1)},
			Ruling: x.drawRuling(t, types.Draw(t, "ruling")),
		})
	}
}

// drawIncarnation draws who wrote a line of the authority: mostly its first incarnation.
func drawIncarnation(t *rapid.T) se.ReplicaID {
	if !oneIn(t, 3, "later incarnation") {
		return incarnations[0]
	}
	return rapid.SampledFrom(incarnations).Draw(t, "incarnation")
}

func (x *court) drawChange(t *rapid.T) {
	x.change = &se.Change{ID: changeID("tried"), Header: se.Header{
		Format: 1, Record: recordID("r"), Checklist: versionID("c1"),
		Kind:   rapid.SampledFrom([]se.Kind{"observation", "observation", "observation", "place"}).Draw(t, "kind"),
		Author: rapid.SampledFrom([]se.AccountID{"u1", "u1", "u2"}).Draw(t, "author"),
		At:     se.AuthorityPoint{Replica: drawIncarnation(t), Seq: rapid.Uint64Range(0, 10).Draw(t, "at")},
	}}
	if oneIn(t, 20, "format") {
		x.change.Format = 2
	}
	if oneIn(t, 20, "other authority") {
		x.change.At.Replica = replicaID("another authority")
	}
	for _, r := range []register{
		{"/", []se.Value{se.True}},
		{"/height", []se.Value{"1", "1.5", se.Null, `"high"`, ""}},
		{"/litter/text", []se.Value{`"a"`, "3", ""}},
		{"/litter/texts", []se.Value{`"a"`}},
		{se.Path("/signs/" + sign1 + "/"), []se.Value{se.True, se.Null}},
		{se.Path("/signs/" + sign1 + "/text"), []se.Value{`"a"`}},
		{"/source/police/", []se.Value{se.True, "1"}},
		{"/spot", []se.Value{"[1]", "{}", "1"}},
	} {
		if r.path == "/" && !oneIn(t, 20, "without presence") || oneIn(t, 8, "written") {
			x.change.Writes = append(x.change.Writes, se.Write{Path: r.path, Value: rapid.SampledFrom(r.values).Draw(t, "value")})
		}
	}
}

func (x *court) drawRuling(t *rapid.T, kind string) *se.Ruling {
	switch kind {
	case "grant":
		r := &se.Ruling{
			Type:    se.Grant,
			Replica: replicaID(rapid.SampledFrom([]string{"R1", "R1", "R2", "R3"}).Draw(t, "to")),
			Account: rapid.SampledFrom([]se.AccountID{"u1", "u1", "u2"}).Draw(t, "account"),
			Kinds:   rapid.SampledFrom([][]se.Kind{{"observation"}, {"observation", "place"}, {"place"}}).Draw(t, "kinds"),
		}
		if rapid.Bool().Draw(t, "successor") {
			r.Predecessor = replicaID(rapid.SampledFrom([]string{"R1", "R2", "R3"}).Draw(t, "of"))
		}
		return r
	case "revoke":
		return &se.Ruling{
			Type:   se.Revoke,
			Target: changeID(fmt.Sprint("ruling ", rapid.IntRange(0, 4).Draw(t, "revoked"))), // perhaps a grant that comes later, or none
			Cut:    se.Head{Seq: rapid.Uint64Range(0, 5).Draw(t, "cut"), Chain: hashOf(rapid.SampledFrom([]string{"branch 1", "branch 2"}).Draw(t, "cut branch"))},
		}
	case "redact":
		return &se.Ruling{Type: se.Redact, Target: x.change.ID, Paths: rapid.SampledFrom([][]se.Path{{"/height"}, {"/height", "/litter/text"}}).Draw(t, "redacted")}
	case "refuse":
		return &se.Ruling{Type: se.Refuse, Target: x.change.ID}
	case "void":
		return &se.Ruling{Type: se.Void, Target: x.change.ID}
	case "release":
		return &se.Ruling{Type: se.Release, Target: x.change.ID}
	case "untimed":
		return &se.Ruling{Type: se.Untimed, Target: x.change.ID}
	default: // about another change, or not known to this engine
		return rapid.SampledFrom([]*se.Ruling{{Type: se.Void, Target: changeID("other")}, {Type: "pardon", Target: x.change.ID}}).Draw(t, "other")
	}
}

// judge hears the rulings and envelopes in the given order.
func (x *court) judge(rulings []se.PlacedRuling, envelopes []se.Envelope) (se.Verdict, se.Decision) {
	a := newAuthority(len(rulings)%2 == 0)
	var about []se.PlacedRuling
	for _, r := range rulings {
		a.Take(&se.Change{ID: r.ID, Header: se.Header{Ruling: r.Ruling}}, se.Position(r.At))
		if r.Ruling.Target == x.change.ID {
			about = append(about, r)
		}
	}
	d := a.Decide(about)
	return a.Judge(x.change, envelopes, d, x.knows), d
}

// A verdict depends on what is held and not on the order in which it came, nor on how often or by whom it was carried (law L2).
func TestAVerdictIsWhatTheDefinitionSaysInAnyOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		for range 4 {
			drawCourt(t).judgedAsDefined(t)
		}
	})
}

func TestWhoMayWriteIsWhatTheDefinitionSaysInAnyOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		for range 8 {
			drawLicence(t).judgedAsDefined(t)
		}
	})
}

func (x *court) judgedAsDefined(t *rapid.T) {
	ledger := oracle.Ledger{Incarnations: incarnations, Rulings: x.rulings}
	verdict, decision := x.judge(x.rulings, x.envelopes)
	if want := ledger.Decide(x.change.ID); !reflect.DeepEqual(decision, want) {
		t.Fatalf("decision %+v, defined is %+v", decision, want)
	}
	if want := ledger.Status(x.change, x.envelopes, x.knows); verdict.Status != want {
		t.Fatalf("verdict %+v, defined is status %v", verdict, want)
	}
	if (verdict.Status == se.Effective) != (verdict.Reason == "") {
		t.Fatalf("verdict %+v: a reason for what is effective, or none for what is not", verdict)
	}
	rulings := rapid.Permutation(slices.Concat(x.rulings, x.rulings)).Draw(t, "order of rulings")
	envelopes := rapid.Permutation(slices.Concat(x.envelopes, x.envelopes)).Draw(t, "order of envelopes")
	if v, d := x.judge(rulings, envelopes); !reflect.DeepEqual(v, verdict) || !reflect.DeepEqual(d, decision) {
		t.Fatalf("verdict %+v, %+v; heard in another order %+v, %+v", verdict, decision, v, d)
	}
}

// What a clone of the authority takes is not seen through the original.
func TestACloneOfTheAuthorityTakesForItselfAlone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := drawCourt(t)
		a := newAuthority(false)
		before := a.Clone()
		cut := rapid.IntRange(0, len(x.rulings)).Draw(t, "cut")
		for i, r := range x.rulings {
			if i == cut {
				before = a.Clone()
			}
			a.Take(&se.Change{ID: r.ID, Header: se.Header{Ruling: r.Ruling}}, se.Position(r.At))
		}
		if cut == len(x.rulings) {
			before = a.Clone()
		}
		fresh := newAuthority(true)
		for _, r := range x.rulings[:cut] {
			fresh.Take(&se.Change{ID: r.ID, Header: se.Header{Ruling: r.Ruling}}, se.Position(r.At))
		}
		if !reflect.DeepEqual(before, fresh) {
			t.Fatalf("the clone became %+v, fresh is %+v", before, fresh)
		}
	})
}

// A grant that was revoked twice ends at the earlier cut, whichever ruling came first; a second grant stands for itself.
func TestEveryCutOfAGrantCounts(t *testing.T) {
	at := func(seq uint64) se.AuthorityPoint {
		return se.AuthorityPoint{Replica: replicaID("authority"), Seq: seq}
	}
	revoke := func(name string, seq, cut uint64) se.PlacedRuling {
		return se.PlacedRuling{ID: changeID(name), At: at(seq), Ruling: &se.Ruling{
			Type: se.Revoke, Target: changeID("grant"), Cut: se.Head{Seq: cut, Chain: hashOf("branch 1")},
		}}
	}
	grant := func(name string, seq uint64) se.PlacedRuling {
		return se.PlacedRuling{ID: changeID(name), At: at(seq), Ruling: &se.Ruling{
			Type: se.Grant, Replica: replicaID("R1"), Account: "u1", Kinds: []se.Kind{"observation"},
		}}
	}
	for _, c := range []struct {
		rulings []se.PlacedRuling
		last    uint64 // the last sequence that stands
	}{
		{[]se.PlacedRuling{grant("grant", 1)}, 9},
		{[]se.PlacedRuling{grant("grant", 1), revoke("a", 2, 3)}, 3},
		{[]se.PlacedRuling{grant("grant", 1), revoke("a", 2, 3), revoke("b", 3, 5)}, 3},
		{[]se.PlacedRuling{grant("grant", 1), revoke("a", 2, 5), revoke("b", 3, 3)}, 3},
		{[]se.PlacedRuling{grant("grant", 1), revoke("a", 2, 0)}, 0},
		{[]se.PlacedRuling{grant("grant", 1), revoke("a", 2, 3), grant("another grant", 3)}, 9},
	} {
		backwards := slices.Clone(c.rulings)
		slices.Reverse(backwards)
		for seq := uint64(1); seq <= 9; seq++ {
			x := &court{
				change: &se.Change{ID: changeID("tried"), Header: se.Header{
					Format: 1, Kind: "observation", Author: "u1", Checklist: versionID("c1"), At: at(9), Writes: []se.Write{{Path: "/", Value: se.True}},
				}},
				knows: knows{heldTo: 9}.with(cleanliness()...),
			}
			lies := []se.Envelope{{Position: se.Position{Replica: replicaID("R1"), Seq: seq}, Chain: hashOf("branch 1")}}
			for _, order := range [][]se.PlacedRuling{c.rulings, backwards} {
				if v, _ := x.judge(order, lies); (v.Status == se.Effective) != (seq <= c.last) {
					t.Errorf("%d rulings: line %d is %+v, the last to stand is %d", len(order), seq, v, c.last)
				}
			}
		}
	}
}
