package photos

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"image"
	"image/jpeg"
	"testing"
	"time"

	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/store"
	"github.com/arpenteur/arpenteur/syncengine/store/storetest"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// between is a Store that lets a test do something between two steps.
type between struct {
	Store
	afterMove func()
	broken    string // the key whose bytes can't be read
}

func (b *between) Move(ctx context.Context, from, to string) error {
	err := b.Store.Move(ctx, from, to)
	if b.afterMove != nil {
		b.afterMove()
	}
	return err
}

var errDevice = errors.New("the device failed")

type brokenBlob struct{ Blob }

func (brokenBlob) Read([]byte) (int, error) { return 0, errDevice }

func (b *between) Open(ctx context.Context, key string) (Blob, error) {
	blob, err := b.Store.Open(ctx, key)
	if err == nil && key == b.broken {
		blob = brokenBlob{blob}
	}
	return blob, err
}

func newBetween(t *testing.T) (*between, *Archive, Upload, []byte) {
	t.Helper()
	dir, err := OpenDir(t.TempDir(), 0)
	if err != nil {
		t.Fatal(err)
	}
	b := &between{Store: dir}
	var data bytes.Buffer
	if err := jpeg.Encode(&data, image.NewGray(image.Rect(0, 0, 8, 8)), nil); err != nil {
		t.Fatal(err)
	}
	u := Upload{syncengine.ReplicaID{Hash: syncengine.Hash{1}}, wire.PhotoName{Ledger: someLedger, Hash: sha256.Sum256(data.Bytes())}}
	a := New(Options{Blobs: b, Store: storetest.NewMemory(), Now: time.Now})
	return b, a, u, data.Bytes()
}

func receiveAll(a *Archive, u Upload, data []byte) (Received, error) {
	return a.Receive(context.Background(), u, Part{Length: int64(len(data)), Complete: true}, bytes.NewReader(data), func() {})
}

func TestAPhotoThatIsBarredJustAsItArrivesIsErasedAgain(t *testing.T) {
	b, a, u, data := newBetween(t)
	b.afterMove = func() {
		if err := a.Store.Update(context.Background(), func(w store.Writer) error { return bar(w, u.PhotoName) }); err != nil {
			t.Error(err)
		}
	}
	if got, err := receiveAll(a, u, data); !errors.Is(err, wire.CodeBarred) || got.State.Held() {
		t.Errorf("%+v %v", got, err)
	}
	err := b.List(context.Background(), "", func(i Item) error { return errors.New(i.Key + " is left") })
	if err != nil {
		t.Error(err)
	}
}

func TestWhatTheDeviceCantReadIsNeverSaidToBeHeld(t *testing.T) {
	b, a, u, data := newBetween(t)
	b.broken = u.key()
	if _, err := receiveAll(a, u, data); !errors.Is(err, errDevice) {
		t.Errorf("whole, but not to be read: %v", err)
	}
	b.broken = Key(u.PhotoName)
	if err := b.Move(context.Background(), u.key(), b.broken); err != nil {
		t.Fatal(err)
	}
	if got, err := receiveAll(a, u, data); !errors.Is(err, errDevice) || got.State.Held() {
		t.Errorf("there, but not to be read: %+v %v", got, err)
	}
	b.broken = ""
	if got, err := receiveAll(a, u, data); err != nil || !got.State.Held() {
		t.Errorf("%+v %v", got, err)
	}
}

func TestAFileOfAPhotosNameThatIsSomethingElseIsSentAgain(t *testing.T) {
	b, a, u, data := newBetween(t)
	if err := b.Append(context.Background(), Key(u.PhotoName), 0, []byte("something else")); err != nil {
		t.Fatal(err)
	}
	if got, err := receiveAll(a, u, data); err != nil || !got.Fresh || got.State.Size != int64(len(data)) {
		t.Errorf("%+v %v", got, err)
	}
}
