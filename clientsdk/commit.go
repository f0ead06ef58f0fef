package clientsdk

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/ledger"
	"github.com/arpenteur/arpenteur/syncengine/store"
)

// Saved says what became of a committed draft. It is kept whatever it says: a capture that breaks a rule is flagged, not refused.
type Saved struct {
	Change     syncengine.ChangeID
	Ref        Ref
	Verdict    syncengine.Verdict     // effective, or why not
	Violations []syncengine.Violation // the rules that the merged record breaks now (law L4)
}

// Commit makes the draft one change of its record, durable when it returns. A draft that says nothing new is ended with ErrNothing.
func (d *Draft) Commit(ctx context.Context) (Saved, error) {
	saved, err := d.c.Commit(ctx, d)
	if err != nil {
		return Saved{}, err
	}
	return saved[0], nil
}

// Commit commits several drafts in one transaction: all of them or none. That is how a capture which touches both ledgers of a
// diagnostic becomes two changes. Drafts that say nothing new are refused with ErrNothing and stay open, unless there is only one.
func (c *Client) Commit(ctx context.Context, drafts ...*Draft) ([]Saved, error) {
	unlock, err := lock(drafts)
	defer unlock()
	if err != nil {
		return nil, err
	}
	for _, d := range drafts {
		if len(d.writes()) > 0 {
			continue
		}
		if len(drafts) == 1 {
			if err := errors.Join(d.finish(), d.forgetRemoved()); err != nil {
				return nil, err
			}
		}
		return nil, ErrNothing
	}
	saved, err := c.keepDrafts(ctx, drafts)
	if err != nil {
		return nil, fmt.Errorf("save on the tablet: %w", err)
	}
	for _, d := range drafts {
		if err := d.finish(); err != nil {
			return nil, err // the change is kept: the store remembers it by the draft's id
		}
		c.giveFinished(d.id)
		if err := d.forgetRemoved(); err != nil {
			return nil, err
		}
	}
	for i := range saved {
		c.watchers.send(Event{Type: Committed, Ledger: saved[i].Ref.Ledger, Record: saved[i].Ref.Record})
	}
	return saved, nil
}

// lock locks drafts in the order of their ids, each once, and refuses those that are done. unlock must be called in any case.
func lock(drafts []*Draft) (unlock func(), err error) {
	ordered := slices.Clone(drafts)
	slices.SortFunc(ordered, func(a, b *Draft) int { return slices.Compare(a.id[:], b.id[:]) })
	ordered = slices.Compact(ordered)
	for _, d := range ordered {
		d.mu.Lock()
		if d.done {
			err = ErrClosed
		}
	}
	return func() {
		for _, d := range ordered {
			d.mu.Unlock()
		}
	}, err
}

