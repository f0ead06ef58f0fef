package ledger_test

import (
	"crypto/sha256"
	"strings"

	se "github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/ledger"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// tale is what happens in one case of the merge vectors.
type tale struct {
	name, note string
	tell       func(s *telling)
}

const (
	rating   se.Path = "/hall/rating"
	remark   se.Path = "/hall/remark"
	police   se.Path = "/source/police/"
	landlord se.Path = "/source/landlord/"
	sign     se.Path = "/signs/019aa500-c66a-7297-9c92-02e7bb912f12"
	otherOne se.Path = "/signs/019aa500-c66a-7297-9c92-02e7bb912f13"
)

// joins are about the leaves of a record.
func joins() []tale {
	return []tale{
		{"different fields", "", func(s *telling) {
			s.both(set(rating, `"1"`))
			s.writes(s.a, set(remark, `"swept"`))
			s.writes(s.b, set("/spot", `{"lat":48.5}`))
		}},
		{"one field, seen and replaced", "", func(s *telling) {
			s.both(set(rating, `"1"`), set(remark, `"swept"`))
			s.writes(s.b, set(rating, `"2"`), set(remark, "null"))
		}},
		{"one field, unseen", "", func(s *telling) {
			s.both(set(rating, `"1"`))
			s.writes(s.a, set(rating, `"2"`), set(remark, `"swept"`))
			s.writes(s.b, set(rating, `"3"`), set(remark, `"dirty"`))
		}},
		{"equal values", "", func(s *telling) {
			s.both(set(rating, `"1"`))
			s.writes(s.a, set(rating, `"2"`))
			s.writes(s.b, set(rating, `"2"`))
		}},
		{"three values, of which two were seen and settled", "", func(s *telling) {
			s.writes(s.a, set(rating, `"1"`))
			s.writes(s.b, set(rating, `"2"`))
			s.writes(s.server, set(rating, `"3"`))
			s.server.pull(s.a)
			s.writes(s.server, set(rating, `"3"`))
		}},
		{"latest", "", func(s *telling) {
			s.writes(s.b, set("/stage", "2"))
			s.writes(s.a, set("/stage", "1"))
		}},
		{"highest", "a value without a rank yields to every answer", func(s *telling) {
			s.writes(s.a, set("/danger", `"3"`), set("/lit", "true"))
			s.writes(s.b, set("/danger", `"2"`), set("/lit", "false"))
			s.writes(s.server, set("/danger", `"not_observed"`))
		}},
		{"highest of values without a rank", "the greater by bytes", func(s *telling) {
			s.writes(s.a, set("/danger", `"not_observed"`))
			s.writes(s.b, set("/danger", "null"))
			s.writes(s.server, set("/danger", `"not_applicable"`))
		}},
		{"lowest", "", func(s *telling) {
			s.writes(s.a, set("/lux", "10"))
			s.writes(s.b, set("/lux", "-2.5"))
			s.writes(s.server, set("/lux", "null"))
		}},
		{"an author map", "", func(s *telling) {
			s.writes(s.a, set("/notes/c1", `"gone at noon"`))
			s.writes(s.b, set("/notes/c2", `"back at two"`))
		}},
	}
}

// presences are about records, elements and members.
func presences() []tale {
	return []tale{
		{"a record deleted against an edit", "", func(s *telling) {
			s.both(set(rating, `"1"`))
			s.writes(s.a, set("/", se.False))
			s.writes(s.b, set(rating, `"2"`))
		}},
		{"a record deleted", "a conflict in what is not there asks for nobody", func(s *telling) {
			s.writes(s.a, set(rating, `"1"`))
			s.writes(s.b, set(rating, `"2"`))
			s.converge()
			s.writes(s.a, set("/", se.False))
		}},
		{"an element removed against an edit", "", func(s *telling) {
			s.both(set(sign.Node(), se.True), set(sign.Child("text"), `"No ball games"`))
			s.writes(s.a, set(sign.Node(), se.False))
			s.writes(s.b, set(sign.Node(), se.True), set(sign.Child("text"), `"No football"`))
		}},
		{"elements in order", "by position, then id, those without a position last", func(s *telling) {
			third := se.Path("/signs/019aa500-c66a-7297-9c92-02e7bb912f11")
			s.writes(s.a, set(otherOne.Node(), se.True), set(otherOne.Child("position"), "-1"), set(third.Node(), se.True))
			s.writes(s.b, set(sign.Node(), se.True), set(sign.Child("position"), "2.5"), set(sign.Child("text"), `"Bikes"`))
		}},
		{"members of a set added and removed", "adding wins", func(s *telling) {
			s.both(set(police, se.True), set(landlord, se.True))
			s.writes(s.a, set(police, se.False), set(landlord, se.False))
			s.writes(s.b, set(police, se.True))
		}},
	}
}

// rulings are about decisions of the authority.
func rulings() []tale {
	return []tale{
		{"void in the middle", "what the voided change replaced stays replaced by the one after", func(s *telling) {
			s.both(set(rating, `"1"`))
			middle := s.both(set(rating, `"2"`))
			s.both(set(rating, `"3"`))
			s.rule(se.Ruling{Type: se.Void, Target: middle})
		}},
		{"refused", "", func(s *telling) {
			s.both(set(rating, `"1"`))
			s.rule(se.Ruling{Type: se.Refuse, Target: s.both(set(rating, `"2"`))})
		}},
		{"refused, then released", "", func(s *telling) {
			s.both(set(rating, `"1"`))
			last := s.both(set(rating, `"2"`))
			s.rule(se.Ruling{Type: se.Refuse, Target: last})
			s.rule(se.Ruling{Type: se.Release, Target: last})
		}},
		{"revoked with a cut", "what is beyond the cut has no effect but where it was released", func(s *telling) {
			s.writes(s.a, set(rating, `"1"`))
			head := s.a.own
			s.writes(s.a, set(rating, `"2"`))
			released := s.writes(s.a, set("/stage", "3"))
			s.converge()
			grant := s.grantOf(s.a)
			s.rule(se.Ruling{Type: se.Revoke, Target: grant, Cut: head})
			s.rule(se.Ruling{Type: se.Release, Target: released})
		}},
		{"revoked on one branch", "the branch that does not lead to the cut is beyond it", func(s *telling) {
			s.writes(s.a, set(rating, `"1"`))
			copied := s.a.copyOf("copy of a")
			s.tablets = append(s.tablets, copied)
			s.writes(s.a, set(rating, `"2"`))
			s.writes(copied, set(rating, `"3"`))
			s.converge()
			s.rule(se.Ruling{Type: se.Revoke, Target: s.grantOf(s.a), Cut: s.a.own})
		}},
		{"a redacted field", "it is still replaced what it replaced, and ranks behind every other", func(s *telling) {
			s.both(set(rating, `"1"`), set(remark, `"see the caretaker"`))
			named := s.writes(s.a, set(rating, `"2"`), set(remark, `"Mrs X, flat 3"`))
			s.writes(s.b, set(remark, `"swept"`))
			s.converge()
			s.rule(se.Ruling{Type: se.Redact, Target: named, Paths: []se.Path{remark}})
		}},
		{"a redacted field, alone", "", func(s *telling) {
			named := s.both(set(remark, `"Mrs X, flat 3"`))
			s.rule(se.Ruling{Type: se.Redact, Target: named, Paths: []se.Path{remark}})
		}},
		{"untimed", "it ranks below what an earlier clock says", func(s *telling) {
			s.writes(s.b, set(rating, `"2"`))
			s.rule(se.Ruling{Type: se.Untimed, Target: s.writes(s.a, set(rating, `"1"`))})
		}},
		{"a decision that returned after a restore", "lines of an older incarnation sort before those of a newer one", func(s *telling) {
			first := s.both(set(rating, `"1"`))
			again := s.server.restored("restored")
			s.rule(se.Ruling{Type: se.Void, Target: first})
			s.a.pull(s.server)
			s.goesOn(again, se.Ruling{Type: se.Release, Target: first})
		}},
	}
}

// standings are about who may write what, and when.
func standings() []tale {
	return []tale{
		{"an authority point that is not held", "", func(s *telling) {
			s.both(set(rating, `"1"`))
			s.tablet("c", "c3")
			s.a.pull(s.server)
			s.writes(s.a, set(rating, `"2"`))
			s.b.takeAll(s.a.ownRuns()...)
			s.holder = s.b
		}},
		{"a cut that is not held", "what is held of the log counts as leading to it", func(s *telling) {
			s.both(set(rating, `"1"`))
			s.writes(s.a, set(rating, `"2"`))
			s.server.pull(s.a)
			s.rule(se.Ruling{Type: se.Revoke, Target: s.grantOf(s.a), Cut: s.a.own})
			s.b.takeAll(s.server.ownRuns()...)
			s.holder = s.b
		}},
		{"a kind that the grant does not name", "", func(s *telling) {
			c := s.node("c", "c3")
			s.grant(c, "", "visit")
			c.pull(s.server)
			s.tablets = append(s.tablets, c)
			s.writes(s.a, set(rating, `"1"`))
			s.writes(c, set(rating, `"2"`))
		}},
		{"a successor takes over what its predecessor wrote", "its own grant is later than the change's authority point", func(s *telling) {
			s.takenOver(s.a, "c1")
		}},
		{"a successor of another account takes over nothing", "", func(s *telling) {
			s.takenOver(s.a, "c2")
		}},
		{"a grant to the account that a predecessor had not", "", func(s *telling) {
			s.takenOver(s.b, "c1")
		}},
		{"a ruling in a tablet's log", "it is kept, and means nothing", func(s *telling) {
			target := s.both(set(rating, `"1"`))
			s.appends(s.a, se.Header{Kind: se.KindRuling, Ruling: &se.Ruling{Type: se.Void, Target: target}})
		}},
		{"an incarnation that another root certified", "", func(s *telling) {
			target := s.both(set(rating, `"1"`))
			impostor := s.node("impostor", "boss")
			head := s.server.own
			s.appends(impostor, se.Header{Kind: se.KindRuling, Ruling: wire.Certify(keyOf("another root"), s.id, wire.PublicKeyOf(publicOf(impostor.pen.Key)), 2, s.server.pen.Replica(), head)})
			s.appends(impostor, se.Header{Kind: se.KindRuling, Ruling: &se.Ruling{Type: se.Void, Target: target}})
		}},
	}
}

// readings are about what a change is read with, and whether it fits.
func readings() []tale {
	return []tale{
		{"a value of the wrong type", "", func(s *telling) {
			s.both(set(rating, `"1"`))
			s.writes(s.a, set(rating, `"2"`), set("/stage", "1.5"))
		}},
		{"a path that is no register", "", func(s *telling) {
			s.both(set(rating, `"1"`))
			s.writes(s.a, set(rating, `"2"`), set("/source/", "true"))
		}},
		{"a kind that is not the checklist's", "", func(s *telling) {
			s.key.Kind = "visit"
			c := s.node("c", "c3")
			s.grant(c, "", "visit")
			c.pull(s.server)
			s.tablets = append(s.tablets, c)
			s.writes(c, set(rating, `"2"`))
		}},
		{"an element without its presence", "", func(s *telling) {
			s.both(set(rating, `"1"`))
			s.appends(s.a, se.Header{
				Kind: "observation", Checklist: se.VersionID{Hash: sha256.Sum256(smallContent(s.test, 1))}, Author: "c1",
				Writes: []se.Write{{Path: "/", Value: se.True}, {Path: rating, Value: `"2"`}, {Path: sign.Node(), Value: se.True}, {Path: sign.Child("text"), Value: `"Bikes"`}},
			}, sign.Node())
		}},
		{"values that a relay stripped", "what was written waits, and what it replaced stays", func(s *telling) {
			s.both(set(rating, `"1"`))
			s.writes(s.a, set(rating, `"2"`))
			s.holder, s.more = s.b, []*ledger.Incoming{s.stripped(s.a.ownRuns()[0])}
		}},
		{"values that came", "of two changes whose values a relay stripped, one has them again", func(s *telling) {
			s.both(set(rating, `"1"`))
			s.writes(s.a, set(rating, `"2"`))
			line := s.written[len(s.written)-1].line
			s.writes(s.a, set(rating, `"3"`), set("/lit", "true"))
			s.holder, s.more, s.values = s.b, []*ledger.Incoming{s.stripped(s.a.ownRuns()[0])}, []*wire.Line{line}
		}},
		{"content that the version does not name", "what was written under it waits", func(s *telling) {
			s.both(set(rating, `"1"`))
			version := se.VersionID{Hash: se.Hash{1}}
			edits, err := ledger.Publish(s.newID, "boss", 5, ledger.Publication{Version: version, Lineage: "small", Content: smallContent(s.test, 2)})
			s.must(err)
			s.server.commit(edits...)
			s.a.pull(s.server)
			s.appends(s.a, se.Header{
				Kind: "observation", Checklist: version, Author: "c1", Writes: []se.Write{{Path: "/", Value: se.True}, {Path: "/entrance/rating", Value: `"2"`}},
			})
		}},
		{"a version that the current one does not descend from", "published and lost before a restore, it came back", func(s *telling) {
			s.both(set(rating, `"1"`))
			again := s.server.restored("restored")
			s.publishContent("small", smallContent(s.test, 2))
			s.a.pull(s.server)
			s.goesOn(again, se.Ruling{Type: se.Untimed, Target: s.written[0].line.Change.ID})
			s.publishContent("small", smallContent(s.test, 3))
		}},
		{"an older version read through a lens", "", func(s *telling) {
			s.both(set(rating, `"1"`), set("/stage", "1"), set(police, se.True), set(sign.Node(), se.True), set(sign.Child("text"), `"Bikes"`))
			s.publishContent("small", smallContent(s.test, 2))
			s.a.pull(s.server)
			s.writes(s.b, set(rating, `"2"`), set("/stage", "2"), set(police, se.False))
			s.writes(s.a, set("/entrance/rating", `"3"`))
		}},
	}
}

// takenOver lets a replica that a grant calls the successor of another put a change of the first tablet into its own log, from where
// alone the server has it.
func (s *telling) takenOver(predecessor *node, account se.AccountID) {
	s.t.Helper()
	s.a.pull(s.server)
	s.writes(s.a, set(rating, `"1"`))
	line := s.written[len(s.written)-1].line
	next := s.a.copyOf("next")
	next.account, next.own, next.pen = account, se.Head{}, ledger.Pen{Key: keyOf("next"), Rand: s.world}
	s.grant(next, predecessor.name)
	next.pull(s.server)
	next.envelop(line)
	s.server.takeAll(next.ownRuns()...)
	s.holder = s.server
}

// goesOn lets a server that was restored take the place of the server that was, and rule.
func (s *telling) goesOn(again *node, r se.Ruling) {
	s.t.Helper()
	s.server = again
	s.converge()
	e, err := ledger.Rule(s.newID, "boss", 9, r, "")
	s.must(err)
	s.server.update(func(l *ledger.Ledger) error {
		_, err := l.Commit(s.server.pen, e)
		return err
	})
}

// appends signs a line by hand, as no program of ours does, behind the lines of a node, and lets it come behind all else. Presences can be
// left out of it.
func (s *telling) appends(n *node, h se.Header, without ...se.Path) {
	s.t.Helper()
	h.Ledger, h.Record, h.Author, h.Time = s.id, s.key.ID, n.account, 9000
	h.At = se.AuthorityPoint{Replica: s.server.pen.Replica(), Seq: s.server.own.Seq}
	line, err := wire.NewLine(h, wire.Salt{1})
	s.must(err)
	for _, p := range without {
		text := strings.Replace(string(wire.AppendLine(nil, line)), `"`+string(p)+`":true,`, "", 1)
		line, err = wire.DecodeLine([]byte(text), s.id)
		s.must(err)
	}
	n.wrote(line)
	s.more = append(s.more, s.decode(&wire.Run{
		Ledger: s.id, Replica: n.pen.Replica(), First: n.own.Seq, Lines: [][]byte{wire.AppendLine(nil, line)}, Head: wire.SignHead(n.pen.Key, s.id, n.own),
	}))
}

// grantOf finds the grant of a node.
func (w *world) grantOf(n *node) se.ChangeID {
	w.t.Helper()
	for _, x := range w.written {
		if r := x.line.Change.Ruling; r != nil && r.Type == se.Grant && r.Replica == n.pen.Replica() {
			return x.line.Change.ID
		}
	}
	w.t.Fatalf("%s has no grant", n.name)
	return se.ChangeID{}
}
