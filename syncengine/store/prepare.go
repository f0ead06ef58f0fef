package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"

	"github.com/arpenteur/arpenteur/syncengine"
)

// Prepare does the costly part of an update off the write lock. It runs fn over a snapshot, keeping its writes aside and noting what
// it reads; then, inside one Update, it applies the writes if every noted read still gives the same answer, and otherwise runs fn
// again there. Finally it runs last inside the same Update: that is the place for the few keys that every transaction touches.
// fn must follow the rules of Store.Update; last may be nil.
func Prepare(ctx context.Context, s Store, fn, last func(w Writer) error) error {
	var o *overlay
	err := s.View(ctx, func(r Reader) error {
		o = newOverlay(r)
		err := fn(o)
		o.base = nil
		return err
	})
	if err != nil {
		return err
	}
	return s.Update(ctx, func(w Writer) error {
		same, err := o.unchanged(w)
		if err != nil {
			return err
		}
		if same {
			err = o.apply(w)
		} else {
			err = fn(w)
		}
		if err != nil || last == nil {
			return err
		}
		return last(w)
	})
}

// shelf is one space of one ledger.
type shelf struct {
	space  Space
	ledger syncengine.LedgerID
}

// overlay is a Writer over a snapshot. It keeps writes in memory and notes reads of the snapshot.
type overlay struct {
	base   Reader
	writes map[shelf]map[string][]byte // nil value: deleted
	order  []write                     // the last write of each key counts; applied in sorted order
	gets   map[shelf]map[string][32]byte
	scans  []scan
}

type write struct {
	shelf
	key string
}

// scan is a noted range read: what it gave from the snapshot alone, up to where it stopped.
type scan struct {
	shelf
	from, to []byte
	back     bool
	count    int // keys taken from the snapshot; whole tells whether there were no more
	whole    bool
	digest   [32]byte
}

func newOverlay(base Reader) *overlay {
	return &overlay{base: base, writes: map[shelf]map[string][]byte{}, gets: map[shelf]map[string][32]byte{}}
}

func (o *overlay) Get(space Space, ledger syncengine.LedgerID, key []byte) ([]byte, error) {
	at := shelf{space, ledger}
	if v, ok := o.writes[at][string(key)]; ok {
		return v, nil
	}
	v, err := o.base.Get(space, ledger, key)
	if err != nil {
		return nil, err
	}
	if o.gets[at] == nil {
		o.gets[at] = map[string][32]byte{}
	}
	o.gets[at][string(key)] = digestOf(v)
	return v, nil
}

// digestOf tells values apart; an absent one has the zero digest.
func digestOf(v []byte) [32]byte {
	if v == nil {
		return [32]byte{}
	}
	return sha256.Sum256(v)
}

func (o *overlay) Put(space Space, ledger syncengine.LedgerID, key, value []byte) error {
	if len(key) == 0 || len(value) == 0 {
		return fmt.Errorf("put in %s: %w", space, ErrEmpty)
	}
	if len(key) > MaxKeyBytes || len(value) > MaxValueBytes {
		return fmt.Errorf("put in %s: %w", space, ErrTooLarge)
	}
	o.set(shelf{space, ledger}, key, bytes.Clone(value))
	return nil
}

func (o *overlay) Delete(space Space, ledger syncengine.LedgerID, key []byte) error {
	o.set(shelf{space, ledger}, key, nil)
	return nil
}

func (o *overlay) set(at shelf, key, value []byte) {
	m := o.writes[at]
	if m == nil {
		m = map[string][]byte{}
		o.writes[at] = m
	}
	if _, known := m[string(key)]; !known {
		o.order = append(o.order, write{at, string(key)})
	}
	m[string(key)] = value
}

func (o *overlay) Scan(space Space, ledger syncengine.LedgerID, from, to []byte, fn func(key, value []byte) (bool, error)) error {
	return o.scan(shelf{space, ledger}, from, to, false, fn)
}

func (o *overlay) ScanBack(space Space, ledger syncengine.LedgerID, from, to []byte, fn func(key, value []byte) (bool, error)) error {
	return o.scan(shelf{space, ledger}, from, to, true, fn)
}

