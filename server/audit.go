package server

import (
	"encoding/binary"
	"net/http"
	"strconv"

	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/store"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// auditAct names an administrative act. Rulings, publications and edits are not among them: their ledger says who made them.
type auditAct string

// The acts.
const (
	auditToken     auditAct = "token made"
	auditTokenEnd  auditAct = "token revoked"
	auditTicket    auditAct = "ticket made"
	auditOrder     auditAct = "diagnostic ordered"
	auditGrant     auditAct = "ledgers granted"
	auditRevoke    auditAct = "tablet revoked"
	auditEnrol     auditAct = "tablet enrolled"
	auditSuccessor auditAct = "replica succeeded"
	auditImport    auditAct = "file imported"
	auditStick     auditAct = "file of ledgers taken in"
	// auditIncarnation is that the authority went on as a new incarnation, after its store had been restored.
	auditIncarnation auditAct = "authority succeeded"
	auditBackup      auditAct = "backup made"
	auditHook        auditAct = "webhook made"
	auditHookResume  auditAct = "webhook resumed"
	auditHookEnd     auditAct = "webhook deleted"
	auditHookOff     auditAct = "webhook ended" // by the server, with the reason behind its id
)

// auditEntry is one line of the audit trail. About names what the act was about by its id; nothing of a person is in it.
type auditEntry struct {
	Number  uint64               `json:"number"` // from 1, without a gap
	Time    int64                `json:"time"`   // of the server, milliseconds since 1970 UTC
	Account syncengine.AccountID `json:"account"`
	Act     auditAct             `json:"act"`
	About   string               `json:"about"`
}

// auditPage is a page of the audit trail.
type auditPage struct {
	Entries []*auditEntry `json:"entries"`
	Next    string        `json:"next,omitempty" doc:"cursor of the page behind this one; left out on the last"`
}

// audit appends an act to the trail, in the transaction that does it. Entries are never changed or removed.
func (s *Server) audit(w store.Writer, who syncengine.AccountID, act auditAct, about string) error {
	e := auditEntry{Time: s.millis(), Account: who, Act: act, About: about}
	err := w.ScanBack(spaceAudit, syncengine.LedgerID{}, nil, nil, func(key, _ []byte) (bool, error) {
		e.Number = binary.BigEndian.Uint64(key)
		return false, nil
	})
	if err != nil {
		return err
	}
	e.Number++
	return put(w, spaceAudit, binary.BigEndian.AppendUint64(nil, e.Number), e)
}

// listAudit is GET /v1/audit: the trail from the newest entry back, page by page. Acts are told to whoever may read the trail, whatever
// diagnostics are open to them: it names accounts, tablets and ids alone.
func (s *Server) listAudit(c *call) error {
	before, limit := []byte(nil), defaultPage
	for name, values := range c.URL.Query() {
		n, err := strconv.ParseUint(values[0], 10, 63)
		switch {
		case name == "cursor" && err == nil:
			before = binary.BigEndian.AppendUint64(nil, n)
		case name == "limit" && err == nil && n >= 1 && n <= maxPage:
			limit = int(n) //nolint:gosec // at most maxPage
		default:
			return wire.Problemf(wire.CodeInvalid, "the parameter %q is not known here, or its value is not acceptable", name)
		}
	}
	list := []*auditEntry{}
	next := ""
	err := s.Store.View(c.Context(), func(r store.Reader) error {
		list, next = list[:0], ""
		return r.ScanBack(spaceAudit, syncengine.LedgerID{}, nil, before, func(_, raw []byte) (bool, error) {
			if len(list) == limit {
				next = strconv.FormatUint(list[limit-1].Number, 10)
				return false, nil
			}
			e := new(auditEntry)
			list = append(list, e)
			return true, unmarshal(spaceAudit, raw, e)
		})
	})
	if err != nil {
		return err
	}
	return c.answer(http.StatusOK, auditPage{list, next})
}
