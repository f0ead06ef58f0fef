package server

import (
	"encoding/json"
	"net/http"

	"github.com/gorilla/mux"

	"github.com/arpenteur/arpenteur/schemas"
	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/ledger"
)

// changeView is one change as people read it: who wrote what over what, and what became of it.
type changeView struct {
	Change    syncengine.ChangeID                       `json:"change"`
	Kind      syncengine.Kind                           `json:"kind"`
	Record    syncengine.RecordID                       `json:"record"`
	Author    syncengine.AccountID                      `json:"author"`
	Time      int64                                     `json:"time"` // the author's clock, milliseconds since 1970 UTC
	Untimed   bool                                      `json:"untimed,omitempty"`
	Version   syncengine.VersionID                      `json:"version"`
	Authority uint64                                    `json:"authority"` // how far its author held the authority's log
	Values    map[syncengine.Path]json.RawMessage       `json:"values,omitempty"`
	Erased    []syncengine.Path                         `json:"erased,omitempty"`
	Missing   []syncengine.Path                         `json:"missing,omitempty"` // values that are not held, though nothing withholds them
	Over      map[syncengine.Path][]syncengine.ChangeID `json:"over,omitempty"`
	Status    string                                    `json:"status"` // effective, pending, ineffective
	Reason    syncengine.Reason                         `json:"reason,omitempty"`
	Path      syncengine.Path                           `json:"path,omitempty"`
	Decision  *decisionView                             `json:"decision,omitempty"`
	Ruling    *rulingView                               `json:"ruling,omitempty"` // where the change is a ruling itself
	Envelopes []envelopeView                            `json:"envelopes"`
}

// history is every change of a record.
type history struct {
	Changes []*changeView `json:"changes"`
}

// decisionView is what rulings decided about a change.
type decisionView struct {
	Type   syncengine.RulingType `json:"type,omitempty"` // the last of refuse, void and release
	By     syncengine.ChangeID   `json:"by"`
	Reason string                `json:"reason,omitempty"`
}

// rulingView is what a ruling decides. The content of a published version is left out: it has its own address.
type rulingView struct {
	Type    syncengine.RulingType `json:"type"`
	Target  syncengine.ChangeID   `json:"target"`
	Paths   []syncengine.Path     `json:"paths,omitempty"`
	Replica syncengine.ReplicaID  `json:"replica"`
	Account syncengine.AccountID  `json:"account,omitempty"`
	Role    syncengine.Role       `json:"role,omitempty"`
	Kinds   []syncengine.Kind     `json:"kinds,omitempty"`
	Version syncengine.VersionID  `json:"version"`
	Lineage string                `json:"lineage,omitempty"`
	Cut     uint64                `json:"cut,omitempty"`
}

// envelopeView is one log that holds a change.
type envelopeView struct {
	Replica syncengine.ReplicaID `json:"replica"`
	Seq     uint64               `json:"seq"`
	tabletView
}

// tabletView says which tablet a replica is; nothing of the server itself.
type tabletView struct {
	Tablet string `json:"tablet,omitempty"`
	Server bool   `json:"server,omitempty"` // written on the server
}

// teller makes views of changes within one transaction, and remembers the names of tablets.
type teller struct {
	*reached
	tablets map[syncengine.ReplicaID]tabletView
}

func newTeller(l *reached) *teller { return &teller{l, map[syncengine.ReplicaID]tabletView{}} }

// tablet names the tablet that a replica is.
func (t *teller) tablet(id syncengine.ReplicaID) (tabletView, error) {
	if v, known := t.tablets[id]; known {
		return v, nil
	}
	v := tabletView{Server: t.Authority().IsAuthority(id)}
	if !v.Server {
		d, err := device(t.r, id)
		if err != nil {
			return v, err
		}
		if d != nil {
			v.Tablet = d.Name
		}
	}
	t.tablets[id] = v
	return v, nil
}

// statusText is how a status is told.
func statusText(s syncengine.Status) string {
	switch s {
	case syncengine.Pending:
		return "pending"
	case syncengine.Ineffective:
		return "ineffective"
	default:
		return "effective"
	}
}

// change makes the view of a change.
func (t *teller) change(c *ledger.Step) (*changeView, error) {
	v := &changeView{
		Change: c.ID, Kind: c.Kind, Record: c.Record, Author: c.Author, Time: c.Time, Untimed: c.Verdict.Untimed || c.Decision.Untimed,
		Version: c.Checklist, Authority: c.At.Seq, Status: statusText(c.Verdict.Status), Reason: c.Verdict.Reason, Path: c.Verdict.Path,
		Values: map[syncengine.Path]json.RawMessage{}, Over: map[syncengine.Path][]syncengine.ChangeID{},
	}
	for _, w := range c.Writes {
		switch {
		case w.Path == syncengine.ContentPath && c.Ruling != nil:
		case w.Value != "":
			v.Values[w.Path] = json.RawMessage(w.Value)
		case c.Decision.Erases(w.Path):
			v.Erased = append(v.Erased, w.Path)
		case !c.Decision.Withheld(w.Path):
			v.Missing = append(v.Missing, w.Path)
		}
		if len(w.Over) > 0 {
			v.Over[w.Path] = w.Over
		}
	}
	if d := c.Decision; d.Last != "" {
		v.Decision = &decisionView{Type: d.Last, By: d.By, Reason: c.Reason}
	}
	if r := c.Ruling; r != nil {
		v.Ruling = &rulingView{
			Type: r.Type, Target: r.Target, Paths: r.Paths, Replica: r.Replica, Account: r.Account, Role: r.Role, Kinds: r.Kinds,
			Version: r.Version, Lineage: r.Lineage, Cut: r.Cut.Seq,
		}
	}
	v.Envelopes = make([]envelopeView, 0, len(c.Envelopes))
	for _, e := range c.Envelopes {
		tablet, err := t.tablet(e.Replica)
		if err != nil {
			return nil, err
		}
		v.Envelopes = append(v.Envelopes, envelopeView{e.Replica, e.Seq, tablet})
	}
	return v, nil
}

// showHistory is GET …/records/{kind}/{id}/history: every change of the record, by author time, those without effect included.
func (s *Server) showHistory(c *call) error {
	key, err := c.recordKey()
	if err != nil {
		return err
	}
	var list []*changeView
	err = s.reading(c, func(l *reached) error {
		steps, err := l.History(key)
		if err != nil {
			return err
		}
		if len(steps) == 0 {
			return errNoRecord()
		}
		t := newTeller(l)
		list = make([]*changeView, 0, len(steps))
		for i := range steps {
			v, err := t.change(&steps[i])
			if err != nil {
				return err
			}
			list = append(list, v)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return c.answer(http.StatusOK, history{list})
}

// showChange is GET /v1/ledgers/{ledger}/changes/{id}.
func (s *Server) showChange(c *call) error {
	id, err := changeID(mux.Vars(c.Request)["id"])
	if err != nil {
		return err
	}
	var v *changeView
	err = s.reading(c, func(l *reached) error {
		step, err := l.Change(id)
		if err != nil {
			return err
		}
		if step == nil || step.Genesis == nil && step.Ruling == nil && !schemas.MayRead(c.who.Role, step.Kind) {
			return errNoChange()
		}
		v, err = newTeller(l).change(step)
		return err
	})
	if err != nil {
		return err
	}
	return c.answer(http.StatusOK, v)
}
