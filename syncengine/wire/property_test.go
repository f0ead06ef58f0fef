package wire

import (
	"encoding/json"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/arpenteur/arpenteur/syncengine"
)

// anyText draws strings that are hard to encode: escapes, combining characters in any number, what form C changes.
var anyText = rapid.OneOf(
	rapid.String(),
	rapid.StringOf(rapid.RuneFrom([]rune("ae\u0301\u0327\u0308\u212b\ufb01ﾃ한\u1100\u1161\"\\\n\x00\x7f\u2028\uffff"))),
	rapid.Custom(func(t *rapid.T) string {
		return "a" + strings.Repeat("\u0301", rapid.IntRange(25, 70).Draw(t, "combining"))
	}),
)

// anyValue draws what DecodeValue may return.
func anyValue(depth int) *rapid.Generator[any] {
	leaves := []*rapid.Generator[any]{
		rapid.Just[any](nil),
		rapid.Bool().AsAny(),
		rapid.Int64Range(-MaxInteger, MaxInteger).AsAny(),
		rapid.Float64Range(-MaxInteger, MaxInteger).AsAny(),
		rapid.Float64Range(-200, 200).AsAny(),
		anyText.AsAny(),
	}
	if depth > 0 {
		leaves = append(leaves,
			rapid.SliceOfN(rapid.Deferred(func() *rapid.Generator[any] { return anyValue(depth - 1) }), 0, 4).AsAny(),
			rapid.MapOfN(rapid.Map(anyText, normal), rapid.Deferred(func() *rapid.Generator[any] { return anyValue(depth - 1) }), 0, 4).AsAny())
	}
	return rapid.OneOf(leaves...)
}

func presence(there bool) syncengine.Value {
	if there {
		return syncengine.True
	}
	return syncengine.False
}

func TestWhatIsEncodedIsCanonicalAndDecodesToItself(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v, err := EncodeValue(anyValue(3).Draw(t, "value"))
		if err != nil {
			t.Fatal(err)
		}
		if err := Check([]byte(v), MaxValueDepth); err != nil {
			t.Fatalf("%s: %v", v, err)
		}
		decoded, err := DecodeValue(v)
		if err != nil {
			t.Fatal(err)
		}
		again, err := EncodeValue(decoded)
		if err != nil || again != v {
			t.Fatalf("%s decodes and encodes to %s, %v", v, again, err)
		}
	})
}

func TestCanonicalAgreesWithEncodeValue(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := anyValue(3).Draw(t, "value")
		want, err := EncodeValue(v)
		if err != nil {
			t.Fatal(err)
		}
		// The standard library writes the same value in its own way: with white space and HTML escapes.
		loose, err := json.MarshalIndent(json.RawMessage(want), " ", "\t")
		if err != nil {
			t.Fatal(err)
		}
		got, err := Canonical(loose)
		if err != nil || string(got) != string(want) {
			t.Fatalf("%s is brought to\n%s, %v, want\n%s", loose, got, err, want)
		}
	})
}

// anyHeader draws a header of a record, in any order, with elements and with what they replace.
var anyHeader = rapid.Custom(func(t *rapid.T) syncengine.Header {
	names := rapid.SliceOfNDistinct(rapid.StringMatching(`[a-zA-Z0-9_.-]{1,12}`), 0, 12, rapid.ID).Draw(t, "names")
	values := map[syncengine.Path]syncengine.Value{"/": syncengine.True}
	for i, name := range names {
		v, err := EncodeValue(anyValue(2).Draw(t, "value"))
		if err != nil {
			t.Fatal(err)
		}
		switch i % 3 {
		case 0:
			values[syncengine.Path("/"+name)] = v
		case 1:
			values[syncengine.Path("/group/"+name)] = v
		case 2:
			element := syncengine.Path("/list/" + uuidOf(name).String() + "/")
			values[element], values[element.Child("leaf")] = presence(i%2 == 0), v
		}
	}
	h := syncengine.Header{
		Ledger: syncengine.LedgerID{Hash: hashOf("ledger")}, Kind: "observation", Record: uuidOf("record"), Author: "u-1",
		Checklist: syncengine.VersionID{Hash: hashOf("version")}, Time: rapid.Int64Range(0, MaxInteger).Draw(t, "time"),
		At: syncengine.AuthorityPoint{Replica: syncengine.ReplicaID{Hash: hashOf("authority")}, Seq: rapid.Uint64Range(1, MaxInteger).Draw(t, "at")},
	}
	for _, p := range slices.Sorted(maps.Keys(values)) {
		w := syncengine.Write{Path: p, Value: values[p]}
		for range rapid.IntRange(0, 3).Draw(t, "over") {
			w.Over = append(w.Over, changeOf(rapid.StringN(1, 1, -1).Draw(t, "id")))
		}
		h.Writes = append(h.Writes, w)
	}
	h.Writes = rapid.Permutation(h.Writes).Draw(t, "order")
	return h
})

