package clientsdk

import (
	"context"

	"github.com/arpenteur/arpenteur/syncengine/store"
	"github.com/arpenteur/arpenteur/syncengine/store/boltstore"
	"github.com/arpenteur/arpenteur/syncengine/store/seal"
)

// openSeal opens the tablet's store with the user's passphrase, or seals a new one with it.
func openSeal(ctx context.Context, file *boltstore.Store, o Options) (store.Store, seal.Key, error) {
	return seal.Open(ctx, file, o.Passphrase, o.Cost, o.Rand)
}
