package server

import (
	"context"
	"net/http"

	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// trace is what is known of a request while it is answered, for the log and the metrics. It holds nothing of a person.
type trace struct {
	id    string    // names the request in the log and in what its asker is told
	route string    // the template of its route
	code  wire.Code // of the problem that it was answered with
}

type traceKey struct{}

func withTrace(r *http.Request, t *trace) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), traceKey{}, t))
}

// traceOf returns the trace of a request; of one that came by no handler of ours, an empty one.
func traceOf(r *http.Request) *trace {
	if t, ok := r.Context().Value(traceKey{}).(*trace); ok {
		return t
	}
	return &trace{}
}
