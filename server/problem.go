package server

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"golang.org/x/text/language"

	"github.com/arpenteur/arpenteur/schemas"
	"github.com/arpenteur/arpenteur/syncengine/ledger"
	"github.com/arpenteur/arpenteur/syncengine/store"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// extended is a problem whose body tells more than the members that every problem has.
type extended struct {
	*wire.Problem
	members map[string]any
}

func (e *extended) Unwrap() error { return e.Problem }

// problemOf gives an error the code that the asker is told. What is no problem of the protocol stays a defect of the server.
func problemOf(err error) error {
	var p *wire.Problem
	var code wire.Code
	var large *http.MaxBytesError
	var content *schemas.ContentError
	switch {
	case errors.As(err, &p), errors.As(err, &code):
		return err
	case errors.As(err, &large):
		return &wire.Problem{Code: wire.CodeTooLarge, Detail: "the body is over its limit", Err: err}
	case errors.As(err, &content):
		return &extended{
			&wire.Problem{Code: wire.CodeInvalid, Detail: "the checklist is refused; see the problems", Err: err},
			map[string]any{"problems": content.Problems},
		}
	case errors.Is(err, ledger.ErrUnknownLedger):
		return errUnknownLedger(err)
	case errors.Is(err, store.ErrFull):
		return &wire.Problem{Code: wire.CodeFull, Err: err}
	case errors.Is(err, store.ErrTooLarge):
		return &wire.Problem{Code: wire.CodeTooLarge, Err: err}
	case errors.Is(err, store.ErrClosed), errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return &wire.Problem{Code: wire.CodeBusy, Err: err}
	}
	return err
}

// errUnknownLedger is the one answer about a ledger that is not there, and about one that is there but not for the asker (law L10).
func errUnknownLedger(cause error) error {
	return &wire.Problem{Code: wire.CodeUnknownLedger, Detail: "there is no such ledger", Err: cause}
}

// refuse answers a request with what is wrong. A defect of the server is told by its request id only, its detail goes to the log.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request, err error) {
	err = problemOf(err)
	code := wire.CodeOf(err)
	status := code.Status()
	if status == 0 || status == http.StatusInternalServerError {
		status = http.StatusInternalServerError
		id := traceOf(r).id
		s.Log.Error().Err(err).Str("request", id).Msg("request failed by a defect")
		err = &wire.Problem{Code: wire.CodeInternal, Detail: "request " + id}
	}
	if code == wire.CodeBusy {
		w.Header().Set("Retry-After", "5")
	}
	if status == http.StatusUnauthorized {
		w.Header().Add("WWW-Authenticate", `Bearer realm="arpenteur"`)
		w.Header().Add("WWW-Authenticate", wire.AuthorizationScheme)
	}
	s.writeProblem(w, r, status, err)
}

// writeProblem writes the body of a problem, in the language that the asker prefers.
func (s *Server) writeProblem(w http.ResponseWriter, r *http.Request, status int, err error) {
	traceOf(r).code = wire.CodeOf(err)
	spoken := languageOf(r)
	body := wire.AppendProblem(nil, err, spoken)
	var more *extended
	if errors.As(err, &more) {
		members, err := json.Marshal(more.members)
		if err == nil && len(members) > 2 {
			body = append(append(body[:len(body)-1], ','), members[1:]...)
		}
	}
	w.Header().Set("Content-Type", wire.ProblemMediaType)
	w.Header().Set("Content-Language", string(spoken))
	w.Header().Add("Vary", "Accept-Language")
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(body)
	}
}

// languageOf chooses between the languages that texts exist in.
func languageOf(r *http.Request) wire.Language {
	tags, _, err := language.ParseAcceptLanguage(r.Header.Get("Accept-Language"))
	if err != nil || len(tags) == 0 {
		return wire.English
	}
	if _, at, _ := language.NewMatcher([]language.Tag{language.English, language.French}).Match(tags...); at == 1 {
		return wire.French
	}
	return wire.English
}
