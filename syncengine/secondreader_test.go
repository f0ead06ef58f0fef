package syncengine_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/arpenteur/arpenteur/internal/secondreader"
	se "github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// toldWorld is what the second reader is given to merge, and what must come out.
type toldWorld struct {
	Name       string                `json:"name"`
	First      *se.ReplicaID         `json:"first,omitempty"` // of the authority
	Checklists []toldList            `json:"checklists"`
	Changes    []map[string]any      `json:"changes"`
	Lines      []toldLine            `json:"lines,omitempty"`
	Records    []secondreader.Record `json:"records"`
}

type toldList struct {
	Version se.VersionID   `json:"version"`
	Content map[string]any `json:"content"`
}

type toldLine struct {
	Replica se.ReplicaID `json:"replica"`
	Seq     uint64       `json:"seq"`
	Before  se.Hash      `json:"before"`
	Chain   se.Hash      `json:"chain"`
	ID      se.ChangeID  `json:"id"`
}

func TestASecondImplementationMergesTheScriptsAlike(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no scripts", err)
	}
	folder, count := t.TempDir(), 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		worlds := []toldWorld{}
		s := newScript(t, file)
		s.watch = func(n *node) { worlds = append(worlds, s.told(n)) }
		s.run(string(text))
		count += len(worlds)
		tellWorlds(t, filepath.Join(folder, filepath.Base(file)), worlds)
	}
	mergeTold(t, folder, count)
}

func TestASecondImplementationMergesAlikeWhateverComes(t *testing.T) {
	cases := 1500
	if testing.Short() {
		cases = 200
	}
	drawn := rapid.Custom(func(t *rapid.T) *world { return drawWorld(t, 12) })
	worlds := []toldWorld{}
	for seed := range cases {
		w := drawn.Example(seed)
		if len(w.changes) == 0 {
			continue
		}
		told := toldWorld{Name: fmt.Sprint("seed ", seed), Records: []secondreader.Record{secondreader.Tell(show(se.Rebuild(w.changes)))}}
		for _, l := range slices.Concat(cleanliness(), lighting()) {
			told.Checklists = append(told.Checklists, toldList{l.Version, contentOf(l)})
		}
		for i := range w.changes {
			told.Changes = append(told.Changes, toldJudged(t, &w.changes[i]))
		}
		worlds = append(worlds, told)
	}
	folder := t.TempDir()
	tellWorlds(t, filepath.Join(folder, "drawn"), worlds)
	mergeTold(t, folder, len(worlds))
}

func tellWorlds(t *testing.T, path string, worlds []toldWorld) {
	t.Helper()
	raw, err := json.Marshal(worlds)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
}

func mergeTold(t *testing.T, folder string, count int) {
	t.Helper()
	out, ok := secondreader.Run(t, "worlds", folder)
	if !ok || !strings.HasPrefix(out, fmt.Sprintf("%d worlds", count)) || count == 0 {
		t.Fatal(out)
	}
	t.Log(strings.TrimSpace(out))
}

// told tells what a node of a script holds, and every record that it merges of it.
func (s *script) told(n *node) toldWorld {
	s.t.Helper()
	out := toldWorld{Name: fmt.Sprintf("%s on %s, line %d", filepath.Base(s.file), n.name, s.line), First: &authority, Records: []secondreader.Record{}}
	for _, name := range slices.Sorted(maps.Keys(s.lists)) {
		if l := s.lists[name]; n.Checklist(l.Version) != nil {
			out.Checklists = append(out.Checklists, toldList{l.Version, contentOf(l)})
		}
	}
	for _, l := range n.lines {
		out.Lines = append(out.Lines, toldLine{l.Replica, l.Seq, l.before, l.Chain, l.id})
	}
	keys := map[string]se.RecordID{}
	for _, c := range n.changes {
		out.Changes = append(out.Changes, toldChange(s.t, c))
		if c.Ruling == nil {
			keys[fmt.Sprint(c.Kind, " ", c.Record)] = c.Record
		}
	}
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		out.Records = append(out.Records, secondreader.Tell(n.record(keys[key])))
	}
	return out
}

