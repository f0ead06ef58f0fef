package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/arpenteur/arpenteur/internal/apiclient"
	"github.com/arpenteur/arpenteur/server"
	"github.com/arpenteur/arpenteur/server/backup"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// backupOrder asks the server for a backup.
type backupOrder struct {
	Folder        string `json:"folder"`
	Keep          int    `json:"keep"`
	PurgeRedacted bool   `json:"purge_redacted"`
}

// backupLine is one line of the server's answer.
type backupLine struct {
	Event string `json:"event"`
	backup.Progress
	Backup  json.RawMessage `json:"backup"`
	Code    wire.Code       `json:"code"`
	Message string          `json:"message"`
	Detail  string          `json:"detail"`
}

// adminBackup is `arpenteur admin backup`.
func (p *program) adminBackup(o *apiOptions) *cobra.Command {
	var q backupOrder
	c := p.onAPI(o, "admin.backup", 0, func(ctx context.Context, a *api, _ []string) error {
		err := need(q.Folder, "to", "ARPENTEUR_BACKUP_TO")
		if err != nil {
			return err
		}
		if q.Folder, err = filepath.Abs(q.Folder); err != nil {
			return err
		}
		answer, err := a.Ask(ctx, http.MethodPost, "/v1/backups", q)
		if err != nil {
			return err
		}
		defer answer.Body.Close()
		return p.showBackup(answer.Body)
	})
	f := c.Flags()
	f.StringVar(&q.Folder, "to", p.env("ARPENTEUR_BACKUP_TO"), p.say.Say("admin.backup.flag.to"))
	f.IntVar(&q.Keep, "keep", server.DefaultKeep, p.say.Say("admin.backup.flag.keep"))
	f.BoolVar(&q.PurgeRedacted, "purge-redacted", false, p.say.Say("admin.backup.flag.purge"))
	return c
}

// showBackup shows a backup while it is made, and what it is. A script gets what it is.
func (p *program) showBackup(body io.Reader) error {
	line := p.progress()
	defer line.end()
	var made json.RawMessage
	lines := json.NewDecoder(body)
	for {
		var l backupLine
		err := lines.Decode(&l)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("%w: %w", apiclient.ErrCut, err)
		}
		switch l.Event {
		case "progress":
			p.showProgress(line, l.Progress)
		case "end":
			made = l.Backup
		case "error":
			return &wire.Problem{Code: l.Code, Detail: l.Detail}
		}
	}
	line.end()
	if made == nil {
		return apiclient.ErrCut
	}
	var m backup.Result
	if err := json.Unmarshal(made, &m); err != nil {
		return err
	}
	return p.show(made, p.say.Say("admin.backup.made", "name", m.Name, "bytes", int(m.File.Size), "photos", m.Photos.Count, "new", m.NewPhotos,
		"seconds", fmt.Sprintf("%.1f", m.Seconds), "removed", len(m.Removed)))
}

// showProgress says how far a backup or restore is.
func (p *program) showProgress(line *progress, at backup.Progress) {
	values := []any{"done", int(at.Done), "percent", int(100 * at.Done / max(at.Total, 1))}
	if at.Total > 0 {
		line.at(p.say.Say("backup.stage."+string(at.Stage)+"_of", values...))
		return
	}
	line.at(p.say.Say("backup.stage."+string(at.Stage), values...))
}

// adminCompact is `arpenteur admin compact`.
func (p *program) adminCompact(o *apiOptions) *cobra.Command {
	return p.onAPI(o, "admin.compact", 0, func(ctx context.Context, a *api, _ []string) error {
		type compacted struct {
			Seconds float64 `json:"seconds"`
		}
		return post(ctx, p, a, "/v1/compactions", nil, func(v compacted) string {
			return p.say.Say("admin.compact.done", "seconds", fmt.Sprintf("%.1f", v.Seconds))
		})
	})
}
