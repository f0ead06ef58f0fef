package boltstore_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"github.com/arpenteur/arpenteur/syncengine/store"
	"github.com/arpenteur/arpenteur/syncengine/store/boltstore"
)

// numberKey returns a key as a log's lines have them: ascending.
func numberKey(n int) []byte { return binary.BigEndian.AppendUint64(nil, uint64(n)) }

// BenchmarkLoneUpdate is one writer that puts one value of 700 bytes at a time: two syncs each.
func BenchmarkLoneUpdate(b *testing.B) {
	s := open(b, filepath.Join(b.TempDir(), "store.db"), boltstore.Options{})
	value := bytes.Repeat([]byte("v"), 700)
	b.SetBytes(700)
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		n++
		err := s.Update(context.Background(), func(w store.Writer) error { return w.Put(space, ledger(1), numberKey(n), value) })
		if err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkUpdatesOf20 is 20 writers that put one value each at a time. It reports how many commits an update costs.
func BenchmarkUpdatesOf20(b *testing.B) {
	s := open(b, filepath.Join(b.TempDir(), "store.db"), boltstore.Options{})
	value := bytes.Repeat([]byte("v"), 700)
	b.SetBytes(700)
	b.ReportAllocs()
	var next atomic.Int64
	var writers sync.WaitGroup
	before := s.Stats()
	for range 20 {
		writers.Go(func() {
			for n := int(next.Add(1)); n <= b.N; n = int(next.Add(1)) {
				err := s.Update(context.Background(), func(w store.Writer) error { return w.Put(space, ledger(1), numberKey(n), value) })
				if err != nil {
					b.Error(err)
				}
			}
		})
	}
	writers.Wait()
	after := s.Stats()
	b.ReportMetric(float64(after.Commits-before.Commits)/float64(after.Updates-before.Updates), "commits/update")
}

// BenchmarkGet reads one of 10,000 values in a view of its own.
func BenchmarkGet(b *testing.B) {
	s := open(b, filepath.Join(b.TempDir(), "store.db"), boltstore.Options{NoSync: true})
	if err := putBatches(s, 10_000); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		n = (n + 7919) % 10_000
		err := s.View(context.Background(), func(r store.Reader) error {
			_, err := r.Get(space, ledger(1), numberKey(n))
			return err
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}

const batch = 500

// putBatches puts count values of 700 bytes, 500 in a commit.
func putBatches(s store.Store, count int) error {
	value := bytes.Repeat([]byte("v"), 700)
	for n := 0; n < count; n += batch {
		err := s.Update(context.Background(), func(w store.Writer) error {
			for i := range batch {
				if err := w.Put(space, ledger(1), numberKey(n+i), value); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// putRaw is putBatches with bbolt alone.
func putRaw(db *bbolt.DB, count int) error {
	value := bytes.Repeat([]byte("v"), 700)
	id := ledger(1).Hash
	for n := 0; n < count; n += batch {
		err := db.Update(func(tx *bbolt.Tx) error {
			l, err := tx.CreateBucketIfNotExists(id[:])
			if err != nil {
				return err
			}
			bucket, err := l.CreateBucketIfNotExists([]byte(space))
			if err != nil {
				return err
			}
			for i := range batch {
				if err := bucket.Put(numberKey(n+i), value); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// BenchmarkPutBatches puts 10,000 values of 700 bytes in batches of 500, and compares with raw bbolt, with its default options, doing
// the same in the same run: x-raw is our time divided by its.
func BenchmarkPutBatches(b *testing.B) {
	const count = 10_000
	var ours, raw time.Duration
	b.SetBytes(count * 700)
	for i := range b.N {
		s := open(b, filepath.Join(b.TempDir(), fmt.Sprintf("ours%d.db", i)), boltstore.Options{})
		db, err := bbolt.Open(filepath.Join(b.TempDir(), fmt.Sprintf("raw%d.db", i)), 0o600, nil)
		if err != nil {
			b.Fatal(err)
		}
		start := time.Now()
		if err := putBatches(s, count); err != nil {
			b.Fatal(err)
		}
		ours += time.Since(start)
		b.StopTimer()
		start = time.Now()
		if err := putRaw(db, count); err != nil {
			b.Fatal(err)
		}
		raw += time.Since(start)
		if err := db.Close(); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
	b.ReportMetric(ours.Seconds()/raw.Seconds(), "x-raw")
}

// BenchmarkOpen opens a store of 100,000 values, in a warm cache, reads one and closes it. On Linux it also reports the memory that
// the process then has, apart from the mapped file.
func BenchmarkOpen(b *testing.B) {
	path := filepath.Join(b.TempDir(), "store.db")
	s := open(b, path, boltstore.Options{NoSync: true})
	if err := putBatches(s, 100_000); err != nil {
		b.Fatal(err)
	}
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		s, err := boltstore.Open(path, boltstore.Options{})
		if err != nil {
			b.Fatal(err)
		}
		err = s.View(context.Background(), func(r store.Reader) error {
			_, err := r.Get(space, ledger(1), numberKey(50_000))
			return err
		})
		if err != nil {
			b.Fatal(err)
		}
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
	}
	if status, err := os.ReadFile("/proc/self/status"); err == nil {
		if _, rest, ok := strings.Cut(string(status), "RssAnon:"); ok {
			var kilobytes float64
			if _, err := fmt.Sscan(rest, &kilobytes); err == nil {
				b.ReportMetric(kilobytes/1024, "RssAnon-MiB")
			}
		}
	}
}
