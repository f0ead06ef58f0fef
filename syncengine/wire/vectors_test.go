package wire

import (
	"bytes"
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/arpenteur/arpenteur/syncengine"
)

var update = flag.Bool("update", false, "write the published test vectors anew")

// vectors is one file under testdata/vectors. The types of cases below are read by other implementations too:
// testdata/vectors/README.md describes them.
type vectors[T any] struct {
	Description string `json:"description"`
	Cases       []T    `json:"cases"`
}

// input is bytes: as text, as hexadecimal digits, or as a sequence of these, some of them repeated.
type input struct {
	Text   string  `json:"text,omitempty"`
	Hex    string  `json:"hex,omitempty"`
	Times  int     `json:"times,omitempty"`
	Pieces []input `json:"pieces,omitempty"`
}

func (in input) bytes(t testing.TB) []byte {
	t.Helper()
	out, err := hex.DecodeString(in.Hex)
	if err != nil {
		t.Fatal(err)
	}
	out = append(out, in.Text...)
	for _, p := range in.Pieces {
		out = append(out, p.bytes(t)...)
	}
	return bytes.Repeat(out, max(in.Times, 1))
}

// result is what begins every case: how it is called, and the code with which it is refused, if it is.
type result struct {
	Name string `json:"name"`
	Note string `json:"note,omitempty"`
	Code Code   `json:"code,omitempty"`
}

type canonicalVector struct {
	result
	Input input `json:"input"`
}

type leafVector struct {
	result
	Salt     string `json:"salt"` // hexadecimal
	Path     string `json:"path"`
	Value    string `json:"value"`
	LeafSalt string `json:"leafsalt"`
	Leaf     string `json:"leaf"`
}

type lineVector struct {
	result
	Ledger string `json:"ledger"`
	Line   input  `json:"line"`
	Form   string `json:"form,omitempty"`
	Header string `json:"header,omitempty"`
	Root   string `json:"root,omitempty"`
	ID     string `json:"id,omitempty"`
}

type genesisVector struct {
	result
	Root    string `json:"root"` // public key
	Genesis string `json:"genesis"`
	Message string `json:"message"` // that the certificate signs, hexadecimal
}

type incarnationVector struct {
	result
	Ledger  string `json:"ledger"`
	Root    string `json:"root"` // public key
	Ruling  string `json:"ruling"`
	Message string `json:"message"` // that the certificate signs, hexadecimal
}

type formVector struct {
	result
	Ledger string   `json:"ledger"`
	Line   string   `json:"line"`
	Redact []string `json:"redact,omitempty"` // line without these values is Want
	Strip  bool     `json:"strip,omitempty"`  // line without any value is Want
	Fill   string   `json:"fill,omitempty"`   // line with the values of this one is Want
	Want   string   `json:"want,omitempty"`
	ID     string   `json:"id"`
}

type chainVector struct {
	result
	Ledger    string   `json:"ledger"`
	Seed      string   `json:"seed"` // of the Ed25519 key, hexadecimal
	PublicKey string   `json:"publickey"`
	Replica   string   `json:"replica"`
	IDs       []string `json:"ids"`
	Chains    []string `json:"chains"`  // chain_0 first
	Message   string   `json:"message"` // that the head signs, hexadecimal
	Head      string   `json:"head"`
}

type runVector struct {
	result
	PublicKey string   `json:"publickey"`
	Previous  string   `json:"previous"` // chain hash before the first line
	Frame     string   `json:"frame"`
	Chains    []string `json:"chains,omitempty"`
}

type frameVector struct {
	result
	Frame input  `json:"frame"`
	Type  string `json:"type,omitempty"`
}

type bodyVector struct {
	result              // the code is that of the end: absent if an end frame was read
	Body   input        `json:"body"`
	Frames []string     `json:"frames"`            // that are read
	Refuse []frameError `json:"refused,omitempty"` // that are refused by themselves
}

type frameError struct {
	Number int  `json:"number"`
	Code   Code `json:"code"`
}

type receiptVector struct {
	result
	Authority string `json:"authority"` // public key
	Frame     string `json:"frame"`
	Message   string `json:"message"` // that is signed, hexadecimal
}

type photoVector struct {
	result
	Kind      string `json:"kind"` // receipt, query or answer
	Body      string `json:"body"`
	Authority string `json:"authority,omitempty"` // public key
	Message   string `json:"message,omitempty"`   // that is signed, hexadecimal
}

