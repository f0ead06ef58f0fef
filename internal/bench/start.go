package main

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/arpenteur/arpenteur/internal/apiclient"
	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/ledger"
	"github.com/arpenteur/arpenteur/syncengine/store"
	"github.com/arpenteur/arpenteur/syncengine/store/boltstore"
)

// Sizes of a département after some years.
const (
	startDiagnostics = 20
	startRecords     = 50_000 // in each
	startAuthors     = 10     // in each
	startTries       = 5
)

// start measures the start of a server over a million changes: from the start of its process, with the file in the system's cache, to the
// moment when it answers that it is there, and from then on to the first page of records. Its store takes minutes to make, so it is
// kept in the user's cache folder for the next run.
func (b *bench) start(ctx context.Context) error {
	n := b.diagnostics() * b.size(startRecords)
	folder, err := b.million(ctx)
	if err != nil {
		return err
	}
	var ready, first []time.Duration
	memory, afterwards := 0.0, 0.0
	for range startTries {
		s, err := b.startOnce(ctx, folder)
		if err != nil {
			return err
		}
		ready, first = append(ready, s.ready), append(first, s.page)
		memory, afterwards = max(memory, s.memory), max(afterwards, s.afterwards)
	}
	info, err := os.Stat(filepath.Join(folder, storeName))
	if err != nil {
		return err
	}
	return b.report(figure{"start_server", median(ready).Seconds(), "s", 0, []detail{
		{"changes", n},
		{"ledgers", b.diagnostics()},
		{"rss_anon_mib", memory},
		{"first_page_ms", milliseconds(median(first))},
		{"rss_anon_after_first_page_mib", afterwards},
		{"file_mib", info.Size() >> 20},
	}})
}

// diagnostics is how many diagnostics the server has.
func (b *bench) diagnostics() int {
	if b.quick {
		return 2
	}
	return startDiagnostics
}

// starting is one start of a server.
type starting struct {
	ready, page        time.Duration
	memory, afterwards float64
}

func (b *bench) startOnce(ctx context.Context, folder string) (s starting, err error) {
	begun := time.Now()
	r, err := startRemote(ctx, folder)
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, r.stop()) }()
	public := &apiclient.Client{HTTP: http.DefaultClient, Base: r.URL}
	if err := public.Call(ctx, http.MethodGet, "/healthz", nil, nil); err != nil {
		return s, err
	}
	s.ready = time.Since(begun)
	if s.memory, err = r.memory(); err != nil {
		return s, err
	}
	token, err := coordinator(ctx, r.Local)
	if err != nil {
		return s, err
	}
	begun = time.Now()
	people := &apiclient.Client{HTTP: http.DefaultClient, Base: r.URL, Token: token}
	var list struct {
		Diagnostics []diagnostic `json:"diagnostics"`
	}
	if err := people.Call(ctx, http.MethodGet, "/v1/diagnostics", nil, &list); err != nil {
		return s, err
	}
	if len(list.Diagnostics) != b.diagnostics() {
		return s, fmt.Errorf("the server has %d diagnostics", len(list.Diagnostics))
	}
	var page struct {
		Records []json.RawMessage `json:"records"`
	}
	path := "/v1/ledgers/" + list.Diagnostics[0].Ledger.String() + "/records?kind=observation"
	if err := people.Call(ctx, http.MethodGet, path, nil, &page); err != nil {
		return s, err
	}
	if len(page.Records) == 0 {
		return s, errors.New("the first page is empty")
	}
	s.page = time.Since(begun)
	s.afterwards, err = r.memory()
	return s, err
}

// million returns the folder of a server with a million changes, made now or by an earlier run.
func (b *bench) million(ctx context.Context) (string, error) {
	mark, err := b.fingerprint(ctx)
	if err != nil {
		return "", err
	}
	parent := b.folder
	if !b.quick {
		cache, err := os.UserCacheDir()
		if err != nil {
			cache = os.TempDir()
		}
		parent = filepath.Join(cache, "arpenteur-bench")
	}
	folder := filepath.Join(parent, mark)
	if _, err := os.Stat(folder); err == nil {
		b.say("start: the store of an earlier run is used, %s", folder)
		return folder, nil
	}
	others, err := filepath.Glob(filepath.Join(parent, cachePrefix+"*"))
	if err != nil {
		return "", err
	}
	for _, other := range others { // of other formats, or not finished
		if err := os.RemoveAll(other); err != nil {
			return "", err
		}
	}
	half := folder + ".part"
	if err := b.makeMillion(ctx, half); err != nil {
		return "", err
	}
	return folder, os.Rename(half, folder)
}

const cachePrefix = "million-"

func (b *bench) makeMillion(ctx context.Context, folder string) (err error) {
	c, err := openCentral(ctx, folder, false)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.close()) }()
	for i := range b.diagnostics() {
		b.say("start: a store is made, %d of %d changes are there", i*b.size(startRecords), b.diagnostics()*b.size(startRecords))
		d, err := c.order(ctx, fmt.Sprintf("Quartier %02d", i+1))
		if err != nil {
			return err
		}
		if err := c.fill(ctx, d, startAuthors, b.size(startRecords)); err != nil {
			return err
		}
	}
	return nil
}

// fingerprint names the format of the data: the hash of all that a store holds of a small ledger, made of nothing but fixed seeds.
func (b *bench) fingerprint(ctx context.Context) (name string, err error) {
	file, err := boltstore.Open(filepath.Join(b.folder, "fingerprint.db"), boltstore.Options{NoSync: true})
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	keeper, err := newKeeper()
	if err != nil {
		return "", err
	}
	text, version, err := checklist()
	if err != nil {
		return "", err
	}
	authority := &author{writer: newWriter(1, "server")}
	authority.pen = ledger.Pen{Key: ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)), Rand: authority}
	var id syncengine.LedgerID
	err = file.Update(ctx, func(w store.Writer) error {
		l, err := keeper.Create(w, authority.pen, authority.pen.Key, authority.uuid(), authority.author, firstTime)
		if err != nil {
			return err
		}
		id = l.ID()
		newID := func() (syncengine.RecordID, error) { return authority.uuid(), nil }
		edits, err := ledger.Publish(newID, authority.author, firstTime, ledger.Publication{Version: version, Lineage: lineage, Content: text})
		if err != nil {
			return err
		}
		if _, err := l.Commit(authority.pen, edits...); err != nil {
			return err
		}
		if err := l.Settle(); err != nil {
			return err
		}
		_, err = l.Advances(w)
		return err
	})
	if err != nil {
		return "", err
	}
	f := &fabrication{store: file, keeper: keeper, ledger: id, version: version, batch: 10}
	if err := f.write(ctx, authority, 20, new(atomic.Int64)); err != nil {
		return "", err
	}
	held, err := contentOf(ctx, file, id)
	if err != nil {
		return "", err
	}
	sum := sha256.New()
	for _, key := range slices.Sorted(maps.Keys(held)) {
		for _, part := range []string{key, string(held[key])} {
			fmt.Fprintf(sum, "%d ", len(part))
			_, _ = io.Copy(sum, strings.NewReader(part)) // a hash never fails
		}
	}
	return cachePrefix + hex.EncodeToString(sum.Sum(nil)[:8]), nil
}
