package clientsdk

import (
	"errors"
	"io"
	"os"
	"path/filepath"
)

// writeDurably makes a file whose content write gives: in a file beside it first, which takes its name once everything is on the disk. A
// file of that name which is there already stays as it is until then.
func writeDurably(path string, write func(w io.Writer) error) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*.part")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	err = write(f)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err = os.Rename(f.Name(), path); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(path))
}
