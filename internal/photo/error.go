package photo

import "fmt"

// Code says why a picture was not taken, as one of a closed set of words. A Code is an error of its own, so that
// errors.Is(err, photo.Truncated) asks whether err is, or wraps, an *Error with that code.
type Code string

// The codes.
const (
	TooManyBytes  Code = "too_many_bytes"  // the file is over MaxBytes
	TooManyPixels Code = "too_many_pixels" // decoding would not fit: over MaxPixels, MaxEdge or MaxDecodeBytes
	Unsupported   Code = "unsupported"     // neither JPEG, PNG nor WebP
	Truncated     Code = "truncated"       // the file ends before the picture does
	Damaged       Code = "damaged"         // it can't be decoded
	BadRectangle  Code = "bad_rectangle"   // a rectangle to blur lies outside, is empty, or there are too many
)

// Error returns the code itself.
func (c Code) Error() string { return string(c) }

// Error says why a picture was not taken and what to do next.
type Error struct {
	Code   Code
	Detail string // for people, in English
	Cause  error  // of the decoder, or nil
}

// Error returns the detail.
func (e *Error) Error() string {
	if e.Cause != nil {
		return e.Detail + ": " + e.Cause.Error()
	}
	return e.Detail
}

// Is reports whether target is the error's code.
func (e *Error) Is(target error) bool { return target == e.Code }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

func refuse(code Code, format string, args ...any) error {
	return &Error{Code: code, Detail: fmt.Sprintf(format, args...)}
}

func damaged(cause error) error {
	return &Error{Code: Damaged, Detail: "the picture is damaged; take it again", Cause: cause}
}

func truncated(cause error) error {
	return &Error{Code: Truncated, Detail: "the picture ends too early; take it again, or copy the file again", Cause: cause}
}
