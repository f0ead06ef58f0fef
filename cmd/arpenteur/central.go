package main

import (
	"context"
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"

	"github.com/arpenteur/arpenteur/server"
	"github.com/arpenteur/arpenteur/server/photos"
	"github.com/arpenteur/arpenteur/syncengine/store/boltstore"
)

// The files of a server's data folder.
const (
	storeFile   = "central.db"
	secretFile  = "authority.key"
	socketFile  = "admin.sock"
	serverFile  = "server.json" // where the server that runs answers
	photoFolder = "photos"
	headsFile   = "heads.jsonl" // how far the authority's logs had come; kept out of backups, like the key
)

// central is a server over the data folder of this machine.
type central struct {
	*server.Server
	file  *boltstore.Store
	heads *server.Heads
}

func (c *central) close() error { return errors.Join(c.heads.Close(), c.file.Close()) }

// openCentral opens what lies in a data folder and puts a server over it, which has taken notice of a restore when it returns.
func openCentral(ctx context.Context, data string, create bool, o server.Options) (c *central, err error) {
	c = new(central)
	if c.file, o.Secret, err = openStore(ctx, data, create); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, c.file.Close())
		}
	}()
	if o.Photos, err = photos.OpenDir(filepath.Join(data, photoFolder), photos.DefaultReserve); err != nil {
		return nil, err
	}
	if c.heads, err = server.OpenHeads(filepath.Join(data, headsFile)); err != nil {
		return nil, err
	}
	o.Store, o.StoreID, o.Heads, o.Version = c.file, c.file.ID(), c.heads, versionText()
	if c.Server, err = server.New(o); err == nil {
		err = c.Begin(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, c.heads.Close())
	}
	return c, nil
}

// openStore opens the store of a data folder and the keys beside it. A folder without keys gets new ones only where its store is
// new too: a store without its keys is not to be continued under others.
func openStore(ctx context.Context, data string, create bool) (*boltstore.Store, *server.Secret, error) {
	path := filepath.Join(data, storeFile)
	_, err := os.Stat(path)
	fresh := errors.Is(err, os.ErrNotExist)
	if fresh && !create {
		return nil, nil, failed(classUnknown, "serve.no_store", "path", path)
	}
	file, err := boltstore.Open(path, boltstore.Options{CreatedBy: "arpenteur " + versionText()})
	if err != nil {
		return nil, nil, err
	}
	empty, err := file.Empty(ctx)
	if err != nil {
		return nil, nil, errors.Join(err, file.Close())
	}
	secret, err := server.OpenSecret(filepath.Join(data, secretFile), empty, rand.Reader)
	if err != nil {
		return nil, nil, errors.Join(err, file.Close())
	}
	return file, secret, nil
}
