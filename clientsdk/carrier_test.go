package clientsdk_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"io"
	"net"
	"slices"
	"testing"

	"github.com/arpenteur/arpenteur/clientsdk"
	"github.com/arpenteur/arpenteur/clientsdk/peer"
	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// This file holds what the laws ask of both ways without a server, a file and another tablet: whatever comes, by whomever.

// stranger is a guest whose replica no grant names, and who says what it likes.
type stranger struct {
	t    *testing.T
	s    *peer.Session
	key  ed25519.PrivateKey
	done <-chan outcome
}

// joinedBy lets a stranger in, who claims to hold ledgers.
func joinedBy(t *testing.T, p *tablet, ledgers ...syncengine.LedgerID) *stranger {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	text, _, done := p.host(clientsdk.MeetOptions{})
	who := peer.Who{Keys: []ed25519.PrivateKey{key}, Ledgers: ledgers, Rand: rand.Reader}
	s, err := peer.Join(ctx, text, new(net.Dialer).DialContext, who, nil)
	if err != nil {
		t.Fatal(err)
	}
	return &stranger{t: t, s: s, key: key, done: done}
}

// say says frames, and returns what the host answers.
func (x *stranger) say(frames ...wire.Frame) (heard []wire.Frame) {
	x.t.Helper()
	_, err := x.s.Say(func(out *wire.Writer) error {
		for _, f := range frames {
			if err := out.WriteFrame(f); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		x.t.Fatal(err)
	}
	err = x.s.Hear(func(body io.Reader) error {
		in := wire.NewReader(body, wire.Limits{})
		defer in.Close()
		for {
			f, err := in.Next()
			if errors.Is(err, io.EOF) {
				return nil
			}
			if err != nil {
				return err
			}
			heard = append(heard, f)
		}
	})
	if err != nil {
		x.t.Fatal(err)
	}
	return heard
}

// leave says nothing more until the host has nothing to say either, and returns all that it said and its report.
func (x *stranger) leave() (heard []wire.Frame, report *clientsdk.Report) {
	x.t.Helper()
	for more := true; more; {
		all := x.say(&wire.Hello{}, &wire.End{})
		heard = append(heard, all...)
		end, _ := all[len(all)-1].(*wire.End)
		more = end != nil && end.More
	}
	if err := x.s.Close(); err != nil {
		x.t.Fatal(err)
	}
	out := <-x.done
	if out.err != nil {
		x.t.Fatal(out.err)
	}
	return heard, out.report
}

// onCarriers runs a test with each way on which frames come without the server.
func onCarriers(t *testing.T, test func(t *testing.T, w *world, bring func(q *tablet, name string, frames ...wire.Frame) *clientsdk.Report)) {
	t.Run("by file", func(t *testing.T) {
		w := newWorld(t)
		test(t, w, func(q *tablet, name string, frames ...wire.Frame) *clientsdk.Report {
			return q.take(w.sealFor(name, frames...))
		})
	})
	t.Run("by peer", func(t *testing.T) {
		w := newWorld(t)
		test(t, w, func(q *tablet, _ string, frames ...wire.Frame) *clientsdk.Report {
			x := joinedBy(t, q, w.ledger)
			x.say(append(append([]wire.Frame{&wire.Hello{}}, frames...), &wire.End{More: true})...)
			_, report := x.leave()
			return report
		})
	})
}

// onWays runs a test with each way on which one tablet gives another everything.
func onWays(t *testing.T, test func(t *testing.T, carry func(from, to *tablet) *clientsdk.Report)) {
	t.Run("by file", func(t *testing.T) {
		test(t, func(from, to *tablet) *clientsdk.Report {
			return to.take(from.stick(clientsdk.ExportOptions{Everything: true}))
		})
	})
	t.Run("by peer", func(t *testing.T) {
		test(t, func(from, to *tablet) *clientsdk.Report { _, g := meetAs(t, from, to); return g })
	})
}

func TestMaterialThatIsNotAsItWasSignedIsRemarkedByItsCode(t *testing.T) {
	onCarriers(t, func(t *testing.T, w *world, bring func(q *tablet, name string, frames ...wire.Frame) *clientsdk.Report) {
		p, q := w.newTablet("1"), w.newTablet("2")
		saved := p.observe(map[syncengine.Path]any{"/litter/rating": "2"})
		p.sync()
		runs := w.runsOf("m")
		own := runs[len(runs)-1]
		meddled := func(change func(r *wire.Run)) wire.Frame {
			r := *own
			r.Lines = slices.Clone(own.Lines)
			change(&r)
			return &r
		}
		bare := func(r *wire.Run) {
			l, err := r.DecodeLine(0)
			if err != nil {
				t.Fatal(err)
			}
			r.Lines[0] = wire.AppendLine(nil, l.Strip())
		}
		others := runFrames(runs[:len(runs)-1])
		for _, c := range []struct {
			name string
			run  wire.Frame
			code wire.Code
		}{
			{"a value that was changed", meddled(func(r *wire.Run) { r.Lines[0] = bytes.Replace(r.Lines[0], []byte(`"2"`), []byte(`"4"`), 1) }), wire.CodeBadHead},
			{"the head of another", meddled(func(r *wire.Run) { r.Head = runs[0].Head }), wire.CodeBadHead},
			{"a line that is malformed", meddled(func(r *wire.Run) { r.Lines[0] = []byte(`{}`) }), wire.CodeMalformed},
			{"a run that does not begin at 1", meddled(func(r *wire.Run) { r.First = 7 }), wire.CodeBrokenChain},
			{"a replica without a grant", meddled(func(r *wire.Run) { r.Replica.Hash[0] ^= 1 }), wire.CodeUnknownReplica},
			{"values that were stripped", meddled(bare), wire.CodeValuesMissing},
		} {
			report := bring(q, "2", append(others, c.run)...)
			if len(report.Remarks) != 1 || report.Remarks[0].Code != c.code {
				t.Errorf("%s: %+v", c.name, report.Remarks)
			}
		}
		if r := q.record(saved.Ref); len(r.Pending()) != 1 {
			t.Errorf("without values the change is not pending: %+v", r)
		}
		// The whole line completes it, and what is of another ledger is passed over.
		stray := meddled(func(r *wire.Run) { r.Ledger.Hash[0] ^= 1 })
		bring(q, "2", append(others, own, stray)...)
		same(t, p, q, saved.Ref)
		if list, _ := q.Ledgers(ctx); len(list) != 2 {
			t.Errorf("ledgers %+v", list)
		}
	})
}

func TestWhatIsReplayedChangesNothing(t *testing.T) {
	onCarriers(t, func(t *testing.T, w *world, bring func(q *tablet, name string, frames ...wire.Frame) *clientsdk.Report) {
		var receipts []wire.Frame
		m := &meddler{change: func(f wire.Frame) {
			if r, ok := f.(*wire.Receipt); ok && r.Ledger == w.ledger && r.Head.Seq > 0 {
				receipts = append(receipts, r)
			}
		}}
		q := behind(w, m)
		first := q.observe(map[syncengine.Path]any{"/litter/rating": "2"})
		q.sync()
		old := slices.Clone(receipts)
		earlier := w.runsOf("early")
		q.edit(first.Ref, map[syncengine.Path]any{"/litter/rating": "3"})
		q.sync()
		before := q.record(first.Ref)
		if len(old) == 0 || before.Safety != clientsdk.Received {
			t.Fatalf("%d receipts, safety %s", len(old), before.Safety)
		}
		for range 2 {
			report := bring(q, "m", append(append(runFrames(earlier), old...), runFrames(w.runsOf("late"))...)...)
			if after := q.record(first.Ref); after.Safety != before.Safety || !bytes.Equal(after.Document(), before.Document()) || len(report.Remarks) != 0 {
				t.Errorf("safety %s, remarks %+v\n%s", after.Safety, report.Remarks, after.Document())
			}
		}
		if report := bring(q, "m", runFrames(earlier)...); report.Received != 0 {
			t.Errorf("%d lines are new", report.Received)
		}
	})
}

func TestWhatWasRefusedTravelsWithoutItsValues(t *testing.T) {
	onWays(t, func(t *testing.T, carry func(from, to *tablet) *clientsdk.Report) {
		w := newWorld(t)
		p, q := w.newTablet("1"), w.newTablet("2")
		saved := p.observe(map[syncengine.Path]any{"/litter/notes/c-1": "a secret of a resident"})
		p.sync()
		w.people("POST", "/v1/ledgers/"+w.ledger.String()+"/rulings", map[string]any{"type": "refuse", "target": saved.Change, "reason": "Names a person."}, nil)
		p.sync()
		if report := carry(p, q); len(report.Remarks) != 0 {
			t.Fatalf("%+v", report)
		}
		steps, err := q.History(ctx, saved.Ref)
		if err != nil || len(steps) != 1 || steps[0].Verdict.Status != syncengine.Ineffective {
			t.Fatalf("%+v %v", steps, err)
		}
		for _, write := range steps[0].Change.Writes {
			if write.Value != "" {
				t.Errorf("the value of %s came", write.Path)
			}
		}
	})
}

func TestARefusalReachesItsAuthorByAColleague(t *testing.T) {
	onWays(t, func(t *testing.T, carry func(from, to *tablet) *clientsdk.Report) {
		w := newWorld(t)
		p, q := w.newTablet("1"), w.newTablet("2")
		p.sync()
		saved := q.observe(map[syncengine.Path]any{"/litter/rating": "2"})
		carry(q, p)
		p.sync()
		w.people("POST", "/v1/ledgers/"+w.ledger.String()+"/rulings", map[string]any{"type": "refuse", "target": saved.Change, "reason": "Wrong place."}, nil)
		p.sync()
		carry(p, q)
		steps, err := q.History(ctx, saved.Ref)
		if err != nil || len(steps) != 1 || steps[0].Verdict.Status != syncengine.Ineffective || len(steps[0].Change.Writes) == 0 {
			t.Fatalf("%+v %v", steps, err)
		}
		if r := q.record(saved.Ref); r.Present || r.Safety != clientsdk.Received {
			t.Errorf("present %v, safety %s", r.Present, r.Safety)
		}
	})
}

// TestAStrangerWhoPairsAndKnowsALedgersNameGetsNothingOfIt lets in a guest without a grant, which knows the id of a ledger and says what it likes.
func TestAStrangerWhoPairsAndKnowsALedgersNameGetsNothingOfIt(t *testing.T) {
	w := newWorld(t)
	p := w.newTablet("1")
	_, photo := p.photograph(picture(t, 1, 300, 200))
	raw, err := p.HeldPhoto(photo)
	if err != nil {
		t.Fatal(err)
	}
	p.sync()
	runs := w.runsOf("m")
	before, err := p.Ledgers(ctx)
	if err != nil {
		t.Fatal(err)
	}
	x := joinedBy(t, p, w.ledger)
	forged := *runs[len(runs)-1]
	forged.Replica = wire.ReplicaOf(x.key.Public().(ed25519.PublicKey))
	stray := forged
	stray.Ledger.Hash[3] ^= 1
	receipt := &wire.Receipt{Ledger: w.ledger, Replica: forged.Replica, Head: syncengine.Head{Seq: 9}, At: syncengine.AuthorityPoint{Replica: runs[0].Replica, Seq: 1}, Backup: 9}
	receipt.Head.Chain = forged.Replica.Hash
	receipt.Sign(x.key)
	nothing := &wire.Have{Ledger: w.ledger, Logs: map[syncengine.ReplicaID][]syncengine.Head{}}
	change, err := runs[len(runs)-1].DecodeLine(0)
	if err != nil {
		t.Fatal(err)
	}
	want := &wire.Want{Ledger: w.ledger, Changes: []syncengine.ChangeID{change.Change.ID}}
	ask := &wire.PeerPhotos{Ledger: w.ledger, Photos: []wire.PeerPhoto{{Hash: photo.Hash, Size: uint64(len(raw))}}}
	heard := x.say(&wire.Hello{}, nothing, want, ask, &forged, &stray, receipt, &wire.LedgerAccess{Ledger: w.ledger, Access: wire.AccessRevoked},
		&wire.Mark{Base: "mine"}, &wire.End{More: true})
	rest, report := x.leave()
	for _, f := range append(heard, rest...) {
		switch f := f.(type) {
		case *wire.Hello, *wire.End:
		case *wire.Have:
			if len(f.Logs) != 1 || f.Logs[runs[0].Replica] == nil {
				t.Errorf("it is told of logs %v", f.Logs)
			}
		default:
			t.Errorf("it is given a frame of type %s", f.Type())
		}
	}
	if len(report.Remarks) != 1 || report.Remarks[0].Code != wire.CodeUnknownReplica || report.Received != 0 {
		t.Errorf("%+v", report)
	}
	after, err := p.Ledgers(ctx)
	if err != nil || !slices.Equal(before, after) {
		t.Errorf("from %+v to %+v, %v", before, after, err)
	}
	if report := p.sync(); report.RoundTrips != 1 {
		t.Errorf("what it said changed where the server's exchange stands: %+v", report)
	}
}
