package clientsdk

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strconv"

	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// maxAnswerBytes bounds an answer that is not a sync body before it is parsed.
const maxAnswerBytes = 1 << 20

// request is one signed request to the server.
type request struct {
	method, path, contentType string
	body                      []byte
	query                     string
	header                    http.Header // beside those that every request has
	limit                     int         // asked of the answer; 0 for none
	tries                     *int        // counts the round trips, where it is not nil
}

// do sends a request signed by key, once more with a new challenge where the server asks for one. The caller closes the answer's body.
func (c *Client) do(ctx context.Context, id *identity, key ed25519.PrivateKey, q request) (*http.Response, error) {
	for attempt := 0; ; attempt++ {
		challenge := c.lastChallenge()
		r, err := c.newRequest(ctx, id.Server, q)
		if err != nil {
			return nil, err
		}
		if challenge != "" {
			auth := wire.SignRequest(key, q.method, r.URL.RequestURI(), challenge)
			r.Header.Set("Authorization", auth.String())
		}
		if q.tries != nil {
			*q.tries++
		}
		answer, err := c.o.HTTP.Do(r)
		if err != nil {
			return nil, err
		}
		next := answer.Header.Get(wire.ChallengeHeader)
		if wire.ValidChallenge(next) {
			c.mu.Lock()
			c.challenge = next
			c.mu.Unlock()
		}
		if answer.StatusCode < 300 {
			return answer, nil
		}
		err = problemOf(answer)
		if attempt > 0 || !errors.Is(err, wire.CodeChallenge) {
			return nil, err
		}
	}
}

// lastChallenge returns what the next request is signed over; empty where the server has not been heard of yet.
func (c *Client) lastChallenge() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.challenge
}

func (c *Client) newRequest(ctx context.Context, server string, q request) (*http.Request, error) {
	address, err := url.JoinPath(server, q.path)
	if err != nil {
		return nil, fmt.Errorf("address of the server: %w", err)
	}
	r, err := http.NewRequestWithContext(ctx, q.method, address, bytes.NewReader(q.body))
	if err != nil {
		return nil, err
	}
	r.URL.RawQuery = q.query
	maps.Copy(r.Header, q.header)
	r.Header.Set("User-Agent", "arpenteur")
	if q.contentType != "" {
		r.Header.Set("Content-Type", q.contentType)
	}
	if q.limit > 0 {
		r.Header.Set("Arpenteur-Answer-Limit", strconv.Itoa(q.limit))
	}
	return r, nil
}

// problemOf reads why the server refused, and closes the answer.
func problemOf(answer *http.Response) error {
	defer answer.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswerBytes))
	if err != nil {
		return err
	}
	p, ok := wire.DecodeProblem(raw)
	if !ok {
		return fmt.Errorf("the server answered %s, which is not an answer of this program: check its address", answer.Status)
	}
	return p
}

// readAll reads a short answer and closes it.
func readAll(answer *http.Response) ([]byte, error) {
	defer answer.Body.Close()
	return io.ReadAll(io.LimitReader(answer.Body, maxAnswerBytes))
}
