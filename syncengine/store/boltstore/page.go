package boltstore

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"io"
	"slices"

	"github.com/arpenteur/arpenteur/syncengine/store"
)

// bbolt's file format, version 2, as far as it must be understood to tell a damaged file before bbolt follows its pointers.
// Numbers are in the byte order of the machine. The file is a sequence of pages of one size; pages 0 and 1 are meta pages, written in
// turn, of which the valid one with the higher transaction counts.
//
//	page     0 id u64, 8 flags u16, 10 count u16, 12 overflow u32 (further pages that belong to it), then its content
//	meta    16 magic u32, 20 version u32, 24 page size u32, 28 flags u32, 32 root page u64, 40 root sequence u64,
//	        48 freelist page u64, 56 high water u64 (pages in use end here), 64 transaction u64, 72 checksum u64 over 16..71 (FNV-1a)
//	branch  count elements of 16 bytes: position u32 (of the key, from the element), key size u32, child page u64
//	leaf    count elements of 16 bytes: flags u32 (1: a bucket), position u32, key size u32, value size u32; the value follows the key
//	bucket  as a value: root page u64, sequence u64; where the root is 0 a small leaf page follows in the value itself
//	free    count page ids u64; where count is 0xFFFF the first u64 is the count
const (
	pageHeader  = 16
	elementSize = 16
	metaEnd     = 80
	boltMagic   = 0xED0CDAED
	boltVersion = 2
	noFreelist  = 1<<64 - 1
	countIn64   = 0xFFFF

	branchPage = 0x01
	leafPage   = 0x02
	metaPage   = 0x04
	freePage   = 0x10

	bucketElement = 0x01
	bucketHeader  = 16

	minPageSize = 1 << 10
	maxPageSize = 16 << 20
)

// order is the byte order of bbolt's numbers.
func order() binary.ByteOrder { return binary.NativeEndian }

// boltMeta is what a valid meta page says.
type boltMeta struct {
	pageSize  int64
	root      uint64
	freelist  uint64
	highWater uint64
	txid      uint64
}

// readMeta reads a meta page from its first bytes. It reports whether the page is one, even a damaged one, and whether it is valid.
func readMeta(b []byte) (m boltMeta, ours, valid bool) {
	if len(b) < metaEnd || order().Uint32(b[16:]) != boltMagic {
		return m, false, false
	}
	sum := fnv.New64a()
	sum.Write(b[16:72])
	if order().Uint32(b[20:]) != boltVersion || sum.Sum64() != order().Uint64(b[72:]) {
		return m, true, false
	}
	m = boltMeta{
		pageSize:  int64(order().Uint32(b[24:])),
		root:      order().Uint64(b[32:]),
		freelist:  order().Uint64(b[48:]),
		highWater: order().Uint64(b[56:]),
		txid:      order().Uint64(b[64:]),
	}
	return m, true, m.pageSize >= minPageSize && m.pageSize <= maxPageSize && m.pageSize&(m.pageSize-1) == 0
}

// page is one page with its overflow, checked to lie below the high water mark.
type page struct {
	id    uint64
	flags uint16
	count int
	span  uint64 // pages that it takes
	whole []byte
	body  []byte // after the header
}

// readPage reads the page id and checks that its header fits its place. buf is used if it is large enough.
func readPage(file io.ReaderAt, m boltMeta, id uint64, buf []byte) (page, error) {
	if id < 2 || id >= m.highWater {
		return page{}, fmt.Errorf("page %d lies outside of pages 2 to %d", id, m.highWater-1)
	}
	buf = slices.Grow(buf[:0], int(m.pageSize))[:m.pageSize]
	if _, err := file.ReadAt(buf, int64(id)*m.pageSize); err != nil {
		return page{}, fmt.Errorf("page %d: %w", id, err)
	}
	p := page{
		id:    id,
		flags: order().Uint16(buf[8:]),
		count: int(order().Uint16(buf[10:])),
		span:  uint64(order().Uint32(buf[12:])) + 1,
	}
	if self := order().Uint64(buf); self != id {
		return page{}, fmt.Errorf("page %d says that it is page %d", id, self)
	}
	if p.span > m.highWater-id {
		return page{}, fmt.Errorf("page %d overflows beyond page %d", id, m.highWater-1)
	}
	if p.span > 1 {
		// A page holds at most four of the largest values, and the list of free pages eight bytes for each page.
		if p.span > (5*store.MaxValueBytes+8*m.highWater)/uint64(m.pageSize) {
			return page{}, fmt.Errorf("page %d is %d pages long", id, p.span)
		}
		size := int(p.span) * int(m.pageSize)
		buf = slices.Grow(buf, size-len(buf))[:size]
		if _, err := file.ReadAt(buf[m.pageSize:], int64(id+1)*m.pageSize); err != nil {
			return page{}, fmt.Errorf("page %d: %w", id, err)
		}
	}
	p.whole, p.body = buf, buf[pageHeader:]
	return p, nil
}

