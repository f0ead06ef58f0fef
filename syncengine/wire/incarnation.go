package wire

import (
	"crypto/ed25519"
	"encoding/binary"

	"github.com/arpenteur/arpenteur/syncengine"
)

const incarnationPrefix = "arpenteur/1 incarnation\n"

// Certify makes the ruling that opens a new incarnation of the authority in a ledger (protocol, section 3.6): root signs that key goes on
// behind the head of the predecessor's log that the restored server holds.
func Certify(root ed25519.PrivateKey, ledger syncengine.LedgerID, key PublicKey, number uint64, predecessor syncengine.ReplicaID, head syncengine.Head) *syncengine.Ruling {
	r := &syncengine.Ruling{Type: syncengine.Succeed, Key: key[:], Incarnation: number, Predecessor: predecessor, Head: head}
	r.Certificate = sign(root, incarnationMessage(ledger, r))
	return r
}

// VerifyCertificate reports whether root certified the incarnation that r opens in a ledger.
func VerifyCertificate(root ed25519.PublicKey, ledger syncengine.LedgerID, r *syncengine.Ruling) bool {
	return r.Type == syncengine.Succeed && verify(root, incarnationMessage(ledger, r), r.Certificate)
}

func incarnationMessage(ledger syncengine.LedgerID, r *syncengine.Ruling) []byte {
	m := append([]byte(incarnationPrefix), ledger.Hash[:]...)
	m = binary.BigEndian.AppendUint64(append(m, r.Key...), r.Incarnation)
	m = binary.BigEndian.AppendUint64(append(m, r.Predecessor.Hash[:]...), r.Head.Seq)
	return append(m, r.Head.Chain[:]...)
}
