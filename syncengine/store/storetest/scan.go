package storetest

import (
	"fmt"
	"slices"
	"testing"

	"github.com/arpenteur/arpenteur/syncengine/store"
)

// scanTests are about the order and the bounds of scans.
func scanTests() []conformanceTest {
	return []conformanceTest{
		{"keys are ordered by bytes", testOrder},
		{"scans keep their bounds", testBounds},
		{"a scan stops when it is told to", testStop},
		{"a scan may read and write other spaces", testScanWriting},
		{"a scan passes keys deleted and put before it", testScanHoles},
	}
}

// scanned returns the keys that a scan of ledger 1 meets.
func scanned(t fatal, r store.Reader, space store.Space, from, to []byte, back bool) []string {
	t.Helper()
	var keys []string
	scan := r.Scan
	if back {
		scan = r.ScanBack
	}
	err := scan(space, ledger(1), from, to, func(k, v []byte) (bool, error) {
		if v := string(v); v != "v"+string(k) && v != "new" {
			t.Fatalf("key %q came with value %q", k, v)
		}
		keys = append(keys, string(k))
		return true, nil
	})
	if err != nil {
		t.Fatalf("scan: %v", err)
	}
	return keys
}

// fill puts a value at each key in ledger 1.
func fill(w store.Writer, space store.Space, keys ...string) error {
	for _, key := range keys {
		if err := w.Put(space, ledger(1), []byte(key), []byte("v"+key)); err != nil {
			return err
		}
	}
	return nil
}

// reversed returns keys in the other order.
func reversed(keys []string) []string {
	out := slices.Clone(keys)
	slices.Reverse(out)
	return out
}

func testOrder(t *testing.T, b Backend) {
	// By bytes: no collation, no difference between text and other bytes, a prefix before what it begins.
	sorted := []string{
		"\x00", "\x00\x00", "\x00\xff", "\x01", "10", "9", "A", "Z", "Z\x00", "a", "a\x00", "a\x00b", "aa", "ab", "b", "e", "e\u0301", "z",
		"\x7f", "\x80", "\u00e9", "\u0153", "\xfe\xff", "\xff", "\xff\x00", "\xff\xff", "\xff\xff\xff",
	}
	s := b.open(t)
	update(t, s, func(w store.Writer) error {
		mixed := slices.Clone(sorted)
		for i := range mixed {
			j := (i * 17) % len(mixed)
			mixed[i], mixed[j] = mixed[j], mixed[i]
		}
		return fill(w, spaceA, mixed...)
	})
	view(t, s, func(r store.Reader) error {
		if got := scanned(t, r, spaceA, nil, nil, false); !slices.Equal(got, sorted) {
			t.Errorf("got  %q\nwant %q", got, sorted)
		}
		if got := scanned(t, r, spaceA, nil, nil, true); !slices.Equal(got, reversed(sorted)) {
			t.Errorf("back: got %q", got)
		}
		return nil
	})
}

func testBounds(t *testing.T, b Backend) {
	s := b.open(t)
	update(t, s, func(w store.Writer) error {
		if err := fill(w, spaceB, "a", "z"); err != nil { // neighbours that must not be met
			return err
		}
		return fill(w, spaceA, "b", "d", "d\x00", "f", "\xff")
	})
	tests := []struct {
		from, to []byte
		want     []string
	}{
		{nil, nil, []string{"b", "d", "d\x00", "f", "\xff"}},
		{[]byte{}, nil, []string{"b", "d", "d\x00", "f", "\xff"}},
		{nil, []byte{}, nil},
		{[]byte{}, []byte{}, nil},
		{[]byte("a"), []byte("z"), []string{"b", "d", "d\x00", "f"}},
		{[]byte("b"), []byte("f"), []string{"b", "d", "d\x00"}},
		{[]byte("b\x00"), []byte("d\x00"), []string{"d"}},
		{[]byte("d"), []byte("d"), nil},
		{[]byte("d"), []byte("d\x00"), []string{"d"}},
		{[]byte("f"), []byte("b"), nil},
		{[]byte("c"), nil, []string{"d", "d\x00", "f", "\xff"}},
		{nil, []byte("c"), []string{"b"}},
		{nil, []byte("b"), nil},
		{nil, []byte("a"), nil},
		{[]byte("\xff"), nil, []string{"\xff"}},
		{[]byte("\xff"), []byte("\xff\xff"), []string{"\xff"}},
		{[]byte("\xff\x00"), nil, nil},
	}
	check := func(r store.Reader) error {
		for _, test := range tests {
			if got := scanned(t, r, spaceA, test.from, test.to, false); !slices.Equal(got, test.want) {
				t.Errorf("from %q to %q: got %q, want %q", test.from, test.to, got, test.want)
			}
			if got := scanned(t, r, spaceA, test.from, test.to, true); !slices.Equal(got, reversed(test.want)) {
				t.Errorf("back, from %q to %q: got %q, want %q", test.from, test.to, got, reversed(test.want))
			}
			if got := scanned(t, r, spaceC, test.from, test.to, false); got != nil {
				t.Errorf("an empty space: got %q", got)
			}
		}
		return nil
	}
	view(t, s, check)
	update(t, s, func(w store.Writer) error { return check(w) })
}

