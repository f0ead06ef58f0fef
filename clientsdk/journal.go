package clientsdk

import (
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
)

// journal is an append-only file of sealed, checksummed entries. An entry is durable when append returns, and costs one small
// write and one sync. It holds what is typed before it is committed, so that every tap survives a crash (law L1).
//
// The file begins with journalMagic. An entry is a marker (4 bytes), the length of its body (4), the CRC-32C of length and body (4) and the
// body: a nonce and the sealed entry. Reading ends a torn tail where it begins; a damaged entry in the middle is counted and passed
// over by looking for the next marker whose entry is whole, so that one flash bit costs one tap (law L6).
type journal struct {
	mu   sync.Mutex
	path string
	file *os.File
	seal cipher.AEAD
	rand io.Reader
	size int64
	err  error // a write that failed leaves the end unknown: nothing is appended behind it until it is cut off
}

const (
	journalMagic   = "arpenteur drafts 1\n"
	entryHead      = 12
	maxEntryBytes  = 1 << 20
	maxJournal     = 256 << 20
	rewriteJournal = 4 << 20 // a journal larger than this is written anew with the open drafts only
)

var (
	entryMarker = [4]byte{0xd7, 'D', 'r', 0x0a}
	castagnoli  = crc32.MakeTable(crc32.Castagnoli)
)

// errJournal is returned for a file that is no journal of ours.
var errJournal = errors.New("draft journal can't be read")

// openJournal opens the journal at path, making it where there is none, and gives every whole entry to replay, in order. damaged counts
// the stretches that were passed over.
func openJournal(path string, seal cipher.AEAD, rand io.Reader, replay func(entry []byte) error) (j *journal, damaged int, err error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600) //nolint:gosec // the path is the caller's
	if err != nil {
		return nil, 0, fmt.Errorf("open the draft journal: %w", err)
	}
	j = &journal{path: path, file: f, seal: seal, rand: rand}
	damaged, err = j.load(replay)
	if err != nil {
		return nil, 0, errors.Join(err, f.Close())
	}
	return j, damaged, nil
}

func (j *journal) load(replay func([]byte) error) (damaged int, err error) {
	info, err := j.file.Stat()
	if err != nil {
		return 0, err
	}
	if info.Size() > maxJournal {
		return 0, fmt.Errorf("%w: it has %d bytes", errJournal, info.Size())
	}
	data, err := io.ReadAll(io.LimitReader(j.file, maxJournal))
	if err != nil {
		return 0, err
	}
	if len(data) < len(journalMagic) {
		return 0, j.begin()
	}
	if string(data[:len(journalMagic)]) != journalMagic {
		return 0, fmt.Errorf("%w: it begins otherwise", errJournal)
	}
	end := len(journalMagic)
	for at := end; at < len(data); {
		body, size := j.entryAt(data[at:])
		if body == nil {
			if next := nextWhole(j, data, at+1); next > 0 {
				damaged, at = damaged+1, next
				continue
			}
			break
		}
		if err := replay(body); err != nil {
			return damaged, err
		}
		at += size
		end = at
	}
	if end < len(data) { // a torn tail: it was never acknowledged
		if err := j.cut(int64(end)); err != nil {
			return damaged, err
		}
	}
	j.size = int64(end)
	_, err = j.file.Seek(j.size, io.SeekStart)
	return damaged, err
}

// nextWhole returns where the next whole entry begins, at or behind from; 0 where there is none.
func nextWhole(j *journal, data []byte, from int) int {
	for at := from; at+entryHead <= len(data); at++ {
		if [4]byte(data[at:]) == entryMarker {
			if body, _ := j.entryAt(data[at:]); body != nil {
				return at
			}
		}
	}
	return 0
}

// begin writes the first bytes of a new journal and makes its name durable.
func (j *journal) begin() error {
	if err := j.file.Truncate(0); err != nil {
		return err
	}
	if _, err := j.file.WriteAt([]byte(journalMagic), 0); err != nil {
		return err
	}
	if err := j.file.Sync(); err != nil {
		return err
	}
	j.size = int64(len(journalMagic))
	if _, err := j.file.Seek(j.size, io.SeekStart); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(j.path))
}

