package server

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/arpenteur/arpenteur/syncengine/ledger"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// Secret holds the authority's keys. It lives in a file of its own, which is neither in the store nor in its backups, so that
// whoever gets hold of a backup can't speak for the authority. All nodes of one server share it.
type Secret struct {
	seed [32]byte
	rand io.Reader
}

// secretFile is the form of the file.
type secretFile struct {
	Format int    `json:"format"` // 1
	Seed   string `json:"seed"`   // 32 bytes, base64url without padding
}

// maxSecretBytes bounds the file before it is parsed.
const maxSecretBytes = 4 << 10

// ErrSecret is returned where the secret file can't be used.
var ErrSecret = errors.New("authority key file can't be used")

// OpenSecret reads the authority's keys from path. Where no file is there, and create is set, it makes one with new keys, readable by
// its owner only. rand is where new keys and salts come from.
func OpenSecret(path string, create bool, rand io.Reader) (*Secret, error) {
	f, err := os.Open(path) //nolint:gosec // the path is the operator's
	if errors.Is(err, fs.ErrNotExist) && create {
		return newSecret(path, rand)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w; put back the file that this server was set up with", ErrSecret, err)
	}
	defer f.Close() //nolint:errcheck // it was only read
	raw, err := io.ReadAll(io.LimitReader(f, maxSecretBytes))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSecret, err)
	}
	var content secretFile
	if err := json.Unmarshal(raw, &content); err != nil {
		return nil, fmt.Errorf("%w: %s is not an authority key file", ErrSecret, path)
	}
	seed, err := base64.RawURLEncoding.DecodeString(content.Seed)
	if err != nil || len(seed) != 32 || content.Format != 1 {
		return nil, fmt.Errorf("%w: %s is damaged or of a newer format", ErrSecret, path)
	}
	return &Secret{seed: [32]byte(seed), rand: rand}, nil
}

// newSecret draws new keys and writes them durably before anything is signed with them.
func newSecret(path string, rand io.Reader) (*Secret, error) {
	s := &Secret{rand: rand}
	if _, err := io.ReadFull(rand, s.seed[:]); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSecret, err)
	}
	raw, err := json.Marshal(secretFile{Format: 1, Seed: base64.RawURLEncoding.EncodeToString(s.seed[:])})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSecret, err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) //nolint:gosec // the path is the operator's
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSecret, err)
	}
	_, err = f.Write(append(raw, '\n'))
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = syncFolder(filepath.Dir(path))
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSecret, err)
	}
	return s, nil
}

// syncFolder makes a new file's name durable.
func syncFolder(path string) error {
	d, err := os.Open(path) //nolint:gosec // the path is the operator's
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// derive gives a key for one purpose from the seed.
func (s *Secret) derive(purpose string) [32]byte {
	mac := hmac.New(sha256.New, s.seed[:])
	mac.Write([]byte("arpenteur/1 " + purpose))
	return [32]byte(mac.Sum(nil))
}

// root is the key that certifies the authority: its first key in each ledger, and its incarnations.
func (s *Secret) root() ed25519.PrivateKey {
	seed := s.derive("root key")
	return ed25519.NewKeyFromSeed(seed[:])
}

// RootKey returns the public key that tablets are enrolled with.
func (s *Secret) RootKey() wire.PublicKey {
	public, _ := s.root().Public().(ed25519.PublicKey)
	return wire.PublicKeyOf(public)
}

// pen is what a later incarnation of the authority writes with. Its key follows from the seed, so that the store need not hold it.
func (s *Secret) pen(number uint64, nonce []byte) ledger.Pen {
	seed := s.derive(fmt.Sprintf("incarnation %d %x", number, nonce))
	return ledger.Pen{Key: ed25519.NewKeyFromSeed(seed[:]), Rand: s.rand}
}

// incarnation is the key that the authority's log is written with.
func (s *Secret) incarnation(n int) ed25519.PrivateKey {
	seed := s.derive(fmt.Sprintf("incarnation %d", n))
	return ed25519.NewKeyFromSeed(seed[:])
}
