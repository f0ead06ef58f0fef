package storetest

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/store"
)

// contractTests are the parts of the contract that one goroutine can tell. Where nothing of a store outlives Close, there is nothing
// to reopen.
func contractTests(b Backend) []conformanceTest {
	tests := []conformanceTest{
		{"a value is read back until it is deleted", testReadBack},
		{"spaces and ledgers don't mix", testPlaces},
		{"empty and oversized keys and values are refused", testLimits},
		{"the largest key and value are taken", testLargest},
		{"the store keeps copies", testCopies},
		{"a writer sees its writes", testOwnWrites},
		{"a failed update keeps nothing", testFailure},
		{"a panic keeps nothing and goes on to the caller", testPanic},
		{"ledgers are listed in order while they hold a key", testLedgers},
		{"an fn of Ledgers may write", testLedgersWriting},
		{"a done context is answered and fn not run", testDoneContext},
		{"an update that is started completes", testStartedContext},
		{"a reader ends with its fn", testEndedReader},
		{"a closed store answers ErrClosed", testClosed},
		{"close waits for running transactions", testCloseWaits},
	}
	if b.Reopen != nil {
		tests = append(tests, conformanceTest{"what was committed is there after reopening", testReopen})
	}
	return tests
}

func testReadBack(t *testing.T, b Backend) {
	s := b.open(t)
	steps := []struct{ put, want string }{{"one", "one"}, {"two", "two"}, {"", ""}, {"three", "three"}, {"", ""}, {"", ""}}
	for i, step := range steps {
		update(t, s, func(w store.Writer) error {
			if step.put == "" {
				return w.Delete(spaceA, ledger(1), []byte("key"))
			}
			return w.Put(spaceA, ledger(1), []byte("key"), []byte(step.put))
		})
		if got := get(t, s, spaceA, ledger(1), "key"); got != step.want {
			t.Fatalf("step %d: got %q, want %q", i, got, step.want)
		}
	}
	for _, key := range []string{"", "k", "key\x00", "kez", strings.Repeat("k", store.MaxKeyBytes+1)} {
		if got := get(t, s, spaceA, ledger(1), key); got != "" {
			t.Fatalf("key %q: got %q, want nothing", key, got)
		}
		update(t, s, func(w store.Writer) error { return w.Delete(spaceA, ledger(1), []byte(key)) })
	}
}

func testPlaces(t *testing.T, b Backend) {
	s := b.open(t)
	update(t, s, func(w store.Writer) error {
		for _, space := range spaces() {
			for n := range byte(3) {
				if err := w.Put(space, ledger(n), []byte("key"), fmt.Appendf(nil, "%q %d", space, n)); err != nil {
					return err
				}
			}
		}
		return nil
	})
	update(t, s, func(w store.Writer) error { return w.Delete(spaceB, ledger(1), []byte("key")) })
	for _, space := range spaces() {
		for n := range byte(3) {
			expected := fmt.Sprintf("%q %d", space, n)
			if space == spaceB && n == 1 {
				expected = ""
			}
			if got := get(t, s, space, ledger(n), "key"); got != expected {
				t.Errorf("space %q, ledger %d: got %q, want %q", space, n, got, expected)
			}
		}
	}
}

func testLimits(t *testing.T, b Backend) {
	s := b.open(t)
	long := make([]byte, store.MaxKeyBytes+1)
	huge := make([]byte, store.MaxValueBytes+store.SealBytes+1)
	tests := []struct {
		name       string
		space      store.Space
		key, value []byte
		want       error
	}{
		{"no space", "", []byte("k"), []byte("v"), store.ErrEmpty},
		{"nil key", spaceA, nil, []byte("v"), store.ErrEmpty},
		{"empty key", spaceA, []byte{}, []byte("v"), store.ErrEmpty},
		{"nil value", spaceA, []byte("k"), nil, store.ErrEmpty},
		{"empty value", spaceA, []byte("k"), []byte{}, store.ErrEmpty},
		{"long space", store.Space(long), []byte("k"), []byte("v"), store.ErrTooLarge},
		{"long key", spaceA, long, []byte("v"), store.ErrTooLarge},
		{"huge value", spaceA, []byte("k"), huge, store.ErrTooLarge},
	}
	for _, test := range tests {
		err := s.Update(context.Background(), func(w store.Writer) error {
			return w.Put(test.space, ledger(1), test.key, test.value)
		})
		want(t, test.name, err, test.want)
	}
	update(t, s, func(w store.Writer) error {
		want(t, "put", w.Put(spaceA, ledger(1), nil, []byte("v")), store.ErrEmpty)
		return w.Put(spaceA, ledger(1), []byte("k"), []byte("a refused put spoils nothing"))
	})
	if got := get(t, s, spaceA, ledger(1), "k"); got == "" {
		t.Fatal("the update that met a refused put was lost")
	}
}

