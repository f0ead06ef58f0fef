package ledger_test

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"

	se "github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/ledger"
	"github.com/arpenteur/arpenteur/syncengine/store"
	"github.com/arpenteur/arpenteur/syncengine/store/boltstore"
	"github.com/arpenteur/arpenteur/syncengine/store/storetest"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// pushSize is how many observations a tablet brings back from a day.
const pushSize = 500

// answers is the checklist of the benchmarks: eight questions, three of them indexed. It validates nothing, which is the business of
// another package.
func answers(id se.VersionID, _ []byte) (*se.Checklist, error) {
	children := map[string]*se.Node{
		"place": leaf(se.StringLeaf, se.Review), "visit": leaf(se.StringLeaf, se.Review), "rater": leaf(se.StringLeaf, se.Review),
		"litter": leaf(se.IntegerLeaf, se.Review), "glass": leaf(se.IntegerLeaf, se.Highest), "note": leaf(se.StringLeaf, se.Latest),
		"smell": leaf(se.IntegerLeaf, se.Review), "walls": leaf(se.IntegerLeaf, se.Review),
	}
	return &se.Checklist{
		Version: id, Lineage: "cleanliness", Kind: "observation", Domain: "cleanliness", Shape: group(children),
		Index: map[string]se.Path{"place": "/place", "visit": "/visit", "rater": "/rater"},
	}, nil
}

func answered(key se.RecordKey, i int) ledger.Edit {
	id := fmt.Sprintf(`"019a0000-0000-7000-8000-%012d"`, i/10)
	return ledger.Edit{
		Record: key, Author: "c1", Time: 1795000000000 + int64(i), Checklist: versionOf("cleanliness", 1),
		Writes: []se.Write{
			set("/", se.True), set("/place", se.Value(id)), set("/visit", `"019a0000-0000-7000-8000-00000000ffff"`), set("/rater", `"c1"`),
			set("/litter", "2"), set("/glass", "3"), set("/smell", "1"), set("/walls", "4"), set("/note", `"bags left beside the bins"`),
		},
	}
}

// push is a server and the runs that a tablet brings it.
type push struct {
	w         *world
	authority se.ReplicaID
	tablet    *node
	runs      []*ledger.Incoming
}

func newPush(b *testing.B, s store.Store) *push {
	b.Helper()
	p := &push{w: newWorld(b)}
	p.authority = p.w.server.pen.Replica()
	p.w.server.keep = ledger.NewKeeper(answers)
	p.tablet = p.w.tablet("t1", "c1")
	p.tablet.keep = ledger.NewKeeper(answers)
	if s != nil {
		server := p.w.fresh("server on disk")
		server.store, server.keep = s, p.w.server.keep
		server.pull(p.w.server)
		p.w.server = server
	}
	return p
}

// next makes the runs of another day.
func (p *push) next(b *testing.B) {
	b.Helper()
	p.runs = nil
	var lines [][]byte
	var size wire.RunSize
	for i := range pushSize {
		e := answered(p.w.observation(), i)
		var salt wire.Salt
		_, _ = p.w.Read(salt[:])
		line, err := wire.NewLine(se.Header{
			Ledger: p.w.id, Kind: e.Record.Kind, Record: e.Record.ID, Checklist: e.Checklist, Author: e.Author, Time: e.Time,
			At: se.AuthorityPoint{Replica: p.authority, Seq: 3}, Writes: e.Writes,
		}, salt)
		if err != nil {
			b.Fatal(err)
		}
		raw := wire.AppendLine(nil, line)
		if !size.Add(len(raw)) {
			p.sign(lines)
			lines, size = nil, wire.RunSize{Lines: 1, Bytes: len(raw)}
		}
		lines = append(lines, raw)
	}
	p.sign(lines)
}

// sign makes a run of lines behind those before.
func (p *push) sign(lines [][]byte) {
	in := p.w.craft(p.tablet.pen.Key, p.tablet.own, lines...)
	if p.tablet.own.Seq == 0 {
		p.tablet.own.Chain = wire.ChainStart(p.w.id, in.Replica)
	}
	for _, line := range in.Decoded {
		p.tablet.own = se.Head{Seq: p.tablet.own.Seq + 1, Chain: wire.ChainNext(p.tablet.own.Chain, line.Change.ID)}
	}
	p.runs = append(p.runs, in)
}

// take is what the server does with them, decoded as they are.
func (p *push) take(b *testing.B) {
	var l *ledger.Ledger
	err := store.Prepare(context.Background(), p.w.server.store, func(tx store.Writer) (err error) {
		if l, err = p.w.server.keep.Edit(tx, p.w.id); err != nil {
			return err
		}
		for _, in := range p.runs {
			if _, err := l.Receive(in); err != nil {
				return err
			}
		}
		return l.Settle()
	}, func(tx store.Writer) error {
		_, err := l.Advances(tx)
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
}

func (p *push) report(b *testing.B) {
	b.Helper()
	per := float64(b.N * pushSize)
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/per, "ns/observation")
	bytes := 0
	for _, in := range p.runs {
		for _, line := range in.Lines {
			bytes += len(line)
		}
	}
	b.ReportMetric(float64(bytes)/pushSize, "line-bytes")
}

func BenchmarkReceivingADayOfObservations(b *testing.B) {
	b.Run("memory", func(b *testing.B) {
		p := newPush(b, nil)
		p.next(b)
		memory, _ := p.w.server.store.(*storetest.Memory)
		before := memory.Snapshot()
		b.ReportAllocs()
		for b.Loop() {
			memory.Restore(before)
			p.take(b)
		}
		p.report(b)
	})
	b.Run("bolt", func(b *testing.B) {
		s, err := boltstore.Open(filepath.Join(b.TempDir(), "store"), boltstore.Options{})
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { _ = s.Close() })
		p := newPush(b, s)
		b.ReportAllocs()
		for b.Loop() {
			b.StopTimer()
			p.next(b)
			b.StartTimer()
			p.take(b)
		}
		p.report(b)
	})
}

func BenchmarkMergingARecordOfManyChanges(b *testing.B) {
	const batches, size = 200, 10
	p := newPush(b, nil)
	key := p.w.observation()
	var lines [][]byte
	for i := range batches * size {
		line := p.tablet.commit(p.tablet.form("cleanliness", key, answered(key, i).Writes...))[0]
		lines = append(lines, wire.AppendLine(nil, line))
	}
	p.tablet.own = se.Head{}
	for len(lines) > 0 { // the same lines as they were written, ten to a run
		p.sign(lines[:size])
		lines = lines[size:]
	}
	days := p.runs
	memory, _ := p.w.server.store.(*storetest.Memory)
	before := memory.Snapshot()
	b.ReportAllocs()
	for b.Loop() {
		memory.Restore(before)
		for i := range days {
			p.runs = days[i : i+1]
			p.take(b)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*batches*size), "ns/change")
}
