package seal_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/arpenteur/arpenteur/syncengine/store"
	"github.com/arpenteur/arpenteur/syncengine/store/seal"
)

// newHeader returns a header and its key.
func newHeader(t testing.TB, passphrase string) (seal.Header, seal.Key) {
	t.Helper()
	h, key, err := seal.New([]byte(passphrase), cheap, nil)
	if err != nil {
		t.Fatal(err)
	}
	return h, key
}

// reread returns a header after it was encoded and parsed.
func reread(t testing.TB, h seal.Header) seal.Header {
	t.Helper()
	data, err := h.Encode()
	if err != nil {
		t.Fatal(err)
	}
	again, err := seal.Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(again, h) {
		t.Fatalf("%+v came back as %+v", h, again)
	}
	return again
}

func TestAHeaderOpensWithEachOfItsPassphrases(t *testing.T) {
	h, key := newHeader(t, "one")
	two, err := h.AddPassphrase(key, []byte("two"), cheap, nil)
	if err != nil {
		t.Fatal(err)
	}
	changed, err := two.Change([]byte("one"), []byte("three"), cheap, nil)
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		header seal.Header
		opens  string
	}{{h, "one"}, {two, "one two"}, {changed, "two three"}}
	for i, test := range tests {
		again := reread(t, test.header)
		for _, passphrase := range []string{"one", "two", "three"} {
			got, err := again.Open([]byte(passphrase))
			if strings.Contains(test.opens, passphrase) {
				if err != nil || got != key {
					t.Errorf("header %d with %q: error %v", i, passphrase, err)
				}
			} else if !errors.Is(err, store.ErrSealed) {
				t.Errorf("header %d with %q: got error %v", i, passphrase, err)
			}
		}
	}
	if _, err := h.AddPassphrase(seal.Key{}, []byte("two"), cheap, nil); !errors.Is(err, store.ErrSealed) {
		t.Errorf("a passphrase for another key: %v", err)
	}
	if _, err := h.AddPassphrase(key, nil, cheap, nil); !errors.Is(err, store.ErrSealed) {
		t.Errorf("an empty passphrase: %v", err)
	}
}

func TestAHeaderHoldsNothingOfItsSecrets(t *testing.T) {
	h, key := newHeader(t, "a passphrase")
	data, err := h.Encode()
	if err != nil {
		t.Fatal(err)
	}
	keyText, err := json.Marshal(key[:])
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range [][]byte{key[:], keyText, []byte("a passphrase")} {
		if bytes.Contains(data, secret) {
			t.Errorf("the header holds %q", secret)
		}
	}
	if text := fmt.Sprintf("%v %+v %#v %s", key, key, key, key); strings.Contains(text, fmt.Sprint(key[0], key[1])) {
		t.Errorf("a key is printed as %s", text)
	}
}

func TestSlotsOfOtherKindsAreKeptAndSkipped(t *testing.T) {
	h, key := newHeader(t, "passphrase")
	var slot seal.Slot
	other := `{"kind":"recovery","public":"AAAA","parts":[1,{"deep":null}],"time":4000000000}`
	if err := json.Unmarshal([]byte(other), &slot); err != nil || slot.Kind != "recovery" {
		t.Fatalf("kind %q, error %v", slot.Kind, err)
	}
	h, err := h.AddSlot(slot)
	if err != nil {
		t.Fatal(err)
	}
	h, err = reread(t, h).Change([]byte("passphrase"), []byte("new"), cheap, nil)
	if err != nil {
		t.Fatal(err)
	}
	data, err := h.Encode()
	if err != nil || !bytes.Contains(data, []byte(other)) {
		t.Fatalf("the slot became %s, error %v", data, err)
	}
	if got, err := reread(t, h).Open([]byte("new")); err != nil || got != key {
		t.Fatalf("got error %v", err)
	}
}

