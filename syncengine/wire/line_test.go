package wire

import (
	"errors"
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
