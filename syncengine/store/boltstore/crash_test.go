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
// was acknowledged to standard output.
func commitForEver(path string) {
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
				fmt.Fprintf(os.Stdout, "%d\n", n)
			}
		})
	}
	all.Wait()
}

// TestWhatWasAcknowledgedSurvivesAKill kills a process that commits, at random moments, the first of them before it has a file (law L1).
func TestWhatWasAcknowledgedSurvivesAKill(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	acknowledged := map[int]bool{}
	for round := range 8 {
		cmd := child(t, "commit", path)
		out, err := cmd.StdoutPipe()
		if err == nil {
			err = cmd.Start()
		}
		if err != nil {
			t.Fatal(err)
		}
		lines := make(chan []int)
		go func() { lines <- readNumbers(out) }()
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
	if len(acknowledged) < 20 {
		t.Fatalf("only %d updates were acknowledged: the test tells nothing", len(acknowledged))
	}
	t.Logf("%d updates survived", len(acknowledged))
}

// readNumbers reads the whole lines of out.
func readNumbers(out io.Reader) (numbers []int) {
	in := bufio.NewReader(out)
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return numbers
		}
		if n, err := strconv.Atoi(strings.TrimSpace(line)); err == nil {
			numbers = append(numbers, n)
		}
	}
}

// verifyNumbered checks that all that was acknowledged is there, and that of every update either all is there or nothing.
func verifyNumbered(t *testing.T, path string, acknowledged map[int]bool) {
	t.Helper()
	s := open(t, path, boltstore.Options{})
	defer s.Close()
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
	if err := errors.Join(err, s.Check(context.Background())); err != nil {
		t.Fatal(err)
	}
}
