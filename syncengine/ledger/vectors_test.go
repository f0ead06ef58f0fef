package ledger_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/arpenteur/arpenteur/internal/secondreader"
	"github.com/arpenteur/arpenteur/schemas"
	se "github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/ledger"
	"github.com/arpenteur/arpenteur/syncengine/store"
	"github.com/arpenteur/arpenteur/syncengine/store/storetest"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

var update = flag.Bool("update", false, "write the published test vectors of merge anew")

// mergeVector is what a node holds of one ledger, and the records that it merges of that.
type mergeVector struct {
	Name    string                `json:"name"`
	Note    string                `json:"note,omitempty"`
	Root    wire.PublicKey        `json:"root"`
	Ledger  se.LedgerID           `json:"ledger"`
	Frames  []string              `json:"frames"`
	Refused []refusedFrame        `json:"refused,omitempty"`
	Records []secondreader.Record `json:"records"`
}

// refusedFrame is a frame, counted from 1, that a receiver refuses; the others count all the same.
type refusedFrame struct {
	Number int       `json:"number"`
	Code   wire.Code `json:"code"`
}

type mergeVectors struct {
	Description string        `json:"description"`
	Cases       []mergeVector `json:"cases"`
}

// telling is a case in the making: two tablets of two consultants, one record, and what happens to it.
type telling struct {
	*world
	test   *testing.T
	a, b   *node
	key    se.RecordKey
	holder *node              // whose holding the case is; the server, if none is named
	more   []*ledger.Incoming // runs that come behind those
	values []*wire.Line       // values that come behind all runs
	clock  int64              // author time of the last change
}

func newTelling(t *testing.T) *telling {
	t.Helper()
	registry, err := schemas.NewRegistry()
	if err != nil {
		t.Fatal(err)
	}
	w := newBareWorld(t, func() store.Store { return storetest.NewMemory() }, func(id se.VersionID, content []byte) (*se.Checklist, error) {
		v, err := registry.Compile(id, content)
		if err != nil {
			return nil, err
		}
		return v.Checklist, nil
	})
	w.publishContent("small", smallContent(t, 1))
	return &telling{world: w, test: t, a: w.tablet("a", "c1"), b: w.tablet("b", "c2"), key: w.observation(), clock: 1000}
}

// writes saves a form of the record as its author sees it, a second after the change before.
func (s *telling) writes(n *node, writes ...se.Write) se.ChangeID {
	s.t.Helper()
	s.clock += 1000
	e := n.form("small", s.key, writes...)
	e.Time = s.clock
	return n.commit(e)[0].Change.ID
}

// both lets both tablets begin from what the first one writes.
func (s *telling) both(writes ...se.Write) se.ChangeID {
	s.t.Helper()
	id := s.writes(s.a, writes...)
	s.converge()
	return id
}

func (s *telling) vector(name string) mergeVector {
	s.t.Helper()
	holder := s.holder
	if holder == nil {
		s.converge()
		holder = s.server
	}
	out := mergeVector{Name: name, Root: s.root, Ledger: s.id}
	reader := s.fresh("reader")
	for i, run := range append(holder.all(), s.more...) {
		out.Frames = append(out.Frames, string(wire.AppendFrame(nil, run.Run)))
		for _, err := range reader.take(run) {
			var p *wire.Problem
			if errors.As(err, &p) {
				out.Refused = append(out.Refused, refusedFrame{i + 1, p.Code})
			}
		}
	}
	for _, line := range s.values {
		values := &wire.Values{Ledger: s.id, Change: line.Change.ID, Line: wire.AppendLine(nil, line)}
		out.Frames = append(out.Frames, string(wire.AppendFrame(nil, values)))
		reader.update(func(l *ledger.Ledger) error {
			_, err := l.Fill(line)
			return err
		})
	}
	out.Records = []secondreader.Record{secondreader.Tell(reader.record(s.key).Record)}
	return out
}

func generateMerge(t *testing.T) mergeVectors {
	out := mergeVectors{Description: "Section 6. Frames with all lines that a node holds of one ledger, the authority's log first, and the records that it merges of them; frames that it refuses by number and code. " +
		"Values and documents are canonical JSON; survivors are in the order of display."}
	for _, tale := range slices.Concat(joins(), presences(), rulings(), standings(), readings()) {
		s := newTelling(t)
		tale.tell(s)
		v := s.vector(tale.name)
		v.Note = tale.note
		out.Cases = append(out.Cases, v)
	}
	return out
}

func TestVectorsOfMerge(t *testing.T) {
	path := filepath.Join("..", "wire", "testdata", "vectors", "merge.json")
	var made bytes.Buffer
	out := json.NewEncoder(&made)
	out.SetEscapeHTML(false)
	out.SetIndent("", "  ")
	if err := out.Encode(generateMerge(t)); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(path, made.Bytes(), 0o644); err != nil { //nolint:gosec // published
			t.Fatal(err)
		}
	}
	published, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(published, made.Bytes()) {
		t.Errorf("%s is not what is made now: a change of the protocol (go test ./syncengine/ledger -run VectorsOfMerge -update writes it anew)", path)
	}
}
