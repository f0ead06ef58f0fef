package wire

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"

	"github.com/arpenteur/arpenteur/syncengine"
)

const (
	chainPrefix = "arpenteur/1 chain\n"
	headPrefix  = "arpenteur/1 head\n"
)

// ReplicaOf returns the id of the replica that holds the private half of key.
func ReplicaOf(key ed25519.PublicKey) syncengine.ReplicaID {
	return syncengine.ReplicaID{Hash: sha256.Sum256(key)}
}

// ChainStart returns the chain hash of an empty log: what the first line chains to.
func ChainStart(ledger syncengine.LedgerID, replica syncengine.ReplicaID) syncengine.Hash {
	in := make([]byte, 0, len(chainPrefix)+2*len(ledger.Hash))
	in = append(in, chainPrefix...)
	in = append(in, ledger.Hash[:]...)
	return sha256.Sum256(append(in, replica.Hash[:]...))
}

// ChainNext returns the chain hash after a line, from the one before it.
func ChainNext(previous syncengine.Hash, id syncengine.ChangeID) syncengine.Hash {
	var in [2 * len(previous)]byte
	copy(in[:], previous[:])
	copy(in[len(previous):], id.Hash[:])
	return sha256.Sum256(in[:])
}

// HeadMessage returns the bytes that a replica signs to vouch for its log up to head.
func HeadMessage(ledger syncengine.LedgerID, replica syncengine.ReplicaID, head syncengine.Head) []byte {
	m := make([]byte, 0, len(headPrefix)+3*len(ledger.Hash)+8)
	m = append(m, headPrefix...)
	m = append(m, ledger.Hash[:]...)
	m = append(m, replica.Hash[:]...)
	m = binary.BigEndian.AppendUint64(m, head.Seq)
	return append(m, head.Chain[:]...)
}

// SignHead signs the head of the log that the replica of key wrote in a ledger.
func SignHead(key ed25519.PrivateKey, ledger syncengine.LedgerID, head syncengine.Head) Signature {
	public, _ := key.Public().(ed25519.PublicKey)
	return sign(key, HeadMessage(ledger, ReplicaOf(public), head))
}

// VerifyHead reports whether signature is that of key over the head of its replica's log in a ledger.
func VerifyHead(key ed25519.PublicKey, ledger syncengine.LedgerID, head syncengine.Head, signature Signature) bool {
	return verify(key, HeadMessage(ledger, ReplicaOf(key), head), signature)
}
