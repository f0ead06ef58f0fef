package file

import (
	"bytes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"slices"

	"filippo.io/age"
	"filippo.io/edwards25519"
	"golang.org/x/crypto/chacha20poly1305"
)

// The native recipient of the age format: age-encryption.org/v1, "The X25519 recipient type".
const (
	stanzaType  = "X25519"
	stanzaLabel = "age-encryption.org/v1/X25519"
	fileKeySize = 16
)

// recipientStep is what the number of recipients of a section is a multiple of.
const recipientStep = 16

var stanzaText = base64.RawStdEncoding.Strict()

// montgomery takes a public Ed25519 key to X25519 by the birational map of RFC 7748, section 4.1.
func montgomery(key ed25519.PublicKey) (*ecdh.PublicKey, error) {
	p, err := new(edwards25519.Point).SetBytes(key)
	if err != nil {
		return nil, err
	}
	return ecdh.X25519().NewPublicKey(p.BytesMontgomery())
}

// scalar takes a private Ed25519 key to X25519: its secret scalar (RFC 8032, section 5.1.5).
func scalar(key ed25519.PrivateKey) (*ecdh.PrivateKey, error) {
	sum := sha512.Sum512(key.Seed())
	return ecdh.X25519().NewPrivateKey(sum[:32])
}

// recipients is everybody that a section is sealed to, as one age.Recipient.
type recipients []ed25519.PublicKey

// Wrap seals the section's key to each recipient, and to as many random keys as fill up the step, in random order. A key that is no point
// of the curve can't be sealed to, and nobody has its private half: it is passed over.
func (r recipients) Wrap(fileKey []byte) ([]*age.Stanza, error) {
	var out []*age.Stanza
	for _, key := range r {
		public, err := montgomery(key)
		if err != nil {
			continue
		}
		if s, err := wrap(fileKey, public); err == nil {
			out = append(out, s)
		}
	}
	for len(out) == 0 || len(out)%recipientStep != 0 {
		nobody, err := ecdh.X25519().GenerateKey(rand.Reader)
		if err != nil {
			return nil, err
		}
		s, err := wrap(fileKey, nobody.PublicKey())
		if err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	slices.SortFunc(out, func(a, b *age.Stanza) int { return bytes.Compare(a.Body, b.Body) }) // which is random
	return out, nil
}

// wrap seals a key to one recipient.
func wrap(fileKey []byte, to *ecdh.PublicKey) (*age.Stanza, error) {
	ephemeral, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	aead, err := stanzaAEAD(ephemeral, to, ephemeral.PublicKey(), to)
	if err != nil {
		return nil, err
	}
	return &age.Stanza{
		Type: stanzaType, Args: []string{stanzaText.EncodeToString(ephemeral.PublicKey().Bytes())},
		Body: aead.Seal(nil, make([]byte, chacha20poly1305.NonceSize), fileKey, nil),
	}, nil
}

// stanzaAEAD derives the key that a stanza is sealed with: by the one side from its ephemeral key, by the other from the recipient's.
func stanzaAEAD(own *ecdh.PrivateKey, other, share, recipient *ecdh.PublicKey) (cipher.AEAD, error) {
	secret, err := own.ECDH(other)
	if err != nil {
		return nil, err
	}
	key, err := hkdf.Key(sha256.New, secret, slices.Concat(share.Bytes(), recipient.Bytes()), stanzaLabel, chacha20poly1305.KeySize)
	if err != nil {
		return nil, err
	}
	return chacha20poly1305.New(key)
}

// identity opens the stanzas of one Ed25519 key.
type identity struct{ key *ecdh.PrivateKey }

// Unwrap tries every stanza of the native kind, since none of them says whose it is.
func (i identity) Unwrap(stanzas []*age.Stanza) ([]byte, error) {
	for _, s := range stanzas {
		if key, ok := i.unwrap(s); ok {
			return key, nil
		}
	}
	return nil, age.ErrIncorrectIdentity
}

func (i identity) unwrap(s *age.Stanza) ([]byte, bool) {
	if s.Type != stanzaType || len(s.Args) != 1 || len(s.Body) != fileKeySize+chacha20poly1305.Overhead {
		return nil, false
	}
	raw, err := stanzaText.DecodeString(s.Args[0])
	if err != nil {
		return nil, false
	}
	share, err := ecdh.X25519().NewPublicKey(raw)
	if err != nil {
		return nil, false
	}
	aead, err := stanzaAEAD(i.key, share, share, i.key.PublicKey())
	if err != nil {
		return nil, false
	}
	key, err := aead.Open(nil, make([]byte, chacha20poly1305.NonceSize), s.Body, nil)
	return key, err == nil
}

// identities returns what age opens sections with.
func identities(keys []ed25519.PrivateKey) ([]age.Identity, error) {
	if len(keys) == 0 {
		return nil, errors.New("no key to open a section with")
	}
	out := make([]age.Identity, 0, len(keys))
	for _, k := range keys {
		x, err := scalar(k)
		if err != nil {
			return nil, err
		}
		out = append(out, identity{x})
	}
	return out, nil
}
