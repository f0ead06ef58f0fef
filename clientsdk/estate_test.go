package clientsdk_test

import (
	"context"
	"log"
	"os"
	"path/filepath"
	"time"

	"github.com/arpenteur/arpenteur/clientsdk"
	"github.com/arpenteur/arpenteur/syncengine"
)

// estate is a server with one diagnostic for the examples, which have no testing.T.
type estate struct {
	*world
	root  string
	clock time.Time
}

// examiner stands in for testing.T where an example runs: it ends the program.
type examiner struct{ cleanups []func() }

func (*examiner) Helper()                           {}
func (*examiner) Fatal(args ...any)                 { log.Fatal(args...) }
func (*examiner) Fatalf(format string, args ...any) { log.Fatalf(format, args...) }
func (e *examiner) Cleanup(fn func())               { e.cleanups = append(e.cleanups, fn) }
func (e *examiner) TempDir() string {
	dir, err := os.MkdirTemp("", "arpenteur-example-")
	if err != nil {
		log.Fatal(err)
	}
	e.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func newEstate() *estate {
	x := &examiner{}
	e := &estate{world: newWorldFor(x), clock: time.Date(2026, 11, 17, 14, 0, 0, 0, time.UTC)}
	e.root = x.TempDir()
	return e
}

func (e *estate) close() {
	x, _ := e.t.(*examiner)
	for i := range x.cleanups {
		x.cleanups[len(x.cleanups)-1-i]()
	}
}

func (e *estate) folder(name string) string { return filepath.Join(e.root, name) }

func (e *estate) ticket(account string) string { return e.world.ticket(account, "consultant") }

// walker is an enrolled tablet.
type walker struct {
	*clientsdk.Client
	account string
}

func (e *estate) tablet(account string) *walker {
	o := clientsdk.Options{Passphrase: []byte("une longue phrase"), Cost: cheap, Now: func() time.Time { return e.clock }}
	c, err := clientsdk.Open(context.Background(), e.folder(account), o)
	if err != nil {
		log.Fatal(err)
	}
	e.t.Cleanup(func() { _ = c.Close() })
	if err := c.Enrol(context.Background(), e.ticket(account), account); err != nil {
		log.Fatal(err)
	}
	w := &walker{c, account}
	e.syncAll(w)
	return w
}

// syncAll lets tablets exchange until all hold the same.
func (e *estate) syncAll(tablets ...*walker) {
	for range 2 {
		for _, w := range tablets {
			if _, err := w.Sync(context.Background()); err != nil {
				log.Fatal(err)
			}
		}
	}
}

// rate rates the litter of the hall, in a new observation or in a known one.
func (w *walker) rate(e *estate, ref *clientsdk.Ref, rating string) clientsdk.Ref {
	ctx := context.Background()
	e.clock = e.clock.Add(time.Minute)
	var d *clientsdk.Draft
	var err error
	values := map[syncengine.Path]any{"/litter/rating": rating}
	if ref == nil {
		values["/place"], values["/visit"], values["/rater"] = hall, visit, w.account
		d, err = w.NewRecord(ctx, e.ledger, "cleanliness")
	} else {
		d, err = w.Edit(ctx, *ref)
	}
	if err == nil {
		err = d.SetAll(values)
	}
	if err != nil {
		log.Fatal(err)
	}
	saved, err := d.Commit(ctx)
	if err != nil {
		log.Fatal(err)
	}
	return saved.Ref
}
