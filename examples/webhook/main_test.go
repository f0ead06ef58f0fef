package main

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/arpenteur/arpenteur/examples/central"
)

// printed is the receiver's output, which says when a line was added.
type printed struct {
	mu    sync.Mutex
	text  bytes.Buffer
	added chan struct{}
}

func (p *printed) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.added <- struct{}{}
	return p.text.Write(b)
}

func (p *printed) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.String()
}

func TestTheReceiverPrintsWhatAServerTells(t *testing.T) {
	c, err := central.Start(t.Context(), filepath.Join(t.TempDir(), "central"), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := c.Stop(); err != nil {
			t.Error(err)
		}
	}()
	d, err := c.Order(t.Context(), "Le Grand Verger")
	if err != nil {
		t.Fatal(err)
	}
	known := make(chan http.Handler, 1) // holds the receiver, once the secret is known
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		receiver := <-known
		known <- receiver
		receiver.ServeHTTP(w, r)
	}))
	defer site.Close()
	var made struct{ Secret string }
	if err := c.People().Call(t.Context(), http.MethodPost, "/v1/webhooks", map[string]string{"url": site.URL}, &made); err != nil {
		t.Fatal(err)
	}
	out := &printed{added: make(chan struct{}, 100)}
	receiver, err := newReceiver(made.Secret, out)
	if err != nil {
		t.Fatal(err)
	}
	known <- receiver
	hall := uuid.MustParse("01a1e8bc-0a80-7000-a5e4-c81e42a582db")
	if err := c.AddPlaces(t.Context(), d, []central.Place{{ID: hall, Type: "estate", Name: "Les Pommiers"}}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	select {
	case <-out.added:
	case <-ctx.Done():
		t.Fatal("nothing came")
	}
	if got := out.String(); !strings.HasPrefix(got, "record.merged place "+hall.String()+" at ") {
		t.Errorf("printed was %q", got)
	}
}

func TestAMessageThatIsNotFromTheServerIsRefusedAndARepeatedOnePrintedOnce(t *testing.T) {
	// The message, key and signature are those of the specification's own example, so nothing of ours signs what is verified here.
	const (
		secret    = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
		id        = "msg_p5jXN8AQM9LWM0D4loKWxJek"
		body      = `{"test": 2432232314}`
		signature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
	)
	r, err := newReceiver(secret, &printed{added: make(chan struct{}, 100)})
	if err != nil {
		t.Fatal(err)
	}
	then := time.Unix(1614265330, 0)
	if err := r.verify(id, "1614265330", "v1,AAAA "+signature, []byte(body), then.Add(time.Minute)); err != nil {
		t.Error(err)
	}
	for name, err := range map[string]error{
		"another body":      r.verify(id, "1614265330", signature, []byte(body+" "), then),
		"another id":        r.verify(id+"x", "1614265330", signature, []byte(body), then),
		"another time":      r.verify(id, "1614265331", signature, []byte(body), then),
		"another version":   r.verify(id, "1614265330", strings.Replace(signature, "v1", "v1a", 1), []byte(body), then),
		"a message of old":  r.verify(id, "1614265330", signature, []byte(body), then.Add(time.Hour)),
		"no time":           r.verify(id, "", signature, []byte(body), then),
		"no signature":      r.verify(id, "1614265330", "", []byte(body), then),
		"half a signature":  r.verify(id, "1614265330", signature[:20], []byte(body), then),
		"a message to come": r.verify(id, "1614265330", signature, []byte(body), then.Add(-time.Hour)),
	} {
		if err == nil {
			t.Errorf("%s is taken", name)
		}
	}
	if _, err := newReceiver("secret!", nil); err == nil {
		t.Error("a word is taken for a secret")
	}
	w := httptest.NewRecorder()
	r.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body)))
	if w.Code != http.StatusUnauthorized {
		t.Errorf("an unsigned message is answered %d", w.Code)
	}
	for range 2 {
		if err := r.take("msg_1", []byte(`{"type":"record.merged","data":{"version":7}}`)); err != nil {
			t.Error(err)
		}
	}
	if got := r.out.(*printed).String(); strings.Count(got, "\n") != 1 {
		t.Errorf("printed was %q", got)
	}
}