func drawLine(t *rapid.T) (*Line, syncengine.Header) {
	h := anyHeader.Draw(t, "header")
	l, err := NewLine(h, Salt(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "salt")))
	if err != nil {
		t.Fatal(err)
	}
	return l, h
}

// drawPaths draws some of the paths of a line.
func drawPaths(t *rapid.T, l *Line, label string) []syncengine.Path {
	var out []syncengine.Path
	for _, p := range allPaths(l) {
		if rapid.Bool().Draw(t, label) {
			out = append(out, p)
		}
	}
	return out
}

// same checks that a line survives its encoding and is still of the change.
func same(t *rapid.T, l *Line, id syncengine.ChangeID) {
	data := AppendLine(nil, l)
	got, err := DecodeLine(data, l.Change.Ledger)
	if err != nil {
		t.Fatalf("%v\n%s", err, data)
	}
	if got.Change.ID != id || ChangeIDOf(&got.Change.Header) != id {
		t.Fatalf("%s is of change %s, want %s", data, got.Change.ID, id)
	}
	if !reflect.DeepEqual(got, l) {
		t.Fatalf("%s decodes to\n%#v, want\n%#v", data, got, l)
	}
	if again := AppendLine(nil, got); string(again) != string(data) {
		t.Fatalf("%s encodes again as\n%s", data, again)
	}
}

func TestALineIsItsEncoding(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l, _ := drawLine(t)
		same(t, l, l.Change.ID)
		if err := Check(AppendLine(nil, l), MaxLineDepth); err != nil {
			t.Fatal(err)
		}
		if err := Check(l.AppendHeader(nil), MaxLineDepth); err != nil {
			t.Fatal(err)
		}
	})
}

func TestTheIDDoesNotDependOnTheOrderOfWrites(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l, h := drawLine(t)
		h.Writes = rapid.Permutation(h.Writes).Draw(t, "another order")
		for i := range h.Writes {
			h.Writes[i].Over = append(h.Writes[i].Over, h.Writes[i].Over...)
		}
		again, err := NewLine(h, l.Salt)
		if err != nil || again.Change.ID != l.Change.ID {
			t.Fatalf("%v: another id in another order", err)
		}
	})
}

// TestRedactionKeepsTheID is law L9 on the wire: no value, and nothing that confirms a guess of it, but the same change.
func TestRedactionKeepsTheID(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l, _ := drawLine(t)
		first := drawPaths(t, l, "first")
		once := l.Redact(first)
		twice := once.Redact(drawPaths(t, l, "second"))
		for _, l := range []*Line{once, twice, once.Strip()} {
			same(t, l, l.Change.ID)
		}
		for _, p := range first {
			if once.Change.Write(p).Value != "" || !slices.Contains(once.Missing(), p) {
				t.Fatalf("the value at %s is still held", p)
			}
		}
		if len(first) > 0 && (once.Form != Partial || once.Salt != Salt{}) {
			t.Fatal("the salt is still held")
		}
		if len(l.Missing()) != 0 {
			t.Fatal("redaction changed the line that it was asked of")
		}
	})
}

func TestFillingRestoresWhatWasTaken(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l, _ := drawLine(t)
		a, b := l.Redact(drawPaths(t, l, "first")), l.Redact(drawPaths(t, l, "second"))
		for _, pair := range [][2]*Line{{a, b}, {b, a}, {a, l.Strip()}, {l.Strip(), a}, {a, l}, {l, b}} {
			out, err := pair[0].Fill(pair[1])
			if err != nil {
				t.Fatal(err)
			}
			same(t, out, l.Change.ID)
			for i := range out.Change.Writes {
				w := &out.Change.Writes[i]
				held := pair[0].Change.Writes[i].Value != "" || pair[1].Change.Writes[i].Value != ""
				if held != (w.Value != "") || held && w.Value != l.Change.Writes[i].Value {
					t.Fatalf("the value at %s is %s", w.Path, w.Value)
				}
			}
		}
	})
}

func TestADigestDoesNotDependOnOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		entries := rapid.SliceOfN(rapid.Uint64Range(1, 1000), 1, 20).Draw(t, "sequences")
		rnd := rand.New(rand.NewPCG(1, rapid.Uint64().Draw(t, "seed")))
		var a, b Digest
		ledger := syncengine.LedgerID{Hash: hashOf("ledger")}
		for _, seq := range entries {
			a.Toggle(ledger, syncengine.ReplicaID{Hash: hashOf("replica")}, syncengine.Head{Seq: seq, Chain: hashOf("chain")})
		}
		rnd.Shuffle(len(entries), func(i, j int) { entries[i], entries[j] = entries[j], entries[i] })
		for _, seq := range entries {
			b.Toggle(ledger, syncengine.ReplicaID{Hash: hashOf("replica")}, syncengine.Head{Seq: seq, Chain: hashOf("chain")})
		}
		if a != b {
			t.Fatal("another digest in another order")
		}
		var back Digest
		if err := back.UnmarshalText([]byte(a.String())); err != nil || back != a {
			t.Fatalf("the text of a digest reads as %v, %v", back, err)
		}
	})
}
