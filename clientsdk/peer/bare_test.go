package peer

import (
	"crypto/tls"
	"testing"
)

// bare is a guest's end of a channel on which nothing was said yet.
func bare(t *testing.T, address string) *Session {
	t.Helper()
	conn, err := tls.Dial("tcp", address, &tls.Config{MinVersion: tls.VersionTLS13, NextProtos: []string{protocol}, InsecureSkipVerify: true}) //nolint:gosec // a test's
	if err != nil {
		t.Fatal(err)
	}
	s, err := newSession(t.Context(), "guest", conn)
	if err != nil {
		t.Fatal(err)
	}
	return s
}
