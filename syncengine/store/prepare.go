package store

import (
	"bytes"
	"context"
	"encoding/binary"
	"hash/maphash"
	"maps"
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
		defer func() { o.base = nil }()
		return fn(o)
	})
	if err != nil {
		return err
	}
	return s.Update(ctx, func(w Writer) error {
		run := fn
		if o.unchanged(w) {
			run = o.apply
		}
		if err := run(w); err != nil || last == nil {
			return err
		}
		return last(w)
	})
}

// Rehearse runs fn over a snapshot as Prepare would, and keeps none of its writes.
func Rehearse(ctx context.Context, s Store, fn func(w Writer) error) error {
	return s.View(ctx, func(r Reader) error {
		o := newOverlay(r)
		defer func() { o.base = nil }()
		return fn(o)
	})
}

// shelf is one space of one ledger.
type shelf struct {
	space  Space
	ledger syncengine.LedgerID
}

// overlay is a Writer over a snapshot. It keeps writes in memory and notes reads of the snapshot.
type overlay struct {
	base    Reader // nil once the snapshot is gone
	seed    maphash.Seed
	ledgers map[syncengine.LedgerID]map[Space]*page
	ledger  syncengine.LedgerID // the one used last, whose pages are at hand
	pages   map[Space]*page
	scans   []scan
	failed  bool // a read failed and fn went on: what it would be told later can't be foreseen
}

// page is what was written and read of one space of one ledger.
type page struct {
	shelf
	writes map[string][]byte // nil value: deleted; the last write of each key counts
	gets   map[string]answer
}

// answer tells values apart. The hash is seeded at random for each overlay, so that nobody can choose two values that it takes for one.
type answer struct {
	held bool
	sum  uint64
}

// scan is a noted range read: what it gave from the snapshot alone. from and to are narrowed to what decided: where the reader stopped
// at a key of its own, what the snapshot holds behind that does not matter.
type scan struct {
	shelf
	from, to []byte
	back     bool
	count    int  // keys taken from the snapshot
	stopped  bool // by the reader, at the last of them; otherwise there were no more
	sum      uint64
}

func newOverlay(base Reader) *overlay {
	return &overlay{base: base, seed: maphash.MakeSeed(), ledgers: map[syncengine.LedgerID]map[Space]*page{}}
}

// page returns the page of a space, made where there is none.
func (o *overlay) page(space Space, ledger syncengine.LedgerID) *page {
	if o.pages == nil || ledger != o.ledger {
		pages := o.ledgers[ledger]
		if pages == nil {
			pages = map[Space]*page{}
			o.ledgers[ledger] = pages
		}
		o.ledger, o.pages = ledger, pages
	}
	p := o.pages[space]
	if p == nil {
		p = &page{shelf: shelf{space, ledger}, writes: map[string][]byte{}, gets: map[string]answer{}}
		o.pages[space] = p
	}
	return p
}

func (o *overlay) Get(space Space, ledger syncengine.LedgerID, key []byte) ([]byte, error) {
	if o.base == nil {
		return nil, ErrClosed
	}
	p := o.page(space, ledger)
	if v, ok := p.writes[string(key)]; ok {
		return v, nil
	}
	v, err := o.base.Get(space, ledger, key)
	if err != nil {
		o.failed = true
		return nil, err
	}
	p.gets[string(key)] = o.answer(v)
	return v, nil
}

func (o *overlay) answer(v []byte) answer {
	if v == nil {
		return answer{}
	}
	return answer{true, maphash.Bytes(o.seed, v)}
}

func (o *overlay) Put(space Space, ledger syncengine.LedgerID, key, value []byte) error {
	if o.base == nil {
		return ErrClosed
	}
	if err := CheckPut(space, key, value); err != nil {
		return err
	}
	o.page(space, ledger).writes[string(key)] = bytes.Clone(value)
	return nil
}

func (o *overlay) Delete(space Space, ledger syncengine.LedgerID, key []byte) error {
	if o.base == nil {
		return ErrClosed
	}
	o.page(space, ledger).writes[string(key)] = nil
	return nil
}

func (o *overlay) Scan(space Space, ledger syncengine.LedgerID, from, to []byte, fn func(key, value []byte) (bool, error)) error {
	return o.scan(space, ledger, from, to, false, fn)
}

func (o *overlay) ScanBack(space Space, ledger syncengine.LedgerID, from, to []byte, fn func(key, value []byte) (bool, error)) error {
	return o.scan(space, ledger, from, to, true, fn)
}