// toldChange tells a change by the members of its header, and beside them its id and the values that are held.
func toldChange(t *testing.T, c *se.Change) map[string]any {
	t.Helper()
	line := wire.Line{Change: c, Form: wire.Bare}
	var out map[string]any
	if err := json.Unmarshal(line.AppendHeader(nil), &out); err != nil {
		t.Fatalf("%v in %s", err, line.AppendHeader(nil))
	}
	values := map[se.Path]json.RawMessage{}
	for _, w := range c.Writes {
		if w.Value != "" {
			values[w.Path] = json.RawMessage(w.Value)
		}
	}
	out["id"], out["values"], out["time"] = c.ID, values, c.Time
	return out
}

// toldJudged tells a change with its verdict, what is erased of it, and the versions that it is read with.
func toldJudged(t *testing.T, c *se.Judged) map[string]any {
	t.Helper()
	out := toldChange(t, c.Change)
	reading := []se.VersionID{}
	for _, l := range c.Reading {
		reading = append(reading, l.Version)
	}
	statuses := []string{se.Effective: "effective", se.Pending: "pending", se.Ineffective: "ineffective"}
	out["status"], out["untimed"], out["reading"] = statuses[c.Verdict.Status], c.Verdict.Untimed, reading
	out["erased"] = append([]se.Path{}, c.Decision.Erased...)
	return out
}

// contentOf writes a checklist as content that says the same (protocol, section 6.7).
func contentOf(l *se.Checklist) map[string]any {
	words := map[string]any{"lineage": l.Lineage, "kind": l.Kind}
	if !l.Previous.IsZero() {
		words["previous"] = l.Previous
	}
	codes := map[string]map[string]string{}
	for at, list := range l.Lens.Codes {
		codes[at] = map[string]string{}
		for from, to := range list {
			codes[at][bare(from)] = bare(to)
		}
	}
	words["lens"] = map[string]any{"rename": orEmpty(l.Lens.Rename), "codes": codes, "retire": append([]string{}, l.Lens.Retire...)}
	content := schemaOf(l.Shape)
	content["x-arpenteur"] = words
	return content
}

func bare(v se.Value) string { return strings.Trim(string(v), `"`) }

func orEmpty(m map[string]string) map[string]string {
	if m == nil {
		return map[string]string{}
	}
	return m
}

func schemaOf(n *se.Node) map[string]any {
	types := []string{se.StringLeaf: "string", se.IntegerLeaf: "integer", se.NumberLeaf: "number", se.BooleanLeaf: "boolean", se.AtomicLeaf: "object"}
	switch n.Type {
	case se.GroupNode, se.ListNode:
		properties := map[string]any{}
		for name, child := range n.Children {
			properties[name] = schemaOf(child)
		}
		group := map[string]any{"type": "object", "properties": properties}
		if n.Type == se.GroupNode {
			return group
		}
		properties["id"] = map[string]any{"type": "string", "format": "uuid"}
		return map[string]any{"type": "array", "items": group}
	case se.SetNode:
		return map[string]any{"type": "array", "items": map[string]any{"type": "string", "enum": n.Codes}, "uniqueItems": true}
	case se.AuthorMapNode:
		value := schemaOf(n.Value)
		words := value["x-arpenteur"].(map[string]any)
		words["node"] = "authors"
		delete(value, "x-arpenteur")
		return map[string]any{"type": "object", "additionalProperties": value, "x-arpenteur": words}
	}
	words := map[string]any{"policy": n.Policy}
	if n.Leaf == se.AtomicLeaf {
		words["node"] = "atomic"
	}
	var answers []map[string]any
	for value, rank := range n.Ranks {
		answers = append(answers, map[string]any{"code": bare(value), "rank": rank})
	}
	if answers != nil {
		words["answers"] = append(answers, map[string]any{"code": "not_seen"})
	}
	return map[string]any{"type": types[n.Leaf], "x-arpenteur": words}
}
