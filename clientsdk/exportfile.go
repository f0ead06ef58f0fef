package clientsdk

import (
	"context"
	"crypto/ed25519"
	"encoding/binary"
	"errors"
	"io"
	"slices"

	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/ledger"
	"github.com/arpenteur/arpenteur/syncengine/store"
	"github.com/arpenteur/arpenteur/syncengine/wire"
	"github.com/arpenteur/arpenteur/syncengine/wire/file"
)

// ErrCarried is returned where there is nothing to carry: the server is known to hold everything.
var ErrCarried = errors.New("the server holds everything already, so there is nothing to carry")

// ExportOptions say what a file is for.
type ExportOptions struct {
	// Everything exports all that is held, as a tablet needs that holds nothing yet; else what the server is not known to hold.
	Everything bool
	Ledgers    []syncengine.LedgerID // only these; all that are held where it is empty
	Progress   func(FileProgress)    // called now and then, where it is not nil
}

// FileProgress is how far an export or import is.
type FileProgress struct {
	Bytes int64 // of the file
	Lines int
}

// FileReport says what an export wrote.
type FileReport struct {
	Ledgers int
	Lines   int
	Photos  int
	Bytes   int64
}

// ExportFile writes ledgers and their photos into a file, as for a USB stick: sealed to all who may read them, so that a lost stick shows nobody anything, and
// needs no passphrase. A file of that name is replaced once the new one is whole and on the disk. Memory is flat. Neither drafts nor
// exchanges are held up by it.
func (c *Client) ExportFile(ctx context.Context, path string, o ExportOptions) (*FileReport, error) {
	x := &exporter{c: c, o: o, report: &FileReport{}}
	if err := x.choose(ctx); err != nil {
		return nil, err
	}
	if len(x.ledgers) == 0 {
		return nil, ErrCarried
	}
	err := writeDurably(path, func(w io.Writer) error { return x.write(ctx, w) })
	return x.report, err
}

// exporter is one ExportFile.
type exporter struct {
	c       *Client
	o       ExportOptions
	report  *FileReport
	ledgers []syncengine.LedgerID
	largest int64 // of the sections so far
}

// choose finds the ledgers that there is something to say of, in random order.
func (x *exporter) choose(ctx context.Context) error {
	err := x.c.store.View(ctx, func(r store.Reader) error {
		x.ledgers = nil
		if _, err := enrolled(r); err != nil {
			return err
		}
		return r.Ledgers(func(id syncengine.LedgerID) (bool, error) {
			is, err := x.wants(r, id)
			if is {
				x.ledgers = append(x.ledgers, id)
			}
			return true, err
		})
	})
	for i := 0; i < len(x.ledgers) && err == nil; i++ {
		var j int
		j, err = x.c.draw(i + 1)
		x.ledgers[i], x.ledgers[j] = x.ledgers[j], x.ledgers[i]
	}
	return err
}

// wants reports whether a ledger belongs into the file.
func (x *exporter) wants(r store.Reader, id syncengine.LedgerID) (bool, error) {
	if len(x.o.Ledgers) > 0 && !slices.Contains(x.o.Ledgers, id) {
		return false, nil
	}
	l, err := x.c.keeper.View(r, id)
	if errors.Is(err, ledger.ErrUnknownLedger) {
		return false, nil
	}
	some := x.o.Everything
	if err == nil && !some {
		_, err = x.runs(r, l, func(ledger.Outgoing) (bool, error) { some = true; return false, nil })
	}
	if err == nil && !some {
		photos, err := x.photos(r, id)
		return len(photos) > 0, err
	}
	return some && err == nil, err
}

// draw returns a random number from 0 to n-1.
func (c *Client) draw(n int) (int, error) {
	var b [8]byte
	if _, err := io.ReadFull(c.o.Rand, b[:]); err != nil {
		return 0, err
	}
	return int(binary.BigEndian.Uint64(b[:]) % uint64(n)), nil //nolint:gosec // n is small and positive
}

// sectionStep is what the number of a file's sections is a multiple of: the others are decoys, so that nobody learns how many ledgers there
// are beside those that he can read (law L10).
const sectionStep = 4

// write writes the sections, decoys among them.
func (x *exporter) write(ctx context.Context, out io.Writer) error {
	w := file.NewWriter(&fileCounter{w: out, x: x})
	left := len(x.ledgers)
	for places := (left + sectionStep) / sectionStep * sectionStep; places > 0; places-- {
		if err := ctx.Err(); err != nil {
			return err
		}
		at, err := x.c.draw(places)
		if err != nil {
			return err
		}
		if at >= left {
			err = x.decoy(w)
		} else {
			left--
			err = x.section(ctx, w, x.ledgers[left])
		}
		if err != nil {
			return err
		}
	}
	return errors.Join(w.Close(), ctx.Err())
}

