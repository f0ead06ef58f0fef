package seal

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/chacha20poly1305"

	"github.com/arpenteur/arpenteur/syncengine/store"
)

// Params are what a guess of a passphrase costs: Argon2id's passes, memory in KiB, and threads.
type Params struct {
	Time    uint32 `json:"time"`
	Memory  uint32 `json:"memory"`
	Threads uint8  `json:"threads"`
}

// DefaultParams suit a tablet with 4 GB of memory: a tenth of a second or two.
var DefaultParams = Params{Time: 3, Memory: 64 << 10, Threads: 2}

// Bounds of what a header from a file may ask for.
const (
	maxTime    = 16
	maxMemory  = 1 << 20 // KiB
	maxHeader  = 64 << 10
	headerForm = 1
)

// SlotPassphrase is the kind of a slot that a passphrase opens. Slots of other kinds are kept and passed over.
const SlotPassphrase = "passphrase"

// Header says how the data key can be had. It is stored beside the data, and holds nothing that helps without a passphrase.
type Header struct {
	Version int    `json:"version"`
	Slots   []Slot `json:"slots"`
}

// Slot is one way to the data key.
type Slot struct {
	Kind    string `json:"kind"`
	Params  Params `json:"params,omitzero"`
	Salt    []byte `json:"salt,omitempty"`
	Nonce   []byte `json:"nonce,omitempty"`
	Wrapped []byte `json:"wrapped,omitempty"`
}

// Key is a data key.
type Key [chacha20poly1305.KeySize]byte

// New draws a data key and returns it with a header that passphrase opens.
func New(passphrase []byte, p Params, random io.Reader) (*Header, Key, error) {
	if random == nil {
		random = rand.Reader
	}
	var key Key
	if _, err := io.ReadFull(random, key[:]); err != nil {
		return nil, Key{}, fmt.Errorf("draw a data key: %w", err)
	}
	h := &Header{Version: headerForm}
	return h, key, h.Add(key, passphrase, p, random)
}

// Add adds a slot that passphrase opens.
func (h *Header) Add(key Key, passphrase []byte, p Params, random io.Reader) error {
	if len(passphrase) == 0 {
		return fmt.Errorf("%w: the passphrase is empty", store.ErrSealed)
	}
	if p == (Params{}) {
		p = DefaultParams
	}
	s := Slot{Kind: SlotPassphrase, Params: p, Salt: make([]byte, 16), Nonce: make([]byte, chacha20poly1305.NonceSizeX)}
	for _, b := range [][]byte{s.Salt, s.Nonce} {
		if _, err := io.ReadFull(random, b); err != nil {
			return err
		}
	}
	aead, err := chacha20poly1305.NewX(s.derive(passphrase))
	if err != nil {
		return err
	}
	s.Wrapped = aead.Seal(nil, s.Nonce, key[:], []byte(s.Kind))
	h.Slots = append(h.Slots, s)
	return nil
}

// Change makes passphrase the only one that opens the header. Slots of other kinds stay.
func (h *Header) Change(key Key, passphrase []byte, p Params, random io.Reader) error {
	next := &Header{Version: h.Version}
	for _, s := range h.Slots {
		if s.Kind != SlotPassphrase {
			next.Slots = append(next.Slots, s)
		}
	}
	if err := next.Add(key, passphrase, p, random); err != nil {
		return err
	}
	*h = *next
	return nil
}

// Open returns the data key. It returns store.ErrSealed where no slot opens with the passphrase.
func (h *Header) Open(passphrase []byte) (Key, error) {
	for i := range h.Slots {
		s := &h.Slots[i]
		if s.Kind != SlotPassphrase {
			continue
		}
		aead, err := chacha20poly1305.NewX(s.derive(passphrase))
		if err != nil {
			return Key{}, err
		}
		raw, err := aead.Open(nil, s.Nonce, s.Wrapped, []byte(s.Kind))
		if err == nil && len(raw) == len(Key{}) {
			return Key(raw), nil
		}
	}
	return Key{}, fmt.Errorf("%w: the passphrase does not open it", store.ErrSealed)
}

func (s *Slot) derive(passphrase []byte) []byte {
	return argon2.IDKey(passphrase, s.Salt, s.Params.Time, s.Params.Memory, s.Params.Threads, chacha20poly1305.KeySize)
}

// Encode returns the bytes that a store keeps.
func (h *Header) Encode() ([]byte, error) { return json.Marshal(h) }

// Decode reads what Encode wrote. What it asks for is bounded, since the file may be anybody's.
func Decode(raw []byte) (*Header, error) {
	if len(raw) > maxHeader {
		return nil, fmt.Errorf("seal header of %d bytes: %w", len(raw), store.ErrCorrupt)
	}
	h := new(Header)
	if err := json.Unmarshal(raw, h); err != nil {
		return nil, fmt.Errorf("seal header: %w: %w", store.ErrCorrupt, err)
	}
	if h.Version > headerForm {
		return nil, fmt.Errorf("seal header of version %d: %w", h.Version, store.ErrNewer)
	}
	for i := range h.Slots {
		if err := h.Slots[i].check(); err != nil {
			return nil, fmt.Errorf("seal header: %w: %w", store.ErrCorrupt, err)
		}
	}
	return h, nil
}

func (s *Slot) check() error {
	if s.Kind != SlotPassphrase {
		return nil
	}
	p := s.Params
	if p.Time < 1 || p.Time > maxTime || p.Memory < 8 || p.Memory > maxMemory || p.Threads < 1 || len(s.Nonce) != chacha20poly1305.NonceSizeX {
		return errors.New("a slot asks for what no program of ours writes")
	}
	return nil
}
