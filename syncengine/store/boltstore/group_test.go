package boltstore_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/store"
	"github.com/arpenteur/arpenteur/syncengine/store/boltstore"
)

// queueUp runs fns as updates that all wait while a first update runs, so that they share one commit. It returns their errors; one
// whose goroutine fn ended has none.
func queueUp(t *testing.T, s *boltstore.Store, fns ...func(w store.Writer) error) []error {
	t.Helper()
	running, finish := make(chan struct{}), make(chan struct{})
	errs := make([]error, len(fns))
	var all sync.WaitGroup
	all.Go(func() {
		started := sync.OnceFunc(func() { close(running) })
		err := s.Update(context.Background(), func(store.Writer) error {
			started()
			<-finish
			return nil
		})
		if err != nil {
			t.Errorf("first update: %v", err)
		}
	})
	<-running
	for i, fn := range fns {
		all.Go(func() {
			defer func() {
				if panicked := recover(); panicked != nil {
					errs[i] = fmt.Errorf("panic: %v", panicked)
				}
			}()
			errs[i] = s.Update(context.Background(), fn)
		})
	}
	time.Sleep(20 * time.Millisecond) // for them to queue up; where one is late the test still holds, but tells less
	close(finish)
	all.Wait()
	return errs
}

// increment adds one to a counter.
func increment(w store.Writer) error {
	old, err := w.Get(space, syncengine.LedgerID{}, []byte("counter"))
	if err != nil {
		return err
	}
	return w.Put(space, syncengine.LedgerID{}, []byte("counter"), append([]byte("I"), old...))
}

func TestWaitingUpdatesShareACommit(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "store.db"), boltstore.Options{})
	before := s.Stats()
	fns := make([]func(store.Writer) error, 20)
	for i := range fns {
		fns[i] = increment
	}
	if err := errors.Join(queueUp(t, s, fns...)...); err != nil {
		t.Fatal(err)
	}
	after := s.Stats()
	if updates := after.Updates - before.Updates; updates != 21 {
		t.Fatalf("%d updates, want 21", updates)
	}
	// All in one, if the machine let them queue up in time.
	if commits := after.Commits - before.Commits; commits == 0 || commits > 5 {
		t.Fatalf("%d commits for 20 updates", commits)
	}
	if got := len(get(t, s, "counter")); got != 20 {
		t.Fatalf("counted %d", got)
	}
}

func TestAnUpdateWithoutWritesCostsNoCommit(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "store.db"), boltstore.Options{})
	err := s.Update(context.Background(), func(w store.Writer) error {
		return w.Delete(space, ledger(1), []byte("not there"))
	})
	if err != nil || s.Stats() != (boltstore.Stats{Updates: 1}) {
		t.Fatalf("stats %+v, error %v", s.Stats(), err)
	}
}

func TestFailuresOfAllKindsFailAloneInOneGroup(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "store.db"), boltstore.Options{})
	refused := errors.New("refused")
	fails := func(end func() error) func(w store.Writer) error {
		return func(w store.Writer) error {
			if err := increment(w); err != nil {
				return err
			}
			return end()
		}
	}
	errs := queueUp(
		t, s,
		increment,
		fails(func() error { return refused }),
		increment,
		fails(func() error { panic("at the disco") }),
		func(store.Writer) error { return refused },
		fails(func() error { runtime.Goexit(); return nil }),
		func(store.Writer) error { panic("at once") },
		func(store.Writer) error { runtime.Goexit(); return nil },
		increment,
	)
	for i, expected := range []string{"", "refused", "", "panic: at the disco", "refused", "", "panic: at once", "", ""} {
		if got := fmt.Sprint(errs[i]); got != expected && (errs[i] != nil || expected != "") {
			t.Errorf("update %d: got %q, want %q", i, got, expected)
		}
	}
	if got := get(t, s, "counter"); got != "III" {
		t.Fatalf("counted %q, want 3", got)
	}
	if err := put(s, "key", "value"); err != nil {
		t.Fatalf("the update after them: %v", err)
	}
}

func TestAnErrorAboutWhatAnotherWroteIsAskedAgainAlone(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "store.db"), boltstore.Options{})
	// Only one of them can be first; each other finds the key taken, whether by one that was committed before or in the same group.
	taken := errors.New("taken")
	claim := func(w store.Writer) error {
		if old, err := w.Get(space, syncengine.LedgerID{}, []byte("key")); err != nil || old != nil {
			return errors.Join(err, taken)
		}
		return w.Put(space, syncengine.LedgerID{}, []byte("key"), []byte("mine"))
	}
	won := 0
	for _, err := range queueUp(t, s, claim, claim, claim, claim) {
		if err == nil {
			won++
		} else if !errors.Is(err, taken) {
			t.Errorf("got error %v", err)
		}
	}
	if won != 1 {
		t.Fatalf("%d won", won)
	}
}

func TestAGroupHasALimit(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "store.db"), boltstore.Options{NoSync: true})
	fns := make([]func(store.Writer) error, 150)
	for i := range fns {
		fns[i] = increment
	}
	before := s.Stats().Commits
	if err := errors.Join(queueUp(t, s, fns...)...); err != nil {
		t.Fatal(err)
	}
	if commits := s.Stats().Commits - before; commits < 3 {
		t.Fatalf("%d commits for 150 updates", commits)
	}
	if got := len(get(t, s, "counter")); got != 150 {
		t.Fatalf("counted %d", got)
	}
}

func TestAWaitingUpdateIsAnsweredAsSoonAsItsContextIsDone(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "store.db"), boltstore.Options{})
	running, finish := make(chan struct{}), make(chan struct{})
	first := make(chan error)
	go func() {
		started := sync.OnceFunc(func() { close(running) })
		first <- s.Update(context.Background(), func(store.Writer) error {
			started()
			<-finish
			return nil
		})
	}()
	<-running
	ctx, cancel := context.WithCancel(context.Background())
	second := make(chan error)
	go func() { second <- s.Update(ctx, func(w store.Writer) error { return increment(w) }) }()
	time.Sleep(5 * time.Millisecond)
	cancel()
	if err := <-second; !errors.Is(err, context.Canceled) {
		t.Fatalf("got error %v", err)
	}
	close(finish)
	if err := <-first; err != nil {
		t.Fatal(err)
	}
	if got := get(t, s, "counter"); got != "" {
		t.Fatal("it was run")
	}
}
