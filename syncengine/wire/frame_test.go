package wire

import (
	"bytes"
	"reflect"
	"slices"
	"strconv"
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
		At: syncengine.AuthorityPoint{Replica: replicaOf("authority"), Seq: 12}, Backup: 5, PhotosMissing: 1, PhotosUnsaved: 3,
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
		&Announced{Ledger: ledger, Replica: replicaOf("tablet"), Seq: 19, Seen: fixtureTime},
		&PhotoPiece{Ledger: ledger, Hash: hashOf("photo"), Size: 12, Offset: 4, Data: []byte("\xff\xd8 piece")},
		&Pair{Proof: hashOf("proof")}, &Pair{Commitment: hashOf("commitment")}, &Nonce{hashOf("nonce")}, &Confirm{},
		&PeerReplicas{[]PeerReplica{ProveReplica(keyOf("tablet"), PeerGuest, hashOf("session"))}}, peerLedgersOf(t, ledger),
		peerPhotosOf(ledger),
		&UnknownFrame{Name: "weather", Data: []byte(`{"sky":"grey","type":"weather"}`)}, &End{More: true},
	}
	for _, r := range runs(t, "tablet", ledger, []*Line{tab.observation(), tab.observation()}) {
		frames = append(frames, r)
	}
	return append(frames, &End{})
}

// peerPhotosOf tells of a photo that is held whole, and of one of which a part is held.
func peerPhotosOf(ledger syncengine.LedgerID) *PeerPhotos {
	f := &PeerPhotos{Ledger: ledger, Photos: []PeerPhoto{
		{Hash: hashOf("photo"), Held: 12, Size: 12}, {Hash: hashOf("another photo"), Held: 4, Size: 20},
	}}
	slices.SortFunc(f.Photos, func(a, b PeerPhoto) int { return a.Hash.Compare(b.Hash) })
	return f
}

// peerLedgersOf names one ledger, as a host does in a session, among random ones.
func peerLedgersOf(t testing.TB, ledger syncengine.LedgerID) *PeerLedgers {
	t.Helper()
	f := &PeerLedgers{Names: []syncengine.Hash{PeerLedgerName(PeerHost, hashOf("session"), ledger)}}
	for len(f.Names) < PeerLedgersStep {
		f.Names = append(f.Names, hashOf("padding "+strconv.Itoa(len(f.Names))))
	}
	slices.SortFunc(f.Names, func(a, b syncengine.Hash) int { return bytes.Compare(a[:], b[:]) })
	return f
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
