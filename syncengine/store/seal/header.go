package seal

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"slices"

	"github.com/arpenteur/arpenteur/syncengine/store"
)

// HeaderVersion is the version of the headers that this package writes and reads.
const HeaderVersion = 1

// Limits of a header.
const (
	maxHeaderBytes = 64 << 10
	maxSlots       = 16
)

// checkDomain is what a key is checked by.
const checkDomain = "arpenteur/1 seal check"

// Key is the key that all values of one store are sealed with.
type Key [32]byte

// String keeps a key out of logs.
func (Key) String() string { return "(a key)" }

// GoString keeps a key out of logs.
func (Key) GoString() string { return "seal.Key{}" }

// check returns what tells this key from others, and tells nothing else about it.
func (k Key) check() []byte {
	mac := hmac.New(sha256.New, k[:])
	mac.Write([]byte(checkDomain))
	return mac.Sum(nil)
}

// Header says how to get at the data key of a sealed store. It is kept beside the values, readable by all. Its methods return a new
// Header and leave theirs as it is.
type Header struct {
	Version int    `json:"version"`
	Check   []byte `json:"check"` // HMAC-SHA256 of the data key: a wrong key is told from a damaged value
	Slots   []Slot `json:"slots"`
}

// New draws a data key and returns it, and a header that opens with the passphrase. A nil random is crypto/rand.
func New(passphrase []byte, p Params, random io.Reader) (Header, Key, error) {
	var key Key
	if _, err := io.ReadFull(orCrypto(random), key[:]); err != nil {
		return Header{}, Key{}, fmt.Errorf("draw randomness for the seal: %w", err)
	}
	h, err := Header{Version: HeaderVersion, Check: key.check()}.AddPassphrase(key, passphrase, p, random)
	if err != nil {
		return Header{}, Key{}, err
	}
	return h, key, nil
}

// Parse reads what Encode wrote. Its bytes may come from anywhere: what they ask for is bounded. It returns store.ErrNewer for a later
// version, else store.ErrCorrupt.
func Parse(data []byte) (Header, error) {
	if len(data) > maxHeaderBytes {
		return Header{}, fmt.Errorf("%w: the seal's header has %d bytes", store.ErrCorrupt, len(data))
	}
	var version struct {
		Version int `json:"version"`
	}
	if err := json.Unmarshal(data, &version); err != nil {
		return Header{}, fmt.Errorf("%w: the seal's header: %w", store.ErrCorrupt, err)
	}
	if version.Version > HeaderVersion {
		return Header{}, fmt.Errorf("%w: the seal's header is of version %d; install the newer program", store.ErrNewer, version.Version)
	}
	var h Header
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&h); err != nil {
		return Header{}, fmt.Errorf("%w: the seal's header: %w", store.ErrCorrupt, err)
	}
	return h, h.valid()
}

// valid refuses a header that can't be one.
func (h Header) valid() error {
	if h.Version != HeaderVersion || len(h.Check) != sha256.Size || len(h.Slots) == 0 || len(h.Slots) > maxSlots {
		return fmt.Errorf("%w: the seal's header has version %d, %d bytes of check and %d slots", store.ErrCorrupt, h.Version, len(h.Check), len(h.Slots))
	}
	for _, s := range h.Slots {
		if err := s.check(); err != nil {
			return err
		}
	}
	return nil
}

// Encode returns the header as JSON.
func (h Header) Encode() ([]byte, error) {
	if err := h.valid(); err != nil {
		return nil, err
	}
	data, err := json.Marshal(h)
	if err == nil && len(data) > maxHeaderBytes {
		err = fmt.Errorf("%w: a seal header of %d bytes", store.ErrTooLarge, len(data))
	}
	return data, err
}

// Open returns the data key, or store.ErrSealed where no slot opens with the passphrase. Each slot costs a derivation.
func (h Header) Open(passphrase []byte) (Key, error) {
	key, _, err := h.find(passphrase)
	return key, err
}

// find returns the data key and the slot that holds it.
func (h Header) find(passphrase []byte) (Key, int, error) {
	if len(passphrase) == 0 {
		return Key{}, 0, fmt.Errorf("%w: give the passphrase", store.ErrSealed)
	}
	for i, s := range h.Slots {
		if key, ok := s.open(passphrase); ok && h.Holds(key) {
			return key, i, nil
		}
	}
	return Key{}, 0, fmt.Errorf("%w: the passphrase is not the right one", store.ErrSealed)
}

// Holds reports whether key is the header's data key, however it was come by.
func (h Header) Holds(key Key) bool { return hmac.Equal(h.Check, key.check()) }

// AddPassphrase returns the header with one more slot, which opens with the passphrase. A nil random is crypto/rand.
func (h Header) AddPassphrase(key Key, passphrase []byte, p Params, random io.Reader) (Header, error) {
	if !h.Holds(key) {
		return Header{}, fmt.Errorf("%w: the key is another store's", store.ErrSealed)
	}
	s, err := newSlot(key, passphrase, p, orCrypto(random))
	if err != nil {
		return Header{}, err
	}
	return h.AddSlot(s)
}

// AddSlot returns the header with one more slot, of any kind. Slots of other kinds are made by json.Unmarshal.
func (h Header) AddSlot(s Slot) (Header, error) {
	if len(h.Slots) >= maxSlots {
		return Header{}, fmt.Errorf("%w: a seal has room for %d slots", store.ErrTooLarge, maxSlots)
	}
	h.Slots = append(slices.Clone(h.Slots), s)
	return h, s.check()
}

// Change returns the header with the slot of the old passphrase replaced by one that opens with the new one, or store.ErrSealed where
// the old one is not right. A nil random is crypto/rand.
func (h Header) Change(old, passphrase []byte, p Params, random io.Reader) (Header, error) {
	key, i, err := h.find(old)
	if err != nil {
		return Header{}, err
	}
	s, err := newSlot(key, passphrase, p, orCrypto(random))
	if err != nil {
		return Header{}, err
	}
	h.Slots = slices.Clone(h.Slots)
	h.Slots[i] = s
	return h, nil
}

// orCrypto returns random, or crypto/rand where it is nil.
func orCrypto(random io.Reader) io.Reader {
	if random == nil {
		return rand.Reader
	}
	return random
}
