package file_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"io"
	"testing"

	"github.com/google/uuid"

	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/wire"
	"github.com/arpenteur/arpenteur/syncengine/wire/file"
)

func seed(name string) [32]byte { return sha256.Sum256([]byte("arpenteur test vector\n" + name)) }

func keyOf(name string) ed25519.PrivateKey {
	s := seed("key " + name)
	return ed25519.NewKeyFromSeed(s[:])
}

func publicOf(name string) ed25519.PublicKey {
	public, _ := keyOf(name).Public().(ed25519.PublicKey)
	return public
}

func uuidOf(name string) uuid.UUID {
	s := seed("uuid " + name)
	id := uuid.UUID(s[:16])
	copy(id[:], []byte{0x01, 0x9a, 0xa5, 0x00})
	id[6], id[8] = id[6]&0x0f|0x70, id[8]&0x3f|0x80
	return id
}

func lineOf(t testing.TB, h syncengine.Header, name string) *wire.Line {
	t.Helper()
	s := seed("salt " + name)
	l, err := wire.NewLine(h, wire.Salt(s[:16]))
	if err != nil {
		t.Fatal(err)
	}
	return l
}

const fixtureTime = 1_795_000_000_000

// fixture is a ledger of three logs' frames: the authority's genesis and a grant, and what the tablet wrote.
type fixture struct {
	t      testing.TB
	ledger syncengine.LedgerID
	frames []wire.Frame
}

func newFixture(t testing.TB, observations int) *fixture {
	t.Helper()
	genesis := lineOf(t, syncengine.Header{
		Kind: syncengine.KindGenesis, Record: uuidOf("ledger"), Author: "u-prefect", Time: fixtureTime,
		Genesis: wire.CertifyGenesis(keyOf("root"), wire.PublicKeyOf(publicOf("authority"))),
	}, "genesis")
	f := &fixture{t: t, ledger: syncengine.LedgerID{Hash: genesis.Change.ID.Hash}}
	point := syncengine.AuthorityPoint{Replica: wire.ReplicaOf(publicOf("authority")), Seq: 1}
	grant := lineOf(t, syncengine.Header{
		Ledger: f.ledger, Kind: syncengine.KindRuling, Record: uuidOf("grant"), Author: "u-prefect", Time: fixtureTime, At: point,
		Ruling: &syncengine.Ruling{
			Type: syncengine.Grant, Replica: wire.ReplicaOf(publicOf("tablet")), Key: publicOf("tablet"), Account: "u-7f3a",
			Role: "consultant", Kinds: []syncengine.Kind{"observation"},
		},
	}, "grant")
	tip := f.run("authority", 1, wire.ChainStart(f.ledger, point.Replica), genesis, grant)
	replica := wire.ReplicaOf(publicOf("tablet"))
	chain, next := wire.ChainStart(f.ledger, replica), uint64(1)
	for i := range observations {
		l := lineOf(t, syncengine.Header{
			Ledger: f.ledger, Kind: "observation", Record: uuidOf("observation " + string(rune('a'+i))), Author: "u-7f3a", Time: fixtureTime + int64(i),
			At: syncengine.AuthorityPoint{Replica: point.Replica, Seq: 2}, Checklist: syncengine.VersionID{Hash: seed("checklist")},
			Writes: []syncengine.Write{{Path: "/", Value: "true"}, {Path: "/litter/rating", Value: "2"}},
		}, "observation "+string(rune('a'+i)))
		chain = f.run("tablet", next, chain, l)
		next++
	}
	receipt := &wire.Receipt{
		Ledger: f.ledger, Replica: replica, Head: syncengine.Head{Seq: 1, Chain: seed("chain 1")}, At: syncengine.AuthorityPoint{Replica: point.Replica, Seq: 2},
	}
	receipt.Sign(keyOf("authority"))
	photo := []byte("\xff\xd8 the bytes of a photo \xff\xd9")
	f.frames = append([]wire.Frame{&wire.Hello{}, &wire.Have{Ledger: f.ledger, Logs: map[syncengine.ReplicaID][]syncengine.Head{
		point.Replica: {{Seq: 2, Chain: tip}}, replica: {{Seq: next - 1, Chain: chain}},
	}}}, f.frames...)
	f.frames = append(f.frames, receipt,
		&wire.Announced{Ledger: f.ledger, Replica: wire.ReplicaOf(publicOf("other tablet")), Seq: 12, Seen: fixtureTime},
		&wire.PhotoPiece{Ledger: f.ledger, Hash: sha256.Sum256(photo), Size: uint64(len(photo)), Data: photo[:12]},
		&wire.PhotoPiece{Ledger: f.ledger, Hash: sha256.Sum256(photo), Size: uint64(len(photo)), Offset: 12, Data: photo[12:]},
		&wire.End{})
	return f
}

// run adds the run of some lines and returns the chain after them.
func (f *fixture) run(author string, first uint64, chain syncengine.Hash, lines ...*wire.Line) syncengine.Hash {
	r := &wire.Run{Ledger: f.ledger, Replica: wire.ReplicaOf(publicOf(author)), First: first}
	for _, l := range lines {
		chain = wire.ChainNext(chain, l.Change.ID)
		r.Lines = append(r.Lines, wire.AppendLine(nil, l))
	}
	r.Head = wire.SignHead(keyOf(author), f.ledger, syncengine.Head{Seq: r.Last(), Chain: chain})
	f.frames = append(f.frames, r)
	return chain
}

// section writes frames as one section for the named keys.
func section(t testing.TB, w *file.Writer, frames []wire.Frame, to ...string) {
	t.Helper()
	var keys []ed25519.PublicKey
	for _, name := range to {
		keys = append(keys, publicOf(name))
	}
	s, err := w.Section(keys)
	if err != nil {
		t.Fatal(err)
	}
	out := wire.NewWriter(s)
	for _, f := range frames {
		if err := out.WriteFrame(f); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(out.Close(), s.Close()); err != nil {
		t.Fatal(err)
	}
}

// fileOf is a file of one section for each list of frames, all for the tablet and the authority.
func fileOf(t testing.TB, lists ...[]wire.Frame) []byte {
	t.Helper()
	var out bytes.Buffer
	w := file.NewWriter(&out)
	for _, frames := range lists {
		section(t, w, frames, "tablet", "authority")
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// opened is what was read of one section.
type opened struct {
	Sealed bool      // to others
	Frames []string  // that were read
	Code   wire.Code // with which reading ended, where it was not after an end frame
}

// read reads a whole file with the keys of a name, and the code with which it ended.
func read(data []byte, name string) (all []opened, code wire.Code) {
	r := file.NewReader(bytes.NewReader(data))
	for {
		s, err := r.Next()
		if errors.Is(err, io.EOF) {
			return all, ""
		}
		if err != nil {
			return all, wire.CodeOf(err)
		}
		all = append(all, readSection(s, name))
	}
}

func readSection(s *file.Sealed, name string) (o opened) {
	body, err := s.Open(keyOf(name))
	if errors.Is(err, file.ErrNotForUs) {
		return opened{Sealed: true}
	}
	if err != nil {
		return opened{Code: wire.CodeOf(err)}
	}
	frames := wire.NewReader(body, file.Limits())
	defer frames.Close()
	for {
		f, err := frames.Next()
		var one *wire.FrameError
		switch {
		case errors.Is(err, io.EOF):
			return o
		case errors.As(err, &one):
		case err != nil:
			o.Code = file.CodeOf(err)
			return o
		default:
			o.Frames = append(o.Frames, string(wire.AppendFrame(nil, f)))
		}
	}
}
