package blocks_test

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/arpenteur/arpenteur/syncengine/wire"
	"github.com/arpenteur/arpenteur/syncengine/wire/blocks"
)

func TestStreamsOfAnySizeComeBackOneAfterTheOther(t *testing.T) {
	var all bytes.Buffer
	sizes := []int{0, 1, blocks.Size - 1, blocks.Size, blocks.Size + 1, 3*blocks.Size + 7}
	for _, n := range sizes {
		w := blocks.NewWriter(&all)
		_, err := w.Write(bytes.Repeat([]byte{byte(n)}, n))
		if err = errors.Join(err, w.Close()); err != nil {
			t.Fatal(err)
		}
	}
	in := bufio.NewReader(&all)
	for _, n := range sizes {
		r := blocks.NewReader(in)
		if empty, err := r.Empty(); empty != (n == 0) || err != nil {
			t.Errorf("%d bytes: empty %v, %v", n, empty, err)
		}
		if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, bytes.Repeat([]byte{byte(n)}, n)) {
			t.Errorf("%d bytes: read %d, %v", n, len(got), err)
		}
	}
	if _, err := io.ReadAll(blocks.NewReader(in)); !errors.Is(err, wire.CodeTruncated) {
		t.Errorf("behind the last: %v", err)
	}
}

// FuzzReader: whatever comes, a stream ends, by itself or by its code.
func FuzzReader(f *testing.F) {
	f.Add([]byte{0, 0, 0, 1, 'a', 0, 0, 0, 0})
	f.Add([]byte{0, 1, 0, 1})
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := io.ReadAll(blocks.NewReader(bufio.NewReader(bytes.NewReader(data))))
		if len(got) > len(data) || err != nil && !errors.Is(err, wire.CodeTruncated) && !errors.Is(err, wire.CodeDamaged) {
			t.Fatalf("%d bytes, %v", len(got), err)
		}
	})
}
