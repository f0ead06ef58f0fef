package wire

import (
	"io"
	"sync"

	"github.com/klauspost/compress/zstd"
)

// MaxWindow is the largest zstd window of a sync body.
const MaxWindow = 1 << 20

// MediaType is the media type of a sync body.
const MediaType = "application/vnd.arpenteur.sync"

// Writer writes frames to a body. It flushes after each run and each piece of a photo, so that the receiver of a body that is
// cut keeps those before the cut. It is not safe for concurrent use. Close must be called, also after an error, to give back its memory.
type Writer struct {
	out     counter
	encoder *zstd.Encoder // nil if frames are written as they are, or after Close
	plain   bool
	buf     []byte
	err     error // the first error of out, which sticks
}

// counter counts what is written to w.
type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}

// encoders keeps encoders for the next body: making one costs more than a small body.
var encoders = sync.Pool{New: func() any {
	// Options are constant, so New can't fail. A tablet's battery and a server's many clients both ask for one thread.
	e, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithLowerEncoderMem(true),
		zstd.WithWindowSize(MaxWindow), zstd.WithEncoderLevel(zstd.SpeedDefault), zstd.WithEncoderCRC(true))
	if err != nil {
		panic(err)
	}
	return e
}}

// NewWriter returns a Writer of a compressed body.
func NewWriter(w io.Writer) *Writer {
	out := &Writer{out: counter{w: w}}
	out.encoder, _ = encoders.Get().(*zstd.Encoder)
	out.encoder.Reset(&out.out)
	return out
}

// NewPlainWriter returns a Writer of the same frames without compression.
func NewPlainWriter(w io.Writer) *Writer {
	return &Writer{out: counter{w: w}, plain: true}
}

// Written returns how many bytes of the body have been handed on; what waits for a flush is not counted.
func (w *Writer) Written() int64 { return w.out.n }

// WriteFrame writes a frame. One over MaxFrameBytes is refused with CodeTooLarge and nothing of it is written.
func (w *Writer) WriteFrame(f Frame) error {
	w.buf = append(AppendFrame(w.buf[:0], f), '\n')
	if len(w.buf)-1 > MaxFrameBytes {
		return Problemf(CodeTooLarge, "a %s frame of %d bytes is over the limit of %d", f.Type(), len(w.buf)-1, MaxFrameBytes)
	}
	w.write(w.buf)
	switch f.(type) {
	case *Run, *PhotoPiece: // what a receiver keeps of a body that is cut
		return w.Flush()
	}
	return w.err
}

func (w *Writer) write(p []byte) {
	switch {
	case w.err != nil:
	case w.plain:
		_, w.err = w.out.Write(p)
	case w.encoder == nil:
		w.err = io.ErrClosedPipe
	default:
		_, w.err = w.encoder.Write(p)
	}
}

// Flush hands on all frames written so far, so that the receiver can read them.
func (w *Writer) Flush() error {
	if w.err == nil && w.encoder != nil {
		w.err = w.encoder.Flush()
	}
	return w.err
}

// Close ends the body; the caller has written an End before, unless the body shall count as cut. It doesn't close the io.Writer.
func (w *Writer) Close() error {
	if w.encoder == nil {
		return w.err
	}
	err := w.encoder.Close()
	if w.err == nil {
		w.err = err
	}
	w.encoder.Reset(nil)
	encoders.Put(w.encoder)
	w.encoder = nil
	return w.err
}
