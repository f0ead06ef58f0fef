package clientsdk

import (
	"context"
	"encoding/binary"

	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/store"
)

// erasedKey is where it is counted, in no ledger, how often values were erased since the store was last written anew.
const erasedKey = "erased"

// noteErased notes, in the transaction that erased values, that copies of them may lie in free pages of the store.
func noteErased(w store.Writer) error {
	n, err := readErased(w)
	if err != nil {
		return err
	}
	return w.Put(spaceTablet, syncengine.LedgerID{}, []byte(erasedKey), binary.BigEndian.AppendUint64(nil, n+1))
}

func readErased(r store.Reader) (uint64, error) {
	raw, err := r.Get(spaceTablet, syncengine.LedgerID{}, []byte(erasedKey))
	if err != nil || len(raw) != 8 {
		return 0, err
	}
	return binary.BigEndian.Uint64(raw), nil
}

// purge writes the journal and the store's file anew where values were erased since that was last done, so that no copy of them is left on the
// tablet (law L9). What is read and saved meanwhile does not wait. Where it fails all stays as it was, and the next call tries again.
func (c *Client) purge(ctx context.Context) error {
	var begun uint64
	err := c.store.View(ctx, func(r store.Reader) (err error) {
		begun, err = readErased(r)
		return err
	})
	if err != nil || begun == 0 {
		return err
	}
	if err := c.rewriteJournal(); err != nil {
		return err
	}
	if err := c.file.Compact(ctx); err != nil {
		return err
	}
	return c.store.Update(ctx, func(w store.Writer) error {
		now, err := readErased(w)
		if err != nil || now != begun { // more was erased while the file was written: copies of that may be in it
			return err
		}
		return w.Delete(spaceTablet, syncengine.LedgerID{}, []byte(erasedKey))
	})
}