// readFlags returns what kind of page id is.
func readFlags(file io.ReaderAt, m boltMeta, id uint64) (uint16, error) {
	var header [pageHeader]byte
	if id < 2 || id >= m.highWater {
		return 0, fmt.Errorf("page %d lies outside of pages 2 to %d", id, m.highWater-1)
	}
	if _, err := file.ReadAt(header[:], int64(id)*m.pageSize); err != nil {
		return 0, fmt.Errorf("page %d: %w", id, err)
	}
	return order().Uint16(header[8:]), nil
}

// freeIDs returns the ids on a freelist page, checked to be ascending and within the file.
func (p page) freeIDs(m boltMeta) ([]uint64, error) {
	if p.flags != freePage {
		return nil, fmt.Errorf("page %d is not the list of free pages", p.id)
	}
	count, body := uint64(p.count), p.body
	if count == countIn64 {
		count, body = order().Uint64(body), body[8:]
	}
	if count > uint64(len(body))/8 {
		return nil, fmt.Errorf("page %d lists more free pages than it has room for", p.id)
	}
	ids := make([]uint64, count)
	last := uint64(1)
	for i := range ids {
		ids[i] = order().Uint64(body[i*8:])
		if ids[i] <= last || ids[i] >= m.highWater {
			return nil, fmt.Errorf("page %d lists %d as free, after %d of %d pages", p.id, ids[i], last, m.highWater)
		}
		last = ids[i]
	}
	return ids, nil
}

// element is one element of a branch or leaf page.
type element struct {
	key, value []byte // value only of a leaf
	bucket     bool   // of a leaf
	child      uint64 // of a branch
}

// elements calls fn for each element of a branch or leaf page, after checking that it lies within the page and keys ascend.
func (p page) elements(fn func(e element) error) error {
	if p.flags != leafPage && (p.flags != branchPage || p.count == 0) {
		return fmt.Errorf("page %d is neither a branch with children nor a leaf (%#x)", p.id, p.flags)
	}
	if p.count*elementSize > len(p.body) {
		return fmt.Errorf("page %d has no room for its %d elements", p.id, p.count)
	}
	var last []byte
	for i := range p.count {
		e, ok := p.element(i)
		if !ok {
			return fmt.Errorf("element %d of page %d reaches beyond it", i, p.id)
		}
		if i > 0 && string(e.key) <= string(last) {
			return fmt.Errorf("element %d of page %d is out of order", i, p.id)
		}
		if last = e.key; len(last) == 0 && p.flags == leafPage {
			return fmt.Errorf("element %d of page %d has no key", i, p.id)
		}
		if err := fn(e); err != nil {
			return err
		}
	}
	return nil
}

// element returns element i, and whether all of it lies within the page.
func (p page) element(i int) (element, bool) {
	raw := p.body[i*elementSize:]
	if p.flags == branchPage {
		key, ok := cut(raw, order().Uint32(raw), order().Uint32(raw[4:]))
		return element{key: key, child: order().Uint64(raw[8:])}, ok
	}
	at, keySize, valueSize := order().Uint32(raw[4:]), order().Uint32(raw[8:]), order().Uint32(raw[12:])
	key, ok := cut(raw, at, keySize)
	if !ok {
		return element{}, false
	}
	value, ok := cut(raw[uint64(at)+uint64(keySize):], 0, valueSize)
	return element{key: key, value: value, bucket: order().Uint32(raw)&bucketElement != 0}, ok
}

// cut returns b[at:at+size] where that lies within b.
func cut(b []byte, at, size uint32) ([]byte, bool) {
	end := uint64(at) + uint64(size)
	if end > uint64(len(b)) {
		return nil, false
	}
	return b[at:end], true
}