func testLargest(t *testing.T, b Backend) {
	s := b.open(t)
	key := bytes.Repeat([]byte{0xff}, store.MaxKeyBytes)
	value := bytes.Repeat([]byte("0123456789abcdef"), store.MaxValueBytes/16)
	update(t, s, func(w store.Writer) error { return w.Put(store.Space(key), ledger(1), key, value) })
	view(t, s, func(r store.Reader) error {
		got, err := r.Get(store.Space(key), ledger(1), key)
		if err == nil && !bytes.Equal(got, value) {
			t.Errorf("the largest value came back changed, with %d bytes", len(got))
		}
		return err
	})
}

func testCopies(t *testing.T, b Backend) {
	s := b.open(t)
	update(t, s, func(w store.Writer) error {
		key, value := []byte("key"), []byte("value")
		if err := w.Put(spaceA, ledger(1), key, value); err != nil {
			return err
		}
		copy(key, "xxx")
		copy(value, "xxxxx")
		return w.Put(spaceA, ledger(1), []byte("other"), value)
	})
	if got := get(t, s, spaceA, ledger(1), "key"); got != "value" {
		t.Fatalf("got %q, want %q", got, "value")
	}
}

func testOwnWrites(t *testing.T, b Backend) {
	s := b.open(t)
	put(t, s, spaceA, ledger(1), "kept", "old")
	put(t, s, spaceA, ledger(1), "gone", "old")
	update(t, s, func(w store.Writer) error {
		for key, value := range map[string]string{"kept": "new", "made": "new"} {
			if err := w.Put(spaceA, ledger(1), []byte(key), []byte(value)); err != nil {
				return err
			}
		}
		if err := w.Delete(spaceA, ledger(1), []byte("gone")); err != nil {
			return err
		}
		for key, expected := range map[string]string{"kept": "new", "made": "new", "gone": ""} {
			if got, err := w.Get(spaceA, ledger(1), []byte(key)); err != nil || string(got) != expected {
				t.Errorf("%s: got %q and error %v, want %q", key, got, err, expected)
			}
		}
		if got := scanned(t, w, spaceA, nil, nil, false); !slices.Equal(got, []string{"kept", "made"}) {
			t.Errorf("scan: got %q", got)
		}
		if got := scanned(t, w, spaceA, nil, nil, true); !slices.Equal(got, []string{"made", "kept"}) {
			t.Errorf("scan back: got %q", got)
		}
		return nil
	})
}

func testFailure(t *testing.T, b Backend) {
	s := b.open(t)
	put(t, s, spaceA, ledger(1), "kept", "old")
	before := dump(t, s)
	err := s.Update(context.Background(), func(w store.Writer) error {
		scribble(t, w)
		return errRefused
	})
	if err != errRefused { //nolint:errorlint // an error of fn comes back as it is
		t.Fatalf("got error %v, want fn's own", err)
	}
	if after := dump(t, s); after != before {
		t.Fatalf("a failed update left\n%q", after)
	}
	err = s.View(context.Background(), func(store.Reader) error { return errRefused })
	if err != errRefused { //nolint:errorlint // as above
		t.Fatalf("view: got error %v, want fn's own", err)
	}
	put(t, s, spaceA, ledger(1), "next", "new")
}

// scribble makes and removes this and that.
func scribble(t fatal, w store.Writer) {
	for n := range byte(3) {
		for _, space := range spaces() {
			if err := w.Put(space, ledger(n), []byte("scribbled"), []byte("value")); err != nil {
				t.Fatalf("put: %v", err)
			}
		}
	}
	if err := w.Delete(spaceA, ledger(1), []byte("kept")); err != nil {
		t.Fatalf("delete: %v", err)
	}
}

