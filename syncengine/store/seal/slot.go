package seal

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"

	"golang.org/x/crypto/chacha20poly1305"

	"github.com/arpenteur/arpenteur/syncengine/store"
)

// KindPassphrase is the kind of the slots that this package opens.
const KindPassphrase = "passphrase"

// slotDomain is authenticated with a wrapped key, so that it is taken for nothing else.
const slotDomain = "arpenteur/1 seal slot"

const (
	saltBytes    = 16
	maxSaltBytes = 64
)

// Slot is one way to the data key. Of a kind that this package does not know it keeps the bytes, and no field but Kind is set.
type Slot struct {
	Kind    string `json:"kind"`
	Salt    []byte `json:"salt"`
	Time    uint32 `json:"time"`
	Memory  uint32 `json:"memory"` // KiB
	Threads uint8  `json:"threads"`
	Nonce   []byte `json:"nonce"`
	Wrapped []byte `json:"wrapped"` // the data key, sealed under what the passphrase and the salt derive

	other json.RawMessage // the whole slot, of another kind
}

// plainSlot is a Slot without its methods.
type plainSlot Slot

// MarshalJSON returns the slot as an object.
func (s Slot) MarshalJSON() ([]byte, error) {
	if s.other != nil {
		return s.other, nil
	}
	return json.Marshal(plainSlot(s))
}

// UnmarshalJSON reads a slot. One of another kind is any object with a kind.
func (s *Slot) UnmarshalJSON(data []byte) error {
	var kind struct {
		Kind string `json:"kind"`
	}
	if err := json.Unmarshal(data, &kind); err != nil {
		return err
	}
	if kind.Kind != KindPassphrase {
		*s = Slot{Kind: kind.Kind, other: bytes.Clone(data)}
		return nil
	}
	var plain plainSlot
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&plain); err != nil {
		return err
	}
	*s = Slot(plain)
	return nil
}

// params returns what the slot's passphrase costs.
func (s Slot) params() Params { return Params{Time: s.Time, Memory: s.Memory, Threads: s.Threads} }

// check refuses a slot that can't be one. A slot of another kind is its owner's business.
func (s Slot) check() error {
	switch {
	case s.Kind == "":
		return fmt.Errorf("%w: a slot of the seal has no kind", store.ErrCorrupt)
	case s.Kind != KindPassphrase:
		return nil
	case len(s.Salt) < saltBytes || len(s.Salt) > maxSaltBytes || len(s.Nonce) != chacha20poly1305.NonceSizeX ||
		len(s.Wrapped) != len(Key{})+chacha20poly1305.Overhead:
		return fmt.Errorf("%w: a slot of the seal has a field of the wrong length", store.ErrCorrupt)
	}
	return s.params().check()
}

// newSlot wraps key under a passphrase.
func newSlot(key Key, passphrase []byte, p Params, random io.Reader) (Slot, error) {
	p = p.withDefaults()
	s := Slot{
		Kind: KindPassphrase, Time: p.Time, Memory: p.Memory, Threads: p.Threads,
		Salt: make([]byte, saltBytes), Nonce: make([]byte, chacha20poly1305.NonceSizeX),
	}
	if len(passphrase) == 0 {
		return Slot{}, fmt.Errorf("%w: a seal needs a passphrase", store.ErrSealed)
	}
	if err := p.check(); err != nil {
		return Slot{}, err
	}
	for _, b := range [][]byte{s.Salt, s.Nonce} {
		if _, err := io.ReadFull(random, b); err != nil {
			return Slot{}, fmt.Errorf("draw randomness for the seal: %w", err)
		}
	}
	aead, err := chacha20poly1305.NewX(p.derive(passphrase, s.Salt))
	if err != nil {
		return Slot{}, err
	}
	s.Wrapped = aead.Seal(nil, s.Nonce, key[:], []byte(slotDomain))
	return s, nil
}

// open returns the key in the slot, if the passphrase is its.
func (s Slot) open(passphrase []byte) (key Key, ok bool) {
	if s.Kind != KindPassphrase || s.check() != nil {
		return Key{}, false
	}
	aead, err := chacha20poly1305.NewX(s.params().derive(passphrase, s.Salt))
	if err != nil {
		return Key{}, false
	}
	plain, err := aead.Open(nil, s.Nonce, s.Wrapped, []byte(slotDomain))
	if err != nil {
		return Key{}, false
	}
	return Key(plain), true
}
