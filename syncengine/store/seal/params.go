package seal

import (
	"fmt"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/chacha20poly1305"
	"golang.org/x/text/unicode/norm"

	"github.com/arpenteur/arpenteur/syncengine/store"
)

// Params are what one try of a passphrase costs, for who knows it and for who guesses (Argon2id, RFC 9106). The zero value of each
// means its default.
type Params struct {
	Time    uint32 // passes over the memory; 3
	Memory  uint32 // KiB; 64 MiB
	Threads uint8  // that compute at once; 2
}

// The defaults, and the most that a header may ask for. A header comes from a file, and must not take all memory or hours.
const (
	defaultTime    = 3
	defaultMemory  = 64 << 10
	defaultThreads = 2

	maxTime    = 16
	maxMemory  = 1 << 20 // KiB, so 1 GiB
	maxThreads = 16
)

// withDefaults fills in what was left open.
func (p Params) withDefaults() Params {
	if p.Time == 0 {
		p.Time = defaultTime
	}
	if p.Memory == 0 {
		p.Memory = defaultMemory
	}
	if p.Threads == 0 {
		p.Threads = defaultThreads
	}
	return p
}

// check refuses what is out of bounds.
func (p Params) check() error {
	if p.Time < 1 || p.Time > maxTime || p.Memory < 8*uint32(p.Threads) || p.Memory > maxMemory || p.Threads < 1 || p.Threads > maxThreads {
		return fmt.Errorf("%w: a slot of the seal asks for %d passes over %d KiB in %d threads", store.ErrCorrupt, p.Time, p.Memory, p.Threads)
	}
	return nil
}

// derive returns the key that a passphrase stands for. Its characters may be composed or not, as keyboards and systems differ in that.
func (p Params) derive(passphrase, salt []byte) []byte {
	return argon2.IDKey(norm.NFC.Bytes(passphrase), salt, p.Time, p.Memory, p.Threads, chacha20poly1305.KeySize)
}