// entryAt opens the entry at the beginning of data and returns it with its size in the file; nil where there is no whole one.
func (j *journal) entryAt(data []byte) ([]byte, int) {
	if len(data) < entryHead || [4]byte(data) != entryMarker {
		return nil, 0
	}
	size := int(binary.BigEndian.Uint32(data[4:]))
	if size > maxEntryBytes || size < j.seal.NonceSize() || len(data) < entryHead+size {
		return nil, 0
	}
	body := data[entryHead : entryHead+size]
	if checksum(data[4:8], body) != binary.BigEndian.Uint32(data[8:]) {
		return nil, 0
	}
	n := j.seal.NonceSize()
	entry, err := j.seal.Open(nil, body[:n], body[n:], entryMarker[:])
	if err != nil {
		return nil, 0
	}
	return entry, entryHead + size
}

func checksum(length, body []byte) uint32 {
	return crc32.Update(crc32.Checksum(length, castagnoli), castagnoli, body)
}

// append makes an entry durable.
func (j *journal) append(entry []byte) error {
	frame, err := j.frame(entry)
	if err != nil {
		return err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.err != nil { // what the failed write left behind the last good entry must go first
		if err := j.cut(j.size); err != nil {
			return err
		}
		j.err = nil
	}
	_, err = j.file.WriteAt(frame, j.size)
	if err == nil {
		err = datasync(j.file)
	}
	if err != nil {
		j.err = err
		return fmt.Errorf("save on the tablet: %w", err)
	}
	j.size += int64(len(frame))
	return nil
}

func (j *journal) frame(entry []byte) ([]byte, error) {
	n := j.seal.NonceSize()
	size := n + len(entry) + j.seal.Overhead()
	if size > maxEntryBytes {
		return nil, fmt.Errorf("save on the tablet: an entry of %d bytes is over the limit of %d", len(entry), maxEntryBytes)
	}
	frame := make([]byte, entryHead+n, entryHead+size)
	if _, err := io.ReadFull(j.rand, frame[entryHead:]); err != nil {
		return nil, err
	}
	frame = j.seal.Seal(frame, frame[entryHead:], entry, entryMarker[:])
	copy(frame, entryMarker[:])
	binary.BigEndian.PutUint32(frame[4:], uint32(size)) //nolint:gosec // bounded above
	binary.BigEndian.PutUint32(frame[8:], checksum(frame[4:8], frame[entryHead:]))
	return frame, nil
}

// length returns the size of the file.
func (j *journal) length() int64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.size
}

// cut shortens the file to what is known to be good.
func (j *journal) cut(size int64) error {
	if err := j.file.Truncate(size); err != nil {
		return err
	}
	return j.file.Sync()
}

// rewrite replaces the journal by one that holds just the given entries. Until the new file has its name, the old one stands.
func (j *journal) rewrite(entries [][]byte) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	temporary := j.path + ".new"
	f, err := os.OpenFile(temporary, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600) //nolint:gosec // beside the journal
	if err != nil {
		return err
	}
	data := []byte(journalMagic)
	for _, e := range entries {
		frame, err := j.frame(e)
		if err != nil {
			return errors.Join(err, f.Close())
		}
		data = append(data, frame...)
	}
	if _, err = f.Write(data); err == nil {
		err = f.Sync()
	}
	if err != nil {
		return errors.Join(err, f.Close(), os.Remove(temporary))
	}
	if err := os.Rename(temporary, j.path); err != nil {
		return errors.Join(err, f.Close())
	}
	old := j.file
	j.file, j.size, j.err = f, int64(len(data)), nil
	return errors.Join(old.Close(), syncFolder(filepath.Dir(j.path)))
}

func (j *journal) close() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	err := j.file.Close()
	if errors.Is(err, fs.ErrClosed) {
		return nil
	}
	return err
}

// syncFolder makes the names in a folder durable.
func syncFolder(path string) error {
	d, err := os.Open(path) //nolint:gosec // the caller's folder
	if err != nil {
		return err
	}
	return errors.Join(syncDirectory(d), d.Close())
}
