package server

import (
	"net/http"
	"sync"
	"time"

	"github.com/arpenteur/arpenteur/syncengine/store"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// probeLife is how long the answer of a probe of the store is good for, so that probes can't load it.
const probeLife = 10 * time.Second

// health says which program runs.
type health struct {
	Status  string `json:"status"`
	Version string `json:"version"`
}

// readiness says that the store takes what is written.
type readiness struct {
	Status string `json:"status"`
}

// probe remembers the last probe of the store.
type probe struct {
	mu  sync.Mutex
	at  time.Time
	err error
}

// showHealth is GET /healthz: the program runs.
func (s *Server) showHealth(c *call) error {
	return c.answer(http.StatusOK, health{"ok", s.Version})
}

// showReady is GET /readyz: the store can be read and written.
func (s *Server) showReady(c *call) error {
	s.probe.mu.Lock()
	defer s.probe.mu.Unlock()
	if now := s.Now(); s.probe.at.IsZero() || now.Sub(s.probe.at).Abs() > probeLife {
		s.probe.at = now
		s.probe.err = s.Store.Update(c.Context(), func(w store.Writer) error {
			return put(w, spaceServer, []byte("probe"), now.UnixMilli())
		})
		if s.probe.err != nil {
			s.Log.Error().Err(s.probe.err).Msg("the store can't be written")
		}
	}
	if s.probe.err == nil {
		return c.answer(http.StatusOK, readiness{"ready"})
	}
	if code := wire.CodeOf(problemOf(s.probe.err)); code == wire.CodeFull {
		return s.probe.err
	}
	return &wire.Problem{Code: wire.CodeBusy, Detail: "the store can't be written", Err: s.probe.err}
}