func TestAHeaderThatAsksForTooMuchIsRefused(t *testing.T) {
	for name, spoil := range map[string]func(h *seal.Header){
		"passes":          func(h *seal.Header) { h.Slots[0].Time = 17 },
		"no pass":         func(h *seal.Header) { h.Slots[0].Time = 0 },
		"memory":          func(h *seal.Header) { h.Slots[0].Memory = 1<<20 + 1 },
		"little memory":   func(h *seal.Header) { h.Slots[0].Memory = 7 },
		"threads":         func(h *seal.Header) { h.Slots[0].Threads = 17 },
		"no thread":       func(h *seal.Header) { h.Slots[0].Threads = 0 },
		"short salt":      func(h *seal.Header) { h.Slots[0].Salt = h.Slots[0].Salt[:15] },
		"long salt":       func(h *seal.Header) { h.Slots[0].Salt = make([]byte, 65) },
		"short nonce":     func(h *seal.Header) { h.Slots[0].Nonce = h.Slots[0].Nonce[1:] },
		"short key":       func(h *seal.Header) { h.Slots[0].Wrapped = h.Slots[0].Wrapped[1:] },
		"no kind":         func(h *seal.Header) { h.Slots[0].Kind = "" },
		"no slot":         func(h *seal.Header) { h.Slots = nil },
		"too many slots":  func(h *seal.Header) { h.Slots = append(h.Slots, make([]seal.Slot, 16)...) },
		"short check":     func(h *seal.Header) { h.Check = h.Check[1:] },
		"another version": func(h *seal.Header) { h.Version = 0 },
	} {
		h, _ := newHeader(t, "passphrase")
		spoil(&h)
		if _, err := h.Encode(); !errors.Is(err, store.ErrCorrupt) {
			t.Errorf("%s: encoded with error %v", name, err)
		}
		data, err := json.Marshal(h)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := seal.Parse(data); !errors.Is(err, store.ErrCorrupt) {
			t.Errorf("%s: parsed with error %v", name, err)
		}
		if _, err := h.Open([]byte("another passphrase")); !errors.Is(err, store.ErrSealed) {
			t.Errorf("%s: opened with error %v", name, err)
		}
	}
	for _, p := range []seal.Params{{Time: 17}, {Memory: 1<<20 + 1}, {Memory: 7}, {Threads: 17}} {
		if _, _, err := seal.New([]byte("passphrase"), p, nil); !errors.Is(err, store.ErrCorrupt) {
			t.Errorf("%+v: got error %v", p, err)
		}
	}
	if _, err := seal.Parse(bytes.Repeat([]byte(" "), 1<<20)); !errors.Is(err, store.ErrCorrupt) {
		t.Errorf("a huge header: %v", err)
	}
}

func TestASealHasRoomForSixteenSlots(t *testing.T) {
	h, key := newHeader(t, "0")
	var err error
	for n := 1; n < 16; n++ {
		if h, err = h.AddPassphrase(key, []byte(fmt.Sprint(n)), cheap, nil); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := reread(t, h).Open([]byte("15")); err != nil {
		t.Fatal(err)
	}
	if _, err := h.AddPassphrase(key, []byte("16"), cheap, nil); !errors.Is(err, store.ErrTooLarge) {
		t.Fatalf("got error %v", err)
	}
}

func TestWithoutRandomnessThereIsNoHeader(t *testing.T) {
	failure := errors.New("no randomness")
	h, key := newHeader(t, "passphrase")
	for _, enough := range []int64{0, 32, 48} {
		random := iotest.TimeoutReader(iotest.OneByteReader(bytes.NewReader(make([]byte, enough))))
		if _, _, err := seal.New([]byte("passphrase"), cheap, random); err == nil {
			t.Errorf("a header of %d random bytes", enough)
		}
	}
	if _, err := h.AddPassphrase(key, []byte("two"), cheap, iotest.ErrReader(failure)); !errors.Is(err, failure) {
		t.Errorf("got error %v", err)
	}
	if _, err := h.Change([]byte("passphrase"), []byte("two"), cheap, iotest.ErrReader(failure)); !errors.Is(err, failure) {
		t.Errorf("got error %v", err)
	}
}

// FuzzParse parses headers of any content. What is accepted comes back the same when it is encoded and parsed again.
func FuzzParse(f *testing.F) {
	h, _ := newHeader(f, "passphrase")
	data, err := h.Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add(bytes.Replace(data, []byte(`"passphrase"`), []byte(`"recovery"`), 1))
	f.Add([]byte(`{"version":2}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		h, err := seal.Parse(data)
		if err != nil {
			if !errors.Is(err, store.ErrCorrupt) && !errors.Is(err, store.ErrNewer) {
				t.Fatalf("got error %v", err)
			}
			return
		}
		text, err := h.Encode()
		if errors.Is(err, store.ErrTooLarge) {
			return // escaping can make it longer
		}
		if err != nil {
			t.Fatal(err)
		}
		again, err := seal.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if twice, err := again.Encode(); err != nil || !bytes.Equal(twice, text) {
			t.Fatalf("encoded as %s, then as %s, error %v", text, twice, err)
		}
	})
}

// BenchmarkOpenDefault tries one passphrase at the default cost.
func BenchmarkOpenDefault(b *testing.B) {
	h, _, err := seal.New([]byte("passphrase"), seal.Params{}, nil)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := h.Open([]byte("passphrase")); err != nil {
			b.Fatal(err)
		}
	}
}
