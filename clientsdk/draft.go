package clientsdk

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/google/uuid"

	"github.com/arpenteur/arpenteur/schemas"
	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/ledger"
	"github.com/arpenteur/arpenteur/syncengine/store"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// Ref names a record on a tablet.
type Ref struct {
	Ledger syncengine.LedgerID
	Record syncengine.RecordKey
}

// Draft is what a person is entering into one record. Each Set is durable when it returns, and is there again after a crash. Nothing of
// a draft is seen by others until Commit. What was on the screen is kept with it, so that a value which arrives meanwhile, or was
// never shown, is not replaced (law L3). A Draft is safe for concurrent use.
type Draft struct {
	c  *Client
	id syncengine.RecordID

	mu        sync.Mutex
	ref       Ref
	checklist syncengine.VersionID // the version that the form was drawn from
	seen      syncengine.Seen
	shown     map[syncengine.Path]syncengine.Value // what the form showed of each register
	opened    map[syncengine.Path]bool             // where the person looked at the other values
	entered   map[syncengine.Path]syncengine.Value
	done      bool
}

// draftEntry is one entry of the journal.
type draftEntry struct {
	Draft syncengine.RecordID `json:"draft"`
	Op    string              `json:"op"` // open, seen, set, clear, done

	Ledger    syncengine.LedgerID                   `json:"ledger,omitzero"`
	Kind      syncengine.Kind                       `json:"kind,omitempty"`
	Record    syncengine.RecordID                   `json:"record,omitzero"`
	Checklist syncengine.VersionID                  `json:"checklist,omitzero"`
	Seen      *syncengine.Seen                      `json:"seen,omitempty"`
	Shown     map[syncengine.Path]syncengine.Value  `json:"shown,omitempty"`
	Opened    map[syncengine.Path]bool              `json:"opened,omitempty"`
	Values    map[syncengine.Path]*syncengine.Value `json:"values,omitempty"`
}

// NewRecord begins a draft of a new record under the current version of a checklist or record kind ("cleanliness", "place").
func (c *Client) NewRecord(ctx context.Context, id syncengine.LedgerID, lineage string) (*Draft, error) {
	record, err := c.newID()
	if err != nil {
		return nil, err
	}
	return c.openDraft(ctx, id, func(l *ledger.Ledger, d *Draft) error {
		list := l.Reading(lineage).Current()
		if list == nil {
			return fmt.Errorf("%w: it has no checklist %q yet", ErrNoLedger, lineage)
		}
		d.checklist, d.ref.Record = list.Version, syncengine.RecordKey{Kind: list.Kind, ID: record}
		return nil
	})
}

// Edit begins a draft of a record that the tablet holds, showing it as it is now.
func (c *Client) Edit(ctx context.Context, ref Ref) (*Draft, error) {
	return c.openDraft(ctx, ref.Ledger, func(l *ledger.Ledger, d *Draft) error {
		d.ref.Record = ref.Record
		return d.render(l)
	})
}

// openDraft makes a draft, lets fn fill it from the ledger, and makes its beginning durable.
func (c *Client) openDraft(ctx context.Context, id syncengine.LedgerID, fn func(l *ledger.Ledger, d *Draft) error) (*Draft, error) {
	draft, err := c.newID()
	if err != nil {
		return nil, err
	}
	d := &Draft{
		c: c, id: draft, ref: Ref{Ledger: id}, opened: map[syncengine.Path]bool{},
		entered: map[syncengine.Path]syncengine.Value{}, shown: map[syncengine.Path]syncengine.Value{},
	}
	if err := c.view(ctx, id, func(l *ledger.Ledger) error { return fn(l, d) }); err != nil {
		return nil, err
	}
	err = d.record(d.opening(), func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.drafts[draft] = d
	})
	if err != nil {
		return nil, err
	}
	return d, nil
}

// view runs fn on a ledger as it is held now.
func (c *Client) view(ctx context.Context, id syncengine.LedgerID, fn func(l *ledger.Ledger) error) error {
	return c.store.View(ctx, func(r store.Reader) error {
		l, err := c.keeper.View(r, id)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrNoLedger, err)
		}
		return fn(l)
	})
}

// render shows the record as it is held now: what the person sees from here on is what a commit may replace.
func (d *Draft) render(l *ledger.Ledger) error {
	m, err := l.Record(d.ref.Record)
	if err != nil {
		return err
	}
	if m == nil || m.Checklist == nil {
		return ErrNoRecord
	}
	account, err := d.c.accountIn(l)
	if err != nil {
		return err
	}
	d.checklist = m.Checklist.Version
	d.seen = m.Render(syncengine.Viewer{Account: account.Account, Settles: account.settles}, func(p syncengine.Path) bool { return d.opened[p] })
	clear(d.shown)
	for i := range m.Fields {
		d.shown[m.Fields[i].Path] = m.Fields[i].Shown
	}
	return nil
}

