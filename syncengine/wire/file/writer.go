package file

import (
	"bufio"
	"crypto/ed25519"
	"errors"
	"io"

	"filippo.io/age"

	"github.com/arpenteur/arpenteur/syncengine/wire/blocks"
)

// MediaType is the media type of a file.
const MediaType = "application/vnd.arpenteur.file"

// magic begins every file. The number is that of the container's version.
const magic = "arpenteur/1 file\n"

// Writer writes a file. It is not safe for concurrent use.
type Writer struct {
	out *bufio.Writer
	err error // the first of out, which sticks
}

// NewWriter begins a file. What can't be written shows at the latest in Close.
func NewWriter(w io.Writer) *Writer {
	out := &Writer{out: bufio.NewWriterSize(w, blocks.Size)}
	_, out.err = out.out.WriteString(magic)
	return out
}

// Section begins a section that the holders of keys can read. It must be closed before the next one begins.
func (w *Writer) Section(keys []ed25519.PublicKey) (*Section, error) {
	if w.err != nil {
		return nil, w.err
	}
	s := &Section{blocks: blocks.NewWriter(w.out)}
	var err error
	s.sealed, err = age.Encrypt(s.blocks, recipients(keys))
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
	if w.err == nil {
		w.err = errors.Join(blocks.NewWriter(w.out).Close(), w.out.Flush()) // an empty section
	}
	err := w.err
	if w.err == nil {
		w.err = io.ErrClosedPipe
	}
	return err
}

// Section is a section that is being written.
type Section struct {
	sealed io.WriteCloser
	blocks *blocks.Writer
}

// Write takes more of the section's body.
func (s *Section) Write(p []byte) (int, error) { return s.sealed.Write(p) }

// Close ends the section.
func (s *Section) Close() error { return errors.Join(s.sealed.Close(), s.blocks.Close()) }

// Size returns how many bytes of the file the section takes so far.
func (s *Section) Size() int64 { return s.blocks.Written() }
