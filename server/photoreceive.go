package server

import (
	"errors"
	"mime"
	"net/http"
	"strconv"
	"time"

	"github.com/arpenteur/arpenteur/server/photos"
	"github.com/arpenteur/arpenteur/syncengine/store"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// receivePhoto is PATCH /v1/ledgers/{ledger}/photos/{hash}: bytes of a photo, from an offset on.
func (s *Server) receivePhoto(c *call) error {
	archive, err := s.archive()
	if err != nil {
		return err
	}
	p, err := c.photoName()
	if err != nil {
		return err
	}
	if err := s.Store.View(c.Context(), func(r store.Reader) error { return maySend(r, c.device, p) }); err != nil {
		return err
	}
	part, err := partOf(c.Request)
	if err != nil {
		return err
	}
	control := http.NewResponseController(c.w)
	interrupt := func() { _ = control.SetReadDeadline(time.Unix(1, 0)) } // not every kind of connection has deadlines
	got, err := archive.Receive(c.Context(), photos.Upload{Replica: c.device.Replica, PhotoName: p}, part, c.Body, interrupt)
	s.metrics.bytes.Add(float64(got.Written))
	h := c.w.Header()
	if got.Offset >= 0 {
		h.Set(wire.UploadOffsetHeader, strconv.FormatInt(got.Offset, 10))
	}
	switch {
	case err != nil:
		s.metrics.photos.WithLabelValues(string(wire.CodeOf(problemOf(err)))).Inc()
		return err
	case !got.State.Held():
		s.metrics.photos.WithLabelValues("part").Inc()
		h.Set(wire.UploadCompleteHeader, wire.UploadIncomplete)
		c.w.WriteHeader(http.StatusNoContent)
		return nil
	}
	status, outcome := http.StatusOK, "held"
	if got.Fresh {
		status, outcome = http.StatusCreated, "whole"
	}
	var receipt *wire.PhotoReceipt
	err = s.Store.View(c.Context(), func(r store.Reader) (err error) {
		receipt, err = s.photoReceipt(r, p, got.State)
		return err
	})
	if err != nil {
		return err
	}
	s.metrics.photos.WithLabelValues(outcome).Inc()
	h.Set(wire.UploadCompleteHeader, wire.UploadComplete)
	writeJSON(c.w, status, receipt.Append(nil))
	return nil
}

// maySend refuses who may not send a photo. With full access to its ledger any replica may, since tablets carry what others took; a revoked
// one may send what lines of its own log refer to.
func maySend(r store.Reader, d *Device, p wire.PhotoName) error {
	a, err := accessOf(r, d.Replica, p.Ledger)
	if err != nil || a == wire.AccessFull {
		return err
	}
	if a != wire.AccessRevoked {
		return errUnknownLedger(nil)
	}
	own, err := photos.Refers(r, p, d.Replica)
	if err == nil && !own {
		err = wire.Problemf(wire.CodeForbidden, "this tablet was revoked, and nothing that it captured refers to this photo")
	}
	return err
}

// partOf reads the header of an upload.
func partOf(r *http.Request) (part photos.Part, err error) {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || media != wire.UploadMediaType {
		return part, wire.Problemf(wire.CodeMalformed, "the content type must be %s", wire.UploadMediaType)
	}
	var wrong [2]error
	part.Offset, wrong[0] = header(r, wire.UploadOffsetHeader)
	part.Length, wrong[1] = header(r, wire.UploadLengthHeader)
	if err := errors.Join(wrong[:]...); err != nil {
		return part, err
	}
	switch complete := r.Header.Get(wire.UploadCompleteHeader); complete {
	case wire.UploadComplete, wire.UploadIncomplete:
		part.Complete = complete == wire.UploadComplete
	default:
		return part, wire.Problemf(wire.CodeMalformed, "%s must be %s or %s", wire.UploadCompleteHeader, wire.UploadComplete, wire.UploadIncomplete)
	}
	return part, nil
}

// header reads a header field that is a number.
func header(r *http.Request, name string) (int64, error) {
	text := r.Header.Get(name)
	n, err := strconv.ParseUint(text, 10, 63)
	if err != nil || strconv.FormatUint(n, 10) != text {
		return 0, wire.Problemf(wire.CodeMalformed, "%s must be a number of bytes", name)
	}
	return int64(n), nil //nolint:gosec // of 63 bits
}