func testPanic(t *testing.T, b Backend) {
	s := b.open(t)
	put(t, s, spaceA, ledger(1), "kept", "old")
	before := dump(t, s)
	caught := func(run func()) (panicked any) {
		defer func() { panicked = recover() }()
		run()
		return nil
	}
	panicked := caught(func() {
		_ = s.Update(context.Background(), func(w store.Writer) error {
			scribble(t, w)
			panic("in update")
		})
	})
	if panicked != "in update" {
		t.Fatalf("update: recovered %v", panicked)
	}
	panicked = caught(func() { _ = s.View(context.Background(), func(store.Reader) error { panic("in view") }) })
	if panicked != "in view" {
		t.Fatalf("view: recovered %v", panicked)
	}
	if after := dump(t, s); after != before {
		t.Fatalf("a panicking update left\n%q", after)
	}
	put(t, s, spaceA, ledger(1), "next", "new")
}

// listed returns the last bytes of all ledgers.
func listed(t fatal, r store.Reader) []byte {
	var ids []byte
	err := r.Ledgers(func(l syncengine.LedgerID) (bool, error) {
		ids = append(ids, l.Hash[31])
		return true, nil
	})
	if err != nil {
		t.Fatalf("ledgers: %v", err)
	}
	return ids
}

func testLedgers(t *testing.T, b Backend) {
	s := b.open(t)
	change := func(space store.Space, n byte, value string, expected ...byte) {
		t.Helper()
		var within, after []byte
		update(t, s, func(w store.Writer) error {
			defer func() { within = listed(t, w) }()
			if value == "" {
				return w.Delete(space, ledger(n), []byte("key"))
			}
			return w.Put(space, ledger(n), []byte("key"), []byte(value))
		})
		view(t, s, func(r store.Reader) error {
			after = listed(t, r)
			return nil
		})
		if !bytes.Equal(within, expected) || !bytes.Equal(after, expected) {
			t.Fatalf("got ledgers %v in the update and %v after it, want %v", within, after, expected)
		}
	}
	change(spaceA, 0, "value")
	change(spaceA, 200, "value", 200)
	change(spaceB, 3, "value", 3, 200)
	change(spaceA, 3, "value", 3, 200)
	change(spaceA, 100, "value", 3, 100, 200)
	change(spaceA, 3, "", 3, 100, 200)
	change(spaceB, 3, "", 100, 200)
	change(spaceB, 3, "", 100, 200)
	change(spaceB, 3, "value", 3, 100, 200)
	view(t, s, func(r store.Reader) error {
		calls := 0
		if err := r.Ledgers(func(syncengine.LedgerID) (bool, error) { calls++; return false, nil }); err != nil || calls != 1 {
			t.Errorf("a stopped list: %d calls and error %v", calls, err)
		}
		want(t, "ledgers", r.Ledgers(func(syncengine.LedgerID) (bool, error) { return true, errRefused }), errRefused)
		return nil
	})
}

func testLedgersWriting(t *testing.T, b Backend) {
	s := b.open(t)
	for _, n := range []byte{2, 4, 6} {
		put(t, s, spaceA, ledger(n), "key", "value")
	}
	update(t, s, func(w store.Writer) error {
		var seen []byte
		err := w.Ledgers(func(l syncengine.LedgerID) (bool, error) {
			seen = append(seen, l.Hash[31])
			if err := w.Delete(spaceA, l, []byte("key")); err != nil {
				return false, err
			}
			return true, w.Put(spaceA, ledger(l.Hash[31]+1), []byte("key"), []byte("value"))
		})
		if !bytes.Equal(seen, []byte{2, 4, 6}) {
			t.Errorf("got ledgers %v, want those of the time of the call", seen)
		}
		return err
	})
	view(t, s, func(r store.Reader) error {
		if got := listed(t, r); !bytes.Equal(got, []byte{3, 5, 7}) {
			t.Errorf("got ledgers %v", got)
		}
		return nil
	})
}

