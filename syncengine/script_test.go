package syncengine_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	se "github.com/arpenteur/arpenteur/syncengine"
)

var update = flag.Bool("update", false, "rewrite what the scripts under testdata print")

// TestScripts runs the cases under testdata. Each is a text that begins with the situation in the field, then gives commands and
// what they print. A block is a few commands, and below a line of four dashes what they print; blank lines part blocks. Lines that
// begin with # are for the reader. The commands:
//
//	checklist litter v1 of observation         defines a version; its registers, lenses and rules stand indented below it:
//	  /litter/rating string review                a leaf: string, integer, number, boolean or atomic, and its policy
//	  /litter/worst string highest bad poor good  … with its answers in ascending order
//	  /source set police landlord                 a set, /signs list a repeat group, /signs/*/text its leaf, /notes authors a map
//	  rename /old /new                            lenses, read from the version before: also codes /path old=new, retire /path
//	  excludes /lift/present=no /lift/since       a rule: with this answer that register must be empty
//	server publishes litter v1                 brings a version into force
//	tablet T1 for u1                           enrols a tablet: the server grants, the tablet takes what the server holds
//	T1 opens d1 on r1                          renders r1 in a form; may end in: with litter, unfolding /path …, for c1, settling
//	d1 writes /path value                      also: d1 adds /node/, d1 removes /node/ (removes / deletes the record)
//	d1 commits as A                            makes the change A and appends it to the log; may end in: in 2031, in format 2
//	T1 syncs with server                       each takes from the other what it lacks
//	T1 hears server                            takes the authority's log alone
//	T2 takes A B from T1                       only these changes; may end in: without /path (its value was stripped)
//	server refuses A                           also voids, releases, untimes, redacts A /path …, revokes T1 after A, revokes T1
//	T1 backs up, T1 is restored                its store goes back to what it was
//	T1 is copied to T9                         a second tablet with the same store and the same replica id
//	T1 goes on as T2                           its replica takes a successor
//	T2 envelopes A                             puts a change that it holds into its own log as well
//	T1 lacks litter v2, T1 gets litter v2      the content of a version
//	seen d1                                    prints what the form of a draft showed
//	show T1 r1                                 prints the record as T1 merges it
//	places T1                                  prints the tree of places
//
// r1, p1 and e1 name records, places and elements. Every show also merges what the tablet holds in several orders, rebuilds it,
// hears the rulings backwards, and compares all of that with the oracle.
func TestScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no scripts", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.HasPrefix(string(text), "# ") {
				t.Fatalf("%s doesn't begin by saying what happens in the field", file)
			}
			ran := newScript(t, file).run(string(text))
			if ran == string(text) {
				return
			}
			if !*update {
				t.Fatalf("%s: prints something else (go test -run TestScripts -update rewrites it):\n%s", file, firstDifference(string(text), ran))
			}
			if err := os.WriteFile(file, []byte(ran), 0o644); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// firstDifference shows two texts from the block in which they part.
func firstDifference(want, got string) string {
	a, b := strings.Split(want, "\n\n"), strings.Split(got, "\n\n")
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return "--- written\n" + a[i] + "\n--- printed\n" + b[i]
		}
	}
	return "one has more blocks than the other"
}

// script is one case: what there is in its world, by the names that it gives.
type script struct {
	t        *testing.T
	file     string
	line     int
	out      strings.Builder
	lists    map[string]*se.Checklist // "litter v1"
	nodes    map[string]*node
	backups  map[string]*node
	drafts   map[string]*form
	changes  map[se.ChangeID]string
	elements map[string]string // UUID to name
	rulings  int
	watch    func(n *node) // is told of each show; may be nil
}

func newScript(t *testing.T, file string) *script {
	s := &script{
		t: t, file: file, lists: map[string]*se.Checklist{}, nodes: map[string]*node{}, backups: map[string]*node{},
		drafts: map[string]*form{}, changes: map[se.ChangeID]string{}, elements: map[string]string{},
	}
	s.nodes["server"] = newNode(s, "server", authority)
	return s
}

// run runs every block and returns the text with what the commands print.
func (s *script) run(text string) string {
	var out []string
	for _, block := range strings.Split(strings.TrimRight(text, "\n"), "\n\n") {
		commands, _, _ := strings.Cut(block+"\n", "\n----\n")
		commands = strings.TrimRight(commands, "\n")
		s.out.Reset()
		s.block(strings.Split(commands, "\n"))
		s.line += strings.Count(block, "\n") + 2
		if s.out.Len() > 0 {
			commands += "\n----\n" + strings.TrimRight(s.out.String(), "\n")
		}
		out = append(out, commands)
	}
	return strings.Join(out, "\n\n") + "\n"
}

func (s *script) block(lines []string) {
	start := s.line
	defer func() { s.line = start }()
	for i := 0; i < len(lines); i++ {
		s.line = start + i + 1
		if strings.HasPrefix(lines[i], "#") {
			continue
		}
		var below []string
		command := lines[i]
		for i+1 < len(lines) && strings.HasPrefix(lines[i+1], "  ") {
			i++
			below = append(below, strings.TrimSpace(lines[i]))
		}
		s.command(words(command), below)
	}
}

// words splits a line at blanks, but not inside double quotes.
func words(line string) []string {
	var out []string
	quoted := false
	for part := range strings.SplitSeq(line, " ") {
		switch {
		case quoted:
			out[len(out)-1] += " " + part
		case part != "":
			out = append(out, part)
		}
		if strings.Count(part, `"`)%2 == 1 {
			quoted = !quoted
		}
	}
	return out
}

// fail ends the test: the script says something that can't be.
func (s *script) fail(format string, args ...any) {
	s.t.Helper()
	s.t.Fatalf("%s:%d: %s", s.file, s.line, fmt.Sprintf(format, args...))
}

func (s *script) print(format string, args ...any) {
	s.out.WriteString(s.readable(fmt.Sprintf(format, args...)) + "\n")
}

// readable puts names for the ids that the script gave names to.
func (s *script) readable(text string) string {
	for id, name := range s.elements {
		text = strings.ReplaceAll(text, id, name)
	}
	return text
}
