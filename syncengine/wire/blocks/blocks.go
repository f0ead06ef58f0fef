// Package blocks cuts a stream into blocks, so that its end can be told within a longer one: a message between two tablets, or a section of
// a file (protocol, sections 9.1 and 10). A block is its length, 4 bytes, big-endian, and that many bytes; one of length 0 ends the stream.
package blocks

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"

	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// Size is that of every block but the last, and the limit of all.
const Size = 64 << 10

// Writer cuts what is written to it into blocks. It is not safe for concurrent use.
type Writer struct {
	out   io.Writer
	block []byte // length, then what has come of the next block
	size  int64
	err   error // the first of out, which sticks
}

// NewWriter returns a Writer to out.
func NewWriter(out io.Writer) *Writer { return &Writer{out: out, block: make([]byte, 4, 4+Size)} }

// Write takes more of the stream.
func (w *Writer) Write(p []byte) (int, error) {
	done := 0
	for done < len(p) && w.err == nil {
		n := min(len(p)-done, 4+Size-len(w.block))
		w.block = append(w.block, p[done:done+n]...)
		if done += n; len(w.block) == 4+Size {
			_ = w.Flush()
		}
	}
	return done, w.err
}

// Flush hands on what has come, as a block of its own.
func (w *Writer) Flush() error {
	if n := len(w.block) - 4; n > 0 && w.err == nil {
		binary.BigEndian.PutUint32(w.block, uint32(n)) //nolint:gosec // at most Size
		_, w.err = w.out.Write(w.block)
		w.size += int64(len(w.block))
		w.block = w.block[:4]
	}
	return w.err
}

// Close ends the stream. It doesn't close the io.Writer.
func (w *Writer) Close() error {
	if err := w.Flush(); err != nil {
		return err
	}
	_, w.err = w.out.Write(make([]byte, 4))
	return w.err
}

// Written returns how many bytes of blocks were handed on.
func (w *Writer) Written() int64 { return w.size }

// Reader reads one stream of blocks, and nothing beyond its end. It is not safe for concurrent use.
type Reader struct {
	in   *bufio.Reader
	left int
	done bool
	err  error
}

// NewReader returns a Reader of the stream that comes next from in.
func NewReader(in *bufio.Reader) *Reader { return &Reader{in: in} }

// Empty reports whether the stream has no block at all. It may be asked before the first Read only.
func (r *Reader) Empty() (bool, error) {
	err := r.begin()
	return r.done, err
}

// begin reads the length of the next block.
func (r *Reader) begin() error {
	var length [4]byte
	if _, err := io.ReadFull(r.in, length[:]); err != nil {
		return r.cut(err)
	}
	n := binary.BigEndian.Uint32(length[:])
	if n > Size {
		r.err = wire.Problemf(wire.CodeDamaged, "a block of %d bytes is over the limit of %d: the rest can't be read", n, Size)
		return r.err
	}
	r.left, r.done = int(n), n == 0
	return nil
}

// cut keeps the error with which everything ended.
func (r *Reader) cut(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = wire.Problemf(wire.CodeTruncated, "it ends before its time")
	}
	r.err = err
	return err
}

// Read reads the stream. It returns io.EOF at its end, CodeTruncated where it is cut, and CodeDamaged where it can't be followed.
func (r *Reader) Read(p []byte) (int, error) {
	for r.left == 0 && !r.done && r.err == nil {
		if err := r.begin(); err != nil {
			return 0, err
		}
	}
	switch {
	case r.err != nil:
		return 0, r.err
	case r.done:
		return 0, io.EOF
	}
	n, err := r.in.Read(p[:min(len(p), r.left)])
	if r.left -= n; err != nil {
		err = r.cut(err)
	}
	return n, err
}

// Err returns the error with which what the stream lies in ended, or nil.
func (r *Reader) Err() error { return r.err }
