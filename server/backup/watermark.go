package backup

import (
	"encoding/binary"
	"encoding/json"
	"fmt"

	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/store"
)

// spaceBackups holds, in no ledger, "newest" -> Watermark and, in each ledger, number of a backup -> version of the ledger in it.
const spaceBackups store.Space = "backups"

// Spaces lists the spaces of this package, for tools that copy or count.
func Spaces() []store.Space { return []store.Space{spaceBackups} }

// versionsKept is of how many backups the versions are known: a tablet that was told of an older one is told anew.
const versionsKept = 8

// Watermark says which verified backup is the newest. The zero Watermark is that of a store that has none.
type Watermark struct {
	Number  uint64 `json:"number"` // counts the backups of this store, from 1
	Made    int64  `json:"made"`   // when its copy was begun, milliseconds since 1970 UTC
	Name    string `json:"name"`
	Bytes   int64  `json:"bytes"`   // of the copy
	Seconds int64  `json:"seconds"` // that it took, rounded up
}

// Newest returns the watermark of a store.
func Newest(r store.Reader) (w Watermark, err error) {
	raw, err := r.Get(spaceBackups, syncengine.LedgerID{}, []byte("newest"))
	if err != nil || raw == nil {
		return w, err
	}
	if err := json.Unmarshal(raw, &w); err != nil {
		return w, fmt.Errorf("%s: %w: %w", spaceBackups, store.ErrCorrupt, err)
	}
	return w, nil
}

// VersionIn returns the version of a ledger that a backup holds: 0 where it does not hold the ledger. known is false for a backup that is too
// old, or never was.
func VersionIn(r store.Reader, ledger syncengine.LedgerID, number uint64) (version uint64, known bool, err error) {
	newest, err := Newest(r)
	if err != nil || number == 0 || number > newest.Number || number+versionsKept <= newest.Number {
		return 0, err == nil && number == 0, err
	}
	raw, err := r.Get(spaceBackups, ledger, numberKey(number))
	if err != nil || raw == nil {
		return 0, err == nil, err
	}
	if len(raw) != 8 {
		return 0, false, fmt.Errorf("%s: %w", spaceBackups, store.ErrCorrupt)
	}
	return binary.BigEndian.Uint64(raw), true, nil
}

// note writes the watermark, in one transaction with the versions of all ledgers, and forgets the versions of old backups.
func note(w store.Writer, mark Watermark, versions map[syncengine.LedgerID]uint64) error {
	for id, version := range versions {
		if err := w.Put(spaceBackups, id, numberKey(mark.Number), numberKey(version)); err != nil {
			return err
		}
		if mark.Number <= versionsKept {
			continue
		}
		var old [][]byte
		err := w.Scan(spaceBackups, id, nil, numberKey(mark.Number-versionsKept+1), func(key, _ []byte) (bool, error) {
			old = append(old, append([]byte(nil), key...))
			return true, nil
		})
		for _, key := range old {
			if err == nil {
				err = w.Delete(spaceBackups, id, key)
			}
		}
		if err != nil {
			return err
		}
	}
	raw, err := json.Marshal(mark)
	if err != nil {
		return err
	}
	return w.Put(spaceBackups, syncengine.LedgerID{}, []byte("newest"), raw)
}

func numberKey(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }
