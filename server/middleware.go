package server

import (
	"fmt"
	"io"
	"net/http"
	"runtime/debug"
	"slices"
	"strconv"
	"time"

	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// Times that a connection may stand still. The field's links are slow, so no request is cut for taking long, only for not moving.
const (
	idleRead  = 60 * time.Second
	idleWrite = 60 * time.Second
	// writePiece is how much is written under one deadline: what passes in idleWrite on a link of 1 kB/s.
	writePiece = 32 << 10
)

// requestIDHeader names a request in its answer, so that a person can quote it.
const requestIDHeader = "Arpenteur-Request"

// wrap puts around every route what all of them need: an id, a line in the log, headers, deadlines, and an answer even to a defect.
func (s *Server) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		begun := s.Now()
		t := &trace{id: s.requestID(), route: "none"}
		r = withTrace(r, t)
		out := &answerWriter{ResponseWriter: w, control: http.NewResponseController(w)}
		r.Body = &movingBody{r.Body, out.control}
		headers := out.Header()
		headers.Set(requestIDHeader, t.id)
		headers.Set("Cache-Control", "no-store")
		headers.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		headers.Set("Referrer-Policy", "no-referrer")
		headers.Set("X-Content-Type-Options", "nosniff")
		defer func() { s.logAccess(r, t, out, s.Now().Sub(begun)) }()
		defer func() {
			if fault := recover(); fault != nil {
				s.caught(out, r, fault)
			}
		}()
		next.ServeHTTP(out, r)
	})
}

// requestID names a request: where the server started, and which request since.
func (s *Server) requestID() string { return fmt.Sprintf("%s-%d", s.started, s.requests.Add(1)) }

// caught answers a request whose handling ended in a panic. An answer that has begun is cut, so that nobody takes it for whole.
func (s *Server) caught(out *answerWriter, r *http.Request, fault any) {
	if fault == http.ErrAbortHandler { //nolint:errorlint // a panic's value, as net/http itself compares it
		panic(fault)
	}
	s.metrics.panics.Inc()
	s.Log.Error().Str("request", traceOf(r).id).Interface("fault", fault).Bytes("stack", debug.Stack()).Msg("request ended in a panic")
	if out.status != 0 {
		panic(http.ErrAbortHandler)
	}
	s.refuse(out, r, &wire.Problem{Code: wire.CodeInternal})
}

// logAccess writes the line of one request. The route's template stands for the path, which may hold ids; the query isn't told at all.
func (s *Server) logAccess(r *http.Request, t *trace, out *answerWriter, took time.Duration) {
	method := "other" // a method that nobody knows is the asker's own words
	if slices.Contains([]string{http.MethodGet, http.MethodPost, http.MethodPatch, http.MethodDelete, http.MethodHead, http.MethodPut, http.MethodOptions}, r.Method) {
		method = r.Method
	}
	s.metrics.requests.WithLabelValues(method, t.route, strconv.Itoa(out.status)).Inc()
	s.metrics.seconds.WithLabelValues(t.route).Observe(took.Seconds())
	line := s.Log.Info().Str("request", t.id).Str("method", method).Str("route", t.route).Int("status", out.status).
		Int64("bytes", out.bytes).Dur("took", took)
	if t.code != "" {
		line = line.Str("code", string(t.code))
	}
	line.Msg("request")
}

// answerWriter counts what is answered, and moves the deadline for it along.
type answerWriter struct {
	http.ResponseWriter
	control *http.ResponseController
	status  int
	bytes   int64
}

// Unwrap lets http.ResponseController reach the connection.
func (w *answerWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *answerWriter) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.move()
	w.ResponseWriter.WriteHeader(status)
}

func (w *answerWriter) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	done := 0
	for done < len(b) {
		w.move()
		n, err := w.ResponseWriter.Write(b[done:min(done+writePiece, len(b))])
		done += n
		w.bytes += int64(n)
		if err != nil {
			return done, err
		}
	}
	return done, nil
}

// move gives the answer more time. A connection keeps its deadline from one answer to the next, so every answer moves it.
func (w *answerWriter) move() {
	_ = w.control.SetWriteDeadline(time.Now().Add(idleWrite)) // not every kind of connection has deadlines
}

// movingBody gives a request time for as long as something of its body arrives.
type movingBody struct {
	io.ReadCloser
	control *http.ResponseController
}

func (b *movingBody) Read(p []byte) (int, error) {
	_ = b.control.SetReadDeadline(time.Now().Add(idleRead)) // not every kind of connection has deadlines
	n, err := b.ReadCloser.Read(p)
	if err != nil { // all is read: what follows may take its time
		_ = b.control.SetReadDeadline(time.Time{})
	}
	return n, err
}
