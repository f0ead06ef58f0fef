package main

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

func askInProcess(t *testing.T, h http.HandlerFunc, body io.Reader) (*http.Response, error) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://localhost/v1/x?a=b", body)
	if err != nil {
		t.Fatal(err)
	}
	return (&http.Client{Transport: inProcess{h}}).Do(r)
}

func TestAHandlerOfThisProcessIsAskedLikeAServer(t *testing.T) {
	answer, err := askInProcess(t, func(w http.ResponseWriter, r *http.Request) {
		raw, _ := io.ReadAll(r.Body)
		w.Header().Set("X-Asked", r.RequestURI)
		w.WriteHeader(http.StatusCreated)
		_, _ = w.Write(append(raw, " and back"...))
	}, strings.NewReader("there"))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	raw, err := io.ReadAll(answer.Body)
	if err != nil || string(raw) != "there and back" || answer.StatusCode != http.StatusCreated || answer.Header.Get("X-Asked") != "/v1/x?a=b" {
		t.Errorf("%d %v %q, %v", answer.StatusCode, answer.Header, raw, err)
	}
}

func TestAnAnswerIsReadWhileItIsWritten(t *testing.T) {
	more := make(chan struct{})
	answer, err := askInProcess(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "first")
		<-more
		_, _ = io.WriteString(w, "second")
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	first := make([]byte, 5)
	if _, err := io.ReadFull(answer.Body, first); err != nil || string(first) != "first" {
		t.Fatalf("%q, %v", first, err)
	}
	close(more)
	if rest, err := io.ReadAll(answer.Body); err != nil || string(rest) != "second" {
		t.Errorf("%q, %v", rest, err)
	}
}

func TestAnAnswerThatIsCutIsNotTakenForWhole(t *testing.T) {
	answer, err := askInProcess(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "half")
		panic(http.ErrAbortHandler)
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if raw, err := io.ReadAll(answer.Body); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("%q, %v", raw, err)
	}
}

func TestAskingEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://localhost/", nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := inProcess{http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })}.RoundTrip(r)
	if err == nil {
		_ = answer.Body.Close()
	}
	if err != nil && !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}
