package wire

import (
	"crypto/ed25519"
	"errors"
)

// Signature is an Ed25519 signature. Its text form is 86 characters of base64url.
type Signature [ed25519.SignatureSize]byte

// PublicKey is an Ed25519 public key as bodies and tickets carry it. Its text form is 43 characters of base64url.
type PublicKey [ed25519.PublicKeySize]byte

var (
	errSignatureText = errors.New("signature is not 86 characters of unpadded base64url")
	errKeyText       = errors.New("public key is not 43 characters of unpadded base64url")
)

// sign signs a message.
func sign(key ed25519.PrivateKey, message []byte) Signature {
	return Signature(ed25519.Sign(key, message))
}

// verify is ed25519.Verify for keys of any length: a key that isn't one verifies nothing.
func verify(key ed25519.PublicKey, message []byte, signature Signature) bool {
	return len(key) == ed25519.PublicKeySize && ed25519.Verify(key, message, signature[:])
}

// String returns the text form of s.
func (s Signature) String() string { return textEncoding.EncodeToString(s[:]) }

// MarshalText returns the text form of s.
func (s Signature) MarshalText() ([]byte, error) { return textEncoding.AppendEncode(nil, s[:]), nil }

// UnmarshalText reads the text form of a Signature.
func (s *Signature) UnmarshalText(text []byte) error {
	if !decodeBinary(s[:], string(text)) {
		return errSignatureText
	}
	return nil
}

// PublicKeyOf returns key as bodies carry it. A key of another length gives the zero PublicKey, which verifies nothing.
func PublicKeyOf(key ed25519.PublicKey) PublicKey {
	var k PublicKey
	if len(key) == len(k) {
		copy(k[:], key)
	}
	return k
}

// Ed25519 returns k as the standard library takes it.
func (k PublicKey) Ed25519() ed25519.PublicKey { return k[:] }

// String returns the text form of k.
func (k PublicKey) String() string { return textEncoding.EncodeToString(k[:]) }

// MarshalText returns the text form of k.
func (k PublicKey) MarshalText() ([]byte, error) { return textEncoding.AppendEncode(nil, k[:]), nil }

// UnmarshalText reads the text form of a PublicKey.
func (k *PublicKey) UnmarshalText(text []byte) error {
	if !decodeBinary(k[:], string(text)) {
		return errKeyText
	}
	return nil
}
