package photos_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"image"
	"image/jpeg"
	"io"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/arpenteur/arpenteur/server/photos"
	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/store"
	"github.com/arpenteur/arpenteur/syncengine/store/storetest"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// shelf is an Archive over a folder and a store in memory.
type shelf struct {
	*photos.Archive
	dir   *photos.Dir
	path  string
	store store.Store
}

func newShelf(t testing.TB) *shelf {
	t.Helper()
	s := &shelf{store: storetest.NewMemory()}
	s.dir, s.path = openDir(t, 0)
	s.Archive = photos.New(photos.Options{
		Blobs: s.dir, Store: s.store, Now: time.Now,
		Unsure: func(store.Reader, syncengine.LedgerID) (bool, error) { return false, nil },
	})
	return s
}

func jpegOf(t testing.TB, width int) ([]byte, photos.Upload) {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, image.NewGray(image.Rect(0, 0, width, 16)), nil); err != nil {
		t.Fatal(err)
	}
	u := photos.Upload{Replica: syncengine.ReplicaID{Hash: syncengine.Hash{1}}}
	u.Ledger.Hash, u.Hash = syncengine.Hash{2}, sha256.Sum256(b.Bytes())
	return b.Bytes(), u
}

func noInterrupt() {}

func TestWhatCameBeforeACutIsKeptWhateverTheBodyFailsWith(t *testing.T) {
	data, u := jpegOf(t, 400)
	for name, cut := range map[string]error{"cut": io.ErrUnexpectedEOF, "deadline": os.ErrDeadlineExceeded} {
		t.Run(name, func(t *testing.T) {
			s := newShelf(t)
			body := io.MultiReader(bytes.NewReader(data[:200]), iotest.ErrReader(cut))
			got, err := s.Receive(background, u, photos.Part{Length: int64(len(data)), Complete: true}, body, noInterrupt)
			if !errors.Is(err, wire.CodeBusy) || got.Offset != 200 || got.Written != 200 {
				t.Fatalf("%+v %v", got, err)
			}
			if n, err := s.Offset(background, u); n != 200 || err != nil {
				t.Fatalf("%d bytes are there, %v", n, err)
			}
			rest := iotest.OneByteReader(bytes.NewReader(data[200:]))
			got, err = s.Receive(background, u, photos.Part{Offset: 200, Length: int64(len(data)), Complete: true}, rest, noInterrupt)
			if err != nil || !got.Fresh || got.State.Size != int64(len(data)) {
				t.Fatalf("%+v %v", got, err)
			}
		})
	}
}

func TestAStartThatIsLongerThanThePhotoGivesWay(t *testing.T) {
	s := newShelf(t)
	data, u := jpegOf(t, 400)
	if _, err := s.Receive(background, u, photos.Part{Length: 5000}, bytes.NewReader(make([]byte, 5000)), noInterrupt); err != nil {
		t.Fatal(err)
	}
	part := photos.Part{Length: int64(len(data)), Complete: true}
	if got, err := s.Receive(background, u, part, bytes.NewReader(data), noInterrupt); err != nil || !got.Fresh {
		t.Fatalf("%+v %v", got, err)
	}
}

func TestWhatAnotherReplicaFinishedNeedNotBeFinished(t *testing.T) {
	s := newShelf(t)
	data, u := jpegOf(t, 400)
	part := photos.Part{Length: int64(len(data)), Complete: true}
	if got, err := s.Receive(background, u, photos.Part{Length: part.Length}, bytes.NewReader(data[:300]), noInterrupt); err != nil || got.Offset != 300 {
		t.Fatalf("%+v %v", got, err)
	}
	other := u
	other.Replica.Hash[3] = 1
	if _, err := s.Receive(background, other, part, bytes.NewReader(data), noInterrupt); err != nil {
		t.Fatal(err)
	}
	part.Offset = 300
	if got, err := s.Receive(background, u, part, bytes.NewReader(data[300:]), noInterrupt); err != nil || got.Fresh || !got.State.Held() {
		t.Fatalf("%+v %v", got, err)
	}
	if n, err := s.Offset(background, u); n != 0 || err != nil {
		t.Errorf("%d bytes are left of it, %v", n, err)
	}
}

