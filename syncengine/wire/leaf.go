package wire

import (
	"crypto/sha256"

	"github.com/arpenteur/arpenteur/syncengine"
)

// Salt is the secret of one change from which the salts of its leaves derive. Whoever holds neither it nor the leaf salt can't test
// guesses of a value against its leaf hash.
type Salt [16]byte

const rootPrefix = "arpenteur/1 root\n"

// LeafSalt returns HMAC-SHA-256 of path under salt.
func LeafSalt(salt Salt, path syncengine.Path) syncengine.Hash {
	k := newSaltKey(salt)
	return k.leafSalt(path)
}

// LeafHash returns the hash that stands for a value in the root of a change.
func LeafHash(leafSalt syncengine.Hash, value syncengine.Value) syncengine.Hash {
	var short [256]byte
	in := append(short[:0], leafSalt[:]...)
	return sha256.Sum256(append(in, value...))
}

// Root returns the hash over leaf hashes, which stand in the order of their paths.
func Root(leaves []syncengine.Hash) syncengine.Hash {
	in := make([]byte, 0, len(rootPrefix)+len(leaves)*len(syncengine.Hash{}))
	in = append(in, rootPrefix...)
	for i := range leaves {
		in = append(in, leaves[i][:]...)
	}
	return sha256.Sum256(in)
}

// saltKey is a salt made ready for HMAC-SHA-256 (RFC 2104): the key block under both pads. It saves making them for each path, and
// a hash object.
type saltKey struct {
	inner, outer [sha256.BlockSize]byte
}

func newSaltKey(salt Salt) saltKey {
	var k saltKey
	for i := range k.inner {
		k.inner[i], k.outer[i] = 0x36, 0x5c
	}
	for i, b := range salt {
		k.inner[i] ^= b
		k.outer[i] ^= b
	}
	return k
}

func (k *saltKey) leafSalt(path syncengine.Path) syncengine.Hash {
	var in [sha256.BlockSize + syncengine.MaxPathBytes]byte
	copy(in[:], k.inner[:])
	inner := sha256.Sum256(append(in[:sha256.BlockSize], path...))
	copy(in[:], k.outer[:])
	return sha256.Sum256(append(in[:sha256.BlockSize], inner[:]...))
}
