package wire_test

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"

	"github.com/google/uuid"

	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// An authority begins a ledger and sends its log; a receiver verifies it.
func Example() {
	key := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{1}, ed25519.SeedSize)) // in earnest: random, and kept secret
	public, _ := key.Public().(ed25519.PublicKey)
	salt := wire.Salt{} // in earnest: random for each change

	genesis, err := wire.NewLine(syncengine.Header{
		Kind: syncengine.KindGenesis, Author: "u-prefect", Record: uuid.UUID{15: 1}, Time: 1_795_000_000_000,
		Genesis: wire.CertifyGenesis(key, wire.PublicKeyOf(public)), // in earnest: by a root key of its own
	}, salt)
	if err != nil {
		fmt.Println(err)
		return
	}
	ledger, replica := syncengine.LedgerID{Hash: genesis.Change.ID.Hash}, wire.ReplicaOf(public)
	start := wire.ChainStart(ledger, replica)
	head := syncengine.Head{Seq: 1, Chain: wire.ChainNext(start, genesis.Change.ID)}

	var body bytes.Buffer
	w := wire.NewWriter(&body)
	for _, frame := range []wire.Frame{
		&wire.Hello{},
		&wire.Run{Ledger: ledger, Replica: replica, First: 1, Lines: [][]byte{wire.AppendLine(nil, genesis)}, Head: wire.SignHead(key, ledger, head)},
		&wire.End{},
	} {
		if err := w.WriteFrame(frame); err != nil {
			fmt.Println(err)
		}
	}
	if err := w.Close(); err != nil {
		fmt.Println(err)
	}

	r := wire.NewReader(&body, wire.Limits{})
	defer r.Close()
	for {
		frame, err := r.Next()
		var refused *wire.FrameError
		switch {
		case errors.As(err, &refused):
			continue // and answer with a Remark
		case errors.Is(err, io.EOF):
			return
		case err != nil:
			fmt.Println(err) // wire.CodeTruncated: what came before is whole
			return
		}
		run, ok := frame.(*wire.Run)
		if !ok {
			continue
		}
		lines, err := run.Decode()
		if err != nil {
			fmt.Println(err)
			continue
		}
		chains, err := run.Verify(start, public, lines)
		if err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Println(len(lines), "line, kind", lines[0].Change.Kind, "- chain as the author's:", chains[0] == head.Chain)
	}
	// Output: 1 line, kind genesis - chain as the author's: true
}

func ExampleEncodeValue() {
	v, err := wire.EncodeValue(map[string]any{"lon": 2.352222, "lat": 48.85661400000001, "label": "l'entre\u0301e"})
	fmt.Println(v, err)
	// Output: {"label":"l'entrée","lat":48.856614,"lon":2.352222} <nil>
}

func ExampleCanonical() {
	data, err := wire.Canonical([]byte(` { "b": 1.50, "a": [ 1e3, "\u00e9" ] } `))
	fmt.Printf("%s %v\n", data, err)
	_, err = wire.Canonical([]byte(`{"a": 1, "a": 2}`))
	fmt.Println(err)
	// Output:
	// {"a":[1000,"é"],"b":1.5} <nil>
	// malformed: byte 16: a key is there twice: "a"
}

func ExampleProblem() {
	err := fmt.Errorf("push: %w", wire.Problemf(wire.CodeTooLarge, "a line of 2000000 bytes is over the limit"))
	code := wire.CodeOf(err)
	fmt.Println(code, code.Status(), code.Action(wire.French))
	// Output: too_large 413 envoyez moins de données à la fois
}
