package ledger

import (
	"crypto/ed25519"
	"fmt"

	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/store"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// Genesis is what is kept of the first line of a ledger.
type Genesis struct {
	Root      wire.PublicKey
	Authority wire.PublicKey
}

// Create begins a new ledger: the genesis in the name of author, signed by the authority's pen, whose key root certifies. The caller goes on
// with Commit and ends with Settle.
func (k *Keeper) Create(w store.Writer, pen Pen, root ed25519.PrivateKey, record syncengine.RecordID, author syncengine.AccountID, time int64) (*Ledger, error) {
	public, _ := pen.Key.Public().(ed25519.PublicKey)
	first := wire.CertifyGenesis(root, wire.PublicKeyOf(public))
	line, err := newLine(pen, syncengine.Header{Kind: syncengine.KindGenesis, Record: record, Author: author, Time: time, Genesis: first}, wire.Salt{})
	if err != nil {
		return nil, err
	}
	l, err := k.begin(w, syncengine.LedgerID{Hash: line.Change.ID.Hash}, genesisOf(first))
	if err != nil {
		return nil, err
	}
	own, err := l.ownLog(pen.Replica())
	if err != nil {
		return nil, err
	}
	return l, l.write(own, pen, []*wire.Line{line})
}

// Adopt begins to hold a ledger from the first run of its authority's log. root is the key that this store's owner trusts: a ledger whose
// authority it did not certify is refused, whoever brings it (law L8).
func (k *Keeper) Adopt(w store.Writer, id syncengine.LedgerID, in *Incoming, root wire.PublicKey) (*Ledger, error) {
	if len(in.Lines) == 0 || in.First != 1 || in.Decoded[0].Change.Genesis == nil {
		return nil, wire.Problemf(wire.CodeBrokenChain, "a ledger begins with its genesis: send the authority's log from line 1")
	}
	first := in.Decoded[0].Change
	if first.ID.Hash != id.Hash {
		return nil, wire.Problemf(wire.CodeWrongLedger, "the genesis is that of ledger %s", first.ID)
	}
	g := genesisOf(first.Genesis)
	if g.Root != root {
		return nil, wire.Problemf(wire.CodeUnauthenticated, "the ledger names another root key than the one that is trusted here")
	}
	if !wire.VerifyGenesis(root.Ed25519(), first.Genesis) {
		return nil, wire.Problemf(wire.CodeUnauthenticated, "the ledger names the root key, which did not certify its authority's key: somebody forged it, or it was damaged")
	}
	if in.Replica != wire.ReplicaOf(g.Authority.Ed25519()) {
		return nil, wire.Problemf(wire.CodeBadHead, "the first run of a ledger must be its authority's")
	}
	return k.begin(w, id, g)
}

func genesisOf(first *syncengine.Genesis) (g Genesis) {
	copy(g.Root[:], first.Root)
	copy(g.Authority[:], first.Authority)
	return g
}

// begin writes what is kept of a genesis and opens the ledger.
func (k *Keeper) begin(w store.Writer, id syncengine.LedgerID, g Genesis) (*Ledger, error) {
	raw := append(append(make([]byte, 0, 2*len(g.Root)), g.Root[:]...), g.Authority[:]...)
	if err := w.Put(spaceLedger, id, []byte("genesis"), raw); err != nil {
		return nil, fmt.Errorf("begin ledger %s: %w", id, err)
	}
	return k.open(w, w, id)
}