// decoy writes a section that nobody can read, of a size between 2 KiB and that of the largest before it.
func (x *exporter) decoy(w *file.Writer) error {
	size := int64(2 << 10)
	for limit := max(x.largest, 64<<10); size < limit; size *= 2 {
		again, err := x.c.draw(4)
		if err != nil {
			return err
		}
		if again == 0 {
			break
		}
	}
	more, err := x.c.draw(int(size))
	if err != nil {
		return err
	}
	return w.Decoy(size + int64(more))
}

// section writes one ledger from one consistent state, for all who may read it.
func (x *exporter) section(ctx context.Context, w *file.Writer, id syncengine.LedgerID) error {
	return x.c.store.View(ctx, func(r store.Reader) error {
		l, err := x.c.keeper.View(r, id)
		if err != nil {
			return err
		}
		var to []ed25519.PublicKey
		for _, key := range l.Readers() {
			to = append(to, key)
		}
		s, err := w.Section(to)
		if err != nil {
			return err
		}
		out := wire.NewWriter(s)
		err = x.body(ctx, r, l, out)
		if err = errors.Join(err, out.Close(), s.Close()); err != nil {
			return err
		}
		x.report.Ledgers++
		x.largest = max(x.largest, s.Size())
		return nil
	})
}

// body writes the frames of a section.
func (x *exporter) body(ctx context.Context, r store.Reader, l *ledger.Ledger, out *wire.Writer) error {
	vector, err := l.Vector()
	if err != nil {
		return err
	}
	for _, f := range []wire.Frame{&wire.Hello{}, &wire.Have{Ledger: l.ID(), Logs: vector}} {
		if err := out.WriteFrame(f); err != nil {
			return err
		}
	}
	_, err = x.runs(r, l, func(o ledger.Outgoing) (bool, error) {
		x.report.Lines += len(o.Lines)
		if err := ctx.Err(); err != nil {
			return false, err
		}
		return true, out.WriteFrame(&o.Run)
	})
	if err != nil {
		return err
	}
	list, err := receipts(r, l.ID(), nil)
	if err != nil {
		return err
	}
	for _, f := range list {
		if err := out.WriteFrame(f); err != nil {
			return err
		}
	}
	known, err := announcements(r, l)
	if err != nil {
		return err
	}
	for _, a := range known {
		if a.beyond {
			if err := out.WriteFrame(a.frame(l.ID())); err != nil {
				return err
			}
		}
	}
	if err := x.writePhotos(ctx, r, l.ID(), out); err != nil {
		return err
	}
	return out.WriteFrame(&wire.End{})
}

// photos returns the photos that the file is for, of one ledger.
func (x *exporter) photos(r store.Reader, id syncengine.LedgerID) ([]carriedPhoto, error) {
	if x.o.Everything {
		return x.c.carriedPhotos(r, id, nil)
	}
	return x.c.carriedPhotos(r, id, onServer)
}

// writePhotos writes the photos of one ledger, piece by piece.
func (x *exporter) writePhotos(ctx context.Context, r store.Reader, id syncengine.LedgerID, out *wire.Writer) error {
	list, err := x.photos(r, id)
	if err != nil {
		return err
	}
	for _, p := range list {
		from := &wire.PeerPhoto{Hash: p.Hash, Size: uint64(p.Size)} //nolint:gosec // of a file
		last := uint64(0)
		err := eachPiece(x.c, p.PhotoName, from, wire.MaxPhotoPiece, func(f *wire.PhotoPiece) (bool, error) {
			last = f.Offset + uint64(len(f.Data))
			return true, errors.Join(ctx.Err(), out.WriteFrame(f))
		})
		if err != nil {
			return err
		}
		if last == from.Size {
			x.report.Photos++
		}
	}
	return nil
}

// runs calls emit for the runs that the file is for.
func (x *exporter) runs(r store.Reader, l *ledger.Ledger, emit func(ledger.Outgoing) (bool, error)) (whole bool, err error) {
	if !x.o.Everything {
		s, err := readSide(r, l.ID())
		if err != nil {
			return false, err
		}
		return unsent(r, l, s.Pushed, emit)
	}
	advances, err := l.Lacking(nil)
	for _, adv := range advances {
		if whole, err = everyRun(l, adv, emit); err != nil || !whole {
			return false, err
		}
	}
	return err == nil, err
}

// fileCounter counts what is written.
type fileCounter struct {
	w io.Writer
	x *exporter
}

func (f *fileCounter) Write(p []byte) (int, error) {
	n, err := f.w.Write(p)
	f.x.report.Bytes += int64(n)
	if f.x.o.Progress != nil {
		f.x.o.Progress(FileProgress{Bytes: f.x.report.Bytes, Lines: f.x.report.Lines})
	}
	return n, err
}
