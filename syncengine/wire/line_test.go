package wire

import (
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/arpenteur/arpenteur/syncengine"
)

func TestALineSurvivesEncodingInEveryForm(t *testing.T) {
	whole := mustLine(t, observationHeader(t), "observation")
	for name, l := range map[string]*Line{
		"whole":   whole,
		"partial": whole.Redact([]syncengine.Path{"/note"}),
		"bare":    whole.Strip(),
		"genesis": genesisLine(t),
	} {
		data := AppendLine(nil, l)
		got, err := DecodeLine(data, ledgerOf(t))
		if err != nil {
			t.Fatalf("%s: %v\n%s", name, err, data)
		}
		if got.Change.ID != l.Change.ID || got.Form != l.Form {
			t.Errorf("%s: decoded as %s, form %d; want %s, form %d", name, got.Change.ID, got.Form, l.Change.ID, l.Form)
		}
		if again := AppendLine(nil, got); string(again) != string(data) {
			t.Errorf("%s: encodes as\n%s, decoded from\n%s", name, again, data)
		}
		if got.Change.ID != ChangeIDOf(&got.Change.Header) {
			t.Errorf("%s: id is not that of the header", name)
		}
	}
	if n := len(AppendLine(nil, whole)); n < 500 || n > 700 {
		t.Errorf("the observation takes %d bytes, the benchmarks expect about 600", n)
	}
}

func TestAnUnknownFormatIsRelayedAsItIs(t *testing.T) {
	ledger := ledgerOf(t)
	data := `{"body":[1,{"a":"b"}],"format":7,"header":{"format":7,"ledger":"` + ledger.String() + `","z":null}}`
	l, err := DecodeLine([]byte(data), ledger)
	if err != nil {
		t.Fatal(err)
	}
	if l.Form != UnknownFormat || l.Change.Format != 7 || l.Change.Ledger != ledger || !l.Complete() {
		t.Errorf("decoded as %+v", l)
	}
	filled, err := l.Fill(l)
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range []*Line{l, l.Strip(), l.Redact([]syncengine.Path{"/"}), filled} {
		if got := string(AppendLine(nil, l)); got != data {
			t.Errorf("relayed as %s", got)
		}
	}
	genesis := strings.Replace(data, ledger.String(), "", 1)
	if l, err = DecodeLine([]byte(genesis), syncengine.LedgerID{}); err != nil {
		t.Fatal(err)
	}
	if _, err := DecodeLine([]byte(genesis), syncengine.LedgerID{Hash: l.Change.ID.Hash}); err != nil {
		t.Errorf("a genesis of an unknown format in its own ledger: %v", err)
	}
	if _, err := DecodeLine([]byte(genesis), ledger); !errors.Is(err, CodeWrongLedger) {
		t.Errorf("a genesis of an unknown format in another ledger: %v", err)
	}
}

// TestARulingOfAnUnknownTypeKeepsItsID in every form: a newer authority must not break the chain of those that lag behind.
func TestARulingOfAnUnknownTypeKeepsItsID(t *testing.T) {
	ledger := ledgerOf(t)
	h := rulingHeader(t, syncengine.Ruling{Type: syncengine.Refuse, Target: changeOf("target")})
	known := string(AppendLine(nil, mustLine(t, h, "ruling")))
	l, err := DecodeLine([]byte(strings.Replace(known, `"type":"refuse"`, `"type":"transfer","until":9`, 1)), ledger)
	if err != nil {
		t.Fatal(err)
	}
	if l.Change.Ruling.Type != "transfer" {
		t.Errorf("the type is %q", l.Change.Ruling.Type)
	}
	for _, other := range []*Line{l.Redact([]syncengine.Path{syncengine.ReasonPath}), l.Strip()} {
		got, err := DecodeLine(AppendLine(nil, other), ledger)
		if err != nil || got.Change.ID != l.Change.ID {
			t.Errorf("form %d: another id, %v", other.Form, err)
		}
	}
	h.Ruling = &syncengine.Ruling{Type: "transfer"}
	if _, err := NewLine(h, saltOf("ruling")); !errors.Is(err, CodeInvalid) {
		t.Errorf("an author may rule what it doesn't know: %v", err)
	}
}

func TestADecodedLineDoesNotReferToItsInput(t *testing.T) {
	data := AppendLine(nil, mustLine(t, elementHeader(t), "element"))
	l, err := DecodeLine(data, ledgerOf(t))
	if err != nil {
		t.Fatal(err)
	}
	want := string(data)
	clear(data)
	if _, err := DecodeLine([]byte(strings.ReplaceAll(want, "place", "plaça")), ledgerOf(t)); err == nil {
		t.Error("a damaged line is accepted")
	}
	if got := string(AppendLine(nil, l)); got != want {
		t.Errorf("the line changed with its input: %s", got)
	}
}

func TestARunIsVerifiedByItsHead(t *testing.T) {
	tab, ledger := newTablet(t, "run"), ledgerOf(t)
	lines := make([]*Line, 60)
	for i := range lines {
		lines[i] = tab.observation()
	}
	chain := ChainStart(ledger, replicaOf("tablet"))
	for _, r := range runs(t, "tablet", ledger, lines) {
		decoded, err := r.Decode()
		if err != nil {
			t.Fatal(err)
		}
		chains, err := r.Verify(chain, publicOf("tablet"), decoded)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.Verify(hashOf("another chain"), publicOf("tablet"), decoded); !errors.Is(err, CodeBadHead) {
			t.Errorf("after another chain: %v", err)
		}
		chain = chains[len(chains)-1]
	}
}

func TestLinesOfARunAreDecodedSideBySide(t *testing.T) {
	tab, ledger := newTablet(t, "parallel"), ledgerOf(t)
	lines := make([]*Line, 20)
	for i := range lines {
		lines[i] = tab.observation()
	}
	run := runs(t, "tablet", ledger, lines)[0]
	decoded := make([]*Line, len(run.Lines))
	var wait sync.WaitGroup
	for i := range run.Lines {
		wait.Go(func() {
			var err error
			if decoded[i], err = run.DecodeLine(i); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	if _, err := run.Verify(ChainStart(ledger, run.Replica), publicOf("tablet"), decoded); err != nil {
		t.Error(err)
	}
}
