package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/arpenteur/arpenteur/clientsdk"
	"github.com/arpenteur/arpenteur/examples/central"
	"github.com/arpenteur/arpenteur/schemas"
	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/ledger"
	"github.com/arpenteur/arpenteur/syncengine/store/seal"
)

// start is when the day begins, by everybody's clock.
var start = time.Date(2026, 11, 17, 8, 0, 0, 0, time.UTC)

// How much is edited.
const (
	editRounds = 3
	editShare  = 8  // in each round a tablet edits one record in so many
	hotShare   = 10 // half of the edits go to the first one in so many, so that people meet there
	deletions  = 60 // one edit in so many deletes the record
	alarms     = 5  // one in so many finds something urgent
)

// field is the server and the tablets.
type field struct {
	folder  string
	central *central.Central
	order   central.Diagnostic
	chance  *rand.Rand
	clock   atomic.Int64 // milliseconds since start

	tablets []*tablet
	places  map[uuid.UUID]bool // buildings that are known
	saved   []clientsdk.Saved  // by anybody, in order
}

// tablet is one consultant's client and its link.
type tablet struct {
	*clientsdk.Client
	account syncengine.AccountID
	visit   string
	link    *link
}

func newField(ctx context.Context, o options) (f *field, err error) {
	f = &field{chance: rand.New(rand.NewPCG(o.seed, 0)), places: map[uuid.UUID]bool{}} //nolint:gosec // what happens, not secrets
	if f.folder, err = os.MkdirTemp("", "arpenteur-replay-"); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			f.end()
		}
	}()
	if f.central, err = central.Start(ctx, filepath.Join(f.folder, "server"), f.now); err != nil {
		return nil, err
	}
	if f.order, err = f.central.Order(ctx, "Toronto"); err != nil {
		return nil, err
	}
	for i := range o.tablets {
		if err := f.addTablet(ctx, i, o.seed); err != nil {
			return nil, err
		}
	}
	return f, nil
}

// now is a look at the clock, each a millisecond later than the one before.
func (f *field) now() time.Time { return start.Add(time.Duration(f.clock.Add(1)) * time.Millisecond) }

// addTablet makes a tablet and enrols it. All that it draws comes from the seed; leave Rand out in earnest.
func (f *field) addTablet(ctx context.Context, number int, seed uint64) error {
	source := [32]byte{byte(seed), byte(seed >> 8), byte(seed >> 16), byte(seed >> 24), byte(number)}
	t := &tablet{
		account: syncengine.AccountID(fmt.Sprintf("c-%02d", number+1)), visit: f.newID(),
		link: &link{inner: http.DefaultTransport, chance: rand.New(rand.NewPCG(seed, uint64(number)+1))}, //nolint:gosec // as above
	}
	name := fmt.Sprintf("T-%02d", number+1)
	var err error
	t.Client, err = clientsdk.Open(ctx, filepath.Join(f.folder, name), clientsdk.Options{
		Passphrase: []byte("une phrase pour rejouer"), Cost: seal.Params{Time: 1, Memory: 64, Threads: 1},
		HTTP: &http.Client{Transport: t.link}, Now: f.now, Rand: rand.NewChaCha8(source),
	})
	if err != nil {
		return err
	}
	f.tablets = append(f.tablets, t)
	return f.central.Enrol(ctx, t.Client, t.account, name, f.order)
}

func (f *field) newID() string {
	var id uuid.UUID
	for i := range id {
		id[i] = byte(f.chance.Uint32())
	}
	id[6], id[8] = id[6]&0x0f|0x40, id[8]&0x3f|0x80
	return id.String()
}

// end closes everything and removes the folder.
func (f *field) end() {
	for _, t := range f.tablets {
		_ = t.Close() // what was saved is on the disk
	}
	if f.central != nil {
		_ = f.central.Stop()
	}
	_ = os.RemoveAll(f.folder) // the system empties its temporary folder
}

// capture makes the buildings known, then gives each inspection to one of the tablets, which writes its observations without a network.
func (f *field) capture(ctx context.Context, all *inspections) error {
	var places []central.Place
	for i := range all.rows {
		in := &all.rows[i]
		if !f.places[in.building] {
			f.places[in.building] = true
			places = append(places, central.Place{ID: in.building, Type: "building", Name: in.address})
		}
	}
	for some := range slices.Chunk(places, 1000) {
		if err := f.central.AddPlaces(ctx, f.order, some); err != nil {
			return err
		}
	}
	for i := range all.rows {
		in, t := &all.rows[i], f.tablets[f.chance.IntN(len(f.tablets))]
		for _, lineage := range slices.Sorted(maps.Keys(in.answers)) {
			draft, err := t.NewRecord(ctx, f.order.Ledger, lineage)
			if err != nil {
				return err
			}
			values := in.answers[lineage]
			values["/visit"], values["/rater"] = t.visit, string(t.account)
			if err := f.save(ctx, draft, values); err != nil {
				return fmt.Errorf("inspection of %s: %w", in.address, err)
			}
		}
	}
	return nil
}

