package wire

import (
	"crypto/ed25519"
	"strconv"
	"strings"

	"github.com/arpenteur/arpenteur/syncengine"
)

const (
	// MaxJSONBytes is the limit of every HTTP body but those of sync.
	MaxJSONBytes = 1 << 20
	// MaxNameBytes is the limit of the code, name and server address of a ticket or enrolment.
	MaxNameBytes = 1024
)

const (
	ticketPrefix  = "arpenteur:1:"
	enrolPrefix   = "arpenteur/1 enrol\n"
	succeedPrefix = "arpenteur/1 succeed\n"
)

// Ticket is what a coordinator shows, as QR code or text, to let a tablet enrol (protocol, section 7.2).
type Ticket struct {
	Code   string    // works once
	Root   PublicKey // the key that certifies the authority: what the tablet trusts from here on
	Server string    // base URL
}

// String returns the text of t.
func (t *Ticket) String() string {
	data := AppendString(appendMember([]byte{'{'}, "code"), normal(t.Code))
	data = appendBinary(appendMember(data, "root"), t.Root[:])
	data = append(AppendString(appendMember(data, "server"), normal(t.Server)), '}')
	return ticketPrefix + textEncoding.EncodeToString(data)
}

// ParseTicket reads the text of a ticket; space around it, as pasting leaves it, is ignored. Its errors have CodeInvalid.
func ParseTicket(text string) (*Ticket, error) {
	body, ok := strings.CutPrefix(strings.TrimSpace(text), ticketPrefix)
	if !ok {
		return nil, Problemf(CodeInvalid, "this is not a ticket: it does not begin with %s", ticketPrefix)
	}
	data, err := textEncoding.DecodeString(body)
	if err != nil || strings.ContainsAny(body, "\r\n") {
		return nil, Problemf(CodeInvalid, "the ticket is damaged; copy or scan it again")
	}
	s, t := scanner{text: string(data), limit: MaxDepth}, new(Ticket)
	m := s.members()
	m.required("code")
	t.Code = s.name()
	m.required("root")
	s.binary(t.Root[:])
	m.required("server")
	t.Server = s.name()
	m.end()
	if err := s.finish(); err != nil {
		return nil, Problemf(CodeInvalid, "the ticket is damaged; copy or scan it again (%w)", err)
	}
	return t, nil
}

// name takes a string that is neither empty nor longer than MaxNameBytes.
func (s *scanner) name() string {
	n := s.str()
	if s.err == nil && (n == "" || len(n) > MaxNameBytes) {
		s.fail(CodeInvalid, "a string is empty or over "+strconv.Itoa(MaxNameBytes)+" bytes")
	}
	return n
}

// Enrolment is the body with which a tablet asks for an account's replica.
type Enrolment struct {
	Code  string
	Key   PublicKey // of the replica
	Name  string    // of the tablet, for the coordinator's list
	Proof Signature // by Key, over Code
}

// NewEnrolment returns the body for the code of a ticket, proven with the replica's key.
func NewEnrolment(key ed25519.PrivateKey, code, name string) *Enrolment {
	public, _ := key.Public().(ed25519.PublicKey)
	code = normal(code)
	return &Enrolment{Code: code, Key: PublicKeyOf(public), Name: normal(name), Proof: sign(key, []byte(enrolPrefix+code))}
}

// Verify reports whether the sender holds the private half of Key.
func (e *Enrolment) Verify() bool { return verify(e.Key[:], []byte(enrolPrefix+e.Code), e.Proof) }

// Append appends the canonical encoding of e.
func (e *Enrolment) Append(dst []byte) []byte {
	dst = AppendString(appendMember(append(dst, '{'), "code"), e.Code)
	dst = appendBinary(appendMember(dst, "key"), e.Key[:])
	dst = AppendString(appendMember(dst, "name"), e.Name)
	return append(appendBinary(appendMember(dst, "proof"), e.Proof[:]), '}')
}

// DecodeEnrolment reads the body, which like every HTTP body but sync may be any JSON.
func DecodeEnrolment(data []byte) (*Enrolment, error) {
	e := new(Enrolment)
	err := decodeBody(data, func(s *scanner, m *members) {
		m.required("code")
		e.Code = s.name()
		m.required("key")
		s.binary(e.Key[:])
		m.required("name")
		e.Name = s.name()
		m.required("proof")
		s.binary(e.Proof[:])
	})
	return e, err
}

// EnrolmentAnswer is the answer to an Enrolment.
type EnrolmentAnswer struct {
	Account syncengine.AccountID
	Replica syncengine.ReplicaID
	Root    PublicKey // must equal the ticket's
}

// Append appends the canonical encoding of a.
func (a *EnrolmentAnswer) Append(dst []byte) []byte {
	dst = AppendString(appendMember(append(dst, '{'), "account"), string(a.Account))
	dst = appendHash(appendMember(dst, "replica"), a.Replica.Hash)
	return append(appendBinary(appendMember(dst, "root"), a.Root[:]), '}')
}

// DecodeEnrolmentAnswer reads the answer.
func DecodeEnrolmentAnswer(data []byte) (*EnrolmentAnswer, error) {
	a := new(EnrolmentAnswer)
	err := decodeBody(data, func(s *scanner, m *members) {
		m.required("account")
		a.Account = s.account()
		m.required("replica")
		a.Replica.Hash = s.hash()
		m.required("root")
		s.binary(a.Root[:])
	})
	return a, err
}

// Succession is the body with which a replica, whose signature the request has, names the one that continues it
// (protocol, section 7.3).
type Succession struct {
	Key   PublicKey // of the successor
	Proof Signature // by Key, over the old replica's id
}

// NewSuccession returns the body that makes the replica of key the successor of old.
func NewSuccession(key ed25519.PrivateKey, old syncengine.ReplicaID) *Succession {
	public, _ := key.Public().(ed25519.PublicKey)
	return &Succession{Key: PublicKeyOf(public), Proof: sign(key, successionMessage(old))}
}

// Verify reports whether the sender holds the private half of Key, and means to succeed old.
func (c *Succession) Verify(old syncengine.ReplicaID) bool {
	return verify(c.Key[:], successionMessage(old), c.Proof)
}

func successionMessage(old syncengine.ReplicaID) []byte {
	return append([]byte(succeedPrefix), old.Hash[:]...)
}

// Append appends the canonical encoding of c.
func (c *Succession) Append(dst []byte) []byte {
	dst = appendBinary(appendMember(append(dst, '{'), "key"), c.Key[:])
	return append(appendBinary(appendMember(dst, "proof"), c.Proof[:]), '}')
}

// DecodeSuccession reads the body.
func DecodeSuccession(data []byte) (*Succession, error) {
	c := new(Succession)
	err := decodeBody(data, func(s *scanner, m *members) {
		m.required("key")
		s.binary(c.Key[:])
		m.required("proof")
		s.binary(c.Proof[:])
	})
	return c, err
}

// decodeBody brings a body to its canonical encoding, which sorts its members and refuses keys that are there twice, and reads it.
func decodeBody(data []byte, read func(s *scanner, m *members)) error {
	if len(data) > MaxJSONBytes {
		return Problemf(CodeTooLarge, "a body of %d bytes is over the limit of %d", len(data), MaxJSONBytes)
	}
	canonical, err := Canonical(data)
	if err != nil {
		return err
	}
	s := scanner{text: string(canonical), limit: MaxDepth}
	m := s.members()
	read(&s, &m)
	m.end()
	return s.finish()
}
