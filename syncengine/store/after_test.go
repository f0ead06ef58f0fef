package store_test

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"

	"github.com/arpenteur/arpenteur/syncengine/store"
)

func TestAfterIsTheLeastKeyBehindAllWithAPrefix(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		prefix := rapid.SliceOfN(rapid.SampledFrom([]byte{0, 1, 0xfe, 0xff}), 0, 3).Draw(t, "prefix")
		key := rapid.SliceOfN(rapid.SampledFrom([]byte{0, 1, 0xfe, 0xff}), 0, 5).Draw(t, "key")
		end := store.After(prefix)
		within := bytes.Compare(key, prefix) >= 0 && (end == nil || bytes.Compare(key, end) < 0)
		if within != bytes.HasPrefix(key, prefix) {
			t.Fatalf("key %x, prefix %x, after it %x", key, prefix, end)
		}
	})
}