func testDoneContext(t *testing.T, b Backend) {
	s := b.open(t)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	run := false
	want(t, "view", s.View(ctx, func(store.Reader) error { run = true; return nil }), context.Canceled)
	want(t, "update", s.Update(ctx, func(store.Writer) error { run = true; return nil }), context.Canceled)
	if run {
		t.Fatal("fn was run")
	}
}

func testStartedContext(t *testing.T, b Backend) {
	s := b.open(t)
	ctx, cancel := context.WithCancel(context.Background())
	err := s.Update(ctx, func(w store.Writer) error {
		cancel()
		return w.Put(spaceA, ledger(1), []byte("key"), []byte("value"))
	})
	if err != nil {
		t.Fatalf("update: %v", err)
	}
	if got := get(t, s, spaceA, ledger(1), "key"); got != "value" {
		t.Fatalf("got %q", got)
	}
}

func testEndedReader(t *testing.T, b Backend) {
	s := b.open(t)
	put(t, s, spaceA, ledger(1), "key", "value")
	var kept []store.Reader
	var writer store.Writer
	view(t, s, func(r store.Reader) error { kept = append(kept, r); return nil })
	update(t, s, func(w store.Writer) error { kept = append(kept, w); writer = w; return nil })
	for _, r := range kept {
		_, err := r.Get(spaceA, ledger(1), []byte("key"))
		want(t, "get", err, store.ErrClosed)
		nothing := func(_, _ []byte) (bool, error) { t.Error("a reader that has ended read"); return false, nil }
		want(t, "scan", r.Scan(spaceA, ledger(1), nil, nil, nothing), store.ErrClosed)
		want(t, "scan back", r.ScanBack(spaceA, ledger(1), nil, nil, nothing), store.ErrClosed)
		want(t, "ledgers", r.Ledgers(func(syncengine.LedgerID) (bool, error) { return false, nil }), store.ErrClosed)
	}
	want(t, "put", writer.Put(spaceA, ledger(1), []byte("key"), []byte("late")), store.ErrClosed)
	want(t, "delete", writer.Delete(spaceA, ledger(1), []byte("key")), store.ErrClosed)
	if got := get(t, s, spaceA, ledger(1), "key"); got != "value" {
		t.Fatalf("got %q", got)
	}
}

func testClosed(t *testing.T, b Backend) {
	s := b.open(t)
	if err := s.Close(); err != nil {
		t.Fatalf("close: %v", err)
	}
	want(t, "view", s.View(context.Background(), func(store.Reader) error { return nil }), store.ErrClosed)
	want(t, "update", s.Update(context.Background(), func(store.Writer) error { return nil }), store.ErrClosed)
	want(t, "close", s.Close(), store.ErrClosed)
}

func testCloseWaits(t *testing.T, b Backend) {
	s := b.open(t)
	running, finish, closed := make(chan struct{}), make(chan struct{}), make(chan error)
	viewed := make(chan error, 1)
	go func() {
		viewed <- s.View(context.Background(), func(r store.Reader) error {
			close(running)
			<-finish
			_, err := r.Get(spaceA, ledger(1), []byte("key"))
			return err
		})
	}()
	<-running
	go func() { closed <- s.Close() }()
	select {
	case err := <-closed:
		t.Fatalf("close returned %v while a view ran", err)
	case <-time.After(20 * time.Millisecond):
	}
	close(finish)
	if err := <-viewed; err != nil {
		t.Fatalf("the view that close waited for: %v", err)
	}
	if err := <-closed; err != nil {
		t.Fatalf("close: %v", err)
	}
}

func testReopen(t *testing.T, b Backend) {
	s := b.open(t)
	update(t, s, func(w store.Writer) error { scribble(t, w); return nil })
	put(t, s, spaceA, ledger(1), "kept", "value")
	before := dump(t, s)
	if err := s.Close(); err != nil {
		t.Fatalf("close: %v", err)
	}
	s = b.Reopen(t, s)
	after := dump(t, s)
	put(t, s, spaceA, ledger(1), "next", "value")
	if err := s.Close(); err != nil {
		t.Fatalf("close: %v", err)
	}
	if after != before {
		t.Fatalf("before closing\n%q\nafter reopening\n%q", before, after)
	}
}
