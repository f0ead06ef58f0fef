package main

import (
	"bytes"
	"io"
	"net/http"
	"sync"
)

// inProcess is a transport that asks a handler of this process, for a store that no server runs on.
type inProcess struct{ handler http.Handler }

// RoundTrip runs the handler beside the caller, who reads the body while it is written.
func (t inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context()) // a transport leaves its caller's request as it is
	r.RequestURI = r.URL.RequestURI()
	if r.Body == nil {
		r.Body = http.NoBody
	}
	body, to := io.Pipe()
	w := &pipeWriter{
		begun: make(chan struct{}), to: to,
		answer: &http.Response{
			Header: http.Header{}, Body: body, Request: r, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, ContentLength: -1,
		},
	}
	go func() {
		defer func() {
			fault := recover()
			_ = r.Body.Close()
			w.WriteHeader(http.StatusOK)
			if fault != nil {
				_ = to.CloseWithError(io.ErrUnexpectedEOF) // an answer that was cut
				return
			}
			_ = to.Close()
		}()
		t.handler.ServeHTTP(w, r)
	}()
	select {
	case <-w.begun:
		return w.answer, nil
	case <-r.Context().Done():
		_ = body.CloseWithError(r.Context().Err())
		return nil, r.Context().Err()
	}
}

// pipeWriter hands the answer over when its header is there.
type pipeWriter struct {
	once   sync.Once
	begun  chan struct{}
	answer *http.Response
	header http.Header
	to     *io.PipeWriter
}

func (w *pipeWriter) Header() http.Header {
	if w.header == nil {
		w.header = http.Header{}
	}
	return w.header
}

func (w *pipeWriter) WriteHeader(status int) {
	w.once.Do(func() {
		w.answer.StatusCode, w.answer.Status = status, http.StatusText(status)
		w.answer.Header = w.Header().Clone()
		close(w.begun)
	})
}

func (w *pipeWriter) Write(b []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.to.Write(bytes.Clone(b))
}
