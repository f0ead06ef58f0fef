package clientsdk

import (
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/arpenteur/arpenteur/syncengine/store"
)

// A sealed file keeps bytes that are too many for one value of the store, such as a photo, under the same cipher as the store's values.
//
// It is sealedMagic, a random id (16 bytes), the length of the sealed label (4), the sealed label, and the contents in pieces of
// sealedPiece bytes, each sealed by itself: a random nonce, then the ciphertext. So it is read from any offset, and one that was begun
// goes on. With each piece are authenticated the file's name and id, the number of the piece, and
// whether it is the last: a file that was cut, put together of two, or moved to another name does not open (store.ErrCorrupt).
//
// A file is written beside its name and takes it when it is whole and durable. Nobody sees a part of one (law L1).
const (
	sealedMagic = "arpenteur sealed 1\n"
	sealedPiece = 64 << 10
	sealedID    = 16
	sealedHead  = len(sealedMagic) + sealedID + 4
	maxLabel    = 64 << 10
	partSuffix  = ".part"
)

// The roles of a sealed stretch, authenticated with it.
const (
	sealedLabel byte = iota
	sealedMiddle
	sealedLast
	sealedTail // what a paused file holds behind its last whole piece
)

var errSealedFile = fmt.Errorf("sealed file: %w", store.ErrCorrupt)

// vault makes and opens sealed files under one key.
type vault struct {
	aead cipher.AEAD
	rand io.Reader
}

// sealer seals and opens the stretches of one file.
type sealer struct {
	vault
	name string
	id   [sealedID]byte
}

// associated is what a stretch is bound to.
func (s *sealer) associated(role byte, number int64) []byte {
	out := append(append([]byte{role}, s.id[:]...), s.name...)
	return binary.BigEndian.AppendUint64(out, uint64(number)) //nolint:gosec // never negative
}

func (s *sealer) seal(role byte, number int64, plain []byte) ([]byte, error) {
	n := s.aead.NonceSize()
	out := make([]byte, n, n+len(plain)+s.aead.Overhead())
	if _, err := io.ReadFull(s.rand, out); err != nil {
		return nil, err
	}
	return s.aead.Seal(out, out, plain, s.associated(role, number)), nil
}

func (s *sealer) open(role byte, number int64, sealed []byte) ([]byte, error) {
	n := s.aead.NonceSize()
	if len(sealed) < s.overhead() {
		return nil, errSealedFile
	}
	plain, err := s.aead.Open(nil, sealed[:n], sealed[n:], s.associated(role, number))
	if err != nil {
		return nil, errSealedFile
	}
	return plain, nil
}

// overhead is by how much a sealed stretch is longer than its contents.
func (s *sealer) overhead() int { return s.aead.NonceSize() + s.aead.Overhead() }

// sealedWriter writes one sealed file.
type sealedWriter struct {
	sealer
	path   string
	file   *os.File
	piece  []byte // what is not sealed yet: up to one piece
	number int64  // of the next piece
}

// create begins a sealed file at path. Its name is what it is bound to; the label can be read without the contents.
func (v vault) create(path, name string, label []byte) (*sealedWriter, error) {
	w := &sealedWriter{sealer: sealer{vault: v, name: name}, path: path, piece: make([]byte, 0, sealedPiece)}
	if _, err := io.ReadFull(v.rand, w.id[:]); err != nil {
		return nil, err
	}
	sealed, err := w.seal(sealedLabel, 0, label)
	if err != nil {
		return nil, err
	}
	if len(sealed) > maxLabel {
		return nil, fmt.Errorf("%w: a label of %d bytes", store.ErrTooLarge, len(label))
	}
	head := append([]byte(sealedMagic), w.id[:]...)
	head = append(binary.BigEndian.AppendUint32(head, uint32(len(sealed))), sealed...) //nolint:gosec // bounded above
	if w.file, err = os.OpenFile(path+partSuffix, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600); err != nil {
		return nil, err
	}
	if _, err := w.file.Write(head); err != nil {
		return nil, errors.Join(err, w.abort())
	}
	return w, nil
}

