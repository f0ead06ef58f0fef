package wire

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"

	"github.com/arpenteur/arpenteur/syncengine"
)

// Digest sums up all remote vectors of a client, so that a server can tell whether both mean the same by a base token. It is the XOR
// of its entries: adding one twice takes it out, and order doesn't matter. Its text form is 22 characters of base64url.
type Digest [16]byte

const entryPrefix = "arpenteur/1 entry\n"

var errDigestText = errors.New("digest is not 22 characters of unpadded base64url")

// Toggle adds the entry that a log is held to head, or takes it out again.
func (d *Digest) Toggle(ledger syncengine.LedgerID, replica syncengine.ReplicaID, head syncengine.Head) {
	in := make([]byte, 0, len(entryPrefix)+3*len(ledger.Hash)+8)
	in = append(in, entryPrefix...)
	in = append(in, ledger.Hash[:]...)
	in = append(in, replica.Hash[:]...)
	in = binary.BigEndian.AppendUint64(in, head.Seq)
	sum := sha256.Sum256(append(in, head.Chain[:]...))
	for i := range d {
		d[i] ^= sum[i]
	}
}

// String returns the text form of d.
func (d Digest) String() string { return textEncoding.EncodeToString(d[:]) }

// MarshalText returns the text form of d.
func (d Digest) MarshalText() ([]byte, error) { return textEncoding.AppendEncode(nil, d[:]), nil }

// UnmarshalText reads the text form of a Digest.
func (d *Digest) UnmarshalText(text []byte) error {
	if !decodeBinary(d[:], string(text)) {
		return errDigestText
	}
	return nil
}
