package file

import (
	"bufio"
	"crypto/ed25519"
	"errors"
	"io"

	"filippo.io/age"

	"github.com/arpenteur/arpenteur/syncengine/wire"
	"github.com/arpenteur/arpenteur/syncengine/wire/blocks"
)

// ErrNotForUs is returned for a section that is sealed to others.
var ErrNotForUs = errors.New("the section is sealed to others")

// maxHeader bounds the header of a section: the stanzas of some eight thousand recipients.
const maxHeader = 1 << 20

// Limits returns those of one section's body: a stick holds more than one exchange over a network does. Whoever reads keeps what came in
// pieces, so that memory stays flat below them.
func Limits() wire.Limits { return wire.Limits{Body: 8 << 30, Decoded: 64 << 30} }

// Reader reads the sections of a file. It is not safe for concurrent use.
type Reader struct {
	in      *bufio.Reader
	current *blocks.Reader
	begun   bool
	err     error // that ended the file, which sticks
}

// NewReader returns a Reader of a file.
func NewReader(r io.Reader) *Reader { return &Reader{in: bufio.NewReaderSize(r, blocks.Size)} }

// Next goes to the next section, passing over what was not read of the one before. It returns io.EOF at the file's end. Every other error
// ends the file as well, and comes again: CodeTruncated where it is cut, CodeDamaged where it can't be followed, CodeProtocolUnsupported
// for a version that is not read here, CodeMalformed for what is no such file at all.
func (r *Reader) Next() (*Sealed, error) {
	if r.err == nil {
		r.err = r.next()
	}
	if r.err != nil {
		return nil, r.err
	}
	return &Sealed{r.current}, nil
}

func (r *Reader) next() error {
	if !r.begun {
		r.begun = true
		if err := r.begin(); err != nil {
			return err
		}
	}
	if r.current != nil {
		if _, err := io.Copy(io.Discard, r.current); err != nil {
			return err
		}
	}
	r.current = blocks.NewReader(r.in)
	empty, err := r.current.Empty()
	if err == nil && empty {
		return io.EOF
	}
	return err
}

// begin reads what every file begins with.
func (r *Reader) begin() error {
	head := make([]byte, len(magic))
	n, err := io.ReadFull(r.in, head)
	switch {
	case err == nil && string(head) == magic:
		return nil
	case err == nil && string(head[:10]) == magic[:10] && string(head[11:]) == magic[11:]:
		return wire.Problemf(wire.CodeProtocolUnsupported, "the file is of version %q of its format", head[10])
	case n > 0 && string(head[:n]) == magic[:n]:
		return wire.Problemf(wire.CodeTruncated, "the file ends within its first line")
	case err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF):
		return err
	}
	return wire.Problemf(wire.CodeMalformed, "this is not a file of ledgers")
}

// Sealed is a section that is not opened yet.
type Sealed struct{ blocks *blocks.Reader }

// Open returns the body of the section, for wire.NewReader, where one of the keys opens it, else ErrNotForUs. Damage is told by CodeDamaged, here or
// when the body is read; the Reader then goes on with the next section all the same.
func (s *Sealed) Open(keys ...ed25519.PrivateKey) (io.Reader, error) {
	list, err := identities(keys)
	if err != nil {
		return nil, err
	}
	header := &headerLimit{in: s.blocks, left: maxHeader}
	body, err := age.Decrypt(header, list...)
	var nobody *age.NoIdentityMatchError
	switch {
	case errors.As(err, &nobody):
		return nil, ErrNotForUs
	case err != nil:
		return nil, explain(s.blocks, err)
	}
	header.left = -1
	return &opened{body, s.blocks}, nil
}

// opened says of an error in a section's body whether it is damage or the end of the file.
type opened struct {
	io.Reader
	blocks *blocks.Reader
}

func (o *opened) Read(p []byte) (int, error) {
	n, err := o.Reader.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = explain(o.blocks, err)
	}
	return n, err
}

var errHeader = errors.New("the header of a section is over its limit")

// headerLimit bounds what age gathers of a header in memory. A left below zero is no limit.
type headerLimit struct {
	in   io.Reader
	left int
}

func (h *headerLimit) Read(p []byte) (int, error) {
	switch {
	case h.left < 0:
		return h.in.Read(p)
	case h.left == 0:
		return 0, errHeader
	}
	n, err := h.in.Read(p[:min(len(p), h.left)])
	h.left -= n
	return n, err
}

// explain says why a section could not be opened or read to its end: by the file's own fate, or because its content was changed.
func explain(b *blocks.Reader, err error) error {
	if b.Err() != nil {
		return b.Err()
	}
	return &wire.Problem{Code: wire.CodeDamaged, Detail: "a section of the file is damaged", Err: err}
}

// CodeOf returns the code of an error with which reading a section's frames ended. It tells damage, which a wire.Reader takes for the end of
// what it was given, from a file that is cut.
func CodeOf(err error) wire.Code {
	if errors.Is(err, wire.CodeDamaged) {
		return wire.CodeDamaged
	}
	return wire.CodeOf(err)
}
