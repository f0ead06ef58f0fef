package ledger

import (
	"bytes"
	"errors"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/store"
)

var anyPosition = rapid.Custom(func(t *rapid.T) position {
	return position{rapid.Uint32().Draw(t, "log"), rapid.Uint64().Draw(t, "seq")}
})

var anyRecord = rapid.Custom(func(t *rapid.T) syncengine.RecordKey {
	k := syncengine.RecordKey{Kind: syncengine.Kind(rapid.StringMatching(`[a-z_]{1,4}`).Draw(t, "kind"))}
	copy(k.ID[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "id"))
	return k
})

func TestPositionsAreReadAsTheyWereWrittenAndSortByLogAndSequence(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		list := rapid.SliceOfN(anyPosition, 1, 4).Draw(t, "positions")
		var raw []byte
		for _, p := range list {
			raw = append(raw, p.key()...)
		}
		got, err := readPositions(raw)
		if err != nil || !slices.Equal(got, list) {
			t.Fatalf("%v, %v", got, err)
		}
		a, b := list[0], list[len(list)-1]
		if less := a.log < b.log || a.log == b.log && a.seq < b.seq; (bytes.Compare(a.key(), b.key()) < 0) != less {
			t.Fatalf("%v and %v sort otherwise", a, b)
		}
		if _, err := readPositions(raw[1:]); !errors.Is(err, store.ErrCorrupt) {
			t.Fatalf("of a length that is none: %v", err)
		}
	})
}

func TestRecordKeysAreReadAsTheyWereWrittenAndSortByKindAndID(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := anyRecord.Draw(t, "a"), anyRecord.Draw(t, "b")
		if got, err := readRecordKey(recordKey(a)); err != nil || got != a {
			t.Fatalf("%v, %v", got, err)
		}
		if bytes.Compare(recordKey(a), recordKey(b)) != compareRecordKeys(a, b) {
			t.Fatalf("%v and %v sort otherwise", a, b)
		}
	})
	for _, raw := range []string{"", "k", "observation", "observation+0123456789abcdef", "\x000123456789abcdef"} {
		if k, err := readRecordKey([]byte(raw)); !errors.Is(err, store.ErrCorrupt) {
			t.Errorf("%q is read as %v, %v", raw, k, err)
		}
	}
}

func TestALogIsReadAsItWasWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := &log{
			Replica: syncengine.ReplicaID{Hash: drawHash(t, "replica")}, Number: rapid.Uint32().Draw(t, "number"),
			Tip:  syncengine.Head{Seq: rapid.Uint64().Draw(t, "tip"), Chain: drawHash(t, "chain")},
			Full: rapid.Uint64().Draw(t, "full"), Since: rapid.Uint32().Draw(t, "since"), Sent: rapid.Uint64().Draw(t, "sent"),
		}
		g.Held = syncengine.Head{Seq: rapid.Uint64Range(0, g.Tip.Seq).Draw(t, "held"), Chain: drawHash(t, "chain")}
		g.Fork = rapid.Uint64Range(0, g.Tip.Seq).Draw(t, "fork")
		if g.Branch = rapid.Byte().Draw(t, "branch"); g.Branch > 0 {
			g.Parent = rapid.Uint32Range(1, 9).Draw(t, "parent")
		}
		key, raw := logKey(g.Replica, g.Branch), g.encode()
		got, err := decodeLog(key, raw)
		if err != nil || !reflect.DeepEqual(got, g) {
			t.Fatalf("%+v, %v", got, err)
		}
		if _, err := decodeLog(key, raw[1:]); !errors.Is(err, store.ErrCorrupt) {
			t.Fatalf("of another length: %v", err)
		}
	})
}