func testStop(t *testing.T, b Backend) {
	s := b.open(t)
	update(t, s, func(w store.Writer) error { return fill(w, spaceA, "a", "b", "c", "d") })
	view(t, s, func(r store.Reader) error {
		for _, scan := range []func(fn func(_, _ []byte) (bool, error)) error{
			func(fn func(_, _ []byte) (bool, error)) error { return r.Scan(spaceA, ledger(1), nil, nil, fn) },
			func(fn func(_, _ []byte) (bool, error)) error { return r.ScanBack(spaceA, ledger(1), nil, nil, fn) },
		} {
			calls := 0
			if err := scan(func(_, _ []byte) (bool, error) { calls++; return calls < 2, nil }); err != nil || calls != 2 {
				t.Errorf("a scan told to stop at 2: %d calls and error %v", calls, err)
			}
			calls = 0
			want(t, "scan", scan(func(_, _ []byte) (bool, error) { calls++; return true, errRefused }), errRefused)
			if calls != 1 {
				t.Errorf("a scan that failed at once: %d calls", calls)
			}
		}
		return nil
	})
}

// testScanWriting moves what a scan meets to other places, enough of it to fill several pages of any backend.
func testScanWriting(t *testing.T, b Backend) {
	s := b.open(t)
	const n = 400
	value := make([]byte, 300)
	update(t, s, func(w store.Writer) error {
		for i := range n {
			if err := w.Put(spaceA, ledger(1), fmt.Appendf(nil, "%04d", i), value); err != nil {
				return err
			}
			if err := w.Put(spaceB, ledger(1), fmt.Appendf(nil, "%04d", i), value); err != nil {
				return err
			}
		}
		return nil
	})
	update(t, s, func(w store.Writer) error {
		met := 0
		err := w.Scan(spaceA, ledger(1), nil, nil, func(k, v []byte) (bool, error) {
			met++
			if err := w.Put(spaceC, ledger(1), k, v); err != nil {
				return false, err
			}
			if err := w.Put(spaceA, ledger(2), k, v); err != nil {
				return false, err
			}
			return true, w.Delete(spaceB, ledger(1), k)
		})
		if met != n {
			t.Errorf("met %d keys, want %d", met, n)
		}
		return err
	})
	view(t, s, func(r store.Reader) error {
		for _, place := range []struct {
			space store.Space
			in    byte
			want  int
		}{{spaceA, 1, n}, {spaceB, 1, 0}, {spaceC, 1, n}, {spaceA, 2, n}} {
			got := 0
			err := r.Scan(place.space, ledger(place.in), nil, nil, func(_, _ []byte) (bool, error) { got++; return true, nil })
			if err != nil || got != place.want {
				t.Errorf("space %q of ledger %d holds %d keys, want %d (error %v)", place.space, place.in, got, place.want, err)
			}
		}
		return nil
	})
}

// testScanHoles scans after the same transaction emptied whole stretches, again enough to empty several pages of any backend.
func testScanHoles(t *testing.T, b Backend) {
	key := func(i int) []byte { return fmt.Appendf(nil, "%04d", i) }
	const n = 400
	tests := []struct {
		name     string
		from, to int // of what is deleted
	}{{"all", 0, n}, {"head", 0, 350}, {"middle", 50, 350}, {"tail", 50, n}, {"all but the last", 0, n - 1}, {"all but the first", 1, n}}
	for _, test := range tests {
		s := b.open(t)
		update(t, s, func(w store.Writer) error {
			for i := range n {
				if err := w.Put(spaceA, ledger(1), key(i), make([]byte, 300)); err != nil {
					return err
				}
			}
			return nil
		})
		count := func(r store.Reader) (forth, back, late int) {
			one := func(into *int) func(_, _ []byte) (bool, error) {
				return func(_, _ []byte) (bool, error) { *into++; return true, nil }
			}
			for _, err := range []error{
				r.Scan(spaceA, ledger(1), nil, nil, one(&forth)),
				r.ScanBack(spaceA, ledger(1), nil, nil, one(&back)),
				r.ScanBack(spaceA, ledger(1), nil, key(n-10), one(&late)),
			} {
				if err != nil {
					t.Fatalf("%s: scan: %v", test.name, err)
				}
			}
			return forth, back, late
		}
		left := n - (test.to - test.from)
		belowLate := n - 10 - (min(test.to, n-10) - test.from)
		check := func(r store.Reader) error {
			if forth, back, late := count(r); forth != left || back != left || late != belowLate {
				t.Errorf("%s deleted: met %d, %d back, %d back from late, want %d, %d, %d", test.name, forth, back, late, left, left, belowLate)
			}
			return nil
		}
		update(t, s, func(w store.Writer) error {
			for i := test.from; i < test.to; i++ {
				if err := w.Delete(spaceA, ledger(1), key(i)); err != nil {
					return err
				}
			}
			return check(w)
		})
		view(t, s, check)
	}
}
