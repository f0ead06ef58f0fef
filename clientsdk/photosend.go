package clientsdk

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"

	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/ledger"
	"github.com/arpenteur/arpenteur/syncengine/store"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// PhotoProblem is a photo that was set aside, with what the server, or this tablet, said of it.
type PhotoProblem struct {
	wire.PhotoName
	Code   wire.Code
	Detail string
}

// Limits of sending photos.
const (
	maxPiece  = 1 << 20 // bytes of one request
	maxStalls = 3       // failures in a row without progress, after which a later exchange goes on
)

// codeDamaged sets aside a photo whose bytes can't be read here any more. The server never says it.
const codeDamaged wire.Code = "damaged"

// photoSender sends photos, in one Sync.
type photoSender struct {
	c      *Client
	id     *identity
	key    ledger.Pen
	report *Report
}

// syncPhotos sends the photos that the server is not known to hold. Records never wait for it. What is cut goes on from the byte that the
// server has durably; what the server refuses is set aside and holds back no other (law L6).
func (c *Client) syncPhotos(ctx context.Context, report *Report) error {
	select {
	case c.photographing <- struct{}{}:
		defer func() { <-c.photographing }()
	case <-ctx.Done():
		return ctx.Err()
	}
	id, key, err := (&syncer{c: c}).identity(ctx)
	if err != nil {
		return err
	}
	asked, err := c.photosToAsk(ctx, id)
	if err != nil {
		return err
	}
	s := &photoSender{c: c, id: id, key: key, report: report}
	for part := range slices.Chunk(asked.names, wire.MaxPhotosAsked) {
		if err := s.sendAll(ctx, part); err != nil {
			return fmt.Errorf("send photos: %w", err)
		}
	}
	return c.photosAsked(ctx, asked)
}

// sendAll asks about photos and sends what is missing.
func (s *photoSender) sendAll(ctx context.Context, names []wire.PhotoName) error {
	answers, err := s.ask(ctx, names)
	if err != nil {
		return err
	}
	for i := range answers {
		if err := s.take(ctx, &answers[i]); err != nil {
			return err
		}
	}
	return nil
}

// ask asks the server what it has of photos.
func (s *photoSender) ask(ctx context.Context, names []wire.PhotoName) ([]wire.PhotoStatus, error) {
	var raw []byte
	var err error
	for range maxStalls {
		var answer *http.Response
		answer, err = s.c.do(ctx, s.id, s.key.Key, request{
			method: http.MethodPost, path: "/v1/photos/status", contentType: "application/json",
			body: wire.AppendPhotoQuery(nil, names), tries: &s.report.RoundTrips,
		})
		if err == nil {
			raw, err = readAll(answer)
		}
		var p *wire.Problem
		if err == nil || errors.As(err, &p) || ctx.Err() != nil {
			break
		}
	}
	if err != nil {
		return nil, err
	}
	answers, err := wire.DecodePhotoAnswer(raw)
	if err == nil && !slices.EqualFunc(names, answers, func(n wire.PhotoName, a wire.PhotoStatus) bool { return n == a.PhotoName }) {
		err = wire.Problemf(wire.CodeMalformed, "the server answers about other photos than it was asked about")
	}
	return answers, err
}

// take acts on what the server says of one photo.
func (s *photoSender) take(ctx context.Context, a *wire.PhotoStatus) error {
	switch a.State {
	case wire.PhotoHeld, wire.PhotoBackedUp:
		return s.keep(ctx, a.Receipt)
	case wire.PhotoBarred:
		return s.bar(ctx, a.PhotoName)
	case wire.PhotoMissing:
		return s.send(ctx, a.PhotoName, int64(a.Offset)) //nolint:gosec // compared with the size below
	}
	return nil // the ledger is not open to this tablet now: the photo waits
}

// send sends one photo from an offset, in pieces as large as the link lets through.
func (s *photoSender) send(ctx context.Context, name wire.PhotoName, offset int64) error {
	f, err := s.open(ctx, name)
	if err != nil || f == nil {
		return err
	}
	defer f.Close()
	resumed := offset > 0
	for stalls := 0; stalls < maxStalls; {
		before := s.report.PhotosSent
		next, err := s.piece(ctx, f, name, offset)
		if err != nil {
			if next, err = s.after(ctx, name, err); err != nil {
				return err
			}
			resumed = resumed || next > 0
			stalls++
		}
		if next == settled {
			if resumed {
				s.report.PhotosResumed += s.report.PhotosSent - before
			}
			return nil
		}
		if next > offset {
			stalls = 0
		}
		offset = next
	}
	return errors.New("the link lets no byte of a photo through; it is sent later")
}

// settled stands for the offset of a photo of which nothing is left to be sent now.
const settled = -1

