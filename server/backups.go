package server

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"path/filepath"
	"time"

	"github.com/arpenteur/arpenteur/server/backup"
	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/store"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// BackupPlan says which backups the server makes by itself. The zero plan is none.
type BackupPlan struct {
	Folder string
	Every  time.Duration // from the beginning of one to that of the next; what was due while the server did not run is made at once
	backup.Retention
}

// backupRest is how long the server waits at least after a backup that failed.
const backupRest = 10 * time.Minute

// Backup makes a backup in a folder, and verifies it: see backup.Run. One at a time is made; a second is refused as busy.
func (s *Server) Backup(ctx context.Context, by syncengine.AccountID, folder string, keep backup.Retention, progress func(backup.Progress)) (*backup.Result, error) {
	source, ok := s.Store.(backup.Source)
	if !ok {
		return nil, wire.Problemf(wire.CodeInvalid, "this server's store is backed up by means of its own database")
	}
	select {
	case s.backingUp <- struct{}{}:
		defer func() { <-s.backingUp }()
	default:
		return nil, wire.Problemf(wire.CodeBusy, "a backup is being made already")
	}
	out, err := backup.Run(ctx, backup.Options{
		Store: source, Photos: s.Options.Photos, Folder: folder, Root: s.Secret.RootKey(), Program: s.Version, Retention: keep, Now: s.Now,
		Redacted: func(r store.Reader) (int64, error) {
			e, err := readErasure(r)
			return e.Last, err
		},
		Saved: func(ctx context.Context, ledger syncengine.LedgerID, arrival uint64) error {
			_, err := s.PhotosSaved(ctx, ledger, arrival)
			return err
		},
		Progress: progress,
	})
	if out == nil {
		s.metrics.backupsFailed.Inc()
		return nil, err
	}
	s.Log.Info().Str("backup", out.Name).Int64("bytes", out.File.Size).Float64("seconds", out.Seconds).Int("photos", out.NewPhotos).
		Int("removed", len(out.Removed)).Msg("backup made and verified")
	return out, errors.Join(err, s.Store.Update(ctx, func(w store.Writer) error { return s.audit(w, by, auditBackup, out.Name) }))
}

// compactor is a store whose file can be written anew while it is in use.
type compactor interface {
	Compact(ctx context.Context) error
}

// Compact writes the store's file anew, so that nothing redacted before is left in it (law L9). Reading and writing go on meanwhile. A store
// that keeps nothing of what is deleted, or takes care of that itself, is left as it is.
func (s *Server) Compact(ctx context.Context) error {
	file, ok := s.Store.(compactor)
	if !ok {
		return nil
	}
	begun, err := erasureOf(ctx, s.Store)
	if err != nil {
		return err
	}
	if err := file.Compact(ctx); err != nil {
		return err
	}
	s.metrics.compactions.Inc()
	return erased(ctx, s.Store, begun)
}

// Maintain does what is due of the server's own upkeep: it compacts the store some time after a redaction, so that several go together, and
// makes the backups of its plan. The server does this by itself every minute while it runs.
func (s *Server) Maintain(ctx context.Context) error {
	if err := s.compactIfDue(ctx); err != nil && ctx.Err() == nil {
		s.Log.Error().Err(err).Msg("the store could not be compacted after a redaction: what was redacted may still be in free pages of its file")
	}
	if err := s.backupIfDue(ctx); err != nil && ctx.Err() == nil {
		s.Log.Error().Err(err).Msg("no backup could be made; it will be tried again")
	}
	return nil
}

func (s *Server) compactIfDue(ctx context.Context) error {
	since, err := ErasureSince(ctx, s.Store)
	if err != nil || since.IsZero() || s.Now().Sub(since) < s.CompactAfter {
		return err
	}
	if err := s.Compact(ctx); err != nil {
		return err
	}
	s.Log.Info().Msg("store compacted after redactions")
	return nil
}

func (s *Server) backupIfDue(ctx context.Context) error {
	plan, now := s.Options.Backup, s.Now()
	if plan.Folder == "" || plan.Every <= 0 || now.Sub(s.backupFailed) < min(backupRest, plan.Every) {
		return nil
	}
	newest, err := s.newestBackup(ctx)
	if err != nil {
		return err
	}
	// A clock that was set back must not put backups off.
	if age := now.Sub(time.UnixMilli(newest.Made)); newest.Number > 0 && age >= 0 && age < plan.Every {
		return nil
	}
	_, err = s.Backup(ctx, serverAccount, plan.Folder, plan.Retention, nil)
	if err != nil {
		s.backupFailed = now
	}
	return err
}

