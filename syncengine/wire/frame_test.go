package wire

import (
	"bytes"
	"errors"
	"io"
	"reflect"
	"testing"

	"github.com/arpenteur/arpenteur/syncengine"
)

// someFrames is one frame of each type, with the End last.
func someFrames(t testing.TB) []Frame {
	t.Helper()
	ledger := ledgerOf(t)
	tab := newTablet(t, "frames")
	whole := tab.observation()
	receipt := &Receipt{
		Ledger: ledger, Replica: replicaOf("tablet"), Head: syncengine.Head{Seq: 7, Chain: hashOf("chain 7")},
		At: syncengine.AuthorityPoint{Replica: replicaOf("authority"), Seq: 12}, Backup: 5,
	}
	receipt.Sign(keyOf("authority"))
	var digest Digest
	digest.Toggle(ledger, replicaOf("tablet"), syncengine.Head{Seq: 7, Chain: hashOf("chain 7")})
	frames := []Frame{
		&Hello{}, &Hello{Full: true}, &Hello{Base: "b1", Digest: digest},
		&Have{Ledger: ledger, Logs: map[syncengine.ReplicaID][]syncengine.Head{
			replicaOf("authority"): {{Seq: 12, Chain: hashOf("chain 12")}},
			replicaOf("tablet"):    {{Seq: 3, Chain: hashOf("branch")}, {Seq: 7, Chain: hashOf("chain 7")}},
		}},
		&Have{Ledger: ledger, Logs: map[syncengine.ReplicaID][]syncengine.Head{}},
		&Want{Ledger: ledger, Changes: []syncengine.ChangeID{changeOf("a"), changeOf("b")}},
		&Values{Ledger: ledger, Change: whole.Change.ID, Line: AppendLine(nil, whole)},
		&LedgerAccess{Ledger: ledger, Access: AccessFull}, &LedgerAccess{Ledger: ledger, Access: AccessRevoked},
		&Remark{Code: CodeUntimed, Detail: "the clock says 2031", Ledger: ledger, Replica: replicaOf("tablet"), First: 4, Change: changeOf("a")},
		&Remark{Code: CodeUnknownLedger}, receipt, &Resend{}, &Mark{Base: "b2"},
		&UnknownFrame{Name: "weather", Data: []byte(`{"sky":"grey","type":"weather"}`)}, &End{More: true},
	}
	for _, r := range runs(t, "tablet", ledger, []*Line{tab.observation(), tab.observation()}) {
		frames = append(frames, r)
	}
	return append(frames, &End{})
}

func TestFramesSurviveEncoding(t *testing.T) {
	for _, f := range someFrames(t) {
		data := AppendFrame(nil, f)
		if err := Check(data, MaxDepth); err != nil {
			t.Errorf("%s is not canonical: %v\n%s", f.Type(), err, data)
		}
		got, err := DecodeFrame(data)
		if err != nil {
			t.Errorf("%s: %v\n%s", f.Type(), err, data)
			continue
		}
		if !reflect.DeepEqual(got, f) {
			t.Errorf("%s: decoded as\n%#v, want\n%#v", f.Type(), got, f)
		}
	}
}

// readAll returns the frames of a body up to the error that ended it.
func readAll(r *Reader) (frames []Frame, refused []error, end error) {
	defer r.Close()
	for {
		f, err := r.Next()
		var one *FrameError
		switch {
		case err == nil:
			frames = append(frames, f)
		case errors.As(err, &one):
			refused = append(refused, err)
		default:
			return frames, refused, err
		}
	}
}

func TestABodySurvivesCompression(t *testing.T) {
	var want []Frame
	for _, f := range someFrames(t) {
		if e, ok := f.(*End); !ok || !e.More {
			want = append(want, f)
		}
	}
	var zipped, plain bytes.Buffer
	for _, w := range []*Writer{NewWriter(&zipped), NewPlainWriter(&plain)} {
		for _, f := range want {
			if err := w.WriteFrame(f); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for name, r := range map[string]*Reader{
		"compressed": NewReader(&zipped, Limits{}),
		"plain":      NewPlainReader(&plain, Limits{}),
	} {
		got, refused, end := readAll(r)
		if !errors.Is(end, io.EOF) || len(refused) > 0 {
			t.Errorf("%s: ended with %v, refused %v", name, end, refused)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: read %d frames, not the %d written", name, len(got), len(want))
		}
	}
}