// open opens a photo to be sent. One whose bytes are not what its name says is set aside; one that is not here is left alone.
func (s *photoSender) open(ctx context.Context, name wire.PhotoName) (*sealedFile, error) {
	f, err := s.c.photos.held(name)
	if err != nil {
		return nil, s.setAside(ctx, name, codeDamaged, "it can't be read on this tablet any more")
	}
	h := sha256.New()
	if _, err := io.Copy(h, f.reader()); err != nil || !bytes.Equal(h.Sum(nil), name.Hash[:]) {
		return nil, errors.Join(f.Close(), s.setAside(ctx, name, codeDamaged, "its bytes on this tablet are damaged"))
	}
	return f, nil
}

// piece sends one piece and returns the next offset, or settled. Its error is that of the exchange.
func (s *photoSender) piece(ctx context.Context, f *sealedFile, name wire.PhotoName, offset int64) (next int64, err error) {
	if offset > f.size {
		return settled, s.setAside(ctx, name, wire.CodeBadPhoto, "the server holds more of it than there is")
	}
	s.c.mu.Lock()
	body := make([]byte, min(int64(s.c.photoLink.limit), f.size-offset))
	s.c.mu.Unlock()
	if _, err := f.ReadAt(body, offset); err != nil && !errors.Is(err, io.EOF) {
		return settled, s.setAside(ctx, name, codeDamaged, err.Error())
	}
	complete := wire.UploadIncomplete
	if offset+int64(len(body)) == f.size {
		complete = wire.UploadComplete
	}
	header := http.Header{}
	header.Set(wire.UploadOffsetHeader, strconv.FormatInt(offset, 10))
	header.Set(wire.UploadLengthHeader, strconv.FormatInt(f.size, 10))
	header.Set(wire.UploadCompleteHeader, complete)
	answer, err := s.c.do(ctx, s.id, s.key.Key, request{
		method: http.MethodPatch, path: "/v1/ledgers/" + name.Ledger.String() + "/photos/" + name.Hash.String(),
		contentType: wire.UploadMediaType, body: body, header: header, tries: &s.report.RoundTrips,
	})
	s.report.PhotoBytes += int64(len(body))
	if err != nil {
		return 0, err
	}
	raw, err := readAll(answer)
	if err != nil {
		return 0, err
	}
	s.c.learnPhotos(nil)
	if answer.StatusCode == http.StatusNoContent {
		next, err = strconv.ParseInt(answer.Header.Get(wire.UploadOffsetHeader), 10, 64)
		if err != nil || next <= offset || next > f.size {
			err = fmt.Errorf("the server answers a piece of a photo with offset %q", answer.Header.Get(wire.UploadOffsetHeader))
		}
		return next, err
	}
	receipt, err := wire.DecodePhotoReceipt(raw)
	if err != nil || receipt.PhotoName != name { // the server did not refuse the photo: it is asked again
		return 0, fmt.Errorf("the server answers a photo with %d bytes that are no receipt of it", len(raw))
	}
	return settled, s.keep(ctx, receipt)
}

// after decides what follows a piece that did not go through: it returns the offset to go on from, or settled. Its error ends the sending of all photos for now.
func (s *photoSender) after(ctx context.Context, name wire.PhotoName, err error) (int64, error) {
	if ctx.Err() != nil {
		return settled, ctx.Err()
	}
	s.c.learnPhotos(err)
	var p *wire.Problem
	if errors.As(err, &p) {
		switch p.Code {
		case wire.CodeStale:
		case wire.CodeBarred:
			return settled, s.bar(ctx, name)
		case wire.CodeUnknownLedger:
			return settled, nil
		case wire.CodeBadPhoto, wire.CodeTooLarge, wire.CodeMalformed, wire.CodeForbidden:
			return settled, s.setAside(ctx, name, p.Code, p.Detail)
		default: // busy, full, a defect: the same for every photo
			return settled, err
		}
	}
	answers, err := s.ask(ctx, []wire.PhotoName{name})
	if err != nil {
		return settled, err
	}
	if answers[0].State != wire.PhotoMissing {
		return settled, s.take(ctx, &answers[0])
	}
	return int64(answers[0].Offset), nil //nolint:gosec // compared with the size at the next piece
}

// learnPhotos remembers whether the link let a piece through.
func (c *Client) learnPhotos(err error) {
	var p *wire.Problem
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case err == nil:
		c.photoLink.limit = min(c.photoLink.limit*2, maxPiece)
	case !errors.As(err, &p):
		c.photoLink.cut()
	}
}

