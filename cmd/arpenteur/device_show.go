package main

import (
	"context"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/arpenteur/arpenteur/clientsdk"
	"github.com/arpenteur/arpenteur/schemas"
	"github.com/arpenteur/arpenteur/syncengine/ledger"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// statusView says where everything of a tablet is.
type statusView struct {
	Enrolled bool            `json:"enrolled"`
	Account  string          `json:"account,omitempty"`
	Name     string          `json:"name,omitempty"`
	Server   string          `json:"server,omitempty"`
	Mine     uint64          `json:"mine"`      // changes that the user made
	Received uint64          `json:"received"`  // of these, under a receipt of the server
	BackedUp uint64          `json:"backed_up"` // of these, in a verified backup
	ToSend   uint64          `json:"to_send"`
	Drafts   int             `json:"drafts"`
	Photos   photoCountsView `json:"photos"`
	Ledgers  []ledgerView    `json:"ledgers"`
}

// ledgerView is one ledger of a tablet.
type ledgerView struct {
	ID         string      `json:"id"`
	Access     wire.Access `json:"access"`
	Title      string      `json:"title,omitempty"` // of the diagnostic
	Restricted bool        `json:"restricted,omitempty"`
	Records    int         `json:"records"`
	Mine       uint64      `json:"mine"`
	Received   uint64      `json:"received"`
	BackedUp   uint64      `json:"backed_up"`
}

// deviceShow is `arpenteur device show`.
func (p *program) deviceShow(o *tabletOptions) *cobra.Command {
	return p.onTablet(o, "device.show", 0, func(ctx context.Context, t *tablet, _ []string) error {
		s, err := t.status(ctx)
		if err != nil {
			return err
		}
		if t.json {
			return writeJSON(t.out, s)
		}
		if !s.Enrolled {
			return clientsdk.ErrNotEnrolled
		}
		t.tell("device.show.who", "name", orDash(s.Name), "account", s.Account, "server", s.Server)
		t.tellSafety(s)
		rows := t.table("device.show.headings", "device.show.none")
		for _, l := range s.Ledgers {
			count := func(n uint64) string { return strconv.FormatUint(n, 10) }
			err := rows.row(l, short(l.ID), t.ledgerTitle(l), t.say.Say("access."+string(l.Access)), strconv.Itoa(l.Records), count(l.Mine), count(l.Received), count(l.BackedUp))
			if err != nil {
				return err
			}
		}
		return rows.end()
	})
}

func (t *tablet) ledgerTitle(l ledgerView) string {
	if l.Restricted {
		return t.say.Say("device.show.restricted")
	}
	return l.Title
}

// tellSafety says in words what is on the tablet, what the server has, and what is backed up.
func (t *tablet) tellSafety(s *statusView) {
	t.tell("device.safe.tablet", "n", s.Mine, "drafts", s.Drafts)
	switch {
	case s.Mine == 0:
	case s.ToSend > 0:
		t.tell("device.safe.to_send", "received", s.Received, "n", s.ToSend)
	case s.BackedUp >= s.Mine:
		t.tell("device.safe.backed_up", "n", s.BackedUp)
	default:
		t.tell("device.safe.received", "n", s.Received, "backed", s.BackedUp)
	}
	t.tellPhotos(&s.Photos)
}

// status gathers where everything is.
func (t *tablet) status(ctx context.Context) (*statusView, error) {
	s, err := t.c.Status(ctx)
	if err != nil {
		return nil, err
	}
	account, err := t.c.Account(ctx)
	if err != nil {
		return nil, err
	}
	out := &statusView{Enrolled: s.Enrolled, Account: string(account), Name: s.Name, Server: s.Server, Drafts: s.Drafts, Photos: photoCountsView(s.Photos), Ledgers: []ledgerView{}}
	for _, l := range s.Ledgers {
		v := ledgerView{ID: l.ID.String(), Access: l.Access, Records: l.Records, Mine: l.Mine, Received: l.Received, BackedUp: l.BackedUp}
		_, err := t.c.Checklist(ctx, l.ID, schemas.PublicSecurity)
		v.Restricted = err == nil
		if v.Title, err = t.diagnosticTitle(ctx, l); err != nil {
			return nil, err
		}
		out.Mine, out.Received, out.BackedUp = out.Mine+l.Mine, out.Received+l.Received, out.BackedUp+l.BackedUp
		out.Ledgers = append(out.Ledgers, v)
	}
	if out.Mine > out.Received {
		out.ToSend = out.Mine - out.Received
	}
	return out, nil
}

// diagnosticTitle returns what the diagnostic of a ledger is called, empty where the ledger does not say.
func (t *tablet) diagnosticTitle(ctx context.Context, l clientsdk.LedgerInfo) (title string, err error) {
	err = t.c.Records(ctx, l.ID, ledger.Filter{Kind: schemas.Diagnostic}, nil, func(r *clientsdk.Record) (bool, error) {
		title = shownText(r, "/title")
		return title == "", nil
	})
	return title, err
}

// tellSaved says what became of a commit, in words of where it is safe.
func (t *tablet) tellSaved(ctx context.Context) error {
	s, err := t.status(ctx)
	if err != nil || t.json {
		return err
	}
	t.tell("device.saved", "at", time.Now())
	if s.ToSend > 0 {
		t.tell("device.to_send", "n", s.ToSend)
	}
	return nil
}

// short is how people read an id.
func short(id string) string { return id[:min(len(id), 8)] }

func orDash(s string) string {
	if s == "" {
		return "–"
	}
	return s
}
