package wire

import (
	"bytes"
	"cmp"
	"maps"
	"slices"

	"github.com/arpenteur/arpenteur/syncengine"
)

// Hello is the first frame of either body. A client names the base that it holds and the digest of its remote vectors, or asks for
// everything with Full; a server sends neither.
type Hello struct {
	Base   string // token of the last mark; empty with Full, and from a server
	Digest Digest // of the remote vectors; only with Base
	Full   bool
}

// Have tells how far logs of one ledger are held: for each replica the head of each branch, ascending by sequence, then chain.
type Have struct {
	Ledger syncengine.LedgerID
	Logs   map[syncengine.ReplicaID][]syncengine.Head
}

// Want asks for the values of changes whose header is held.
type Want struct {
	Ledger  syncengine.LedgerID
	Changes []syncengine.ChangeID
}

// Values answers Want. Line is still bytes: DecodeLine reads it.
type Values struct {
	Ledger syncengine.LedgerID
	Change syncengine.ChangeID
	Line   []byte
}

// Access is what a replica may have of a ledger.
type Access string

// The accesses.
const (
	AccessFull    Access = "full"
	AccessRevoked Access = "revoked" // push, and pull rulings and receipts only
)

// LedgerAccess tells a replica that it is, or was, granted a ledger.
type LedgerAccess struct {
	Ledger syncengine.LedgerID
	Access Access
}

// Remark is the frame `problem`: something that was not taken, or was taken with a remark. What is zero doesn't apply.
type Remark struct {
	Code    Code // of a newer peer perhaps one that is not Known
	Detail  string
	Ledger  syncengine.LedgerID
	Replica syncengine.ReplicaID
	First   uint64
	Change  syncengine.ChangeID
}

// Resend tells a client that its base or digest did not match: nothing was sent, and the client repeats with Hello.Full.
type Resend struct{}

// Mark names everything sent before it; a client that kept all of that stores the token.
type Mark struct{ Base string }

// End is the last frame of a body. More says that the server stopped at its own limit and the client should sync again.
type End struct{ More bool }

// UnknownFrame is a frame of a type that this version doesn't have. It is skipped.
type UnknownFrame struct {
	Name string // the member `type`
	Data []byte // the whole frame
}

// Type returns "hello".
func (*Hello) Type() string { return typeHello }

// Type returns "have".
func (*Have) Type() string { return typeHave }

// Type returns "want".
func (*Want) Type() string { return typeWant }

// Type returns "values".
func (*Values) Type() string { return typeValues }

// Type returns "ledger".
func (*LedgerAccess) Type() string { return typeLedger }

// Type returns "problem".
func (*Remark) Type() string { return typeProblem }

// Type returns "resend".
func (*Resend) Type() string { return typeResend }

// Type returns "mark".
func (*Mark) Type() string { return typeMark }

// Type returns "end".
func (*End) Type() string { return typeEnd }

// Type returns the member `type` of the frame.
func (f *UnknownFrame) Type() string { return f.Name }

func (f *Hello) append(dst []byte) []byte {
	dst = append(dst, '{')
	switch {
	case f.Full:
		dst = append(appendMember(dst, "full"), "true"...)
	case f.Base != "":
		dst = AppendString(appendMember(dst, "base"), f.Base)
		dst = appendBinary(appendMember(dst, "digest"), f.Digest[:])
	}
	dst = AppendInt(appendMember(dst, "protocol"), ProtocolVersion)
	return appendType(dst, typeHello)
}

func (s *frameScanner) hello() Frame {
	f := new(Hello)
	if version := s.helloVersion(); s.err == nil && version != ProtocolVersion {
		s.fail(CodeProtocolUnsupported, "this side speaks version 1 of the protocol")
		return f
	}
	m := s.members()
	if m.optional("base") {
		f.Base = s.token()
		m.required("digest")
		s.binary(f.Digest[:])
	} else if m.optional("full") {
		s.literal("true")
		f.Full = true
	}
	m.required("protocol")
	s.literal("1")
	s.end(&m, typeHello)
	return f
}