// keep keeps a receipt that verifies. The first one of a photo counts as its sending, also where the answer to that was cut.
func (s *photoSender) keep(ctx context.Context, receipt *wire.PhotoReceipt) error {
	news, first := false, false
	err := s.c.store.Update(ctx, func(w store.Writer) error {
		l, err := s.c.keeper.View(w, receipt.Ledger)
		if err != nil {
			return err
		}
		if key := l.AuthorityKey(); !receipt.Verify(key.Ed25519()) {
			return wire.Problemf(wire.CodeUnauthenticated, "the receipt of photo %s does not verify", receipt.Hash)
		}
		e, _, err := readPhoto(w, receipt.PhotoName)
		if err != nil || e.Barred {
			return err
		}
		before := e.state()
		first = e.Receipt == nil
		e.Receipt, e.Refused = receipt.Append(nil), ""
		news = before != e.state()
		return writePhoto(w, receipt.PhotoName, e)
	})
	if err != nil {
		return err
	}
	if first {
		s.report.PhotosSent++
	}
	if news {
		s.c.watchers.send(Event{Type: PhotoSent, Ledger: receipt.Ledger})
	}
	return nil
}

// bar notes that the server takes a photo no more, since a ruling erased it, and drops its bytes.
func (s *photoSender) bar(ctx context.Context, name wire.PhotoName) error {
	if err := s.c.store.Update(ctx, func(w store.Writer) error { return barPhoto(w, name) }); err != nil {
		return err
	}
	return s.c.sweepPhotos(ctx)
}

// setAside notes that a photo can't be sent. Its bytes stay.
func (s *photoSender) setAside(ctx context.Context, name wire.PhotoName, code wire.Code, detail string) error {
	s.report.PhotoProblems = append(s.report.PhotoProblems, PhotoProblem{name, code, detail})
	return s.c.store.Update(ctx, func(w store.Writer) error {
		e, _, err := readPhoto(w, name)
		if err != nil || e.Barred {
			return err
		}
		e.Refused, e.Receipt = code, nil
		return writePhoto(w, name, e)
	})
}

// asking is what one Sync asks about.
type asking struct {
	names []wire.PhotoName
	// told are the receipts of the ledgers, by which it is known next time that the server has something new to say of photos.
	told map[syncengine.LedgerID][]byte
}

// photosToAsk returns the photos that the server may have something new to say of: those without a receipt; those in no backup, where a
// new receipt of the user's logs counts them otherwise than this tablet does; and all, where the server lacks more than it can (it was
// restored). So a sync costs what changed (law L11).
func (c *Client) photosToAsk(ctx context.Context, id *identity) (*asking, error) {
	var a *asking
	err := c.store.View(ctx, func(r store.Reader) error {
		a = &asking{told: map[syncengine.LedgerID][]byte{}}
		return r.Ledgers(func(lid syncengine.LedgerID) (bool, error) {
			return true, c.askLedger(r, id, lid, a)
		})
	})
	return a, err
}

func (c *Client) askLedger(r store.Reader, id *identity, lid syncengine.LedgerID, a *asking) error {
	var unknown, unsaved, saved []wire.PhotoName
	var lacks, received uint64 // of this user's own, as the receipts should count them
	err := eachPhoto(r, lid, func(p wire.PhotoName, e photoEntry) error {
		switch e.state() {
		case PhotoToSend:
			unknown = append(unknown, p)
			lacks += one(e.Own)
		case PhotoRefused:
			lacks += one(e.Own)
		case PhotoReceived:
			unsaved = append(unsaved, p)
			received += one(e.Own)
		case PhotoBackedUp:
			if !e.Freed {
				saved = append(saved, p)
			}
		}
		return nil
	})
	if err != nil || len(unknown)+len(unsaved)+len(saved) == 0 {
		return err
	}
	a.names = append(a.names, unknown...)
	counts, told, err := c.receiptsOf(r, id, lid)
	if err != nil {
		return err
	}
	before, err := r.Get(spaceTablet, lid, []byte("photos"))
	if err != nil || bytes.Equal(before, told) || counts.unsaved == received && counts.missing <= lacks {
		return err
	}
	a.told[lid] = told
	a.names = append(a.names, unsaved...)
	if counts.missing > lacks {
		a.names = append(a.names, saved...)
	}
	return nil
}

func one(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}

// receiptsOf adds up what the receipts of the user's logs in a ledger say of photos; sum names these receipts.
func (c *Client) receiptsOf(r store.Reader, id *identity, lid syncengine.LedgerID) (counts struct{ missing, unsaved uint64 }, sum []byte, err error) {
	s, err := readSide(r, lid)
	if err != nil {
		return counts, nil, err
	}
	h := sha256.New()
	for _, p := range c.pens(id) {
		if receipt := s.receipt(p.Replica()); receipt != nil {
			counts.missing, counts.unsaved = counts.missing+receipt.PhotosMissing, counts.unsaved+receipt.PhotosUnsaved
			_, _ = h.Write(s.Receipts[p.Replica().String()])
		}
	}
	return counts, h.Sum(nil), nil
}

// photosAsked notes what the receipts said when all was asked.
func (c *Client) photosAsked(ctx context.Context, a *asking) error {
	if len(a.told) == 0 {
		return nil
	}
	return c.store.Update(ctx, func(w store.Writer) error {
		for lid, told := range a.told {
			if err := w.Put(spaceTablet, lid, []byte("photos"), told); err != nil {
				return err
			}
		}
		return nil
	})
}
