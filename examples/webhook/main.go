// Command webhook receives what a server of Arpenteur tells of by webhook, verifies it, and prints a line for each thing that moved. It needs
// nothing but the standard library; what it does is what every receiver has to do (Standard Webhooks 1.0).
//
//	arpenteur admin --server URL webhooks create https://tickets.example/hook      prints the secret, once
//	WEBHOOK_SECRET=whsec_… go run ./examples/webhook -listen 127.0.0.1:9000
//
// A message says what moved and not what it holds. What to do with it is up to the receiver: most read the record from the server's API
// with a token of their own.
package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	maxBody   = 64 << 10        // bytes; messages are far smaller
	tolerance = 5 * time.Minute // between the sender's clock and ours: older messages may be somebody's recording
)

// receiver takes messages and prints each once.
type receiver struct {
	key []byte
	out io.Writer

	mu   sync.Mutex
	seen map[string]bool // ids; in earnest this lies in the same database as what the messages lead to
}

func main() {
	listen := flag.String("listen", "127.0.0.1:9000", "address to listen at")
	flag.Parse()
	r, err := newReceiver(os.Getenv("WEBHOOK_SECRET"), os.Stdout)
	if err == nil {
		site := &http.Server{Addr: *listen, Handler: r, ReadTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second}
		err = site.ListenAndServe()
	}
	fmt.Fprintln(os.Stderr, "webhook:", err)
	os.Exit(1)
}

func newReceiver(secret string, out io.Writer) (*receiver, error) {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	if err != nil || len(key) == 0 {
		return nil, errors.New("WEBHOOK_SECRET is not a secret of a webhook: it begins with whsec_")
	}
	return &receiver{key: key, out: out, seen: map[string]bool{}}, nil
}

// ServeHTTP takes one message. Any answer but 2xx makes the sender try again later, for days.
func (r *receiver) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, q.Body, maxBody))
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	id := q.Header.Get("webhook-id")
	if err := r.verify(id, q.Header.Get("webhook-timestamp"), q.Header.Get("webhook-signature"), body, time.Now()); err != nil {
		http.Error(w, err.Error(), http.StatusUnauthorized)
		return
	}
	if err := r.take(id, body); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// verify reports what is wrong with a message that does not come from who knows the secret, or not now.
func (r *receiver) verify(id, timestamp, signatures string, body []byte, now time.Time) error {
	seconds, err := strconv.ParseInt(timestamp, 10, 64)
	if err != nil || now.Sub(time.Unix(seconds, 0)).Abs() > tolerance {
		return errors.New("the time of the message is not now")
	}
	mac := hmac.New(sha256.New, r.key)
	fmt.Fprintf(mac, "%s.%s.", id, timestamp)
	mac.Write(body)
	for s := range strings.FieldsSeq(signatures) { // several while a secret is being replaced
		version, encoded, _ := strings.Cut(s, ",")
		given, err := base64.StdEncoding.DecodeString(encoded)
		if version == "v1" && err == nil && hmac.Equal(given, mac.Sum(nil)) {
			return nil
		}
	}
	return errors.New("the signature is not right")
}

// take prints a message, unless it came before: a sender that did not hear our answer sends it again.
func (r *receiver) take(id string, body []byte) error {
	var m struct {
		Type string
		Data struct {
			Ledger, Kind, ID, Ruling string
			Version                  uint64
		}
	}
	if err := json.Unmarshal(body, &m); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.seen[id] {
		return nil
	}
	if _, err := fmt.Fprintln(r.out, m.Type, m.Data.Kind+m.Data.Ruling, m.Data.ID, "at", m.Data.Version); err != nil {
		return err // not seen: it is to come again
	}
	r.seen[id] = true
	return nil
}
