package wire

import (
	"strings"

	"github.com/arpenteur/arpenteur/syncengine"
)

// appendRuling appends a ruling: one of an unknown type as it was received.
func appendRuling(dst []byte, r *syncengine.Ruling, received string) []byte {
	if received != "" {
		return append(dst, received...)
	}
	dst = append(dst, '{')
	switch r.Type {
	case syncengine.Grant:
		dst = appendGrant(dst, r)
	case syncengine.Revoke:
		dst = appendHead(appendMember(dst, "cut"), r.Cut)
		dst = appendHash(appendMember(dst, "target"), r.Target.Hash)
	case syncengine.Redact:
		dst = append(appendMember(dst, "paths"), '[')
		for _, p := range r.Paths {
			dst = AppendString(appendComma(dst), string(p))
		}
		dst = append(dst, ']')
		dst = appendHash(appendMember(dst, "target"), r.Target.Hash)
	case syncengine.Refuse, syncengine.Void, syncengine.Release, syncengine.Untimed:
		dst = appendHash(appendMember(dst, "target"), r.Target.Hash)
	case syncengine.Publish:
		dst = AppendString(appendMember(dst, "lineage"), r.Lineage)
	case syncengine.Succeed:
		dst = appendSucceed(dst, r)
	}
	dst = AppendString(appendMember(dst, "type"), string(r.Type))
	if r.Type == syncengine.Publish {
		dst = appendHash(appendMember(dst, "version"), r.Version.Hash)
	}
	return append(dst, '}')
}

func appendGrant(dst []byte, r *syncengine.Ruling) []byte {
	dst = AppendString(appendMember(dst, "account"), string(r.Account))
	dst = appendBinary(appendMember(dst, "key"), r.Key)
	dst = append(appendMember(dst, "kinds"), '[')
	for _, k := range r.Kinds {
		dst = AppendString(appendComma(dst), string(k))
	}
	dst = append(dst, ']')
	if !r.Predecessor.IsZero() {
		dst = appendHash(appendMember(dst, "predecessor"), r.Predecessor.Hash)
	}
	dst = appendHash(appendMember(dst, "replica"), r.Replica.Hash)
	return AppendString(appendMember(dst, "role"), string(r.Role))
}

func appendSucceed(dst []byte, r *syncengine.Ruling) []byte {
	dst = appendBinary(appendMember(dst, "certificate"), r.Certificate[:])
	dst = append(appendMember(dst, "follows"), '[')
	dst = AppendString(dst, r.Predecessor.String())
	dst = appendUint(append(dst, ','), r.Head.Seq)
	dst = append(appendHash(append(dst, ','), r.Head.Chain), ']')
	dst = appendUint(appendMember(dst, "incarnation"), r.Incarnation)
	return appendBinary(appendMember(dst, "key"), r.Key)
}

// ruling takes a ruling. One of an unknown type has effect nowhere but is part of the header, so its bytes are returned too.
func (s *scanner) ruling() (r *syncengine.Ruling, received string) {
	// The type stands behind members that depend on it: a first pass finds it.
	start := s.pos
	kind := s.rulingType()
	end := s.pos
	if s.err != nil {
		return nil, ""
	}
	r = &syncengine.Ruling{Type: kind}
	read := s.rulingReader(kind)
	if read == nil {
		return r, s.text[start:end]
	}
	s.pos = start
	m := s.members()
	read(&m, r)
	m.required("type")
	s.literal(`"` + string(kind) + `"`)
	if kind == syncengine.Publish {
		m.required("version")
		r.Version.Hash = s.hash()
	}
	m.end()
	return r, ""
}

// rulingType takes a whole ruling, checks that it is canonical, and returns its type.
func (s *scanner) rulingType() (kind syncengine.RulingType) {
	for e := s.entries(); ; {
		key, ok := e.next()
		switch {
		case !ok:
			if kind == "" {
				s.malformed("a ruling has no type")
			}
			return kind
		case key == "type":
			kind = syncengine.RulingType(s.word())
		default:
			s.skip()
		}
	}
}

// rulingReader returns what reads the members before `type`, or nil for an unknown type.
func (s *scanner) rulingReader(kind syncengine.RulingType) func(*members, *syncengine.Ruling) {
	switch kind {
	case syncengine.Grant:
		return s.grant
	case syncengine.Revoke:
		return func(m *members, r *syncengine.Ruling) {
			m.required("cut")
			r.Cut = s.cut()
			s.target(m, r)
		}
	case syncengine.Refuse, syncengine.Void, syncengine.Release, syncengine.Untimed:
		return s.target
	case syncengine.Redact:
		return s.redact
	case syncengine.Publish:
		return func(m *members, r *syncengine.Ruling) {
			m.required("lineage")
			r.Lineage = s.lineage()
		}
	case syncengine.Succeed:
		return s.succeed
	default:
		return nil
	}
}

func (s *scanner) succeed(m *members, r *syncengine.Ruling) {
	m.required("certificate")
	s.binary(r.Certificate[:])
	m.required("follows")
	s.enter('[')
	r.Predecessor.Hash = s.hash()
	s.literal(",")
	r.Head.Seq = s.sequence()
	s.literal(",")
	r.Head.Chain = s.hash()
	s.leave(']')
	m.required("incarnation")
	if r.Incarnation = s.integer(); s.err == nil && r.Incarnation < 2 {
		s.malformed("incarnations after the first are numbered from 2")
	}
	m.required("key")
	r.Key = s.key()
}

func (s *scanner) target(m *members, r *syncengine.Ruling) {
	m.required("target")
	r.Target.Hash = s.hash()
}

// cut takes [sequence, chain]; [0, ""] lets nothing stand.
func (s *scanner) cut() syncengine.Head {
	const nothing = `[0,""]`
	if strings.HasPrefix(s.text[s.pos:], nothing) {
		s.pos += len(nothing)
		return syncengine.Head{}
	}
	return s.head()
}

// lineage takes the name of a checklist, which has the form of a path's segment.
func (s *scanner) lineage() string {
	l := s.str()
	if p := syncengine.Path("/" + l); s.err == nil && (!p.Valid() || len(p.Segments()) != 1 || p.IsPresence()) {
		s.malformed("expected the name of a checklist")
	}
	return l
}

func (s *scanner) redact(m *members, r *syncengine.Ruling) {
	m.required("paths")
	for e := s.elements(); e.next(); {
		p := s.path()
		if n := len(r.Paths); n > 0 && p <= r.Paths[n-1] {
			s.malformed("paths are not ascending, or one is there twice")
		}
		r.Paths = append(r.Paths, p)
	}
	if len(r.Paths) == 0 {
		s.malformed("a redaction names no path")
	}
	s.target(m, r)
}

func (s *scanner) grant(m *members, r *syncengine.Ruling) {
	m.required("account")
	r.Account = s.account()
	m.required("key")
	r.Key = s.key()
	m.required("kinds")
	for e := s.elements(); e.next(); {
		k := syncengine.Kind(s.word())
		if n := len(r.Kinds); n > 0 && k <= r.Kinds[n-1] {
			s.malformed("kinds are not ascending, or one is there twice")
		}
		r.Kinds = append(r.Kinds, k)
	}
	if m.optional("predecessor") {
		r.Predecessor.Hash = s.hash()
	}
	m.required("replica")
	r.Replica.Hash = s.hash()
	if s.err == nil && r.Replica != ReplicaOf(r.Key) {
		s.malformed("the replica of a grant is not the hash of its key")
	}
	m.required("role")
	r.Role = syncengine.Role(s.word())
}
