package file

import (
	"bufio"
	"crypto/ed25519"
	"encoding/binary"
	"errors"
	"io"

	"filippo.io/age"

	"github.com/arpenteur/arpenteur/syncengine/wire"
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
	current *blocks
	begun   bool
	err     error // that ended the file, which sticks
}

// NewReader returns a Reader of a file.
func NewReader(r io.Reader) *Reader { return &Reader{in: bufio.NewReaderSize(r, blockSize)} }

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
	r.current = &blocks{in: r.in}
	switch err := r.current.begin(); {
	case err != nil:
		return err
	case r.current.done: // the empty section
		return io.EOF
	}
	return nil
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
type Sealed struct{ blocks *blocks }

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
		return nil, s.blocks.explain(err)
	}
	header.left = -1
	return &opened{body, s.blocks}, nil
}

// opened says of an error in a section's body whether it is damage or the end of the file.
type opened struct {
	io.Reader
	blocks *blocks
}

func (o *opened) Read(p []byte) (int, error) {
	n, err := o.Reader.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = o.blocks.explain(err)
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

// blocks reads the blocks of one section as one stream.
type blocks struct {
	in   *bufio.Reader
	left int
	done bool
	err  error // of the file itself
}

// begin reads the length of the next block; the section is done where it is 0.
func (b *blocks) begin() error {
	var length [4]byte
	if _, err := io.ReadFull(b.in, length[:]); err != nil {
		return b.cut(err)
	}
	n := binary.BigEndian.Uint32(length[:])
	if n > blockSize {
		b.err = wire.Problemf(wire.CodeDamaged, "a block of %d bytes is over the limit of %d: the rest of the file can't be read", n, blockSize)
		return b.err
	}
	b.left, b.done = int(n), n == 0
	return nil
}

// cut keeps the error with which the file itself ended.
func (b *blocks) cut(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = wire.Problemf(wire.CodeTruncated, "the file ends before its time")
	}
	b.err = err
	return err
}

func (b *blocks) Read(p []byte) (int, error) {
	for b.left == 0 && !b.done && b.err == nil {
		if err := b.begin(); err != nil {
			return 0, err
		}
	}
	switch {
	case b.err != nil:
		return 0, b.err
	case b.done:
		return 0, io.EOF
	}
	n, err := b.in.Read(p[:min(len(p), b.left)])
	if b.left -= n; err != nil {
		err = b.cut(err)
	}
	return n, err
}

// explain says why a section could not be opened or read to its end: by the file's own fate, or because its content was changed.
func (b *blocks) explain(err error) error {
	if b.err != nil {
		return b.err
	}
	return &wire.Problem{Code: wire.CodeDamaged, Detail: "a section of the file is damaged", Err: err}
}

// CodeOf returns the code of an error with which reading a section's frames ended. It tells damage, which a wire.Reader takes for the end of
// what it was given, from a file that is cut.
func CodeOf(err error) wire.Code {
	for inner := err; inner != nil; inner = errors.Unwrap(inner) {
		var p *wire.Problem
		if errors.As(inner, &p) && p.Code == wire.CodeDamaged {
			return p.Code
		}
	}
	return wire.CodeOf(err)
}