// viewer is who renders a form.
type viewer struct {
	Account syncengine.AccountID
	settles bool
}

// accountIn returns the user and whether their role may settle other people's conflicts.
func (c *Client) accountIn(l *ledger.Ledger) (viewer, error) {
	id, err := enrolled(l.Reader())
	if err != nil {
		return viewer{}, err
	}
	v := viewer{Account: id.Account}
	for _, p := range c.pens(id) {
		for _, g := range l.Authority().Grants(p.Replica()) {
			v.settles = v.settles || schemas.May(l.Authority().Ruling(g).Role, schemas.ActSettle)
		}
	}
	return v, nil
}

func (d *Draft) opening() draftEntry {
	return draftEntry{
		Draft: d.id, Op: "open", Ledger: d.ref.Ledger, Kind: d.ref.Record.Kind, Record: d.ref.Record.ID,
		Checklist: d.checklist, Seen: &d.seen, Shown: d.shown, Opened: d.opened,
	}
}

// record makes an entry of the draft durable and then applies it in memory. Nobody writes the journal anew in between, so that what is
// written anew always holds all that was recorded.
func (d *Draft) record(e draftEntry, apply func()) error {
	raw, err := json.Marshal(e)
	if err != nil {
		return err
	}
	d.c.recording.RLock()
	defer d.c.recording.RUnlock()
	if err := d.c.journal.append(raw); err != nil {
		return err
	}
	apply()
	return nil
}

// ID names the draft.
func (d *Draft) ID() syncengine.RecordID { return d.id }

// Ref names the record that the draft is about.
func (d *Draft) Ref() Ref { return d.ref }

// Checklist returns the version that the form is drawn from.
func (d *Draft) Checklist() *schemas.Version { return d.c.compiler.Version(d.checklist) }

// Set enters a value at a leaf: a string, number, boolean, or a map or slice of these where the checklist has one atomic value; nil empties
// a field. It is durable when Set returns.
func (d *Draft) Set(path syncengine.Path, value any) error {
	v, err := wire.EncodeValue(value)
	if err != nil {
		return err
	}
	return d.enter(map[syncengine.Path]*syncengine.Value{path: &v})
}

// SetAll enters several values in one durable step.
func (d *Draft) SetAll(values map[syncengine.Path]any) error {
	encoded := make(map[syncengine.Path]*syncengine.Value, len(values))
	for p, value := range values {
		v, err := wire.EncodeValue(value)
		if err != nil {
			return fmt.Errorf("%s: %w", p, err)
		}
		encoded[p] = &v
	}
	return d.enter(encoded)
}

// Take undoes what was entered at a path, as if it had never been; what the record holds there stays.
func (d *Draft) Take(path syncengine.Path) error {
	return d.enter(map[syncengine.Path]*syncengine.Value{path: nil})
}

// Add adds a member to a set, or an element to a repeat group, named by its path: "/source/police/", "/signs/<uuid>/".
func (d *Draft) Add(path syncengine.Path) error { return d.Set(path.Node(), true) }

// AddElement adds a new element to the repeat group at path and returns the path that its fields lie under.
func (d *Draft) AddElement(path syncengine.Path) (syncengine.Path, error) {
	id, err := d.c.newID()
	if err != nil {
		return "", err
	}
	element := path.Child(id.String())
	return element, d.Add(element)
}

// Remove removes a set member, an element, or with "/" the record itself. What lies in an element is kept, hidden.
func (d *Draft) Remove(path syncengine.Path) error { return d.Set(path.Node(), false) }

// enter checks that paths are registers of the checklist, and makes values durable. A nil value takes back what was entered.
func (d *Draft) enter(values map[syncengine.Path]*syncengine.Value) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.done {
		return ErrClosed
	}
	if err := d.check(values); err != nil {
		return err
	}
	return d.record(draftEntry{Draft: d.id, Op: "set", Values: values}, func() { d.apply(values) })
}

// check refuses paths that are no registers of the checklist, and values of another type than theirs.
func (d *Draft) check(values map[syncengine.Path]*syncengine.Value) error {
	list := d.Checklist()
	for p, v := range values {
		var node *syncengine.Node
		if p != syncengine.RecordPresence {
			if list != nil {
				node = list.Checklist.Lookup(p)
			}
			if node == nil {
				return wire.Problemf(wire.CodeInvalid, "%s is not a field of this checklist", p)
			}
		}
		if v != nil && !node.Accepts(*v) {
			return wire.Problemf(wire.CodeInvalid, "%s is not the type of value that %s takes", *v, p)
		}
	}
	return nil
}

