package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v5"
	"go.etcd.io/bbolt"
)

// load is the work of taking observations that no design can leave out, ready to be done bare.
type load struct {
	documents [][]byte  // the merged observations: each is decoded and validated once
	runs      []bareRun // each line is hashed once, each run's head verified once
	entries   []entry   // what the store holds more afterwards: each is put once
	commits   int       // in how many commits, each of which syncs
}

// bareRun is a run of lines and the signature over their head.
type bareRun struct {
	lines     [][]byte
	key       ed25519.PublicKey
	message   []byte
	signature []byte
}

// entry is one key of a store and its value.
type entry struct {
	space      string
	key, value []byte
}

// size returns how many bytes of keys and values a load puts.
func (l *load) size() int {
	n := 0
	for i := range l.entries {
		n += len(l.entries[i].key) + len(l.entries[i].value)
	}
	return n
}

// details describes what was stored.
func (l *load) details(n int) []detail {
	lines := 0
	for i := range l.runs {
		for _, line := range l.runs[i].lines {
			lines += len(line)
		}
	}
	return []detail{
		{"commits", l.commits},
		{"runs", len(l.runs)},
		{"line_bytes", float64(lines) / float64(n)},
		{"stored_bytes", float64(l.size()) / float64(n)},
		{"stored_puts", float64(len(l.entries)) / float64(n)},
	}
}

// effort is what a load took: time, and processor time of all cores together.
type effort struct{ took, busy time.Duration }

// leastTries is how often a limit is measured. The fastest counts.
const leastTries = 3

// least measures how fast a load can be done bare. All cores decode each document with encoding/json, validate it with the JSON Schema
// library alone, hash each line with SHA-256 and verify one Ed25519 signature for each run. What they have done goes to one goroutine
// that puts the entries into a bbolt file, with as many synced commits as the real store made, while the cores go on. There is no network,
// no protocol, no merge, no index and nobody to answer. The entries are dealt out to the commits evenly and sorted within each, so that
// every commit touches the whole range of keys, as many tablets at once do.
func (l *load) least(folder string) (effort, error) {
	var best effort
	for i := range leastTries {
		e, err := l.once(folder)
		if err != nil {
			return effort{}, err
		}
		if i == 0 || e.took < best.took {
			best = e
		}
	}
	return best, nil
}

// once does a load, in a file of its own.
func (l *load) once(folder string) (e effort, err error) {
	schema, err := bareSchema()
	if err != nil {
		return effort{}, err
	}
	path := filepath.Join(folder, "limit.db")
	defer func() { err = errors.Join(err, os.Remove(path)) }()
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{FreelistType: bbolt.FreelistMapType, NoStatistics: true})
	if err != nil {
		return effort{}, err
	}
	chunks := max(l.commits, 1)
	entries := deal(l.entries, chunks)
	runtime.GC()
	cpu, start := processorTime(), time.Now()
	work := make(chan int, chunks)
	for i := range chunks {
		work <- i
	}
	close(work)
	done := make(chan int, chunks)
	failed := make(chan error, 1)
	cores := runtime.GOMAXPROCS(0)
	go func() {
		failed <- together(cores, func(int) error {
			for i := range work {
				if err := l.compute(schema, i, chunks); err != nil {
					return err
				}
				done <- i
			}
			return nil
		})
		close(done)
	}()
	var writing error
	for i := range done {
		if writing == nil {
			writing = putBare(db, entries[i])
		}
	}
	e = effort{time.Since(start), processorTime() - cpu}
	return e, errors.Join(<-failed, writing, db.Close())
}

// compute does the share of a load's computing that belongs to one of several chunks.
func (l *load) compute(schema *jsonschema.Schema, chunk, chunks int) error {
	for i := chunk; i < len(l.documents); i += chunks {
		var document any
		if err := json.Unmarshal(l.documents[i], &document); err != nil {
			return err
		}
		if err := schema.Validate(document); err != nil {
			return err
		}
	}
	var sum [sha256.Size]byte
	for i := chunk; i < len(l.runs); i += chunks {
		r := &l.runs[i]
		for _, line := range r.lines {
			sum = sha256.Sum256(line)
		}
		if !ed25519.Verify(r.key, r.message, r.signature) || sum == [sha256.Size]byte{} {
			return errors.New("a head that was taken does not verify")
		}
	}
	return nil
}

// deal gives entries out to chunks, one by one, and sorts each chunk.
func deal(entries []entry, chunks int) [][]entry {
	out := make([][]entry, chunks)
	for i := range entries {
		out[i%chunks] = append(out[i%chunks], entries[i])
	}
	for _, c := range out {
		slices.SortFunc(c, func(a, b entry) int {
			if a.space != b.space {
				return bytes.Compare([]byte(a.space), []byte(b.space))
			}
			return bytes.Compare(a.key, b.key)
		})
	}
	return out
}

// putBare puts entries in one commit.
func putBare(db *bbolt.DB, entries []entry) error {
	return db.Update(func(tx *bbolt.Tx) error {
		var bucket *bbolt.Bucket
		name := ""
		for i := range entries {
			e := &entries[i]
			if bucket == nil || e.space != name {
				var err error
				if bucket, err = tx.CreateBucketIfNotExists([]byte(e.space)); err != nil {
					return err
				}
				bucket.FillPercent, name = 0.9, e.space
			}
			if err := bucket.Put(e.key, e.value); err != nil {
				return err
			}
		}
		return nil
	})
}

var account = regexp.MustCompile(`^[a-z0-9-]{1,40}$`)

// bareSchema compiles the content of the checklist as it is, with the JSON Schema library alone: our own words mean nothing to it.
func bareSchema() (*jsonschema.Schema, error) {
	content, _, err := checklist()
	if err != nil {
		return nil, err
	}
	c := jsonschema.NewCompiler()
	c.Draft, c.AssertFormat = jsonschema.Draft2020, true
	c.Formats = map[string]func(any) bool{
		"account": func(v any) bool { s, ok := v.(string); return !ok || account.MatchString(s) },
		"hash":    func(v any) bool { s, ok := v.(string); return !ok || len(s) == 43 },
	}
	c.LoadURL = func(url string) (io.ReadCloser, error) { return nil, fmt.Errorf("nothing is loaded, not even %s", url) }
	const url = "bench:///checklist.json"
	if err := c.AddResource(url, bytes.NewReader(content)); err != nil {
		return nil, err
	}
	return c.Compile(url)
}
