package storetest

import (
	"bytes"
	"context"
	"maps"
	"slices"
	"sync"

	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/store"
)

// Memory is a store in memory, made to be obviously right: each space of each ledger is a sorted slice, and a transaction that
// writes to one copies it first. It is safe for concurrent use.
type Memory struct {
	updates sync.Mutex // held for a whole update: updates are serialised
	running sync.RWMutex

	mu     sync.Mutex // guards what follows
	state  *State
	fail   error
	rerun  bool
	closed bool
}

// State is all that a Memory holds at one moment. It never changes, so keeping one costs nothing.
type State struct {
	spaces map[place][]entry // each sorted by key, none empty
	header []byte            // of the seal
}

// place is one space of one ledger.
type place struct {
	space  store.Space
	ledger syncengine.LedgerID
}

// entry is one key with its value. Its bytes are never written to.
type entry struct{ key, value []byte }

// NewMemory returns an empty store.
func NewMemory() *Memory { return &Memory{state: &State{}} }

// FailNext makes the next update that comes to its commit fail with err, after its fn ran; none of its writes is kept. Nil takes an
// earlier request back.
func (m *Memory) FailNext(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fail = err
}

// RunTwice makes every update run its fn twice, over the same state, and keep what the second run wrote. A backend may do that at
// any time; with this, side effects of an fn show in any test.
func (m *Memory) RunTwice(on bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.rerun = on
}

// Snapshot returns what the store holds now, for Restore.
func (m *Memory) Snapshot() *State {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.state
}

// Restore makes the store hold what it held at a Snapshot, of this or of another Memory, and opens it if it is closed: as a crash,
// or a backup that is put back, would. It waits for a running update.
func (m *Memory) Restore(s *State) {
	m.updates.Lock()
	defer m.updates.Unlock()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.state, m.closed = s, false
}

// SealHeader returns the header that SetSealHeader kept, or nil.
func (m *Memory) SealHeader() []byte { return bytes.Clone(m.Snapshot().header) }

// SetSealHeader keeps header; nil removes it.
func (m *Memory) SetSealHeader(header []byte) error {
	m.updates.Lock()
	defer m.updates.Unlock()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.state = &State{spaces: m.state.spaces, header: bytes.Clone(header)}
	return nil
}

// Empty reports whether the store holds no key at all.
func (m *Memory) Empty(context.Context) (bool, error) {
	return len(m.Snapshot().spaces) == 0, nil
}

// View runs fn over the state of now.
func (m *Memory) View(ctx context.Context, fn func(store.Reader) error) error {
	m.running.RLock()
	defer m.running.RUnlock()
	s, _, err := m.begin(ctx)
	if err != nil {
		return err
	}
	r := &memoryTx{spaces: s.spaces}
	defer r.end()
	return fn(r)
}

// Update runs fn and keeps its writes.
func (m *Memory) Update(ctx context.Context, fn func(store.Writer) error) error {
	m.running.RLock()
	defer m.running.RUnlock()
	m.updates.Lock()
	defer m.updates.Unlock()
	s, rerun, err := m.begin(ctx)
	if err != nil {
		return err
	}
	if rerun {
		if _, err := runMemory(s, fn); err != nil {
			return err
		}
	}
	next, err := runMemory(s, fn)
	if err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.fail; err != nil {
		m.fail = nil
		return err
	}
	m.state = next
	return nil
}

// runMemory runs fn over s and returns the state that it leaves.
func runMemory(s *State, fn func(store.Writer) error) (*State, error) {
	w := &memoryTx{spaces: maps.Clone(s.spaces), owned: map[place]bool{}}
	if w.spaces == nil {
		w.spaces = map[place][]entry{}
	}
	defer w.end()
	if err := fn(w); err != nil {
		return nil, err
	}
	return &State{spaces: w.spaces, header: s.header}, nil
}

// begin returns the state of now and whether updates run twice.
func (m *Memory) begin(ctx context.Context) (*State, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil, false, store.ErrClosed
	}
	return m.state, m.rerun, ctx.Err()
}

// Close waits for running transactions. What the store holds is still there for Snapshot and Restore.
func (m *Memory) Close() error {
	m.running.Lock()
	defer m.running.Unlock()
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return store.ErrClosed
	}
	m.closed = true
	return nil
}

// memoryTx is the Reader and Writer of a Memory.
type memoryTx struct {
	spaces map[place][]entry
	owned  map[place]bool // slices that this transaction copied and so may change
	over   bool
}

func (tx *memoryTx) end() { tx.over = true }

// find returns where key is, or would be, in the slice at p.
func (tx *memoryTx) find(p place, key []byte) (int, bool) {
	return slices.BinarySearchFunc(tx.spaces[p], key, func(e entry, key []byte) int { return bytes.Compare(e.key, key) })
}

// Get returns the value at key.
func (tx *memoryTx) Get(space store.Space, ledger syncengine.LedgerID, key []byte) ([]byte, error) {
	if tx.over {
		return nil, store.ErrClosed
	}
	p := place{space, ledger}
	if i, found := tx.find(p, key); found {
		return tx.spaces[p][i].value, nil
	}
	return nil, nil
}

// within returns the entries of p in [from, to).
func (tx *memoryTx) within(p place, from, to []byte) []entry {
	low, _ := tx.find(p, from)
	high := len(tx.spaces[p])
	if to != nil {
		high, _ = tx.find(p, to)
	}
	if low >= high {
		return nil
	}
	return tx.spaces[p][low:high]
}

// Scan calls fn for each key in [from, to), ascending.
func (tx *memoryTx) Scan(space store.Space, ledger syncengine.LedgerID, from, to []byte, fn func(k, v []byte) (bool, error)) error {
	if tx.over {
		return store.ErrClosed
	}
	for _, e := range tx.within(place{space, ledger}, from, to) {
		if more, err := fn(e.key, e.value); err != nil || !more {
			return err
		}
	}
	return nil
}

// ScanBack calls fn for each key in [from, to), descending.
func (tx *memoryTx) ScanBack(space store.Space, ledger syncengine.LedgerID, from, to []byte, fn func(k, v []byte) (bool, error)) error {
	if tx.over {
		return store.ErrClosed
	}
	for _, e := range slices.Backward(tx.within(place{space, ledger}, from, to)) {
		if more, err := fn(e.key, e.value); err != nil || !more {
			return err
		}
	}
	return nil
}

// Ledgers calls fn for each ledger with a key.
func (tx *memoryTx) Ledgers(fn func(syncengine.LedgerID) (bool, error)) error {
	if tx.over {
		return store.ErrClosed
	}
	var ledgers []syncengine.LedgerID
	for p := range tx.spaces {
		if !p.ledger.IsZero() {
			ledgers = append(ledgers, p.ledger)
		}
	}
	slices.SortFunc(ledgers, func(a, b syncengine.LedgerID) int { return bytes.Compare(a.Hash[:], b.Hash[:]) })
	for _, ledger := range slices.Compact(ledgers) {
		if more, err := fn(ledger); err != nil || !more {
			return err
		}
	}
	return nil
}

// own makes the slice at p one that this transaction may change.
func (tx *memoryTx) own(p place) {
	if !tx.owned[p] {
		tx.spaces[p], tx.owned[p] = slices.Clone(tx.spaces[p]), true
	}
}

// Put sets the value at key.
func (tx *memoryTx) Put(space store.Space, ledger syncengine.LedgerID, key, value []byte) error {
	if tx.over {
		return store.ErrClosed
	}
	if err := store.CheckPut(space, key, value); err != nil {
		return err
	}
	p := place{space, ledger}
	tx.own(p)
	i, found := tx.find(p, key)
	if found {
		tx.spaces[p][i].value = bytes.Clone(value)
		return nil
	}
	tx.spaces[p] = slices.Insert(tx.spaces[p], i, entry{bytes.Clone(key), bytes.Clone(value)})
	return nil
}

// Delete removes key.
func (tx *memoryTx) Delete(space store.Space, ledger syncengine.LedgerID, key []byte) error {
	if tx.over {
		return store.ErrClosed
	}
	p := place{space, ledger}
	if _, found := tx.find(p, key); !found {
		return nil
	}
	tx.own(p)
	i, _ := tx.find(p, key)
	tx.spaces[p] = slices.Delete(tx.spaces[p], i, i+1)
	if len(tx.spaces[p]) == 0 {
		delete(tx.spaces, p)
	}
	return nil
}
