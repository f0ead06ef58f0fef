package ledger

import (
	"bytes"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/store"
)

// Words are kept in two steps, so that a capture costs few keys however much was written. The words of each record lie in one entry, in
// the order of records. Records that were made near each other share a window, and the index says for the first letters of a word in
// which windows a word that begins so was ever written. A search reads the windows that have the beginnings of all of its words, and of
// these the words. What the index says of a window is never taken back: it is of a few letters only, and leads at most to a window
// without the word.
const (
	// wordStem is how many first letters of a word the index is by: a beginning of at least that many finds words.
	wordStem = 3
	// maxWords bounds how many different words of a record are kept.
	maxWords = 1000
	// wordAttribute is the attribute of first letters.
	wordAttribute = "\x01word"
	// v7Era is the first byte of a UUIDv7 of the years 2004 to 2039.
	v7Era = 0x01
)

// windowOf returns the beginning of the keys that a record shares a window with. The ids of records that are captured begin with their
// time: three bytes are four and a half hours. Those of imported ones are spread evenly, so a 256th of them share a window.
func windowOf(suffix []byte) []byte {
	id := len(suffix) - 16
	if suffix[id] == v7Era {
		return suffix[:id+3]
	}
	return suffix[:id+1]
}

// stemOf returns the letters that the index is by.
func stemOf(word string) string {
	at := 0
	for range wordStem {
		_, size := utf8.DecodeRuneInString(word[at:])
		at += size
	}
	return word[:at]
}

// keepWords writes the words that a record has now.
func (l *Ledger) keepWords(rec *syncengine.Record) error {
	if l.k.finder == nil {
		return nil
	}
	var now []string
	if rec.Present {
		now = slices.Compact(slices.Sorted(slices.Values(l.k.finder.Words(rec))))
		now = now[:min(len(now), maxWords)]
	}
	suffix := recordKey(rec.Key)
	before, err := l.r.Get(spaceWords, l.id, suffix)
	joined := strings.Join(now, " ")
	if err != nil || string(before) == joined {
		return err
	}
	if joined == "" {
		return l.w.Delete(spaceWords, l.id, suffix)
	}
	if err := l.w.Put(spaceWords, l.id, suffix, []byte(joined)); err != nil {
		return err
	}
	stem := ""
	for i, word := range now {
		if next := stemOf(word); i == 0 || next != stem {
			stem = next
			if err := l.keepStem(indexKey(wordAttribute, stem, windowOf(suffix))); err != nil {
				return err
			}
		}
	}
	return nil
}

// keepStem notes that a window has a word with some first letters. It is read first, since it is nearly always known.
func (l *Ledger) keepStem(key []byte) error {
	known, err := l.r.Get(spaceIndex, l.id, key)
	if err != nil || known != nil {
		return err
	}
	return l.w.Put(spaceIndex, l.id, key, present)
}

// search is what a filter asks of words.
type search struct {
	words  []string
	begins string // empty: nothing
}

func (f *Filter) search() *search {
	if len(f.Words) == 0 && f.Begins == "" {
		return nil
	}
	return &search{f.Words, f.Begins}
}

// in reports whether words are all that is looked for.
func (s *search) in(words []string) bool {
	for _, w := range s.words {
		if !slices.Contains(words, w) {
			return false
		}
	}
	part := utf8.RuneCountInString(s.begins) >= wordStem
	return s.begins == "" || slices.ContainsFunc(words, func(w string) bool { return w == s.begins || part && strings.HasPrefix(w, s.begins) })
}

// inEntry is in for the words of a record as they are kept.
func (s *search) inEntry(value []byte) bool {
	for _, w := range s.words { // most often not there at all
		if !bytes.Contains(value, []byte(w)) {
			return false
		}
	}
	return bytes.Contains(value, []byte(s.begins)) && s.in(strings.Split(string(value), " "))
}

// holdsWords reports whether the words of a record are all that is looked for.
func (l *Ledger) holdsWords(s *search, suffix []byte) (bool, error) {
	value, err := l.r.Get(spaceWords, l.id, suffix)
	return value != nil && s.inEntry(value), err
}

// windows returns the windows of records of a kind, or of any, that have words with the first letters of all that is looked for, ascending.
func (l *Ledger) windows(s *search, kind syncengine.Kind) ([]string, error) {
	stems := []string{}
	for _, w := range append(slices.Clip(s.words), s.begins) {
		if w != "" {
			stems = append(stems, stemOf(w))
		}
	}
	var out []string
	for i, stem := range stems {
		var has []string
		prefix := indexPrefix(wordAttribute, stem)
		from := ofKind(prefix, kind)
		err := l.r.Scan(spaceIndex, l.id, from, store.After(from), func(key, _ []byte) (bool, error) {
			has = append(has, string(key[len(prefix):]))
			return true, nil
		})
		if err != nil {
			return nil, err
		}
		if i > 0 {
			has = slices.DeleteFunc(has, func(w string) bool {
				_, both := slices.BinarySearch(out, w)
				return !both
			})
		}
		out = has
	}
	return out, nil
}

// withWords calls visit with the record key, as bytes, of every record whose words are all that is looked for, ascending, behind last, until visit
// returns false.
func (l *Ledger) withWords(s *search, kind syncengine.Kind, last []byte, visit func(suffix []byte) (bool, error)) error {
	windows, err := l.windows(s, kind)
	if err != nil {
		return err
	}
	goOn := true
	for _, w := range windows {
		from, to := []byte(w), store.After([]byte(w))
		if last != nil {
			if to != nil && bytes.Compare(to, last) <= 0 {
				continue
			}
			if next := append(bytes.Clone(last), 0); bytes.Compare(next, from) > 0 {
				from = next
			}
		}
		err := l.r.Scan(spaceWords, l.id, from, to, func(key, value []byte) (_ bool, err error) {
			if s.inEntry(value) {
				goOn, err = visit(key)
			}
			return goOn, err
		})
		if err != nil || !goOn {
			return err
		}
	}
	return nil
}
