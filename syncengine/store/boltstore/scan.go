package boltstore

import (
	"bytes"

	"go.etcd.io/bbolt"

	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/store"
)

// scan walks over the keys of one bucket in [from, to). Its steps guard bbolt; the caller's fn runs outside of them, so that a panic
// of fn stays fn's.
type scan struct {
	t        *txn
	at       place
	cursor   *bbolt.Cursor
	from, to []byte
	first    []byte // the first key of the bucket, only of a scan back
}

// start returns the first key of an ascending scan.
func (s *scan) start() (key, value []byte, err error) {
	defer guard(&err)
	key, value = s.cursor.Seek(s.from)
	return key, value, s.t.fits(s.at, key, value)
}

// next returns the key after the last one.
func (s *scan) next() (key, value []byte, err error) {
	defer guard(&err)
	key, value = s.cursor.Next()
	return key, value, s.t.fits(s.at, key, value)
}

// startBack returns the first key of a descending scan.
func (s *scan) startBack() (key, value []byte, err error) {
	defer guard(&err)
	// The first key says where to stop, see back. It is also looked for first since Last does not end in a bucket of several pages
	// that this transaction emptied.
	if s.first, _ = s.cursor.First(); s.first == nil {
		return nil, nil, nil
	}
	if s.to == nil {
		key, value = s.cursor.Last()
		return key, value, s.t.fits(s.at, key, value)
	}
	if bytes.Compare(s.to, s.first) <= 0 {
		return nil, nil, nil
	}
	if key, _ = s.cursor.Seek(s.to); key == nil {
		key, value = s.cursor.Last()
	} else {
		key, value = s.back(key)
	}
	return key, value, s.t.fits(s.at, key, value)
}

// nextBack returns the key before last, at which the cursor stands.
func (s *scan) nextBack(last []byte) (key, value []byte, err error) {
	defer guard(&err)
	key, value = s.back(last)
	return key, value, s.t.fits(s.at, key, value)
}

// back steps from the key at which the cursor stands to the one before. The cursor also answers nil at a page that this transaction
// emptied, so nil is the end only at the first key.
func (s *scan) back(at []byte) (key, value []byte) {
	for !bytes.Equal(at, s.first) {
		if key, value = s.cursor.Prev(); key != nil {
			return key, value
		}
	}
	return nil, nil
}

// Scan implements store.Reader.
func (h *handle) Scan(space store.Space, ledger syncengine.LedgerID, from, to []byte, fn func(key, value []byte) (bool, error)) error {
	s, err := h.scan(place{space, ledger}, from, to)
	if s == nil {
		return err
	}
	key, value, err := s.start()
	for err == nil && key != nil && (to == nil || bytes.Compare(key, to) < 0) {
		if more, err := fn(key, value); err != nil || !more {
			return err
		}
		key, value, err = s.next()
	}
	return err
}

// ScanBack implements store.Reader.
func (h *handle) ScanBack(space store.Space, ledger syncengine.LedgerID, from, to []byte, fn func(key, value []byte) (bool, error)) error {
	s, err := h.scan(place{space, ledger}, from, to)
	if s == nil {
		return err
	}
	key, value, err := s.startBack()
	for err == nil && key != nil && bytes.Compare(key, from) >= 0 {
		if more, err := fn(key, value); err != nil || !more {
			return err
		}
		key, value, err = s.nextBack(key)
	}
	return err
}

// scan prepares a scan, or returns nil where there is nothing to scan.
func (h *handle) scan(p place, from, to []byte) (s *scan, err error) {
	t, err := h.live()
	if err != nil {
		return nil, err
	}
	defer guard(&err)
	b, err := t.bucket(p)
	if b == nil {
		return nil, err
	}
	return &scan{t: t, at: p, cursor: b.Cursor(), from: from, to: to}, nil
}
