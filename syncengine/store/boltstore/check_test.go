package boltstore_test

import (
	"bytes"
	"context"
	"errors"
	"path/filepath"
	"testing"

	"github.com/arpenteur/arpenteur/syncengine/store/boltstore"
)

func TestCheckFindsEveryDamagedPageInUse(t *testing.T) {
	whole := sample(t)
	found := 0
	for at := 2 * pageSize; at < len(whole); at += pageSize {
		spoilt := bytes.Clone(whole)
		spoilt[at+9] = 0xff // what kind of page it is
		err := inspect(t, spoilt, func(in *inspector, s *boltstore.Store) { in.note("check", s.Check(context.Background())) })
		if err != nil {
			found++
		}
	}
	// The others are free, or the second and later pages of large values.
	if found < 20 {
		t.Fatalf("found damage in %d pages of %d", found, len(whole)/pageSize)
	}
}

func TestCheckEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	s := open(t, filepath.Join(t.TempDir(), "store.db"), boltstore.Options{})
	if err := s.Check(ctx); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := s.Check(ctx); !errors.Is(err, context.Canceled) {
		t.Fatalf("got error %v", err)
	}
}
