package storetest

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"testing"

	"github.com/arpenteur/arpenteur/syncengine/store"
)

// concurrencyTests are about many goroutines at one store.
func concurrencyTests() []conformanceTest {
	return []conformanceTest{
		{"many updaters lose nothing", testCounters},
		{"a view sees one state", testSnapshots},
		{"an update that fails among others fails alone", testFailAlone},
		{"an update whose context ends while it waits is not run", testWaitingContext},
	}
}

// together runs n goroutines and waits for them.
func together(n int, run func(i int)) {
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { run(i) })
	}
	all.Wait()
}

func testCounters(t *testing.T, b Backend) {
	s := b.open(t)
	const updaters, rounds, counters = 16, 20, 3
	together(updaters, func(i int) {
		for round := range rounds {
			err := s.Update(context.Background(), func(w store.Writer) error {
				for _, key := range []string{"all", "c" + strconv.Itoa((i+round)%counters)} {
					old, err := w.Get(spaceA, ledger(1), []byte(key))
					if err != nil {
						return err
					}
					n, _ := strconv.Atoi(string(old))
					if err := w.Put(spaceA, ledger(1), []byte(key), strconv.AppendInt(nil, int64(n+1), 10)); err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				t.Errorf("update: %v", err)
			}
		}
	})
	sum := 0
	for i := range counters {
		n, _ := strconv.Atoi(get(t, s, spaceA, ledger(1), "c"+strconv.Itoa(i)))
		sum += n
	}
	all, _ := strconv.Atoi(get(t, s, spaceA, ledger(1), "all"))
	if all != updaters*rounds || sum != all {
		t.Fatalf("counted %d in all and %d in parts, want %d", all, sum, updaters*rounds)
	}
}

func testSnapshots(t *testing.T, b Backend) {
	s := b.open(t)
	const keys, rounds = 8, 30
	write := func(value string) {
		update(t, s, func(w store.Writer) error {
			for i := range keys {
				l := ledger(byte(i % 3))
				if err := w.Put(spaces()[i%2], l, []byte{byte('a' + i)}, []byte(value)); err != nil {
					return err
				}
			}
			return nil
		})
	}
	write("start")
	done := make(chan struct{})
	var viewers sync.WaitGroup
	for range 4 {
		viewers.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				if err := s.View(context.Background(), func(r store.Reader) error { return sameEverywhere(r, keys) }); err != nil {
					t.Errorf("view: %v", err)
					return
				}
			}
		})
	}
	for round := range rounds {
		write(fmt.Sprintf("round %d", round))
	}
	close(done)
	viewers.Wait()
}

// sameEverywhere reads the keys of testSnapshots twice and returns an error unless all values are one.
func sameEverywhere(r store.Reader, keys int) error {
	seen := map[string]bool{}
	for range 2 {
		for i := range keys {
			v, err := r.Get(spaces()[i%2], ledger(byte(i%3)), []byte{byte('a' + i)})
			if err != nil {
				return err
			}
			seen[string(v)] = true
		}
	}
	if len(seen) != 1 {
		return fmt.Errorf("one view saw %v", seen)
	}
	return nil
}

func testFailAlone(t *testing.T, b Backend) {
	s := b.open(t)
	const n = 60
	key := func(i int) string { return fmt.Sprintf("%03d", i) }
	together(n, func(i int) {
		defer func() {
			if panicked := recover(); panicked != nil && panicked != i {
				t.Errorf("update %d panicked with %v", i, panicked)
			} else if (panicked != nil) != (i%5 == 2) {
				t.Errorf("update %d: recovered %v", i, panicked)
			}
		}()
		var expected error
		err := s.Update(context.Background(), func(w store.Writer) error {
			if i%5 == 3 { // one that fails before it writes
				expected = fmt.Errorf("%w: %d", errRefused, i)
				return expected
			}
			if err := fill(w, spaceA, key(i)); err != nil {
				return err
			}
			switch i % 5 {
			case 1:
				expected = fmt.Errorf("%w: %d", errRefused, i)
				return expected
			case 2:
				panic(i)
			}
			return nil
		})
		if !errors.Is(err, expected) || (err == nil) != (expected == nil) {
			t.Errorf("update %d: got error %v, want %v", i, err, expected)
		}
	})
	for i := range n {
		if got, kept := get(t, s, spaceA, ledger(1), key(i)), i%5 == 0 || i%5 == 4; (got != "") != kept {
			t.Errorf("update %d left %q", i, got)
		}
	}
}

func testWaitingContext(t *testing.T, b Backend) {
	s := b.open(t)
	running, finish := make(chan struct{}), make(chan struct{})
	var first sync.WaitGroup
	first.Go(func() {
		var once sync.Once
		err := s.Update(context.Background(), func(w store.Writer) error {
			once.Do(func() { close(running); <-finish })
			return fill(w, spaceA, "first")
		})
		if err != nil {
			t.Errorf("first update: %v", err)
		}
	})
	<-running
	ctx, cancel := context.WithCancel(context.Background())
	second := make(chan error, 1)
	go func() {
		second <- s.Update(ctx, func(w store.Writer) error { return fill(w, spaceA, "second") })
	}()
	cancel()
	close(finish)
	err := <-second
	first.Wait()
	if got := get(t, s, spaceA, ledger(1), "second"); (err == nil) != (got != "") {
		t.Fatalf("the update was answered with %v and left %q", err, got)
	}
	if err != nil {
		want(t, "second update", err, context.Canceled)
	}
}
