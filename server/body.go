package server

import (
	"encoding"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"reflect"
	"strings"

	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// maxBody bounds the body of every request but a sync.
const maxBody = 1 << 20

// readBody reads the body of a request that is JSON, at most maxBody of it.
func readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return nil, wire.Problemf(wire.CodeTooLarge, "the body is over %d bytes", maxBody)
	case err != nil:
		return nil, &wire.Problem{Code: wire.CodeMalformed, Detail: "the body was cut", Err: err}
	case len(body) == 0:
		return nil, wire.Problemf(wire.CodeMalformed, "the request has no body")
	}
	return body, nil
}

// decodeJSON reads a body into v, a pointer to a struct or slice. It refuses a key that is there twice, a member that v does not
// have under exactly that name, and what is of another type.
func decodeJSON(body []byte, v any) error {
	canonical, err := wire.Canonical(body)
	if err != nil {
		return err
	}
	var doc any
	if err := json.Unmarshal(canonical, &doc); err != nil {
		return wire.Problemf(wire.CodeMalformed, "the body is not JSON")
	}
	if err := exactMembers(doc, reflect.TypeOf(v), ""); err != nil {
		return err
	}
	err = json.Unmarshal(canonical, v)
	var wrong *json.UnmarshalTypeError
	switch {
	case errors.As(err, &wrong):
		return &wire.Problem{Code: wire.CodeMalformed, Detail: "the member " + wrong.Field + " is of the wrong type", Err: err}
	case err != nil:
		return &wire.Problem{Code: wire.CodeInvalid, Detail: "a member does not have the form that it must have", Err: err}
	}
	return nil
}

// exactMembers reports the first member that the type does not have. encoding/json alone would take "Name" for "name".
func exactMembers(doc any, t reflect.Type, at string) error {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if ownForm(t) {
		return nil
	}
	switch doc := doc.(type) {
	case map[string]any:
		for name, value := range doc {
			inner, known := memberOf(t, name)
			if !known {
				return wire.Problemf(wire.CodeMalformed, "the member %q is not known here", at+name)
			}
			if err := exactMembers(value, inner, at+name+"."); err != nil {
				return err
			}
		}
	case []any:
		if t.Kind() != reflect.Slice {
			return nil
		}
		for _, value := range doc {
			if err := exactMembers(value, t.Elem(), at); err != nil {
				return err
			}
		}
	}
	return nil
}

// ownForm reports whether a type reads its own JSON, so that its members are its own business.
func ownForm(t reflect.Type) bool {
	p := reflect.PointerTo(t)
	return t.Kind() == reflect.Interface || p.Implements(reflect.TypeFor[json.Unmarshaler]()) || p.Implements(reflect.TypeFor[encoding.TextUnmarshaler]())
}

// memberOf returns the type of a named member. One of the wrong shape altogether is left to the decoder, which says so.
func memberOf(t reflect.Type, name string) (reflect.Type, bool) {
	switch t.Kind() {
	case reflect.Map:
		return t.Elem(), true
	case reflect.Struct:
		for _, f := range reflect.VisibleFields(t) {
			tag, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			if !f.Anonymous && tag == name {
				return f.Type, true
			}
		}
		return nil, false
	default:
		return reflect.TypeFor[any](), true
	}
}

// writeJSON answers with a body that is JSON.
func writeJSON(w http.ResponseWriter, status int, body []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(body) // a client that left needs no answer
}
