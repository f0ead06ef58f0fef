package seal

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/arpenteur/arpenteur/syncengine/store"
)

// ErrClear is returned by Open for a store that holds values which were never sealed.
var ErrClear = errors.New("store holds values that are not sealed")

// Sealable is a store that keeps a header beside its values. boltstore and storetest have one.
type Sealable interface {
	store.Store
	// SealHeader returns the header that was set last, or nil.
	SealHeader() []byte
	// SetSealHeader keeps a header, durably.
	SetSealHeader(header []byte) error
	// Empty reports whether the store holds no key at all.
	Empty(ctx context.Context) (bool, error)
}

// Open returns what st holds, for reading and writing, and the data key, from which callers derive the keys of what they keep elsewhere.
//
//   - A sealed store opens with a passphrase of its; with another one the error is store.ErrSealed.
//   - An empty store that isn't sealed is sealed with the passphrase, at the cost p; a nil random is crypto/rand.
//   - A store that isn't sealed and holds something is refused with ErrClear: its values would lie there unsealed for ever.
//   - Without a passphrase the error is store.ErrSealed in every case: nobody ends up with a clear store by forgetting to give one.
//
// Closing the returned store closes st. Where Open fails st stays open.
func Open(ctx context.Context, st Sealable, passphrase []byte, p Params, random io.Reader) (store.Store, Key, error) {
	key, err := dataKey(ctx, st, passphrase, p, random)
	if err != nil {
		return nil, Key{}, err
	}
	return Wrap(st, key, random), key, nil
}

// dataKey returns the key of a sealed store, or seals an empty one.
func dataKey(ctx context.Context, st Sealable, passphrase []byte, p Params, random io.Reader) (Key, error) {
	data := st.SealHeader()
	if len(data) == 0 {
		return sealNew(ctx, st, passphrase, p, random)
	}
	h, err := Parse(data)
	if err != nil {
		return Key{}, err
	}
	return h.Open(passphrase)
}

// sealNew seals an empty store.
func sealNew(ctx context.Context, st Sealable, passphrase []byte, p Params, random io.Reader) (Key, error) {
	empty, err := st.Empty(ctx)
	if err != nil {
		return Key{}, err
	}
	if !empty {
		return Key{}, fmt.Errorf("%w: copy what it holds into a new store that is sealed", ErrClear)
	}
	h, key, err := New(passphrase, p, random)
	if err != nil {
		return Key{}, err
	}
	return key, setHeader(st, h)
}

// ChangePassphrase replaces a passphrase of st by another, at the cost p. The data key stays, and so do the values.
func ChangePassphrase(st Sealable, old, passphrase []byte, p Params, random io.Reader) error {
	h, err := Parse(st.SealHeader())
	if err != nil {
		return err
	}
	if h, err = h.Change(old, passphrase, p, random); err != nil {
		return err
	}
	return setHeader(st, h)
}

// setHeader encodes and keeps a header.
func setHeader(st Sealable, h Header) error {
	data, err := h.Encode()
	if err != nil {
		return err
	}
	return st.SetSealHeader(data)
}
