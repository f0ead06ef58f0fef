package ledger_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	se "github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/ledger"
	"github.com/arpenteur/arpenteur/syncengine/store"
	"github.com/arpenteur/arpenteur/syncengine/store/boltstore"
	"github.com/arpenteur/arpenteur/syncengine/store/storetest"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// story is a random course of events in a world.
type story struct {
	*rapid.T
	w      *world
	keys   []se.RecordKey
	drafts []draft
	grants map[*node]se.ChangeID
	copies bool // stores can be copied
	latest map[string]int
}

// draft is a form that was opened on a node and is not saved yet.
type draft struct {
	n    *node
	edit ledger.Edit
}

// Whatever people write and decide, and however the lines of it are carried about, split, repeated, stripped and mixed up: once all was
// exchanged all hold the same, show the same, and show what the definition of merge says (laws L2, L3, L5, L6, L8).
func TestAllWhoHoldTheSameLinesShowTheSameRecords(t *testing.T) {
	dir := t.TempDir()
	files := 0
	rapid.Check(t, func(t *rapid.T) {
		s := &story{T: t, copies: true, grants: map[*node]se.ChangeID{}, latest: map[string]int{"cleanliness": 1, "lighting": 1}}
		open := func() store.Store { return storetest.NewMemory() }
		if rapid.IntRange(0, 7).Draw(t, "backend") == 7 {
			s.copies = false
			open = func() store.Store {
				files++
				path := filepath.Join(dir, fmt.Sprint(files))
				b, err := boltstore.Open(path, boltstore.Options{NoSync: true})
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() {
					if err := b.Close(); err != nil {
						t.Error(err)
					}
					_ = os.Remove(path)
				})
				return b
			}
		}
		s.w = newWorldOver(t, open)
		s.run()
		s.end()
	})
}

func (s *story) run() {
	s.w.publish("lighting", 1)
	for i := range 3 {
		n := s.w.node(fmt.Sprint("t", i), se.AccountID(fmt.Sprint("c", i%2)))
		s.grants[n] = s.w.grant(n, "")
		n.pull(s.w.server)
		s.w.tablets = append(s.w.tablets, n)
	}
	for range 2 {
		s.keys = append(s.keys, s.w.observation())
	}
	steps := map[string]func(){
		"open": s.openForm, "save": s.save, "write": s.write, "write ": s.write, "rule": s.rule, "publish": s.publish, "carry": s.carry,
		"carry ": s.carry, "carry  ": s.carry, "pull": s.pull, "fill": s.fill, "revoke": s.revoke, "copy": s.copyNode,
		"succeed": s.succeed, "odd": s.oddWrite,
	}
	names := make([]string, 0, len(steps))
	for name := range steps {
		names = append(names, name)
	}
	slices.Sort(names)
	for range rapid.IntRange(1, 25).Draw(s.T, "steps") {
		steps[rapid.SampledFrom(names).Draw(s.T, "step")]()
	}
}

// end exchanges everything, and compares.
func (s *story) end() {
	late := s.w.fresh("late")
	s.w.tablets = append(s.w.tablets, late)
	for range 2 {
		s.w.converge()
		for _, n := range s.w.nodes() {
			for _, m := range s.w.nodes() {
				n.fillFrom(m)
			}
		}
	}
	want := s.w.server.vector()
	for _, n := range s.w.nodes() {
		if !n.vector().Equal(want) {
			s.Fatalf("%s holds %v, the server %v", n.name, n.vector(), want)
		}
		if wants := n.wants(); len(wants) > 0 {
			s.Fatalf("%s still wants %v", n.name, wants)
		}
		if n != late {
			n.verify()
		}
	}
	for _, key := range s.keys {
		first := s.w.server.print(key)
		for _, n := range s.w.tablets {
			if got := n.print(key); got != first {
				s.Fatalf("%s shows\n%s\nthe server\n%s", n.name, got, first)
			}
		}
		if first != "" {
			s.w.server.asDefined(key)
		}
	}
	index := s.w.server.index()
	for _, n := range s.w.tablets {
		if got := n.index(); got != index {
			s.Fatalf("%s has the index\n%s\nthe server\n%s", n.name, got, index)
		}
	}
	s.w.server.verify() // now that nothing is stale
}

// index writes down what records are found by, after those of older versions were merged anew.
func (n *node) index() string {
	n.w.t.Helper()
	n.refresh(3)
	var b strings.Builder
	n.each(func(space store.Space, key, _ []byte) {
		if space == "index" {
			fmt.Fprintf(&b, "%x\n", key)
		}
	})
	return b.String()
}

func (s *story) node() *node {
	return rapid.SampledFrom(s.w.nodes()).Draw(s.T, "node")
}

func (s *story) key() se.RecordKey { return rapid.SampledFrom(s.keys).Draw(s.T, "record") }

