package wire

import (
	"errors"
	"fmt"
)

// Problem is an error with a code. Its detail is shown to people and sent to the other side, so it holds nothing that the asker may
// not know; the cause stays on this side, for the log.
type Problem struct {
	Code   Code
	Detail string // what is wrong in this case; no capital at the start, no full stop
	Err    error  // the cause, or nil
}

// Problemf returns a Problem whose detail is formatted. The operand of a %w verb becomes the cause; its text is then part of the
// detail, so it must be fit to be sent.
func Problemf(code Code, format string, args ...any) *Problem {
	err := fmt.Errorf(format, args...)
	return &Problem{Code: code, Detail: err.Error(), Err: errors.Unwrap(err)}
}

// Error returns the code and the detail.
func (p *Problem) Error() string {
	if p.Detail == "" {
		return string(p.Code) + ": " + p.Code.Title(English)
	}
	return string(p.Code) + ": " + p.Detail
}

// Unwrap returns the cause.
func (p *Problem) Unwrap() error { return p.Err }

// Is reports whether target is the code of p.
func (p *Problem) Is(target error) bool {
	code, ok := target.(Code)
	return ok && code == p.Code
}

// CodeOf returns the code of err: that of the first Problem or Code in its chain, CodeInternal where there is none, and the empty
// Code for nil.
func CodeOf(err error) Code {
	if err == nil {
		return ""
	}
	var p *Problem
	if errors.As(err, &p) {
		return p.Code
	}
	var c Code
	if errors.As(err, &c) {
		return c
	}
	return CodeInternal
}

// ProblemMediaType is the media type of the body that AppendProblem makes.
const ProblemMediaType = "application/problem+json"

// problemTypePrefix and a code make the `type` member of a problem body.
const problemTypePrefix = "urn:arpenteur:problem:"

// AppendProblem appends the RFC 9457 body that tells a person, in their language, of err. Of an err that is no Problem only its code
// is told: what it says is for the log.
func AppendProblem(dst []byte, err error, l Language) []byte {
	code, detail := CodeOf(err), ""
	var p *Problem
	if errors.As(err, &p) {
		detail = p.Detail
	}
	status := code.Status()
	if status == 0 {
		status = CodeInternal.Status()
	}
	dst = append(dst, '{')
	dst = AppendString(appendMember(dst, "action"), code.Action(l))
	dst = AppendString(appendMember(dst, "code"), string(code))
	dst = AppendString(appendMember(dst, "detail"), normal(detail))
	dst = AppendInt(appendMember(dst, "status"), int64(status))
	dst = AppendString(appendMember(dst, "title"), code.Title(l))
	dst = AppendString(appendMember(dst, "type"), problemTypePrefix+string(code))
	return append(dst, '}')
}

// DecodeProblem reads an RFC 9457 body. It is lenient, since a proxy may have written it: members may be in any order, and others are
// ignored. What isn't such a body at all gives a Problem with CodeMalformed and ok false.
func DecodeProblem(data []byte) (p *Problem, ok bool) {
	canonical, err := Canonical(data)
	if err != nil {
		return Problemf(CodeMalformed, "the answer is not a problem body: %w", err), false
	}
	document, _ := DecodeValue(canonicalValue(canonical))
	members, _ := document.(map[string]any)
	code, _ := members["code"].(string)
	detail, _ := members["detail"].(string)
	if code == "" {
		return Problemf(CodeMalformed, "the answer is not a problem body: it has no code"), false
	}
	return &Problem{Code: Code(code), Detail: detail}, true
}
