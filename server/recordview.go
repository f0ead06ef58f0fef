package server

import (
	"encoding/json"
	"net/http"
	"slices"

	"github.com/arpenteur/arpenteur/schemas"
	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/ledger"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// recordView is one merged record with everything that a person needs to trust, settle or edit it.
type recordView struct {
	*recordRow
	Title       string        `json:"title,omitempty"` // the checklist's name, in the reader's language
	Present     bool          `json:"present"`
	Fields      []fieldView   `json:"fields"`
	Photos      []photoView   `json:"photos,omitempty"`
	Pending     []*changeView `json:"pending,omitempty"`
	Ineffective []*changeView `json:"ineffective,omitempty"`
	Seen        string        `json:"seen,omitempty"` // to be sent back when the record is settled or edited
}

// fieldView is one register, with every survivor.
type fieldView struct {
	Path      syncengine.Path   `json:"path"`
	Label     string            `json:"label,omitempty"`
	Policy    syncengine.Policy `json:"policy,omitempty"`
	Rule      string            `json:"rule,omitempty"` // the policy in words
	Shown     json.RawMessage   `json:"shown"`
	Erased    bool              `json:"erased,omitempty"`
	Differs   bool              `json:"differs,omitempty"`
	Conflict  bool              `json:"conflict,omitempty"`
	Survivors []survivorView    `json:"survivors"`
}

// survivorView is one value that nobody replaced, and where it is from.
type survivorView struct {
	Change  syncengine.ChangeID  `json:"change"`
	Value   json.RawMessage      `json:"value"`
	Erased  bool                 `json:"erased,omitempty"`
	Author  syncengine.AccountID `json:"author"`
	Time    int64                `json:"time"` // the author's clock, milliseconds since 1970 UTC
	Untimed bool                 `json:"untimed,omitempty"`
	Replica syncengine.ReplicaID `json:"replica"`
	tabletView
}

// showRecord is GET /v1/ledgers/{ledger}/records/{kind}/{id}.
func (s *Server) showRecord(c *call) error {
	key, err := c.recordKey()
	if err != nil {
		return err
	}
	var v *recordView
	err = s.reading(c, func(l *reached) (err error) {
		v, err = s.viewRecord(c, l, key)
		return err
	})
	if err != nil {
		return err
	}
	return c.answer(http.StatusOK, v)
}

// viewRecord reads a record for somebody, all survivors side by side, and seals what is thereby seen.
func (s *Server) viewRecord(c *call, l *reached, key syncengine.RecordKey) (*recordView, error) {
	m, err := l.Record(key)
	if err != nil {
		return nil, err
	}
	if m == nil {
		return nil, errNoRecord()
	}
	v := &recordView{recordRow: rowOf(m), Present: m.Present}
	t := newTeller(l)
	words := s.wordsOf(m.Checklist, languageOf(c.Request))
	v.Title = words.title()
	v.Fields = make([]fieldView, 0, len(m.Fields))
	for i := range m.Fields {
		f, err := t.field(&m.Fields[i], words)
		if err != nil {
			return nil, err
		}
		v.Fields = append(v.Fields, f)
	}
	if v.Photos, err = photosOf(l, m, words); err != nil {
		return nil, err
	}
	for i, b := range m.Violations {
		v.Violations[i].Label = words.rule(b)
	}
	if v.Pending, err = t.idle(m.Pending()); err != nil {
		return nil, err
	}
	if v.Ineffective, err = t.idle(m.Ineffective()); err != nil {
		return nil, err
	}
	if allowed(c.who.Role, actEdit) {
		v.Seen, err = s.seals.seal(s.sightOf(c.who, l, m))
	}
	return v, err
}

// sightOf says what a person sees of a record when it is shown with every survivor of every field.
func (s *Server) sightOf(who *Person, l *reached, m *ledger.Merged) *sight {
	everything := func(syncengine.Path) bool { return true }
	settles := allowed(who.Role, actSettle)
	v := &sight{
		Account: who.Account, Ledger: l.ID(), Kind: m.Key.Kind, Record: m.Key.ID,
		Seen: m.Render(syncengine.Viewer{Account: who.Account, Settles: settles}, everything),
	}
	if !settles {
		shown := m.Render(syncengine.Viewer{Account: who.Account, Settles: true}, everything)
		v.Shown = &shown
	}
	return v
}

// idle makes the views of changes that have no effect.
func (t *teller) idle(ids []syncengine.ChangeID) ([]*changeView, error) {
	var out []*changeView
	for _, id := range ids {
		step, err := t.Change(id)
		if err != nil {
			return nil, err
		}
		if step == nil {
			continue
		}
		v, err := t.change(step)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}

// field makes the view of a register.
func (t *teller) field(f *syncengine.Field, words *words) (fieldView, error) {
	v := fieldView{
		Path: f.Path, Policy: f.Policy, Shown: rawValue(f.Shown), Erased: f.Erased, Differs: f.Differs, Conflict: f.Conflict,
		Survivors: make([]survivorView, 0, len(f.Survivors)),
	}
	v.Label, v.Rule = words.field(f.Path)
	for i := range f.Survivors {
		s := &f.Survivors[i]
		replica, err := t.Author(s.Change)
		if err != nil {
			return v, err
		}
		tablet, err := t.tablet(replica)
		if err != nil {
			return v, err
		}
		v.Survivors = append(v.Survivors, survivorView{
			Change: s.Change, Value: rawValue(s.Value), Erased: s.Erased, Author: s.Author, Time: s.Time, Untimed: s.Untimed,
			Replica: replica, tabletView: tablet,
		})
	}
	return v, nil
}

// rawValue is a value as JSON; null where nothing is held.
func rawValue(v syncengine.Value) json.RawMessage {
	if v == "" {
		return json.RawMessage("null")
	}
	return json.RawMessage(v)
}

// words are the labels of a checklist in one language.
type words struct {
	version *schemas.Version
	form    *schemas.Form
	lang    string
}

// wordsOf returns the words of a checklist; of one that isn't held, empty ones.
func (s *Server) wordsOf(list *syncengine.Checklist, lang wire.Language) *words {
	w := &words{lang: string(lang)}
	if list == nil {
		return w
	}
	if w.version = s.compiler.Version(list.Version); w.version != nil {
		w.form = s.forms.of(w.version, w.lang)
	}
	return w
}

func (w *words) title() string {
	if w.form == nil {
		return ""
	}
	return w.form.Label
}

// field returns the label of a register and its policy in words.
func (w *words) field(path syncengine.Path) (label, policy string) {
	if w.form == nil {
		return "", ""
	}
	f := w.form.Field(path)
	if f == nil {
		return "", ""
	}
	return f.Label, f.PolicyLabel
}

// fixed reports whether a register is set when a record is made, and not edited afterwards.
func (w *words) fixed(path syncengine.Path) bool {
	if w.form == nil {
		return false
	}
	f := w.form.Field(path)
	return f != nil && f.Fixed
}

// rule returns what a broken rule says.
func (w *words) rule(v syncengine.Violation) string {
	if w.version == nil {
		return v.Message
	}
	if label := w.version.RuleLabel(v.Rule, w.lang); label != "" {
		return label
	}
	return v.Message
}

// survivorsOf returns the changes whose values stand at a path, ascending.
func survivorsOf(m *ledger.Merged, path syncengine.Path) []syncengine.ChangeID {
	f := m.Field(path)
	if f == nil {
		return nil
	}
	out := make([]syncengine.ChangeID, 0, len(f.Survivors))
	for i := range f.Survivors {
		out = append(out, f.Survivors[i].Change)
	}
	slices.SortFunc(out, func(a, b syncengine.ChangeID) int { return a.Compare(b.Hash) })
	return out
}