// helloVersion finds the version before anything else is judged: the members of another version are not ours to refuse.
func (s *frameScanner) helloVersion() uint64 {
	look := scanner{text: s.text, limit: s.limit}
	version, e := uint64(ProtocolVersion), look.entries()
	for key, ok := e.next(); ok; key, ok = e.next() {
		if key == "protocol" {
			version = look.integer()
		} else {
			look.skip()
		}
	}
	if look.err != nil {
		return ProtocolVersion
	}
	return version
}

// token takes a base token: opaque, but not empty and not long.
func (s *frameScanner) token() string {
	t := s.str()
	if s.err == nil && (t == "" || len(t) > MaxTokenBytes) {
		s.malformed("a base token is empty or over 4096 bytes")
	}
	return t
}

func (f *Have) append(dst []byte) []byte {
	dst = appendHash(appendMember(append(dst, '{'), "ledger"), f.Ledger.Hash)
	dst = append(appendMember(dst, "logs"), '{')
	// The text of hashes doesn't ascend with their bytes.
	names := make(map[string][]syncengine.Head, len(f.Logs))
	for replica, heads := range f.Logs {
		names[replica.String()] = heads
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		dst = append(appendMember(dst, name), '[')
		heads := slices.SortedFunc(slices.Values(names[name]), compareHeads)
		for _, h := range heads {
			dst = appendHead(appendComma(dst), h)
		}
		dst = append(dst, ']')
	}
	return appendType(append(dst, '}'), typeHave)
}

func compareHeads(a, b syncengine.Head) int {
	return cmp.Or(cmp.Compare(a.Seq, b.Seq), bytes.Compare(a.Chain[:], b.Chain[:]))
}

func (s *frameScanner) have() Frame {
	f := &Have{Logs: map[syncengine.ReplicaID][]syncengine.Head{}}
	m := s.members()
	m.required("ledger")
	f.Ledger.Hash = s.hash()
	m.required("logs")
	e := s.entries()
	for key, ok := e.next(); ok; key, ok = e.next() {
		var replica syncengine.ReplicaID
		if !decodeBinary(replica.Hash[:], key) || replica.IsZero() {
			s.malformed("expected a replica id")
			break
		}
		f.Logs[replica] = s.heads()
	}
	s.end(&m, typeHave)
	return f
}

// heads takes the heads of the branches of one log.
func (s *frameScanner) heads() []syncengine.Head {
	var heads []syncengine.Head
	for e := s.elements(); e.next(); {
		h := s.head()
		if n := len(heads); n > 0 && compareHeads(heads[n-1], h) >= 0 {
			s.malformed("branches are not ascending, or one is there twice")
		}
		heads = append(heads, h)
	}
	if len(heads) == 0 {
		s.malformed("a log has no branch")
	}
	return heads
}

func (f *Want) append(dst []byte) []byte {
	dst = append(appendMember(append(dst, '{'), "changes"), '[')
	for _, id := range f.Changes {
		dst = appendHash(appendComma(dst), id.Hash)
	}
	dst = append(dst, ']')
	dst = appendHash(appendMember(dst, "ledger"), f.Ledger.Hash)
	return appendType(dst, typeWant)
}

func (s *frameScanner) want() Frame {
	f := new(Want)
	m := s.members()
	m.required("changes")
	for e := s.elements(); e.next(); {
		f.Changes = append(f.Changes, syncengine.ChangeID{Hash: s.hash()})
	}
	m.required("ledger")
	f.Ledger.Hash = s.hash()
	s.end(&m, typeWant)
	return f
}

func (f *Values) append(dst []byte) []byte {
	dst = appendHash(appendMember(append(dst, '{'), "change"), f.Change.Hash)
	dst = appendHash(appendMember(dst, "ledger"), f.Ledger.Hash)
	dst = append(appendMember(dst, "line"), f.Line...)
	return appendType(dst, typeValues)
}

func (s *frameScanner) values() Frame {
	f := new(Values)
	m := s.members()
	m.required("change")
	f.Change.Hash = s.hash()
	m.required("ledger")
	f.Ledger.Hash = s.hash()
	m.required("line")
	f.Line = s.rawObject()
	s.end(&m, typeValues)
	return f
}

