package server

import (
	"math"
	"net/http"
	"slices"
	"strconv"

	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/ledger"
	"github.com/arpenteur/arpenteur/syncengine/store"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// rulingOrder is a decision about one change.
type rulingOrder struct {
	Type   syncengine.RulingType `json:"type"` // refuse, release, void, redact or untimed
	Target syncengine.ChangeID   `json:"target"`
	Paths  []syncengine.Path     `json:"paths"`  // to redact
	Reason string                `json:"reason"` // needed but for untimed; tablets read it
}

// makeRuling is POST /v1/ledgers/{ledger}/rulings. Grants, revocations and publications have addresses of their own.
func (s *Server) makeRuling(c *call) error {
	var o rulingOrder
	if err := c.body(&o); err != nil {
		return err
	}
	if err := o.check(); err != nil {
		return err
	}
	var v *changeView
	err := s.writing(c, func(l *reached, w store.Writer) error {
		if err := o.fits(l); err != nil {
			return err
		}
		e, err := ledger.Rule(s.newID, c.who.Account, s.millis(), syncengine.Ruling{Type: o.Type, Target: o.Target, Paths: o.Paths}, o.Reason)
		if err != nil {
			return err
		}
		lines, err := s.write(l.Ledger, e)
		if err != nil {
			return err
		}
		if err := l.Settle(); err != nil {
			return err
		}
		if o.Type == syncengine.Redact {
			if err := noteErasure(w, s.millis()); err != nil {
				return err
			}
		}
		step, err := l.Change(lines[0].Change.ID)
		if err != nil {
			return err
		}
		v, err = newTeller(l).change(step)
		return err
	})
	if err != nil {
		return err
	}
	s.Log.Info().Str("type", string(o.Type)).Stringer("ruling", v.Change).Stringer("target", o.Target).Str("by", string(c.who.Account)).Msg("ruled")
	return c.answer(http.StatusCreated, v)
}

func (o *rulingOrder) check() error {
	switch o.Type {
	case syncengine.Refuse, syncengine.Release, syncengine.Void, syncengine.Redact:
		if o.Reason == "" {
			return wire.Problemf(wire.CodeInvalid, "a ruling of type %s needs a reason, which the author will read", o.Type)
		}
	case syncengine.Untimed:
	default:
		return wire.Problemf(wire.CodeInvalid, "type must be refuse, release, void, redact or untimed")
	}
	switch {
	case len(o.Reason) > maxReason:
		return wire.Problemf(wire.CodeInvalid, "the reason is longer than %d bytes", maxReason)
	case o.Target.IsZero():
		return wire.Problemf(wire.CodeInvalid, "target must be the id of a change")
	case o.Type == syncengine.Redact && len(o.Paths) == 0:
		return wire.Problemf(wire.CodeInvalid, "paths must name the values to erase")
	case o.Type != syncengine.Redact && len(o.Paths) > 0:
		return wire.Problemf(wire.CodeInvalid, "only redact takes paths")
	}
	slices.Sort(o.Paths)
	o.Paths = slices.Compact(o.Paths)
	return nil
}

// fits checks that the target is held and can be ruled on like this.
func (o *rulingOrder) fits(l *reached) error {
	c, err := l.Change(o.Target)
	if err != nil {
		return err
	}
	if c == nil {
		return errNoChange()
	}
	if c.Genesis != nil || c.Ruling != nil && (o.Type != syncengine.Redact || !slices.Equal(o.Paths, []syncengine.Path{syncengine.ReasonPath})) {
		return wire.Problemf(wire.CodeInvalid, "of a ruling only %s can be redacted", syncengine.ReasonPath)
	}
	for _, path := range o.Paths {
		if c.Write(path) == nil {
			return wire.Problemf(wire.CodeInvalid, "the change wrote nothing at %q", path)
		}
	}
	return nil
}

func errNoChange() error {
	return wire.Problemf(wire.CodeNotFound, "there is no such change in this ledger")
}

// rulingPage is a page of the authority's decisions.
type rulingPage struct {
	Rulings []*changeView `json:"rulings"`
	Next    string        `json:"next,omitempty" doc:"cursor of the page behind this one; left out on the last"`
}

// listRulings is GET /v1/ledgers/{ledger}/rulings: the authority's decisions in its log's order, from a sequence on, page by page.
func (s *Server) listRulings(c *call) error {
	after, limit, err := rulingsAsked(c)
	if err != nil {
		return err
	}
	var list []*changeView
	var next uint64
	err = s.reading(c, func(l *reached) (err error) {
		list, next, err = rulingsAfter(l, after, limit)
		return err
	})
	if err != nil {
		return err
	}
	page := rulingPage{Rulings: list}
	if next != 0 {
		page.Next = strconv.FormatUint(next, 10)
	}
	return c.answer(http.StatusOK, page)
}

func rulingsAsked(c *call) (after uint64, limit int, err error) {
	limit = defaultPage
	values := c.URL.Query()
	for name := range values {
		switch name {
		case "cursor":
			if after, err = strconv.ParseUint(values.Get(name), 10, 63); err != nil {
				return 0, 0, wire.Problemf(wire.CodeInvalid, "cursor is not one that this server gave; start from the first page")
			}
		case "limit":
			if limit, err = strconv.Atoi(values.Get(name)); err != nil || limit < 1 || limit > maxPage {
				return 0, 0, wire.Problemf(wire.CodeInvalid, "limit must be from 1 to %d", maxPage)
			}
		default:
			return 0, 0, wire.Problemf(wire.CodeInvalid, "the parameter %q is not known here", name)
		}
	}
	return after, limit, nil
}

// rulingsAfter returns up to limit rulings behind a sequence, and the sequence to go on behind, 0 where there are no more.
func rulingsAfter(l *reached, after uint64, limit int) (list []*changeView, next uint64, err error) {
	ids, err := l.Own(l.Authority().Current(), after, math.MaxUint64)
	if err != nil {
		return nil, 0, err
	}
	t := newTeller(l)
	list = []*changeView{}
	for i, id := range ids {
		step, err := l.Change(id)
		if err != nil {
			return nil, 0, err
		}
		if step == nil || step.Ruling == nil {
			continue
		}
		if len(list) == limit {
			return list, after + uint64(i), nil
		}
		v, err := t.change(step)
		if err != nil {
			return nil, 0, err
		}
		list = append(list, v)
	}
	return list, 0, nil
}