type requestVector struct {
	result
	PublicKey     string `json:"publickey"`
	Method        string `json:"method"`
	Target        string `json:"target"`
	Authorization string `json:"authorization"`
}

type digestVector struct {
	result
	Entries []digestEntry `json:"entries"`
	Digest  string        `json:"digest"`
}

type digestEntry struct {
	Ledger   string `json:"ledger"`
	Replica  string `json:"replica"`
	Sequence uint64 `json:"sequence"`
	Chain    string `json:"chain"`
}

type ticketVector struct {
	result
	Ticket     string `json:"ticket"`
	TicketCode string `json:"ticketcode,omitempty"`
	Root       string `json:"root,omitempty"`
	Server     string `json:"server,omitempty"`
}

type proofVector struct {
	result
	Kind    string `json:"kind"` // enrolment or succession
	Body    string `json:"body"`
	Replica string `json:"replica,omitempty"` // that is succeeded
}

type peerVector struct {
	result
	Session      string   `json:"session,omitempty"`
	Pairing      string   `json:"pairing"`
	Addresses    []string `json:"addresses,omitempty"`
	Key          string   `json:"key,omitempty"` // hash of the host's SubjectPublicKeyInfo, out of the pairing text
	Proof        string   `json:"proof,omitempty"`
	HostNonce    string   `json:"hostnonce,omitempty"`
	GuestNonce   string   `json:"guestnonce,omitempty"`
	Commitment   string   `json:"commitment,omitempty"`
	Digits       string   `json:"digits,omitempty"`
	Ledger       string   `json:"ledger,omitempty"`
	HostName     string   `json:"hostname,omitempty"`
	GuestName    string   `json:"guestname,omitempty"`
	ReplicaKey   string   `json:"replicakey,omitempty"`
	Message      string   `json:"message,omitempty"`
	ReplicaProof string   `json:"replicaproof,omitempty"`
}

// published reads a vector file, or writes it under -update and checks it against what the generator makes.
func published[T any](t *testing.T, name string, generated vectors[T], compare bool) []T {
	t.Helper()
	file := filepath.Join("testdata", "vectors", name+".json")
	var made bytes.Buffer
	out := json.NewEncoder(&made)
	out.SetEscapeHTML(false)
	out.SetIndent("", "  ")
	if err := out.Encode(generated); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(file, made.Bytes(), 0o644); err != nil { //nolint:gosec // published
			t.Fatal(err)
		}
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if compare && !bytes.Equal(data, made.Bytes()) {
		t.Errorf("%s is not what the generator makes: the protocol changed, or run go test -run Vectors -update", file)
	}
	var got vectors[T]
	in := json.NewDecoder(bytes.NewReader(data))
	in.DisallowUnknownFields()
	if err := in.Decode(&got); err != nil {
		t.Fatal(err)
	}
	if len(got.Cases) == 0 {
		t.Fatalf("%s holds no case", file)
	}
	return got.Cases
}

func parseHash(t testing.TB, text string) syncengine.Hash {
	t.Helper()
	h, err := syncengine.ParseHash(text)
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return h
}

func parseLedger(t testing.TB, text string) syncengine.LedgerID {
	t.Helper()
	return syncengine.LedgerID{Hash: parseHash(t, text)}
}

func parseReplica(t testing.TB, text string) syncengine.ReplicaID {
	t.Helper()
	return syncengine.ReplicaID{Hash: parseHash(t, text)}
}

func parseKey(t testing.TB, text string) ed25519.PublicKey {
	t.Helper()
	var k PublicKey
	if err := k.UnmarshalText([]byte(text)); err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return k.Ed25519()
}

func parseHex(t testing.TB, text string) []byte {
	t.Helper()
	out, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// expect compares a value of a case.
func expect(t *testing.T, name, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s: %s is\n%s, want\n%s", name, what, got, want)
	}
}

// refused checks the code of err against that of the case, and reports whether nothing is left to check.
func refused(t *testing.T, r result, err error) bool {
	t.Helper()
	if got := CodeOf(err); got != r.Code {
		t.Errorf("%s: refused with %q (%v), want %q", r.Name, got, err, r.Code)
	}
	return err != nil || r.Code != ""
}

