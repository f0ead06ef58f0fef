package wire

import (
	"strconv"
	"strings"
)

// Limits of frames.
const (
	MaxFrameBytes = 2 << 20 // of a frame, its line feed not counted
	MaxTokenBytes = 4096    // of a base token: room for about 600 ledgers
)

// ProtocolVersion is the version of the sync exchange that hello frames name.
const ProtocolVersion = 1

// Frame is one message of a sync body: *Hello, *Have, *Want, *Values, *Run, *LedgerAccess, *Remark, *Receipt, *Resend, *Mark, *End,
// *Announced, *PhotoPiece, *Pair, *Nonce, *Confirm, *PeerReplicas, *PeerLedgers, or *UnknownFrame. Type is the member `type` of its encoding.
type Frame interface {
	Type() string
	append(dst []byte) []byte
}

// The types of frames.
const (
	typeHello   = "hello"
	typeHave    = "have"
	typeWant    = "want"
	typeValues  = "values"
	typeRun     = "run"
	typeLedger  = "ledger"
	typeProblem = "problem"
	typeReceipt = "receipt"
	typeResend  = "resend"
	typeMark    = "mark"
	typeEnd     = "end"

	typeAnnounced = "announced"
	typePhoto     = "photo"

	// Those of two tablets that meet.
	typePair     = "pair"
	typeNonce    = "nonce"
	typeConfirm  = "confirm"
	typeReplicas = "replicas"
	typeLedgers  = "ledgers"
	typePhotos   = "photos"
)

// AppendFrame appends the canonical encoding of f, without the line feed that ends it in a body.
func AppendFrame(dst []byte, f Frame) []byte { return f.append(dst) }

// DecodeFrame reads one frame, without its line feed. The result refers to data. A well formed frame of a type that this version
// doesn't have is an *UnknownFrame.
func DecodeFrame(data []byte) (Frame, error) {
	if len(data) > MaxFrameBytes {
		return nil, Problemf(CodeTooLarge, "a frame of %d bytes is over the limit of %d", len(data), MaxFrameBytes)
	}
	s := frameScanner{scanner{text: string(data), limit: MaxDepth}, data}
	f := s.frame()
	if err := s.finish(); err != nil {
		return nil, err
	}
	return f, nil
}

// frameScanner reads frames. data is the same bytes as text; the lines of a run are parts of it.
type frameScanner struct {
	scanner
	data []byte
}

// frame takes any frame. `type` is the last member of every type that we know, so the end of the frame says how to read it.
func (s *frameScanner) frame() Frame {
	switch t := lastType(s.text); t {
	case typeRun:
		return s.run()
	case typeHave:
		return s.have()
	case typeReceipt:
		return s.receipt()
	case typeHello:
		return s.hello()
	case typeWant:
		return s.want()
	case typeValues:
		return s.values()
	case typeLedger:
		return s.ledger()
	case typeProblem:
		return s.remark()
	case typeMark:
		return s.mark()
	case typeResend:
		return s.resend()
	case typeEnd:
		return s.endFrame()
	case typeAnnounced:
		return s.announced()
	case typePhoto:
		return s.photo()
	default:
		return s.meeting(t)
	}
}

// meeting takes a frame that only two tablets that meet send each other, or one of an unknown type.
func (s *frameScanner) meeting(t string) Frame {
	switch t {
	case typePair:
		return s.pair()
	case typeNonce:
		return s.nonce()
	case typeConfirm:
		return s.confirm()
	case typeReplicas:
		return s.replicas()
	case typeLedgers:
		return s.ledgers()
	case typePhotos:
		return s.photos()
	default:
		return s.unknown()
	}
}

// lastType returns the value of the member `type` if text ends in it, and otherwise the empty string. In text that is no JSON it may
// return anything, which the reader of that type then refuses.
func lastType(text string) string {
	const end, begin = `"}`, `"type":"`
	if !strings.HasSuffix(text, end) {
		return ""
	}
	text = text[:len(text)-len(end)]
	quote := strings.LastIndexByte(text, '"')
	if quote < 0 || !strings.HasSuffix(text[:quote+1], begin) {
		return ""
	}
	return text[quote+1:]
}

// end takes the member `type`, the last of a frame, and the frame's end.
func (s *frameScanner) end(m *members, typ string) {
	m.required("type")
	s.literal(`"` + typ + `"`)
	m.end()
}

func appendType(dst []byte, typ string) []byte {
	dst = AppendString(appendMember(dst, "type"), typ)
	return append(dst, '}')
}

// rawObject takes an object of which it only finds the end, by its brackets and quotes, and returns its bytes. What is inside is
// for DecodeLine to judge: so one malformed line spoils its run and nothing else, and lines can be decoded side by side.
func (s *frameScanner) rawObject() []byte {
	start, open := s.pos, 0
	if s.peek() != '{' {
		s.malformed("expected a line")
		return nil
	}
	for i := start; i < len(s.text); i++ {
		switch s.text[i] {
		case '"':
			if i = stringEnd(s.text, i+1); i < 0 {
				s.malformed("a string does not end")
				return nil
			}
		case '{', '[':
			if open++; s.depth+open > s.limit {
				s.fail(CodeTooDeep, "nested deeper than "+strconv.Itoa(s.limit))
				return nil
			}
		case '}', ']':
			if open--; open == 0 {
				s.pos = i + 1
				return s.data[start:s.pos:s.pos]
			}
		}
	}
	s.malformed("a line does not end")
	return nil
}

// stringEnd returns the position of the quote that ends a string whose content begins at i, or -1.
func stringEnd(text string, i int) int {
	for {
		n := strings.IndexByte(text[i:], '"')
		if n < 0 {
			return -1
		}
		i += n
		slashes := 0
		for text[i-1-slashes] == '\\' {
			slashes++
		}
		if slashes%2 == 0 {
			return i
		}
		i++
	}
}
