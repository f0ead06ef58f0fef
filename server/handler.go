package server

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/gorilla/mux"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// call is one request of somebody whose permission to make it was checked.
type call struct {
	*http.Request
	w      http.ResponseWriter
	who    *Person // nil where the route needs no account, or the asker is a tablet
	device *Device // of a tablet that signed the request
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
	tablet := a == actReplica || (a == actListen || a == actReadPhotos) && strings.HasPrefix(c.Header.Get("Authorization"), wire.AuthorizationScheme+" ")
	switch {
	case a == actAnyone:
		return nil
	case tablet:
		c.device, err = s.authenticate(c.w, c.Request)
		return err
	case local != nil:
		c.who = local
	default:
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
		for _, method := range []string{http.MethodDelete, http.MethodGet, http.MethodPatch, http.MethodPost} {
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

func (s *Server) showMetrics(c *call) error {
	promhttp.HandlerFor(s.metrics.registry, promhttp.HandlerOpts{}).ServeHTTP(c.w, c.Request)
	return nil
}
