package wire

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/arpenteur/arpenteur/syncengine"
)

func TestAnAuthorCannotMakeALineThatOthersWouldRefuse(t *testing.T) {
	for _, c := range []struct {
		name string
		edit func(h *syncengine.Header)
		code Code
	}{
		{"no ledger", func(h *syncengine.Header) { h.Ledger = syncengine.LedgerID{} }, CodeInvalid},
		{"no author", func(h *syncengine.Header) { h.Author = "" }, CodeInvalid},
		{"a name as author", func(h *syncengine.Header) { h.Author = `Jeanne "J" Martin` }, CodeInvalid},
		{"no kind", func(h *syncengine.Header) { h.Kind = "" }, CodeInvalid},
		{"no checklist", func(h *syncengine.Header) { h.Checklist = syncengine.VersionID{} }, CodeInvalid},
		{"no authority point", func(h *syncengine.Header) { h.At = syncengine.AuthorityPoint{} }, CodeInvalid},
		{"an authority point at 0", func(h *syncengine.Header) { h.At.Seq = 0 }, CodeInvalid},
		{"a sequence of 16 digits", func(h *syncengine.Header) { h.At.Seq = 1e15 }, CodeInvalid},
		{"a ruling of a record", func(h *syncengine.Header) {
			h.Ruling = &syncengine.Ruling{Type: syncengine.Void, Target: changeOf("a")}
		}, CodeInvalid},
		{"a genesis of a record", func(h *syncengine.Header) { h.Genesis = &syncengine.Genesis{} }, CodeInvalid},
		{"no write", func(h *syncengine.Header) { h.Writes = nil }, CodeInvalid},
		{"no presence of the record", func(h *syncengine.Header) { h.Writes = h.Writes[1:] }, CodeInvalid},
		{"no presence of an element", func(h *syncengine.Header) {
			h.Writes = append(h.Writes, syncengine.Write{Path: syncengine.Path("/signs/" + uuidOf("sign").String() + "/text"), Value: `"x"`})
		}, CodeInvalid},
		{"a path twice", func(h *syncengine.Header) { h.Writes = append(h.Writes, h.Writes[3]) }, CodeInvalid},
		{"a path with free text", func(h *syncengine.Header) { h.Writes[3].Path = "/chez Mme Martin" }, CodeInvalid},
		{"no value", func(h *syncengine.Header) { h.Writes[3].Value = "" }, CodeMalformed},
		{"a value that is not canonical", func(h *syncengine.Header) { h.Writes[3].Value = "2.0" }, CodeMalformed},
		{"a presence of 1", func(h *syncengine.Header) { h.Writes[0].Value = "1" }, CodeInvalid},
		{"a replaced change that is none", func(h *syncengine.Header) { h.Writes[3].Over = []syncengine.ChangeID{{}} }, CodeInvalid},
		{"a value of depth 29", func(h *syncengine.Header) {
			h.Writes[3].Value = syncengine.Value(strings.Repeat("[", 29) + strings.Repeat("]", 29))
		}, CodeTooDeep},
		{"values of more than 512 KiB", func(h *syncengine.Header) {
			long := syncengine.Value(`"` + strings.Repeat("x", 300<<10) + `"`)
			h.Writes[3].Value, h.Writes[4].Value = long, long
		}, CodeTooLarge},
		{"2049 paths", func(h *syncengine.Header) { h.Writes = manyWrites(2048) }, CodeTooLarge},
		{"4097 ids replaced", func(h *syncengine.Header) { h.Writes[3].Over = manyIDs(4097) }, CodeTooLarge},
		{"a header of more than 256 KiB", func(h *syncengine.Header) {
			h.Writes = manyWrites(2047)
			for i := range h.Writes[1:] {
				h.Writes[i+1].Path += syncengine.Path("/" + strings.Repeat("p", 64) + "/" + strings.Repeat("q", 64))
			}
		}, CodeTooLarge},
	} {
		h := observationHeader(t)
		c.edit(&h)
		if _, err := NewLine(h, saltOf("x")); CodeOf(err) != c.code {
			t.Errorf("%s: %v, want code %s", c.name, err, c.code)
		}
	}
}

