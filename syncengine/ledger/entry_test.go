package ledger

import (
	"bytes"
	"errors"
	"math"
	"reflect"
	"runtime"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/store"
)

var someKey = syncengine.RecordKey{Kind: "observation", ID: syncengine.RecordID{1, 2, 3}}

func drawHash(t *rapid.T, label string) (h syncengine.Hash) {
	copy(h[:], rapid.SliceOfN(rapid.Byte(), 3, 3).Draw(t, label))
	return h
}

func drawIDs(t *rapid.T, label string) []syncengine.ChangeID {
	var out []syncengine.ChangeID
	for range rapid.IntRange(0, 3).Draw(t, label) {
		out = append(out, syncengine.ChangeID{Hash: drawHash(t, "id")})
	}
	return out
}

var (
	words  = rapid.SampledFrom([]string{"", "a", "cleanliness", "é\"\x00"})
	times  = rapid.SampledFrom([]int64{0, 1, -1, 1 << 45, math.MaxInt64, math.MinInt64})
	counts = rapid.OneOf(rapid.Uint64Range(0, 300), rapid.SampledFrom([]uint64{1 << 40, math.MaxUint64}))
)

// drawEntry draws an entry as merge makes them: lineages, survivors and verdicts of any kind.
func drawEntry(t *rapid.T) *Entry {
	e := newEntry(someKey)
	e.positions = make([]position, rapid.IntRange(0, 4).Draw(t, "positions"))
	for i := range e.positions {
		e.positions[i] = position{rapid.Uint32().Draw(t, "log"), counts.Draw(t, "seq")}
	}
	for _, lineage := range rapid.SliceOfNDistinct(words, 0, 3, rapid.ID).Draw(t, "lineages") {
		e.read[lineage] = syncengine.VersionID{Hash: drawHash(t, "version")}
		if rapid.Bool().Draw(t, "effective") {
			e.State.Lineages = append(e.State.Lineages, lineage)
		}
	}
	if slices.Sort(e.State.Lineages); len(e.State.Lineages) > 0 {
		e.State.Version = e.read[e.State.Lineages[0]]
	}
	writers := make([]syncengine.Survivor, 3)
	for i := range writers {
		writers[i] = syncengine.Survivor{
			Change: syncengine.ChangeID{Hash: syncengine.Hash{byte(i)}}, Author: syncengine.AccountID(words.Draw(t, "author")),
			Time: times.Draw(t, "time"), Untimed: rapid.Bool().Draw(t, "untimed"),
		}
	}
	for _, path := range rapid.SliceOfNDistinct(words, 0, 3, rapid.ID).Draw(t, "paths") {
		r := &syncengine.Register{Absent: drawIDs(t, "absent")}
		for _, s := range rapid.Permutation(writers).Draw(t, "writers")[:rapid.IntRange(0, 3).Draw(t, "survivors")] {
			s.Value = syncengine.Value(words.Draw(t, "value"))
			s.Erased = s.Value == ""
			r.Survivors = append(r.Survivors, s)
		}
		if len(r.Survivors) > 0 || len(r.Absent) > 0 { // an empty register is not kept
			e.State.Registers[syncengine.Path(path)] = r
		}
	}
	for _, id := range drawIDs(t, "idle") {
		e.State.Idle[id] = drawIdle(t)
	}
	for range rapid.IntRange(0, 2).Draw(t, "violations") {
		e.Violations = append(e.Violations, syncengine.Violation{
			Path: syncengine.Path(words.Draw(t, "path")), Rule: words.Draw(t, "rule"), Message: words.Draw(t, "message"),
		})
	}
	return e
}

func drawIdle(t *rapid.T) *syncengine.Idle {
	x := &syncengine.Idle{}
	x.Verdict = syncengine.Verdict{
		Status: syncengine.Status(rapid.IntRange(0, 2).Draw(t, "status")), Reason: syncengine.Reason(words.Draw(t, "reason")),
		Path: syncengine.Path(words.Draw(t, "path")), Untimed: rapid.Bool().Draw(t, "untimed"),
	}
	x.Verdict.Missing.Authority = syncengine.AuthorityPoint{Replica: syncengine.ReplicaID{Hash: drawHash(t, "replica")}, Seq: counts.Draw(t, "seq")}
	x.Verdict.Missing.Version.Hash = drawHash(t, "missing")
	for range rapid.IntRange(0, 2).Draw(t, "over") {
		x.Over = append(x.Over, syncengine.Write{Path: syncengine.Path(words.Draw(t, "path")), Over: drawIDs(t, "over ids")})
	}
	return x
}

func TestAnEntryIsReadAsItWasWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := drawEntry(t)
		raw := e.encode()
		got, err := decodeEntry(someKey, raw)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, e) {
			t.Fatalf("read %+v\nof %+v", got, e)
		}
		if again := got.encode(); !bytes.Equal(again, raw) {
			t.Fatalf("encoded again it is\n%x\nnot\n%x", again, raw)
		}
	})
}

func TestAnEntryThatWasCutOrLengthenedIsDamaged(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		raw := drawEntry(t).encode()
		for n := range raw {
			if _, err := decodeEntry(someKey, raw[:n]); !errors.Is(err, store.ErrCorrupt) {
				t.Fatalf("cut to %d bytes of %d: %v", n, len(raw), err)
			}
		}
		if _, err := decodeEntry(someKey, append(raw, 0)); !errors.Is(err, store.ErrCorrupt) {
			t.Fatalf("one byte longer: %v", err)
		}
	})
}

func TestAnEntryOfOtherMergeRulesGivesItsPositionsAlone(t *testing.T) {
	e := newEntry(someKey)
	e.positions = []position{{1, 2}, {3, 4}}
	raw := append(e.encode(), "what a later engine adds"...)
	raw[0] = engineVersion + 1
	got, err := decodeEntry(someKey, raw)
	if err != nil || !slices.Equal(got.positions, e.positions) || got.engine == engineVersion {
		t.Errorf("%+v, %v", got, err)
	}
}

// allocated returns how many bytes fn allocates.
func allocated(fn func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	fn()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

func TestNoLengthInAnEntryAsksForMoreMemoryThanTheEntryExplains(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		raw := append(drawEntry(t).encode(), make([]byte, 64<<10)...)
		i := rapid.IntRange(0, len(raw)-64<<10-1).Draw(t, "at")
		raw = slices.Insert(raw, i, rapid.SampledFrom([][]byte{{0xff, 0xff, 3}, {0xff, 0x7f}, {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1}}).Draw(t, "length")...)
		if n := allocated(func() { _, _ = decodeEntry(someKey, raw) }); n > uint64(400*len(raw)) { // two bytes can make a survivor of ninety, and a list that grows is copied
			t.Fatalf("%d bytes for an entry of %d", n, len(raw))
		}
	})
}

func FuzzAnyBytesAreAnEntryOrDamaged(f *testing.F) {
	e := newEntry(someKey)
	f.Add(e.encode())
	e.positions = []position{{1, 2}}
	e.read["cleanliness"] = syncengine.VersionID{Hash: syncengine.Hash{1}}
	e.State.Lineages = []string{"cleanliness"}
	e.State.Registers["/note"] = &syncengine.Register{Survivors: []syncengine.Survivor{{Value: `"a"`, Author: "c1"}}, Absent: []syncengine.ChangeID{{}}}
	e.State.Idle[syncengine.ChangeID{}] = &syncengine.Idle{Over: []syncengine.Write{{Path: "/note", Over: []syncengine.ChangeID{{}}}}}
	e.Violations = []syncengine.Violation{{Path: "/", Rule: "r", Message: "m"}}
	f.Add(e.encode())
	f.Fuzz(func(t *testing.T, raw []byte) {
		e, err := decodeEntry(someKey, raw)
		if err != nil {
			if !errors.Is(err, store.ErrCorrupt) {
				t.Fatal(err)
			}
			return
		}
		if e.engine != engineVersion {
			return
		}
		again, err := decodeEntry(someKey, e.encode())
		if err != nil || !bytes.Equal(again.encode(), e.encode()) {
			t.Fatalf("what was read can't be written: %v", err)
		}
	})
}