// keepDrafts writes drafts in one transaction, which also forgets the ids of drafts that the journal has forgotten.
func (c *Client) keepDrafts(ctx context.Context, drafts []*Draft) ([]Saved, error) {
	saved := make([]Saved, len(drafts))
	forget := c.takeFinished()
	err := c.store.Update(ctx, func(w store.Writer) error {
		if err := forgetDrafts(w, forget); err != nil {
			return err
		}
		for i, d := range drafts {
			var err error
			if saved[i], err = c.commitDraft(w, d); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		c.giveFinished(forget...)
	}
	return saved, err
}

// commitDraft writes one draft within a running update. The draft's id is kept with the change until the journal forgets the draft,
// so that a crash in between can't make a second change of it.
func (c *Client) commitDraft(w store.Writer, d *Draft) (Saved, error) {
	id, err := enrolled(w)
	if err != nil {
		return Saved{}, err
	}
	l, err := c.keeper.Edit(w, d.ref.Ledger)
	if err != nil {
		return Saved{}, fmt.Errorf("%w: %w", ErrNoLedger, err)
	}
	lines, err := l.Commit(c.pen(id, l), ledger.Edit{
		Record: d.ref.Record, Checklist: d.checklist, Author: id.Account, Time: c.o.Now().UnixMilli(), Writes: d.writes(),
	})
	if err != nil {
		return Saved{}, err
	}
	if err := l.Settle(); err != nil {
		return Saved{}, err
	}
	if _, err := l.Advances(w); err != nil {
		return Saved{}, err
	}
	if err := c.keepPhotos(w, d.ref.Ledger, lines[0].Change); err != nil {
		return Saved{}, err
	}
	s := Saved{Change: lines[0].Change.ID, Ref: d.ref}
	for _, n := range l.Notes() {
		if n.Change == s.Change {
			s.Verdict, s.Violations = n.Verdict, n.Violations
		}
	}
	return s, w.Put(spaceDrafts, syncengine.LedgerID{}, d.id[:], s.Change.Hash[:])
}

// takeFinished returns the drafts whose commit the store still remembers though the journal has forgotten them.
func (c *Client) takeFinished() []syncengine.RecordID {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := c.finished
	c.finished = nil
	return out
}

func (c *Client) giveFinished(ids ...syncengine.RecordID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.finished = append(c.finished, ids...)
}

// draftReplay gathers the drafts of a journal.
type draftReplay struct {
	client *Client
	drafts map[syncengine.RecordID]*Draft
}

func (p *draftReplay) take(raw []byte) error {
	var e draftEntry
	if err := json.Unmarshal(raw, &e); err != nil {
		return fmt.Errorf("%w: %w", errJournal, err)
	}
	d := p.drafts[e.Draft]
	switch {
	case e.Op == "open":
		p.drafts[e.Draft] = &Draft{
			c: p.client, id: e.Draft, ref: Ref{e.Ledger, syncengine.RecordKey{Kind: e.Kind, ID: e.Record}}, checklist: e.Checklist,
			seen: *e.Seen, shown: orEmpty(e.Shown), opened: orEmpty(e.Opened), entered: map[syncengine.Path]syncengine.Value{},
		}
	case d == nil: // its opening was damaged
	case e.Op == "set":
		d.apply(e.Values)
	case e.Op == "seen":
		d.seen, d.opened = *e.Seen, orEmpty(e.Opened)
	case e.Op == "done":
		delete(p.drafts, e.Draft)
	}
	return nil
}

func orEmpty[V any](m map[syncengine.Path]V) map[syncengine.Path]V {
	if m == nil {
		return map[syncengine.Path]V{}
	}
	return m
}

// resume takes up the drafts that were open, less those that were committed just before a crash. A journal that has grown is
// written anew.
func (c *Client) resume(ctx context.Context, p *draftReplay) error {
	var committed []syncengine.RecordID
	err := c.store.View(ctx, func(r store.Reader) (err error) {
		if committed, err = committedDrafts(r); err != nil {
			return err
		}
		c.compileFor(r, p)
		b, err := readBase(r)
		c.challenge = b.Challenge
		return err
	})
	if err != nil {
		return err
	}
	for _, id := range committed {
		delete(p.drafts, id)
	}
	c.drafts = p.drafts
	if c.journal.length() > rewriteJournal || len(committed) > 0 {
		if err := c.rewriteJournal(); err != nil {
			return err
		}
	}
	if len(committed) == 0 {
		return nil
	}
	return c.store.Update(ctx, func(w store.Writer) error { return forgetDrafts(w, committed) })
}

// compileFor makes the checklists ready that drafts are drawn from.
func (c *Client) compileFor(r store.Reader, p *draftReplay) {
	for _, d := range p.drafts {
		if l, err := c.keeper.View(r, d.ref.Ledger); err == nil {
			l.Checklist(d.checklist)
		}
	}
}

// forgetDrafts forgets which changes drafts were committed as, once the journal has forgotten the drafts.
func forgetDrafts(w store.Writer, ids []syncengine.RecordID) error {
	for _, id := range ids {
		if err := w.Delete(spaceDrafts, syncengine.LedgerID{}, id[:]); err != nil {
			return err
		}
	}
	return nil
}

// committedDrafts returns the drafts whose commit the store remembers.
func committedDrafts(r store.Reader) (out []syncengine.RecordID, err error) {
	err = r.Scan(spaceDrafts, syncengine.LedgerID{}, nil, nil, func(key, _ []byte) (bool, error) {
		if len(key) != len(syncengine.RecordID{}) {
			return false, fmt.Errorf("draft key of %d bytes: %w", len(key), store.ErrCorrupt)
		}
		out = append(out, syncengine.RecordID(key))
		return true, nil
	})
	return out, err
}

// rewriteJournal writes the journal anew with the open drafts only. What is large because much is open stays as it is.
func (c *Client) rewriteJournal() error {
	c.recording.Lock()
	defer c.recording.Unlock()
	var entries [][]byte
	for _, d := range c.Drafts() {
		values := make(map[syncengine.Path]*syncengine.Value, len(d.entered))
		for p, v := range d.entered {
			values[p] = &v
		}
		for _, e := range []draftEntry{d.opening(), {Draft: d.id, Op: "set", Values: values}} {
			raw, err := json.Marshal(e)
			if err != nil {
				return err
			}
			entries = append(entries, raw)
		}
	}
	return c.journal.rewrite(entries)
}
