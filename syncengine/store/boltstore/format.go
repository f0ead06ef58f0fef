package boltstore

import (
	"bytes"
	"fmt"
	"strconv"

	"github.com/google/uuid"
	"go.etcd.io/bbolt"

	"github.com/arpenteur/arpenteur/syncengine/store"
)

// The root bucket that says what the file is, and its keys. Every other root bucket is a ledger's.
const (
	metaBucket = "meta"

	metaMagic     = "magic"
	metaFormat    = "format"     // decimal; format 0 had no such key
	metaID        = "id"         // 16 bytes
	metaCreatedBy = "created-by" // text
	metaSeal      = "seal"       // the seal package's header; absent in a store that isn't sealed

	magicText = "arpenteur store"
)

// formatVersion is the version of the file format that this package writes.
//
//	0  ledger buckets, and a meta bucket that holds the magic only
//	1  the meta bucket also holds the format version, a random id, who created the file, and room for a seal header
const formatVersion = 1

// step brings a file from one format version to the next, within the transaction that opening begins with.
type step func(meta *bbolt.Bucket, opts Options) error

// steps returns the upgrade steps: the one at index n leads from format n to n+1.
func steps() []step {
	return []step{
		0: describe,
	}
}

// describe writes what format 1 added to format 0. It also makes the meta bucket of a new file.
func describe(meta *bbolt.Bucket, opts Options) error {
	id, err := uuid.NewRandomFromReader(opts.Random)
	if err != nil {
		return fmt.Errorf("draw an id for the store: %w", err)
	}
	if err := meta.Put([]byte(metaID), id[:]); err != nil {
		return err
	}
	return meta.Put([]byte(metaCreatedBy), []byte(opts.CreatedBy))
}

// initialise makes the meta bucket of a new file, in the newest format.
func initialise(tx *bbolt.Tx, opts Options) error {
	meta, err := tx.CreateBucket([]byte(metaBucket))
	if err != nil {
		return err
	}
	if err := meta.Put([]byte(metaMagic), []byte(magicText)); err != nil {
		return err
	}
	if err := describe(meta, opts); err != nil {
		return err
	}
	return writeFormat(meta, formatVersion)
}

// readFormat returns the format version of a file: ErrNotOurs where it isn't a store, ErrNewer where it is one of a later version.
func readFormat(meta *bbolt.Bucket) (int, error) {
	if meta == nil || !bytes.Equal(meta.Get([]byte(metaMagic)), []byte(magicText)) {
		return 0, fmt.Errorf("%w: it is a database of another program", store.ErrNotOurs)
	}
	text := meta.Get([]byte(metaFormat))
	if text == nil {
		return 0, nil
	}
	version, err := strconv.ParseUint(string(text), 10, 31)
	switch {
	case err != nil:
		return 0, damaged("its format version is %q", text)
	case version > formatVersion:
		return 0, fmt.Errorf("%w: its format is %d and this program knows those up to %d; install the newer program",
			store.ErrNewer, version, formatVersion)
	}
	return int(version), nil
}

// writeFormat sets the format version.
func writeFormat(meta *bbolt.Bucket, version int) error {
	return meta.Put([]byte(metaFormat), strconv.AppendInt(nil, int64(version), 10))
}

// upgrade brings the file to the newest format in one transaction, before anything else is done with it. A file of the newest format
// is not written to.
func (s *Store) upgrade(opts Options) error {
	version := 0
	err := s.read(func(t *txn) (err error) {
		defer guard(&err)
		version, err = readFormat(t.tx.Bucket([]byte(metaBucket)))
		return err
	})
	if err != nil || version == formatVersion {
		return err
	}
	return s.write(func(t *txn) (err error) {
		defer t.guarded(&err)
		t.writes++
		meta := t.tx.Bucket([]byte(metaBucket))
		for from, step := range steps()[version:] {
			if err := step(meta, opts); err != nil {
				return fmt.Errorf("upgrade from format %d: %w", version+from, err)
			}
		}
		return writeFormat(meta, formatVersion)
	})
}

// readMeta reads what the store keeps of the meta bucket in memory.
func (s *Store) readMeta() error {
	return s.read(func(t *txn) (err error) {
		defer guard(&err)
		meta := t.tx.Bucket([]byte(metaBucket))
		var id uuid.UUID
		if copy(id[:], meta.Get([]byte(metaID))) != len(id) {
			return damaged("it has no id")
		}
		s.id.Store(&id)
		header := bytes.Clone(meta.Get([]byte(metaSeal)))
		s.seal.Store(&header)
		return nil
	})
}
