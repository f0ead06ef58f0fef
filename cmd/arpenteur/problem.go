package main

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/arpenteur/arpenteur/clientsdk"
	"github.com/arpenteur/arpenteur/internal/apiclient"
	"github.com/arpenteur/arpenteur/internal/phrases"
	"github.com/arpenteur/arpenteur/server"
	"github.com/arpenteur/arpenteur/server/backup"
	"github.com/arpenteur/arpenteur/syncengine/store"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// problem is what went wrong, as a phrase of the catalogue.
type problem struct {
	class  class
	phrase string
	values []any // names and values of the phrase
	cause  error
}

// Error returns the key of the phrase and its values: people are shown the phrase itself.
func (p *problem) Error() string {
	text := fmt.Sprint(append([]any{p.phrase, " "}, p.values...)...)
	if p.cause != nil {
		text += ": " + p.cause.Error()
	}
	return text
}

// Unwrap returns the cause.
func (p *problem) Unwrap() error { return p.cause }

// failed returns a problem of a class.
func failed(c class, phrase string, values ...any) *problem {
	return &problem{class: c, phrase: phrase, values: values}
}

// because gives a problem its cause, which is shown as detail.
func (p *problem) because(err error) *problem {
	p.cause = err
	return p
}

// explanation says an error of another package in a person's words.
type explanation struct {
	err    error
	class  class
	phrase string
}

// explanationOf finds the explanation of an error. Wider errors stand after narrower ones.
func explanationOf(err error) *explanation {
	for _, e := range []explanation{
		{clientsdk.ErrNotEnrolled, classRefused, "error.not_enrolled"},
		{clientsdk.ErrEnrolled, classRefused, "error.enrolled"},
		{clientsdk.ErrNoLedger, classUnknown, "error.no_ledger"},
		{clientsdk.ErrNoRecord, classUnknown, "error.no_record"},
		{clientsdk.ErrNoPhoto, classUnknown, "error.no_photo"},
		{clientsdk.ErrNothing, classUsage, "error.nothing"},
		{clientsdk.ErrClosed, classOther, "error.draft_closed"},
		{apiclient.ErrUnreachable, classNetwork, "error.unreachable"},
		{apiclient.ErrCut, classNetwork, "error.cut"},
		{apiclient.ErrNotOurs, classOther, "error.not_server"},
		{backup.ErrNone, classUnknown, "error.no_backup"},
		{backup.ErrNewer, classStore, "error.newer"},
		{backup.ErrDamaged, classVerified, "error.bad_backup"},
		{server.ErrSecret, classStore, "error.secret"},
		{store.ErrSealed, classRefused, "error.sealed"},
		{store.ErrLocked, classStore, "error.locked"},
		{store.ErrFull, classStore, "error.full"},
		{store.ErrNewer, classStore, "error.newer"},
		{store.ErrNotOurs, classStore, "error.not_ours"},
		{store.ErrCorrupt, classStore, "error.corrupt"},
	} {
		if errors.Is(err, e.err) {
			return &e
		}
	}
	return nil
}

// failure is an error as a script reads it.
type failure struct {
	Class   class  `json:"class"`
	Exit    int    `json:"exit"`
	Code    string `json:"code,omitempty"` // of the protocol
	Message string `json:"message"`
	Detail  string `json:"detail,omitempty"`
}

// report shows an error and returns the exit code.
func (p *program) report(err error) int {
	if own := photoProblem(err); own != nil {
		err = own
	}
	f := p.explain(err)
	if p.json {
		raw, _ := json.Marshal(map[string]failure{"error": f})
		writeLine(p.err, string(raw))
		return f.Exit
	}
	writeLine(p.err, p.say.Say("error.line", "message", f.Message))
	if f.Detail != "" {
		writeLine(p.err, p.say.Say("error.detail", "detail", f.Detail))
	}
	return f.Exit
}

// explain puts an error into words: what happened, what to do, and codes and causes as detail.
func (p *program) explain(err error) failure {
	c := classOf(err)
	f := failure{Class: c, Exit: c.exit(), Detail: err.Error()}
	var own *problem
	var told *wire.Problem
	if errors.As(err, &told) {
		f.Code = string(told.Code)
	}
	switch e := explanationOf(err); {
	case errors.As(err, &own):
		f.Message = p.say.Say(own.phrase, own.values...)
		f.Detail = ""
		if own.cause != nil {
			f.Detail = own.cause.Error()
		}
	case e != nil:
		f.Message = p.say.Say(e.phrase)
	case told != nil:
		lang := p.wireLanguage()
		f.Message = p.say.Say("error.told", "title", told.Code.Title(lang), "action", told.Code.Action(lang))
	default:
		f.Message = p.say.Say("error." + string(c))
	}
	return f
}

// wireLanguage is the person's language, as the texts of codes know it.
func (p *program) wireLanguage() wire.Language {
	if p.say.Language() == phrases.French {
		return wire.French
	}
	return wire.English
}
