package boltstore_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/arpenteur/arpenteur/syncengine/store"
	"github.com/arpenteur/arpenteur/syncengine/store/boltstore"
)

// numbered returns the key and the value of the numbered update n, which go into two ledgers. Now and then a value takes many pages.
func numbered(n int) (key, value []byte) {
	key = fmt.Appendf(nil, "%08d", n)
	if n%50 == 0 {
		return key, bytes.Repeat(key, 5000)
	}
	return key, bytes.Repeat(key, 1+n%100)
}

// commitForEver commits numbered updates from several goroutines, from the first that is not there, and writes the number of each that
// was acknowledged to standard output. Compacting goes on beside that, if it is asked for.
func commitForEver(path string, compacting bool) {
	s, err := boltstore.Open(path, boltstore.Options{})
	if err != nil {
		panic(err)
	}
	var last atomic.Int64
	err = s.View(context.Background(), func(r store.Reader) error {
		return r.ScanBack(space, ledger(1), nil, nil, func(k, _ []byte) (bool, error) {
			n, err := strconv.Atoi(string(k))
			last.Store(int64(n))
			return false, err
		})
	})
	if err != nil {
		panic(err)
	}
	var all sync.WaitGroup
	if compacting {
		all.Go(func() {
			for {
				if err := s.Compact(context.Background()); err != nil {
					panic(err)
				}
			}
		})
	}
	for range 6 {
		all.Go(func() {
			for {
				n := int(last.Add(1))
				err := s.Update(context.Background(), func(w store.Writer) error {
					key, value := numbered(n)
					if err := w.Delete(space, ledger(3), fmt.Appendf(nil, "%08d", n-10)); err != nil { // so that pages become free
						return err
					}
					return errors.Join(w.Put(space, ledger(1), key, value), w.Put(space, ledger(2), key, value), w.Put(space, ledger(3), key, value))
				})
				if err != nil {
					panic(err)
				}
				if _, err := fmt.Fprintf(os.Stdout, "%d\n", n); err != nil {
					panic(err)
				}
			}
		})
	}
	all.Wait()
}

// TestWhatWasAcknowledgedSurvivesAKill kills a process that commits, at random moments, some of them before it has a file (law L1).
func TestWhatWasAcknowledgedSurvivesAKill(t *testing.T) { survivesKills(t, "commit") }

func TestWhatWasAcknowledgedSurvivesAKillInACompaction(t *testing.T) { survivesKills(t, "compact") }

func survivesKills(t *testing.T, task string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "store.db")
	acknowledged := map[int]bool{}
	for round := range 8 {
		cmd := child(t, task, path)
		out, err := cmd.StdoutPipe()
		if err == nil {
			err = cmd.Start()
		}
		if err != nil {
			t.Fatal(err)
		}
		lines, first := make(chan []int), make(chan struct{})
		go func() { lines <- readNumbers(out, sync.OnceFunc(func() { close(first) })) }()
		if round > 1 { // the first two may be killed before they have a file
			select {
			case <-first:
			case <-time.After(time.Minute):
				t.Fatal("no update was acknowledged in a minute")
			}
		}
		time.Sleep(time.Duration(rand.IntN(20+60*round)) * time.Millisecond)
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		for _, n := range <-lines {
			acknowledged[n] = true
		}
		_ = cmd.Wait() // which says that it was killed
		verifyNumbered(t, path, acknowledged)
	}
	t.Logf("%d updates survived", len(acknowledged))
}

// readNumbers reads the whole lines of out, and calls read after each.
func readNumbers(out io.Reader, read func()) (numbers []int) {
	in := bufio.NewReader(out)
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return numbers
		}
		if n, err := strconv.Atoi(strings.TrimSpace(line)); err == nil {
			numbers = append(numbers, n)
			read()
		}
	}
}

// verifyNumbered checks that all that was acknowledged is there, and that of every update either all is there or nothing.
func verifyNumbered(t *testing.T, path string, acknowledged map[int]bool) {
	t.Helper()
	s := open(t, path, boltstore.Options{})
	err := s.View(context.Background(), func(r store.Reader) error {
		for n := range acknowledged {
			key, value := numbered(n)
			if got, err := r.Get(space, ledger(1), key); err != nil || !bytes.Equal(got, value) {
				return fmt.Errorf("update %d was acknowledged and is lost (error %w)", n, err)
			}
		}
		return r.Scan(space, ledger(1), nil, nil, func(k, v []byte) (bool, error) {
			if got, err := r.Get(space, ledger(2), k); err != nil || !bytes.Equal(got, v) {
				return false, fmt.Errorf("update %s was kept by half (error %w)", k, err)
			}
			return true, nil
		})
	})
	if err := errors.Join(err, s.Check(context.Background()), s.Close()); err != nil {
		t.Fatal(err)
	}
}