func (f *LedgerAccess) append(dst []byte) []byte {
	dst = AppendString(appendMember(append(dst, '{'), "access"), string(f.Access))
	dst = appendHash(appendMember(dst, "ledger"), f.Ledger.Hash)
	return appendType(dst, typeLedger)
}

func (s *frameScanner) ledger() Frame {
	f := new(LedgerAccess)
	m := s.members()
	m.required("access")
	f.Access = Access(s.str())
	if s.err == nil && f.Access != AccessFull && f.Access != AccessRevoked {
		s.malformed("expected full or revoked")
	}
	m.required("ledger")
	f.Ledger.Hash = s.hash()
	s.end(&m, typeLedger)
	return f
}

func (f *Remark) append(dst []byte) []byte {
	dst = append(dst, '{')
	if !f.Change.IsZero() {
		dst = appendHash(appendMember(dst, "change"), f.Change.Hash)
	}
	dst = AppendString(appendMember(dst, "code"), string(f.Code))
	dst = AppendString(appendMember(dst, "detail"), normal(f.Detail))
	if f.First != 0 {
		dst = appendUint(appendMember(dst, "first"), f.First)
	}
	if !f.Ledger.IsZero() {
		dst = appendHash(appendMember(dst, "ledger"), f.Ledger.Hash)
	}
	if !f.Replica.IsZero() {
		dst = appendHash(appendMember(dst, "replica"), f.Replica.Hash)
	}
	return appendType(dst, typeProblem)
}

func (s *frameScanner) remark() Frame {
	f := new(Remark)
	m := s.members()
	if m.optional("change") {
		f.Change.Hash = s.hash()
	}
	m.required("code")
	f.Code = Code(s.word())
	m.required("detail")
	f.Detail = s.str()
	if m.optional("first") {
		f.First = s.sequence()
	}
	if m.optional("ledger") {
		f.Ledger.Hash = s.hash()
	}
	if m.optional("replica") {
		f.Replica.Hash = s.hash()
	}
	s.end(&m, typeProblem)
	return f
}

// Problem returns f as an error.
func (f *Remark) Problem() *Problem { return &Problem{Code: f.Code, Detail: f.Detail} }

func (*Resend) append(dst []byte) []byte { return appendType(append(dst, '{'), typeResend) }

func (s *frameScanner) resend() Frame {
	m := s.members()
	s.end(&m, typeResend)
	return &Resend{}
}

func (f *Mark) append(dst []byte) []byte {
	dst = AppendString(appendMember(append(dst, '{'), "base"), f.Base)
	return appendType(dst, typeMark)
}

func (s *frameScanner) mark() Frame {
	f := new(Mark)
	m := s.members()
	m.required("base")
	f.Base = s.token()
	s.end(&m, typeMark)
	return f
}

func (f *End) append(dst []byte) []byte {
	dst = append(dst, '{')
	if f.More {
		dst = append(appendMember(dst, "more"), "true"...)
	}
	return appendType(dst, typeEnd)
}

func (s *frameScanner) endFrame() Frame {
	f := new(End)
	m := s.members()
	if f.More = m.optional("more"); f.More {
		s.literal("true")
	}
	s.end(&m, typeEnd)
	return f
}

func (f *UnknownFrame) append(dst []byte) []byte { return append(dst, f.Data...) }

// unknown takes a frame of any type that the other readers don't take.
func (s *frameScanner) unknown() Frame {
	f := &UnknownFrame{Data: s.data}
	e := s.entries()
	for key, ok := e.next(); ok; key, ok = e.next() {
		if key == "type" {
			f.Name = s.str()
		} else {
			s.skip()
		}
	}
	if s.err == nil && (f.Name == "" || knownType(f.Name)) {
		s.malformed("a frame has no type, or members that its type does not have")
	}
	return f
}

func knownType(t string) bool {
	switch t {
	case typeHello, typeHave, typeWant, typeValues, typeRun, typeLedger, typeProblem, typeReceipt, typeResend, typeMark, typeEnd,
		typeAnnounced, typePhoto, typePair, typeNonce, typeConfirm, typeReplicas, typeLedgers, typePhotos:
		return true
	default:
		return false
	}
}
