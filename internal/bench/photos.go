package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"github.com/arpenteur/arpenteur/clientsdk"
	"github.com/arpenteur/arpenteur/syncengine"
)

const (
	photoCount  = 60
	photoWidth  = 1600
	photoHeight = 1200
)

// photos measures how fast a tablet sends photos that were looked over, from its sealed files to the server's synced ones, receipts
// included. Each is sent in as many pieces as the link asks for, verified on arrival, decoded and made small.
func (b *bench) photos(ctx context.Context) error {
	folder := filepath.Join(b.folder, "photos")
	return survey(ctx, folder, true, func(c *central, d diagnostic) (err error) {
		t, err := c.newTablet(ctx, filepath.Join(folder, "tablet"), "t01", nil, d)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, t.Close()) }()
		n := b.size(photoCount)
		b.say("photos: %d are taken and looked over", n)
		if err := t.photograph(ctx, d.Ledger, n); err != nil {
			return err
		}
		b.say("photos: they are sent")
		cpu, start := processorTime(), time.Now()
		report, err := t.Sync(ctx)
		took, busy := time.Since(start), processorTime()-cpu
		if err != nil {
			return err
		}
		if report.PhotosSent != n {
			return fmt.Errorf("of %d photos %d were sent", n, report.PhotosSent)
		}
		each := report.PhotoBytes / int64(n)
		least, err := copyBare(filepath.Join(folder, "bare"), n, each)
		if err != nil {
			return err
		}
		megabytes := float64(report.PhotoBytes) / 1e6
		return b.report(figure{"photos", megabytes / took.Seconds(), "MB/s", megabytes / least.Seconds(), []detail{
			{"n", n}, {"bytes_each", each}, {"photos_per_second", perSecond(n, took)}, {"processor_seconds", busy.Seconds()},
		}})
	})
}

// photograph takes photos of different noise, one for each of n observations, and looks them over.
func (t *tablet) photograph(ctx context.Context, ledger syncengine.LedgerID, n int) error {
	w := newWriter(1, t.account)
	for i := range n {
		camera, err := noise(uint64(i)) //nolint:gosec // a small number
		if err != nil {
			return err
		}
		d, err := t.NewRecord(ctx, ledger, lineage)
		if err != nil {
			return err
		}
		err = d.SetAll(w.observation())
		var p clientsdk.WaitingPhoto
		if err == nil {
			p, err = d.TakePhoto(ctx, "/photos", bytes.NewReader(camera), clientsdk.PhotoOptions{})
		}
		if err == nil {
			_, err = t.ReviewPhoto(ctx, p.ID, clientsdk.Review{NothingToBlur: true})
		}
		if err == nil {
			_, err = d.Commit(ctx)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// noise is a picture as large as those that tablets send, and as hard to compress as a photo of leaves.
func noise(seed uint64) ([]byte, error) {
	random := rand.New(rand.NewPCG(seed, 1)) //nolint:gosec // a picture
	m := image.NewRGBA(image.Rect(0, 0, photoWidth, photoHeight))
	for y := range photoHeight {
		for x := range photoWidth {
			grain := random.Uint32()
			m.SetRGBA(x, y, color.RGBA{R: uint8(x/8) + uint8(grain&31), G: uint8(y/8) + uint8(grain>>8&31), B: uint8(grain >> 16 & 63), A: 255}) //nolint:gosec // it wraps
		}
	}
	var b bytes.Buffer
	err := jpeg.Encode(&b, m, &jpeg.Options{Quality: 90})
	return b.Bytes(), err
}

// copyBare measures the limit: files of the same size are read, hashed with SHA-256 and written to other files, each synced.
func copyBare(folder string, n int, size int64) (time.Duration, error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return 0, err
	}
	content := make([]byte, size)
	source := rand.NewChaCha8([32]byte{1})
	for i := range n {
		_, _ = source.Read(content)
		if err := os.WriteFile(filepath.Join(folder, fmt.Sprintf("from-%d", i)), content, 0o600); err != nil {
			return 0, err
		}
	}
	least := time.Duration(0)
	for range leastTries {
		start := time.Now()
		for i := range n {
			if err := copySynced(filepath.Join(folder, fmt.Sprintf("to-%d", i)), filepath.Join(folder, fmt.Sprintf("from-%d", i)), sha256.New()); err != nil {
				return 0, err
			}
		}
		if took := time.Since(start); least == 0 || took < least {
			least = took
		}
	}
	return least, nil
}

// copySynced copies a file durably, and gives its bytes to somebody else besides.
func copySynced(to, from string, also io.Writer) (err error) {
	in, err := os.Open(from) //nolint:gosec // in the run's own folder
	if err != nil {
		return err
	}
	defer in.Close()          //nolint:errcheck // it was only read
	out, err := os.Create(to) //nolint:gosec // in the run's own folder
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	if _, err := io.Copy(io.MultiWriter(out, also), in); err != nil {
		return err
	}
	return out.Sync()
}
