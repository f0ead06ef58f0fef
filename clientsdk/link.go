package clientsdk

import (
	"context"
	"net"
	"net/http"
	"time"
)

// Limits of one exchange, in bytes before compression for a push and after it for an answer.
const (
	maxPush = 4 << 20
	minPush = 16 << 10 // one run
)

// link is what the last exchanges taught about the link to the server. After one that was cut, the next asks first what arrived,
// then sends and asks for less at once; each one that goes through doubles that again.
type link struct {
	limit int
	probe bool // the last exchange was cut: what the server holds is not known
}

func newLink() link { return link{limit: maxPush} }

func (l *link) cut() {
	l.limit = max(l.limit/4, minPush)
	l.probe = true
}

func (l *link) through() {
	if !l.probe {
		l.limit = min(l.limit*2, maxPush)
	}
	l.probe = false
}

// newHTTPClient returns a client for bad links: patient once connected, since bytes that trickle are progress, but not with silence.
func newHTTPClient() *http.Client {
	dialer := &net.Dialer{Timeout: 20 * time.Second, KeepAlive: 15 * time.Second}
	return &http.Client{Transport: &http.Transport{
		Proxy: http.ProxyFromEnvironment,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := dialer.DialContext(ctx, network, address)
			if err != nil {
				return nil, err
			}
			return &patientConn{Conn: conn}, nil
		},
		TLSHandshakeTimeout: 30 * time.Second, IdleConnTimeout: 90 * time.Second, MaxIdleConnsPerHost: 2, DisableCompression: true,
	}}
}

// silence is how long a connection may bring nothing in an exchange before it is given up.
const silence = 60 * time.Second

// patientConn gives each read and write its own deadline.
type patientConn struct{ net.Conn }

func (c *patientConn) Read(p []byte) (int, error) {
	if err := c.SetReadDeadline(time.Now().Add(silence)); err != nil {
		return 0, err
	}
	return c.Conn.Read(p)
}

func (c *patientConn) Write(p []byte) (int, error) {
	if err := c.SetWriteDeadline(time.Now().Add(silence)); err != nil {
		return 0, err
	}
	return c.Conn.Write(p)
}
