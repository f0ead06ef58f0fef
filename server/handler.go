package server

import (
	"bytes"
	"encoding/json"
	"net/http"

	"github.com/google/uuid"
	"github.com/gorilla/mux"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// call is one request of somebody whose permission to make it was checked.
type call struct {
	*http.Request
	w   http.ResponseWriter
	who *Person // nil on routes that need no account
}

// route is one thing that can be asked of the server.
type route struct {
	method, path string
	action       action
	handle       func(s *Server, c *call) error
	raw          func(s *Server, w http.ResponseWriter, r *http.Request) // instead of handle, where the asker is a tablet
}

// routes is everything that can be asked. Each route names the action that the permissions know it by.
func routes() []route {
	tablet := func(method, path string, fn func(s *Server, w http.ResponseWriter, r *http.Request)) route {
		return route{method: method, path: path, action: actReplica, raw: fn}
	}
	const (
		get, post, del = http.MethodGet, http.MethodPost, http.MethodDelete
	)
	return []route{
		tablet(post, "/v1/sync", (*Server).handleSync),
		tablet(post, "/v1/enrolments", (*Server).handleEnrol),
		tablet(post, "/v1/successions", (*Server).handleSucceed),

		{method: get, path: "/healthz", action: actAnyone, handle: (*Server).showHealth},
		{method: get, path: "/readyz", action: actAnyone, handle: (*Server).showReady},
		{method: get, path: "/metrics", action: actObserve, handle: (*Server).showMetrics},

		{method: get, path: "/v1/diagnostics", action: actListDiagnostic, handle: (*Server).listDiagnostics},
		{method: post, path: "/v1/diagnostics", action: actOrder, handle: (*Server).orderDiagnostic},
		{method: post, path: "/v1/tickets", action: actTicket, handle: (*Server).makeTicket},
		{method: get, path: "/v1/tokens", action: actListTokens, handle: (*Server).listTokens},
		{method: post, path: "/v1/tokens", action: actMakeToken, handle: (*Server).makeToken},
		{method: del, path: "/v1/tokens/{id}", action: actRevokeToken, handle: (*Server).revokeToken},
	}
}

// Handler answers the network: tablets by their signatures, people by their tokens.
func (s *Server) Handler() http.Handler { return s.handler(nil) }

// Local answers the machine's own command line, over a socket that only its operator can reach, or within one process. Requests
// need no token.
func (s *Server) Local() http.Handler { return s.handler(localPerson()) }

func (s *Server) handler(local *Person) http.Handler {
	m := mux.NewRouter()
	for _, rt := range routes() {
		m.Methods(rt.method).Path(rt.path).HandlerFunc(s.serve(rt, local))
	}
	m.NotFoundHandler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.refuse(w, r, wire.Problemf(wire.CodeNotFound, "there is nothing at this address"))
	})
	m.MethodNotAllowedHandler = s.refuseMethod(m)
	return s.wrap(m)
}

// serve makes a route's handler: who asks, whether they may, then the answer or the problem.
func (s *Server) serve(rt route, local *Person) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		traceOf(r).route = rt.path
		if rt.raw != nil {
			rt.raw(s, w, r)
			return
		}
		c := &call{Request: r, w: w}
		err := s.admit(c, rt.action, local)
		if err == nil {
			err = rt.handle(s, c)
		}
		if err != nil {
			s.refuse(w, r, err)
		}
	}
}

// admit finds out who asks, and refuses who may not.
func (s *Server) admit(c *call, a action, local *Person) (err error) {
	if a == actAnyone {
		return nil
	}
	if c.who = local; local == nil {
		if c.who, err = s.person(c.Request); err != nil {
			return err
		}
	}
	if !allowed(c.who.Role, a) {
		return wire.Problemf(wire.CodeForbidden, "the role %s may not %s", c.who.Role, a)
	}
	return nil
}

// refuseMethod answers a known address that is asked in a way it doesn't have.
func (s *Server) refuseMethod(m *mux.Router) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		for _, method := range []string{http.MethodDelete, http.MethodGet, http.MethodPost} {
			other := r.Clone(r.Context())
			other.Method = method
			var found mux.RouteMatch
			if m.Match(other, &found) && found.MatchErr == nil {
				w.Header().Add("Allow", method)
			}
		}
		out := &statusWriter{w, http.StatusMethodNotAllowed}
		s.refuse(out, r, wire.Problemf(wire.CodeNotFound, "this address does not answer to %s", r.Method))
	}
}

// statusWriter answers with another status than the problem's code has: RFC 9110 asks for 405, and the protocol has no code for it.
type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(int) { w.ResponseWriter.WriteHeader(w.status) }

func (w *statusWriter) Write(b []byte) (int, error) {
	_, err := w.ResponseWriter.Write(bytes.Replace(b, []byte(`"status":404`), []byte(`"status":405`), 1))
	return len(b), err
}

// body reads the JSON body of the request into v.
func (c *call) body(v any) error {
	raw, err := readBody(c.w, c.Request)
	if err != nil {
		return err
	}
	return decodeJSON(raw, v)
}

// answer writes v as JSON.
func (c *call) answer(status int, v any) error {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return err
	}
	writeJSON(c.w, status, out.Bytes())
	return nil
}

// parseUUID reads a UUID in the one form that the protocol has.
func parseUUID(text string) (uuid.UUID, bool) {
	id, err := uuid.Parse(text)
	return id, err == nil && id.String() == text
}

// ledgerID reads the ledger that the address names. One that can't be a ledger is answered as one that is not there.
func (c *call) ledgerID() (syncengine.LedgerID, error) {
	h, err := syncengine.ParseHash(mux.Vars(c.Request)["ledger"])
	if err != nil || h.IsZero() {
		return syncengine.LedgerID{}, errUnknownLedger(err)
	}
	return syncengine.LedgerID{Hash: h}, nil
}

func (s *Server) showMetrics(c *call) error {
	promhttp.HandlerFor(s.metrics.registry, promhttp.HandlerOpts{}).ServeHTTP(c.w, c.Request)
	return nil
}