func TestVectorsOfCanonicalJSON(t *testing.T) {
	for _, c := range published(t, "canonical", canonicalVectors(), true) {
		data := c.Input.bytes(t)
		if refused(t, c.result, Check(data, MaxDepth)) {
			continue
		}
		again, err := Canonical(data)
		if err != nil {
			t.Errorf("%s: %v", c.Name, err)
		}
		expect(t, c.Name, "canonical", string(again), string(data))
	}
}

func TestVectorsOfLeaves(t *testing.T) {
	for _, c := range published(t, "leaves", leafVectors(), true) {
		salt := LeafSalt(Salt(parseHex(t, c.Salt)), syncengine.Path(c.Path))
		expect(t, c.Name, "leaf salt", salt.String(), c.LeafSalt)
		expect(t, c.Name, "leaf", LeafHash(salt, syncengine.Value(c.Value)).String(), c.Leaf)
	}
}

func (f Form) name() string { return []string{"whole", "partial", "bare", "unknown format"}[f] }

func verifyLines(t *testing.T, cases []lineVector) {
	t.Helper()
	for _, c := range cases {
		data := c.Line.bytes(t)
		l, err := DecodeLine(data, parseLedger(t, c.Ledger))
		if refused(t, c.result, err) {
			continue
		}
		expect(t, c.Name, "form", l.Form.name(), c.Form)
		expect(t, c.Name, "header", string(l.AppendHeader(nil)), c.Header)
		expect(t, c.Name, "root", l.Change.Root.String(), c.Root)
		expect(t, c.Name, "id", l.Change.ID.String(), c.ID)
		expect(t, c.Name, "line", string(AppendLine(nil, l)), string(data))
	}
}

func TestVectorsOfLines(t *testing.T) {
	verifyLines(t, published(t, "lines", lineVectors(t), true))
}

func TestVectorsOfRulings(t *testing.T) {
	verifyLines(t, published(t, "rulings", rulingVectors(t), true))
}

func TestVectorsOfForms(t *testing.T) {
	for _, c := range published(t, "forms", formVectors(t), true) {
		ledger := parseLedger(t, c.Ledger)
		l, err := DecodeLine([]byte(c.Line), ledger)
		if err != nil {
			t.Errorf("%s: %v", c.Name, err)
			continue
		}
		got := l
		switch {
		case c.Strip:
			got = l.Strip()
		case c.Fill != "":
			other, err := DecodeLine([]byte(c.Fill), ledger)
			if err != nil {
				t.Fatal(err)
			}
			if got, err = l.Fill(other); refused(t, c.result, err) {
				continue
			}
		default:
			var paths []syncengine.Path
			for _, p := range c.Redact {
				paths = append(paths, syncengine.Path(p))
			}
			got = l.Redact(paths)
		}
		expect(t, c.Name, "line", string(AppendLine(nil, got)), c.Want)
		expect(t, c.Name, "id", got.Change.ID.String(), c.ID)
	}
}

func TestVectorsOfGeneses(t *testing.T) {
	for _, c := range published(t, "geneses", genesisVectors(), true) {
		s := scanner{text: c.Genesis, limit: MaxDepth}
		g := s.genesis()
		if err := s.finish(); err != nil {
			t.Fatal(err)
		}
		expect(t, c.Name, "message", hex.EncodeToString(genesisMessage(g)), c.Message)
		if VerifyGenesis(parseKey(t, c.Root), g) != (c.Code == "") {
			t.Errorf("%s: verifies %v", c.Name, c.Code != "")
		}
	}
}

func TestVectorsOfIncarnations(t *testing.T) {
	root := publicOf("root")
	for _, c := range published(t, "incarnations", incarnationVectors(t), true) {
		s := scanner{text: c.Ruling, limit: MaxDepth}
		r, _ := s.ruling()
		if err := s.finish(); err != nil {
			t.Fatal(err)
		}
		ledger := parseLedger(t, c.Ledger)
		expect(t, c.Name, "message", hex.EncodeToString(incarnationMessage(ledger, r)), c.Message)
		if VerifyCertificate(root, ledger, r) != (c.Code == "") {
			t.Errorf("%s: verifies %v", c.Name, c.Code != "")
		}
	}
}

