package boltstore

import (
	"bytes"

	"go.etcd.io/bbolt"

	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/store"
)

// txn is one bbolt transaction. The updates of a group run in the same one, each through a handle of its own.
type txn struct {
	tx      *bbolt.Tx
	volume  *volume
	changed *changes                // where keys that are written are noted, or nil
	buckets map[place]*bbolt.Bucket // those found or made in this transaction
	thinned map[place]bool          // where something was deleted
	writes  int
	bytes   int   // of all keys and values put
	damage  error // the first panic of bbolt at a write in this transaction, which must then not be committed
	arena   []byte
}

// place is one space of one ledger: one nested bucket.
type place struct {
	space  store.Space
	ledger syncengine.LedgerID
}

// handle is the Reader or Writer that one fn gets: a txn that ends with the fn.
type handle struct{ *txn }

// end makes the handle answer ErrClosed from here on.
func (h *handle) end() { h.txn = nil }

// live returns the transaction, or ErrClosed after the fn's end.
func (h *handle) live() (*txn, error) {
	if h.txn == nil {
		return nil, store.ErrClosed
	}
	return h.txn, nil
}

// guarded is deferred around calls of bbolt that write. After a panic of one the transaction is in no state that could be committed;
// after a panic of one that reads, for which guard does, it is as before.
func (t *txn) guarded(err *error) {
	if panicked := recover(); panicked != nil {
		*err = damaged("%v", panicked)
		if t.damage == nil {
			t.damage = *err
		}
	}
}

// bucket returns the bucket of a place, or nil where it has none. It must not be asked for what is known to be damaged.
func (t *txn) bucket(p place) (*bbolt.Bucket, error) {
	if b := t.buckets[p]; b != nil {
		return b, nil
	}
	if err := t.badness(p); err != nil {
		return nil, err
	}
	ledger := t.tx.Bucket(p.ledger.Hash[:])
	if ledger == nil || len(p.space) == 0 {
		return nil, nil
	}
	b := ledger.Bucket([]byte(p.space))
	if b != nil {
		t.remember(p, b)
	}
	return b, nil
}

// badness returns the error of a place that was found damaged at opening. bbolt must not be let at it.
func (t *txn) badness(p place) error {
	bad := t.volume.bad
	if len(bad) == 0 {
		return nil
	}
	if err := bad[place{ledger: p.ledger}]; err != nil {
		return err
	}
	return bad[p]
}

// fillPercent is how full bbolt leaves the first of the pages that it splits a full one into. Most keys end in sequences and come in
// order, so that little is put into that page again: bbolt's own one half makes the file two and a half times as large and batches
// twice as slow. Keys in random order take no harm.
const fillPercent = 0.9

// remember saves the two look-ups that lead to a bucket.
func (t *txn) remember(p place, b *bbolt.Bucket) {
	b.FillPercent = fillPercent
	if t.buckets == nil {
		t.buckets = make(map[place]*bbolt.Bucket)
	}
	t.buckets[p] = b
}

// makeBucket returns the bucket of a place, which it makes where there is none.
func (t *txn) makeBucket(p place) (*bbolt.Bucket, error) {
	if b, err := t.bucket(p); b != nil || err != nil {
		return b, err
	}
	ledger, err := t.tx.CreateBucketIfNotExists(p.ledger.Hash[:])
	if err != nil {
		return nil, boltDamage(err)
	}
	b, err := ledger.CreateBucketIfNotExists([]byte(p.space))
	if err != nil {
		return nil, boltDamage(err)
	}
	t.remember(p, b)
	return b, nil
}

// get returns the value at key.
func (t *txn) get(p place, key []byte) (value []byte, err error) {
	defer guard(&err)
	b, err := t.bucket(p)
	if b == nil || len(key) == 0 {
		return nil, err
	}
	if value = b.Get(key); value == nil {
		return nil, nil
	}
	return value, t.fits(p, key, value)
}

// fits returns the error of a key or value with a length that none can have which was put: it is damaged, and to copy it could ask for
// more memory than there is. A nil key is no key.
func (t *txn) fits(p place, key, value []byte) error {
	if key == nil || len(key) <= store.MaxKeyBytes && len(value) > 0 && len(value) <= store.MaxValueBytes+store.SealBytes {
		return nil
	}
	return &store.DamagedError{Space: p.space, Ledger: p.ledger, Key: bytes.Clone(key[:min(len(key), store.MaxKeyBytes)])}
}

// put sets the value at key.
func (t *txn) put(p place, key, value []byte) (err error) {
	if err := store.CheckPut(p.space, key, value); err != nil {
		return err
	}
	defer t.guarded(&err)
	b, err := t.makeBucket(p)
	if err != nil {
		return err
	}
	t.writes++
	t.bytes += len(key) + len(value)
	t.changed.note(p, key)
	return boltDamage(b.Put(key, t.keep(value))) // bbolt copies the key, but keeps the value until the commit
}

