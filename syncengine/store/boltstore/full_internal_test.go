package boltstore

import (
	"errors"
	"fmt"
	"io"
	"os"
	"testing"

	"github.com/arpenteur/arpenteur/syncengine/store"
)

func TestEveryErrorOfAFullDeviceIsErrFull(t *testing.T) {
	for _, errno := range fullErrnos() {
		inPath := &os.PathError{Op: "write", Path: "/store.db", Err: errno}
		for _, err := range []error{errno, inPath, fmt.Errorf("file resize error: %s", inPath)} { //nolint:errorlint // as bbolt words it
			if got := commitError(err); !errors.Is(got, store.ErrFull) {
				t.Errorf("%v became %v", err, got)
			}
		}
	}
	if err := commitError(io.ErrUnexpectedEOF); errors.Is(err, store.ErrFull) || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("another error became %v", err)
	}
}