func TestNoReplicaReceivesMorePhotosAtATimeThanItsShare(t *testing.T) {
	s := newShelf(t)
	data, u := jpegOf(t, 16)
	var hanging sync.WaitGroup
	var ends []*io.PipeWriter
	for n := range photos.MaxUploadsEach {
		body, end := io.Pipe()
		ends = append(ends, end)
		one := u
		one.Hash[0] = byte(n)
		hanging.Go(func() {
			_, _ = s.Receive(background, one, photos.Part{Length: 100}, body, noInterrupt)
		})
		if _, err := end.Write([]byte("x")); err != nil { // it is being read
			t.Fatal(err)
		}
	}
	part := photos.Part{Length: int64(len(data)), Complete: true}
	if got, err := s.Receive(background, u, part, bytes.NewReader(data), noInterrupt); !errors.Is(err, wire.CodeBusy) || got.Offset >= 0 {
		t.Errorf("%+v %v", got, err)
	}
	other := u
	other.Replica.Hash[5] = 1
	if _, err := s.Receive(background, other, part, bytes.NewReader(data), noInterrupt); err != nil {
		t.Errorf("another replica waits too: %v", err)
	}
	for _, end := range ends {
		_ = end.Close()
	}
	hanging.Wait()
	if n := s.Uploads(); n != 0 {
		t.Errorf("%d uploads are said to run", n)
	}
}

func TestManySendAndFetchTheSamePhotoAtOnce(t *testing.T) {
	s := newShelf(t)
	data, u := jpegOf(t, 640)
	var all sync.WaitGroup
	for n := range 16 {
		one := u
		one.Replica.Hash[7] = byte(n)
		all.Go(func() {
			got, err := s.Receive(background, one, photos.Part{Length: int64(len(data)), Complete: true}, bytes.NewReader(data), noInterrupt)
			if err != nil || !got.State.Held() || got.State.Arrival != 1 {
				t.Errorf("%+v %v", got, err)
				return
			}
			b, err := s.Thumbnail(background, one.PhotoName)
			if err != nil {
				t.Error(err)
				return
			}
			if c, err := jpeg.DecodeConfig(b); err != nil || c.Width != 320 {
				t.Errorf("%+v %v", c, err)
			}
			if err := b.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}

func TestVerifyNamesTheBadPhotosTheFirstOneFirst(t *testing.T) {
	s := newShelf(t)
	var names []wire.PhotoName
	for n := range 5 {
		data, u := jpegOf(t, 16+n)
		if _, err := s.Receive(background, u, photos.Part{Length: int64(len(data)), Complete: true}, bytes.NewReader(data), noInterrupt); err != nil {
			t.Fatal(err)
		}
		names = append(names, u.PhotoName)
	}
	verify := func() (bad []wire.PhotoName, done photos.Checked) {
		err := s.store.View(background, func(r store.Reader) (err error) {
			done, err = photos.Verify(background, r, s.dir, func(p wire.PhotoName, _ error) { bad = append(bad, p) }, func(photos.Checked) {})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return bad, done
	}
	if bad, done := verify(); len(bad) > 0 || done.Photos != 5 || done.Unreferred != 5 || done.Strays != 0 {
		t.Fatalf("%v %+v", bad, done)
	}
	file := func(p wire.PhotoName) string { return filepath.Join(s.path, filepath.FromSlash(photos.Key(p))) }
	raw, err := os.ReadFile(file(names[2]))
	if err != nil {
		t.Fatal(err)
	}
	raw[len(raw)-3] ^= 1
	if err := os.WriteFile(file(names[2]), raw, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(file(names[4])); err != nil {
		t.Fatal(err)
	}
	if err := s.dir.Append(background, photos.Key(wire.PhotoName{Ledger: names[0].Ledger, Hash: syncengine.Hash{9}}), 0, raw); err != nil {
		t.Fatal(err)
	}
	want := []wire.PhotoName{names[2], names[4]}
	if want[0].Hash.Compare(want[1].Hash) > 0 {
		want[0], want[1] = want[1], want[0]
	}
	if bad, done := verify(); len(bad) != 2 || bad[0] != want[0] || bad[1] != want[1] || done.Strays != 1 {
		t.Fatalf("%v %+v", bad, done)
	}
}

func BenchmarkReceive(b *testing.B) {
	s := newShelf(b)
	data := bytes.Repeat([]byte{0}, 2<<20)
	head, u := jpegOf(b, 16)
	copy(data, head)
	b.SetBytes(int64(len(data)))
	for n := range b.N {
		data[len(data)-1], data[len(data)-2], data[len(data)-3] = byte(n), byte(n>>8), byte(n>>16)
		u.Hash = sha256.Sum256(data)
		if _, err := s.Receive(background, u, photos.Part{Length: int64(len(data)), Complete: true}, bytes.NewReader(data), noInterrupt); err != nil {
			b.Fatal(err)
		}
	}
}
