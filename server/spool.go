package server

import (
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"os"
	"syscall"

	"github.com/google/uuid"

	"github.com/arpenteur/arpenteur/server/imports"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// spool is the file of an import on the server's disk, since it is read more than once. It has no name there where the system allows
// that, and is gone with the process in any case that it can help.
type spool struct {
	*os.File
	size    int64
	mapping []byte
	close   func()
}

// importedFile returns the file that is to be imported: one that was sent before, with a mapping as the body where there is one, or the body.
func (s *Server) importedFile(c *call) (*spool, error) {
	id, err := uploadParameter(c.Request)
	if err != nil {
		return nil, err
	}
	if id == uuid.Nil {
		return newSpool(c)
	}
	u, err := s.useUpload(c.who.Account, id)
	if err != nil {
		return nil, err
	}
	p := &spool{File: u.file, size: u.size, close: u.release}
	if u.size > imports.MaxFileBytes {
		err = errLargeFile()
	} else {
		err = p.takeMapping(http.MaxBytesReader(c.w, c.Body, imports.MaxMappingBytes+1))
	}
	if err != nil {
		u.release()
	}
	return p, err
}

func errLargeFile() error {
	return wire.Problemf(wire.CodeTooLarge, "the file is over %d bytes; split it", imports.MaxFileBytes)
}

// newSpool takes the body of a request: the file as it is, or a form (multipart/form-data) with the parts "mapping" and then "file".
func newSpool(c *call) (*spool, error) {
	f, err := os.CreateTemp("", "arpenteur-import-*")
	if err != nil {
		return nil, err
	}
	_ = os.Remove(f.Name()) // where an open file can't be removed, close does it
	p := &spool{File: f, close: func() {
		_ = f.Close() // it was a copy
		_ = os.Remove(f.Name())
	}}
	if err := p.fill(c); err != nil {
		p.close()
		return nil, err
	}
	return p, nil
}

func (p *spool) fill(c *call) error {
	body := http.MaxBytesReader(c.w, c.Body, imports.MaxFileBytes+imports.MaxMappingBytes)
	media, params, err := mime.ParseMediaType(c.Header.Get("Content-Type"))
	if err != nil || media != "multipart/form-data" {
		return p.take(body)
	}
	form := multipart.NewReader(body, params["boundary"])
	for {
		part, err := form.NextPart()
		switch {
		case errors.Is(err, io.EOF):
			return wire.Problemf(wire.CodeInvalid, `the form has no part "file"`)
		case err != nil:
			return bodyProblem(err)
		case part.FormName() == "file":
			return p.take(part)
		case part.FormName() != "mapping":
			return wire.Problemf(wire.CodeInvalid, `a form of an import has the parts "mapping" and "file", in this order`)
		}
		if err := p.takeMapping(part); err != nil {
			return err
		}
	}
}

// takeMapping reads what says how the columns of the file are meant.
func (p *spool) takeMapping(from io.Reader) (err error) {
	if p.mapping, err = io.ReadAll(io.LimitReader(from, imports.MaxMappingBytes+1)); err != nil {
		return bodyProblem(err)
	}
	if len(p.mapping) > imports.MaxMappingBytes {
		return wire.Problemf(wire.CodeTooLarge, "the mapping is over %d bytes", imports.MaxMappingBytes)
	}
	return nil
}

// take copies the file itself.
func (p *spool) take(from io.Reader) error {
	n, err := io.Copy(p.File, io.LimitReader(from, imports.MaxFileBytes+1))
	if err != nil {
		return bodyProblem(err)
	}
	if n > imports.MaxFileBytes {
		return errLargeFile()
	}
	p.size = n
	return nil
}

// bodyProblem says what is wrong where a body can't be read to its end, or not be kept.
func bodyProblem(err error) error {
	var large *http.MaxBytesError
	var disk *os.PathError
	switch {
	case errors.As(err, &large):
		return wire.Problemf(wire.CodeTooLarge, "the body is over %d bytes", large.Limit)
	case errors.Is(err, syscall.ENOSPC):
		return &wire.Problem{Code: wire.CodeFull, Err: err}
	case errors.As(err, &disk):
		return err
	}
	return &wire.Problem{Code: wire.CodeMalformed, Detail: "the body was cut", Err: err}
}