func TestVectorsOfChains(t *testing.T) {
	for _, c := range published(t, "chains", chainVectors(t), true) {
		key := ed25519.NewKeyFromSeed(parseHex(t, c.Seed))
		public, _ := key.Public().(ed25519.PublicKey)
		ledger, replica := parseLedger(t, c.Ledger), ReplicaOf(public)
		expect(t, c.Name, "public key", PublicKeyOf(public).String(), c.PublicKey)
		expect(t, c.Name, "replica", replica.String(), c.Replica)
		chain := ChainStart(ledger, replica)
		expect(t, c.Name, "chain 0", chain.String(), c.Chains[0])
		for i, id := range c.IDs {
			chain = ChainNext(chain, syncengine.ChangeID{Hash: parseHash(t, id)})
			expect(t, c.Name, "chain", chain.String(), c.Chains[i+1])
		}
		head := syncengine.Head{Seq: uint64(len(c.IDs)), Chain: chain}
		expect(t, c.Name, "message", hex.EncodeToString(HeadMessage(ledger, replica, head)), c.Message)
		signature := SignHead(key, ledger, head)
		expect(t, c.Name, "head", signature.String(), c.Head)
		if !VerifyHead(public, ledger, head, signature) {
			t.Errorf("%s: the head does not verify", c.Name)
		}
	}
}

func TestVectorsOfRuns(t *testing.T) {
	for _, c := range published(t, "runs", runVectors(t), true) {
		chains, err := verifyRun(t, c)
		if refused(t, c.result, err) {
			continue
		}
		for i := range chains {
			expect(t, c.Name, "chain", chains[i].String(), c.Chains[i])
		}
	}
}

func verifyRun(t *testing.T, c runVector) ([]syncengine.Hash, error) {
	t.Helper()
	f, err := DecodeFrame([]byte(c.Frame))
	if err != nil {
		return nil, err
	}
	r, ok := f.(*Run)
	if !ok {
		t.Fatalf("%s: a frame of type %s", c.Name, f.Type())
	}
	lines, err := r.Decode()
	if err != nil {
		return nil, err
	}
	return r.Verify(parseHash(t, c.Previous), parseKey(t, c.PublicKey), lines)
}

func TestVectorsOfFrames(t *testing.T) {
	for _, c := range published(t, "frames", frameVectors(t), true) {
		data := c.Frame.bytes(t)
		f, err := DecodeFrame(data)
		if refused(t, c.result, err) {
			continue
		}
		expect(t, c.Name, "type", f.Type(), c.Type)
		expect(t, c.Name, "frame", string(AppendFrame(nil, f)), string(data))
	}
}

// TestVectorsOfBodies doesn't compare the published bodies with generated ones: there is more than one way to compress.
func TestVectorsOfBodies(t *testing.T) {
	for _, c := range published(t, "bodies", bodyVectors(t), *update) {
		frames, refused, end := readAll(NewReader(bytes.NewReader(c.Body.bytes(t)), Limits{}))
		if c.Code == "" && !errors.Is(end, io.EOF) || c.Code != "" && CodeOf(end) != c.Code {
			t.Errorf("%s: ended with %v, want code %q", c.Name, end, c.Code)
		}
		var got []string
		for _, f := range frames {
			got = append(got, string(AppendFrame(nil, f)))
		}
		expect(t, c.Name, "body", strings.Join(got, "\n"), strings.Join(c.Frames, "\n"))
		if len(refused) != len(c.Refuse) {
			t.Errorf("%s: refused %v, want %v", c.Name, refused, c.Refuse)
			continue
		}
		for i, err := range refused {
			var one *FrameError
			if !errors.As(err, &one) || one.Number != c.Refuse[i].Number || one.Problem.Code != c.Refuse[i].Code {
				t.Errorf("%s: refused %v, want %v", c.Name, err, c.Refuse[i])
			}
		}
	}
}

func TestVectorsOfReceipts(t *testing.T) {
	for _, c := range published(t, "receipts", receiptVectors(t), true) {
		r, err := DecodeReceipt([]byte(c.Frame))
		if err == nil && !r.Verify(parseKey(t, c.Authority)) {
			err = CodeUnauthenticated
		}
		if refused(t, c.result, err) {
			continue
		}
		expect(t, c.Name, "message", hex.EncodeToString(r.message()), c.Message)
	}
}