func (s *Server) newestBackup(ctx context.Context) (newest backup.Watermark, err error) {
	err = s.Store.View(ctx, func(r store.Reader) (err error) {
		newest, err = backup.Newest(r)
		return err
	})
	return newest, err
}

// backupOrder asks for a backup.
type backupOrder struct {
	Folder        string `json:"folder" doc:"absolute path on the server's machine"`
	Keep          int    `json:"keep,omitempty" doc:"how many backups are kept; 7 if left out"`
	PurgeRedacted bool   `json:"purge_redacted,omitempty" doc:"remove those that were made before the last redaction"`
}

// DefaultKeep is how many backups are kept where nobody says how many.
const DefaultKeep = 7

// backupLine is one line of the answer.
type backupLine struct {
	Event   string         `json:"event" doc:"progress, end or error"`
	Stage   backup.Stage   `json:"stage,omitempty"`
	Done    int64          `json:"done,omitempty"`
	Total   int64          `json:"total,omitempty"`
	Backup  *backup.Result `json:"backup,omitempty"`
	Code    string         `json:"code,omitempty"`
	Message string         `json:"message,omitempty"`
	Detail  string         `json:"detail,omitempty"`
}

// makeBackup is POST /v1/backups, for the machine's own command line: the folder is one of the machine.
func (s *Server) makeBackup(c *call) error {
	var o backupOrder
	if err := c.body(&o); err != nil {
		return err
	}
	if !filepath.IsAbs(o.Folder) {
		return wire.Problemf(wire.CodeInvalid, "folder must be an absolute path")
	}
	if o.Keep < 0 {
		return wire.Problemf(wire.CodeInvalid, "keep must be a number from 1")
	}
	if o.Keep == 0 {
		o.Keep = DefaultKeep
	}
	out := &backupWriter{c: c}
	made, err := s.Backup(c.Context(), c.who.Account, o.Folder, backup.Retention{Keep: o.Keep, PurgeRedacted: o.PurgeRedacted}, out.progress)
	if made != nil {
		out.line(&backupLine{Event: "end", Backup: made})
	}
	if err == nil {
		return nil
	}
	err = backupProblem(err)
	if !out.begun {
		return err
	}
	code, lang := wire.CodeOf(problemOf(err)), languageOf(c.Request)
	out.line(&backupLine{Event: "error", Code: string(code), Message: code.Title(lang) + " – " + code.Action(lang), Detail: err.Error()})
	return nil
}

// backupProblem gives an error of a backup its code.
func backupProblem(err error) error {
	switch {
	case errors.Is(err, backup.ErrOthers), errors.Is(err, backup.ErrOwn), errors.Is(err, backup.ErrNewer):
		return &wire.Problem{Code: wire.CodeInvalid, Detail: err.Error(), Err: err}
	case errors.Is(err, store.ErrCorrupt), errors.Is(err, backup.ErrDamaged):
		return &wire.Problem{Code: wire.CodeInternal, Detail: err.Error(), Err: err}
	}
	return err
}

// backupWriter writes the answer, a line of JSON for each thing to tell. It begins with the first one.
type backupWriter struct {
	c     *call
	begun bool
	last  backup.Progress
}

// progress tells how far the backup is, when a percent more is done.
func (w *backupWriter) progress(p backup.Progress) {
	step := max(p.Total/100, 1000)
	if p.Stage == w.last.Stage && p.Done < w.last.Done+step && p.Done != p.Total {
		return
	}
	w.last = p
	w.line(&backupLine{Event: "progress", Stage: p.Stage, Done: p.Done, Total: p.Total})
}

func (w *backupWriter) line(l *backupLine) {
	if !w.begun {
		w.begun = true
		w.c.w.Header().Set("Content-Type", linesMedia)
		w.c.w.WriteHeader(http.StatusOK)
	}
	// Whoever asked may be gone; the request's context tells the backup.
	_ = json.NewEncoder(w.c.w).Encode(l)
	_ = http.NewResponseController(w.c.w).Flush()
}

// compactStore is POST /v1/compactions.
func (s *Server) compactStore(c *call) error {
	start := s.Now()
	if err := s.Compact(c.Context()); err != nil {
		return err
	}
	s.Log.Info().Str("by", string(c.who.Account)).Msg("store compacted")
	return c.answer(http.StatusOK, compaction{Seconds: s.Now().Sub(start).Seconds()})
}

// compaction is the answer when the store was compacted.
type compaction struct {
	Seconds float64 `json:"seconds"`
}