// scan merges the snapshot's keys with those written here, and notes what the snapshot gave.
func (o *overlay) scan(
	space Space, ledger syncengine.LedgerID, from, to []byte, back bool, fn func(key, value []byte) (bool, error),
) error {
	if o.base == nil {
		return ErrClosed
	}
	p := o.page(space, ledger)
	m := merge{fn: fn, writes: p.writes, own: p.written(from, to, back)}
	m.note = scan{shelf: p.shelf, from: bytes.Clone(from), to: bytes.Clone(to), back: back}
	m.sum.SetSeed(o.seed)
	err := rangeOf(o.base, p.shelf, from, to, back, m.take)
	if err != nil && !m.done {
		o.failed = true
		return err
	}
	for !m.done && len(m.own) > 0 {
		err = m.emitOwn()
	}
	m.note.sum = m.sum.Sum64()
	o.scans = append(o.scans, m.note)
	return err
}

// merge is a scan under way.
type merge struct {
	fn     func(key, value []byte) (bool, error)
	writes map[string][]byte
	own    []string // keys of writes that are not reached yet, in the order of the scan
	note   scan
	sum    maphash.Hash
	done   bool // the reader stopped
}

// take is given each key of the snapshot.
func (m *merge) take(key, value []byte) (bool, error) {
	for len(m.own) > 0 && m.own[0] != string(key) && m.note.back == (m.own[0] > string(key)) {
		if err := m.emitOwn(); m.done {
			return false, err
		}
	}
	m.note.count++
	addPair(&m.sum, key, value)
	if v, written := m.writes[string(key)]; written {
		if len(m.own) > 0 && m.own[0] == string(key) {
			m.own = m.own[1:]
		}
		value = v
	}
	err := m.emit(key, value)
	m.note.stopped = m.done
	return !m.done, err
}

// emitOwn passes on the next key written here.
func (m *merge) emitOwn() error {
	key := m.own[0]
	m.own = m.own[1:]
	err := m.emit([]byte(key), m.writes[key])
	switch {
	case !m.done:
	case m.note.back:
		m.note.from = append([]byte(key), 0)
	default:
		m.note.to = []byte(key)
	}
	return err
}

// emit passes a key on, unless it was deleted here.
func (m *merge) emit(key, value []byte) error {
	if value == nil {
		return nil
	}
	more, err := m.fn(key, value)
	m.done = !more || err != nil
	return err
}

// addPair hashes a key and its value so that no two lists of pairs give the same bytes.
func addPair(h *maphash.Hash, key, value []byte) {
	var lengths [16]byte
	binary.BigEndian.PutUint64(lengths[:8], uint64(len(key)))
	binary.BigEndian.PutUint64(lengths[8:], uint64(len(value)))
	_, _ = h.Write(lengths[:]) // a maphash never fails
	_, _ = h.Write(key)
	_, _ = h.Write(value)
}

// written returns the keys written here within bounds, in the order of the scan.
func (p *page) written(from, to []byte, back bool) []string {
	var keys []string
	for k := range p.writes {
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
	if o.base == nil {
		return ErrClosed
	}
	return o.base.Ledgers(fn) // not noted: nothing that is prepared depends on which other ledgers exist
}

// unchanged reports whether every noted read gives the same answer from r. A read that fails gives another one: what to do about it is
// for fn to say.
func (o *overlay) unchanged(r Reader) bool {
	if o.failed {
		return false
	}
	var buf []byte
	for _, p := range o.sorted() {
		for _, key := range slices.Sorted(maps.Keys(p.gets)) {
			buf = append(buf[:0], key...)
			if v, err := r.Get(p.space, p.ledger, buf); err != nil || o.answer(v) != p.gets[key] {
				return false
			}
		}
	}
	for i := range o.scans {
		if !o.scans[i].unchanged(r, o.seed) {
			return false
		}
	}
	return true
}

func (s *scan) unchanged(r Reader, seed maphash.Seed) bool {
	var sum maphash.Hash
	sum.SetSeed(seed)
	count := 0
	err := rangeOf(r, s.shelf, s.from, s.to, s.back, func(key, value []byte) (bool, error) {
		if count++; count <= s.count {
			addPair(&sum, key, value)
		}
		return count < s.count || count == s.count && !s.stopped, nil
	})
	return err == nil && count == s.count && sum.Sum64() == s.sum
}

// apply writes what was kept aside, space by space in key order, which suits a tree of pages.
func (o *overlay) apply(w Writer) error {
	var buf []byte
	for _, p := range o.sorted() {
		for _, key := range slices.Sorted(maps.Keys(p.writes)) {
			buf = append(buf[:0], key...)
			var err error
			if value := p.writes[key]; value == nil {
				err = w.Delete(p.space, p.ledger, buf)
			} else {
				err = w.Put(p.space, p.ledger, buf, value)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// sorted returns the pages, by space and ledger.
func (o *overlay) sorted() []*page {
	var out []*page
	for _, pages := range o.ledgers {
		out = slices.AppendSeq(out, maps.Values(pages))
	}
	slices.SortFunc(out, func(a, b *page) int {
		if c := strings.Compare(string(a.space), string(b.space)); c != 0 {
			return c
		}
		return a.ledger.Compare(b.ledger.Hash)
	})
	return out
}
