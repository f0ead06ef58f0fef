package clientsdk

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/crypto/chacha20poly1305"
	"pgregory.net/rapid"

	"github.com/arpenteur/arpenteur/syncengine/store"
)

func newTestVault(t testing.TB) vault {
	t.Helper()
	aead, err := chacha20poly1305.NewX(make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	return vault{aead, rand.Reader}
}

func randomBytes(t testing.TB, n int) []byte {
	t.Helper()
	b := make([]byte, n)
	if _, err := rand.Read(b); err != nil {
		t.Fatal(err)
	}
	return b
}

func writeSealed(t testing.TB, v vault, path, name string, label, contents []byte) {
	t.Helper()
	w, err := v.create(path, name, label)
	if err == nil {
		if _, err = w.Write(contents); err == nil {
			err = w.commit()
		}
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestASealedFileIsReadFromAnyOffset(t *testing.T) {
	v := newTestVault(t)
	path := filepath.Join(t.TempDir(), "f")
	for _, size := range []int{0, 1, sealedPiece - 1, sealedPiece, sealedPiece + 1, 3*sealedPiece + 17} {
		want := randomBytes(t, size)
		writeSealed(t, v, path, "a name", []byte("a label"), want)
		f, err := v.openFile(path, "a name")
		if err != nil {
			t.Fatalf("%d bytes: %v", size, err)
		}
		if got, err := io.ReadAll(f.reader()); err != nil || !bytes.Equal(got, want) || string(f.label) != "a label" || f.size != int64(size) {
			t.Errorf("%d bytes came back as %d, %v", size, len(got), err)
		}
		rapid.Check(t, func(t *rapid.T) {
			off := rapid.IntRange(0, size+10).Draw(t, "off")
			p := make([]byte, rapid.IntRange(0, size+10).Draw(t, "n"))
			n, err := f.ReadAt(p, int64(off))
			from := min(off, size)
			if !bytes.Equal(p[:n], want[from:min(from+len(p), size)]) || (n < len(p)) != errors.Is(err, io.EOF) {
				t.Fatalf("%d bytes at %d of %d: %d, %v", len(p), off, size, n, err)
			}
		})
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestADamagedCutOrMovedSealedFileDoesNotOpen(t *testing.T) {
	v := newTestVault(t)
	folder := t.TempDir()
	path, other := filepath.Join(folder, "f"), filepath.Join(folder, "g")
	writeSealed(t, v, path, "a name", []byte("label"), randomBytes(t, 2*sealedPiece+100))
	writeSealed(t, v, other, "a name", []byte("label"), randomBytes(t, 2*sealedPiece+100))
	raw, second := readBytes(t, path), readBytes(t, other)
	readAll := func(raw []byte, name string) error {
		if err := os.WriteFile(path, raw, 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := v.openFile(path, name)
		if err != nil {
			return err
		}
		defer f.Close()
		_, err = io.Copy(io.Discard, f.reader())
		return err
	}
	if err := readAll(raw, "a name"); err != nil {
		t.Fatal(err)
	}
	spliced := append(bytes.Clone(raw[:len(raw)/2]), second[len(second)/2:]...)
	piece := sealedPiece + 40
	for name, bad := range map[string][]byte{"empty": nil, "cut": raw[:len(raw)-1], "cut at a piece": raw[:len(raw)-140], "spliced": spliced, "its first piece twice": append(bytes.Clone(raw[:len(raw)-140-piece]), raw[len(raw)-140-2*piece:]...)} {
		if err := readAll(bad, "a name"); !errors.Is(err, store.ErrCorrupt) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for at := 0; at < len(raw); at += 997 {
		bad := bytes.Clone(raw)
		bad[at] ^= 1
		if err := readAll(bad, "a name"); !errors.Is(err, store.ErrCorrupt) {
			t.Fatalf("byte %d changed: %v", at, err)
		}
	}
	if err := readAll(raw, "another name"); !errors.Is(err, store.ErrCorrupt) {
		t.Errorf("under another name: %v", err)
	}
	if bytes.Contains(raw, []byte("label")) {
		t.Error("the label can be read")
	}
}

func TestASealedFileThatWasBegunGoesOnBehindItsLastWholePiece(t *testing.T) {
	v := newTestVault(t)
	path := filepath.Join(t.TempDir(), "f")
	want := randomBytes(t, 3*sealedPiece+500)
	if _, err := v.resume(path, "n", io.Discard); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("nothing was begun: %v", err)
	}
	w, err := v.create(path, "n", nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(want[:2*sealedPiece+77]); err != nil {
		t.Fatal(err)
	}
	if err := w.pause(); err != nil {
		t.Fatal(err)
	}
	torn := append(readBytes(t, path+partSuffix), "the beginning of a piece"...)
	if err := os.WriteFile(path+partSuffix, torn, 0o600); err != nil {
		t.Fatal(err)
	}
	var held bytes.Buffer
	w, err = v.resume(path, "n", &held)
	if err != nil {
		t.Fatal(err)
	}
	if w.offset() != 2*sealedPiece || !bytes.Equal(held.Bytes(), want[:2*sealedPiece]) {
		t.Fatalf("it goes on at %d", w.offset())
	}
	if _, err := w.Write(want[w.offset():]); err != nil {
		t.Fatal(err)
	}
	if err := w.commit(); err != nil {
		t.Fatal(err)
	}
	f, err := v.openFile(path, "n")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if got, err := io.ReadAll(f.reader()); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	if _, err := os.Stat(path + partSuffix); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the part is still there: %v", err)
	}
}

func TestASealedFileThatPausedAtAWholePieceIsReadAsWritten(t *testing.T) {
	v := newTestVault(t)
	path := filepath.Join(t.TempDir(), "f")
	want := randomBytes(t, 2*sealedPiece)
	w, err := v.create(path, "n", nil)
	if err == nil {
		_, err = w.Write(want)
	}
	if err == nil {
		err = w.pause()
	}
	if err == nil {
		w, err = v.resume(path, "n", io.Discard)
	}
	if err == nil && w.offset() != 2*sealedPiece {
		t.Errorf("it goes on at %d", w.offset())
	}
	if err == nil {
		err = w.commit()
	}
	if err != nil {
		t.Fatal(err)
	}
	f, err := v.openFile(path, "n")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if got, err := io.ReadAll(f.reader()); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

// FuzzSealedFile opens anything as a sealed file: it is refused, or it is what was written.
func FuzzSealedFile(f *testing.F) {
	v := newTestVault(f)
	path := filepath.Join(f.TempDir(), "f")
	writeSealed(f, v, path, "n", []byte("label"), []byte("contents"))
	good := readBytes(f, path)
	f.Add(good)
	f.Add([]byte(sealedMagic))
	f.Fuzz(func(t *testing.T, raw []byte) {
		path := filepath.Join(t.TempDir(), "f")
		if err := os.WriteFile(path, raw, 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := v.openFile(path, "n")
		if err == nil {
			defer s.Close()
			if !bytes.Equal(raw, good) {
				t.Fatalf("%d other bytes open", len(raw))
			}
			return
		}
		if !errors.Is(err, store.ErrCorrupt) {
			t.Fatal(err)
		}
	})
}

func readBytes(t testing.TB, path string) []byte {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}