func (d *Draft) apply(values map[syncengine.Path]*syncengine.Value) {
	for p, v := range values {
		if v == nil {
			delete(d.entered, p)
		} else {
			d.entered[p] = *v
		}
	}
}

// Unfold shows the other values of a field to the person: from now on they count as seen. The rest of the form is not rendered
// anew, so what arrived elsewhere meanwhile stays unseen. It returns the values, the shown one last.
func (d *Draft) Unfold(ctx context.Context, path syncengine.Path) ([]syncengine.Survivor, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.done {
		return nil, ErrClosed
	}
	var survivors []syncengine.Survivor
	var ids []syncengine.ChangeID
	err := d.c.view(ctx, d.ref.Ledger, func(l *ledger.Ledger) error {
		m, err := l.Record(d.ref.Record)
		if err != nil || m == nil {
			return err
		}
		account, err := d.c.accountIn(l)
		if err != nil {
			return err
		}
		v := syncengine.Viewer{Account: account.Account, Settles: account.settles}
		ids = m.Render(v, func(p syncengine.Path) bool { return p == path }).Over(path)
		if f := m.Field(path); f != nil {
			survivors = slices.Clone(f.Survivors)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	seen := syncengine.Seen{Registers: maps.Clone(d.seen.Registers)}
	if seen.Registers == nil {
		seen.Registers = map[syncengine.Path][]syncengine.ChangeID{}
	}
	seen.Registers[path] = ids
	opened := maps.Clone(d.opened)
	opened[path] = true
	err = d.record(draftEntry{Draft: d.id, Op: "seen", Seen: &seen, Opened: opened}, func() { d.seen, d.opened = seen, opened })
	if err != nil {
		return nil, err
	}
	return survivors, nil
}

// Entered returns what was entered, by path.
func (d *Draft) Entered() map[syncengine.Path]syncengine.Value {
	d.mu.Lock()
	defer d.mu.Unlock()
	return maps.Clone(d.entered)
}

// Discard forgets the draft, with the photos that were taken in it. What was committed before is not touched.
func (d *Draft) Discard() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.done {
		return nil
	}
	photos := d.c.photos.originalsOf(d.id)
	if err := d.c.photos.bury(photos); err != nil {
		return err
	}
	if err := d.finish(); err != nil {
		return errors.Join(err, d.c.photos.unbury(photos))
	}
	return d.c.photos.forget(photos)
}

// forgetRemoved forgets the photos that were taken in the draft and removed from it, once it is committed. The caller holds d.mu.
func (d *Draft) forgetRemoved() error {
	removed := slices.DeleteFunc(d.c.photos.originalsOf(d.id), func(p *WaitingPhoto) bool {
		return d.entered[p.Element.Node()] == syncengine.True
	})
	return d.c.photos.forget(removed)
}

// finish ends the draft in the journal, and writes a journal that has grown anew. The caller holds d.mu.
func (d *Draft) finish() error {
	err := d.record(draftEntry{Draft: d.id, Op: "done"}, func() {
		d.done = true
		d.c.mu.Lock()
		defer d.c.mu.Unlock()
		delete(d.c.drafts, d.id)
	})
	if err != nil || d.c.journal.length() < rewriteJournal {
		return err
	}
	return d.c.rewriteJournal()
}

// writes turns what was entered into the writes of a change: the fields that differ from what was shown, or that settle differing
// values, and the presence of the record and of every element that they lie in.
func (d *Draft) writes() []syncengine.Write {
	values := map[syncengine.Path]syncengine.Value{}
	for p, v := range d.entered {
		if d.shown[p] == v && len(d.seen.Registers[p]) == 1 {
			continue
		}
		values[p] = v
	}
	for _, p := range slices.Collect(maps.Keys(values)) {
		for _, node := range p.Enclosing() {
			if _, entered := values[node]; !entered {
				values[node] = syncengine.True
			}
		}
	}
	out := make([]syncengine.Write, 0, len(values))
	for p, v := range values {
		out = append(out, syncengine.Write{Path: p, Value: v, Over: d.seen.Over(p)})
	}
	return out
}

// Drafts returns the drafts that are open, those that an earlier run left included, the oldest first.
func (c *Client) Drafts() []*Draft {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := slices.Collect(maps.Values(c.drafts))
	slices.SortFunc(out, func(a, b *Draft) int { return slices.Compare(a.id[:], b.id[:]) })
	return out
}

// Draft returns an open draft by its id, or nil.
func (c *Client) Draft(id uuid.UUID) *Draft {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.drafts[id]
}
