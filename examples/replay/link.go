package main

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
)

// link is a transport that can cut: a request after some of its body, or an answer after some of its.
type link struct {
	inner   http.RoundTripper
	chance  *rand.Rand
	cutting bool
	cuts    int
}

var errCut = errors.New("the link was cut")

// RoundTrip passes a request on. While the link cuts, about every second exchange does not get through, half of these on the way
// there and half on the way back.
func (l *link) RoundTrip(r *http.Request) (*http.Response, error) {
	kind := 4
	if l.cutting {
		kind = l.chance.IntN(4)
	}
	if kind == 0 && r.ContentLength > 0 {
		l.cuts++
		r.Body = cut(r.Body, l.chance.Int64N(r.ContentLength))
	}
	answer, err := l.inner.RoundTrip(r)
	if err == nil && kind == 1 {
		l.cuts++
		whole, err := io.ReadAll(answer.Body)
		if err := errors.Join(err, answer.Body.Close()); err != nil {
			return nil, err
		}
		answer.Body = cut(io.NopCloser(bytes.NewReader(whole)), l.chance.Int64N(int64(len(whole))+1))
	}
	return answer, err
}

// cut returns a body that ends with errCut after n bytes.
func cut(body io.ReadCloser, n int64) io.ReadCloser {
	return struct {
		io.Reader
		io.Closer
	}{io.MultiReader(io.LimitReader(body, n), broken{}), body}
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errCut }