// scan merges the snapshot's keys with those written here.
func (o *overlay) scan(at shelf, from, to []byte, back bool, fn func(key, value []byte) (bool, error)) error {
	mine := o.written(at, from, to, back)
	note := scan{shelf: at, from: bytes.Clone(from), to: bytes.Clone(to), back: back, whole: true}
	hash := sha256.New()
	before := func(a string, b []byte) bool { return back == (strings.Compare(a, string(b)) > 0) && a != string(b) }
	stopped := false
	emit := func(key, value []byte) (bool, error) {
		if value == nil {
			return true, nil
		}
		more, err := fn(key, value)
		stopped = !more || err != nil
		return more, err
	}
	err := rangeOf(o.base, at, from, to, back, func(key, value []byte) (bool, error) {
		for len(mine) > 0 && before(mine[0], key) {
			k := mine[0]
			mine = mine[1:]
			if more, err := emit([]byte(k), o.writes[at][k]); !more || err != nil {
				note.whole = false
				return false, err
			}
		}
		note.count++
		fmt.Fprintf(hash, "%d %d ", len(key), len(value))
		hash.Write(key)
		hash.Write(value)
		if v, ok := o.writes[at][string(key)]; ok {
			if len(mine) > 0 && mine[0] == string(key) {
				mine = mine[1:]
			}
			value = v
		}
		more, err := emit(key, value)
		note.whole = more
		return more, err
	})
	hash.Sum(note.digest[:0])
	o.scans = append(o.scans, note)
	for err == nil && !stopped && len(mine) > 0 {
		_, err = emit([]byte(mine[0]), o.writes[at][mine[0]])
		mine = mine[1:]
	}
	return err
}

// written returns the keys written here within bounds, in the order of the scan.
func (o *overlay) written(at shelf, from, to []byte, back bool) []string {
	var keys []string
	for k := range o.writes[at] {
		if (from == nil || k >= string(from)) && (to == nil || k < string(to)) {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	if back {
		slices.Reverse(keys)
	}
	return keys
}

func rangeOf(r Reader, at shelf, from, to []byte, back bool, fn func(key, value []byte) (bool, error)) error {
	if back {
		return r.ScanBack(at.space, at.ledger, from, to, fn)
	}
	return r.Scan(at.space, at.ledger, from, to, fn)
}

func (o *overlay) Ledgers(fn func(ledger syncengine.LedgerID) (bool, error)) error {
	return o.base.Ledgers(fn) // not noted: nothing that is prepared depends on which other ledgers exist
}

// unchanged reports whether every noted read gives the same answer from r.
func (o *overlay) unchanged(r Reader) (bool, error) {
	for at, keys := range o.gets {
		for key, digest := range keys {
			v, err := r.Get(at.space, at.ledger, []byte(key))
			if err != nil {
				return false, err
			}
			if digestOf(v) != digest {
				return false, nil
			}
		}
	}
	for i := range o.scans {
		if same, err := o.scans[i].unchanged(r); !same || err != nil {
			return false, err
		}
	}
	return true, nil
}

func (s *scan) unchanged(r Reader) (bool, error) {
	hash := sha256.New()
	count, more := 0, false
	err := rangeOf(r, s.shelf, s.from, s.to, s.back, func(key, value []byte) (bool, error) {
		if count == s.count {
			more = true
			return false, nil
		}
		count++
		fmt.Fprintf(hash, "%d %d ", len(key), len(value))
		hash.Write(key)
		hash.Write(value)
		return true, nil
	})
	if err != nil {
		return false, err
	}
	return count == s.count && (!more || !s.whole) && [32]byte(hash.Sum(nil)) == s.digest, nil
}

// apply writes what was kept aside, space by space in key order, which suits a tree of pages.
func (o *overlay) apply(w Writer) error {
	slices.SortFunc(o.order, func(a, b write) int {
		if c := strings.Compare(string(a.space), string(b.space)); c != 0 {
			return c
		}
		if c := a.ledger.Compare(b.ledger.Hash); c != 0 {
			return c
		}
		return strings.Compare(a.key, b.key)
	})
	for _, x := range o.order {
		value := o.writes[x.shelf][x.key]
		var err error
		if value == nil {
			err = w.Delete(x.space, x.ledger, []byte(x.key))
		} else {
			err = w.Put(x.space, x.ledger, []byte(x.key), value)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
