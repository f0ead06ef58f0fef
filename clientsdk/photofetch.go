package clientsdk

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/arpenteur/arpenteur/internal/photo"
	"github.com/arpenteur/arpenteur/syncengine/store"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// PhotoSize is how much of a photo is wanted.
type PhotoSize string

// The sizes.
const (
	PhotoWhole     PhotoSize = "whole"
	PhotoThumbnail PhotoSize = "thumbnail" // at most 320 pixels
)

const (
	thumbnailSuffix = ".small"
	// maxCache is how many bytes of fetched photos are kept; the least recently fetched go first.
	maxCache = 64 << 20
)

// FetchPhoto returns a photo as a JPEG of at most 8 MiB: from this tablet, from what was fetched before, or from the server. A whole photo is
// what its hash says. Nothing is fetched unless it is asked for.
func (c *Client) FetchPhoto(ctx context.Context, p wire.PhotoName, size PhotoSize) ([]byte, error) {
	if err := c.mayShow(ctx, p); err != nil {
		return nil, err
	}
	if raw, err := c.photoHere(ctx, p, size); err == nil {
		return raw, nil
	}
	id, key, err := (&syncer{c: c}).identity(ctx)
	if err != nil {
		return nil, err
	}
	s := &photoSender{c: c, id: id, key: key, report: &Report{}}
	raw, err := s.fetch(ctx, p, size)
	if err != nil {
		return nil, fmt.Errorf("fetch a photo: %w", err)
	}
	return raw, c.cachePhoto(p, size, raw)
}

// mayShow refuses a photo that a ruling erased.
func (c *Client) mayShow(ctx context.Context, p wire.PhotoName) error {
	return c.store.View(ctx, func(r store.Reader) error {
		e, _, err := readPhoto(r, p)
		if err == nil && e.Barred {
			err = wire.Problemf(wire.CodeBarred, "a ruling erased photo %s", p.Hash)
		}
		return err
	})
}

// photoHere returns a photo that is on the tablet.
func (c *Client) photoHere(ctx context.Context, p wire.PhotoName, size PhotoSize) ([]byte, error) {
	f, err := c.photos.held(p)
	if err != nil {
		path, name := c.photos.cached(p, size)
		if f, err = c.photos.openFile(path, name); err != nil {
			return nil, err
		}
		defer f.Close()
		return io.ReadAll(f.reader())
	}
	defer f.Close()
	if size == PhotoWhole {
		return io.ReadAll(f.reader())
	}
	select {
	case c.photos.looking <- struct{}{}:
		defer func() { <-c.photos.looking }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	picture, err := photo.Read(f.reader(), photo.Options{})
	if err != nil {
		return nil, err
	}
	return picture.Thumbnail()
}

// cached returns the path and the name of a fetched photo.
func (s *photoStore) cached(p wire.PhotoName, size PhotoSize) (path, name string) {
	path = filepath.Join(s.root, cachedPhotos, p.Ledger.String(), p.Hash.String())
	if size == PhotoThumbnail {
		path += thumbnailSuffix
	}
	return path, "cached " + string(size) + " " + p.Ledger.String() + " " + p.Hash.String()
}

// fetch asks the server for a photo, going on from where a cut left it.
func (s *photoSender) fetch(ctx context.Context, p wire.PhotoName, size PhotoSize) ([]byte, error) {
	var got []byte
	for stalls := 0; ; {
		before := len(got)
		whole, err := s.fetchFrom(ctx, p, size, &got)
		var told *wire.Problem
		switch {
		case err == nil && whole:
			return got, checkFetched(p, size, got)
		case errors.As(err, &told) || ctx.Err() != nil:
			return nil, err
		}
		if stalls++; len(got) > before {
			stalls = 0
		}
		if stalls >= maxStalls {
			return nil, err
		}
	}
}

// fetchFrom asks for the rest of a photo and adds what comes to got. A thumbnail is short, and begins anew.
func (s *photoSender) fetchFrom(ctx context.Context, p wire.PhotoName, size PhotoSize, got *[]byte) (whole bool, err error) {
	header := http.Header{}
	path := "/v1/ledgers/" + p.Ledger.String() + "/photos/" + p.Hash.String()
	q := request{method: http.MethodGet, path: path, header: header, tries: &s.report.RoundTrips}
	switch {
	case size == PhotoThumbnail:
		q.query, *got = "size=thumbnail", nil
	case len(*got) > 0:
		header.Set("Range", "bytes="+strconv.Itoa(len(*got))+"-")
	}
	answer, err := s.c.do(ctx, s.id, s.key.Key, q)
	if err != nil {
		return false, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusPartialContent {
		*got = nil
	}
	more, err := io.ReadAll(io.LimitReader(answer.Body, int64(wire.MaxPhotoBytes-len(*got)+1)))
	*got = append(*got, more...)
	if len(*got) > wire.MaxPhotoBytes {
		return false, wire.Problemf(wire.CodeTooLarge, "the photo that the server sends is over %d bytes", wire.MaxPhotoBytes)
	}
	return err == nil, err
}

// checkFetched holds what was fetched against what was asked for.
func checkFetched(p wire.PhotoName, size PhotoSize, raw []byte) error {
	if size == PhotoWhole {
		if sha256.Sum256(raw) != p.Hash {
			return wire.Problemf(wire.CodeBadPhoto, "what the server sends is not photo %s", p.Hash)
		}
		return nil
	}
	h, err := photo.ReadHeader(bytes.NewReader(raw))
	if err != nil || h.Format != photo.JPEG || max(h.Width, h.Height) > photo.ThumbnailEdge {
		return wire.Problemf(wire.CodeBadPhoto, "what the server sends is no thumbnail")
	}
	return nil
}

// cachePhoto keeps a fetched photo, and lets the oldest go where there are too many.
func (c *Client) cachePhoto(p wire.PhotoName, size PhotoSize, raw []byte) error {
	c.photos.files.RLock()
	defer c.photos.files.RUnlock()
	path, name := c.photos.cached(p, size)
	if err := c.photos.write(path, name, nil, raw); err != nil {
		return err
	}
	return c.photos.trimCache(maxCache)
}

// trimCache removes the oldest fetched photos until the rest is within a limit.
func (s *photoStore) trimCache(limit int64) error {
	type file struct {
		path string
		size int64
		at   time.Time
	}
	var files []file
	total := int64(0)
	err := filepath.WalkDir(filepath.Join(s.root, cachedPhotos), func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if errors.Is(err, os.ErrNotExist) {
			return nil
		}
		if err == nil {
			files, total = append(files, file{path, info.Size(), info.ModTime()}), total+info.Size()
		}
		return err
	})
	if err != nil {
		return err
	}
	slices.SortFunc(files, func(a, b file) int { return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.path, b.path)) })
	var remove []string
	for _, f := range files {
		if total <= limit {
			break
		}
		remove, total = append(remove, f.path), total-f.size
	}
	return removeFiles(remove...)
}