func manyWrites(n int) []syncengine.Write {
	out := []syncengine.Write{{Path: "/", Value: syncengine.True}}
	for i := range n {
		out = append(out, syncengine.Write{Path: syncengine.Path(fmt.Sprintf("/n%d", i)), Value: syncengine.Null})
	}
	return out
}

func manyIDs(n int) []syncengine.ChangeID {
	out := make([]syncengine.ChangeID, n)
	for i := range out {
		out[i] = changeOf(fmt.Sprint(i))
	}
	return out
}

// TestTheLargestChangeFitsInAFrame takes every limit at once, in every form.
func TestTheLargestChangeFitsInAFrame(t *testing.T) {
	h := observationHeader(t)
	h.Writes = manyWrites(2047)
	h.Writes[1].Over = manyIDs(4096)
	h.Writes[2].Value = syncengine.Value(`"` + strings.Repeat("x", syncengine.MaxValueBytes-2047*4-2) + `"`)
	l := mustLine(t, h, "largest")
	for _, l := range []*Line{l, l.Redact([]syncengine.Path{"/"}), l.Strip()} {
		run := Run{Ledger: h.Ledger, Replica: replicaOf("tablet"), First: 1, Lines: [][]byte{AppendLine(nil, l)}}
		f, err := DecodeFrame(AppendFrame(nil, &run))
		if err != nil {
			t.Fatalf("%s: %v", l.Form.name(), err)
		}
		if lines, err := f.(*Run).Decode(); err != nil || lines[0].Change.ID != l.Change.ID {
			t.Errorf("%s: %v", l.Form.name(), err)
		}
	}
}

// TestTheDeepestValueFitsInAFrame writes a value as deep as EncodeValue makes them.
func TestTheDeepestValueFitsInAFrame(t *testing.T) {
	var v any
	for range MaxValueDepth {
		v = []any{v}
	}
	h := observationHeader(t)
	h.Writes[3].Value = encode(t, v)
	l := mustLine(t, h, "deepest")
	frame := AppendFrame(nil, &Values{Ledger: h.Ledger, Change: l.Change.ID, Line: AppendLine(nil, l)})
	if _, err := DecodeFrame(frame); err != nil {
		t.Error(err)
	}
	run := AppendFrame(nil, &Run{Ledger: h.Ledger, Replica: replicaOf("tablet"), First: 1, Lines: [][]byte{AppendLine(nil, l)}})
	if err := Check(run, MaxDepth); err != nil {
		t.Error(err)
	}
	if _, err := EncodeValue([]any{v}); !errors.Is(err, CodeTooDeep) {
		t.Errorf("one deeper: %v", err)
	}
}

func TestAWrongClockKeepsNoOneFromSaving(t *testing.T) {
	for given, want := range map[int64]int64{-1: 0, math.MinInt64: 0, 5: 5, math.MaxInt64: MaxInteger} {
		h := observationHeader(t)
		h.Time = given
		if got := mustLine(t, h, "clock").Change.Time; got != want {
			t.Errorf("time %d is kept as %d, want %d", given, got, want)
		}
	}
}

func TestNewLineLeavesItsArgumentsAlone(t *testing.T) {
	h := observationHeader(t)
	h.Writes[2].Over = []syncengine.ChangeID{changeOf("b"), changeOf("a"), changeOf("b")}
	l := mustLine(t, h, "x")
	if h.Writes[1].Path != "/place" || len(h.Writes[2].Over) != 3 || h.Writes[2].Over[0] != changeOf("b") {
		t.Error("the author's writes were sorted in place")
	}
	if got := l.Change.Write("/litter/rating").Over; len(got) != 2 {
		t.Errorf("over holds %d ids, want 2", len(got))
	}
}
