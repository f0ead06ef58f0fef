package server

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"github.com/google/uuid"
	"github.com/gorilla/mux"

	"github.com/arpenteur/arpenteur/internal/openapi"
	"github.com/arpenteur/arpenteur/schemas"
	"github.com/arpenteur/arpenteur/server/webhooks"
	"github.com/arpenteur/arpenteur/syncengine/store"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// hookOrder asks for a webhook.
type hookOrder struct {
	URL         string               `json:"url" required:"true"`
	Events      []webhooks.EventType `json:"events" doc:"all where it is empty"`
	Diagnostics []uuid.UUID          `json:"diagnostics" doc:"all that are open to the token where it is empty"`
	Restricted  bool                 `json:"restricted" doc:"their restricted ledgers too, where those are open to the token"`
}

// newHook is the answer to a hookOrder: the only time that the secret is told.
type newHook struct {
	webhooks.Hook
	Secret string `json:"secret" doc:"whsec_ and base64: the key of the signatures"`
}

// hookList is the webhooks that an asker manages.
type hookList struct {
	Webhooks []*webhooks.Hook `json:"webhooks"`
}

// hookRoutes are about what other programs are told.
func hookRoutes() []route {
	does := openapi.Does
	return []route{
		{
			"GET", "/v1/webhooks", actManageHooks, (*Server).listHooks,
			does("Webhooks, and how their deliveries go").Detail("One's own; administrators get everybody's.").Answers(200, hookList{}),
		},
		{
			"POST", "/v1/webhooks", actMakeHook, (*Server).makeHook,
			does("Have another program told of what moves from now on").
				Detail("Messages are those under `webhooks` in this document, signed as Standard Webhooks 1.0 has it (`v1`, HMAC-SHA-256). They come at "+
					"least once, one after the other, and name what moved without what it holds. The webhook has the rights of the token that makes it, "+
					"and ends with that. The answer is the only time that the secret is told.").
				Takes(hookOrder{}).Answers(201, newHook{}),
		},
		{
			"DELETE", "/v1/webhooks/{id}", actManageHooks, (*Server).deleteHook,
			does("Delete a webhook, with what waits for it").Answers(204, nil),
		},
		{
			"POST", "/v1/webhooks/{id}/resume", actManageHooks, (*Server).resumeHook,
			does("Try again at once").Detail("A webhook that ended goes on where it was: nothing that moved meanwhile is left out.").
				Answers(200, webhooks.Hook{}),
		},
	}
}

// hookMessages describes what is sent to webhooks.
func hookMessages() []openapi.Message {
	message := func(e webhooks.EventType, summary string, data any) openapi.Message {
		return openapi.Message{Name: string(e), Summary: summary, Data: data}
	}
	return []openapi.Message{
		message(webhooks.RecordMerged, "A record moved: something was written, or what is written was judged anew", movedRecord{}),
		message(webhooks.ConflictOpened, "A record began to ask for a person's decision", movedRecord{}),
		message(webhooks.ConflictSettled, "A record no longer asks for a person's decision", movedRecord{}),
		message(webhooks.RulingMade, "The authority decided something", madeRuling{}),
		message(webhooks.LedgerChanged, "Any record may have moved: a tablet was revoked, a checklist published, or a log forked", movedLedger{}),
	}
}

// hookKeys gives webhooks their secrets.
func (s *Server) hookKeys() webhooks.Keys { return s.Secret.derive("webhooks") }

// makeHook is POST /v1/webhooks.
func (s *Server) makeHook(c *call) error {
	var o hookOrder
	if err := c.body(&o); err != nil {
		return err
	}
	id, err := s.newID()
	if err != nil {
		return err
	}
	h := webhooks.Hook{
		ID: id, Token: c.who.ID, Account: c.who.Account, URL: o.URL, Events: o.Events, Diagnostics: o.Diagnostics, Restricted: o.Restricted,
		Created: s.millis(),
	}
	if err := h.Check(s.Webhooks); err != nil {
		return err
	}
	if h.Restricted && !c.who.Restricted {
		return wire.Problemf(wire.CodeInvalid, "restricted ledgers are not open to this token")
	}
	b, err := s.hookBegins(c.Context(), &h, c.who)
	if err != nil {
		return err
	}
	err = s.Store.Update(c.Context(), func(w store.Writer) error {
		return errors.Join(webhooks.Add(w, &h, b), s.audit(w, c.who.Account, auditHook, h.ID.String()))
	})
	if err != nil {
		return err
	}
	s.hooks.Look()
	return c.answer(http.StatusCreated, newHook{h, s.hookKeys().Secret(h.ID)})
}

// hookBegins returns from where on a webhook is told, after a look at whether its diagnostics are open to its maker.
func (s *Server) hookBegins(ctx context.Context, h *webhooks.Hook, who *Person) (b *webhooks.Batch, err error) {
	err = s.Store.View(ctx, func(r store.Reader) (err error) {
		for _, id := range h.Diagnostics {
			if !who.covers(id) {
				return wire.Problemf(wire.CodeNotFound, "there is no such diagnostic")
			}
			if _, err := findDiagnostic(r, id); err != nil {
				return err
			}
		}
		b, err = hookSource{s}.begin(r, h, who)
		return err
	})
	return b, err
}

// managesAll reports whether somebody manages everybody's webhooks, and not only their own.
func (c *call) managesAll() bool {
	return c.who.Role == roleLocal || schemas.May(c.who.Role, schemas.ActOperate)
}

// listHooks is GET /v1/webhooks.
func (s *Server) listHooks(c *call) error {
	var list []*webhooks.Hook
	err := s.Store.View(c.Context(), func(r store.Reader) (err error) {
		list, err = webhooks.List(r)
		return err
	})
	if err != nil {
		return err
	}
	list = slices.DeleteFunc(list, func(h *webhooks.Hook) bool { return !c.managesAll() && h.Account != c.who.Account })
	return c.answer(http.StatusOK, hookList{list})
}

// onHook runs fn on the webhook that the address names. One that is not the asker's is answered like one that is not there.
func (s *Server) onHook(c *call, act auditAct, fn func(w store.Writer, h *webhooks.Hook) error) error {
	id, _ := parseUUID(mux.Vars(c.Request)["id"])
	err := s.Store.Update(c.Context(), func(w store.Writer) error {
		h, err := webhooks.Find(w, id)
		if err != nil {
			return err
		}
		if h == nil || !c.managesAll() && h.Account != c.who.Account {
			return wire.Problemf(wire.CodeNotFound, "there is no such webhook")
		}
		return errors.Join(fn(w, h), s.audit(w, c.who.Account, act, id.String()))
	})
	if err == nil {
		s.hooks.Look()
	}
	return err
}

// deleteHook is DELETE /v1/webhooks/{id}.
func (s *Server) deleteHook(c *call) error {
	err := s.onHook(c, auditHookEnd, func(w store.Writer, h *webhooks.Hook) error { return webhooks.Remove(w, h.ID) })
	if err != nil {
		return err
	}
	c.w.WriteHeader(http.StatusNoContent)
	return nil
}

// resumeHook is POST /v1/webhooks/{id}/resume.
func (s *Server) resumeHook(c *call) error {
	var resumed *webhooks.Hook
	err := s.onHook(c, auditHookResume, func(w store.Writer, h *webhooks.Hook) error {
		resumed = h
		return webhooks.Resume(w, h)
	})
	if err != nil {
		return err
	}
	return c.answer(http.StatusOK, resumed)
}
