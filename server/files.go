package server

import (
	"cmp"
	"context"
	"errors"
	"io"
	"net/http"
	"slices"

	"github.com/google/uuid"

	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/store"
	"github.com/arpenteur/arpenteur/syncengine/wire"
	"github.com/arpenteur/arpenteur/syncengine/wire/file"
)

// fileView is what was taken of a file.
type fileView struct {
	Complete bool             `json:"complete"`         // the file was whole
	Code     wire.Code        `json:"code,omitempty"`   // why not
	Detail   string           `json:"detail,omitempty"` //
	Ledgers  []fileLedgerView `json:"ledgers"`          // those that the asker may see
}

// fileLedgerView is what was taken of one ledger.
type fileLedgerView struct {
	Ledger    syncengine.LedgerID `json:"ledger"`
	Lines     int                 `json:"lines"`     // that were new
	Photos    int                 `json:"photos"`    // that were new, and came whole
	Announced int                 `json:"announced"` // things heard of logs that are not here yet
	Remarks   []remarkView        `json:"remarks"`
}

// remarkView is what is remarked on a run or change.
type remarkView struct {
	Code    wire.Code            `json:"code"`
	Detail  string               `json:"detail"`
	Replica syncengine.ReplicaID `json:"replica,omitzero"`
	First   uint64               `json:"first,omitempty"`
	Change  syncengine.ChangeID  `json:"change,omitzero"`
}

// takeFile is POST /v1/files?upload=…: it takes in what tablets carry on a stick, from the body or as it was sent before. Everything in it that
// verifies is taken, whoever brings it; what is told of it covers what the asker may see (law L10). Of a file that is cut or damaged everything
// complete is taken. Asked again about a file that was sent before, it says the same.
func (s *Server) takeFile(c *call) error {
	id, err := uploadParameter(c.Request)
	if err != nil {
		return err
	}
	if id == uuid.Nil {
		if c.Header.Get("Content-Type") != file.MediaType {
			return wire.Problemf(wire.CodeInvalid, "send the file as %s", file.MediaType)
		}
		v, err := s.takeFrom(c, c.Body)
		if err != nil {
			return err
		}
		return c.answer(http.StatusOK, v)
	}
	u, err := s.useUpload(c.who.Account, id)
	if err != nil {
		return err
	}
	defer u.release()
	if u.taken == nil {
		if u.taken, err = s.takeFrom(c, u.body()); err != nil {
			return err
		}
	}
	return c.answer(http.StatusOK, u.taken)
}

// takeFrom takes in a file, and returns what was taken.
func (s *Server) takeFrom(c *call, body io.Reader) (*fileView, error) {
	x, err := s.newImport(c.Context())
	if err != nil {
		return nil, err
	}
	opened, wrong := x.takeSections(c.Context(), body)
	var p *wire.Problem
	if wrong != nil && !errors.As(wrong, &p) {
		return nil, wrong
	}
	if opened == 0 {
		if wrong == nil {
			wrong = wire.Problemf(wire.CodeUnknownLedger, "nothing in the file is for this server")
		}
		return nil, wrong
	}
	if err := x.keepAnnounced(c.Context()); err != nil {
		return nil, err
	}
	v := &fileView{Complete: wrong == nil, Ledgers: []fileLedgerView{}}
	if p != nil {
		v.Code, v.Detail = p.Code, p.Detail
	}
	err = s.Store.Update(c.Context(), func(w store.Writer) error {
		if v.Ledgers, err = x.viewTaken(w, c.who); err != nil {
			return err
		}
		return s.audit(w, c.who.Account, auditStick, "")
	})
	if err != nil {
		return nil, err
	}
	return v, nil
}

// newImport returns an exchange with nobody: a file may bring any ledger of this server.
func (s *Server) newImport(ctx context.Context) (*exchange, error) {
	x := &exchange{s: s, fresh: map[syncengine.LedgerID]int{}, ledgers: map[syncengine.LedgerID]held{}}
	x.photos = &filePhotos{s: s, remark: x.remark, arrived: map[syncengine.LedgerID]int{}}
	err := s.Store.View(ctx, func(r store.Reader) error {
		return each(r, spaceLedgers, nil, func(key []byte, e *ledgerEntry) (bool, error) {
			id := syncengine.LedgerID{Hash: syncengine.Hash(key)}
			x.ledgers[id] = held{id, e.Number, wire.AccessFull}
			return true, nil
		})
	})
	return x, err
}

