package webhooks

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"time"
)

// Fault is what went wrong with an attempt.
type Fault string

// The faults.
const (
	FaultStatus      Fault = "status"      // the receiver answered, but not with 2xx
	FaultTime        Fault = "time"        // no answer in time
	FaultAddress     Fault = "address"     // the name leads to an address that the server does not send to
	FaultTLS         Fault = "tls"         // the certificate is not trusted
	FaultUnreachable Fault = "unreachable" // no connection, or one that was cut
)

const (
	// GiveUp is after how long without any success a hook ends.
	GiveUp = 5 * 24 * time.Hour
	// leastAttempts is how many failures it takes at least: days that the server itself was stopped don't count.
	leastAttempts = 20
	// lastRetry is the longest pause between two attempts.
	lastRetry         = 6 * time.Hour
	defaultFirstRetry = 5 * time.Second
	maxAnswer         = 4 << 10 // read of an answer, so that its connection can serve again
)

// outcome is how an attempt went; the zero outcome is a success.
type outcome struct {
	fault  Fault
	status int
}

// deliver makes one attempt.
func (o *Office) deliver(ctx context.Context, h *Hook, m *Message) outcome {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, h.URL, bytes.NewReader(m.Body))
	if err != nil {
		return outcome{fault: FaultUnreachable}
	}
	timestamp, signature := o.Keys.sign(h.ID, m.ID, o.Now(), m.Body)
	for name, value := range map[string]string{
		"Content-Type": "application/json", "User-Agent": "Arpenteur/" + o.Version,
		headerID: m.ID, headerTimestamp: timestamp, headerSignature: signature,
	} {
		r.Header.Set(name, value)
	}
	answer, err := o.client.Do(r)
	if err != nil {
		return outcome{fault: faultOf(err)}
	}
	defer answer.Body.Close()
	_, _ = io.CopyN(io.Discard, answer.Body, maxAnswer) // of an answer only the status counts
	if answer.StatusCode < 200 || answer.StatusCode > 299 {
		return outcome{FaultStatus, answer.StatusCode}
	}
	return outcome{}
}

func faultOf(err error) Fault {
	var timeout net.Error
	var certificate *tls.CertificateVerificationError
	var authority x509.UnknownAuthorityError
	switch {
	case errors.Is(err, errForbidden):
		return FaultAddress
	case errors.As(err, &timeout) && timeout.Timeout():
		return FaultTime
	case errors.As(err, &certificate), errors.As(err, &authority):
		return FaultTLS
	}
	return FaultUnreachable
}

// pause returns how long to wait after so many failures in a row: four times longer each time, up to lastRetry, and of that between
// half and all, so that receivers that come back are not asked by everybody at once.
func (p Policy) pause(failures int) time.Duration {
	d := p.FirstRetry
	if d == 0 {
		d = defaultFirstRetry
	}
	for i := 1; i < failures && d < lastRetry; i++ {
		d *= 4
	}
	d = min(d, lastRetry)
	return d/2 + rand.N(d/2+1)
}
