package ledger

import (
	"bytes"

	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/store"
)

// Forget removes up to limit keys of a ledger in the given spaces, and reports whether none is left. It asks nobody: the caller knows that
// nothing is lost by it.
func Forget(w store.Writer, id syncengine.LedgerID, spaces []store.Space, limit int) (done bool, err error) {
	for _, space := range spaces {
		var keys [][]byte
		err := w.Scan(space, id, nil, nil, func(key, _ []byte) (bool, error) {
			if len(keys) < limit {
				keys = append(keys, bytes.Clone(key))
			}
			return len(keys) < limit, nil
		})
		if err != nil {
			return false, err
		}
		for _, key := range keys {
			if err := w.Delete(space, id, key); err != nil {
				return false, err
			}
		}
		if limit -= len(keys); limit == 0 {
			return false, nil
		}
	}
	return true, nil
}
