package server_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/arpenteur/arpenteur/server"
	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/store/boltstore"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

const secretWords = "M. Durand du 4e"

// told writes an observation whose note should not have been written, and returns it with its change.
func (w *world) told(p *tablet) (note, syncengine.ChangeID) {
	w.t.Helper()
	n := note{kind: "observation", lineage: "cleanliness", id: newUUID(w.t), values: map[syncengine.Path]any{
		"/place": newUUID(w.t).String(), "/visit": newUUID(w.t).String(), "/rater": string(p.account), litter: "2",
		syncengine.Path("/litter/notes/" + string(p.account)): secretWords,
	}}
	c := p.write(n)
	p.sync()
	return n, c
}

func TestARefusedChangeStaysReadableWithItsReasonAndCanBeReleased(t *testing.T) {
	onStores(t, func(t *testing.T, w *world) {
		p := w.newTablet("c-1", "consultant", false)
		n, c := w.told(p)
		w.rule(map[string]any{"type": "refuse", "target": c, "reason": "Not this building."}).created(nil)
		v := w.read("observation", n.id)
		if v.Present || len(v.Ineffective) != 1 || v.Ineffective[0].Reason != "refused" || v.Ineffective[0].Decision.Reason != "Not this building." {
			t.Fatalf("%+v", v)
		}
		if string(v.Ineffective[0].Values[litter]) != `"2"` {
			t.Fatal("what was refused can't be read")
		}
		for _, run := range w.newTablet("c-2", "consultant", false).sync().runs {
			for _, line := range run.Lines {
				if bytes.Contains(line, []byte(secretWords)) {
					t.Fatal("refused values were sent on")
				}
			}
		}
		w.rule(map[string]any{"type": "release", "target": c, "reason": "It was, after all."}).created(nil)
		if v := w.read("observation", n.id); !v.Present || len(v.Ineffective) != 0 {
			t.Fatalf("not released: %+v", v)
		}
		w.rule(map[string]any{"type": "void", "target": c, "reason": "Twice."}).created(nil)
		if v := w.read("observation", n.id); v.Present || v.Ineffective[0].Reason != "voided" {
			t.Fatalf("not void: %+v", v)
		}
		w.rule(map[string]any{"type": "untimed", "target": c}).created(nil)
	})
}

func TestARulingThatFitsNothingIsRefused(t *testing.T) {
	w := newWorld(t)
	n, c := w.told(w.newTablet("c-1", "consultant", false))
	_ = n
	var ruling struct{ Change string }
	w.rule(map[string]any{"type": "void", "target": c, "reason": "Twice."}).created(&ruling)
	for name, test := range map[string]struct {
		body map[string]any
		code wire.Code
	}{
		"unknown type":       {map[string]any{"type": "burn", "target": c, "reason": "x"}, wire.CodeInvalid},
		"a grant":            {map[string]any{"type": "grant", "target": c, "reason": "x"}, wire.CodeInvalid},
		"no reason":          {map[string]any{"type": "refuse", "target": c}, wire.CodeInvalid},
		"no target":          {map[string]any{"type": "refuse", "reason": "x"}, wire.CodeInvalid},
		"unknown target":     {map[string]any{"type": "refuse", "target": syncengine.Hash{9}, "reason": "x"}, wire.CodeNotFound},
		"no hash":            {map[string]any{"type": "refuse", "target": "x", "reason": "x"}, wire.CodeInvalid},
		"redact nothing":     {map[string]any{"type": "redact", "target": c, "reason": "x"}, wire.CodeInvalid},
		"redact elsewhere":   {map[string]any{"type": "redact", "target": c, "reason": "x", "paths": []string{"/glass/rating"}}, wire.CodeInvalid},
		"paths beside":       {map[string]any{"type": "void", "target": c, "reason": "x", "paths": []string{litter}}, wire.CodeInvalid},
		"void a ruling":      {map[string]any{"type": "void", "target": ruling.Change, "reason": "x"}, wire.CodeInvalid},
		"redact the genesis": {map[string]any{"type": "redact", "target": w.ledger, "reason": "x", "paths": []string{"/reason"}}, wire.CodeInvalid},
		"unknown member":     {map[string]any{"type": "void", "target": c, "reason": "x", "why": "y"}, wire.CodeMalformed},
	} {
		t.Run(name, func(t *testing.T) { w.rule(test.body).refused(test.code) })
	}
}

func TestRedactedWordsAreGoneFromStoreAnswersAndTablets(t *testing.T) {
	onStores(t, func(t *testing.T, w *world) {
		p := w.newTablet("c-1", "consultant", false)
		n, c := w.told(p)
		path := "/litter/notes/c-1"
		everywhere := []string{
			w.recordPath("observation", n.id), w.recordPath("observation", n.id) + "/history", "/v1/ledgers/" + w.ledger + "/changes/" + c.String(),
			"/v1/ledgers/" + w.ledger + "/records", "/v1/ledgers/" + w.ledger + "/export.csv", "/v1/ledgers/" + w.ledger + "/export.geojson",
		}
		for _, at := range everywhere {
			if r := w.ask(w.coordinator, "GET", at, nil); !strings.Contains(string(r.body), "Durand") {
				t.Fatalf("%s does not show the note to begin with: %s", at, r.body)
			}
		}
		v := w.read("observation", n.id)
		w.rule(map[string]any{"type": "redact", "target": c, "paths": []string{path}, "reason": "Erasure asked for."}).created(nil)
		for _, at := range append(everywhere, "/v1/ledgers/"+w.ledger+"/rulings") {
			r := w.ask(w.coordinator, "GET", at, nil)
			r.ok(nil)
			if strings.Contains(string(r.body), "Durand") {
				t.Errorf("%s still shows it: %s", at, r.body)
			}
		}
		for kept := range dump(t, w.store) {
			if strings.Contains(kept, "Durand") {
				t.Error("the store still holds it")
			}
		}
		for _, run := range append(p.sync().runs, w.newTablet("c-2", "consultant", false).sync().runs...) {
			for _, line := range run.Lines {
				if bytes.Contains(line, []byte("Durand")) {
					t.Error("it is still sent to tablets")
				}
			}
		}
		if strings.Contains(w.log.String(), "Durand") {
			t.Error("the log holds it")
		}
		after := w.read("observation", n.id)
		if f := after.field(t, path); !f.Erased || string(f.Shown) != "null" || !f.Survivors[0].Erased {
			t.Errorf("it is not shown as erased: %+v", f)
		}
		if string(after.field(t, litter).Shown) != `"2"` {
			t.Error("another value went with it")
		}
		// What was shown before can't bring it back, and the log still verifies for a tablet that comes new.
		w.settle(n.id, map[string]any{"seen": v.Seen, "reason": "x", "fields": choose(path, c)}).refused(wire.CodeInvalid)
		if since, err := server.ErasureSince(context.Background(), w.store); err != nil || since.UnixMilli() != w.clock.Load() {
			t.Errorf("no compaction is due: %v %v", since, err)
		}
	})
}

func TestAReasonCanBeErasedToo(t *testing.T) {
	w := newWorld(t)
	n, c := w.told(w.newTablet("c-1", "consultant", false))
	var ruling struct{ Change string }
	w.rule(map[string]any{"type": "void", "target": c, "reason": secretWords}).created(&ruling)
	w.rule(map[string]any{"type": "redact", "target": ruling.Change, "paths": []string{"/reason"}, "reason": "Names somebody."}).created(nil)
	if d := w.read("observation", n.id).Ineffective[0].Decision; d.Type != "void" || d.Reason != "" {
		t.Fatalf("%+v", d)
	}
}

func TestARedactionLeavesNoBytesInACompactedFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "central.db")
	s := openBolt(t, file)
	w := newWorldOn(t, s)
	_, c := w.told(w.newTablet("c-1", "consultant", false))
	w.rule(map[string]any{"type": "redact", "target": c, "paths": []string{"/litter/notes/c-1"}, "reason": "Erasure asked for."}).created(nil)
	w.s.Close()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := boltstore.Compact(file); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(raw, []byte("Durand")) {
		t.Fatal("the file still holds the words")
	}
}
