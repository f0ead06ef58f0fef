package seal

import (
	"bytes"
	"context"
	"crypto/cipher"
	"encoding/binary"
	"fmt"
	"io"
	"sync"

	"golang.org/x/crypto/chacha20poly1305"

	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/store"
)

// valueDomain begins what is authenticated with each value.
const valueDomain = "arpenteur/1 sealed value"

// overhead is by how many bytes a sealed value is longer. Backends leave room for it beyond store.MaxValueBytes.
const overhead = chacha20poly1305.NonceSizeX + chacha20poly1305.Overhead

var _ [store.SealBytes - overhead]struct{}

// Store is a store whose values are sealed in another. It implements store.Store.
type Store struct {
	inner store.Store
	aead  cipher.AEAD

	mu     sync.Mutex // guards random: updates of some stores run at once
	random io.Reader
}

// Wrap returns a store that keeps its values in inner, sealed under key. Nonces come from random; nil is crypto/rand. Closing it closes
// inner. A store must be wrapped with one key for ever: Open sees to that.
func Wrap(inner store.Store, key Key, random io.Reader) *Store {
	aead, err := chacha20poly1305.NewX(key[:])
	if err != nil {
		panic(err) // of a key of the wrong length, which a Key can't have
	}
	return &Store{inner: inner, aead: aead, random: orCrypto(random)}
}

// View runs fn over one consistent state.
func (s *Store) View(ctx context.Context, fn func(r store.Reader) error) error {
	return s.inner.View(ctx, func(r store.Reader) error { return fn(&reader{store: s, inner: r}) })
}

// Update runs fn and keeps its writes.
func (s *Store) Update(ctx context.Context, fn func(w store.Writer) error) error {
	return s.inner.Update(ctx, func(w store.Writer) error { return fn(&writer{reader: reader{store: s, inner: w}, inner: w}) })
}

// Close closes the inner store.
func (s *Store) Close() error { return s.inner.Close() }

// nonce draws a nonce.
func (s *Store) nonce(b []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := io.ReadFull(s.random, b); err != nil {
		return fmt.Errorf("draw randomness for the seal: %w", err)
	}
	return nil
}

// reader opens what an inner Reader returns.
type reader struct {
	store *Store
	inner store.Reader
	place []byte // scratch
}

// at returns what is authenticated with the value at a place: the domain, then each part with its length before it.
func (r *reader) at(space store.Space, ledger syncengine.LedgerID, key []byte) []byte {
	b := append(r.place[:0], valueDomain...)
	b = append(binary.BigEndian.AppendUint32(b, uint32(len(space))), space...)
	b = append(binary.BigEndian.AppendUint32(b, uint32(len(ledger.Hash))), ledger.Hash[:]...)
	b = append(binary.BigEndian.AppendUint32(b, uint32(len(key))), key...)
	r.place = b
	return b
}

// open returns the value in sealed bytes.
func (r *reader) open(space store.Space, ledger syncengine.LedgerID, key, sealed []byte) ([]byte, error) {
	if len(sealed) > overhead {
		nonce, box := sealed[:chacha20poly1305.NonceSizeX], sealed[chacha20poly1305.NonceSizeX:]
		if value, err := r.store.aead.Open(nil, nonce, box, r.at(space, ledger, key)); err == nil {
			return value, nil
		}
	}
	return nil, &store.DamagedError{Space: space, Ledger: ledger, Key: bytes.Clone(key)}
}

// Get implements store.Reader.
func (r *reader) Get(space store.Space, ledger syncengine.LedgerID, key []byte) ([]byte, error) {
	sealed, err := r.inner.Get(space, ledger, key)
	if err != nil || sealed == nil {
		return nil, err
	}
	return r.open(space, ledger, key, sealed)
}

// opening returns fn for an inner scan.
func (r *reader) opening(space store.Space, ledger syncengine.LedgerID, fn func(k, v []byte) (bool, error)) func(k, v []byte) (bool, error) {
	return func(k, v []byte) (bool, error) {
		value, err := r.open(space, ledger, k, v)
		if err != nil {
			return false, err
		}
		return fn(k, value)
	}
}

// Scan implements store.Reader.
func (r *reader) Scan(space store.Space, ledger syncengine.LedgerID, from, to []byte, fn func(k, v []byte) (bool, error)) error {
	return r.inner.Scan(space, ledger, from, to, r.opening(space, ledger, fn))
}

// ScanBack implements store.Reader.
func (r *reader) ScanBack(space store.Space, ledger syncengine.LedgerID, from, to []byte, fn func(k, v []byte) (bool, error)) error {
	return r.inner.ScanBack(space, ledger, from, to, r.opening(space, ledger, fn))
}

// Ledgers implements store.Reader.
func (r *reader) Ledgers(fn func(ledger syncengine.LedgerID) (bool, error)) error {
	return r.inner.Ledgers(fn)
}

// writer is a reader that seals what it puts.
type writer struct {
	reader
	inner  store.Writer
	sealed []byte // scratch: the inner store keeps copies
}

// Put implements store.Writer.
func (w *writer) Put(space store.Space, ledger syncengine.LedgerID, key, value []byte) error {
	if err := store.CheckPut(space, key, value); err != nil {
		return err
	}
	if len(value) > store.MaxValueBytes {
		return fmt.Errorf("%w: a value of %d bytes at key %x of %s", store.ErrTooLarge, len(value), key, space)
	}
	w.sealed = append(w.sealed[:0], make([]byte, chacha20poly1305.NonceSizeX)...)
	if err := w.store.nonce(w.sealed); err != nil {
		return err
	}
	w.sealed = w.store.aead.Seal(w.sealed, w.sealed, value, w.at(space, ledger, key))
	return w.inner.Put(space, ledger, key, w.sealed)
}

// Delete implements store.Writer.
func (w *writer) Delete(space store.Space, ledger syncengine.LedgerID, key []byte) error {
	return w.inner.Delete(space, ledger, key)
}
