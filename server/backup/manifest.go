package backup

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/uuid"

	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// Errors of backups, wrapped with detail.
var (
	ErrNone     = errors.New("there is no whole backup here")
	ErrDamaged  = errors.New("the backup is not what its manifest says")
	ErrNewer    = errors.New("the backup was made by a newer version of the program")
	ErrOthers   = errors.New("the folder holds the backups of another server")
	ErrOwn      = errors.New("this is the server's own folder: backups need one of their own")
	ErrOccupied = errors.New("there is a store in the data folder already")
)

// format is that of the manifest and of the files that it names.
const format = 1

// maxManifest bounds a manifest before it is parsed: room for some 50,000 ledgers.
const maxManifest = 16 << 20

// The names of a backup's files: its name, and one of these.
const (
	storeSuffix    = ".db"
	photosSuffix   = ".photos"
	manifestSuffix = ".json"
	partSuffix     = ".part" // behind another one: not whole yet
	namePrefix     = "arpenteur-"
	nameTime       = "20060102T150405.000Z"
	photosFolder   = "photos"
)

// Manifest says what a backup is.
type Manifest struct {
	Format   int            `json:"format"`
	Name     string         `json:"name"`    // of its files, without their endings
	Made     int64          `json:"made"`    // when its copy was begun, milliseconds since 1970 UTC
	Program  string         `json:"program"` // version
	Number   uint64         `json:"number"`  // among the backups of the store
	Store    uuid.UUID      `json:"store"`
	Root     wire.PublicKey `json:"root"`     // of the authority
	Redacted int64          `json:"redacted"` // when the last redaction that it knows was made: it is free of all that was redacted until then
	File     File           `json:"file"`     // the copy of the store
	Photos   PhotoList      `json:"photos"`
	Ledgers  []Ledger       `json:"ledgers"`
	Sum      string         `json:"sum"` // SHA-256 of the manifest as compact JSON in which this is empty, hexadecimal
}

// sum computes Sum.
func (m Manifest) sum() (string, error) {
	m.Sum = ""
	raw, err := json.Marshal(m)
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:]), err
}

// File is one file of a backup.
type File struct {
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"` // hexadecimal, as sha256sum prints it
}

// PhotoList is the file that lists a backup's photos: one line for each, its place below the folder "photos", a space, its size.
type PhotoList struct {
	File
	Count int   `json:"count"`
	Bytes int64 `json:"bytes"` // of all photos
}

// Ledger is what a backup holds of a ledger.
type Ledger struct {
	Ledger    syncengine.LedgerID  `json:"ledger"`
	Version   uint64               `json:"version"`
	Authority syncengine.ReplicaID `json:"authority"` // that its newest incarnation writes as
	Seq       uint64               `json:"seq"`       // of the authority's log
	Chain     syncengine.Hash      `json:"chain"`
	arrived   uint64               // photos up to this arrival are in the backup
}

// bytes returns how much the backup takes, photos apart.
func (m *Manifest) bytes() int64 { return m.File.Size + m.Photos.Size }

// readManifest reads the manifest of the backup with the given path, which has no ending.
func readManifest(path string) (*Manifest, error) {
	f, err := os.Open(path + manifestSuffix) //nolint:gosec // the path is the operator's
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // it was only read
	raw, err := io.ReadAll(io.LimitReader(f, maxManifest+1))
	if err != nil {
		return nil, err
	}
	m := new(Manifest)
	if len(raw) > maxManifest || json.Unmarshal(raw, m) != nil || m.Format < 1 {
		return nil, fmt.Errorf("%w: %s can't be read", ErrDamaged, path+manifestSuffix)
	}
	if m.Format > format {
		return nil, fmt.Errorf("%w: %s", ErrNewer, path+manifestSuffix)
	}
	if sum, err := m.sum(); err != nil || sum != m.Sum {
		return nil, fmt.Errorf("%w: %s was changed", ErrDamaged, path+manifestSuffix)
	}
	if m.Name != filepath.Base(path) || !strings.HasPrefix(m.Name, namePrefix) {
		return nil, fmt.Errorf("%w: %s is the manifest of %q", ErrDamaged, path+manifestSuffix, m.Name)
	}
	return m, nil
}

// write writes the manifest, durably, as the last thing of a backup in a folder.
func (m *Manifest) write(folder string) (err error) {
	if m.Sum, err = m.sum(); err != nil {
		return err
	}
	raw, err := json.MarshalIndent(m, "", " ")
	if err != nil {
		return err
	}
	path := filepath.Join(folder, m.Name+manifestSuffix)
	f, err := os.OpenFile(path+partSuffix, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600) //nolint:gosec // the path is the operator's
	if err != nil {
		return err
	}
	_, err = f.Write(append(raw, '\n'))
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return publish(folder, m.Name+manifestSuffix)
}

// publish gives a file that is whole its name.
func publish(folder, name string) error {
	path := filepath.Join(folder, name)
	if err := os.Rename(path+partSuffix, path); err != nil {
		return err
	}
	return syncFolder(folder)
}

// fileAt reads a file to its end and says what it is.
func fileAt(path string) (File, error) {
	f, err := os.Open(path) //nolint:gosec // the path is the operator's
	if err != nil {
		return File{}, err
	}
	defer f.Close() //nolint:errcheck // it was only read
	sum := sha256.New()
	n, err := io.Copy(sum, f)
	return File{Size: n, SHA256: hex.EncodeToString(sum.Sum(nil))}, err
}

// check compares a file with what the manifest says of it.
func (f File) check(path string) error {
	is, err := fileAt(path)
	if errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("%w: %s is not there", ErrDamaged, path)
	}
	if err == nil && is != f {
		err = fmt.Errorf("%w: %s has %d bytes and the SHA-256 %s, not %d and %s", ErrDamaged, path, is.Size, is.SHA256, f.Size, f.SHA256)
	}
	return err
}