// author returns a node that may still write its own log, or nil.
func (s *story) author() *node {
	n := s.node()
	if n.forked() {
		return nil
	}
	return n
}

// writes draws what is entered into a form of the version that a node has.
func (s *story) writes(lineage string, list *se.Checklist) []se.Write {
	if lineage == "lighting" {
		for _, name := range []se.Path{"/lamp", "/bulb"} {
			if list.Lookup(name) != nil {
				return []se.Write{set(name, rapid.SampledFrom([]se.Value{"1", "2"}).Draw(s.T, "lamp"))}
			}
		}
	}
	sign := "/signs/00000000-0000-7000-8000-000000000001"
	choices := map[se.Path][]se.Value{
		"/litter": {"1", "2", "9", se.Null}, "/waste": {"1", "2", "9", se.Null}, "/glass": {"1", "3"}, "/note": {`"a"`, `"b"`},
		"/place": {`"hall"`, `"cellar"`}, "/tags/bulky/": {se.True, se.False}, "/tags/large/": {se.True, se.False},
		se.Path(sign + "/"): {se.True, se.False}, se.Path(sign + "/text"): {`"x"`, `"y"`}, "/opinion/c1": {`"yes"`, `"no"`},
		"/": {se.True, se.True, se.False},
	}
	var paths []se.Path
	for p := range choices {
		if p == "/" || list.Lookup(p) != nil {
			paths = append(paths, p)
		}
	}
	slices.Sort(paths)
	chosen := rapid.SliceOfNDistinct(rapid.SampledFrom(paths), 0, 3, func(p se.Path) se.Path { return p }).Draw(s.T, "paths")
	var out []se.Write
	for _, p := range chosen {
		out = append(out, set(p, rapid.SampledFrom(choices[p]).Draw(s.T, string(p))))
	}
	if i := slices.IndexFunc(out, func(w se.Write) bool { return w.Path == se.Path(sign+"/text") }); i >= 0 &&
		!slices.ContainsFunc(out, func(w se.Write) bool { return w.Path == se.Path(sign+"/") }) {
		out = append(out, set(se.Path(sign+"/"), se.True))
	}
	return out
}

// form opens a form on a node and fills it in.
func (s *story) form() (draft, bool) {
	n := s.author()
	if n == nil {
		return draft{}, false
	}
	lineage := "cleanliness"
	if rapid.IntRange(0, 9).Draw(s.T, "lineage") == 9 {
		lineage = "lighting"
	}
	var list *se.Checklist
	n.view(func(l *ledger.Ledger) error {
		list = l.Reading(lineage).Current()
		return nil
	})
	if list == nil {
		return draft{}, false
	}
	e := n.form(lineage, s.key(), s.writes(lineage, list)...)
	e.Time = rapid.SampledFrom([]int64{1, 2, 3, 1 << 41}).Draw(s.T, "time")
	return draft{n, e}, true
}

func (s *story) openForm() {
	if d, ok := s.form(); ok {
		s.drafts = append(s.drafts, d)
	}
}

// save commits a form that was opened some time ago, by what was seen then.
func (s *story) save() {
	if len(s.drafts) == 0 {
		return
	}
	i := rapid.IntRange(0, len(s.drafts)-1).Draw(s.T, "draft")
	d := s.drafts[i]
	s.drafts = slices.Delete(s.drafts, i, i+1)
	if !d.n.forked() {
		d.n.commit(d.edit)
	}
}

func (s *story) write() {
	if d, ok := s.form(); ok {
		d.n.commit(d.edit)
	}
}

// oddWrite commits what will have no effect, or has to wait for ever.
func (s *story) oddWrite() {
	d, ok := s.form()
	if !ok {
		return
	}
	switch rapid.SampledFrom([]string{"author", "path", "type", "version"}).Draw(s.T, "oddity") {
	case "author":
		d.edit.Author = "c9"
	case "path":
		d.edit.Writes = append(d.edit.Writes, set("/nowhere", "1"))
	case "type":
		d.edit.Writes = slices.DeleteFunc(d.edit.Writes, func(w se.Write) bool { return w.Path == "/note" })
		d.edit.Writes = append(d.edit.Writes, set("/note", "3"))
	case "version":
		d.edit.Checklist = versionOf("cleanliness", 3)
	}
	d.n.commit(d.edit)
}

// rule decides about any change, also one that the server does not hold yet.
func (s *story) rule() {
	x := s.w.written[rapid.IntRange(0, len(s.w.written)-1).Draw(s.T, "target")]
	r := se.Ruling{Target: x.line.Change.ID}
	r.Type = rapid.SampledFrom([]se.RulingType{se.Refuse, se.Void, se.Release, se.Untimed, se.Redact}).Draw(s.T, "ruling")
	if r.Type == se.Redact {
		for _, w := range x.line.Change.Writes {
			if w.Path != "/" && w.Path != se.ContentPath && rapid.Bool().Draw(s.T, "redact") {
				r.Paths = append(r.Paths, w.Path)
			}
		}
		if r.Paths == nil {
			return
		}
	}
	s.w.ruleWith(r, rapid.SampledFrom([]string{"", "because"}).Draw(s.T, "reason"))
}

