package clientsdk

import (
	"context"
	"runtime/debug"

	"github.com/arpenteur/arpenteur/syncengine/store"
	"github.com/arpenteur/arpenteur/syncengine/store/boltstore"
	"github.com/arpenteur/arpenteur/syncengine/store/seal"
)

// openSeal opens the tablet's store with the user's passphrase, or seals a new one with it. What trying the passphrase took of memory, 64 MiB
// unless Cost says otherwise, is given back to the system: a cheap tablet has other uses for it.
func openSeal(ctx context.Context, file *boltstore.Store, o Options) (store.Store, seal.Key, error) {
	sealed, key, err := seal.Open(ctx, file, o.Passphrase, o.Cost, o.Rand)
	if o.Cost.Memory == 0 || o.Cost.Memory > freeFrom {
		debug.FreeOSMemory()
	}
	return sealed, key, err
}

// freeFrom is the memory of a try, in KiB, from which giving it back is worth a collection.
const freeFrom = 8 << 10