// boltDamage words an error with which bbolt refuses a write whose limits were checked: it found something else than a value, or than a
// bucket, where one should be.
func boltDamage(err error) error {
	if err != nil {
		return damaged("%v", err)
	}
	return nil
}

// keep copies a value to where it stays until the end of the transaction. Small values share chunks, which saves an allocation each;
// the chunks grow, so that a lone value costs a small one.
func (t *txn) keep(value []byte) []byte {
	const smallest, largest = 4 << 10, 64 << 10
	if len(value) > smallest {
		return bytes.Clone(value)
	}
	if len(value) > cap(t.arena)-len(t.arena) {
		t.arena = make([]byte, 0, min(max(smallest, 2*cap(t.arena)), largest))
	}
	start := len(t.arena)
	t.arena = append(t.arena, value...)
	return t.arena[start:len(t.arena):len(t.arena)]
}

// del removes key.
func (t *txn) del(p place, key []byte) (err error) {
	defer t.guarded(&err)
	b, err := t.bucket(p)
	if b == nil || len(key) == 0 {
		return err
	}
	t.writes++
	if t.thinned == nil {
		t.thinned = make(map[place]bool)
	}
	t.thinned[p] = true
	t.changed.note(p, key)
	return boltDamage(b.Delete(key))
}

// prune removes the buckets that deletions have emptied, so that a ledger that was forgotten leaves not even its name. It is called
// once, before the commit, when no cursor is in use.
func (t *txn) prune() (err error) {
	defer t.guarded(&err)
	for p := range t.thinned {
		if key, _ := t.buckets[p].Cursor().First(); key != nil {
			continue
		}
		delete(t.buckets, p)
		ledger := t.tx.Bucket(p.ledger.Hash[:])
		if err := ledger.DeleteBucket([]byte(p.space)); err != nil {
			return boltDamage(err)
		}
		if key, _ := ledger.Cursor().First(); key != nil {
			continue
		}
		if err := t.tx.DeleteBucket(p.ledger.Hash[:]); err != nil {
			return boltDamage(err)
		}
	}
	return nil
}

// ledgers returns the ledgers that hold a key, ascending, the zero ledger excluded.
func (t *txn) ledgers() (ids []syncengine.LedgerID, err error) {
	defer guard(&err)
	c := t.tx.Cursor()
	for name, _ := c.First(); name != nil; name, _ = c.Next() {
		var id syncengine.LedgerID
		if copy(id.Hash[:], name) == len(name) && len(name) == len(id.Hash) && !id.IsZero() && t.holdsKey(name, t.tx.Bucket(name)) {
			ids = append(ids, id)
		}
	}
	return ids, nil
}

// holdsKey reports whether any space of a ledger's bucket holds a key: within a transaction some may be empty and not yet removed. What
// is damaged counts as holding one.
func (t *txn) holdsKey(name []byte, ledger *bbolt.Bucket) bool {
	var p place
	copy(p.ledger.Hash[:], name)
	if t.badness(p) != nil {
		return true
	}
	c := ledger.Cursor()
	for name, _ := c.First(); name != nil; name, _ = c.Next() {
		p.space = store.Space(name)
		if t.badness(p) != nil {
			return true
		}
		if key, _ := ledger.Bucket(name).Cursor().First(); key != nil {
			return true
		}
	}
	return false
}

// Get implements store.Reader.
func (h *handle) Get(space store.Space, ledger syncengine.LedgerID, key []byte) ([]byte, error) {
	t, err := h.live()
	if err != nil {
		return nil, err
	}
	return t.get(place{space, ledger}, key)
}

// Ledgers implements store.Reader.
func (h *handle) Ledgers(fn func(ledger syncengine.LedgerID) (bool, error)) error {
	t, err := h.live()
	if err != nil {
		return err
	}
	ids, err := t.ledgers()
	if err != nil {
		return err
	}
	for _, id := range ids {
		if more, err := fn(id); err != nil || !more {
			return err
		}
	}
	return nil
}

// Put implements store.Writer.
func (h *handle) Put(space store.Space, ledger syncengine.LedgerID, key, value []byte) error {
	t, err := h.live()
	if err != nil {
		return err
	}
	return t.put(place{space, ledger}, key, value)
}

// Delete implements store.Writer.
func (h *handle) Delete(space store.Space, ledger syncengine.LedgerID, key []byte) error {
	t, err := h.live()
	if err != nil {
		return err
	}
	return t.del(place{space, ledger}, key)
}
