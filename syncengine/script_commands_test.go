package syncengine_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	se "github.com/arpenteur/arpenteur/syncengine"
)

// command runs one command. A command is read by its verb, which is its first or second word.
func (s *script) command(w, below []string) {
	switch {
	case w[0] == "checklist" && len(w) == 5:
		s.lists[w[1]+" "+w[2]] = s.checklist(w[1], w[2], se.Kind(w[4]), below)
	case w[0] == "tablet" && len(w) == 4:
		s.enrol(w[1], se.AccountID(w[3]), se.ReplicaID{})
	case w[0] == "show" && len(w) == 3:
		s.show(s.node(w[1]), w[2])
	case w[0] == "seen" && len(w) == 2:
		s.seen(w[1])
	case w[0] == "places" && len(w) == 2:
		s.places(s.node(w[1]))
	case s.drafts[w[0]] != nil:
		s.draft(w[0], w[1], w[2:])
	case len(w) < 3:
		s.fail("what is %q?", w)
	case w[0] == "server" && s.rule(w[1], w[2:]):
	default:
		s.act(s.node(w[0]), strings.Join(w[1:3], " "), w)
	}
}

// act is what a tablet or the server does, or what becomes of it.
func (s *script) act(n *node, verb string, w []string) {
	switch {
	case w[1] == "opens":
		s.open(n, w[2], w[3:])
	case verb == "syncs with":
		other := s.node(w[3])
		n.sync(other)
		other.sync(n)
	case w[1] == "takes":
		from := slices.Index(w, "from")
		for _, name := range w[2:from] {
			n.takeOne(s.node(w[from+1]), s.change(name), s.option(w, "without"))
		}
	case w[1] == "hears":
		n.hear(s.node(w[2]))
	case w[1] == "envelopes":
		for _, name := range w[2:] {
			n.append(s.change(name))
		}
	case verb == "backs up":
		s.backups[n.name] = n.copy()
	case verb == "is restored":
		s.nodes[n.name] = s.backups[n.name].copy()
	case verb == "is copied":
		s.nodes[w[4]] = n.copy()
		s.nodes[w[4]].name = w[4]
	case verb == "goes on":
		s.succeed(n, w[4])
	case w[1] == "lacks":
		n.lacks[s.list(w[2:]).Version] = true
	case w[1] == "gets":
		delete(n.lacks, s.list(w[2:]).Version)
	default:
		s.fail("nobody knows how to %q", w[1])
	}
}

// enrol grants a new replica and gives its tablet what the server holds.
func (s *script) enrol(name string, account se.AccountID, predecessor se.ReplicaID) {
	replica := replicaID(name)
	s.ruling(&se.Ruling{
		Type: se.Grant, Replica: replica, Account: account, Role: se.RoleConsultant,
		Kinds: []se.Kind{"observation", "place"}, Predecessor: predecessor,
	})
	if !predecessor.IsZero() {
		return
	}
	n := newNode(s, name, replica)
	n.account = account
	s.nodes[name] = n
	n.sync(s.node("server"))
}

// succeed lets a tablet's store go on under a new replica, whose log is empty.
func (s *script) succeed(n *node, name string) {
	s.enrol(name, n.account, n.replica)
	n.sync(s.node("server"))
	delete(s.nodes, n.name)
	s.nodes[name] = n
	n.name, n.replica, n.head = name, replicaID(name), se.Head{}
}

// rule makes a ruling of the server and reports whether verb is one.
func (s *script) rule(verb string, w []string) bool {
	types := map[string]se.RulingType{
		"refuses": se.Refuse, "voids": se.Void, "releases": se.Release, "untimes": se.Untimed, "redacts": se.Redact,
		"revokes": se.Revoke, "publishes": se.Publish,
	}
	kind, ok := types[verb]
	if !ok {
		return false
	}
	r := &se.Ruling{Type: kind}
	switch kind {
	case se.Publish:
		list := s.list(w)
		r.Version, r.Lineage = list.Version, list.Lineage
	case se.Revoke:
		r.Target = s.grantOf(w[0])
		if len(w) == 3 { // after A: the last change that stands
			r.Cut = s.node("server").headAt(replicaID(w[0]), s.change(w[2]))
		}
	default:
		r.Target = s.change(w[0])
		for _, p := range w[1:] {
			r.Paths = append(r.Paths, s.path(p))
		}
	}
	s.ruling(r)
	return true
}

// ruling appends a ruling to the authority's log.
func (s *script) ruling(r *se.Ruling) {
	server := s.node("server")
	s.rulings++
	c := &se.Change{ID: changeID(fmt.Sprint("ruling ", s.rulings)), Header: se.Header{
		Format: 1, Kind: se.KindRuling, At: se.AuthorityPoint{Replica: authority, Seq: server.head.Seq}, Ruling: r,
	}}
	server.changes[c.ID] = c
	server.append(c.ID)
	server.erase()
}

func (s *script) grantOf(name string) se.ChangeID {
	for _, c := range s.node("server").changes {
		if c.Ruling != nil && c.Ruling.Type == se.Grant && c.Ruling.Replica == replicaID(name) {
			return c.ID
		}
	}
	s.fail("%s has no grant", name)
	return se.ChangeID{}
}

func (s *script) node(name string) *node {
	n := s.nodes[name]
	if n == nil {
		s.fail("there is no %q", name)
	}
	return n
}

func (s *script) list(w []string) *se.Checklist {
	l := s.lists[strings.Join(w, " ")]
	if l == nil {
		s.fail("there is no checklist %q", w)
	}
	return l
}

func (s *script) change(name string) se.ChangeID {
	id := changeID(name)
	if s.changes[id] == "" {
		s.fail("there is no change %s", name)
	}
	return id
}

// option returns the words after the word at, up to the next option.
func (s *script) option(w []string, at string) []string {
	i := slices.Index(w, at)
	if i < 0 {
		return nil
	}
	out := w[i+1:]
	for j, word := range out {
		if slices.Contains([]string{"with", "unfolding", "for", "settling", "in", "without"}, word) {
			return out[:j]
		}
	}
	return out
}

// id returns the UUID that a name stands for, and remembers the name.
func (s *script) id(name string) string {
	id := recordID(name).String()
	s.elements[id] = name
	return id
}

// named reports whether a word names a record, place or element: r1, p1, e1.
func named(word string) bool {
	_, err := strconv.Atoi(word[min(1, len(word)):])
	return err == nil && strings.ContainsAny(word[:1], "rpe")
}

func (s *script) path(text string) se.Path {
	parts := strings.Split(text, "/")
	for i, part := range parts {
		if part != "" && named(part) {
			parts[i] = s.id(part)
		}
	}
	return se.Path(strings.Join(parts, "/"))
}

// value returns the canonical JSON of a word: as it stands where it is JSON already, the id of what it names, else a string.
func (s *script) value(word string) se.Value {
	switch {
	case named(word):
		return se.Value(`"` + s.id(word) + `"`)
	case json.Valid([]byte(word)):
		return se.Value(word)
	default:
		return se.Value(`"` + word + `"`)
	}
}

// clock is what author clocks say: a minute passes between two changes, and some clocks stand in another year.
func (s *script) clock(year []string) int64 {
	if len(year) == 1 {
		y, err := strconv.Atoi(year[0])
		if err != nil {
			s.fail("what year is %q?", year[0])
		}
		return time.Date(y, 1, 1, 0, 0, 0, 0, time.UTC).UnixMilli()
	}
	return time.Date(2026, 11, 22, 9, len(s.changes), 0, 0, time.UTC).UnixMilli()
}