// save enters values and commits them.
func (f *field) save(ctx context.Context, draft *clientsdk.Draft, values answers) error {
	if err := draft.SetAll(values); err != nil {
		return err
	}
	saved, err := draft.Commit(ctx)
	switch {
	case errors.Is(err, clientsdk.ErrNothing): // the same was there already
		return nil
	case err != nil:
		return err
	case saved.Verdict.Status != syncengine.Effective:
		return fmt.Errorf("a change has no effect: %+v", saved.Verdict)
	}
	f.saved = append(f.saved, saved)
	return nil
}

// edit lets every tablet correct some of the observations that it shows, its own and others', without a network.
func (f *field) edit(ctx context.Context) error {
	for _, t := range f.tablets {
		var refs []clientsdk.Ref
		err := t.Records(ctx, f.order.Ledger, ledger.Filter{Kind: schemas.Observation}, nil, func(r *clientsdk.Record) (bool, error) {
			if r.Present {
				refs = append(refs, r.Ref)
			}
			return true, nil
		})
		if err != nil {
			return err
		}
		for range len(refs)/editShare + 1 {
			ref := refs[f.chance.IntN(len(refs))]
			if f.chance.IntN(2) == 0 {
				ref = refs[f.chance.IntN(len(refs)/hotShare+1)]
			}
			if err := f.editOne(ctx, t, ref); err != nil {
				return err
			}
		}
	}
	return nil
}

// ratings are the answers that an edit chooses from.
func ratings() []string { return []string{"1", "2", "3", "4", "not_observed", "not_applicable"} }

// editOne changes one or two ratings of an observation, sometimes finds something urgent or adds a remark, and now and then deletes the
// whole.
func (f *field) editOne(ctx context.Context, t *tablet, ref clientsdk.Ref) error {
	draft, err := t.Edit(ctx, ref)
	if err != nil {
		return err
	}
	if f.chance.IntN(deletions) == 0 {
		if err := draft.Remove(syncengine.RecordPresence); err != nil {
			return err
		}
		return f.save(ctx, draft, nil)
	}
	values := answers{}
	asked := schemas.FormModel(draft.Checklist(), schemas.French).Points("")
	for range 1 + f.chance.IntN(2) {
		point := asked[f.chance.IntN(len(asked))]
		values[syncengine.Path(point.Path+"/rating")] = ratings()[f.chance.IntN(len(ratings()))]
	}
	if f.chance.IntN(alarms) == 0 { // two such edits can be right apart and wrong together: urgent, and good
		point := asked[f.chance.IntN(len(asked))]
		values[syncengine.Path(point.Path+"/rating")], values[syncengine.Path(point.Path+"/urgent")] = "1", true
	}
	if f.chance.IntN(4) == 0 {
		values[syncengine.Path("/remarks/"+string(t.account))] = fmt.Sprintf("Revu par %s, remarque %d.", t.account, len(f.saved))
	}
	return f.save(ctx, draft, values)
}

// exchangeBadly lets the tablets sync in a random order over links that cut. Who does not get through tries again in the next round.
func (f *field) exchangeBadly(ctx context.Context) {
	for _, i := range f.chance.Perm(len(f.tablets)) {
		t := f.tablets[i]
		t.link.cutting = true
		_, _ = t.Sync(ctx) // it may fail: that is what this is about
		t.link.cutting = false
	}
}

// exchange lets the tablets sync over good links until nothing moves any more.
func (f *field) exchange(ctx context.Context) error {
	for range 10 {
		moved := 0
		for _, i := range f.chance.Perm(len(f.tablets)) {
			report, err := f.tablets[i].Sync(ctx)
			if err != nil {
				return err
			}
			moved += report.Sent + report.Received
		}
		if moved == 0 {
			return nil
		}
	}
	return errors.New("the exchange does not come to rest")
}

// cuts counts the exchanges that were cut.
func (f *field) cuts() int {
	n := 0
	for _, t := range f.tablets {
		n += t.link.cuts
	}
	return n
}
