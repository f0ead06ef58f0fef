package server

import (
	"encoding/json"
	"net/http"
	"slices"

	"github.com/gorilla/mux"

	"github.com/arpenteur/arpenteur/schemas"
	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/ledger"
	"github.com/arpenteur/arpenteur/syncengine/store"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// checklistView is a checklist or record kind and its version in force.
type checklistView struct {
	Lineage    string                 `json:"lineage"`
	Kind       syncengine.Kind        `json:"kind"`
	Domain     string                 `json:"domain,omitempty"`
	Restricted bool                   `json:"restricted,omitempty"`
	Version    syncengine.VersionID   `json:"version"`
	Label      schemas.Text           `json:"label"`
	Versions   []syncengine.VersionID `json:"versions,omitempty"` // all that were published, oldest first
}

// checklistList is what is in force somewhere.
type checklistList struct {
	Checklists []checklistView `json:"checklists"`
}

func viewChecklist(v *schemas.Version) checklistView {
	c := v.Checklist
	return checklistView{Lineage: c.Lineage, Kind: c.Kind, Domain: c.Domain, Restricted: v.Restricted, Version: v.ID, Label: v.Label}
}

// listBuiltin is GET /v1/checklists: what comes with the program.
func (s *Server) listBuiltin(c *call) error {
	sources, err := schemas.Builtin()
	if err != nil {
		return err
	}
	list := make([]checklistView, 0, len(sources))
	for _, src := range sources {
		v, err := s.compiler.Compile(schemas.Identify(src.Content), src.Content)
		if err != nil {
			return err
		}
		list = append(list, viewChecklist(v))
	}
	return c.answer(http.StatusOK, checklistList{list})
}

// listChecklists is GET /v1/ledgers/{ledger}/checklists: what is in force in a ledger.
func (s *Server) listChecklists(c *call) error {
	var list []checklistView
	err := s.reading(c, func(l *reached) error {
		list = []checklistView{}
		for _, lineage := range l.Authority().Lineages() {
			current := s.current(l.Ledger, lineage)
			if current == nil {
				continue
			}
			v := viewChecklist(current)
			v.Versions = l.Authority().Versions(lineage)
			list = append(list, v)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return c.answer(http.StatusOK, checklistList{list})
}

// current returns the version in force of a lineage, nil where there is none or this program can't read it.
func (s *Server) current(l *ledger.Ledger, lineage string) *schemas.Version {
	list := l.Reading(lineage).Current()
	if list == nil {
		return nil
	}
	return s.compiler.Version(list.Version)
}

// showChecklist is GET /v1/ledgers/{ledger}/checklists/{version}: the content of a published version, as it was hashed.
func (s *Server) showChecklist(c *call) error {
	none := wire.Problemf(wire.CodeNotFound, "there is no such version in this ledger")
	h, err := syncengine.ParseHash(mux.Vars(c.Request)["version"])
	if err != nil || h.IsZero() {
		return none
	}
	var content []byte
	err = s.reading(c, func(l *reached) error {
		raw, err := l.Content(syncengine.VersionID{Hash: h})
		content = slices.Clone(raw)
		return err
	})
	if err != nil {
		return err
	}
	if content == nil {
		return none
	}
	writeJSON(c.w, http.StatusOK, content)
	return nil
}

// publication asks for a new version of a checklist.
type publication struct {
	Content json.RawMessage `json:"content"`
}

// publishChecklist is POST /v1/ledgers/{ledger}/checklists. Records are read by the new version at once; merging them anew, for their
// index, goes on in the background.
func (s *Server) publishChecklist(c *call) error {
	var o publication
	if err := c.body(&o); err != nil {
		return err
	}
	if len(o.Content) == 0 {
		return wire.Problemf(wire.CodeInvalid, "content must be the checklist")
	}
	var v checklistView
	err := s.writing(c, func(l *reached, w store.Writer) error {
		next, err := s.checkVersion(l, o.Content)
		if err != nil {
			return err
		}
		v = viewChecklist(next)
		if slices.Contains(l.Authority().Versions(v.Lineage), next.ID) { // in force already
			v.Versions = l.Authority().Versions(v.Lineage)
			return nil
		}
		edits, err := ledger.Publish(s.newID, c.who.Account, s.millis(), ledger.Publication{Version: next.ID, Lineage: v.Lineage, Content: o.Content})
		if err != nil {
			return err
		}
		if _, err := s.write(l.Ledger, edits...); err != nil {
			return err
		}
		if err := l.Settle(); err != nil {
			return err
		}
		v.Versions = l.Authority().Versions(v.Lineage)
		return noteRefresh(w, l.ID())
	})
	if err != nil {
		return err
	}
	s.Log.Info().Str("lineage", v.Lineage).Stringer("version", v.Version).Str("by", string(c.who.Account)).Msg("checklist published")
	s.refresher.wake()
	return c.answer(http.StatusCreated, v)
}

// checkVersion checks that content may be published in a ledger.
func (s *Server) checkVersion(l *reached, content []byte) (*schemas.Version, error) {
	var head struct {
		Words struct {
			Lineage string `json:"lineage"`
		} `json:"x-arpenteur"`
	}
	if err := json.Unmarshal(content, &head); err != nil {
		return nil, wire.Problemf(wire.CodeInvalid, "content must be a JSON object with a lineage under x-arpenteur")
	}
	lineage := head.Words.Lineage
	published := l.Authority().Versions(lineage)
	current := s.current(l.Ledger, lineage)
	if len(published) > 0 && (current == nil || current.ID != published[len(published)-1]) {
		return nil, wire.Problemf(wire.CodeInvalid, "the version in force was published by a newer program; update this one first")
	}
	if current != nil && current.ID == schemas.Identify(content) {
		return current, nil
	}
	next, err := s.compiler.CheckPublish(current, content)
	if err != nil {
		return nil, err
	}
	kind := next.Checklist.Kind
	switch {
	case next.Restricted && !l.entry.Restricted:
		return nil, wire.Problemf(wire.CodeInvalid, "a restricted checklist is published in restricted ledgers only")
	case l.entry.Restricted && (!schemas.InRestricted(kind) || kind == schemas.Observation && !next.Restricted):
		return nil, wire.Problemf(wire.CodeInvalid, "this checklist is published in the public ledger of the diagnostic")
	}
	return next, nil
}
