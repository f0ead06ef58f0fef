package main

import (
	"bytes"
	"context"
	"path/filepath"

	"go.etcd.io/bbolt"

	"github.com/arpenteur/arpenteur/schemas"
	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/ledger"
	"github.com/arpenteur/arpenteur/syncengine/store"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// observations reads what a ledger holds of observations: their documents, and the runs that they came in.
func observations(ctx context.Context, s store.Store, id syncengine.LedgerID) (documents [][]byte, runs []bareRun, err error) {
	keeper, err := newKeeper()
	if err != nil {
		return nil, nil, err
	}
	err = s.View(ctx, func(r store.Reader) error {
		documents, runs = nil, nil
		l, err := keeper.View(r, id)
		if err != nil {
			return err
		}
		err = l.List(ledger.Filter{Kind: schemas.Observation}, nil, func(m *ledger.Merged) (bool, error) {
			documents = append(documents, m.AppendDocument(nil))
			return true, nil
		})
		if err != nil {
			return err
		}
		stretches, err := l.Lacking(nil)
		if err != nil {
			return err
		}
		for _, a := range stretches {
			if l.Authority().IsAuthority(a.Replica) {
				continue
			}
			key := l.Authority().Key(a.Replica)
			err := l.Runs(a, false, func(o ledger.Outgoing) (bool, error) {
				run := bareRun{key: bytes.Clone(key), message: wire.HeadMessage(id, a.Replica, o.After), signature: bytes.Clone(o.Head[:])}
				for _, line := range o.Lines {
					run.lines = append(run.lines, bytes.Clone(line))
				}
				runs = append(runs, run)
				return true, nil
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	return documents, runs, err
}

// fill makes a load of what a server took since before.
func (l *load) fill(ctx context.Context, c *central, d diagnostic, before content) (err error) {
	if l.documents, l.runs, err = observations(ctx, c.file, d.Ledger); err != nil {
		return err
	}
	held, err := contentOf(ctx, c.file, d.Ledger)
	l.entries = held.since(before)
	return err
}

// content is what a store's file holds: values by bucket and key.
type content map[string][]byte

// since returns the entries that are not, or not like this, in an earlier content.
func (c content) since(before content) []entry {
	var out []entry
	for name, value := range c {
		if old, known := before[name]; known && bytes.Equal(old, value) {
			continue
		}
		space, key, _ := bytes.Cut([]byte(name), []byte{0})
		out = append(out, entry{string(space), key, value})
	}
	return out
}

// contentOf reads what a store holds of a ledger.
func contentOf(ctx context.Context, s store.Store, id syncengine.LedgerID) (c content, err error) {
	err = s.View(ctx, func(r store.Reader) error {
		c = content{}
		for _, space := range ledger.Spaces() {
			err := r.Scan(space, id, nil, nil, func(key, value []byte) (bool, error) {
				c[string(space)+"\x00"+string(key)] = bytes.Clone(value)
				return true, nil
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	return c, err
}

// tabletContent reads what a closed tablet's file holds, sealed as it is, and how many commits made it.
func tabletContent(folder string) (c content, commits int, err error) {
	db, err := bbolt.Open(filepath.Join(folder, "store.db"), 0o600, &bbolt.Options{ReadOnly: true})
	if err != nil {
		return nil, 0, err
	}
	defer db.Close() //nolint:errcheck // it was only read
	c = content{}
	err = db.View(func(tx *bbolt.Tx) error {
		commits = tx.ID()
		return tx.ForEach(func(_ []byte, b *bbolt.Bucket) error { return gather(c, "tablet", b) })
	})
	return c, commits, err
}

// gather adds a bucket's values, and those of the buckets in it.
func gather(c content, name string, b *bbolt.Bucket) error {
	return b.ForEach(func(key, value []byte) error {
		if value == nil {
			return gather(c, string(key), b.Bucket(key))
		}
		c[name+"\x00"+string(key)] = bytes.Clone(value)
		return nil
	})
}
