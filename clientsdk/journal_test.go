package clientsdk

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"golang.org/x/crypto/chacha20poly1305"
)

func openTestJournal(t *testing.T, path string) (*journal, []string, int) {
	t.Helper()
	aead, err := chacha20poly1305.NewX(make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	j, damaged, err := openJournal(path, aead, rand.Reader, func(e []byte) error {
		got = append(got, string(e))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return j, got, damaged
}

// writeJournal makes a journal of n entries and returns where each ends.
func writeJournal(t *testing.T, path string, n int) (want []string, ends []int64) {
	t.Helper()
	j, _, _ := openTestJournal(t, path)
	for i := range n {
		e := fmt.Sprintf("entry %d", i)
		if err := j.append([]byte(e)); err != nil {
			t.Fatal(err)
		}
		want, ends = append(want, e), append(ends, j.size)
	}
	if err := j.close(); err != nil {
		t.Fatal(err)
	}
	return want, ends
}

func TestEveryEntryOfAJournalIsThereAfterReopening(t *testing.T) {
	path := filepath.Join(t.TempDir(), "j")
	want, _ := writeJournal(t, path, 20)
	j, got, damaged := openTestJournal(t, path)
	defer j.close() //nolint:errcheck // a test
	if damaged != 0 || !slices.Equal(got, want) {
		t.Fatalf("got %q, %d damaged", got, damaged)
	}
}

func TestAJournalCutAnywhereKeepsEveryEntryBeforeTheCut(t *testing.T) {
	path := filepath.Join(t.TempDir(), "j")
	want, ends := writeJournal(t, path, 5)
	data, err := os.ReadFile(path) //nolint:gosec // a test's own file
	if err != nil {
		t.Fatal(err)
	}
	for cut := range len(data) {
		if err := os.WriteFile(path, data[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		whole := 0
		for whole < len(ends) && ends[whole] <= int64(cut) {
			whole++
		}
		j, got, damaged := openTestJournal(t, path)
		if damaged != 0 || !slices.Equal(got, want[:whole]) {
			t.Fatalf("cut at %d: got %q, want %q, %d damaged", cut, got, want[:whole], damaged)
		}
		if err := j.append([]byte("after")); err != nil {
			t.Fatal(err)
		}
		if err := j.close(); err != nil {
			t.Fatal(err)
		}
		j, got, _ = openTestJournal(t, path)
		if got[len(got)-1] != "after" || len(got) != whole+1 {
			t.Fatalf("cut at %d: after an append got %q", cut, got)
		}
		if err := j.close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAFlippedBitCostsOneEntryAndIsCounted(t *testing.T) {
	path := filepath.Join(t.TempDir(), "j")
	want, ends := writeJournal(t, path, 4)
	data, err := os.ReadFile(path) //nolint:gosec // a test's own file
	if err != nil {
		t.Fatal(err)
	}
	for at := len(journalMagic); at < int(ends[2]); at++ {
		broken := bytes.Clone(data)
		broken[at] ^= 0x10
		if err := os.WriteFile(path, broken, 0o600); err != nil {
			t.Fatal(err)
		}
		hit, _ := slices.BinarySearch(ends, int64(at)+1)
		j, got, damaged := openTestJournal(t, path)
		rest := slices.Delete(slices.Clone(want), hit, hit+1)
		if damaged != 1 || !slices.Equal(got, rest) {
			t.Fatalf("flip at %d (entry %d): got %q, %d damaged", at, hit, got, damaged)
		}
		if err := j.close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestARewrittenJournalHoldsJustWhatItWasGiven(t *testing.T) {
	path := filepath.Join(t.TempDir(), "j")
	writeJournal(t, path, 50)
	j, _, _ := openTestJournal(t, path)
	if err := j.rewrite([][]byte{[]byte("kept")}); err != nil {
		t.Fatal(err)
	}
	if err := j.append([]byte("new")); err != nil {
		t.Fatal(err)
	}
	if err := j.close(); err != nil {
		t.Fatal(err)
	}
	j, got, damaged := openTestJournal(t, path)
	defer j.close() //nolint:errcheck // a test
	if damaged != 0 || !slices.Equal(got, []string{"kept", "new"}) {
		t.Fatalf("got %q, %d damaged", got, damaged)
	}
}
