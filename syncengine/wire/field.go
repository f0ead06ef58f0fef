package wire

import (
	"strconv"

	"github.com/google/uuid"

	"github.com/arpenteur/arpenteur/syncengine"
)

// This file holds what the scanner takes beyond JSON: the kinds of fields that the protocol has (section 1).

// integer takes an integer field: 0 to MaxInteger.
func (s *scanner) integer() uint64 {
	if c := s.peek(); c < '0' || c > '9' {
		s.malformed("expected an integer")
		return 0
	}
	var n uint64
	for _, c := range []byte(s.number()) {
		if c == '.' {
			s.malformed("expected an integer")
			return 0
		}
		n = n*10 + uint64(c-'0')
	}
	return n
}

// sequence takes an integer from 1.
func (s *scanner) sequence() uint64 {
	n := s.integer()
	if n == 0 {
		s.malformed("expected an integer from 1")
	}
	return n
}

// binary takes a string of base64url that fills dst exactly.
func (s *scanner) binary(dst []byte) {
	size := textEncoding.EncodedLen(len(dst))
	end := s.pos + size + 2
	if end > len(s.text) || s.text[s.pos] != '"' || s.text[end-1] != '"' {
		s.malformed("expected " + strconv.Itoa(size) + " characters of base64url")
		return
	}
	if !decodeBinary(dst, s.text[s.pos+1:end-1]) {
		s.malformed("expected " + strconv.Itoa(size) + " characters of base64url")
		return
	}
	s.pos = end
}

// decodeBinary decodes base64url text that must fill dst exactly. The decoder passes over line breaks, which are no part of the text
// form, so that what it gives may be shorter than the text's length says.
func decodeBinary(dst []byte, text string) bool {
	var in, out [96]byte // a signature is 64 bytes and 86 characters
	if len(text) > len(in) || textEncoding.DecodedLen(len(text)) != len(dst) {
		return false
	}
	n, err := textEncoding.Decode(out[:], in[:copy(in[:], text)])
	return err == nil && n == len(dst) && n == copy(dst, out[:n])
}

// hash takes a hash. The zero hash names nothing and is not accepted.
func (s *scanner) hash() syncengine.Hash {
	var h syncengine.Hash
	s.binary(h[:])
	if h.IsZero() {
		s.malformed("expected a hash")
	}
	return h
}

// key takes an Ed25519 public key.
func (s *scanner) key() []byte {
	key := make([]byte, 32)
	s.binary(key)
	return key
}

// uuid takes a UUID in lower case.
func (s *scanner) uuid() uuid.UUID {
	var id uuid.UUID
	end := s.pos + 38
	if end > len(s.text) || s.text[s.pos] != '"' || s.text[end-1] != '"' || !decodeUUID(&id, s.text[s.pos+1:end-1]) {
		s.malformed("expected a UUID in lower case")
		return uuid.UUID{}
	}
	s.pos = end
	return id
}

// decodeUUID decodes the 36 characters of a UUID.
func decodeUUID(id *uuid.UUID, text string) bool {
	at := 0
	for i := range id {
		if i == 4 || i == 6 || i == 8 || i == 10 {
			if text[at] != '-' {
				return false
			}
			at++
		}
		high, low := hexDigit(text[at]), hexDigit(text[at+1])
		if high|low > 15 {
			return false
		}
		id[i] = high<<4 | low
		at += 2
	}
	return true
}

// hexDigit returns the value of a lower-case hexadecimal digit, or 255.
func hexDigit(c byte) byte {
	switch {
	case c >= '0' && c <= '9':
		return c - '0'
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10
	default:
		return 255
	}
}

// path takes a path.
func (s *scanner) path() syncengine.Path {
	p := syncengine.Path(s.str())
	s.checkPath(p)
	return p
}

func (s *scanner) checkPath(p syncengine.Path) {
	if s.err == nil && !p.Valid() {
		s.malformed("expected a path")
	}
}

// word takes a string of a to z and underscore, of 1 to 32 characters: kinds, types, codes.
func (s *scanner) word() string {
	w := s.str()
	if s.err == nil && !syncengine.Kind(w).Valid() {
		s.malformed("expected a word of a to z and _")
	}
	return w
}

// account takes an account id.
func (s *scanner) account() syncengine.AccountID {
	a := syncengine.AccountID(s.str())
	if s.err == nil && !a.Valid() {
		s.malformed("expected an account id")
	}
	return a
}

// authorityPoint takes [replica, sequence].
func (s *scanner) authorityPoint() syncengine.AuthorityPoint {
	var p syncengine.AuthorityPoint
	s.enter('[')
	p.Replica.Hash = s.hash()
	s.literal(",")
	p.Seq = s.sequence()
	s.leave(']')
	return p
}

// head takes [sequence, chain].
func (s *scanner) head() syncengine.Head {
	var h syncengine.Head
	s.enter('[')
	h.Seq = s.sequence()
	s.literal(",")
	h.Chain = s.hash()
	s.leave(']')
	return h
}
