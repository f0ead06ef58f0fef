package boltstore

import (
	"bytes"
	"fmt"
	"io"
	"os"

	"github.com/arpenteur/arpenteur/syncengine/store"
)

// preflight looks at what bbolt trusts blindly when it opens a file, and answers ErrNotOurs or ErrCorrupt before bbolt gets to see it:
// bbolt maps the file and follows the pointers in it, so that a file that was cut short or overwritten makes it panic, read beyond the
// end of the file (a fault that kills the process), or ask for absurd amounts of memory. The pages of the tree itself are looked at by
// Check; a fault there is a panic that this package recovers.
func preflight(file *os.File) error {
	info, err := file.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%w: it is no regular file", store.ErrNotOurs)
	}
	if info.Size() == 0 {
		return fmt.Errorf("%w: it is empty; put a backup in its place, or remove it to start a new store", store.ErrCorrupt)
	}
	m, err := currentMeta(file)
	if err != nil {
		return err
	}
	return checkMeta(file, m, info.Size())
}

// checkMeta checks what the meta page m says against the file.
func checkMeta(file io.ReaderAt, m boltMeta, size int64) error {
	switch {
	case m.highWater < 4 || m.highWater > uint64(size/m.pageSize):
		return damaged("it is cut short: %d bytes instead of at least %d pages of %d", size, m.highWater, m.pageSize)
	case m.root < 2 || m.root >= m.highWater:
		return damaged("its root, page %d, lies outside of it", m.root)
	case m.freelist == noFreelist:
		// This package always keeps the list in the file. Without it bbolt walks the whole file at opening, in a goroutine that can't
		// be kept from killing the process where the file is damaged.
		return fmt.Errorf("%w: it has no list of free pages", store.ErrNotOurs)
	}
	p, err := readPage(file, m, m.freelist, nil)
	if err != nil {
		return damaged("%v", err)
	}
	if _, err := p.freeIDs(m); err != nil {
		return damaged("%v", err)
	}
	return nil
}

// currentMeta returns the meta page that bbolt will use: of the two, the valid one with the higher transaction. The second page is
// found by the page size in the first or, where that one is damaged, by trying each page size, as bbolt does.
func currentMeta(file io.ReaderAt) (boltMeta, error) {
	first, ours, valid := metaAt(file, 0)
	if valid {
		second, _, valid := metaAt(file, first.pageSize)
		switch {
		case !valid || second.txid < first.txid:
			return first, nil
		case second.pageSize != first.pageSize:
			return boltMeta{}, damaged("its first two pages differ in their page size")
		}
		return second, nil
	}
	for size := int64(minPageSize); size <= maxPageSize; size *= 2 {
		second, oursToo, valid := metaAt(file, size)
		if valid && second.pageSize == size {
			return second, nil
		}
		ours = ours || oursToo
	}
	if ours || isBlank(file) {
		return boltMeta{}, damaged("neither of its first two pages is whole")
	}
	return boltMeta{}, fmt.Errorf("%w, or its first two pages are lost", store.ErrNotOurs)
}

// metaAt reads the meta page at offset. A file that ends before it has none there.
func metaAt(file io.ReaderAt, offset int64) (m boltMeta, ours, valid bool) {
	var b [metaEnd]byte
	if _, err := file.ReadAt(b[:], offset); err != nil {
		return m, false, false
	}
	return readMeta(b[:])
}

// isBlank reports whether the file begins with zeros only: what a store becomes when its first blocks are lost, and no other file is.
func isBlank(file io.ReaderAt) bool {
	b := make([]byte, 2*defaultPageSize)
	n, _ := file.ReadAt(b, 0)
	return len(bytes.Trim(b[:n], "\x00")) == 0
}

// damaged returns an ErrCorrupt with a reason.
func damaged(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{store.ErrCorrupt}, args...)...)
}
