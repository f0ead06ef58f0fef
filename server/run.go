package server

import (
	"context"
	"errors"
	"net"
	"net/http"
	"time"
)

const (
	// headerTime is how long a request's header may take: long enough for a link of 1 kB/s that stands still now and then.
	headerTime = 30 * time.Second
	// keepTime is how long an idle connection is kept for its tablet's next request.
	keepTime = 3 * time.Minute
	// graceTime is how long requests that run may go on when the server is told to stop. A sync that is cut then loses nothing that was
	// acknowledged.
	graceTime = 30 * time.Second
	// maxHeader bounds the header of a request.
	maxHeader = 32 << 10
)

// Run answers on a listener until ctx is done, then lets running requests finish and ends open event streams. It resumes background
// work that an earlier run left. It returns nil after an orderly end. The server can Run on several listeners at a time.
func (s *Server) Run(ctx context.Context, l net.Listener) error { return s.run(ctx, l, s.Handler()) }

// RunLocal is Run for the machine's own command line: requests need no token, so only its operator may be able to reach the listener.
func (s *Server) RunLocal(ctx context.Context, l net.Listener) error { return s.run(ctx, l, s.Local()) }

func (s *Server) run(ctx context.Context, l net.Listener, h http.Handler) error {
	requests, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	streams, endStreams := context.WithCancel(requests)
	defer endStreams()
	server := &http.Server{
		Handler: h, ReadHeaderTimeout: headerTime, IdleTimeout: keepTime, MaxHeaderBytes: maxHeader,
		BaseContext: func(net.Listener) context.Context { return context.WithValue(requests, streamsKey{}, streams) },
	}
	s.refresher.wake()
	s.janitor.wake()
	s.maintainer.wake()
	s.hooks.Begin()
	stopped := make(chan error, 1)
	go func() { stopped <- server.Serve(l) }()
	select {
	case err := <-stopped:
		return err
	case <-ctx.Done():
	}
	endStreams()
	grace, done := context.WithTimeout(requests, graceTime)
	defer done()
	err := server.Shutdown(grace)
	if err != nil {
		cut()
		err = errors.Join(err, server.Close())
	}
	if served := <-stopped; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}

// streamsKey finds the context that ends with the listener, for answers that would go on for ever.
type streamsKey struct{}

// ending returns a channel that is closed when answers without an end have to end.
func ending(ctx context.Context) <-chan struct{} {
	if streams, ok := ctx.Value(streamsKey{}).(context.Context); ok {
		return streams.Done()
	}
	return nil
}

// Close ends open event streams and background work, and waits for the latter. It doesn't close the store. It may be called again.
func (s *Server) Close() {
	s.closeOnce.Do(func() { close(s.closing) })
	s.refresher.close()
	s.janitor.close()
	s.maintainer.close()
	s.uploads.close()
	s.hooks.Close()
}
