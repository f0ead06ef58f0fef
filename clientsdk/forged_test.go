package clientsdk_test

import (
	"crypto/ed25519"
	"crypto/sha256"
	"slices"
	"testing"

	"github.com/google/uuid"

	"github.com/arpenteur/arpenteur/clientsdk"
	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// forged is a ledger that somebody began with a key of their own, naming the server's root key, under a certificate. It grants itself to a
// tablet, by its key.
func (w *world) forged(key wire.PublicKey, certificate [64]byte) *wire.Run {
	w.t.Helper()
	seed := sha256.Sum256([]byte("mallory"))
	own, root := ed25519.NewKeyFromSeed(seed[:]), w.secret.RootKey()
	public, _ := own.Public().(ed25519.PublicKey)
	run := &wire.Run{Replica: wire.ReplicaOf(public), First: 1}
	var head syncengine.Head
	add := func(h syncengine.Header) {
		h.Record, h.Author, h.Time = uuid.Must(uuid.NewV7()), "mallory", 1
		line, err := wire.NewLine(h, wire.Salt{})
		if err != nil {
			w.t.Fatal(err)
		}
		if head.Seq++; head.Seq == 1 {
			run.Ledger = syncengine.LedgerID{Hash: line.Change.ID.Hash}
			head.Chain = wire.ChainStart(run.Ledger, run.Replica)
		}
		head.Chain = wire.ChainNext(head.Chain, line.Change.ID)
		run.Lines = append(run.Lines, wire.AppendLine(nil, line))
	}
	add(syncengine.Header{Kind: syncengine.KindGenesis, Genesis: &syncengine.Genesis{Root: root[:], Authority: public, Certificate: certificate}})
	add(syncengine.Header{
		Ledger: run.Ledger, Kind: syncengine.KindRuling, At: syncengine.AuthorityPoint{Replica: run.Replica, Seq: 1},
		Ruling: &syncengine.Ruling{
			Type: syncengine.Grant, Replica: wire.ReplicaOf(key[:]), Key: key[:], Account: "c-2", Role: syncengine.RoleConsultant,
			Kinds: []syncengine.Kind{"observation"},
		},
	})
	run.Head = wire.SignHead(own, run.Ledger, head)
	return run
}

// certificates are what a forger may write: nothing that verifies, or what the root key signed for the true authority, which every tablet holds.
func (w *world) certificates() map[string][64]byte {
	w.t.Helper()
	line, err := w.runsOf("reader")[0].DecodeLine(0)
	if err != nil {
		w.t.Fatal(err)
	}
	return map[string][64]byte{"uncertified": {}, "certified-for-another-key": line.Change.Genesis.Certificate}
}

func (p *tablet) holdsLedger(id syncengine.LedgerID) bool {
	p.t.Helper()
	list, err := p.Ledgers(ctx)
	if err != nil {
		p.t.Fatal(err)
	}
	return slices.ContainsFunc(list, func(l clientsdk.LedgerInfo) bool { return l.ID == id })
}

func unauthenticated(remarks []wire.Remark, id syncengine.LedgerID) bool {
	return slices.ContainsFunc(remarks, func(r wire.Remark) bool { return r.Ledger == id && r.Code == wire.CodeUnauthenticated })
}

// Who knows the root's public key can write a ledger that names it; only the root's signature makes it one (law L8).
func TestALedgerThatTheRootDidNotCertifyIsNotTakenFromAStick(t *testing.T) {
	w := newWorld(t)
	other := w.otherProgram(t)
	for name, certificate := range w.certificates() {
		q := w.unsynced(name)
		run := w.forged(w.device(name).Key, certificate)
		if report := q.take(w.sealFor(name, run)); report.Received != 0 || !unauthenticated(report.Remarks, run.Ledger) {
			t.Errorf("%s: %+v", name, report)
		}
		if q.holdsLedger(run.Ledger) {
			t.Errorf("%s: the ledger is held", name)
		}
		run = w.forged(w.device(otherName).Key, certificate)
		told := other.reads(w.sealFor(otherName, run))
		if len(told.Ledgers) != 1 || told.Ledgers[0].Lines != 0 || !slices.Equal(told.Ledgers[0].Refused, []wire.Code{wire.CodeUnauthenticated}) {
			t.Errorf("%s: the second implementation reads %+v", name, told)
		}
	}
}

func TestALedgerThatTheRootDidNotCertifyIsNotTakenFromAServersAnswer(t *testing.T) {
	w := newWorld(t)
	m := &meddler{}
	q := behind(w, m)
	for name, certificate := range w.certificates() {
		run := w.forged(w.device("m").Key, certificate)
		met := false
		m.change = func(f wire.Frame) {
			if r, ok := f.(*wire.Run); ok {
				*r, met = *run, true
			}
		}
		w.people("POST", "/v1/ledgers/"+w.ledger.String()+"/records", map[string]any{"kind": "actor", "values": map[string]any{"/name": "Ville"}}, nil)
		if report := q.sync(); !met || report.Received != 0 || !unauthenticated(report.Remarks, run.Ledger) {
			t.Errorf("%s: %+v", name, report)
		}
		if q.holdsLedger(run.Ledger) {
			t.Errorf("%s: the ledger is held", name)
		}
	}
}
