package wire

import (
	"crypto/ed25519"
	"strconv"

	"github.com/arpenteur/arpenteur/syncengine"
)

// Limits of a run. A run of one line may be larger.
const (
	MaxRunLines = 64
	MaxRunBytes = 16 << 10 // of its lines together
)

// Run is consecutive lines of one log and the signed head after the last: the unit in which logs are sent, verified and kept.
//
// What the frame reader returns is well formed, but its lines are still bytes: DecodeLine reads each, and may be called for several
// at once. Verify then binds them to the author's key.
type Run struct {
	Ledger  syncengine.LedgerID
	Replica syncengine.ReplicaID
	First   uint64   // sequence of the first line, from 1
	Lines   [][]byte // at least one; each in canonical encoding
	Head    Signature
}

// RunSize counts what a run holds, so that authors cut their logs where runs end.
type RunSize struct{ Lines, Bytes int }

// Add counts one more line of that many bytes, or returns false if the line must begin another run.
func (s *RunSize) Add(bytes int) bool {
	if s.Lines > 0 && (s.Lines == MaxRunLines || s.Bytes+bytes > MaxRunBytes) {
		return false
	}
	s.Lines++
	s.Bytes += bytes
	return true
}

// Last returns the sequence of the last line.
func (r *Run) Last() uint64 { return r.First + uint64(len(r.Lines)) - 1 }

// DecodeLine reads line i of the run, counted from 0. It may be called concurrently.
func (r *Run) DecodeLine(i int) (*Line, error) {
	l, err := DecodeLine(r.Lines[i], r.Ledger)
	if err != nil {
		return nil, Problemf(CodeOf(err), "line %d: %w", r.First+uint64(i), err)
	}
	return l, nil
}

// Decode reads every line of the run.
func (r *Run) Decode() ([]*Line, error) {
	lines := make([]*Line, len(r.Lines))
	for i := range r.Lines {
		var err error
		if lines[i], err = r.DecodeLine(i); err != nil {
			return nil, err
		}
	}
	return lines, nil
}

// Verify checks that the log of key's replica, which stands at previous after the line before First, goes on with lines: those of
// the run, decoded. It returns the chain hash after each of them. previous is ChainStart for a run from line 1.
//
// CodeUnknownReplica says that key is not that of the run's replica; CodeBadHead that the head is not the author's word for these
// lines after previous: damage, forgery, or another branch.
func (r *Run) Verify(previous syncengine.Hash, key ed25519.PublicKey, lines []*Line) ([]syncengine.Hash, error) {
	if ReplicaOf(key) != r.Replica {
		return nil, Problemf(CodeUnknownReplica, "the key is not that of replica %s", r.Replica)
	}
	if len(lines) != len(r.Lines) || len(lines) == 0 {
		return nil, Problemf(CodeInternal, "%d lines of the run were decoded, of %d", len(lines), len(r.Lines))
	}
	chains := make([]syncengine.Hash, len(lines))
	for i, l := range lines {
		previous = ChainNext(previous, l.Change.ID)
		chains[i] = previous
	}
	if !VerifyHead(key, r.Ledger, syncengine.Head{Seq: r.Last(), Chain: previous}, r.Head) {
		return nil, Problemf(CodeBadHead, "the signature of the head at line %d does not verify", r.Last())
	}
	return chains, nil
}

// Type returns "run".
func (r *Run) Type() string { return typeRun }

func (r *Run) append(dst []byte) []byte {
	dst = appendUint(appendMember(append(dst, '{'), "first"), r.First)
	dst = appendBinary(appendMember(dst, "head"), r.Head[:])
	dst = appendHash(appendMember(dst, "ledger"), r.Ledger.Hash)
	dst = append(appendMember(dst, "lines"), '[')
	for _, l := range r.Lines {
		dst = append(appendComma(dst), l...)
	}
	dst = append(dst, ']')
	dst = appendHash(appendMember(dst, "replica"), r.Replica.Hash)
	return appendType(dst, typeRun)
}

func (s *frameScanner) run() Frame {
	r := new(Run)
	m := s.members()
	m.required("first")
	r.First = s.sequence()
	m.required("head")
	s.binary(r.Head[:])
	m.required("ledger")
	r.Ledger.Hash = s.hash()
	m.required("lines")
	var size RunSize
	for e := s.elements(); e.next(); {
		line := s.rawObject()
		if s.err == nil && !size.Add(len(line)) {
			s.fail(CodeTooLarge, "a run is over "+strconv.Itoa(MaxRunLines)+" lines or "+strconv.Itoa(MaxRunBytes)+" bytes")
		}
		r.Lines = append(r.Lines, line)
	}
	if len(r.Lines) == 0 {
		s.malformed("a run has no line")
	}
	m.required("replica")
	r.Replica.Hash = s.hash()
	s.end(&m, typeRun)
	if s.err == nil && r.First > MaxInteger-uint64(len(r.Lines)) {
		s.malformed("sequences are over 15 digits")
	}
	return r
}
