package photos

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// Store keeps bytes under keys. It is safe for concurrent use. A key is segments of letters, digits, '.', '-' and '_', joined by '/'; no
// key is the beginning of another one's segments. Where there is no space left, methods return an error that wraps store.ErrFull; what was
// kept stays.
type Store interface {
	// Append adds a piece behind the first offset bytes of what lies at key, and makes it where offset is 0 and there is nothing. When it
	// returns nil the piece is durable. Where there are more or fewer bytes it returns ErrOffset and changes nothing.
	Append(ctx context.Context, key string, offset int64, piece []byte) error
	// Open returns what lies at key, or an error that wraps ErrAbsent. The caller closes it.
	Open(ctx context.Context, key string) (Blob, error)
	// Move gives what lies at one key another one, durably and at once, in place of what may lie there.
	Move(ctx context.Context, from, to string) error
	// Remove forgets what lies at key, durably; where there is nothing, that is no error.
	Remove(ctx context.Context, key string) error
	// List calls fn for everything whose key begins with prefix, which is empty or ends in '/', ascending, until fn returns an error, which
	// List returns. What is added or removed meanwhile may be listed or not.
	List(ctx context.Context, prefix string, fn func(Item) error) error
}

// Blob is what lies at a key, open for reading. What happens to the key meanwhile doesn't change it.
type Blob interface {
	io.ReadCloser
	io.Seeker
	Size() int64
}

// Item is one thing in a Store.
type Item struct {
	Key     string
	Size    int64
	Changed time.Time
}

// Errors of a Store.
var (
	ErrAbsent = errors.New("there is nothing at this key")
	ErrOffset = errors.New("the bytes before the piece are not those that are there")
)

const (
	partialPrefix   = "partial/"
	thumbnailSuffix = ".thumbnail"
)

// Key returns where a photo lies. The hash is in hexadecimal: what sha256sum prints of the file is its name.
func Key(p wire.PhotoName) string {
	return fmt.Sprintf("%s/%x/%x", p.Ledger, p.Hash[:1], p.Hash[:])
}

// ParseKey reads what Key wrote.
func ParseKey(key string) (p wire.PhotoName, ok bool) {
	parts := strings.Split(key, "/")
	if len(parts) != 3 || len(parts[2]) != 2*len(p.Hash) {
		return p, false
	}
	h, err := syncengine.ParseHash(parts[0])
	if err != nil {
		return p, false
	}
	p.Ledger.Hash = h
	if n, err := hex.Decode(p.Hash[:], []byte(parts[2])); err != nil || n != len(p.Hash) {
		return p, false
	}
	return p, Key(p) == key
}

func thumbnailKey(p wire.PhotoName) string { return Key(p) + thumbnailSuffix }

// Upload is what one replica sends of a photo.
type Upload struct {
	Replica syncengine.ReplicaID
	wire.PhotoName
}

func (u Upload) key() string {
	return fmt.Sprintf("%s%s.%x", partialsOf(u.Replica), u.Ledger, u.Hash[:])
}

// partialsOf is what the keys of all partials of a replica begin with.
func partialsOf(r syncengine.ReplicaID) string { return partialPrefix + r.String() + "/" }

// parsePartial reads of which photo a partial is.
func parsePartial(key string) (p wire.PhotoName, ok bool) {
	parts := strings.Split(key, "/")
	if len(parts) != 3 || parts[0]+"/" != partialPrefix {
		return p, false
	}
	ledger, hash, _ := strings.Cut(parts[2], ".")
	id, err := syncengine.ParseHash(ledger)
	if err != nil || len(hash) != 2*len(p.Hash) {
		return p, false
	}
	p.Ledger.Hash = id
	_, err = hex.Decode(p.Hash[:], []byte(hash))
	return p, err == nil
}
