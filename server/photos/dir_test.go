package photos_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/arpenteur/arpenteur/server/photos"
	"github.com/arpenteur/arpenteur/syncengine/store"
)

var background = context.Background()

func openDir(t testing.TB, reserve uint64) (*photos.Dir, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "a", "photos")
	d, err := photos.OpenDir(path, reserve)
	if err != nil {
		t.Fatal(err)
	}
	return d, path
}

func TestPiecesAreAppendedWhereTheLastOneEnded(t *testing.T) {
	d, _ := openDir(t, 0)
	for _, step := range []struct {
		offset int64
		piece  string
		want   error
	}{
		{3, "late", photos.ErrOffset},
		{0, "one", nil},
		{0, "again", photos.ErrOffset},
		{2, "e", photos.ErrOffset},
		{4, "x", photos.ErrOffset},
		{3, " two", nil},
	} {
		if err := d.Append(background, "l/ab/key", step.offset, []byte(step.piece)); !errors.Is(err, step.want) {
			t.Errorf("%q at %d: %v, want %v", step.piece, step.offset, err, step.want)
		}
	}
	if got := read(t, d, "l/ab/key"); got != "one two" {
		t.Errorf("it holds %q", got)
	}
}

func read(t testing.TB, d *photos.Dir, key string) string {
	t.Helper()
	b, err := d.Open(background, key)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	raw, err := io.ReadAll(b)
	if err != nil || int64(len(raw)) != b.Size() {
		t.Fatalf("%d bytes of %d: %v", len(raw), b.Size(), err)
	}
	return string(raw)
}

func TestWhatIsMovedReplacesWhatWasThereAndRemovingIsHarmless(t *testing.T) {
	d, _ := openDir(t, 0)
	for _, key := range []string{"partial/r/x", "l/00/x", "l/00/x.thumbnail", "m/00/y"} {
		if err := d.Append(background, key, 0, []byte("of "+key)); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.Move(background, "partial/r/x", "l/00/x"); err != nil {
		t.Fatal(err)
	}
	if err := d.Move(background, "partial/r/x", "l/00/x"); !errors.Is(err, photos.ErrAbsent) {
		t.Errorf("nothing was moved: %v", err)
	}
	if got := read(t, d, "l/00/x"); got != "of partial/r/x" {
		t.Errorf("%q", got)
	}
	list := func(prefix string) (keys []string) {
		err := d.List(background, prefix, func(i photos.Item) error {
			keys = append(keys, i.Key)
			if i.Size == 0 || i.Changed.IsZero() {
				t.Errorf("%+v", i)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return keys
	}
	if got := list(""); !slices.Equal(got, []string{"l/00/x", "l/00/x.thumbnail", "m/00/y"}) {
		t.Errorf("%v", got)
	}
	if got := append(list("m/"), list("none/")...); !slices.Equal(got, []string{"m/00/y"}) {
		t.Errorf("%v", got)
	}
	for range 2 {
		if err := d.Remove(background, "m/00/y"); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := d.Open(background, "m/00/y"); !errors.Is(err, photos.ErrAbsent) {
		t.Errorf("%v", err)
	}
	if _, err := d.Open(background, "l/00"); !errors.Is(err, photos.ErrAbsent) {
		t.Errorf("a folder is opened: %v", err)
	}
}

func TestKeysStayBelowTheFolder(t *testing.T) {
	d, path := openDir(t, 0)
	for _, key := range []string{"../x", "/etc/x", "a/../../x", ""} {
		if err := d.Append(background, key, 0, []byte("x")); err == nil {
			t.Errorf("%q is taken", key)
		}
		if err := d.Remove(background, key); err == nil && key != "" {
			t.Errorf("%q is removed", key)
		}
	}
	if _, err := os.Stat(filepath.Join(path, "..", "x")); err == nil {
		t.Error("something lies beside the folder")
	}
}

func TestTheReserveIsLeftFree(t *testing.T) {
	d, path := openDir(t, 0)
	if err := d.Append(background, "l/00/x", 0, bytes.Repeat([]byte("x"), 100)); err != nil {
		t.Fatal(err)
	}
	full, err := photos.OpenDir(path, 1<<62)
	if err != nil {
		t.Fatal(err)
	}
	for _, offset := range []int64{0, 100} {
		if err := full.Append(background, "l/00/x", offset, []byte("y")); !errors.Is(err, store.ErrFull) {
			t.Errorf("%v", err)
		}
	}
	if n := len(read(t, full, "l/00/x")); n != 100 {
		t.Errorf("%d bytes are there", n)
	}
}

func TestAFolderThatIsOnlyReadIsNotMade(t *testing.T) {
	path := filepath.Join(t.TempDir(), "none")
	d := photos.ReadDir(path)
	if err := d.List(background, "", func(photos.Item) error { return errors.New("something is there") }); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("it was made")
	}
}