// resume takes up a file that was paused where it was, or one whose writing was cut behind its last whole piece, and gives what it holds to
// each. It returns fs.ErrNotExist where
// nothing was begun, and errSealedFile where what was begun can't be used.
func (v vault) resume(path, name string, each io.Writer) (*sealedWriter, error) {
	f, err := os.OpenFile(path+partSuffix, os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	w := &sealedWriter{sealer: sealer{vault: v, name: name}, path: path, file: f, piece: make([]byte, 0, sealedPiece)}
	_, at, err := w.readHead(f)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	sealed := make([]byte, sealedPiece+w.overhead())
	for {
		if _, err := f.ReadAt(sealed, at); err != nil {
			break
		}
		plain, err := w.open(sealedMiddle, w.number, sealed)
		if err != nil {
			break
		}
		if _, err := each.Write(plain); err != nil {
			return nil, errors.Join(err, f.Close())
		}
		at += int64(len(sealed))
		w.number++
	}
	if n, err := f.ReadAt(sealed, at); errors.Is(err, io.EOF) {
		if plain, err := w.open(sealedTail, w.number, sealed[:n]); err == nil {
			w.piece = append(w.piece, plain...)
			if _, err := each.Write(plain); err != nil {
				return nil, errors.Join(err, f.Close())
			}
		}
	}
	if err := f.Truncate(at); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	_, err = f.Seek(at, io.SeekStart)
	return w, err
}

// readHead reads the head of a file into s and returns its label and where the contents begin.
func (s *sealer) readHead(f io.ReaderAt) (label []byte, at int64, err error) {
	head := make([]byte, sealedHead)
	if _, err := f.ReadAt(head, 0); err != nil || string(head[:len(sealedMagic)]) != sealedMagic {
		return nil, 0, errSealedFile
	}
	copy(s.id[:], head[len(sealedMagic):])
	size := binary.BigEndian.Uint32(head[sealedHead-4:])
	if size > maxLabel {
		return nil, 0, errSealedFile
	}
	sealed := make([]byte, size)
	if _, err := f.ReadAt(sealed, int64(sealedHead)); err != nil {
		return nil, 0, errSealedFile
	}
	label, err = s.open(sealedLabel, 0, sealed)
	return label, int64(sealedHead) + int64(size), err
}

// Write adds to the contents.
func (w *sealedWriter) Write(p []byte) (int, error) {
	total := len(p)
	for len(p) > 0 {
		if len(w.piece) == sealedPiece { // more comes, so this is not the last
			if err := w.flush(sealedMiddle); err != nil {
				return total - len(p), err
			}
		}
		n := min(len(p), sealedPiece-len(w.piece))
		w.piece = append(w.piece, p[:n]...)
		p = p[n:]
	}
	return total, nil
}

func (w *sealedWriter) flush(role byte) error {
	sealed, err := w.seal(role, w.number, w.piece)
	if err != nil {
		return err
	}
	if _, err := w.file.Write(sealed); err != nil {
		return fmt.Errorf("save on the tablet: %w", err)
	}
	w.piece = w.piece[:0]
	w.number++
	return nil
}

// offset returns how many bytes were written.
func (w *sealedWriter) offset() int64 { return w.number*sealedPiece + int64(len(w.piece)) }

// commit makes the file durable under its name.
func (w *sealedWriter) commit() error {
	err := w.flush(sealedLast)
	if err == nil {
		err = w.file.Sync()
	}
	if err = errors.Join(err, w.file.Close()); err != nil {
		return fmt.Errorf("save on the tablet: %w", err)
	}
	if err := os.Rename(w.path+partSuffix, w.path); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(w.path))
}

// pause closes the file, durably, so that resume goes on where it is.
func (w *sealedWriter) pause() error {
	var err error
	switch {
	case len(w.piece) == sealedPiece:
		err = w.flush(sealedMiddle)
	case len(w.piece) > 0:
		err = w.flush(sealedTail)
	}
	return errors.Join(err, w.file.Sync(), w.file.Close())
}

// abort forgets the file.
func (w *sealedWriter) abort() error {
	return errors.Join(w.file.Close(), os.Remove(w.path+partSuffix))
}

// sealedFile is an open sealed file. Reading from several goroutines is safe.
type sealedFile struct {
	sealer
	file   *os.File
	label  []byte
	at     int64 // where the contents begin
	size   int64 // of the contents
	pieces int64
}

// openFile opens a sealed file by its path and the name that it is bound to. That its end is its end is checked at once.
func (v vault) openFile(path, name string) (*sealedFile, error) {
	file, err := os.Open(path) //nolint:gosec // within the tablet's folder
	if err != nil {
		return nil, err
	}
	f := &sealedFile{sealer: sealer{vault: v, name: name}, file: file}
	if err := f.begin(); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return f, nil
}

func (f *sealedFile) begin() (err error) {
	if f.label, f.at, err = f.readHead(f.file); err != nil {
		return err
	}
	info, err := f.file.Stat()
	if err != nil {
		return err
	}
	sealed := info.Size() - f.at
	whole := int64(sealedPiece + f.overhead())
	f.pieces = (sealed + whole - 1) / whole
	if f.size = sealed - f.pieces*int64(f.overhead()); f.size < 0 || f.pieces == 0 {
		return errSealedFile
	}
	_, err = f.readPiece(f.pieces - 1)
	return err
}

// readPiece opens one piece.
func (f *sealedFile) readPiece(number int64) ([]byte, error) {
	whole := int64(sealedPiece + f.overhead())
	size := min(sealedPiece, f.size-number*sealedPiece)
	sealed := make([]byte, size+int64(f.overhead()))
	if _, err := f.file.ReadAt(sealed, f.at+number*whole); err != nil {
		return nil, errSealedFile
	}
	role := sealedMiddle
	if number == f.pieces-1 {
		role = sealedLast
	}
	return f.open(role, number, sealed)
}

// ReadAt reads contents from an offset, as io.ReaderAt says.
func (f *sealedFile) ReadAt(p []byte, off int64) (n int, err error) {
	for n < len(p) {
		at := off + int64(n)
		if at >= f.size {
			return n, io.EOF
		}
		piece, err := f.readPiece(at / sealedPiece)
		if err != nil {
			return n, err
		}
		n += copy(p[n:], piece[at%sealedPiece:])
	}
	return n, nil
}

// reader returns a reader of the contents from their beginning.
func (f *sealedFile) reader() *io.SectionReader { return io.NewSectionReader(f, 0, f.size) }

// Close closes the file.
func (f *sealedFile) Close() error { return f.file.Close() }

// removeFiles removes files, those that are not there apart, and makes that durable.
func removeFiles(paths ...string) error {
	var errs []error
	folders := map[string]bool{}
	for _, p := range paths {
		switch err := os.Remove(p); {
		case err == nil:
			folders[filepath.Dir(p)] = true
		case !errors.Is(err, os.ErrNotExist):
			errs = append(errs, err)
		}
	}
	for folder := range folders {
		errs = append(errs, syncFolder(folder))
	}
	return errors.Join(errs...)
}
