package ledger_test

import (
	"bytes"
	"fmt"
	"slices"

	se "github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/internal/oracle"
	"github.com/arpenteur/arpenteur/syncengine/ledger"
)

// all knows everything that was ever written in a world: what a node knows that holds it all.
type all struct {
	w        *world
	versions map[string][]se.VersionID
	rulings  oracle.Ledger
}

func (w *world) all() all {
	k := all{w: w, versions: map[string][]se.VersionID{}, rulings: oracle.Ledger{Incarnations: []se.ReplicaID{w.server.pen.Replica()}}}
	for _, x := range w.written {
		r := x.line.Change.Ruling
		if r == nil || x.at.Replica != k.rulings.Incarnations[0] {
			continue
		}
		at := se.AuthorityPoint{Replica: x.at.Replica, Seq: x.at.Seq}
		k.rulings.Rulings = append(k.rulings.Rulings, se.PlacedRuling{ID: x.line.Change.ID, At: at, Ruling: r})
		if r.Type == se.Publish {
			k.versions[r.Lineage] = append(k.versions[r.Lineage], r.Version)
		}
	}
	return k
}

func (k all) Held(p se.AuthorityPoint) bool {
	return p.Replica == k.rulings.Incarnations[0] && p.Seq <= k.w.server.own.Seq
}

func (k all) Checklist(v se.VersionID) *se.Checklist {
	for lineage, versions := range k.versions {
		if i := slices.Index(versions, v); i >= 0 {
			content, _ := contentOf(lineage, i+1)
			list, err := compile(v, content)
			k.w.must(err)
			return list
		}
	}
	return nil
}

// SameBranch walks back from the cut, line by line.
func (k all) SameBranch(e se.Envelope, head se.Head) bool {
	at := slices.IndexFunc(k.w.written, func(x written) bool { return x.at.Seq == head.Seq && x.at.Chain == head.Chain })
	if at < 0 {
		return true
	}
	x := k.w.written[at]
	for x.at.Seq > e.Seq {
		before := k.w.before(x)
		x = k.w.written[slices.IndexFunc(k.w.written, func(y written) bool { return y.at.Chain == before.Chain })]
	}
	return x.at.Chain == e.Chain
}

// defined is what the changes of a record add up to by definition.
func (k all) defined(key se.RecordKey) oracle.Record {
	var changes []se.Judged
	for i, x := range k.w.written {
		c := x.line.Change
		if c.Key() != key || slices.ContainsFunc(k.w.written[:i], func(y written) bool { return y.line.Change.ID == c.ID }) {
			continue
		}
		var envelopes []se.Envelope
		for _, y := range k.w.written {
			if y.line.Change.ID == c.ID {
				envelopes = append(envelopes, y.at)
			}
		}
		j := se.Judged{Change: c, Decision: k.rulings.Decide(c.ID)}
		j.Verdict = se.Verdict{Status: k.rulings.Status(c, envelopes, k), Untimed: j.Decision.Untimed}
		if list := k.Checklist(c.Checklist); list != nil {
			for _, v := range k.versions[list.Lineage] {
				j.Reading = append(j.Reading, k.Checklist(v))
			}
		}
		changes = append(changes, j)
	}
	return oracle.Merge(changes)
}

// asDefined fails unless a node that holds everything shows a record as its definition says.
func (n *node) asDefined(key se.RecordKey) {
	n.w.t.Helper()
	want, got := n.w.all().defined(key), n.record(key)
	if got == nil {
		n.w.t.Fatalf("%s holds nothing of %v", n.name, key)
	}
	if a, b := string(got.AppendDocument(nil)), want.Document; a != b {
		n.w.t.Fatalf("%s shows %s, defined is %s", n.name, a, b)
	}
	if a, b := fmt.Sprintf("%+v", got.Fields), fmt.Sprintf("%+v", want.Fields); a != b {
		n.w.t.Fatalf("%s has the fields\n%s\ndefined are\n%s", n.name, a, b)
	}
	if !slices.Equal(got.Conflicts(), want.Conflicts) || got.Present != want.Present || got.Mixed != want.Mixed {
		n.w.t.Fatalf("%s: conflicts %v, defined are %v", n.name, got.Conflicts(), want.Conflicts)
	}
	if !slices.Equal(got.Pending(), want.Pending) || !slices.Equal(got.Ineffective(), want.Ineffective) {
		n.w.t.Fatalf("%s: pending %v, ineffective %v; defined are %v, %v", n.name, got.Pending(), got.Ineffective(), want.Pending, want.Ineffective)
	}
}

// print writes down all that a node shows of a record, in its history too, apart from the order in which changes came.
func (n *node) print(key se.RecordKey) string {
	n.w.t.Helper()
	var b bytes.Buffer
	m := n.record(key)
	if m == nil {
		return ""
	}
	fmt.Fprintf(&b, "%s\n%+v\n%v\n%v\n", m.AppendDocument(nil), m.Fields, m.Violations, m.States)
	n.view(func(l *ledger.Ledger) error {
		steps, err := l.History(key)
		for _, s := range steps {
			line, err := l.Line(s.ID)
			n.w.must(err)
			slices.SortFunc(s.Envelopes, func(x, y se.Envelope) int { return x.Replica.Compare(y.Replica.Hash)*4 + int(x.Seq) - int(y.Seq) })
			fmt.Fprintf(&b, "%s %+v %q %d envelopes", s.ID, s.Verdict, s.Reason, len(s.Envelopes))
			for _, w := range line.Change.Writes { // as it is sent; a line in two parts may hold the same values as a whole one
				fmt.Fprintf(&b, " %s=%s", w.Path, w.Value)
			}
			b.WriteByte('\n')
		}
		return err
	})
	return b.String()
}
