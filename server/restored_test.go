package server_test

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/arpenteur/arpenteur/server"
	"github.com/arpenteur/arpenteur/server/photos"
	"github.com/arpenteur/arpenteur/syncengine/store"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

func TestARestoredStoreSaysSoAndIsAnotherStore(t *testing.T) {
	s := openBolt(t, filepath.Join(t.TempDir(), "central.db"))
	id := s.ID()
	if err := server.MarkRestored(context.Background(), s, "arpenteur-20261123T090000Z", time.UnixMilli(7)); err != nil {
		t.Fatal(err)
	}
	if s.ID() == id {
		t.Error("base tokens of the lost store would still be believed")
	}
	for kept := range dump(t, s) {
		if strings.Contains(kept, `{"at":7,"from":"arpenteur-20261123T090000Z"}`) {
			return
		}
	}
	t.Error("nothing tells the server that opens it")
}

// fewUpdates is a store that takes so many updates and no more.
type fewUpdates struct {
	store.Store
	left int
}

var errNoMore = errors.New("no more updates")

func (s *fewUpdates) Update(ctx context.Context, fn func(store.Writer) error) error {
	if s.left--; s.left < 0 {
		return errNoMore
	}
	return s.Store.Update(ctx, fn)
}

// A new incarnation is opened ledger by ledger. In one where that was not done yet, tablets know no key but the former.
func TestAPhotosReceiptIsSignedByAKeyThatItsLedgerKnows(t *testing.T) {
	s := openBolt(t, filepath.Join(t.TempDir(), "central.db"))
	w := newWorldOn(t, s)
	p := w.newTablet("c-1", "consultant", false)
	shot := p.photograph(picture(t, 1, 320, 240))
	if err := server.MarkRestored(context.Background(), s, "arpenteur-20261123T090000Z", time.UnixMilli(7)); err != nil {
		t.Fatal(err)
	}
	few := &fewUpdates{s, 1} // enough for the server's list of incarnations
	w.store = few
	w.start()
	if err := w.s.Begin(context.Background()); !errors.Is(err, errNoMore) {
		t.Fatal(err)
	}
	few.left = 1000
	before := w.authorityKey(shot.Ledger)
	r := p.upload(shot.PhotoName, shot.data)
	r.created(nil)
	receipt, err := wire.DecodePhotoReceipt(r.body)
	if err != nil || !receipt.Verify(before.Ed25519()) {
		t.Fatalf("%+v %v", receipt, err)
	}
	if err := w.s.Begin(context.Background()); err != nil {
		t.Fatal(err)
	}
	after := w.authorityKey(shot.Ledger)
	if after == before {
		t.Fatal("the ledger has no new incarnation")
	}
	if told := p.status(shot.PhotoName)[0]; told.Receipt == nil || !told.Receipt.Verify(after.Ed25519()) {
		t.Fatalf("%+v", told)
	}
}

// A store that was put back to an older state does not know the changes that refer to photos which lie in the folder. They come back with the
// tablets, weeks later perhaps; a photo whose tablet is gone must be there then.
func TestPhotosThatARestoredStoreDoesNotKnowAreKeptUntilTabletsHadTime(t *testing.T) {
	s := openBolt(t, filepath.Join(t.TempDir(), "central.db"))
	w := newWorldOn(t, s)
	w.clock.Store(time.Now().UnixMilli()) // that of the files
	p := w.newTablet("c-1", "consultant", false)
	loose, unknown := picture(t, 1, 64, 64), picture(t, 2, 64, 64)
	p.upload(named(t, w.ledger, loose), loose).created(nil)
	w.plant(photos.Key(named(t, w.ledger, unknown)), unknown)
	w.sleep(photos.LooseLife + time.Hour)
	if err := server.MarkRestored(t.Context(), s, "arpenteur-20261123T090000Z", w.now()); err != nil {
		t.Fatal(err)
	}
	w.start()
	if err := w.s.Begin(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.sleep(photos.LooseLife - time.Hour)
	w.start()
	if err := w.s.Begin(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.sweep(photos.Swept{})
	if n := len(w.files()); n != 2 {
		t.Fatalf("%d photos are there after the restore", n)
	}
	w.sleep(2 * time.Hour)
	w.sweep(photos.Swept{Loose: 1})
	if n := len(w.files()); n != 0 {
		t.Errorf("%d photos are there for ever", n)
	}
}