func TestVectorsOfPhotos(t *testing.T) {
	for _, c := range published(t, "photos", photoVectors(t), true) {
		var again []byte
		switch c.Kind {
		case "receipt":
			r, err := DecodePhotoReceipt([]byte(c.Body))
			if err == nil && !r.Verify(parseKey(t, c.Authority)) {
				err = CodeUnauthenticated
			}
			if refused(t, c.result, err) {
				continue
			}
			expect(t, c.Name, "message", hex.EncodeToString(r.message()), c.Message)
			again = r.Append(nil)
		case "query":
			names, err := DecodePhotoQuery([]byte(c.Body))
			if refused(t, c.result, err) {
				continue
			}
			again = AppendPhotoQuery(nil, names)
		case "answer":
			list, err := DecodePhotoAnswer([]byte(c.Body))
			if refused(t, c.result, err) {
				continue
			}
			again = AppendPhotoAnswer(nil, list)
		default:
			t.Fatalf("unknown kind %q", c.Kind)
		}
		expect(t, c.Name, "body", string(again), c.Body)
	}
}

func TestVectorsOfRequests(t *testing.T) {
	for _, c := range published(t, "requests", requestVectors(), true) {
		a, err := ParseAuthorization(c.Authorization)
		if err == nil && !a.Verify(parseKey(t, c.PublicKey), c.Method, c.Target) {
			err = CodeUnauthenticated
		}
		if !refused(t, c.result, err) {
			expect(t, c.Name, "header", a.String(), c.Authorization)
		}
	}
}

func TestVectorsOfDigests(t *testing.T) {
	for _, c := range published(t, "digests", digestVectors(t), true) {
		var d Digest
		for _, e := range c.Entries {
			d.Toggle(parseLedger(t, e.Ledger), parseReplica(t, e.Replica), syncengine.Head{Seq: e.Sequence, Chain: parseHash(t, e.Chain)})
		}
		expect(t, c.Name, "digest", d.String(), c.Digest)
	}
}

func TestVectorsOfTickets(t *testing.T) {
	for _, c := range published(t, "tickets", ticketVectors(), true) {
		ticket, err := ParseTicket(c.Ticket)
		if refused(t, c.result, err) {
			continue
		}
		expect(t, c.Name, "code", ticket.Code, c.TicketCode)
		expect(t, c.Name, "root", ticket.Root.String(), c.Root)
		expect(t, c.Name, "server", ticket.Server, c.Server)
		expect(t, c.Name, "ticket", ticket.String(), c.Ticket)
	}
}

func TestVectorsOfProofs(t *testing.T) {
	for _, c := range published(t, "proofs", proofVectors(), true) {
		var err error
		switch c.Kind {
		case "enrolment":
			var e *Enrolment
			if e, err = DecodeEnrolment([]byte(c.Body)); err == nil && !e.Verify() {
				err = CodeUnauthenticated
			}
		case "succession":
			var s *Succession
			if s, err = DecodeSuccession([]byte(c.Body)); err == nil && !s.Verify(parseReplica(t, c.Replica)) {
				err = CodeUnauthenticated
			}
		default:
			t.Fatalf("unknown kind %q", c.Kind)
		}
		refused(t, c.result, err)
	}
}

func TestVectorsOfPeers(t *testing.T) {
	for _, c := range published(t, "peers", peerVectors(t), true) {
		p, err := ParsePairing(c.Pairing)
		if refused(t, c.result, err) {
			continue
		}
		session, guest := parseHash(t, c.Session), parseHash(t, c.GuestNonce)
		expect(t, c.Name, "pairing", p.String(), c.Pairing)
		expect(t, c.Name, "address", strings.Join(p.Addresses, " "), strings.Join(c.Addresses, " "))
		expect(t, c.Name, "key", p.Key.String(), c.Key)
		expect(t, c.Name, "proof", p.Proof(session).String(), c.Proof)
		expect(t, c.Name, "commitment", NonceCommitment(session, guest).String(), c.Commitment)
		expect(t, c.Name, "digits", PeerDigits(session, parseHash(t, c.HostNonce), guest), c.Digits)
		expect(t, c.Name, "host's name", PeerLedgerName(PeerHost, session, parseLedger(t, c.Ledger)).String(), c.HostName)
		expect(t, c.Name, "guest's name", PeerLedgerName(PeerGuest, session, parseLedger(t, c.Ledger)).String(), c.GuestName)
		r := PeerReplica{Key: PublicKey(parseKey(t, c.ReplicaKey))}
		if err := r.Proof.UnmarshalText([]byte(c.ReplicaProof)); err != nil || !r.Verify(PeerGuest, session) || r.Verify(PeerHost, session) {
			t.Errorf("%s: the proof of the replica verifies wrongly (%v)", c.Name, err)
		}
	}
}