func (s *story) publish() {
	lineage := rapid.SampledFrom([]string{"cleanliness", "lighting"}).Draw(s.T, "lineage")
	if last := map[string]int{"cleanliness": 3, "lighting": 2}[lineage]; s.latest[lineage] < last {
		s.latest[lineage]++
		s.w.publish(lineage, s.latest[lineage])
	}
}

// carry brings some runs of one node to another, perhaps in another order, stripped, or all of them.
func (s *story) carry() {
	from, to := s.node(), s.node()
	runs := from.all()
	if rapid.Bool().Draw(s.T, "only what lacks") {
		runs = from.lacking(to.vector())
	}
	order := make([]int, len(runs))
	for i := range order {
		order[i] = i
	}
	if rapid.IntRange(0, 3).Draw(s.T, "shuffled") == 3 {
		order = rapid.Permutation(order).Draw(s.T, "order")
	}
	var some []*ledger.Incoming
	for _, i := range order {
		in := runs[i]
		switch rapid.IntRange(0, 5).Draw(s.T, "fate") {
		case 5:
			continue
		case 4:
			in = s.w.stripped(in)
		case 3:
			in = s.half(in)
		}
		some = append(some, in)
	}
	if len(some) > 0 {
		to.take(some...) // those that do not link up yet are refused, and come again
	}
}

// pull takes all that another node can send. What that one lacks itself can leave some of it unlinked.
func (s *story) pull() {
	to, from := s.node(), s.node()
	to.ask(from)
}

// half returns a run whose lines have lost some of their values.
func (s *story) half(in *ledger.Incoming) *ledger.Incoming {
	run := *in.Run
	run.Lines = nil
	for _, line := range in.Decoded {
		var lost []se.Path
		for _, w := range line.Change.Writes {
			if rapid.Bool().Draw(s.T, "lost") {
				lost = append(lost, w.Path)
			}
		}
		run.Lines = append(run.Lines, wire.AppendLine(nil, line.Redact(lost)))
	}
	return s.w.decode(&run)
}

// fillFrom asks another node for the values that are missing.
func (n *node) fillFrom(other *node) {
	n.w.t.Helper()
	for _, id := range n.wants() {
		var line *wire.Line
		other.view(func(l *ledger.Ledger) (err error) {
			line, err = l.Line(id)
			return err
		})
		if line != nil {
			n.update(func(l *ledger.Ledger) error {
				_, err := l.Fill(line)
				return err
			})
		}
	}
}

func (s *story) fill() { s.node().fillFrom(s.node()) }

// revoke ends a tablet's grant at some line of its log, and sometimes grants it anew.
func (s *story) revoke() {
	n := rapid.SampledFrom(s.w.tablets).Draw(s.T, "revoked")
	grant, ok := s.grants[n]
	if !ok {
		return
	}
	var cuts []se.Head
	for _, x := range s.w.written {
		if x.at.Replica == n.pen.Replica() {
			cuts = append(cuts, se.Head{Seq: x.at.Seq, Chain: x.at.Chain})
		}
	}
	cut := rapid.SampledFrom(append(cuts, se.Head{})).Draw(s.T, "cut")
	s.w.rule(se.Ruling{Type: se.Revoke, Target: grant, Cut: cut})
	delete(s.grants, n)
	if rapid.Bool().Draw(s.T, "granted anew") {
		s.grants[n] = s.w.grant(n, "")
	}
}

func (s *story) copyNode() {
	if s.copies && len(s.w.tablets) < 6 {
		n := rapid.SampledFrom(s.w.tablets).Draw(s.T, "copied")
		s.w.tablets = append(s.w.tablets, n.copyOf("copy of "+n.name))
	}
}

// succeed lets a new replica go on for a tablet, with some of its changes.
func (s *story) succeed() {
	if !s.copies || len(s.w.tablets) >= 6 {
		return
	}
	old := rapid.SampledFrom(s.w.tablets).Draw(s.T, "old")
	var lines []*wire.Line
	for _, x := range s.w.written {
		if x.at.Replica == old.pen.Replica() && rapid.Bool().Draw(s.T, "taken over") {
			lines = append(lines, x.line)
		}
	}
	next := s.w.successor(old, fmt.Sprint("successor ", len(s.w.tablets)), old.account)
	lines = slices.DeleteFunc(lines, func(line *wire.Line) bool { return next.verdict(line.Change.ID) == "not held" })
	next.envelop(lines...)
}
