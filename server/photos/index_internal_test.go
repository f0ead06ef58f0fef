package photos

import (
	"context"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/store"
	"github.com/arpenteur/arpenteur/syncengine/store/storetest"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

var someLedger = syncengine.LedgerID{Hash: syncengine.Hash{7}}

// TestCountsAndListsAreWhatALookAtEverythingGives holds the numbers that are kept against those that are counted anew after every step.
func TestCountsAndListsAreWhatALookAtEverythingGives(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := storetest.NewMemory()
		a := New(Options{Store: s})
		name := func(n int) wire.PhotoName {
			return wire.PhotoName{Ledger: someLedger, Hash: syncengine.Hash{1, byte(n)}}
		}
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			p := name(rapid.IntRange(0, 3).Draw(t, "photo"))
			key := slices.Concat(p.Hash[:], make([]byte, 2*hashBytes))
			key[hashBytes] = byte(rapid.IntRange(1, 3).Draw(t, "replica"))
			key[2*hashBytes] = byte(rapid.IntRange(1, 2).Draw(t, "change"))
			step := rapid.SampledFrom([]string{"refer", "idle", "drop", "arrive", "forget", "bar", "save"}).Draw(t, "step")
			err := s.Update(context.Background(), func(w store.Writer) error {
				refer := func(value []byte) error {
					return alter(w, p, func(*State) error {
						if value == nil {
							return w.Delete(spaceRefs, someLedger, key)
						}
						return w.Put(spaceRefs, someLedger, key, value)
					})
				}
				switch step {
				case "refer":
					return refer([]byte{1})
				case "idle":
					return refer([]byte{0})
				case "drop":
					return refer(nil)
				case "arrive":
					return arrive(w, p, 100, 5)
				case "forget":
					return forget(w, p)
				case "bar":
					return bar(w, p)
				}
				return nil
			})
			if err == nil && step == "save" {
				_, err = a.Saved(context.Background(), someLedger, uint64(rapid.IntRange(0, 5).Draw(t, "arrival")))
			}
			if err != nil {
				t.Fatal(err)
			}
			compareWithNaive(t, s)
		}
	})
}

func compareWithNaive(t *rapid.T, s store.Store) {
	err := s.View(context.Background(), func(r store.Reader) error {
		want := map[syncengine.ReplicaID]Counts{}
		unsaved, loose := map[syncengine.Hash]bool{}, map[syncengine.Hash]bool{}
		seen := map[wire.PhotoName]bool{}
		err := r.Scan(spaceRefs, someLedger, nil, nil, func(key, _ []byte) (bool, error) {
			seen[wire.PhotoName{Ledger: someLedger, Hash: syncengine.Hash(key[:hashBytes])}] = true
			return true, nil
		})
		if err != nil {
			return err
		}
		err = eachState(r, someLedger, nil, func(p Photo) (bool, error) {
			unsaved[p.Hash] = p.Held() && !p.Saved
			loose[p.Hash] = p.Held() && !seen[p.PhotoName]
			return true, nil
		})
		if err != nil {
			return err
		}
		for p := range seen {
			state, err := Find(r, p)
			if err != nil {
				return err
			}
			who, err := refsOf(r, p)
			if err != nil {
				return err
			}
			for replica := range who.counted {
				c := want[replica]
				switch {
				case state.Barred:
				case !state.Held():
					c.Missing++
				case !state.Saved:
					c.Unsaved++
				}
				want[replica] = c
			}
		}
		for n := range 4 {
			replica := syncengine.ReplicaID{Hash: syncengine.Hash{byte(n)}}
			got, err := CountsOf(r, someLedger, replica)
			if err != nil || got != want[replica] {
				t.Fatalf("replica %d: %+v, counted anew %+v, %v", n, got, want[replica], err)
			}
		}
		listed := func(space store.Space, hash func(key, value []byte) []byte, want map[syncengine.Hash]bool) error {
			n := 0
			for _, on := range want {
				if on {
					n++
				}
			}
			return r.Scan(space, someLedger, nil, nil, func(key, value []byte) (bool, error) {
				if n--; n < 0 || !want[syncengine.Hash(hash(key, value))] {
					t.Fatalf("%s holds %x", space, hash(key, value))
				}
				return true, nil
			})
		}
		if err := listed(spaceUnsaved, func(_, value []byte) []byte { return value }, unsaved); err != nil {
			return err
		}
		return listed(spaceLoose, func(key, _ []byte) []byte { return key }, loose)
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestKeysLeadBackToTheirPhotos(t *testing.T) {
	p := wire.PhotoName{Ledger: someLedger, Hash: syncengine.Hash{0xab, 2, 3}}
	if got, ok := ParseKey(Key(p)); !ok || got != p {
		t.Errorf("%s is read as %+v", Key(p), got)
	}
	u := Upload{syncengine.ReplicaID{Hash: syncengine.Hash{9}}, p}
	if got, ok := parsePartial(u.key()); !ok || got != p {
		t.Errorf("%s is read as %+v", u.key(), got)
	}
	for _, key := range []string{"", "a/b/c", u.key(), thumbnailKey(p), Key(p)[1:], Key(p) + "0"} {
		if _, ok := ParseKey(key); ok {
			t.Errorf("%q is taken for the key of a photo", key)
		}
	}
	if _, ok := parsePartial(Key(p)); ok {
		t.Error("the key of a photo is taken for that of a partial")
	}
}
