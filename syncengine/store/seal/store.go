package seal

import (
	"context"
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"io"

	"golang.org/x/crypto/chacha20poly1305"

	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/store"
)

// Sealable is a store whose file format keeps a seal header.
type Sealable interface {
	store.Store
	SealHeader() []byte           // as kept; nil where the store is not sealed
	SetSealHeader(h []byte) error // durable when it returns
}

// Open opens a sealed store with a passphrase, or seals an empty one with it. It returns store.ErrSealed where the passphrase is
// wrong or empty, and where the store holds data that is not sealed.
func Open(ctx context.Context, s Sealable, passphrase []byte, p Params, random io.Reader) (store.Store, Key, error) {
	if random == nil {
		random = rand.Reader
	}
	raw := s.SealHeader()
	if raw == nil {
		return first(ctx, s, passphrase, p, random)
	}
	h, err := Decode(raw)
	if err != nil {
		return nil, Key{}, err
	}
	key, err := h.Open(passphrase)
	if err != nil {
		return nil, Key{}, err
	}
	out, err := Wrap(s, key, random)
	return out, key, err
}

// first seals a store that holds nothing yet.
func first(ctx context.Context, s Sealable, passphrase []byte, p Params, random io.Reader) (store.Store, Key, error) {
	empty := true
	err := s.View(ctx, func(r store.Reader) error {
		return r.Ledgers(func(syncengine.LedgerID) (bool, error) {
			empty = false
			return false, nil
		})
	})
	if err != nil {
		return nil, Key{}, err
	}
	if !empty {
		return nil, Key{}, fmt.Errorf("%w: it holds data that was written without a seal", store.ErrSealed)
	}
	h, key, err := New(passphrase, p, random)
	if err != nil {
		return nil, Key{}, err
	}
	raw, err := h.Encode()
	if err != nil {
		return nil, Key{}, err
	}
	if err := s.SetSealHeader(raw); err != nil {
		return nil, Key{}, err
	}
	out, err := Wrap(s, key, random)
	return out, key, err
}

// Wrap returns a store that seals every value of inner under key. Closing it closes inner.
func Wrap(inner store.Store, key Key, random io.Reader) (store.Store, error) {
	aead, err := chacha20poly1305.NewX(key[:])
	if err != nil {
		return nil, err
	}
	if random == nil {
		random = rand.Reader
	}
	return &sealed{inner, aead, random}, nil
}

type sealed struct {
	inner  store.Store
	aead   cipher.AEAD
	random io.Reader
}

func (s *sealed) View(ctx context.Context, fn func(r store.Reader) error) error {
	return s.inner.View(ctx, func(r store.Reader) error { return fn(&reader{r, s}) })
}

func (s *sealed) Update(ctx context.Context, fn func(w store.Writer) error) error {
	return s.inner.Update(ctx, func(w store.Writer) error { return fn(&writer{reader{w, s}, w}) })
}

func (s *sealed) Close() error { return s.inner.Close() }

// place is what a value is bound to: its space, ledger and key.
func place(space store.Space, ledger syncengine.LedgerID, key []byte) []byte {
	b := make([]byte, 0, 4+len(space)+len(ledger.Hash)+len(key))
	b = binary.BigEndian.AppendUint32(b, uint32(len(space))) //nolint:gosec // a short name
	b = append(append(b, space...), ledger.Hash[:]...)
	return append(b, key...)
}

func (s *sealed) open(space store.Space, ledger syncengine.LedgerID, key, raw []byte) ([]byte, error) {
	n := s.aead.NonceSize()
	if len(raw) < n+s.aead.Overhead() {
		return nil, fmt.Errorf("sealed value in %s: %w", space, store.ErrCorrupt)
	}
	value, err := s.aead.Open(nil, raw[:n], raw[n:], place(space, ledger, key))
	if err != nil {
		return nil, fmt.Errorf("sealed value in %s: %w", space, store.ErrCorrupt)
	}
	return value, nil
}

type reader struct {
	store.Reader
	s *sealed
}

func (r *reader) Get(space store.Space, ledger syncengine.LedgerID, key []byte) ([]byte, error) {
	raw, err := r.Reader.Get(space, ledger, key)
	if err != nil || raw == nil {
		return nil, err
	}
	return r.s.open(space, ledger, key, raw)
}

func (r *reader) Scan(space store.Space, ledger syncengine.LedgerID, from, to []byte, fn func(key, value []byte) (bool, error)) error {
	return r.Reader.Scan(space, ledger, from, to, r.opening(space, ledger, fn))
}

func (r *reader) ScanBack(space store.Space, ledger syncengine.LedgerID, from, to []byte, fn func(key, value []byte) (bool, error)) error {
	return r.Reader.ScanBack(space, ledger, from, to, r.opening(space, ledger, fn))
}

func (r *reader) opening(space store.Space, ledger syncengine.LedgerID, fn func(key, value []byte) (bool, error)) func(key, raw []byte) (bool, error) {
	return func(key, raw []byte) (bool, error) {
		value, err := r.s.open(space, ledger, key, raw)
		if err != nil {
			return false, err
		}
		return fn(key, value)
	}
}

type writer struct {
	reader
	w store.Writer
}

func (w *writer) Put(space store.Space, ledger syncengine.LedgerID, key, value []byte) error {
	if len(value) == 0 {
		return fmt.Errorf("put in %s: %w", space, store.ErrEmpty)
	}
	if len(value) > store.MaxValueBytes {
		return fmt.Errorf("put in %s: %w", space, store.ErrTooLarge)
	}
	n := w.s.aead.NonceSize()
	raw := make([]byte, n, n+len(value)+w.s.aead.Overhead())
	if _, err := io.ReadFull(w.s.random, raw); err != nil {
		return err
	}
	return w.w.Put(space, ledger, key, w.s.aead.Seal(raw, raw, value, place(space, ledger, key)))
}

func (w *writer) Delete(space store.Space, ledger syncengine.LedgerID, key []byte) error {
	return w.w.Delete(space, ledger, key)
}
