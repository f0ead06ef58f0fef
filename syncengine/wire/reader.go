package wire

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"sync"

	"github.com/klauspost/compress/zstd"
)

// Limits bounds what a Reader takes. The zero Limits are those of the protocol; a receiver may set lower ones.
type Limits struct {
	Body    int64 // bytes of the body as received; 0 means MaxBodyBytes
	Decoded int64 // bytes of the body decompressed; 0 means MaxDecodedBytes
}

// Limits of a body.
const (
	MaxBodyBytes    = 16 << 20
	MaxDecodedBytes = 128 << 20
)

// FrameError says that one frame of a body is refused, by itself: the Reader stands behind it and goes on with the next (law L6).
type FrameError struct {
	Number  int // of the frame in the body, from 1
	Problem *Problem
}

// Error returns what is wrong with the frame.
func (e *FrameError) Error() string { return e.Problem.Error() }

// Unwrap returns the Problem.
func (e *FrameError) Unwrap() error { return e.Problem }

// Reader reads the frames of a body within limits. It is not safe for concurrent use. Close must be called to give back its memory.
type Reader struct {
	in      *source
	decoder *zstd.Decoder // nil if frames are not compressed, and after Close
	lines   *bufio.Reader
	left    int64 // decoded bytes that may still come
	decoded int64 // bytes that came
	number  int
	long    []byte // the beginning of a frame longer than the buffer of lines
	err     error  // that ended the body, which sticks
}

// source counts what may still be read, and remembers the error of the reader below, which the decoder may hide.
type source struct {
	r    io.Reader
	left int64
	err  error
}

var errBodyLimit = errors.New("the body is over its limit")

func (s *source) Read(p []byte) (int, error) {
	if s.left <= 0 {
		// One more byte tells a body at its limit from one over it.
		var one [1]byte
		if n, err := io.ReadFull(s.r, one[:]); n == 0 {
			s.err = err
			return 0, err
		}
		s.err = errBodyLimit
		return 0, s.err
	}
	if int64(len(p)) > s.left {
		p = p[:s.left]
	}
	n, err := s.r.Read(p)
	s.left -= int64(n)
	if err != nil {
		s.err = err
	}
	return n, err
}

var decoders = sync.Pool{New: func() any {
	d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxWindow(MaxWindow), zstd.WithDecodeBuffersBelow(0))
	if err != nil {
		panic(err) // options are constant
	}
	return d
}}

var lineReaders = sync.Pool{New: func() any { return bufio.NewReaderSize(nil, 32<<10) }}

// NewReader returns a Reader of a compressed body.
func NewReader(r io.Reader, limits Limits) *Reader {
	out := newReader(r, limits)
	out.decoder, _ = decoders.Get().(*zstd.Decoder)
	if err := out.decoder.Reset(out.in); err != nil {
		out.err = out.refusal(err)
	}
	out.lines.Reset(out.decoder)
	return out
}

// NewPlainReader returns a Reader of a body that is not compressed.
func NewPlainReader(r io.Reader, limits Limits) *Reader {
	out := newReader(r, limits)
	out.lines.Reset(out.in)
	return out
}

func newReader(r io.Reader, limits Limits) *Reader {
	if limits.Body <= 0 {
		limits.Body = MaxBodyBytes
	}
	if limits.Decoded <= 0 {
		limits.Decoded = MaxDecodedBytes
	}
	out := &Reader{in: &source{r: r, left: limits.Body}, left: limits.Decoded}
	out.lines, _ = lineReaders.Get().(*bufio.Reader)
	return out
}

// Next returns the next frame. Unknown types are returned too, as *UnknownFrame, so that they can be counted; skip them.
//
// A *FrameError refuses one frame, and Next may be called again. Every other error ends the body and comes again at each call: io.EOF
// after an End, CodeTruncated if the body stops before one, CodeTooLarge or CodeBomb at a limit, CodeMalformed if the compression is
// damaged. All complete frames before the end were returned.
func (r *Reader) Next() (Frame, error) {
	if r.err != nil {
		return nil, r.err
	}
	data, err := r.line()
	if err != nil {
		var frame *FrameError
		if !errors.As(err, &frame) {
			r.err = err
		}
		return nil, err
	}
	r.number++
	f, err := DecodeFrame(data)
	if err != nil {
		return nil, r.frameError(err)
	}
	if _, ok := f.(*End); ok {
		r.err = io.EOF
	}
	return f, nil
}

// Decoded returns how many bytes of frames have been read, so that a receiver can bound what it gathers.
func (r *Reader) Decoded() int64 { return r.decoded }

func (r *Reader) frameError(err error) error {
	var p *Problem
	if !errors.As(err, &p) {
		p = &Problem{Code: CodeOf(err), Err: err}
	}
	return &FrameError{Number: r.number, Problem: p}
}

// line returns the bytes of the next frame, in memory of their own.
func (r *Reader) line() ([]byte, error) {
	r.long = r.long[:0]
	size := 0
	for {
		part, err := r.lines.ReadSlice('\n')
		size += len(part)
		r.decoded += int64(len(part))
		if r.left -= int64(len(part)); r.left < 0 {
			return nil, Problemf(CodeBomb, "the body is over its limit once decompressed")
		}
		switch {
		case err == nil && size-1 > MaxFrameBytes:
			r.number++
			return nil, r.frameError(Problemf(CodeTooLarge, "a frame of %d bytes is over the limit of %d", size-1, MaxFrameBytes))
		case err == nil && size == len(part):
			return bytes.Clone(part[:size-1]), nil
		case err == nil:
			return append(bytes.Clone(r.long), part[:len(part)-1]...), nil
		case !errors.Is(err, bufio.ErrBufferFull):
			return nil, r.refusal(err)
		case size <= MaxFrameBytes:
			r.long = append(r.long, part...)
		}
	}
}

// refusal says why the body ended with err.
func (r *Reader) refusal(err error) error {
	switch {
	case errors.Is(r.in.err, errBodyLimit):
		return Problemf(CodeTooLarge, "the body is over its limit")
	case errors.Is(err, zstd.ErrWindowSizeExceeded), errors.Is(err, zstd.ErrDecoderSizeExceeded):
		return &Problem{Code: CodeBomb, Detail: "the body asks for a window over its limit", Err: err}
	case r.in.err != nil && !errors.Is(r.in.err, io.EOF):
		// The connection or file broke. Whatever the decoder makes of that, the cause is that the body was cut.
		return &Problem{Code: CodeTruncated, Detail: "the body ended without an end frame", Err: r.in.err}
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return Problemf(CodeTruncated, "the body ended without an end frame")
	default:
		return &Problem{Code: CodeMalformed, Detail: "the compression is damaged", Err: err}
	}
}

// Close gives back the memory of r. It doesn't close the io.Reader.
func (r *Reader) Close() {
	if r.err == nil {
		r.err = io.ErrClosedPipe
	}
	if r.lines != nil {
		r.lines.Reset(nil)
		lineReaders.Put(r.lines)
		r.lines = nil
	}
	if r.decoder != nil {
		if err := r.decoder.Reset(nil); err == nil || errors.Is(err, zstd.ErrDecoderNilInput) {
			decoders.Put(r.decoder)
		}
		r.decoder = nil
	}
}
