package boltstore

import (
	"context"
	"fmt"
	"io"
	"math/bits"

	"github.com/arpenteur/arpenteur/syncengine/store"
)

// walker reads the pages that can be reached from the root, through the file and not through bbolt's map of it: a page that is not
// there is then an error and no fault. The pages of a transaction stay as they are while it runs, whatever is committed meanwhile.
//
// A whole walk reads every page and stops at the first problem. A shallow one is for opening, and reads what is above the leaves of the
// spaces: about one page in a hundred. It looks for what would kill the process rather than panic, which is a branch that leads back to
// itself: bbolt follows that until its stack is full. Damage that it finds within one ledger or space is noted, and the rest of the
// store stays usable (law L6).
type walker struct {
	file     io.ReaderAt
	m        boltMeta
	shallow  bool
	bad      map[place]error // of a shallow walk; a place without a space stands for the whole ledger
	branches map[visit]pages // of a shallow walk: those met, by tree
	used     []uint64        // of a whole walk: a bit for each page
	todo     []visit
	buf      []byte
}

// pages is a set of pages.
type pages map[uint64]bool

// visit is a page to read: of which tree, at which depth of buckets.
type visit struct {
	id    uint64
	level level
	at    place
	meta  bool // in the meta bucket
}

// level is how many buckets a tree lies in.
type level uint8

const (
	rootLevel   level = iota // holds the ledgers and the meta bucket
	ledgerLevel              // holds the spaces, or what the meta bucket holds
	spaceLevel               // holds keys and values
)

// walk checks the pages that t sees. A shallow walk returns with the places that are damaged.
func (t *txn) walk(ctx context.Context, shallow bool) (*walker, error) {
	pageSize := int64(t.volume.db.Info().PageSize)
	m := boltMeta{pageSize: pageSize, highWater: uint64(t.tx.Size() / pageSize)}
	w := &walker{file: t.volume.file, m: m, shallow: shallow}
	if shallow {
		w.bad, w.branches = map[place]error{}, map[visit]pages{}
	} else {
		w.used = make([]uint64, m.highWater/64+1)
	}
	w.todo = append(w.todo, visit{id: uint64(t.tx.Cursor().Bucket().Root())})
	for len(w.todo) > 0 {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		v := w.todo[len(w.todo)-1]
		w.todo = w.todo[:len(w.todo)-1]
		if err := w.visit(v); err != nil {
			if !shallow || v.level == rootLevel || v.meta {
				return nil, damaged("%v", err)
			}
			w.bad[v.at] = damaged("%v", err)
		}
	}
	return w, nil
}

// visit checks one page and notes its children.
func (w *walker) visit(v visit) error {
	p, err := readPage(w.file, w.m, v.id, w.buf)
	if err != nil {
		return err
	}
	w.buf = p.whole
	if !w.shallow {
		if err := w.use(v.id, p.span); err != nil {
			return err
		}
	}
	if p.flags == branchPage {
		return w.branch(p, v)
	}
	return p.elements(func(e element) error { return w.leaf(p, e, v) })
}

// inUse returns how many bytes of pages a whole walk found in use.
func (w *walker) inUse() int64 {
	n := 0
	for _, b := range w.used {
		n += bits.OnesCount64(b)
	}
	return int64(n) * w.m.pageSize
}

// use notes that pages are in use, which they can be once.
func (w *walker) use(id, span uint64) error {
	for i := id; i < id+span; i++ {
		if w.used[i/64]&(1<<(i%64)) != 0 {
			return fmt.Errorf("page %d belongs to two others", i)
		}
		w.used[i/64] |= 1 << (i % 64)
	}
	return nil
}

// branch notes the children of a branch. All of them are of one kind, so a shallow walk that finds the first child in a space's tree to
// be a leaf does not read its siblings, and only makes sure that none of them is a branch met before.
func (w *walker) branch(p page, v visit) error {
	var met pages
	if w.shallow {
		tree := v
		tree.id = 0
		if w.branches[tree] == nil {
			w.branches[tree] = pages{}
		}
		met = w.branches[tree]
		met[p.id] = true
	}
	leaves, first := false, true
	return p.elements(func(e element) error {
		v.id = e.child
		if first && w.shallow && v.level == spaceLevel {
			flags, err := readFlags(w.file, w.m, e.child)
			if err != nil {
				return err
			}
			leaves = flags == leafPage
		}
		first = false
		if met[e.child] {
			return fmt.Errorf("page %d leads back to page %d", p.id, e.child)
		}
		if !leaves {
			w.todo = append(w.todo, v)
		}
		return nil
	})
}

// leaf checks an element of a leaf: a bucket with pages of its own or, if it is small, with a page within the value.
func (w *walker) leaf(p page, e element, v visit) error {
	if !e.bucket {
		if v.level == rootLevel || v.level == ledgerLevel && !v.meta {
			return fmt.Errorf("page %d holds a value where a bucket must be", p.id)
		}
		return nil
	}
	if v.level == spaceLevel || v.meta || len(e.value) < bucketHeader {
		return fmt.Errorf("page %d holds no good bucket", p.id)
	}
	inner := visit{id: order().Uint64(e.value), level: v.level + 1, at: v.at}
	switch v.level {
	case rootLevel:
		inner.meta = string(e.key) == metaBucket
		copy(inner.at.ledger.Hash[:], e.key)
	case ledgerLevel:
		inner.at.space = store.Space(e.key)
	}
	if inner.id != 0 {
		w.todo = append(w.todo, inner)
		return nil
	}
	small := e.value[bucketHeader:]
	if len(small) < pageHeader || order().Uint16(small[8:]) != leafPage {
		return fmt.Errorf("page %d holds no good small bucket", p.id)
	}
	content := page{id: p.id, flags: leafPage, count: int(order().Uint16(small[10:])), body: small[pageHeader:]}
	return content.elements(func(e element) error {
		if e.bucket {
			return fmt.Errorf("page %d holds a bucket in a small bucket", p.id)
		}
		return w.leaf(content, e, inner)
	})
}
