package file

import (
	"bufio"
	"crypto/ed25519"
	"encoding/binary"
	"errors"
	"io"

	"filippo.io/age"
)

// MediaType is the media type of a file.
const MediaType = "application/vnd.arpenteur.file"

// magic begins every file. The number is that of the container's version.
const magic = "arpenteur/1 file\n"

// blockSize is the size of every block of a section but its last.
const blockSize = 64 << 10

// Writer writes a file. It is not safe for concurrent use.
type Writer struct {
	out *bufio.Writer
	err error // the first of out, which sticks
}

// NewWriter begins a file. What can't be written shows at the latest in Close.
func NewWriter(w io.Writer) *Writer {
	out := &Writer{out: bufio.NewWriterSize(w, blockSize)}
	_, out.err = out.out.WriteString(magic)
	return out
}

// Section begins a section that the holders of keys can read. It must be closed before the next one begins.
func (w *Writer) Section(keys []ed25519.PublicKey) (*Section, error) {
	if w.err != nil {
		return nil, w.err
	}
	s := &Section{w: w, block: make([]byte, 4, 4+blockSize)}
	var err error
	s.sealed, err = age.Encrypt(blockWriter{s}, recipients(keys))
	return s, err
}

// Decoy writes a section of size bytes that nobody can read: what it looks like from outside is what any other does.
func (w *Writer) Decoy(size int64) error {
	s, err := w.Section(nil)
	if err != nil {
		return err
	}
	_, err = io.CopyN(s, zeros{}, size)
	return errors.Join(err, s.Close())
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// Close ends the file. It doesn't close the io.Writer.
func (w *Writer) Close() error {
	w.write(make([]byte, 4)) // an empty section
	if w.err == nil {
		w.err = w.out.Flush()
	}
	err := w.err
	if w.err == nil {
		w.err = io.ErrClosedPipe
	}
	return err
}

func (w *Writer) write(p []byte) {
	if w.err == nil {
		_, w.err = w.out.Write(p)
	}
}

// Section is a section that is being written.
type Section struct {
	w      *Writer
	sealed io.WriteCloser
	block  []byte // length, then what has come of the next block
	size   int64
}

// Write takes more of the section's body.
func (s *Section) Write(p []byte) (int, error) { return s.sealed.Write(p) }

// Close ends the section.
func (s *Section) Close() error {
	if err := s.sealed.Close(); err != nil {
		return err
	}
	s.flush()
	s.w.write(make([]byte, 4))
	return s.w.err
}

// Size returns how many bytes of the file the section takes so far.
func (s *Section) Size() int64 { return s.size }

// flush writes the block that has come so far, unless it is empty.
func (s *Section) flush() {
	if n := len(s.block) - 4; n > 0 {
		binary.BigEndian.PutUint32(s.block, uint32(n)) //nolint:gosec // at most blockSize
		s.w.write(s.block)
		s.size += int64(len(s.block))
		s.block = s.block[:4]
	}
}

// blockWriter cuts what age writes into blocks.
type blockWriter struct{ *Section }

func (b blockWriter) Write(p []byte) (int, error) {
	done := 0
	for done < len(p) {
		n := min(len(p)-done, 4+blockSize-len(b.block))
		b.block = append(b.block, p[done:done+n]...)
		if done += n; len(b.block) == 4+blockSize {
			b.flush()
		}
		if b.w.err != nil {
			return done, b.w.err
		}
	}
	return done, nil
}
