package main

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"github.com/arpenteur/arpenteur/clientsdk"
	"github.com/arpenteur/arpenteur/internal/phrases"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// syncView is what an exchange did, and where everything is after it.
type syncView struct {
	RoundTrips int          `json:"round_trips"`
	Sent       int          `json:"sent"`     // lines
	Received   int          `json:"arrived"`  // lines that were new here
	BytesUp    int64        `json:"bytes_up"` // of bodies
	BytesDown  int64        `json:"bytes_down"`
	Remarks    []remarkView `json:"remarks,omitempty"`
	Photos     int          `json:"photos_sent"`
	Resumed    int          `json:"photos_resumed"` // of these, sent on from where an exchange was cut
	PhotoBytes int64        `json:"photo_bytes"`
	SetAside   []photoAside `json:"photos_set_aside,omitempty"`
	Status     *statusView  `json:"status"`
}

// photoAside is a photo that was set aside, and why.
type photoAside struct {
	Ledger string    `json:"ledger"`
	Hash   string    `json:"hash"`
	Code   wire.Code `json:"code"`
	Detail string    `json:"detail,omitempty"`
}

// remarkView is what the server said of a run or change.
type remarkView struct {
	Code   wire.Code `json:"code"`
	Detail string    `json:"detail,omitempty"`
	Ledger string    `json:"ledger,omitempty"`
	Change string    `json:"change,omitempty"`
}

// deviceSync is `arpenteur device sync`.
func (p *program) deviceSync(o *tabletOptions) *cobra.Command {
	var watch bool
	c := p.onTablet(o, "device.sync", 0, func(ctx context.Context, t *tablet, _ []string) error {
		if watch {
			return t.watch(ctx)
		}
		return t.sync(ctx)
	})
	c.Flags().BoolVar(&watch, "watch", false, p.say.Say("device.sync.flag.watch"))
	return c
}

// sync exchanges once. An exchange that fails says what is still to be sent: nothing of it is lost.
func (t *tablet) sync(ctx context.Context) error {
	line := t.progress()
	line.at(t.say.Say("device.sync.progress"))
	report, err := t.c.Sync(ctx)
	line.end()
	if err != nil {
		return t.interrupted(ctx, err)
	}
	status, err := t.status(ctx)
	if err != nil {
		return err
	}
	v := syncView{
		RoundTrips: report.RoundTrips, Sent: report.Sent, Received: report.Received, BytesUp: report.BytesUp, BytesDown: report.BytesDown,
		Remarks: remarksOf(report), Photos: report.PhotosSent, Resumed: report.PhotosResumed, PhotoBytes: report.PhotoBytes, Status: status,
	}
	for _, a := range report.PhotoProblems {
		v.SetAside = append(v.SetAside, photoAside{a.Ledger.String(), a.Hash.String(), a.Code, a.Detail})
	}
	if t.json {
		return writeJSON(t.out, v)
	}
	t.tell("device.sync.done", "at", time.Now(), "arrived", v.Received, "trips", v.RoundTrips, "up", phrases.Bytes(v.BytesUp), "down", phrases.Bytes(v.BytesDown))
	t.tellRemarks(report.Remarks)
	for _, a := range v.SetAside {
		t.tell("device.sync.photo_aside", "hash", short(a.Hash), "code", string(a.Code), "detail", a.Detail)
	}
	t.tellSafety(status)
	return nil
}

// interrupted says what a failed exchange leaves to be sent, where the failure is the network's.
func (t *tablet) interrupted(ctx context.Context, err error) error {
	if ctx.Err() != nil || classOf(err) != classNetwork {
		return err
	}
	status, failing := t.status(ctx)
	if failing != nil {
		return errors.Join(err, failing)
	}
	return failed(classNetwork, "device.sync.cut", "at", time.Now(), "n", status.ToSend, "photos", status.Photos.ToSend).because(err)
}

func remarksOf(r *clientsdk.Report) []remarkView {
	var out []remarkView
	for _, m := range r.Remarks {
		v := remarkView{Code: m.Code, Detail: m.Detail}
		if !m.Ledger.IsZero() {
			v.Ledger = m.Ledger.String()
		}
		if !m.Change.IsZero() {
			v.Change = m.Change.String()
		}
		out = append(out, v)
	}
	return out
}

func (t *tablet) tellRemarks(list []wire.Remark) {
	lang := t.wireLanguage()
	said := map[string]bool{} // several changes of one record may be remarked on in the same words
	for _, m := range list {
		key := string(m.Code) + m.Detail
		if said[key] {
			continue
		}
		said[key] = true
		t.tell("device.sync.remark", "title", m.Code.Title(lang), "action", m.Code.Action(lang), "detail", m.Detail)
	}
}

// watch exchanges whenever there is something to exchange, until it is told to stop, and says what happens.
func (t *tablet) watch(ctx context.Context) error {
	events := t.c.Watch(ctx)
	done := make(chan error, 1)
	go func() { done <- t.c.Run(ctx) }()
	t.tell("device.sync.watching")
	for e := range events {
		if err := t.tellEvent(ctx, e); err != nil {
			return err
		}
	}
	if err := <-done; ctx.Err() == nil {
		return err
	}
	return nil // it was told to stop
}

// eventView is one thing that happened while watching.
type eventView struct {
	Event  clientsdk.EventType `json:"event"`
	Ledger string              `json:"ledger,omitempty"`
	Record string              `json:"record,omitempty"`
	Error  string              `json:"error,omitempty"`
	Status *statusView         `json:"status,omitempty"`
}

func (t *tablet) tellEvent(ctx context.Context, e clientsdk.Event) error {
	v := eventView{Event: e.Type}
	if !e.Ledger.IsZero() {
		v.Ledger = e.Ledger.String()
	}
	if e.Record.Kind != "" {
		v.Record = e.Record.ID.String()
	}
	if e.Err != nil {
		v.Error = e.Err.Error()
	}
	if e.Type == clientsdk.Synced {
		var err error
		if v.Status, err = t.status(ctx); err != nil {
			return err
		}
	}
	switch {
	case t.json:
		return writeJSON(t.out, v)
	case e.Type == clientsdk.Synced:
		t.tell("device.sync.synced", "at", time.Now())
		t.tellSafety(v.Status)
	case e.Type == clientsdk.Moved:
		t.tell("device.sync.moved", "at", time.Now(), "ledger", short(v.Ledger))
	case e.Type == clientsdk.Failed:
		t.tell("device.sync.failed", "at", time.Now(), "message", t.explain(e.Err).Message)
	}
	return nil
}
