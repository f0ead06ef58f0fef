package clientsdk_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/arpenteur/arpenteur/clientsdk"
	"github.com/arpenteur/arpenteur/syncengine"
)

const erasedName = "Madame Durand, troisième gauche"

// erasure is a tablet whose user's words were erased by a ruling, and what of them lay in its files before.
type erasure struct {
	*tablet
	saved   clientsdk.Saved
	store   [][]byte // the sealed values
	journal []byte   // the sealed journal, in which they were typed
}

func newErasure(t *testing.T) *erasure {
	t.Helper()
	w := newWorld(t)
	e := &erasure{tablet: w.newTablet("a")}
	note := syncengine.Path("/litter/notes/c-a")
	e.saved = e.observe(map[syncengine.Path]any{"/litter/rating": "2", note: erasedName})
	e.sync()
	var err error
	if e.store, err = e.Sealed(context.Background(), erasedName); err != nil || len(e.store) == 0 {
		t.Fatalf("%d values hold the words: the test tells nothing, %v", len(e.store), err)
	}
	e.journal = e.file("drafts.journal")
	if len(e.journal) < len(erasedName) {
		t.Fatal("the journal is empty: the test tells nothing of it")
	}
	w.redact(e.saved.Change, note)
	return e
}

func (e *erasure) file(name string) []byte {
	e.t.Helper()
	raw, err := os.ReadFile(filepath.Join(e.folder, name))
	if err != nil {
		e.t.Fatal(err)
	}
	return raw
}

// left reports whether sealed copies of the words are in the tablet's files.
func (e *erasure) left() bool {
	e.t.Helper()
	raw := e.file("store.db")
	for _, value := range e.store {
		if bytes.Contains(raw, value) {
			return true
		}
	}
	typed := e.journal[len(e.journal)-len(erasedName):] // the end of the last entry
	return bytes.Contains(e.file("drafts.journal"), typed)
}

func TestWhatWasErasedLeavesTheTabletsFilesAtTheNextOpening(t *testing.T) {
	e := newErasure(t)
	e.sync()
	if values, err := e.Sealed(context.Background(), erasedName); err != nil || len(values) != 0 {
		t.Fatalf("%d values hold the words after the ruling came, %v", len(values), err)
	}
	if !e.left() {
		t.Fatal("no copy is left anyway: the test tells nothing")
	}
	e.tablet = e.reopen()
	if e.left() {
		t.Error("copies of what was erased are in the tablet's files")
	}
	if got := e.record(e.saved.Ref); !got.Present || got.Field("/litter/rating").Shown != `"2"` {
		t.Errorf("the rest of the record is %s", got.Document())
	}
	before := e.file("store.db")
	e.tablet = e.reopen()
	if !bytes.Equal(e.file("store.db"), before) {
		t.Error("the file is written anew though nothing was erased since")
	}
}

func TestRunWritesTheTabletsFilesAnewOnceValuesWereErased(t *testing.T) {
	e := newErasure(t)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- e.Run(ctx) }()
	waitFor(t, "the copies to go", func() bool { return !e.left() })
	draft := e.observe(map[syncengine.Path]any{"/litter/rating": "4"})
	waitFor(t, "the receipt", func() bool { return e.record(draft.Ref).Safety == clientsdk.Received })
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("run ended with %v", err)
	}
}