// takeSections takes section after section, and returns how many of them the authority's key opened and the first thing that was wrong.
func (x *exchange) takeSections(ctx context.Context, body io.Reader) (opened int, wrong error) {
	sections := file.NewReader(body)
	for {
		s, err := sections.Next()
		if errors.Is(err, io.EOF) {
			return opened, wrong
		}
		if err != nil {
			return opened, cmp.Or(wrong, err)
		}
		section, err := s.Open(x.s.authorityKeys()...)
		switch {
		case errors.Is(err, file.ErrNotForUs):
			continue
		case err == nil:
			opened++
			err = x.takeSection(ctx, section)
		}
		var p *wire.Problem
		if err != nil && !errors.As(err, &p) {
			return opened, err
		}
		wrong = cmp.Or(wrong, err)
	}
}

// takeSection takes one section as the body of a request.
func (x *exchange) takeSection(ctx context.Context, body io.Reader) error {
	x.hello, x.have, x.cut, x.wants = nil, map[syncengine.LedgerID]syncengine.VersionVector{}, nil, nil
	x.pushed = map[logName]syncengine.Head{}
	err := x.take(ctx, body, file.Limits())
	var p *wire.Problem
	if err != nil && (x.cut == nil || !errors.As(err, &p)) {
		return err
	}
	switch code := file.CodeOf(x.cut); code {
	case "":
		return nil
	case wire.CodeDamaged:
		return wire.Problemf(code, "a section of the file is damaged; what came before was taken")
	default:
		return wire.Problemf(code, "the file ends before its time; what is whole was taken")
	}
}

// viewTaken returns what was taken of the ledgers that a person may see.
func (x *exchange) viewTaken(r store.Reader, who *Person) ([]fileLedgerView, error) {
	byLedger := map[syncengine.LedgerID]*fileLedgerView{}
	at := func(id syncengine.LedgerID) (*fileLedgerView, error) {
		if v, known := byLedger[id]; known {
			return v, nil
		}
		var e ledgerEntry
		found, err := get(r, spaceLedgers, id.Hash[:], &e)
		if err != nil || !found || !who.sees(&e) {
			byLedger[id] = nil
			return nil, err
		}
		byLedger[id] = &fileLedgerView{Ledger: id, Remarks: []remarkView{}}
		return byLedger[id], nil
	}
	err := x.eachTaken(func(id syncengine.LedgerID, change func(v *fileLedgerView)) error {
		v, err := at(id)
		if v != nil {
			change(v)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	out := []fileLedgerView{}
	for _, v := range byLedger {
		if v != nil {
			out = append(out, *v)
		}
	}
	slices.SortFunc(out, func(a, b fileLedgerView) int { return a.Ledger.Compare(b.Ledger.Hash) })
	return out, nil
}

// eachTaken calls note with everything that there is to be told of a ledger.
func (x *exchange) eachTaken(note func(id syncengine.LedgerID, change func(v *fileLedgerView)) error) error {
	for id, lines := range x.fresh {
		if err := note(id, func(v *fileLedgerView) { v.Lines = lines }); err != nil {
			return err
		}
	}
	for id, n := range x.photos.arrived {
		if err := note(id, func(v *fileLedgerView) { v.Photos = n }); err != nil {
			return err
		}
	}
	for _, f := range x.announced {
		if err := note(f.Ledger, func(v *fileLedgerView) { v.Announced++ }); err != nil {
			return err
		}
	}
	for _, m := range x.remarks {
		remark := remarkView{m.Code, m.Detail, m.Replica, m.First, m.Change}
		if err := note(m.Ledger, func(v *fileLedgerView) { v.Remarks = append(v.Remarks, remark) }); err != nil {
			return err
		}
	}
	return nil
}
