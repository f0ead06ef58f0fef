package main

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"net/http"
	"runtime"
	"slices"
	"sync/atomic"

	"github.com/arpenteur/arpenteur/schemas"
	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/ledger"
	"github.com/arpenteur/arpenteur/syncengine/store"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// author is a replica without a tablet: what it writes goes straight into the server's store, through the ledger package, as if it had
// been pushed. That is how many records are made in little time.
type author struct {
	*writer
	pen ledger.Pen
}

// enrolAuthor makes a replica that is granted some diagnostics, by the same requests as a tablet's.
func (c *central) enrolAuthor(ctx context.Context, number int, list ...diagnostic) (*author, error) {
	a := &author{writer: newWriter(uint64(number), syncengine.AccountID(fmt.Sprintf("f-%03d", number)))} //nolint:gosec // a small number
	seed := make([]byte, ed25519.SeedSize)
	if _, err := a.Read(seed); err != nil {
		return nil, err
	}
	a.pen = ledger.Pen{Key: ed25519.NewKeyFromSeed(seed), Rand: a}
	a.season = c.season
	text, err := c.ticket(ctx, a.author, list...)
	if err != nil {
		return nil, err
	}
	t, err := wire.ParseTicket(text)
	if err != nil {
		return nil, err
	}
	var said map[string]any
	return a, c.people.Call(ctx, http.MethodPost, "/v1/enrolments", wireJSON(wire.NewEnrolment(a.pen.Key, t.Code, "F").Append(nil)), &said)
}

// wireJSON is a body that is encoded already.
type wireJSON []byte

// MarshalJSON returns the body.
func (w wireJSON) MarshalJSON() ([]byte, error) { return w, nil }

// edit makes the edit of one new observation.
func (a *author) edit(checklist syncengine.VersionID, now int64) (ledger.Edit, error) {
	e := ledger.Edit{
		Record:    syncengine.RecordKey{Kind: schemas.Observation, ID: a.uuid()},
		Checklist: checklist, Author: a.author, Time: now,
		Writes: []syncengine.Write{{Path: syncengine.RecordPresence, Value: syncengine.True}},
	}
	values := a.observation()
	paths := make([]syncengine.Path, 0, len(values))
	for p := range values {
		paths = append(paths, p)
	}
	slices.Sort(paths)
	for _, p := range paths {
		v, err := wire.EncodeValue(values[p])
		if err != nil {
			return e, err
		}
		e.Writes = append(e.Writes, syncengine.Write{Path: p, Value: v})
	}
	return e, nil
}

// fabrication is a plan to fill a ledger.
type fabrication struct {
	store   store.Store
	keeper  *ledger.Keeper
	ledger  syncengine.LedgerID
	version syncengine.VersionID // of the checklist
	batch   int                  // changes in one commit
}

// fabricationOf plans to fill a diagnostic of a server.
func (c *central) fabricationOf(d diagnostic, keeper *ledger.Keeper, batch int) (*fabrication, error) {
	_, version, err := checklist()
	return &fabrication{store: c.file, keeper: keeper, ledger: d.Ledger, version: version, batch: batch}, err
}

// firstTime is the author time of the first fabricated change; each further one is later by a second.
const firstTime = 1_790_000_000_000

// write lets an author write count observations. Transactions are made as the server makes them: prepared off the write lock, so that several
// authors can write at a time.
func (f *fabrication) write(ctx context.Context, a *author, count int, made *atomic.Int64) error {
	for count > 0 {
		n := min(count, f.batch)
		count -= n
		edits := make([]ledger.Edit, n)
		for i := range edits {
			var err error
			if edits[i], err = a.edit(f.version, firstTime+1000*made.Add(1)); err != nil {
				return err
			}
		}
		var l *ledger.Ledger
		err := store.Prepare(ctx, f.store, func(w store.Writer) (err error) {
			if l, err = f.keeper.Edit(w, f.ledger); err != nil {
				return err
			}
			if _, err := l.Commit(a.pen, edits...); err != nil {
				return err
			}
			if err := l.Settle(); err != nil {
				return err
			}
			if notes := l.Notes(); len(notes) > 0 {
				return fmt.Errorf("a fabricated change is not clean: %s", notes[0].Detail())
			}
			return nil
		}, func(w store.Writer) error {
			_, err := l.Advances(w)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// share calls fn for 0 to count-1, as many at a time as there are cores.
func share(count int, fn func(i int) error) error {
	var next atomic.Int64
	return together(min(count, runtime.GOMAXPROCS(0)), func(int) error {
		for i := int(next.Add(1)) - 1; i < count; i = int(next.Add(1)) - 1 {
			if err := fn(i); err != nil {
				return err
			}
		}
		return nil
	})
}
