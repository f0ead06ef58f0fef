package photos

import (
	"context"
	"errors"
	"io"

	"github.com/arpenteur/arpenteur/syncengine/store"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// Part says where a request's body belongs in a photo.
type Part struct {
	Offset   int64 // bytes of the photo before the body
	Length   int64 // bytes of the whole photo
	Complete bool  // the photo ends with the body
}

func (p Part) check() error {
	switch {
	case p.Length > wire.MaxPhotoBytes:
		return wire.Problemf(wire.CodeTooLarge, "a photo of %d bytes is over the limit of %d", p.Length, wire.MaxPhotoBytes)
	case p.Length < 1 || p.Offset < 0 || p.Offset > p.Length:
		return wire.Problemf(wire.CodeMalformed, "offset %d and length %d don't fit each other", p.Offset, p.Length)
	}
	return nil
}

// Received is what a request led to.
type Received struct {
	Offset  int64 // bytes that are durable now, also with an error; negative where that was not looked at
	State   State // of the photo, once it is held
	Fresh   bool  // it became whole by this request
	Written int64 // bytes that this request brought
}

// Offset returns how many bytes are durable of what a replica sends of a photo.
func (a *Archive) Offset(ctx context.Context, u Upload) (int64, error) {
	b, err := a.Blobs.Open(ctx, u.key())
	if errors.Is(err, ErrAbsent) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return b.Size(), b.Close()
}

// Receive takes a part of a photo from body, which is read to its end unless the photo is refused. What arrives before body fails is kept.
// interrupt makes reading from body end soon; it may be called, several times, from another goroutine until Receive returns. Refusals are
// *wire.Problem with the codes of the protocol's table; those with CodeStale and CodeMalformed go with the right Offset.
func (a *Archive) Receive(ctx context.Context, u Upload, p Part, body io.Reader, interrupt func()) (Received, error) {
	if err := p.check(); err != nil {
		return Received{Offset: -1}, err
	}
	run, leave, err := a.queue.enter(ctx, u, interrupt)
	if err != nil {
		return Received{Offset: -1}, err
	}
	defer leave()
	ctx = context.WithoutCancel(ctx) // a client that left is no reason to drop what it brought
	s, err := a.adopt(ctx, u.PhotoName)
	if err == nil && s.Held() {
		err = a.Blobs.Remove(ctx, u.key()) // another replica was faster
	}
	if err != nil || s.Held() {
		return Received{Offset: -1, State: s}, err
	}
	var out Received
	if out.Offset, err = a.resume(ctx, u, p); err != nil {
		return out, err
	}
	if err := a.take(ctx, u, p, &cuttable{body, a, run}, &out); err != nil {
		return out, err
	}
	if !p.Complete {
		return out, nil
	}
	if out.Offset < p.Length {
		return out, wire.Problemf(wire.CodeMalformed, "the photo was said to be complete, but %d of %d bytes came", out.Offset, p.Length)
	}
	out.State, err = a.finish(ctx, u)
	out.Fresh = err == nil
	if errors.Is(err, wire.CodeBadPhoto) || errors.Is(err, wire.CodeBarred) {
		out.Offset = 0
	}
	return out, err
}

// resume checks that a part continues what is there, and that there is room for the photo among what the replica did not finish.
func (a *Archive) resume(ctx context.Context, u Upload, p Part) (int64, error) {
	held, err := a.Offset(ctx, u)
	if err != nil {
		return 0, err
	}
	if held > p.Length { // the start of something else: a photo of this name and length can't begin with it
		if err := a.Blobs.Remove(ctx, u.key()); err != nil {
			return 0, err
		}
		held = 0
	}
	if held != p.Offset {
		return held, wire.Problemf(wire.CodeStale, "%d bytes of the photo are here: go on from there", held)
	}
	others := int64(0)
	err = a.Blobs.List(ctx, partialsOf(u.Replica), func(i Item) error {
		if i.Key != u.key() {
			others += i.Size
		}
		return nil
	})
	if err == nil && others+p.Length > MaxPartialBytes {
		err = wire.Problemf(wire.CodeBusy, "photos of %d bytes were begun and not finished: finish those first", others)
	}
	return held, err
}

// cuttable is a body whose reading ends when a newer request takes the place of this one.
type cuttable struct {
	io.Reader
	a   *Archive
	run *running
}

var errTakenOver = errors.New("a newer request goes on with this photo")

func (c *cuttable) Read(b []byte) (int, error) {
	if c.a.queue.wasCut(c.run) {
		return 0, errTakenOver
	}
	return c.Reader.Read(b)
}

// take appends the body piece by piece, each durable before the next is read.
func (a *Archive) take(ctx context.Context, u Upload, p Part, body io.Reader, out *Received) error {
	piece := make([]byte, pieceBytes)
	for {
		n, failed := fill(body, piece[:min(pieceBytes, p.Length-out.Offset+1)])
		over := int64(n) > p.Length-out.Offset
		if over {
			n--
		}
		if n > 0 {
			err := a.Blobs.Append(ctx, u.key(), out.Offset, piece[:n])
			if errors.Is(err, ErrOffset) {
				return wire.Problemf(wire.CodeStale, "what was here of the photo was dropped meanwhile: %w", err)
			}
			if err != nil {
				return err
			}
			out.Offset += int64(n)
			out.Written += int64(n)
		}
		switch {
		case over:
			return wire.Problemf(wire.CodeMalformed, "there is more than the %d bytes that the photo was said to have", p.Length)
		case errors.Is(failed, io.EOF):
			return nil
		case failed != nil:
			return wire.Problemf(wire.CodeBusy, "the body was cut after byte %d, go on from there: %w", out.Offset, failed)
		}
	}
}

// fill reads until b is full or reading fails, and returns what reading failed with: io.EOF only at the body's true end.
func fill(body io.Reader, b []byte) (n int, err error) {
	for n < len(b) && err == nil {
		var more int
		more, err = body.Read(b[n:])
		n += more
	}
	return n, err
}

// adopt returns what is known of a photo. Where its bytes lie there and the index doesn't say so, because something was cut between both,
// it verifies them and says so. A barred photo is an error.
func (a *Archive) adopt(ctx context.Context, p wire.PhotoName) (State, error) {
	s, err := a.Find(ctx, p)
	switch {
	case err != nil || s.Held():
		return s, err
	case s.Barred:
		return s, errBarred()
	}
	b, err := a.Blobs.Open(ctx, Key(p))
	if errors.Is(err, ErrAbsent) {
		return s, nil
	}
	if err != nil {
		return s, err
	}
	size := b.Size()
	wrong := errors.Join(verify(b, p), b.Close())
	defer a.lock(p)()
	if errors.Is(wrong, wire.CodeBadPhoto) { // damaged since: it is to be sent again
		return s, a.Blobs.Remove(ctx, Key(p))
	}
	if wrong != nil {
		return s, wrong
	}
	return a.arrive(ctx, p, size)
}

// finish verifies what a replica sent of a photo, and gives it the photo's name. What is not the photo is dropped.
func (a *Archive) finish(ctx context.Context, u Upload) (State, error) {
	b, err := a.Blobs.Open(ctx, u.key())
	if err != nil {
		return State{}, err
	}
	size := b.Size()
	err = errors.Join(verify(b, u.PhotoName), b.Close())
	if errors.Is(err, wire.CodeBadPhoto) {
		return State{}, errors.Join(err, a.Blobs.Remove(ctx, u.key()))
	}
	if err != nil {
		return State{}, err
	}
	defer a.lock(u.PhotoName)()
	if err := a.Blobs.Move(ctx, u.key(), Key(u.PhotoName)); err != nil {
		return State{}, err
	}
	return a.arrive(ctx, u.PhotoName, size)
}

// arrive notes that a photo, which lies there under its name, is held. One that was barred meanwhile is erased again.
func (a *Archive) arrive(ctx context.Context, p wire.PhotoName, size int64) (s State, err error) {
	err = a.Store.Update(ctx, func(w store.Writer) (err error) {
		if err = arrive(w, p, size, a.Now().UnixMilli()); err == nil {
			s, err = Find(w, p)
		}
		return err
	})
	if err == nil && s.Barred {
		return s, errors.Join(errBarred(), a.Blobs.Remove(ctx, Key(p)))
	}
	return s, err
}
