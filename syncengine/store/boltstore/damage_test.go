package boltstore_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/store"
	"github.com/arpenteur/arpenteur/syncengine/store/boltstore"
)

const pageSize = 4096

// ledger returns the ledger id that begins with n; 0 is the zero ledger.
func ledger(n byte) (id syncengine.LedgerID) {
	id.Hash[0] = n
	return id
}

// sample returns the bytes of a store that has branches, small and large buckets, values of several pages, and free pages.
func sample(t testing.TB) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "sample.db")
	s := open(t, path, boltstore.Options{NoSync: true})
	for round := range 2 {
		err := s.Update(context.Background(), func(w store.Writer) error {
			for i := range 400 {
				l := ledger([]byte{0, 1, 1, 2}[i%4])
				value := bytes.Repeat([]byte{byte(i)}, 100+i%200)
				if i%100 == 0 {
					value = bytes.Repeat(value, 100)
				}
				key := fmt.Appendf(nil, "%04d", i)
				if err := w.Put("big", l, key, value); err != nil {
					return err
				}
				if round == 1 && i%3 == 0 {
					if err := w.Delete("big", l, key); err != nil {
						return err
					}
				}
			}
			return w.Put("small", ledger(3), []byte("key"), []byte("value"))
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(s.SetSealHeader([]byte("header")), s.Close()); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// inspector uses a file that may be damaged. It notes the first error that says so; any other error fails the test, and a panic or a
// fault would end it.
type inspector struct {
	t      testing.TB
	damage error
}

func (in *inspector) note(what string, err error) {
	in.t.Helper()
	switch {
	case err == nil:
	case !errors.Is(err, store.ErrCorrupt) && !errors.Is(err, store.ErrNotOurs) && !errors.Is(err, store.ErrNewer):
		in.t.Fatalf("%s: %v", what, err)
	case in.damage == nil:
		in.damage = fmt.Errorf("%s: %w", what, err)
	}
}

// read reads all that there is.
func (in *inspector) read(s *boltstore.Store) {
	in.note("read", s.View(context.Background(), func(r store.Reader) error {
		in.note("ledgers", r.Ledgers(func(syncengine.LedgerID) (bool, error) { return true, nil }))
		sum := 0
		row := func(k, v []byte) (bool, error) {
			for _, b := range v {
				sum += int(b)
			}
			_, err := r.Get("big", ledger(1), k)
			in.note("get", err)
			return true, nil
		}
		for n := range byte(4) {
			for _, space := range []store.Space{"big", "small"} {
				in.note("scan", r.Scan(space, ledger(n), nil, nil, row))
				in.note("scan back", r.ScanBack(space, ledger(n), nil, []byte("0300"), row))
			}
		}
		return nil
	}))
	_, err := s.Empty(context.Background())
	in.note("empty", err)
	in.note("check", s.Check(context.Background()))
}

// write changes something everywhere.
func (in *inspector) write(s *boltstore.Store) {
	for n := range byte(5) {
		in.note("update", s.Update(context.Background(), func(w store.Writer) error {
			for i := range 20 {
				if err := w.Delete("big", ledger(n), fmt.Appendf(nil, "%04d", 40+i)); err != nil {
					return err
				}
				if err := w.Put("big", ledger(n), fmt.Appendf(nil, "%04d", 20*i), []byte("new")); err != nil {
					return err
				}
			}
			return w.Put("small", ledger(n), []byte("key"), []byte("new"))
		}))
	}
	in.note("header", s.SetSealHeader([]byte("new header")))
	in.note("check after writing", s.Check(context.Background()))
}

// inspect runs the given uses of a file with this content, and returns the damage that they met.
func inspect(t testing.TB, content []byte, uses ...func(in *inspector, s *boltstore.Store)) error {
	t.Helper()
	path := filepath.Join(t.TempDir(), "damaged.db")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = os.Remove(path) }() // else hundreds of them fill the disk
	in := &inspector{t: t}
	s, err := boltstore.Open(path, boltstore.Options{NoSync: true})
	if err != nil {
		in.note("open", err)
		return in.damage
	}
	for _, use := range uses {
		use(in, s)
	}
	if err := s.Close(); err != nil {
		t.Fatalf("close: %v", err)
	}
	return in.damage
}

func TestASoundFileShowsNoDamage(t *testing.T) {
	if err := inspect(t, sample(t), (*inspector).read, (*inspector).write); err != nil {
		t.Fatal(err)
	}
}

func TestAFileCutShortIsRefused(t *testing.T) {
	content := sample(t)
	lengths := []int{0, 1, 16, 80, 512, 1024, pageSize - 1, pageSize + 1, 2*pageSize - 1, len(content) - 1}
	for n := pageSize; n < len(content); n += pageSize {
		lengths = append(lengths, n)
	}
	for _, n := range lengths {
		if err := inspect(t, content[:n]); err == nil {
			t.Errorf("the first %d of %d bytes: no damage found", n, len(content))
		}
	}
}

// damages are the ways in which a file is spoilt: what failing flash, a half-written copy and a bad memory chip do, and what leads a
// reader astray most.
func damages() map[string]func(r *rand.Rand, content []byte) {
	anyPage := func(r *rand.Rand, content []byte) []byte {
		i := r.IntN(len(content)/pageSize) * pageSize
		return content[i : i+pageSize]
	}
	return map[string]func(r *rand.Rand, content []byte){
		"a flipped bit":     func(r *rand.Rand, c []byte) { c[r.IntN(len(c))] ^= 1 << r.IntN(8) },
		"a header's bit":    func(r *rand.Rand, c []byte) { anyPage(r, c)[besides(r, 12, 4, 64)] ^= 1 << r.IntN(8) },
		"a page of zeros":   func(r *rand.Rand, c []byte) { clear(anyPage(r, c)) },
		"a copied page":     func(r *rand.Rand, c []byte) { copy(anyPage(r, c), anyPage(r, c)) },
		"a page of noise":   func(r *rand.Rand, c []byte) { noise(r, anyPage(r, c)) },
		"a lost first half": func(r *rand.Rand, c []byte) { clear(anyPage(r, c)[:pageSize/2]) },
		"a pointer to another page": func(r *rand.Rand, c []byte) {
			binary.NativeEndian.PutUint64(anyPage(r, c)[8*(2+r.IntN(30)):], uint64(r.IntN(len(c)/pageSize)))
		},
		"a huge number": func(r *rand.Rand, c []byte) {
			binary.NativeEndian.PutUint32(anyPage(r, c)[4*besides(r, 3, 1, 40):], r.Uint32()|1<<31)
		},
	}
}

// besides draws a number below n that is none of the count numbers from skip on. It leaves the overflow field of a page's header out: bbolt
// frees a page together with as many after it as that field says, unseen, at the next write to it. Check finds such a page, and
// nothing that is affordable at each write does.
func besides(r *rand.Rand, skip, count, n int) int {
	if i := r.IntN(n - count); i < skip {
		return i
	} else {
		return i + count
	}
}

func noise(r *rand.Rand, b []byte) {
	for i := range b {
		b[i] = byte(r.Uint32())
	}
}

func TestNoDamageKillsTheProcess(t *testing.T) {
	content := sample(t)
	for name, damage := range damages() {
		t.Run(name, func(t *testing.T) {
			found, rounds := 0, 24
			for seed := range uint64(rounds) {
				spoilt := bytes.Clone(content)
				damage(rand.New(rand.NewPCG(seed, 1)), spoilt)
				if inspect(t, spoilt, (*inspector).read, (*inspector).write) != nil {
					found++
				}
			}
			t.Logf("%d of %d were noticed", found, rounds)
		})
	}
}

func TestDamageInOneSpaceLeavesTheOthersUsable(t *testing.T) {
	content := sample(t)
	// The root of a space is the page with branches that no other page with branches leads to; the first is as good as any, since all
	// branches of the sample lie in the space "big" of ledgers 0 to 2. It is made to lead to itself.
	for at := 2 * pageSize; ; at += pageSize {
		if id := uint64(at / pageSize); binary.NativeEndian.Uint64(content[at:]) == id && binary.NativeEndian.Uint16(content[at+8:]) == 1 {
			binary.NativeEndian.PutUint64(content[at+16+8:], id)
			if inspect(t, content, (*inspector).read) != nil { // else it was a free page
				break
			}
		}
	}
	err := inspect(t, content, func(in *inspector, s *boltstore.Store) {
		refused := 0
		for n := range byte(3) {
			err := s.Update(context.Background(), func(w store.Writer) error {
				return w.Put("big", ledger(n), []byte("key"), []byte("value"))
			})
			if in.note("update", err); err != nil {
				refused++
			}
		}
		err := s.Update(context.Background(), func(w store.Writer) error {
			return w.Put("small", ledger(3), []byte("key"), []byte("new"))
		})
		if refused != 1 || err != nil {
			t.Errorf("%d of three places refused, the other with %v", refused, err)
		}
	})
	if !errors.Is(err, store.ErrCorrupt) {
		t.Fatalf("got %v", err)
	}
}

// FuzzOpen lets files of any content be opened and read. Run it with -fuzzminimizetime=1x: to shorten a file that is new to it takes longer
// than to find it.
func FuzzOpen(f *testing.F) {
	path := filepath.Join(f.TempDir(), "seed.db")
	s := open(f, path, boltstore.Options{NoSync: true})
	if err := errors.Join(put(s, "key", "value"), s.Close()); err != nil {
		f.Fatal(err)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(content)
	f.Add(content[:2*pageSize])
	f.Add([]byte("text"))
	f.Fuzz(func(t *testing.T, content []byte) { _ = inspect(t, content, (*inspector).read) })
}
